"""Many samples at once, in any order and also in the past: straight into the chunks of their days."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inferdeck.errors import StoreError
from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.store.metrics.chunks import ChunkWriter, Stamps
from inferdeck.store.metrics.codec import Bits
from inferdeck.store.metrics.day_file import MAX_STAMP_MS
from inferdeck.store.metrics.index import Ids
from inferdeck.store.metrics.state import StoreState

_ABSENT = np.uint64(ABSENT_BITS)
_SLICE = 250


class BulkWriter:
    """Writes and erases samples in storage blocks that may be in the past, or in memory too."""

    def __init__(self, state: StoreState) -> None:
        self._state = state

    def write(
        self, target: str, series: tuple[Labels, ...], timestamps_ms: Stamps, values: NDArray[np.float64]
    ) -> None:
        """Merge samples, values of shape (series, times), into the store; the new sample replaces a present one.

        One transaction per storage block: where this raises StoreFullError, whole blocks may have been kept, and
        writing the same again is harmless.
        """
        self._state.require_writing()
        self._state.last_bulk_ms = self._state.now_ms()
        stamps, rows = _sorted(timestamps_ms, values)
        if not stamps.size or not series:
            return
        if stamps[0] < 0 or stamps[-1] > MAX_STAMP_MS:
            raise StoreError(
                f"{target or 'bulk write'}: timestamps outside 1970 to 2109, {stamps[0]} to {stamps[-1]} ms"
            )
        with self._state.guarded(None):
            ids = self._state.registry.numbers(series)
        ids, rows = _last_of_each(ids, rows)
        number = self._state.head(target).number if target else 0
        for block, part in _blocks(stamps, self._state.options.block_ms):
            self._write_block(target, number, block, stamps[part], ids, rows[:, part])

    def _write_block(self, target: str, number: int, block: int, stamps: Stamps, ids: Ids, rows: Bits) -> None:
        used = (rows != _ABSENT).any(axis=1)
        ids, rows = ids[used], rows[used]
        day = self._state.day_of(block)
        with self._state.guarded(day), day.write() as connection:
            day.introduce(connection, ids.tolist(), self._state.registry)
            if number:
                day.introduce_target(connection, number, target)
            # A whole history comes this way, so that time counts for more here than the last bytes.
            writer = ChunkWriter(day, connection, block, self._state.options.codec, quick=True)
            for start in range(0, ids.size, _SLICE):
                part = slice(start, start + _SLICE)
                writer.merge(number, stamps, ids[part], rows[part], replace=True)
        if block in self._state.bulk:
            bulk = self._state.bulk[block]
            bulk.ids.update(ids.tolist())
            bulk.last_ms = max(bulk.last_ms, int(stamps[-1]))

    def erase(self, ids: Ids, start_ms: int, end_ms: int) -> int:
        """Remove the samples of these series from start to end, both included; returns how many there were.

        What is in memory must have been flushed before.
        """
        self._state.require_writing()
        removed = 0
        block_ms = self._state.options.block_ms
        for day in list(self._state.days.values()):
            for block in day.blocks:
                if block * block_ms > end_ms or (block + 1) * block_ms <= start_ms:
                    continue
                with self._state.guarded(day), day.write() as connection:
                    writer = ChunkWriter(day, connection, block, self._state.options.codec)
                    for start in range(0, ids.size, _SLICE):
                        removed += writer.erase(ids[start : start + _SLICE], start_ms, end_ms)
        return removed


def _sorted(timestamps_ms: Stamps, values: NDArray[np.float64]) -> tuple[Stamps, Bits]:
    """Return times in order and each once; of samples at one time the last stands."""
    rows = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    times = np.asarray(timestamps_ms, dtype=np.int64)
    order = np.argsort(times, kind="stable")
    times, rows = times[order], rows[:, order]
    if times.size < 2 or (np.diff(times) > 0).all():
        return times, rows
    unique, first = np.unique(times, return_index=True)
    out = rows[:, first].copy()
    for column in np.setdiff1d(np.arange(times.size), first):
        into = int(np.searchsorted(unique, times[column]))
        np.copyto(out[:, into], rows[:, column], where=rows[:, column] != _ABSENT)
    return unique, out


def _last_of_each(ids: Ids, rows: Bits) -> tuple[Ids, Bits]:
    """Return each series once, sorted; a series given twice keeps its last row."""
    unique, last = np.unique(ids[::-1], return_index=True)
    return unique, rows[ids.size - 1 - last]


def _blocks(stamps: Stamps, block_ms: int) -> Iterator[tuple[int, slice]]:
    numbers = stamps // block_ms
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), stamps.size]
    for low, high in pairwise(starts):
        yield int(numbers[low]), slice(low, high)
