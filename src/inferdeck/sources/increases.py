"""Adds up what counters have grown by, child by child: resets, vanished children and workers in turn included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.sources import precise
from inferdeck.sources.repair_plan import Key, Total, Tracked

Values = NDArray[np.float64]
Index = NDArray[np.intp]

FORGET_WORKER = 240
"""Scrapes after which a worker that no longer answers is taken for dead; an hour at 15 s."""
MOST_WORKERS = 32
MOST_CHILDREN = 50_000
"""Children that are gone for now, per worker; the ones gone longest are forgotten first."""
MOST_TOTALS = 100_000


@dataclass(slots=True, eq=False)
class Worker:
    """One process behind the target; its table has the last value of each (child, part, created) not bound now."""

    start: float
    seen: int = 0
    table: dict[tuple[int, int, float], float] = field(default_factory=dict)
    whole: bool = False
    """All its counters are known here, not only the folded ones."""


@dataclass(slots=True, eq=False)
class _Bound:
    """The children of the current layout and worker as arrays: when each began and its last value (NaN: not seen)."""

    tracked: Tracked
    created: Values
    last: Values
    totals: Values
    rests: Values
    """What the totals lack of the true sums, less than they can show."""


_NOTHING = np.empty(0)


def _none() -> _Bound:
    empty = np.empty(0, np.intp)
    return _Bound(Tracked(empty, empty, empty, empty, (), (), empty), *[np.empty(0)] * 4)


class Increases:
    """The accumulators of one target.

    A child is known by its labels, the moment it was created and the process it lives in; its first value counts in
    full, a lower one than the last too (a reset). `version` grows whenever something changes that a restart must know.
    """

    def __init__(self) -> None:
        self.workers: dict[float, Worker] = {}
        self.totals: dict[Key, float] = {}
        self._rests: dict[Key, float] = {}
        self.absent: dict[Labels, Total] = {}
        """Series that were totals and are not shown now (absent.py)."""
        self.current: Worker | None = None
        self.turns = False
        self.clock = 0
        self.version = 0
        self.shape = 0
        """Grows whenever children, totals or workers come or go, not when values change."""
        self._bound = _none()

    @property
    def bound(self) -> tuple[Tracked, Values, Values, Values]:
        """The tracked children now: (tracked, created, last values, totals)."""
        return self._bound.tracked, self._bound.created, self._bound.last, self._bound.totals

    def enter(self, start: float) -> bool:
        """Make the process that began at `start` the current one; True where a second worker must be alive.

        A process that began later than all others is a restart, until an earlier one answers again.
        """
        self.clock += 1
        if self.current is not None and self.current.start == start:
            self.current.seen = self.clock
            return False
        self.release()
        earlier = start != 0.0 and any(start <= known for known in self.workers if known)
        self.current = self.workers.setdefault(start, Worker(start, whole=self.turns or earlier))
        self.current.seen = self.clock
        self._forget()
        self.shape += 1
        self.version += 1
        return earlier

    def again(self) -> None:
        """Note that the current process answered as in the scrape before."""
        self.clock += 1
        if self.current is not None:
            self.current.seen = self.clock

    def rename(self, start: float) -> None:
        """Note that the current process now gives another start (a clock that was set), and is still the same."""
        if self.current is not None:
            del self.workers[self.current.start]
            self.current.start = start
            self.workers[start] = self.current

    def begin_anew(self) -> None:
        """Let every total begin at 0, as after a restart: all at once, so that each sum of them is reset with them."""
        self.release()
        self.totals.clear()
        self._rests.clear()
        self.absent.clear()
        self.shape += 1
        self.version += 1

    def seed(self, emitted: Mapping[Key, float]) -> None:
        """Let totals go on from the values that were last stored, so that nothing jumps."""
        self.release()
        self.totals.update(emitted)

    def add(self, tracked: Tracked, values: Values, *, quiet: frozenset[Key] = frozenset()) -> tuple[Values, bool]:
        """Add the increases of one scrape; return the totals, and whether a child's earlier `_created` came back.

        quiet: children whose first value is no increase, because their total was stored before they were tracked.
        """
        if not tracked.keys and not self._bound.tracked.keys:
            return _NOTHING, False
        created = np.where(tracked.created >= 0, values[tracked.created], 0.0)
        created[~np.isfinite(created)] = 0.0
        back = False
        if self._bound.tracked is not tracked:
            back = self._bind(tracked, created)
        elif not np.array_equal(created, self._bound.created):
            back = self._recreated(created)
        bound = self._bound
        found = values[tracked.index]
        if quiet:
            for at in np.flatnonzero(np.isnan(bound.last)):
                if tracked.keys[at] in quiet and np.isfinite(found[at]):
                    bound.last[at] = found[at]
        changed = np.flatnonzero(found != bound.last)
        if len(changed):
            self._rise(changed, found[changed])
            bound.last = np.where(np.isfinite(found), found, bound.last)
            self.version += 1
        return bound.totals, back

    def _rise(self, changed: Index, found: Values) -> None:
        """Add what the changed children have grown by to their totals."""
        bound = self._bound
        grown, lost = precise.difference(found, bound.last[changed])
        anew = ~(grown >= 0.0)  # NaN (first seen) and less than 0 (reset): in full.
        grown, lost = np.where(anew, found, grown), np.where(anew, 0.0, lost)
        more = np.isfinite(found) & (grown > 0.0)
        if more.any():
            groups = bound.tracked.groups[changed[more]]
            precise.accumulate(bound.totals, bound.rests, grown[more], lost[more], groups)

    def release(self) -> None:
        """Put the bound arrays back into the tables."""
        bound, worker = self._bound, self.current
        self._bound = _none()
        if worker is None or not bound.tracked.keys:
            return
        for key, created, last in zip(bound.tracked.keys, bound.created.tolist(), bound.last.tolist(), strict=True):
            if last == last:
                worker.table[(*key, created)] = last
        self.totals.update(zip(bound.tracked.totals, bound.totals.tolist(), strict=True))
        rests = zip(bound.tracked.totals, bound.rests.tolist(), strict=True)
        self._rests.update((key, rest) for key, rest in rests if rest)
        _shrink(worker.table, MOST_CHILDREN + len(bound.last))
        _shrink(self.totals, MOST_TOTALS)
        _shrink(self._rests, MOST_TOTALS)

    def remember(self, tracked: Tracked, values: Values) -> None:
        """Note the values of children of the current worker that were not tracked until now."""
        if self.current is not None:
            self.release()
            self.current.whole = True
            created = np.where(tracked.created >= 0, values[tracked.created], 0.0)
            for key, began, last in zip(tracked.keys, created.tolist(), values[tracked.index].tolist(), strict=True):
                if np.isfinite(last):
                    self.current.table.setdefault((*key, began if np.isfinite(began) else 0.0), last)

    def _bind(self, tracked: Tracked, created: Values) -> bool:
        if self._grow(tracked, created):
            return False
        before = dict(zip(self._bound.tracked.keys, self._bound.created.tolist(), strict=True))
        self.release()
        table = self.current.table if self.current is not None else {}
        last = np.array([table.pop((*k, c), np.nan) for k, c in zip(tracked.keys, created.tolist(), strict=True)])
        totals = np.array([self.totals.pop(key, 0.0) for key in tracked.totals])
        rests = np.array([self._rests.pop(key, 0.0) for key in tracked.totals])
        self._bound = _Bound(tracked, created, last, totals, rests)
        self.shape += 1
        self.version += 1
        return any(c < before.get(k, c) for k, c in zip(tracked.keys, created.tolist(), strict=True))

    def _grow(self, tracked: Tracked, created: Values) -> bool:
        """Bind children of which the bound ones are a part, without their tables; False where that is not so."""
        before = self._bound
        if tracked.draft is None or before.tracked.draft is not tracked.draft:
            return False
        places = np.full(int(tracked.members.max(initial=-1)) + 1, -1, np.intp)
        places[tracked.members] = np.arange(len(tracked.members))
        if before.tracked.members.max(initial=-1) >= len(places):
            return False
        at = places[before.tracked.members]
        if np.any(at < 0) or not np.array_equal(created[at], before.created):
            return False
        table = self.current.table if self.current is not None else {}
        last, new = np.full(len(tracked.keys), np.nan), np.ones(len(tracked.keys), np.bool_)
        last[at], new[at] = before.last, False
        for place in np.flatnonzero(new).tolist():
            last[place] = table.pop((*tracked.keys[place], float(created[place])), np.nan)
        totals, fresh = np.zeros(len(tracked.totals)), np.ones(len(tracked.totals), np.bool_)
        same = np.searchsorted(tracked.outputs, before.tracked.outputs)
        rests = np.zeros(len(tracked.totals))
        totals[same], rests[same], fresh[same] = before.totals, before.rests, False
        for place in np.flatnonzero(fresh).tolist():
            totals[place] = self.totals.pop(tracked.totals[place], 0.0)
            rests[place] = self._rests.pop(tracked.totals[place], 0.0)
        self._bound = _Bound(tracked, created, last, totals, rests)
        self.shape += 1
        self.version += 1
        return True

    def _recreated(self, created: Values) -> bool:
        bound = self._bound
        table = self.current.table if self.current is not None else {}
        back = False
        for at in np.flatnonzero(created != bound.created):
            key, old, new = bound.tracked.keys[at], float(bound.created[at]), float(created[at])
            if np.isfinite(bound.last[at]):
                table[(*key, old)] = float(bound.last[at])
            bound.last[at] = table.pop((*key, new), np.nan)
            back |= new < old
        bound.created = created
        self.shape += 1
        self.version += 1
        return back

    def _forget(self) -> None:
        """Drop workers that are silent for long; a restart leaves one behind each time."""
        dead = [start for start, worker in self.workers.items() if self.clock - worker.seen > FORGET_WORKER]
        by_age = sorted(self.workers, key=lambda start: self.workers[start].seen)
        for start in {*dead, *by_age[:-MOST_WORKERS]}:
            del self.workers[start]


def _shrink(table: dict[tuple[int, int, float], float] | dict[Key, float], most: int) -> None:
    for key in list(table)[: max(0, len(table) - most)]:
        del table[key]  # type: ignore[arg-type]
