"""The newest window of each target in memory: slabs of 60 scrapes, the open one as an array, full ones compressed."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.ma  # numpy imports it at the first call of np.unique, a tenth of a second that no tick should pay
from numpy.typing import NDArray

from inferdeck.model.scrape import ABSENT_BITS, Layout
from inferdeck.store.metrics import codec
from inferdeck.store.metrics.codec import Bits
from inferdeck.store.metrics.index import Ids

SLAB = 60
PIECE = 64
"""Columns that are compressed together: one series' history costs the decompression of 64."""
_ABSENT = np.uint64(ABSENT_BITS)
_FEW = 8
"""Fewer than one in so many columns are looked up one by one."""


def _array(columns: int) -> Bits:
    """Return room for a slab in memory of its own, which goes back to the system when it is let go."""
    room = mmap.mmap(-1, max(1, SLAB * columns * 8))
    return np.frombuffer(room, dtype=np.uint64, count=SLAB * columns).reshape(SLAB, columns)


class Slab:
    """A full slab: its array until `compress` has been through it, compressed pieces of 64 columns afterwards."""

    __slots__ = ("array", "columns", "pieces", "times")

    def __init__(self, array: Bits) -> None:
        self.times, self.columns = array.shape
        self.array: Bits | None = array
        self.pieces: list[bytes] = []

    def compress(self, pieces: int) -> int:
        """Compress up to this many pieces more; returns how many were left to do of those asked for."""
        array = self.array
        while array is not None and pieces > 0:
            start = len(self.pieces) * PIECE
            if start >= self.columns:
                self.array = None
                break
            part = np.ascontiguousarray(array[:, start : start + PIECE].T)
            part[:, 1:] ^= part[:, :-1].copy()
            body = codec.compress(codec.shuffle(part.reshape(-1)))
            # A copy: what zstandard returns keeps the room of the worst case, several times its size.
            self.pieces.append(bytes(memoryview(body)))
            pieces -= 1
        return pieces

    def read(self, columns: NDArray[np.intp]) -> Bits:
        """Return these columns, shape (columns, times); ABSENT for columns that came later."""
        out = np.full((columns.size, self.times), _ABSENT, dtype=np.uint64)
        array = self.array
        here = np.flatnonzero(columns < self.columns)
        if array is not None:
            out[here] = array[:, columns[here]].T
            return out
        piece_of = columns[here] // PIECE
        for number in np.unique(piece_of).tolist():
            rows = here[piece_of == number]
            out[rows] = self._piece(number)[columns[rows] - number * PIECE]
        return out

    def _piece(self, number: int) -> Bits:
        width = min(PIECE, self.columns - number * PIECE)
        part = codec.unshuffle(codec.decompress(self.pieces[number], width * self.times * 8)).reshape(width, self.times)
        return np.bitwise_xor.accumulate(part, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class HeadView:
    """One state of a head block that a reader may use while the writer goes on."""

    block: int
    target: int
    ids: Ids
    stamps: NDArray[np.int64]
    slabs: tuple[Slab, ...]
    open: Bits
    rows: int
    column_of: Mapping[int, int]
    """Series to column; it may have grown since, by columns beyond `ids`."""

    def columns(self, ids: Ids) -> NDArray[np.intp]:
        """Return the columns of those of these series that are here, in rising order; `ids` is sorted."""
        if ids.size * _FEW > self.ids.size:
            if not ids.size:
                return np.empty(0, dtype=np.intp)
            # Of many targets each has few of what was asked for: sorting both, as np.isin does, is not worth it.
            nearest = np.minimum(np.searchsorted(ids, self.ids), ids.size - 1)
            here: NDArray[np.intp] = np.flatnonzero(ids[nearest] == self.ids)
            return here
        places = [self.column_of.get(number, -1) for number in ids.tolist()]
        found: NDArray[np.intp] = np.array(sorted(p for p in places if 0 <= p < self.ids.size), dtype=np.intp)
        return found

    def read(self, columns: NDArray[np.intp], low: int = 0, high: int | None = None) -> Bits:
        """Return bit patterns of these columns in the scrapes low to high - 1, shape (columns, scrapes)."""
        high = self.stamps.size if high is None else high
        parts = [slab.read(columns)[:, part] for slab, part in self._slabs_in(low, high)]
        start = sum(slab.times for slab in self.slabs)
        if high > start or not parts:
            first, stop = max(low - start, 0), max(high - start, 0)
            last = np.full((columns.size, stop - first), _ABSENT, dtype=np.uint64)
            here = np.flatnonzero(columns < self.open.shape[1])
            last[here] = self.open[first:stop, columns[here]].T
            parts.append(last)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def cost(self, columns: NDArray[np.intp], low: int, high: int) -> int:
        """Return how many samples `read` touches: of a compressed slab every column beside one that is asked for."""
        cells = columns.size * (high - low)
        packed = [slab for slab, _ in self._slabs_in(low, high) if slab.array is None]
        return cells + (np.unique(columns // PIECE).size * PIECE * SLAB * len(packed) if packed else 0)

    def _slabs_in(self, low: int, high: int) -> Iterator[tuple[Slab, slice]]:
        start = 0
        for slab in self.slabs:
            if low < start + slab.times and start < high:
                yield slab, slice(max(low - start, 0), high - start)
            start += slab.times


class HeadBlock:
    """The scrapes of one target in one storage block that have no chunks yet. Changed by the writer thread alone."""

    def __init__(self, target: int, block: int, ids: Ids) -> None:
        self.target = target
        self.block = block
        self.ids = ids
        self.columns: dict[int, int] = {number: column for column, number in enumerate(ids.tolist())}
        self.parts = 0
        """How many layout rows are on disk."""
        self.slabs: list[Slab] = []
        self.last_row: Bits | None = None
        self._stamps = np.empty(SLAB, dtype=np.int64)
        self._count = 0
        self._open: Bits = _array(ids.size)
        self._rows = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    @property
    def starts_slab(self) -> bool:
        """Whether the next row is written whole, not as a difference."""
        return self._rows == 0 or self.last_row is None

    @property
    def stamps(self) -> NDArray[np.int64]:
        """The timestamps so far."""
        return self._stamps[: self._count]

    def widen(self, added: Ids) -> None:
        """Add columns; what came before is absent in them."""
        with self._lock:
            wide = _array(self.ids.size + added.size)
            wide[: self._rows, self.ids.size :] = _ABSENT
            wide[: self._rows, : self.ids.size] = self._open[: self._rows]
            self.columns.update((number, self.ids.size + i) for i, number in enumerate(added.tolist()))
            self.ids = np.concatenate([self.ids, added])
            self._open = wide

    def add(self, stamp_ms: int, row: Bits) -> None:
        """Add one scrape, one value for every column."""
        with self._lock:
            if self._count == self._stamps.size:
                self._stamps = np.concatenate([self._stamps, np.empty_like(self._stamps)])
            self._stamps[self._count] = stamp_ms
            self._open[self._rows, : row.size] = row
            self._open[self._rows, row.size :] = _ABSENT
            self._rows += 1
            self._count += 1
            self.last_row = row
            if self._rows == SLAB:
                self.slabs.append(Slab(self._open))
                self._open = _array(self.ids.size)
                self._rows = 0

    def view(self) -> HeadView:
        """Return the present state for reading."""
        with self._lock:
            stamps, slabs = self.stamps.copy(), tuple(self.slabs)
            return HeadView(self.block, self.target, self.ids, stamps, slabs, self._open, self._rows, self.columns)

    def compress(self, pieces: int) -> int:
        """Compress up to this many pieces of full slabs; returns how many of them were not needed."""
        for slab in self.slabs:
            if pieces and slab.array is not None:
                pieces = slab.compress(pieces)
        return pieces


@dataclass(slots=True, eq=False)
class TargetHead:
    """What the store holds in memory of one target."""

    number: int
    name: str
    last_ms: int = -1
    carry: bytes | None = None
    current: HeadBlock | None = None
    closing: list[HeadBlock] = field(default_factory=list)
    """Blocks that are over and wait for their flush, oldest first."""
    layout: Layout | None = None
    layout_ids: Ids | None = None
    layout_generation: int = -1
    positions: NDArray[np.intp] | None = None
    """The layout's series as columns of `current`; None: not looked up yet in this block."""
    in_order: bool = False
    """Whether the positions are 0, 1, 2, … so that a scrape's values are a row as they are."""

    def blocks(self) -> list[HeadBlock]:
        """Return all blocks in memory, oldest first; from another thread one may be a flushed one, none is missing."""
        current = self.current  # read before `closing`, into which it may move meanwhile
        waiting = list(self.closing)
        return waiting if current is None or current in waiting else [*waiting, current]
