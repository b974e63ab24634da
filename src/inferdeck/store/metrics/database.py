"""The embedded metric store: one SQLite file per day, one for series, and the newest window in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from inferdeck.errors import StoreError, StoreFullError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.store.interface import Block, Matcher, SparseBlock, WindowUse
from inferdeck.store.metrics import integrity, recovery, retention, stats
from inferdeck.store.metrics.appending import Appender
from inferdeck.store.metrics.bulk import BulkWriter
from inferdeck.store.metrics.codec import CodecName
from inferdeck.store.metrics.connection import Sync, cannot_write
from inferdeck.store.metrics.day_file import DAY_MS, DayFile
from inferdeck.store.metrics.filesystem import free_bytes, lock, require_local, system_mounts
from inferdeck.store.metrics.flush import Flusher, close_current
from inferdeck.store.metrics.integrity import CheckReport, Progress
from inferdeck.store.metrics.querying import Querier
from inferdeck.store.metrics.state import BLOCK_MS, FLUSH_SLICE, RESERVE_BYTES, DamagedError, Options, StoreState
from inferdeck.store.metrics.stats import StoreStats
from inferdeck.store.metrics.survey import Surveyor
from inferdeck.store.metrics.thinning import Reach

_CHECKPOINT_AFTER = 100
_COMPRESS_PIECES = 16
RETENTION_EVERY_TICKS = 30


class MetricDatabase:
    """MetricSink and MetricReader on the local disk.

    append*, erase, tick, flush_all, compact and close belong to one thread at a time (the writer thread); all others
    may be called from any thread meanwhile. What `append` acknowledged survives kill -9; with sync="full" also a power
    cut. Takes about 0.3 ms of CPU per 2,000 samples appended, 12 bytes of memory per open sample in the worst case.
    """

    def __init__(self, state: StoreState, lock_file: IO[str]) -> None:
        self._state = state
        self._lock_file = lock_file
        self._flusher = Flusher(state)
        self._appender = Appender(state, self._flusher)
        self._bulk = BulkWriter(state)
        self._querier = Querier(state)
        self._surveyor = Surveyor(state)
        self._ticks = 0

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        sync: Sync = "normal",
        retention_seconds: float | None = None,
        retention_bytes: int | None = None,
        codec: CodecName = "auto",
        block_ms: int = BLOCK_MS,
        flush_slice: int = FLUSH_SLICE,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> MetricDatabase:
        """Open or create the store in a directory of its own.

        block_ms must divide a day and stay the same for the life of a store. Raises StoreLockedError,
        UnsupportedFilesystemError, StoreVersionError, StoreFullError (no room even to open), StoreError.
        """
        if DAY_MS % block_ms or block_ms < 1000:
            raise ValueError(f"block_ms={block_ms} does not divide a day, or is under a second")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_local(path, system_mounts())
        lock_file = lock(path)
        try:
            recovery.finish_interrupted(path)
            registry = recovery.open_registry(path, sync)
            options = Options(
                sync, codec, retention_seconds, retention_bytes, block_ms, flush_slice, reserve_bytes=reserve_bytes
            )
            state = StoreState(path, clock, options, registry)
            recovery.open_days(state)
        except (sqlite3.Error, OSError) as error:
            lock_file.close()
            if isinstance(error, OSError) or cannot_write(error):
                raise StoreFullError(
                    f"{path}: cannot be written ({error}), {free_bytes(path) / 1e6:.1f} MB are free there; "
                    "free some space, or see that it is writable, and start again"
                ) from error
            raise StoreError(f"{path}: cannot be opened ({error})") from error
        except BaseException:
            lock_file.close()
            raise
        return cls(state, lock_file)

    @property
    def writing(self) -> bool:
        """False while the disk is full or failing."""
        return self._state.writing

    @property
    def trouble(self) -> str:
        """Why writing stopped and what to do, or which upkeep fails; "" where all is well."""
        return self._state.trouble

    def append(self, scrape: Scrape) -> None:
        """Keep one scrape (see MetricSink)."""
        self._repairing(lambda: self._appender.append(scrape))

    def carry(self, target: str) -> bytes | None:
        """Return the repair state stored with the target's last scrape."""
        head = self._state.heads.get(target)
        return None if head is None else head.carry

    def append_block(
        self, target: str, layout: Layout, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Keep many scrapes of one target (see MetricSink); about 0.1 ms per series and storage block, so slice it.

        The target's last stamp, before which `append` refuses, does not move.
        """
        self._repairing(lambda: self._bulk.write(target, layout.series, timestamps_ms, values))

    def append_series(self, series: Labels, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Keep samples of one series (see MetricSink)."""
        self._repairing(lambda: self._bulk.write("", (series,), timestamps_ms, np.reshape(values, (1, -1))))

    def erase(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> int:
        """Remove the samples of the matching series from start to end, both included; returns how many there were.

        For `store remap`: erase the canonical series of a target, then write them anew with append_block. Windows in
        memory that hold such series are flushed first.
        """
        ids = self._state.registry.index.match(matchers)
        wanted = set(ids.tolist())
        for head in list(self._state.heads.values()):
            if any(not wanted.isdisjoint(block.columns) for block in head.blocks()):
                close_current(head)
                for block in list(head.closing):
                    self._flusher.finish(head, block)
        return self._bulk.erase(ids, start_ms, end_ms)

    def _repairing(self, write: Callable[[], None]) -> None:
        """Write; where a day file turns out to be broken, put it aside, salvage it and write again."""
        try:
            write()
        except DamagedError as error:
            self._state.damage.day(error.day.day, str(error))
            self._put_aside()
            write()

    def _put_aside(self) -> None:
        damage = self._state.damage
        if damage.days or damage.chunks or damage.surveyed:
            integrity.put_aside(self._state)
            self._flusher.start_over()

    def tick(self) -> None:
        """Do one small slice of what waits: space check, quarantine, flush, log, retention; call about once a second.

        What fails shows in `trouble` until it works again, and does not keep the rest from its turn. Raises the first
        such StoreError; a full disk (which also shows in `writing`) and damage that is put aside are not raised.
        """
        state = self._state
        self._ticks += 1
        work: list[tuple[str, Callable[[], object]]] = [("looking for free space", state.check_space)]
        if self._ticks % RETENTION_EVERY_TICKS == 1:
            work.append(("dropping old days", lambda: retention.drop_one(state)))
        work.append(("flushing", self._flush))
        failed = [error for what, do in work if (error := self._tried(what, do)) is not None]
        if failed:
            raise failed[0]

    def _tried(self, what: str, work: Callable[[], object]) -> StoreError | None:
        state = self._state
        try:
            work()
        except DamagedError as error:
            state.damage.day(error.day.day, str(error))
        except StoreFullError:
            pass  # `trouble` says it
        except (StoreError, sqlite3.Error, OSError) as error:
            state.failing[what] = str(error)
            return error if isinstance(error, StoreError) else StoreError(f"{state.directory}: {error}")
        state.failing.pop(what, None)
        return None

    def _flush(self) -> None:
        state = self._state
        if not state.writing:
            return
        self._put_aside()
        self._flusher.close_ended()
        if not self._flusher.step() and not self._surveyor.step():
            retention.tidy_one(state)
        self._compress()
        for day in list(state.days.values()):
            with state.guarded(day):
                day.checkpoint(after=_CHECKPOINT_AFTER)

    def _compress(self) -> None:
        left = _COMPRESS_PIECES
        for head in self._state.heads.values():
            for block in head.blocks():
                if left:
                    left = block.compress(left)

    def flush_all(self) -> None:
        """Write everything that is in memory to chunks, also the open window, and give the raw scrapes' room back.

        Takes about 50 ms per 1,000 series in one go; raises StoreFullError.
        """
        for head in self._state.heads.values():
            close_current(head)
        while self._flusher.step():
            pass
        for day in self._state.days.values():
            if day.is_open:
                while self._compact_slice(day):
                    pass

    def surveyed(self) -> bool:
        """Return whether every day that is over has its milestones (see milestones.py); ticks make them."""
        return not self._surveyor.waits()

    def compact(self, day: str | None = None, progress: Progress | None = None) -> Iterator[float]:
        """Give the free pages of one day ("YYYY-MM-DD") or all days back to the file system, slice by slice.

        Each step of the returned iterator takes some milliseconds on the writer thread and yields the fraction done.
        """
        days = [found for found in self._state.days.values() if day is None or day in found.path.name]
        for i, found in enumerate(sorted(days, key=lambda entry: entry.day)):
            if progress is not None:
                progress(i / len(days), found.path.name)
            while self._compact_slice(found):
                yield i / len(days)
        if progress is not None:
            progress(1.0, "done")
        yield 1.0

    def _compact_slice(self, day: DayFile) -> bool:
        with self._state.guarded(day):
            if retention.give_back_pages(day, 256):
                return True
            if day.created:
                day.settle()
            return False

    def check(self, progress: Progress | None = None) -> CheckReport:
        """Read everything and report what is broken; ticks then put it aside. Any thread."""
        return integrity.check(self._state, progress)

    def stats(self) -> StoreStats:
        """Return figures about the store. Any thread."""
        return stats.collect(self._state)

    def close(self) -> None:
        """Close all files and give the directory free; what is in memory is in raw scrapes on the disk already."""
        for day in self._state.days.values():
            day.close()
        self._state.registry.close()
        self._lock_file.close()

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        """Return samples (see MetricReader); where a chunk is unreadable, the others."""
        return self._querier.select(matchers, start_ms, end_ms, max_samples)

    def select_windows(
        self,
        matchers: Sequence[Matcher],
        ends_ms: NDArray[np.int64],
        reach_ms: int,
        use: WindowUse,
        *,
        max_samples: int = 50_000_000,
    ) -> list[SparseBlock] | None:
        """Return what windows that end on full hours need, from milestones where there are any (see SparseReader)."""
        return self._querier.select_windows(matchers, Reach(ends_ms, reach_ms, use), max_samples)

    def at_hand(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_series: int, max_samples: int
    ) -> list[Block] | None:
        """Return what `select` would, from memory alone, or None (see ReadyReader)."""
        return self._querier.at_hand(matchers, start_ms, end_ms, max_series, max_samples)

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        """Return the matching series with samples in the range, to the precision of a storage block (or whole day)."""
        return self._querier.series(matchers, start_ms, end_ms)

    def label_names(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of those series."""
        return sorted({name for series in self.series(matchers, start_ms, end_ms) for name, _ in series})

    def label_values(self, name: str, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted values of one label of those series."""
        found = self.series(matchers, start_ms, end_ms)
        return sorted({value for series in found for key, value in series if key == name})
