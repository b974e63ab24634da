"""Commands about the keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from inferdeck.simulate.servers.redis import keyspace, refusals
from inferdeck.simulate.servers.redis.wire import Refusal, Reply

if TYPE_CHECKING:
    from inferdeck.simulate.servers.redis.server import Client, Redis


def dbsize(redis: Redis, client: Client, _words: Sequence[bytes]) -> Reply:
    """DBSIZE."""
    return 0 if client.db else len(redis.keys.entries)


def get(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """GET key."""
    found = redis.look(client, words[1])
    return keyspace.text(*found) if found else None


def mget(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """MGET key [key ...]."""
    return [get(redis, client, (b"get", word)) for word in words[1:]]


def strlen(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """STRLEN key."""
    found = redis.look(client, words[1])
    return len(keyspace.text(*found)) if found else 0


def exists(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """EXISTS key [key ...]."""
    return sum(redis.look(client, word) is not None for word in words[1:])


def type_(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """TYPE key."""
    return "string" if redis.look(client, words[1]) else "none"


def expiry(scale: int, absolute: bool) -> Callable[[Redis, Client, Sequence[bytes]], Reply]:
    """Return TTL, PTTL, EXPIRETIME or PEXPIRETIME."""

    def run(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
        found = redis.look(client, words[1])
        if found is None:
            return -2
        end = found[1].expires + (redis.clock_offset if absolute else -redis.now)
        return int(end * scale + (0 if absolute or scale > 1 else 0.5))

    return run


def scan(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]."""
    cursor = refusals.integer(words[1])
    if cursor is None or cursor < 0:
        return Refusal("ERR invalid cursor")
    count, wanted, kind = 10, b"*", b"string"
    if len(words) % 2:
        return refusals.SYNTAX
    for option, value in zip(words[2::2], words[3::2], strict=True):
        match option.upper():
            case b"COUNT":
                number = refusals.integer(value)
                if number is None:
                    return refusals.NOT_INTEGER
                if number < 1:
                    return refusals.SYNTAX
                count = number
            case b"MATCH":
                wanted = value
            case b"TYPE":
                kind = value.lower()
            case _:
                return refusals.SYNTAX
    if client.db:
        return [b"0", []]
    following, names = redis.names.walk(redis.keys, cursor, count, redis.now)
    if kind != b"string":
        names = []
    if wanted != b"*":
        matches = refusals.glob(wanted).match
        names = [name for name in names if matches(name)]
    return [str(following).encode(), names]


def keys(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """KEYS pattern."""
    found = scan(redis, client, (b"scan", b"0", b"MATCH", words[1], b"COUNT", b"1000000000"))
    return found[1] if isinstance(found, list) else found


def randomkey(redis: Redis, client: Client, _words: Sequence[bytes]) -> Reply:
    """RANDOMKEY: the one that follows the last answer, since nothing here is drawn."""
    if client.db or not redis.keys.entries:
        return None
    redis.cursor, names = redis.names.walk(redis.keys, redis.cursor, 1, redis.now)
    return names[0] if names else randomkey(redis, client, _words)


def memory_usage(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """MEMORY USAGE key [SAMPLES count]."""
    if len(words) not in (3, 5) or (len(words) == 5 and words[3].upper() != b"SAMPLES"):
        return refusals.SYNTAX
    found = redis.names.find(redis.keys, words[2], redis.now) if not client.db else None
    return found[1].size + keyspace.ENTRY_BYTES + len(words[2]) if found else None


def object_(redis: Redis, client: Client, words: Sequence[bytes]) -> Reply:
    """OBJECT ENCODING, FREQ, IDLETIME or REFCOUNT key."""
    found = redis.look(client, words[2])
    if found is None:
        return None
    match words[1].lower():
        case b"encoding":
            return b"raw" if found[0][0] == keyspace.RESPONSE else b"int"
        case b"idletime":
            return int(max(0.0, redis.now - found[1].made))
        case b"refcount":
            return 1
        case _:
            return Refusal("ERR An LFU maxmemory policy is not selected, access frequency not tracked.")
