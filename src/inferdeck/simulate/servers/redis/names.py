"""The keys of a database by their names: what SCAN walks over and what a client's GET finds."""

from __future__ import annotations

from bisect import bisect_left
from zlib import crc32

from inferdeck.simulate.servers.redis.keyspace import Entry, Key, Keyspace, spell

FRESH_SECONDS = 1.0


class Names:
    """Names in an order that stays: a key that is there all the time is met exactly once by a whole SCAN."""

    def __init__(self) -> None:
        self._order: list[tuple[int, bytes]] = []
        self._keys: dict[bytes, Key] = {}
        self._spelled: dict[Key, bytes] = {}
        self._stamp = (-1, 0, 0)
        self._built = 0.0

    def find(self, keys: Keyspace, name: bytes, now: float) -> tuple[Key, Entry] | None:
        """Return the key of this name and its entry."""
        if name not in self._keys:
            self._build(keys, now, 0.0)
        key = self._keys.get(name)
        entry = keys.entries.get(key) if key is not None else None
        return (key, entry) if key is not None and entry is not None else None

    def walk(self, keys: Keyspace, cursor: int, count: int, now: float) -> tuple[int, list[bytes]]:
        """Return the next cursor, 0 at the end, and about `count` names."""
        self._build(keys, now, FRESH_SECONDS)
        begin = bisect_left(self._order, (cursor, b""))
        end = min(begin + count, len(self._order))
        while end < len(self._order) and end > 0 and self._order[end][0] == self._order[end - 1][0]:
            end += 1
        names = [name for _, name in self._order[begin:end] if self._keys[name] in keys.entries]
        return (self._order[end][0] if end < len(self._order) else 0), names

    def _build(self, keys: Keyspace, now: float, fresh: float) -> None:
        stamp = (keys.changes, keys.expired, keys.evicted)
        if stamp == self._stamp or 0 <= now - self._built < fresh:
            return
        known = self._spelled
        self._spelled = {key: known.get(key) or spell(key) for key in keys.entries}
        self._keys = {name: key for key, name in self._spelled.items()}
        self._order = sorted((crc32(name) | 1, name) for name in self._keys)
        self._stamp, self._built = stamp, now
