"""What the parts of the store share: where it lives, what is open, what is in memory, and whether it can write."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inferdeck.errors import StoreError, StoreFullError
from inferdeck.model.clock import Clock
from inferdeck.store.metrics.chunks import samples_in_blocks
from inferdeck.store.metrics.codec import CodecName
from inferdeck.store.metrics.connection import Sync, cannot_write, is_damage
from inferdeck.store.metrics.day_file import DAY_MS, DayFile
from inferdeck.store.metrics.filesystem import free_bytes
from inferdeck.store.metrics.head import TargetHead
from inferdeck.store.metrics.registry import Registry


class DamagedError(StoreError):
    """A day file's structure is broken; handled inside the store by salvage."""

    def __init__(self, day: DayFile, message: str) -> None:
        super().__init__(message)
        self.day = day


BLOCK_MS = 7_200_000
"""Two hours: at one scrape per 15 s, 480 samples per chunk, the knee of the compression curve."""
FLUSH_SLICE = 50
RESERVE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Options:
    """How a store is opened; block_ms divides a day, the flush writes `flush_slice` series per tick."""

    sync: Sync = "normal"
    codec: CodecName = "auto"
    retention_seconds: float | None = None
    retention_bytes: int | None = None
    block_ms: int = BLOCK_MS
    flush_slice: int = FLUSH_SLICE
    flush_after_ms: int = 60_000
    """How long after its end a block of a silent target waits for a late scrape."""
    reserve_bytes: int = RESERVE_BYTES
    """Writing stops before less than this is free, so that the rest of the machine still works."""


@dataclass(slots=True)
class BulkBlock:
    """Which series have chunks in a block that is still in memory, and their last timestamp."""

    ids: set[int]
    last_ms: int


@dataclass(slots=True)
class Damage:
    """What was found broken and waits for the writer thread to put it aside."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    chunks: dict[int, dict[int, str]] = field(default_factory=dict)
    days: dict[int, str] = field(default_factory=dict)
    surveyed: set[int] = field(default_factory=set)

    def chunk(self, day: int, key: int, reason: str) -> None:
        """Note one unreadable chunk."""
        with self.lock:
            self.chunks.setdefault(day, {})[key] = reason

    def milestones(self, day: int) -> None:
        """Note damaged milestones."""
        with self.lock:
            self.surveyed.add(day)

    def day(self, day: int, reason: str) -> None:
        """Note a day file whose structure is broken."""
        with self.lock:
            self.days.setdefault(day, reason)


class StoreState:
    """The shared state; only the writer thread changes it, other threads read it."""

    def __init__(self, directory: Path, clock: Clock, options: Options, registry: Registry) -> None:
        self.directory = directory
        self.clock = clock
        self.options = options
        self.registry = registry
        self.days: dict[int, DayFile] = {}
        self.heads: dict[str, TargetHead] = {}
        self.bulk: dict[int, BulkBlock] = {}
        self.last_bulk_ms = 0
        """When samples last came many at once; what can wait, waits until that is over."""
        self.damage = Damage()
        self.writing = True
        self.full = ""
        """Why writing stopped, "" while it goes on."""
        self.failing: dict[str, str] = {}
        """What of a tick's work failed when it was last tried, and why."""

    @property
    def trouble(self) -> str:
        """Why writing stopped, or else what of the upkeep fails; "" where all is well."""
        failing = list(self.failing.items())
        return self.full or "; ".join(f"{what} failed, it is tried again: {why}" for what, why in failing)

    @property
    def quarantine(self) -> Path:
        """The folder of files that were put aside whole."""
        return self.directory / "quarantine"

    def now_ms(self) -> int:
        """Return the wall clock's milliseconds."""
        return int(self.clock.now() * 1000)

    def day_of(self, block: int) -> DayFile:
        """Return the file of a block's day, not yet created where there is none."""
        day = block * self.options.block_ms // DAY_MS
        found = self.days.get(day)
        if found is None:
            found = self.days[day] = self.new_day(day)
        return found

    def new_day(self, day: int) -> DayFile:
        """Return a file object for a day, without registering it."""
        return DayFile(self.directory, day, self.options.block_ms, self.options.sync)

    def head(self, target: str) -> TargetHead:
        """Return what is in memory of a target, numbering a new target."""
        found = self.heads.get(target)
        if found is None:
            with self.guarded(None):
                number = self.registry.target(target)
            found = self.heads[target] = TargetHead(number, target)
        return found

    def open_bulk(self, block: int) -> BulkBlock:
        """Return which series have chunks in a block; kept while the block is in memory."""
        found = self.bulk.get(block)
        if found is None:
            found = self.bulk[block] = BulkBlock(*samples_in_blocks(self.day_of(block).writer, block))
        return found

    def close_bulk(self) -> None:
        """Forget the blocks that are no longer in memory."""
        alive = {block.block for head in self.heads.values() for block in head.blocks()}
        for block in [block for block in self.bulk if block not in alive]:
            del self.bulk[block]

    def require_writing(self) -> None:
        """Raise StoreFullError while writing has stopped."""
        if not self.writing:
            raise StoreFullError(self.full)

    @contextmanager
    def guarded(self, day: DayFile | None) -> Iterator[None]:
        """Turn SQLite's errors into ours: StoreFullError (writing stops), DamagedError, StoreError."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            where = day.path if day is not None else self.registry.path
            if isinstance(error, OSError) or cannot_write(error):
                self.stop_writing(f"{where}: cannot write ({error})")
                raise StoreFullError(self.full) from error
            if is_damage(error) and day is not None:
                raise DamagedError(day, f"{where}: {error}") from error
            raise StoreError(f"{where}: {error}") from error

    def stop_writing(self, reason: str) -> None:
        """Stop writing until `try_again` succeeds."""
        self.writing = False
        free = free_bytes(self.directory)
        self.full = (
            f"{reason}; {free / 1e6:.1f} MB are free in {self.directory}: "
            "free some space, writing resumes by itself and stored history stays readable"
        )

    def check_space(self) -> None:
        """Stop writing when the reserve is reached; resume when there is room and a write succeeds."""
        enough = free_bytes(self.directory) >= self.options.reserve_bytes
        if self.writing and not enough:
            self.stop_writing(f"less than {self.options.reserve_bytes / 1e6:.0f} MB are left")
        elif not self.writing and enough and self._can_write():
            self.writing, self.full = True, ""

    def _can_write(self) -> bool:
        """Try a write in the newest day, large enough not to fit into what the file already owns."""
        if not self.days:
            return True
        day = self.days[max(self.days)]
        try:
            with day.write(chunks=False) as connection:
                connection.execute("INSERT INTO meta VALUES ('probe', zeroblob(262144))")
                connection.execute("DELETE FROM meta WHERE key='probe'")
        except sqlite3.Error:
            return False
        return True
