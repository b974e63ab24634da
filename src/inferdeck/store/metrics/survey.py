"""Days that are over get their milestones, some series at a time, so that nobody waits; a crash loses only the work."""

from __future__ import annotations

import sqlite3
import struct
from dataclasses import dataclass, field

import numpy as np

from inferdeck.model.scrape import ABSENT_BITS, STALE_BITS
from inferdeck.store.metrics import milestones
from inferdeck.store.metrics.chunks import Piece, Stamps, chunk_rows, decode_pieces
from inferdeck.store.metrics.codec import Bits, CorruptError
from inferdeck.store.metrics.day_file import DAY_MS, DayFile
from inferdeck.store.metrics.index import Ids
from inferdeck.store.metrics.milestones import DONE, Milestones, row_of, unmarked
from inferdeck.store.metrics.state import StoreState

SERIES_PER_SLICE = 24
SERIES_PER_ROW = 480
_MOST_SETS = 4
_ABSENT, _STALE = np.uint64(ABSENT_BITS), np.uint64(STALE_BITS)


@dataclass(slots=True)
class _Job:
    day: DayFile
    generation: int
    ids: Ids
    """Those that have no milestones yet."""
    done: int = 0
    rows: list[Milestones] = field(default_factory=list)
    series: int = 0


class Surveyor:
    """Makes the milestones of days that are over, some series at a time; on the writer thread."""

    def __init__(self, state: StoreState) -> None:
        self._state = state
        self._job: _Job | None = None
        self._resting: dict[int, tuple[int, int]] = {}
        self._complete: dict[int, int] = {}

    def step(self) -> bool:
        """Look at one slice of series; returns False where nothing waits."""
        if self._job is not None and (self._job.day.dropped or self._job.day.generation != self._job.generation):
            self._job = None
        if self._job is None:
            self._job = self._next()
        if self._job is None:
            return False
        job = self._job
        try:
            with self._state.guarded(job.day):
                self._slice(job)
        except BaseException:
            self._job = None
            raise
        return True

    def waits(self) -> bool:
        """Say whether a day that is over has no milestones yet."""
        return any(self._complete.get(day.serial) != day.generation for day in self._over())

    def _over(self) -> list[DayFile]:
        today = self._state.now_ms() // DAY_MS
        busy = {block.block for head in self._state.heads.values() for block in head.blocks()}
        days = sorted(self._state.days.values(), key=lambda entry: -entry.day)
        return [day for day in days if day.created and day.day < today and busy.isdisjoint(day.blocks)]

    def _next(self) -> _Job | None:
        """Return the newest day that has rested and lacks milestones; None while a history is being written."""
        now, rest = self._state.now_ms(), self._state.options.flush_after_ms
        later = 0 <= now - self._state.last_bulk_ms < rest
        for day in self._over():
            generation = day.generation
            if self._complete.get(day.serial) == generation:
                continue
            before = self._resting.setdefault(day.serial, (generation, now))
            if before[0] != generation or now < before[1]:
                self._resting[day.serial] = before = (generation, now)
            if later or now - before[1] < rest:
                continue
            with self._state.guarded(day):
                return self._begun(day)  # None where it has them already: the next tick looks at the next day
        return None

    def _begun(self, day: DayFile) -> _Job | None:
        connection, generation = day.writer, day.generation
        day.past_done = False  # it is open now, and is closed when it is tidied up
        ids = day.ids()
        if ids.size:
            numbers, done = milestones.listed(connection, ids)
            if done:
                self._complete[day.serial] = generation
                return None
            for number in numbers:
                (blob,) = connection.execute("SELECT data FROM milestone WHERE id=?", (number,)).fetchone()
                try:
                    ids = np.setdiff1d(ids, milestones.decode(blob, day.day).ids)
                except CorruptError:
                    # All go, with a new generation: readers may keep what had the number that the next row gets.
                    self._state.damage.milestones(day.day)
                    return None
        return _Job(day, generation, ids)

    def _slice(self, job: _Job) -> None:
        ids = job.ids[job.done : job.done + SERIES_PER_SLICE]
        job.done += ids.size
        _collect(self._state, job, ids)
        over = job.done >= job.ids.size
        if over or job.series >= SERIES_PER_ROW:
            with job.day.write(chunks=False) as connection:
                _write(connection, job)
                if over:
                    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (DONE,))
            job.rows, job.series = [], 0
        if over:
            self._complete[job.day.serial] = job.generation
            self._job = None


def _write(connection: sqlite3.Connection, job: _Job) -> None:
    for statement in milestones.TABLES:
        connection.execute(statement)
    for row in _together(job.rows):
        connection.execute(
            "INSERT INTO milestone(first, last, data) VALUES (?,?,?)",
            (int(row.ids[0]), int(row.ids[-1]), milestones.encode(row, job.day.day)),
        )


def _together(rows: list[Milestones]) -> list[Milestones]:
    """Return rows of the same target and stamps as one; their series come in order."""
    groups: dict[bytes, list[Milestones]] = {}
    for row in rows:
        shared = struct.pack("<q", row.target) + row.times.tobytes()
        groups.setdefault(shared, []).append(row)
    return [_one(same) for same in groups.values()]


def _one(same: list[Milestones]) -> Milestones:
    if len(same) == 1:
        return same[0]
    ids, marks = np.concatenate([row.ids for row in same]), np.concatenate([row.marks for row in same])
    values = np.concatenate([row.values for row in same])
    order = np.argsort(ids)
    values = values[order] if values.size else values  # rows without values have none for any series
    return Milestones(same[0].target, ids[order], marks[order], same[0].times, values)


def _collect(state: StoreState, job: _Job, ids: Ids) -> None:
    """Read the chunks of some series of the day and note their milestones."""
    day, bad = job.day, set[int]()

    def report(key: int, reason: str) -> None:
        bad.add(key & 0xFFFFFFFF)
        state.damage.chunk(day.day, key, reason)

    pieces: list[Piece] = []
    connection = day.writer
    grids = day.grids(connection, day.blocks[0], day.blocks[-1])
    for block in sorted({grid.block for grid in grids.values()}):
        pieces += decode_pieces(chunk_rows(connection, block, ids), grids, report)
    path: dict[int, list[tuple[int, int]]] = {}
    for p, piece in enumerate(pieces):
        for row, number in enumerate(piece.ids.tolist()):
            path.setdefault(number, []).append((p, row))
    groups: dict[tuple[int, ...], list[int]] = {}
    for number in sorted(path):
        groups.setdefault(tuple(p for p, _ in path[number]), []).append(number)
    for which, members in groups.items():
        own = np.array(members, dtype=np.uint32)
        targets = {pieces[p].target for p in which}
        if len(targets) > 1 or 0 in targets or not bad.isdisjoint(members):
            job.rows.append(unmarked(0, own))
            continue
        rows = np.concatenate(
            [pieces[p].rows[[path[number][k][1] for number in members]] for k, p in enumerate(which)], axis=1
        )
        stamps = np.concatenate([pieces[p].stamps for p in which])
        if all(pieces[p].dense for p in which):
            job.rows.append(row_of(targets.pop(), day.day, stamps, own, rows))
        else:
            job.rows += _alike(targets.pop(), day.day, stamps, own, rows)
    job.series += ids.size


def _alike(target: int, day: int, stamps: Stamps, ids: Ids, rows: Bits) -> list[Milestones]:
    """Return the rows of series of one target: one for each set that has its holes and stale markers together."""
    kinds = (rows == _ABSENT) + np.uint8(2) * (rows == _STALE)
    sets: dict[bytes, list[int]] = {}
    for row, kind in enumerate(kinds):
        sets.setdefault(kind.tobytes(), []).append(row)
    found = []
    for nth, members in enumerate(sorted(sets.values(), key=len, reverse=True)):
        there = kinds[members[0]] != 1
        if nth < _MOST_SETS and there.any():
            found.append(row_of(target, day, stamps[there], ids[members], rows[members][:, there]))
        else:
            found.append(unmarked(target, ids[members]))
    return found
