"""Who the series and targets are: their numbers, kept in `series.db`, copied into every day file that uses them.

The copies make a day file readable alone, and let a lost or damaged `series.db` be rebuilt.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from inferdeck.model.labels import Labels
from inferdeck.store.metrics.codec import CorruptError, compress, decompress
from inferdeck.store.metrics.connection import Sync, connect, prepare, transaction
from inferdeck.store.metrics.index import NO_IDS, Ids, Index

IDENTITY_TABLES = """
CREATE TABLE identity(id INTEGER PRIMARY KEY, ids BLOB NOT NULL, labels BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE target(id INTEGER PRIMARY KEY, name TEXT NOT NULL, crc INTEGER NOT NULL, last_ms INTEGER NOT NULL,
                    carry BLOB, carry_crc INTEGER NOT NULL)"""
_BATCH = 1000
_LABELS_LIMIT = 1 << 28


def write_identity(connection: sqlite3.Connection, series: Sequence[tuple[int, Labels]]) -> None:
    """Add these series to a file's identity table, in compressed batches; inside the caller's transaction."""
    for start in range(0, len(series), _BATCH):
        part = series[start : start + _BATCH]
        ids = np.array([number for number, _ in part], dtype="<u4").tobytes()
        body = compress(json.dumps([pairs for _, pairs in part], separators=(",", ":")).encode(), small=True)
        connection.execute(
            "INSERT INTO identity(ids, labels, crc) VALUES (?,?,?)", (ids, body, zlib.crc32(body, zlib.crc32(ids)))
        )


def read_identity(connection: sqlite3.Connection) -> tuple[list[tuple[int, Labels]], int]:
    """Return a file's (id, labels) and how many batches were damaged and left out."""
    found: list[tuple[int, Labels]] = []
    bad = 0
    for batch in identity_batches(connection):
        found += batch or ()
        bad += batch is None
    return found, bad


def identity_batches(connection: sqlite3.Connection) -> Iterator[list[tuple[int, Labels]] | None]:
    """Yield a file's (id, labels) batch by batch, None for a damaged one."""
    for ids, body, crc in connection.execute("SELECT ids, labels, crc FROM identity ORDER BY id"):
        try:
            if zlib.crc32(body, zlib.crc32(ids)) != crc:
                raise CorruptError("the checksum of an identity batch does not match")
            labels = json.loads(decompress(body, _LABELS_LIMIT))
        except (TypeError, ValueError):
            yield None
            continue
        numbers = np.frombuffer(ids, dtype="<u4").tolist()
        yield [
            (number, tuple((name, value) for name, value in pairs))
            for number, pairs in zip(numbers, labels, strict=True)
        ]


def read_ids(connection: sqlite3.Connection) -> Ids:
    """Return the sorted ids of the series that a file names."""
    blobs = [ids for (ids,) in connection.execute("SELECT ids FROM identity")]
    parts = [np.frombuffer(ids, dtype="<u4") for ids in blobs if isinstance(ids, bytes) and len(ids) % 4 == 0]
    return np.unique(np.concatenate(parts)).astype(np.uint32) if parts else NO_IDS


def write_target(connection: sqlite3.Connection, number: int, name: str) -> None:
    """Name a target in a file; inside the caller's transaction."""
    connection.execute(
        "INSERT OR IGNORE INTO target(id, name, crc, last_ms, carry, carry_crc) VALUES (?,?,?,-1,NULL,0)",
        (number, name, zlib.crc32(name.encode())),
    )


def read_targets(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Return a file's (number, name) of targets whose checksum holds."""
    rows = connection.execute("SELECT id, name, crc FROM target")
    return [(number, name) for number, name, crc in rows if zlib.crc32(str(name).encode()) == crc]


class Registry:
    """All series and targets in memory, and the file that numbers them. Written by the writer thread, read by any."""

    def __init__(self, path: Path, sync: Sync) -> None:
        self.path = path
        self.index = Index()
        self.ids: dict[Labels, int] = {}
        self.labels: dict[int, Labels] = {}
        self.targets: dict[str, int] = {}
        self.generation = 0
        """Grows when series were forgotten: numbers remembered elsewhere must be asked for again."""
        self.damaged_batches = 0
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._next = 1
        self._connection = connect(path, sync)
        try:
            prepare(self._connection, path, IDENTITY_TABLES)
            series, self.damaged_batches = read_identity(self._connection)
            self.targets = {name: number for number, name in read_targets(self._connection)}
        except BaseException:
            self._connection.close()
            raise
        self._remember(series)

    def __len__(self) -> int:
        return len(self.labels)

    def _remember(self, series: Iterable[tuple[int, Labels]]) -> None:
        intern = self._pairs.setdefault
        fresh = [
            (number, tuple(map(intern, pairs, pairs))) for number, pairs in sorted(series) if number not in self.labels
        ]
        for number, pairs in fresh:
            self.labels[number] = pairs
            self.ids.setdefault(pairs, number)
        if fresh and fresh[0][0] < self._next:  # found late, in a day file: posting lists want increasing ids
            self._reindex()
        else:
            self.index.add(fresh)
        if fresh:
            self._next = max(self._next, fresh[-1][0] + 1)

    def _reindex(self) -> None:
        index = Index()
        index.add(sorted(self.labels.items()))
        self.index = index

    def numbers(self, series: Sequence[Labels]) -> Ids:
        """Return the ids of these series, numbering new ones durably first."""
        known = self.ids
        found = [known.get(pairs, 0) for pairs in series]
        if 0 in found:
            self._number([pairs for pairs, number in zip(series, found, strict=True) if not number])
            found = [known[pairs] for pairs in series]
        return np.array(found, dtype=np.uint32)

    def _number(self, new: Sequence[Labels]) -> None:
        numbered = list(enumerate(dict.fromkeys(new), start=self._next))
        with transaction(self._connection):
            write_identity(self._connection, numbered)
        self._remember(numbered)

    def target(self, name: str) -> int:
        """Return the number of a target (1 and up), numbering a new one durably first."""
        number = self.targets.get(name, 0)
        if not number:
            number = max(self.targets.values(), default=0) + 1
            with transaction(self._connection):
                write_target(self._connection, number, name)
            self.targets[name] = number
        return number

    def adopt(self, series: Sequence[tuple[int, Labels]], targets: Sequence[tuple[int, str]]) -> None:
        """Take in what a day file knows and `series.db` has lost."""
        lost = [(number, pairs) for number, pairs in series if number not in self.labels]
        unnamed = [(number, name) for number, name in targets if name not in self.targets]
        if not lost and not unnamed:
            return
        with transaction(self._connection):
            write_identity(self._connection, lost)
            for number, name in unnamed:
                write_target(self._connection, number, name)
        self.targets.update((name, number) for number, name in unnamed)
        self._remember(lost)

    def keep_only(self, ids: set[int]) -> int:
        """Forget all series but these; returns how many were forgotten."""
        gone = [number for number in self.labels if number not in ids]
        if not gone:
            return 0
        kept = [(number, pairs) for number, pairs in sorted(self.labels.items()) if number in ids]
        with transaction(self._connection):
            self._connection.execute("DELETE FROM identity")
            write_identity(self._connection, kept)
        self.labels = dict(kept)
        self.ids = {pairs: number for number, pairs in kept}
        self._pairs = {}
        self.generation += 1
        self._reindex()
        return len(gone)

    def checkpoint(self) -> None:
        """Move the log into the file."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
