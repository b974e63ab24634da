"""The stateful stage: what a target says becomes series that can be stored and rated.

It drops what the catalog drops (after `_created` has told a reset), takes null values for absent labels, adds up twins,
folds labels that grow without bound, and puts workers that answer in turn together. Folded counters are the sum of the
increases of their children (increases.py). A counter that is not folded passes as it is, resets and all, unless workers
take turns: then it is a sum of increases too, from its last stored value on. Nothing that is stored ever jumps: a sum
of increases goes on being told while its target, after a restart, does not show it yet (absent.py).
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.metric import Aggregation
from inferdeck.model.scrape import EMPTY_LAYOUT, NAN_BITS, Layout
from inferdeck.sources.absent import Absent
from inferdeck.sources.carry import CarryError, Encoder, decode
from inferdeck.sources.catalog import Catalog
from inferdeck.sources.increases import Increases
from inferdeck.sources.repair_plan import Child, Key, Plan, Planner, Total

Values = NDArray[np.float64]

LIVE_WORKER = 40
"""Scrapes for which the gauges of a worker still count after its last answer; ten minutes at 15 s."""
REPEAT_CARRY = 20
"""Scrapes after which an unchanged state is handed out again, in case a full disk lost the last one."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Repaired:
    """One scrape after repair. carry: the state to store with it, None where it is as before.

    estimated: native and canonical families whose values were put together from workers that answer in turn.
    """

    layout: Layout
    values: Values
    carry: bytes | None = None
    estimated: frozenset[str] = frozenset()


class Repair:
    """Repairs the scrapes of one target, in their order; carry: the state after the last stored scrape.

    planner: one that knows the target's series already, where it begins anew; keeps: whether anybody stores its state.
    """

    def __init__(
        self, catalog: Catalog, carry: bytes | None, *, planner: Planner | None = None, keeps: bool = True
    ) -> None:
        self._planner = planner or Planner(catalog)
        self._keeps = keeps
        self._canonical = {metric.descriptor.name: metric.canonical for metric in catalog.metrics}
        self._increases = _restored(catalog.kind, carry)
        self._absent = Absent(self._increases)
        self._encoder = Encoder()
        self._plan: Plan | None = None
        self._last: Values = np.empty(0)
        self._bits = b""
        """The same to the bit: what is alike in two scrapes is so whatever its NaNs are."""
        self._found: tuple[Layout, Values] = (EMPTY_LAYOUT, np.empty(0))
        """What the scrape before became."""
        self._told = (-1, 0)
        self._turns = _Turns()

    def apply(self, layout: Layout, values: Values) -> Repaired:
        """Return the repaired scrape; values: float64, one per series of the layout, which are not written."""
        plan, increases = self._planned(layout), self._increases
        before, self._bits = self._bits, values.tobytes()
        if plan is self._plan and not increases.turns and self._bits == before:
            increases.again()
            return Repaired(*self._found, self._carry())
        if self._enter(plan, values) and not increases.turns:
            self._begin_turns()
            plan = self._planned(layout)
        totals, back = increases.add(plan.tracked, values, quiet=self._quiet(plan))
        if back and not increases.turns and plan.process_start < 0:
            self._begin_turns_unnamed()
            plan = self._planned(layout)
            totals, _ = increases.add(plan.tracked, values, quiet=self._quiet(plan))
        found = _outputs(plan, values, totals)
        self._plan, self._last = plan, values
        if not increases.turns:
            self._found = self._absent.join(plan.layout, found, plan.totals, lasting=True)
            return Repaired(*self._found, self._carry())
        assert increases.current is not None  # noqa: S101
        increases.current.whole = True
        joined, everything = self._turns.join(increases.current.start, plan, found, increases)
        joined, everything = self._absent.join(joined, everything, self._turns.totals, lasting=False)
        return Repaired(joined, everything, self._carry(), self._estimated())

    def _quiet(self, plan: Plan) -> frozenset[Key]:
        """Return the counters whose first value counts nothing: stored already when nobody watched their increases."""
        current = self._increases.current
        if not self._increases.turns or current is None or current.whole:
            return frozenset()
        keys = plan.tracked.keys
        return frozenset(keys).difference(keys[place] for place in np.flatnonzero(plan.folded).tolist())

    def _planned(self, layout: Layout) -> Plan:
        """Return the plan; while workers take turns, all counters are watched."""
        everything = self._increases.turns
        plan = self._plan
        if plan is None or plan.source is not layout or plan.everything != everything:
            plan = self._planner.plan(layout, everything)
        return plan

    def _enter(self, plan: Plan, values: Values) -> bool:
        """Note which process answers; True where an earlier one came back."""
        start, increases = plan.started(values), self._increases
        before = increases.current
        if self._plan is None and self._restarted_unseen(plan, start):
            increases.begin_anew()
        if before is not None and before.start != start and self._plan is not None:
            if self._clock_was_set(plan, values, start - before.start):
                increases.rename(start)
            elif not increases.turns:
                increases.remember(self._planner.plan(self._plan.source, everything=True).tracked, self._last)
        return increases.enter(start)

    def _restarted_unseen(self, plan: Plan, start: float) -> bool:
        """Tell whether the target began anew while nobody watched, and lacks totals that it had before.

        What those are called is not known any more, so that the sums of which they are part would fall and jump.
        """
        increases = self._increases
        if not increases.workers or start in increases.workers:
            return False
        known = {total.key for total in increases.absent.values()}
        return not known.issuperset(increases.totals.keys() - set(plan.tracked.totals))

    def _clock_was_set(self, plan: Plan, values: Values, seconds: float) -> bool:
        """Tell a restart from a target whose start is computed from a boot time that moved by whole seconds."""
        if self._plan is None or plan.source is not self._plan.source:
            return False
        if abs(seconds) > 2.0 or abs(seconds - round(seconds)) > 1e-3:
            return False
        counters = self._planner.plan(plan.source, everything=True).tracked.index
        return bool(np.all(values[counters] >= self._last[counters]))

    def _begin_turns(self) -> None:
        """Go over to adding up all counters, from the values that were stored last."""
        emitted: dict[Key, float] = {}
        if self._plan is not None:
            stored = _outputs(self._plan, self._last, np.empty(0)).tolist()
            for child, value in zip(self._plan.children, stored, strict=True):
                if child.counter and not child.folded and math.isfinite(value):
                    emitted[child.total] = value
        self._increases.seed(emitted)
        self._increases.turns = True
        self._increases.shape += 1

    def _begin_turns_unnamed(self) -> None:
        """The same where workers do not say when they began: only the `_created` of children tells them apart."""
        increases = self._increases
        assert increases.current is not None  # noqa: S101
        if self._plan is not None:
            increases.remember(self._planner.plan(self._plan.source, everything=True).tracked, self._last)
        self._begin_turns()
        increases.current.whole = False

    def _carry(self) -> bytes | None:
        increases = self._increases
        version, at = self._told
        stateful = self._keeps and bool(increases.bound[0].keys or increases.totals)
        if not stateful or (version == increases.version and increases.clock - at < REPEAT_CARRY):
            return None
        self._told = (increases.version, increases.clock)
        return self._encoder.encode(increases)

    def _estimated(self) -> frozenset[str]:
        native = self._turns.families
        return native.union(*(self._canonical.get(family, ()) for family in native))


class _Turns:
    """Puts the last outputs of workers that answer in turn together: counters by total, gauges by aggregation."""

    def __init__(self) -> None:
        self._workers: dict[float, tuple[int, dict[Labels, tuple[Child, float]]]] = {}
        self._layout = EMPTY_LAYOUT
        self.families: frozenset[str] = frozenset()

    def totals(self) -> dict[Labels, Total]:
        """Return the counters among the outputs of all live workers."""
        every = (child for _, outputs in self._workers.values() for child, _ in outputs.values())
        return {child.output: Total(child.family, child.total) for child in every if child.counter}

    def join(self, start: float, plan: Plan, found: Values, increases: Increases) -> tuple[Layout, Values]:
        """Return the outputs of all live workers; the layout is the same object while the series are."""
        pairs = zip(plan.children, found.tolist(), strict=True)
        self._workers[start] = (increases.clock, {child.output: (child, value) for child, value in pairs})
        for old, (seen, _) in list(self._workers.items()):
            if increases.clock - seen > LIVE_WORKER or old not in increases.workers:
                del self._workers[old]
        held: dict[Labels, list[tuple[Child, float]]] = {}
        for _, outputs in sorted(self._workers.values(), key=lambda worker: worker[0], reverse=True):
            for output, value in outputs.items():
                held.setdefault(output, []).append(value)
        if held.keys() != set(self._layout.series):
            self._layout = Layout(tuple(held))
            self.families = frozenset(values[0][0].family for values in held.values())
        joined = np.array([_together(held[series]) for series in self._layout.series])
        joined.view(np.uint64)[np.isnan(joined)] = NAN_BITS
        return self._layout, joined


def _together(values: list[tuple[Child, float]]) -> float:
    """Return one value of several workers, the latest first; a counter's total holds all of them already."""
    child, latest = values[0]
    fine = [value for _, value in values if value == value]
    if child.counter or child.aggregate is Aggregation.NONE or not fine:
        return latest
    if child.aggregate is Aggregation.MAX:
        return max(fine)
    if child.aggregate is Aggregation.MIN:
        return min(fine)
    return math.fsum(fine) / (len(fine) if child.aggregate is Aggregation.MEAN else 1)


def _outputs(plan: Plan, values: Values, totals: Values) -> Values:
    found: Values = values[plan.first]
    for how, positions, groups in plan.groups:
        found[positions] = groups.reduce(groups.gather(values), how)
    if len(totals):
        found[plan.tracked.outputs] = totals
    return found


def _restored(kind: str, carry: bytes | None) -> Increases:
    if carry is None:
        return Increases()
    try:
        return decode(carry)
    except CarryError as error:
        _log.warning("%s: the stored state of folded counters is not used, their sums begin anew: %s", kind, error)
        return Increases()
