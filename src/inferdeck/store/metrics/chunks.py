"""Chunks in a day file: read for queries, written by flush and by bulk writes, merged with what is there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.store.metrics import codec
from inferdeck.store.metrics.codec import Bits, CodecName, CorruptError
from inferdeck.store.metrics.day_file import DayFile, Grid, chunk_key, key_range
from inferdeck.store.metrics.index import Ids

Stamps = NDArray[np.int64]
Row = tuple[int, int, bytes]
"""Key, grid and blob of a chunk."""
Report = Callable[[int, str], None]
"""Told the key and the reason of each chunk that cannot be read."""
_ABSENT = np.uint64(ABSENT_BITS)
_NO_GRID = "its time grid is damaged or missing"


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some series of one block on one grid; rows: bit patterns, shape (series, times)."""

    block: int
    target: int
    grid: int
    stamps: Stamps
    ids: Ids
    rows: Bits
    dense: bool = False
    """True where it is known that no cell is a hole; False where that is not known."""


def chunk_rows(connection: sqlite3.Connection, block: int, ids: Ids) -> list[Row]:
    """Return those of these series (sorted) that have a chunk in the block."""
    if not ids.size:
        return []
    keys = ids.astype(np.int64) + (block << 32)
    cuts = np.flatnonzero(np.diff(keys) > 1) + 1
    if 4 * (cuts.size + 1) > ids.size:  # far apart: a seek per series
        found = connection.execute(
            "SELECT key, grid, data FROM chunk WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps(keys.tolist()),),
        )
        return found.fetchall()
    rows: list[Row] = []
    for low, high in zip(keys[np.r_[0, cuts]].tolist(), keys[np.r_[cuts - 1, keys.size - 1]].tolist(), strict=True):
        found = connection.execute("SELECT key, grid, data FROM chunk WHERE key BETWEEN ? AND ?", (low, high))
        rows += found.fetchall()
    return rows


def decode_pieces(rows: list[Row], grids: dict[int, Grid], report: Report) -> list[Piece]:
    """Return the samples of these chunks, one piece per grid; unreadable chunks are reported."""
    by_grid: dict[int, list[Row]] = {}
    for row in rows:
        by_grid.setdefault(row[1], []).append(row)
    pieces = []
    for number, found in by_grid.items():
        grid = grids.get(number)
        if grid is None:
            for key, _, _ in found:
                report(key, _NO_GRID)
            continue
        piece = _decode_on(grid, found, report)
        if piece.ids.size:
            pieces.append(piece)
    return pieces


def cut(piece: Piece, start_ms: int, end_ms: int) -> Piece | None:
    """Return the part of a piece in the time range, or None where it has nothing there."""
    low, high = np.searchsorted(piece.stamps, [start_ms, end_ms + 1]).tolist()
    if low == high:
        return None
    if low == 0 and high == piece.stamps.size:
        return piece
    return replace(piece, stamps=piece.stamps[low:high], rows=piece.rows[:, low:high])


def _decode_on(grid: Grid, rows: list[Row], report: Report) -> Piece:
    """Return those of the chunks on this grid that can be read."""
    number, times, decode = grid.number, grid.stamps.size, codec.decode_into
    out = np.empty((len(rows), times))
    keys: list[int] = []
    kinds = 0
    for key, _, blob in rows:
        try:
            decode(out[len(keys)], blob, key, number)
        except CorruptError as error:
            report(key, str(error))
            continue
        keys.append(key)
        kinds |= blob[0]
    ids = (np.array(keys, dtype=np.int64) & 0xFFFFFFFF).astype(np.uint32)
    values = out[: len(keys)].view(np.uint64)
    return Piece(grid.block, grid.target, number, grid.stamps, ids, values, not kinds & codec.HAS_NANS)


def decode_chunk(blob: bytes, key: int, grid: Grid | None) -> Bits:
    """Return a chunk's bit patterns on its grid; raises CorruptError, also where the grid is gone."""
    if grid is None:
        raise CorruptError(_NO_GRID)
    return codec.decode_row(blob, key, grid.number, grid.stamps.size)


class ChunkWriter:
    """Writes into one block of one day file, inside one transaction of the caller."""

    def __init__(
        self,
        day: DayFile,
        connection: sqlite3.Connection,
        block: int,
        codec_name: CodecName,
        *,
        quick: bool = False,
    ) -> None:
        self.day = day
        self.connection = connection
        self.block = block
        self.codec: CodecName = codec_name
        self.quick = quick

    def insert(self, target: int, stamps: Stamps, ids: Ids, rows: Bits) -> None:
        """Write series that have no chunk in this block yet; those without a sample are left out."""
        samples = np.count_nonzero(rows != _ABSENT, axis=1)
        used = np.flatnonzero(samples)
        if not used.size:
            return
        grid = self._grid(target, stamps)
        keys = [chunk_key(self.block, number) for number in ids[used].tolist()]
        blobs = codec.encode_rows(keys, grid, rows[used], self.codec, quick=self.quick)
        self.connection.executemany(
            "INSERT INTO chunk(key, grid, data) VALUES (?,?,?)", zip(keys, [grid] * len(keys), blobs, strict=True)
        )
        self.connection.execute("UPDATE grid SET chunks=chunks+? WHERE id=?", (len(keys), grid))
        self._count(int(samples.sum()), len(keys))

    def merge(self, target: int, stamps: Stamps, ids: Ids, rows: Bits, *, replace: bool) -> None:
        """Write series that may have a chunk here; `replace` says whether the new or the present sample wins."""
        order = np.argsort(ids)
        ids, rows = ids[order], rows[order]
        present = self._take(ids)
        fresh = np.array([number not in present for number in ids.tolist()], dtype=bool)
        self.insert(target, stamps, ids[fresh], rows[fresh])
        merged: dict[bytes, tuple[int, Stamps, list[int], list[Bits]]] = {}
        for number, row in zip(ids[~fresh].tolist(), rows[~fresh], strict=True):
            old_target, old_stamps, old_row = present[number]
            times, values = combine(old_stamps, old_row, stamps, row, replace=replace)
            owner = old_target if times.size == old_stamps.size else target
            group = merged.setdefault(owner.to_bytes(4, "little") + times.tobytes(), (owner, times, [], []))
            group[2].append(number)
            group[3].append(values)
        for owner, times, numbers, lines in merged.values():
            self.insert(owner, times, np.array(numbers, dtype=np.uint32), np.stack(lines))

    def erase(self, ids: Ids, start_ms: int, end_ms: int) -> int:
        """Remove the samples of these series from start to end, both included; returns how many there were."""
        removed = 0
        for number, (target, stamps, row) in self._take(np.sort(ids)).items():
            low, high = np.searchsorted(stamps, [start_ms, end_ms + 1]).tolist()
            removed += int(np.count_nonzero(row[low:high] != _ABSENT))
            row = row.copy()
            row[low:high] = _ABSENT
            self.insert(target, stamps, np.array([number], dtype=np.uint32), row[None, :])
        return removed

    def _take(self, ids: Ids) -> dict[int, tuple[int, Stamps, Bits]]:
        """Remove the chunks of these series and return their (target, stamps, row) by series."""
        found = chunk_rows(self.connection, self.block, ids)
        if not found:
            return {}
        grids = self.day.grids(self.connection, self.block, self.block)
        bad: dict[int, str] = {}
        pieces = decode_pieces(found, grids, bad.__setitem__)
        quarantine_chunks(self.connection, bad)
        present: dict[int, tuple[int, Stamps, Bits]] = {}
        samples = 0
        for piece in pieces:
            samples += int(np.count_nonzero(piece.rows != _ABSENT))
            for number, row in zip(piece.ids.tolist(), piece.rows, strict=True):
                present[number] = (piece.target, piece.stamps, row)
            self._release(piece.grid, piece.ids.size)
        self.connection.executemany(
            "DELETE FROM chunk WHERE key=?", [(chunk_key(self.block, number),) for number in present]
        )
        self._count(-samples, -len(present))
        return present

    def _grid(self, target: int, stamps: Stamps) -> int:
        crc = codec.grid_crc(stamps, self.block, target)
        data = codec.encode_grid(stamps)
        for number, found in self.connection.execute(
            "SELECT id, data FROM grid WHERE block=? AND crc=? AND target=?", (self.block, crc, target)
        ):
            if found == data:
                return int(number)
        cursor = self.connection.execute(
            "INSERT INTO grid(block, crc, target, last_ms, chunks, data) VALUES (?,?,?,?,0,?)",
            (self.block, crc, target, int(stamps[-1]), data),
        )
        return int(cursor.lastrowid or 0)

    def _release(self, grid: int, chunks: int) -> None:
        self.connection.execute("UPDATE grid SET chunks=chunks-? WHERE id=?", (chunks, grid))
        self.connection.execute("DELETE FROM grid WHERE id=? AND chunks<=0", (grid,))

    def _count(self, samples: int, chunks: int) -> None:
        self.connection.execute("UPDATE meta SET value=value+? WHERE key='samples'", (samples,))
        self.connection.execute("UPDATE meta SET value=value+? WHERE key='chunks'", (chunks,))


def quarantine_chunks(connection: sqlite3.Connection, bad: dict[int, str]) -> None:
    """Move unreadable chunks aside in their file; inside the caller's transaction. Their samples stay counted out."""
    for key, reason in bad.items():
        moved = connection.execute(
            "INSERT INTO quarantine(kind, key, data, reason) SELECT 'chunk', key, data, ? FROM chunk WHERE key=?",
            (reason, key),
        ).rowcount
        if moved:
            connection.execute("UPDATE grid SET chunks=chunks-1 WHERE id=(SELECT grid FROM chunk WHERE key=?)", (key,))
            connection.execute("DELETE FROM chunk WHERE key=?", (key,))
            connection.execute("UPDATE meta SET value=value-1 WHERE key='chunks'")


def combine(
    old_stamps: Stamps, old_row: Bits, new_stamps: Stamps, new_row: Bits, *, replace: bool
) -> tuple[Stamps, Bits]:
    """Return the union of two rows of one series; where both have a sample, the new one if `replace`."""
    first, second = ((old_stamps, old_row), (new_stamps, new_row))
    if not replace:
        first, second = second, first
    stamps = np.union1d(old_stamps, new_stamps)
    row = np.full(stamps.size, _ABSENT, dtype=np.uint64)
    for times, values in (first, second):
        has = values != _ABSENT
        row[np.searchsorted(stamps, times[has])] = values[has]
    return stamps, row


def samples_in_blocks(connection: sqlite3.Connection, block: int) -> tuple[set[int], int]:
    """Return the ids that have chunks in a block and the last timestamp among their grids (-1 without any)."""
    keys = connection.execute("SELECT key FROM chunk WHERE key BETWEEN ? AND ?", key_range(block))
    last = connection.execute("SELECT max(last_ms) FROM grid WHERE block=?", (block,)).fetchone()[0]
    return {key & 0xFFFFFFFF for (key,) in keys}, -1 if last is None else last
