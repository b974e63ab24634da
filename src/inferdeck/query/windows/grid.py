"""Windows on a time grid: which samples each step of each series sees, for every kernel alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS, STALE_BITS
from inferdeck.store.interface import Block, SparseBlock

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Number = TypeVar("Number", np.float64, np.int64)

LOOKBACK_MS = 300_000
"""How far back an instant selector looks for a sample (Prometheus' default, 5 minutes)."""

_ABSENT = np.uint64(ABSENT_BITS)
_STALE = np.uint64(STALE_BITS)
# Rows are worked through in pieces of about this many cells: temporaries stay in cache and memory stays bounded.
_PIECE_CELLS = 1 << 18


class Semantics(Enum):
    """Whose rules: inferdeck speaks Prometheus 3; those of 2.x exist to be compared with a 2.x server.

    They differ in two things. Windows are open at the left in 3.x and closed in 2.x. An extrapolation towards the
    start of a counter is limited by its zero point after the limit by the average gap in 3.x, before it in 2.x.
    """

    PROMETHEUS_3 = 3
    PROMETHEUS_2 = 2


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The samples of some series, holes taken out, and the half-open index range that each step sees of them.

    values: float64 (series, samples). times_ms, begin, end: int64 with one row for all series where no series has a
    hole (the dense case), else one row per series; begin and end have one column per step. What stands beyond the
    last sample of a series is padding that no range reaches. ordinals: as times_ms, how many samples the series has up
    to each, where some that windows do not need are left out (SparseBlock).
    """

    values: Floats
    times_ms: Ints
    begin: Ints
    end: Ints
    steps_ms: Ints
    range_ms: int
    semantics: Semantics
    ordinals: Ints | None = None

    @property
    def count(self) -> Ints:
        """Samples per window, shape (1 or series, steps)."""
        there = self.end - self.begin
        if self.ordinals is None:
            return there
        between = self.pick(self.ordinals, self.last_index()) - self.pick(self.ordinals, self.first_index())
        return np.where(there > 0, between + 1, 0)

    def pick(self, source: NDArray[Number], index: Ints) -> NDArray[Number]:
        """Return source[series, index[series, step]]; either may have a single row for all series."""
        shared = index.shape[0] == 1
        picked: NDArray[Number]
        picked = np.take(source, index[0], axis=1) if shared else np.take_along_axis(source, index, axis=1)
        return picked

    def first_index(self) -> Ints:
        """Return the index of each window's first sample; any valid index where the window is empty."""
        index: Ints = np.minimum(self.begin, self.values.shape[1] - 1)
        return index

    def last_index(self) -> Ints:
        """Return the index of each window's last sample; any valid index where the window is empty."""
        return np.maximum(self.end - 1, 0)

    def cells(self) -> tuple[Ints, Ints]:
        """Return begin and end for every cell, shape (series, steps)."""
        shape = (self.values.shape[0], self.steps_ms.size)
        return np.broadcast_to(self.begin, shape), np.broadcast_to(self.end, shape)


class Answer(NamedTuple):
    """What a kernel says: values, and where there is one; both broadcast to (series, steps)."""

    values: Floats
    present: Bools


Kernel = Callable[[Windows], Answer]


def evaluate(
    block: Block,
    steps_ms: Ints,
    range_ms: int,
    kernel: Kernel,
    *,
    semantics: Semantics = Semantics.PROMETHEUS_3,
    keep_stale: bool = False,
) -> Floats:
    """Return the kernel's value for each series and step, shape (series, steps), ABSENT_BITS where there is none.

    steps_ms: int64, in any order. A window holds the samples with step - range < time <= step (2.x: <=). Stale markers
    are no samples unless `keep_stale`. Series without holes share one set of windows; the others get their own.
    """
    out = absent((len(block.series), steps_ms.size))
    begin, end = ranges(block.timestamps_ms, steps_ms, range_ms, semantics)
    seen = end > begin
    if out.size == 0 or not seen.any():
        return out
    start, stop = int(begin[seen].min()), int(end[seen].max())
    begin, end = np.clip(begin, start, stop) - start, np.clip(end, start, stop) - start
    times, values = block.timestamps_ms[start:stop], block.values[:, start:stop]
    counts = block.counts[start:stop] if isinstance(block, SparseBlock) else None
    for rows, keep in row_pieces(values, steps_ms.size, dense=block.dense, keep_stale=keep_stale):
        some = values[rows]
        if keep is None:
            ordinals = None if counts is None else np.cumsum(counts)[None, :]
            windows = Windows(
                some, times[None, :], begin[None, :], end[None, :], steps_ms, range_ms, semantics, ordinals
            )
        else:
            packed, packed_times, before = pack(some, times, keep)
            ordinals = None if counts is None else _packed_ordinals(counts, keep, packed_times.shape)
            windows = Windows(
                packed, packed_times, before[:, begin], before[:, end], steps_ms, range_ms, semantics, ordinals
            )
        with np.errstate(all="ignore"):
            answer = kernel(windows)
        place(out, rows, answer)
    return out


def absent(shape: tuple[int, ...]) -> Floats:
    """Return an array of this shape in which no cell has a value."""
    return np.full(shape, _ABSENT, dtype=np.uint64).view(np.float64)


def has_value(values: Floats) -> Bools:
    """Return where an array has a value, that is, where its bits are not ABSENT_BITS."""
    there: Bools = np.ascontiguousarray(values).view(np.uint64) != _ABSENT
    return there


def is_stale(values: Floats) -> Bools:
    """Return where an array holds stale markers."""
    stale: Bools = np.ascontiguousarray(values).view(np.uint64) == _STALE
    return stale


def ranges(times: Ints, steps: Ints, range_ms: int, semantics: Semantics) -> tuple[Ints, Ints]:
    """Return the half-open index range of the samples that each step's window holds."""
    side: Literal["left", "right"] = "right" if semantics is Semantics.PROMETHEUS_3 else "left"
    begin = times.searchsorted(steps - range_ms, side=side)
    end = times.searchsorted(steps, side="right")
    return begin.astype(np.int64), np.maximum(begin, end).astype(np.int64)


def row_pieces(
    values: Floats, steps: int, *, dense: bool, keep_stale: bool
) -> Iterator[tuple[Ints | slice, Bools | None]]:
    """Yield groups of rows with the mask of their samples, or None where every cell is one."""
    height = max(1, _PIECE_CELLS // max(values.shape[1], steps))
    for top in range(0, values.shape[0], height):
        rows = slice(top, min(top + height, values.shape[0]))
        if dense and keep_stale:
            yield rows, None
            continue
        bits = values[rows].view(np.uint64)
        keep = bits != _ABSENT
        if not keep_stale:
            keep &= bits != _STALE
        full = keep.all(axis=1)
        if full.all():
            yield rows, None
        elif not full.any():
            yield rows, keep
        else:
            yield np.flatnonzero(full) + top, None
            yield np.flatnonzero(~full) + top, keep[~full]


def pack(values: Floats, times: Ints, keep: Bools) -> tuple[Floats, Ints, Ints]:
    """Move each row's samples to its left; return values, times and how many samples stand before each column."""
    before = np.zeros((keep.shape[0], keep.shape[1] + 1), dtype=np.int64)
    np.cumsum(keep, axis=1, out=before[:, 1:])
    total = before[:, -1:]
    width = max(1, int(total.max()))
    filled = np.arange(width) < total
    packed = np.zeros(filled.shape)
    packed_times = np.zeros(filled.shape, dtype=np.int64)
    packed[filled] = values[keep]
    packed_times[filled] = np.broadcast_to(times, keep.shape)[keep]
    return packed, packed_times, before


def _packed_ordinals(counts: Ints, keep: Bools, shape: tuple[int, ...]) -> Ints:
    """Return how many samples each row has up to each of those that `pack` moved to its left."""
    packed = np.zeros(shape, dtype=np.int64)
    packed[np.arange(shape[1]) < keep.sum(axis=1)[:, None]] = np.cumsum(np.where(keep, counts, 0), axis=1)[keep]
    return packed


def place(out: Floats, rows: Ints | slice, answer: Answer) -> None:
    """Write a kernel's answer into the rows of `out` that it is for."""
    # As integers, since a conversion could quieten a signalling NaN.
    bits = np.asarray(answer.values, dtype=np.float64).view(np.uint64)
    out.view(np.uint64)[rows] = bits if answer.present.all() else np.where(answer.present, bits, _ABSENT)


def join(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks in which every series occurs once: those that share a series become one on the union of times.

    A sample that two blocks have is taken from the later one of the list.
    """
    if len(blocks) == 1:
        return [blocks[0]]
    groups: list[tuple[set[Labels], list[Block]]] = []
    for block in blocks:
        names, members = set(block.series), [block]
        apart = []
        for group in reversed(groups):
            if names.isdisjoint(group[0]):
                apart.append(group)
            else:
                names |= group[0]
                members = group[1] + members
        groups = [*reversed(apart), (names, members)]
    return [members[0] if len(members) == 1 else _union(members) for _, members in groups]


def _union(blocks: Sequence[Block]) -> Block:
    series = tuple(dict.fromkeys(labels for block in blocks for labels in block.series))
    row_of = {labels: row for row, labels in enumerate(series)}
    times = np.unique(np.concatenate([block.timestamps_ms for block in blocks]))
    bits = absent((len(series), times.size)).view(np.uint64)
    for block in blocks:
        rows = np.array([row_of[labels] for labels in block.series], dtype=np.intp)
        cells = np.ix_(rows, times.searchsorted(block.timestamps_ms))
        new = np.ascontiguousarray(block.values).view(np.uint64)
        bits[cells] = np.where(new == _ABSENT, bits[cells], new)
    return Block(series, times, bits.view(np.float64), dense=not bool((bits == _ABSENT).any()))
