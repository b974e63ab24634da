"""From milestones and chunks to blocks that hold what certain windows need, and leave out the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.store.interface import SparseBlock, WindowUse
from inferdeck.store.metrics.chunks import Piece, Stamps
from inferdeck.store.metrics.index import Ids
from inferdeck.store.metrics.milestones import APART_MS, DENSE, RISING, Milestones
from inferdeck.store.metrics.reading import one, without_doubles

_ABSENT = np.uint64(ABSENT_BITS)
_NEEDED = {WindowUse.LAST: DENSE, WindowUse.ENDS: DENSE, WindowUse.RISE: DENSE | RISING}


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The windows of a question: closed intervals of milliseconds, and what is looked at in them."""

    ends_ms: Stamps
    reach_ms: int
    use: WindowUse

    @property
    def start_ms(self) -> int:
        """The first moment that a window holds."""
        return int(self.ends_ms.min()) - self.reach_ms

    @property
    def end_ms(self) -> int:
        """The last moment that a window holds."""
        return int(self.ends_ms.max())

    @property
    def on_hours(self) -> bool:
        """Whether milestones can be what the windows end on."""
        return bool((self.ends_ms % APART_MS == 0).all())


@dataclass(frozen=True, slots=True, eq=False)
class SparsePiece(Piece):
    """A piece with samples left out; counts as in SparseBlock."""

    counts: Stamps = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def thinned(row: Milestones, ids: Ids, reach: Reach, day: int) -> SparsePiece | None:
    """Return what the windows need of those of these series that the row can answer for, None where it cannot.

    A window that begins before the row's day or ends after it needs the day's first or last sample, which are
    milestones.
    """
    if not row.times.shape[1]:
        return None
    needed = _NEEDED[reach.use]
    wanted = ids[np.minimum(ids.searchsorted(row.ids), ids.size - 1)] == row.ids
    able = np.flatnonzero(wanted & ((row.marks & needed) == needed))  # a row with times has values for all its series
    columns = _columns(row.times, reach) if able.size else None
    if columns is None:
        return None
    counts = np.diff(row.times[1, columns], prepend=np.int64(0))
    values = row.values[able[:, None], columns]
    # A number of its own in place of a storage block's: its series stand in no other piece of the day.
    return SparsePiece(~day, row.target, 0, row.times[0, columns], row.ids[able], values, True, counts)


def _columns(times: Stamps, reach: Reach) -> NDArray[np.intp] | None:
    """Return the milestones that are the first and last samples of the windows, None where some other sample is one.

    A milestone is the first sample of a window where the one before it lies outside. Where that is a stale marker, its
    neighbours are milestones too.
    """
    stamps, _, back, ahead, kept = times
    begins = reach.ends_ms - reach.reach_ms
    first = stamps.searchsorted(begins)
    last = stamps.searchsorted(reach.ends_ms, side="right") - 1
    inside = (first < stamps.size) & (last >= 0)
    first, last, begins, ends = first[inside], last[inside], begins[inside], reach.ends_ms[inside]
    if ((ahead[last] > 0) & (stamps[last] + ahead[last] <= ends)).any():
        return None
    if reach.use is WindowUse.LAST:
        return _places(stamps.size, last[first <= last])
    if ((back[first] > 0) & (stamps[first] - back[first] >= begins)).any():
        return None
    seen = first <= last
    return _places(stamps.size, first[seen], last[seen], kept > 0)


def _places(size: int, *chosen: NDArray[np.intp] | NDArray[np.bool_]) -> NDArray[np.intp]:
    picked = np.zeros(size, dtype=np.bool_)
    for some in chosen:
        picked[some] = True
    return np.flatnonzero(picked)


def sparse_blocks(pieces: list[Piece], labels: Mapping[int, Labels]) -> list[SparseBlock] | None:
    """Return one block for the series of a target that have samples at the same places; None where a series is twice.

    That is where two targets have it: its samples then need each other's times.
    """
    by_target: dict[int, list[Piece]] = {}
    for piece in pieces:
        by_target.setdefault(piece.target, []).append(piece)
    blocks = []
    seen: list[Ids] = []
    for target, own in sorted(by_target.items()):
        if target == 0:
            return None
        full = without_doubles([piece for piece in own if not isinstance(piece, SparsePiece)])
        present = [*_side_by_side(own), *full]
        for group in _groups(present) if present else []:
            ids, block = _block(group, labels, target)
            seen.append(ids)
            blocks.append(block)
    all_ids = np.concatenate(seen) if seen else np.zeros(0, dtype=np.uint32)
    return None if np.unique(all_ids).size != all_ids.size else blocks


def _side_by_side(pieces: Iterable[Piece]) -> list[Piece]:
    """Return the milestones of one day at the same times as one piece; no series is in two of them."""
    found: list[Piece] = []
    same: dict[tuple[int, bytes, bytes], list[SparsePiece]] = {}
    for piece in pieces:
        if isinstance(piece, SparsePiece) and piece.stamps.size:
            same.setdefault((piece.block, piece.stamps.tobytes(), piece.counts.tobytes()), []).append(piece)
    for parts in same.values():
        first = parts[0]
        if len(parts) > 1:
            ids = np.concatenate([piece.ids for piece in parts])
            rows = np.concatenate([piece.rows for piece in parts])
            order = np.argsort(ids)
            first = SparsePiece(first.block, first.target, 0, first.stamps, ids[order], rows[order], True, first.counts)
        found.append(first)
    return found


def _groups(pieces: list[Piece]) -> list[list[Piece]]:
    """Return for every set of pieces that some series share those parts of the pieces."""
    ids = np.unique(np.concatenate([piece.ids for piece in pieces]))
    if all(piece.ids.size == ids.size for piece in pieces):
        return [pieces]
    member = np.zeros((ids.size, len(pieces)), dtype=np.bool_)
    for p, piece in enumerate(pieces):
        member[ids.searchsorted(piece.ids), p] = True
    ways: dict[bytes, list[int]] = {}
    for row, way in enumerate(np.packbits(member, axis=1)):
        ways.setdefault(way.tobytes(), []).append(row)
    found = []
    for rows in ways.values():
        own = ids[rows]
        found.append([_part(pieces[p], own) for p in np.flatnonzero(member[rows[0]]).tolist()])
    return found


def _part(piece: Piece, ids: Ids) -> Piece:
    order = np.argsort(piece.ids)
    picked = order[piece.ids[order].searchsorted(ids)]
    return replace(piece, ids=ids, rows=piece.rows[picked])


def _block(group: list[Piece], labels: Mapping[int, Labels], target: int) -> tuple[Ids, SparseBlock]:
    pieces = sorted(group, key=lambda piece: int(piece.stamps[0]))
    ids, stamps, rows = one(pieces)
    counts = np.ones(stamps.size, dtype=np.int64)
    for piece in pieces:
        if isinstance(piece, SparsePiece):
            counts[stamps.searchsorted(piece.stamps)] = piece.counts
    dense = rows.size == sum(piece.rows.size for piece in pieces) and all(piece.dense for piece in pieces)
    dense = dense or not bool((rows == _ABSENT).any())
    known = np.array([number in labels for number in ids.tolist()], dtype=np.bool_)
    if not known.all():  # forgotten by retention while we read
        ids, rows = ids[known], rows[known]
    names = tuple(labels[number] for number in ids.tolist())
    places = (np.int64(target) << 32) | ids.astype(np.int64)
    return ids, SparseBlock(names, stamps, rows.view(np.float64), dense, counts, places)
