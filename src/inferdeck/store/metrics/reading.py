"""From pieces (some series, one storage block, one grid) to the blocks that a query gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.store.interface import Block
from inferdeck.store.metrics.chunks import Piece, Stamps
from inferdeck.store.metrics.codec import Bits
from inferdeck.store.metrics.head import HeadView
from inferdeck.store.metrics.index import Ids

_ABSENT = np.uint64(ABSENT_BITS)


def head_piece(view: HeadView, ids: Ids, start_ms: int, end_ms: int) -> Piece | None:
    """Return what a head block holds of these series in the time range, or None where it holds nothing."""
    low, high = np.searchsorted(view.stamps, [start_ms, end_ms + 1]).tolist()
    if low == high:
        return None
    columns = view.columns(ids)
    if not columns.size:
        return None
    rows = view.read(columns, low, high)
    return Piece(view.block, view.target, 0, view.stamps[low:high], view.ids[columns], rows)


def without_doubles(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces with each (series, timestamp) once; where two have it, the piece that stands first wins."""
    by_block: dict[int, list[Piece]] = {}
    for piece in pieces:
        by_block.setdefault(piece.block, []).append(piece)
    found: list[Piece] = []
    for same in by_block.values():
        ids = np.concatenate([piece.ids for piece in same])
        if len(same) == 1 or np.unique(ids).size == ids.size:
            found.extend(same)
        else:
            found.extend(_masked(same))
    return found


def _masked(pieces: list[Piece]) -> list[Piece]:
    seen: dict[int, list[tuple[Piece, int]]] = {}
    found = []
    for piece in pieces:
        rows = piece.rows.copy()
        for i, number in enumerate(piece.ids.tolist()):
            for other, j in seen.get(number, ()):
                taken = other.stamps[other.rows[j] != _ABSENT]
                rows[i, np.isin(piece.stamps, taken)] = _ABSENT
            seen.setdefault(number, []).append((piece, i))
        found.append(Piece(piece.block, piece.target, piece.grid, piece.stamps, piece.ids, rows))
    return found


def join(pieces: Iterable[Piece], labels: Mapping[int, Labels]) -> list[Block]:
    """Return one block per target where that wastes little room, and one per group of series of no target."""
    by_target: dict[int, list[Piece]] = {}
    for piece in pieces:
        by_target.setdefault(piece.target, []).append(piece)
    blocks: list[Block] = []
    for target, own in sorted(by_target.items()):
        for group in _loose_groups(own) if target == 0 else _dense_groups(own):
            block = _joined(group, labels)
            if block is not None:
                blocks.append(block)
    return blocks


def _dense_groups(pieces: list[Piece]) -> list[list[Piece]]:
    """Return all pieces as one group unless series came and went so much that most cells would be holes."""
    if len(pieces) == 1:
        return [pieces]
    times = np.unique(np.concatenate([piece.stamps for piece in pieces])).size
    series = np.unique(np.concatenate([piece.ids for piece in pieces])).size
    if times * series <= 2 * sum(piece.rows.size for piece in pieces) + 100_000:
        return [pieces]
    return [[piece] for piece in pieces]


def _loose_groups(pieces: list[Piece]) -> list[list[Piece]]:
    """Return groups of series that share all their grids: series on times of their own share none by nature."""
    path: dict[int, list[tuple[int, int]]] = {}
    for p, piece in enumerate(pieces):
        for row, number in enumerate(piece.ids.tolist()):
            path.setdefault(number, []).append((p, row))
    groups: dict[tuple[int, ...], list[list[tuple[int, int]]]] = {}
    for steps in path.values():
        groups.setdefault(tuple(p for p, _ in steps), []).append(steps)
    found = []
    for which, members in groups.items():
        group = []
        for k, p in enumerate(which):
            piece, picked = pieces[p], [steps[k][1] for steps in members]
            group.append(Piece(piece.block, 0, piece.grid, piece.stamps, piece.ids[picked], piece.rows[picked]))
        found.append(group)
    return found


def _joined(pieces: list[Piece], labels: Mapping[int, Labels]) -> Block | None:
    pieces = sorted(pieces, key=lambda piece: int(piece.stamps[0]))
    ids, stamps, rows = one(pieces)
    dense = rows.size == sum(piece.rows.size for piece in pieces) and all(piece.dense for piece in pieces)
    holes = None if dense else rows == _ABSENT
    if holes is not None and holes.any():
        keep_rows, keep_times = ~holes.all(axis=1), ~holes.all(axis=0)
        if not keep_rows.any():
            return None
        if not (keep_rows.all() and keep_times.all()):
            rows = rows[keep_rows][:, keep_times]
            ids, stamps = ids[keep_rows], stamps[keep_times]
            holes = rows == _ABSENT
    dense = holes is None or not holes.any()
    names = [labels.get(number) for number in ids.tolist()]
    if None in names:  # forgotten by retention while we read
        known = [i for i, name in enumerate(names) if name is not None]
        rows = rows[known]
    return Block(tuple(name for name in names if name is not None), stamps, rows.view(np.float64), bool(dense))


def one(pieces: list[Piece]) -> tuple[Ids, Stamps, Bits]:
    first = pieces[0]
    if len(pieces) == 1:
        return first.ids, first.stamps, first.rows
    all_stamps = np.concatenate([piece.stamps for piece in pieces])
    if (np.diff(all_stamps) > 0).all() and all(np.array_equal(piece.ids, first.ids) for piece in pieces):
        return first.ids, all_stamps, np.concatenate([piece.rows for piece in pieces], axis=1)
    stamps = np.unique(all_stamps)
    ids = np.unique(np.concatenate([piece.ids for piece in pieces]))
    out = np.full((ids.size, stamps.size), _ABSENT, dtype=np.uint64)
    for piece in pieces:
        where = np.ix_(np.searchsorted(ids, piece.ids), np.searchsorted(stamps, piece.stamps))
        present = out[where]
        np.copyto(present, piece.rows, where=piece.rows != _ABSENT)
        out[where] = present
    return ids, stamps, out
