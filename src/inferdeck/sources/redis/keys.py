"""A bounded sample of keys by kind: SCAN, never KEYS; off unless sample_keys is set.

Patterns are LiteLLM's (litellm/caching, litellm/router_strategy): cached responses, rate-limit windows, usage-based
routing, provider budgets. The sample is what SCAN meets first, so its shares are estimates and its counts are those
of the sample, never of the database.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from inferdeck.sources.columns import Sample
from inferdeck.sources.redis.session import Command, Refused, Reply, Session

BATCH = 200
_GROUPS = (
    ("budget", re.compile(rb"(?:^|:)provider_(?:spend|budget_start_time):")),
    ("rate_limit", re.compile(rb"\{[^}]*\}:(?:tokens|requests|max_parallel_requests|window)$")),
    ("routing", re.compile(rb":(?:tpm|rpm)(?::|$)")),
    ("response", re.compile(rb"(?:^|:)[0-9a-f]{64}$")),
)


class NotPermittedError(Exception):
    """The server refuses SCAN to this user."""


GROUPS = (*(name for name, _ in _GROUPS), "other")


def group(key: bytes) -> str:
    """Return what LiteLLM keeps under this key: response, rate_limit, routing, budget or other."""
    return next((name for name, pattern in _GROUPS if pattern.search(key)), "other")


async def sample(session: Session, db: int, limit: int) -> list[Sample]:
    """Return counts, memory and expiry of at most `limit` keys by group; raises CollectError, NotPermittedError."""
    keys = await _scan(session, limit)
    asked: list[Command] = [
        command for key in keys for command in (("TTL", key), ("MEMORY", "USAGE", key, "SAMPLES", "0"))
    ]
    replies: list[Reply] = []
    for start in range(0, len(asked), 2 * BATCH):
        replies += await session.ask(asked[start : start + 2 * BATCH])
    return list(_count(f"db{db}", keys, replies))


async def _scan(session: Session, limit: int) -> list[bytes]:
    keys: dict[bytes, None] = {}
    cursor = "0"
    while len(keys) < limit:
        [reply] = await session.ask([("SCAN", cursor, "COUNT", str(BATCH))])
        if isinstance(reply, Refused):
            raise NotPermittedError(reply.message)
        if not isinstance(reply, list) or len(reply) != 2 or not isinstance(reply[1], list):
            break
        keys |= dict.fromkeys(key for key in reply[1] if isinstance(key, bytes))
        cursor = _text(reply[0])
        if cursor == "0":
            break
    return list(keys)[:limit]


def _count(db: str, keys: Sequence[bytes], replies: Sequence[Reply]) -> Iterator[Sample]:
    totals: dict[str, dict[str, float]] = {name: defaultdict(float) for name in GROUPS}
    for key, ttl, size in zip(keys, replies[::2], replies[1::2], strict=True):
        found = totals[group(key)]
        found["keys"] += 1
        if isinstance(ttl, int) and ttl >= 0:
            found["keys_expiring"] += 1
            found["ttl_seconds_sum"] += ttl
        if isinstance(size, int):
            found["memory_bytes"] += size
    for name, found in totals.items():
        own = (("db", db), ("key_group", name))
        for part in ("keys", "keys_expiring", "ttl_seconds_sum", "memory_bytes"):
            yield f"inferdeck_redis_sampled_{part}", own, found[part]


def _text(reply: Reply) -> str:
    return reply.decode("ascii", "replace") if isinstance(reply, bytes) else "0"
