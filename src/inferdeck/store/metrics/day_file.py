"""One file per UTC day: raw scrapes beside the chunks that replace them, readable without any other file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inferdeck.errors import StoreVersionError
from inferdeck.store.metrics import codec
from inferdeck.store.metrics.connection import Sync, connect, connect_reader, prepare, transaction
from inferdeck.store.metrics.index import Ids
from inferdeck.store.metrics.registry import IDENTITY_TABLES, Registry, read_ids, write_identity, write_target

DAY_MS = 86_400_000
_serials = count()
STAMP_BITS = 42
MAX_STAMP_MS = (1 << STAMP_BITS) - 1
"""The year 2109: a raw scrape's row number is `target << 42 | stamp_ms`."""

_OWN_TABLES = """;
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE grid(id INTEGER PRIMARY KEY, block INTEGER NOT NULL, crc INTEGER NOT NULL, target INTEGER NOT NULL,
                  last_ms INTEGER NOT NULL, chunks INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX grid_by_block ON grid(block, crc);
CREATE TABLE chunk(key INTEGER PRIMARY KEY, grid INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE layout(target INTEGER NOT NULL, block INTEGER NOT NULL, part INTEGER NOT NULL, ids BLOB NOT NULL,
                    PRIMARY KEY(target, block, part)) WITHOUT ROWID;
CREATE TABLE scrape(key INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE quarantine(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key INTEGER NOT NULL, data BLOB,
                        reason TEXT NOT NULL);
INSERT INTO meta VALUES ('samples', 0), ('chunks', 0), ('block_ms', 0)"""
DAY_TABLES = IDENTITY_TABLES + _OWN_TABLES


def day_name(day: int) -> str:
    """Return the file name of a day, counted from 1970-01-01."""
    return f"day-{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%d}.db"


def day_number(path: Path) -> int:
    """Return the day of a file name; raises ValueError where it is not one."""
    stamp = datetime.strptime(path.name, "day-%Y-%m-%d.db").replace(tzinfo=UTC)
    return int(stamp.timestamp()) // 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The timestamps that some series of a block share; target 0 where they belong to no target."""

    number: int
    block: int
    target: int
    stamps: NDArray[np.int64]


class DayFile:
    """One day's file: one writing connection for the writer thread, a few reading ones for everybody else."""

    def __init__(self, directory: Path, day: int, block_ms: int, sync: Sync) -> None:
        self.path = directory / day_name(day)
        self.day = day
        self.serial = next(_serials)
        """Tells this object from others of the same day: a day file may be replaced."""
        self.readers = 0
        self.created = False
        """Whether the file has its tables: before that there is nothing to read."""
        self.dropped = False
        self.writes = 0
        """Transactions since the last checkpoint."""
        self.past_done = False
        """True once nothing is left to tidy up in a day that is over."""
        self._block_ms = block_ms
        self._sync = sync
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._known: set[int] | None = None
        self._known_targets: set[int] = set()
        self._generation = 0
        self._grids: dict[tuple[int, int], Grid] = {}
        self._block_ids: dict[int, tuple[int, Ids]] = {}

    @property
    def generation(self) -> int:
        """A number that grows, before the writing call returns, whenever chunks may have changed."""
        return self._generation

    @property
    def blocks(self) -> range:
        """The numbers of the storage blocks in this day."""
        per_day = DAY_MS // self._block_ms
        return range(self.day * per_day, (self.day + 1) * per_day)

    @property
    def writer(self) -> sqlite3.Connection:
        """The connection of the writer thread; opens or creates the file. Raises StoreVersionError, sqlite3.Error."""
        if self._writer is None:
            connection = connect(self.path, self._sync)
            try:
                prepare(connection, self.path, DAY_TABLES)
                self._require_block_length(connection)
            except BaseException:
                connection.close()
                raise
            self._writer = connection
            self.created = True
        return self._writer

    def _require_block_length(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("SELECT value FROM meta WHERE key='block_ms'").fetchone()[0]
        if not found:
            connection.execute("UPDATE meta SET value=? WHERE key='block_ms'", (self._block_ms,))
        elif found != self._block_ms:
            raise StoreVersionError(f"{self.path}: its blocks are {found} ms long, this store's {self._block_ms}")

    @contextmanager
    def write(self, *, chunks: bool = True) -> Iterator[sqlite3.Connection]:
        """Run one transaction on the writer's connection; `chunks` says whether it may change which series have any."""
        self.past_done = False
        try:
            with transaction(self.writer) as connection:
                yield connection
        except BaseException:
            self.forget_introductions()
            raise
        finally:
            if chunks:
                self._generation += 1
        self.writes += 1

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection on which all statements see one state of the file."""
        with self._lock:
            self.readers += 1
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is None:
                connection = connect_reader(self.path)
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection is not None:
                connection.close()
                connection = None
            raise
        finally:
            with self._lock:
                self.readers -= 1
                if connection is not None and len(self._idle) < 2:
                    self._idle.append(connection)
                    connection = None
            if connection is not None:
                connection.close()

    def introduce(self, connection: sqlite3.Connection, ids: Iterable[int], registry: Registry) -> None:
        """Copy the identities of series that this file does not name yet; inside the caller's transaction."""
        if self._known is None:
            self._known = set(read_ids(connection).tolist())
        missing = [number for number in ids if number not in self._known]
        if missing:
            write_identity(connection, [(number, registry.labels[number]) for number in missing])
            self._known.update(missing)

    def introduce_target(self, connection: sqlite3.Connection, number: int, name: str) -> bool:
        """Name a target in this file; returns whether it was new here. Inside the caller's transaction."""
        if number in self._known_targets:
            return False
        write_target(connection, number, name)
        self._known_targets.add(number)
        return True

    def forget_introductions(self) -> None:
        """After a transaction that failed: read again which series and targets the file names."""
        self._known = None
        self._known_targets = set()

    def grids(self, connection: sqlite3.Connection, first_block: int, last_block: int) -> dict[int, Grid]:
        """Return the grids of these blocks by number; damaged ones are left out."""
        found: dict[int, Grid] = {}
        rows = connection.execute(
            "SELECT id, block, crc, target, data FROM grid WHERE block BETWEEN ? AND ?", (first_block, last_block)
        )
        for number, block, crc, target, data in rows:
            grid = self._grids.get((number, crc))
            if grid is None or grid.block != block or grid.target != target:
                try:
                    grid = Grid(number, block, target, codec.decode_grid(data, crc, block, target))
                except codec.CorruptError:
                    continue
                if len(self._grids) > 256:
                    self._grids.clear()
                self._grids[number, crc] = grid
            found[number] = grid
        return found

    def block_ids(self, connection: sqlite3.Connection, block: int) -> Ids:
        """Return the sorted ids of the series that have a chunk in a block."""
        generation = self._generation
        cached = self._block_ids.get(block)
        if cached is not None and cached[0] == generation:
            return cached[1]
        rows = connection.execute("SELECT key FROM chunk WHERE key BETWEEN ? AND ?", key_range(block)).fetchall()
        ids = (np.array([row[0] for row in rows], dtype=np.int64) & 0xFFFFFFFF).astype(np.uint32)
        self._block_ids[block] = (generation, ids)
        return ids

    def ids(self) -> Ids:
        """Return the sorted ids of all series that this file names."""
        with self.read() as connection:
            return read_ids(connection)

    def close(self) -> None:
        """Close all idle connections and the writer's; borrowed ones close when they come back."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self.forget_introductions()

    def checkpoint(self, *, after: int = 1) -> None:
        """Move the log into the file once it holds this many transactions; readers are not disturbed."""
        if self._writer is not None and self.writes >= after:
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self.writes = 0

    def settle(self) -> None:
        """Move the log into the file and give its room back, unless a reader still needs it."""
        self.writer.execute("PRAGMA busy_timeout=0")
        self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.writer.execute("PRAGMA busy_timeout=5000")
        self.writes = 0

    @property
    def is_open(self) -> bool:
        """Whether the writer thread has it open."""
        return self._writer is not None

    def file_bytes(self) -> int:
        """Return the size of the file and its log."""
        total = 0
        for suffix in ("", "-wal"):
            try:
                total += self.path.with_name(self.path.name + suffix).stat().st_size
            except FileNotFoundError:
                continue
        return total


def chunk_key(block: int, series: int) -> int:
    """Return the row number of a series' chunk."""
    return block << 32 | series


def key_range(block: int) -> tuple[int, int]:
    """Return the first and last row number that a block's chunks can have."""
    return block << 32, block << 32 | 0xFFFFFFFF


def scrape_key(target: int, stamp_ms: int) -> int:
    """Return the row number of a raw scrape."""
    return target << STAMP_BITS | stamp_ms
