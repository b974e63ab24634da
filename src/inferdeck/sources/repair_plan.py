"""What repair does with each series of a layout, found once per layout: drop, fold, merge, and who its counter is."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import NAME, Labels, labels
from inferdeck.model.metric import Aggregation, MetricType
from inferdeck.model.scrape import Layout
from inferdeck.sources.arithmetic import Groups
from inferdeck.sources.catalog import PARTS, Catalog, Metric

Values = NDArray[np.float64]
Index = NDArray[np.intp]
Key = tuple[int, int]
"""Two 64-bit hashes: of the child (family, labels without `le`), and of the sample's part of it (suffix and `le`)."""

PROCESS_START = "process_start_time_seconds"
CREATED = "_created"
_COUNTERS = (MetricType.COUNTER, MetricType.HISTOGRAM, MetricType.SUMMARY)
_PART_LABELS = ("le", "quantile")


@dataclass(frozen=True, slots=True)
class Total:
    """The identity of one total, and the family that it is of."""

    family: str
    key: Key


@dataclass(frozen=True, slots=True)
class Child:
    """One native series as repair sees it; `created` is the number of the series that says when it began, -1 for none.

    number: that of its output; series that become one have the same. (A label set takes long to hash.)
    """

    output: Labels
    number: int
    family: str
    counter: bool
    folded: bool
    aggregate: Aggregation
    created: int = -1
    key: Key = (0, 0)
    total: Key = (0, 0)
    """The identity under which its output is added up; of counters alone, as `key`."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """The children whose increases are added up, ordered by output.

    index: their positions in a scrape. created: positions of their `_created` samples, -1 where there is none. groups:
    the number of each one's output. outputs: positions in the repaired layout. keys and totals: their identities.
    members: their numbers in `draft`; while a layout only grows, the draft is the same, and so are numbers and outputs.
    """

    index: Index
    created: Index
    groups: Index
    outputs: Index
    keys: tuple[Key, ...]
    totals: tuple[Key, ...]
    members: Index
    draft: Draft | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What one layout becomes. first: the position of each output's first member; groups: outputs with several."""

    source: Layout
    layout: Layout
    children: tuple[Child, ...]
    """One per output."""
    first: Index
    groups: tuple[tuple[Aggregation, Index, Groups], ...]
    tracked: Tracked
    folded: NDArray[np.bool_]
    """Which of the tracked children are watched always."""
    process_start: int
    everything: bool

    def totals(self) -> dict[Labels, Total]:
        """Return the series that are sums of increases."""
        shown = (self.children[number] for number in self.tracked.outputs.tolist())
        return {child.output: Total(child.family, child.total) for child in shown}

    def started(self, values: Values) -> float:
        """Return when the answering process began, Unix seconds; 0.0 where it does not say."""
        start = float(values[self.process_start]) if self.process_start >= 0 else 0.0
        return start if math.isfinite(start) else 0.0


class Draft:
    """What the series of a layout become, one after the other, so that a layout that only grows is not planned anew."""

    def __init__(self) -> None:
        self.series: tuple[Labels, ...] = ()
        self.created: dict[int, int] = {}
        """Positions of `_created` samples by the number of their series."""
        self._process_start = -1
        self._places = array("i")
        """Of outputs, by their number; -1 where this layout has none."""
        self._first: list[Child] = []
        self._first_at = array("q")
        self._folded = bytearray()
        self._counter = bytearray()
        self._members: list[Child] = []
        """Every child that is stored."""
        self._member_at = array("q")
        self._member_of = array("q")

    def add(self, position: int, child: Child) -> None:
        """Take one more series, which becomes a child."""
        if child.number >= len(self._places):
            self._places.extend([-1] * (child.number + 1 - len(self._places)))
        place = self._places[child.number]
        if place < 0:
            place = self._places[child.number] = len(self._first)
            self._first.append(child)
            self._first_at.append(position)
            self._folded.append(child.folded)
            self._counter.append(child.counter)
        self._folded[place] |= child.folded
        self._members.append(child)
        self._member_at.append(position)
        self._member_of.append(place)
        if child.family == PROCESS_START:
            self._process_start = position

    def plan(self, layout: Layout, everything: bool) -> Plan:
        """Return the plan of the layout whose series were taken."""
        folded, tracked = np.array(self._folded, np.bool_), np.array(self._counter, np.bool_)
        if not everything:
            tracked &= folded
        places = np.array(self._member_of, np.intp)
        # By output, and in it by position.
        order = np.argsort(places, kind="stable")
        sizes = np.bincount(places, minlength=len(self._first))
        chosen = order[tracked[places[order]]]
        return Plan(
            layout,
            Layout(tuple([child.output for child in self._first])),
            tuple(self._first),
            np.array(self._first_at, np.intp),
            tuple(self._groups(order, sizes, tracked)),
            self._tracked(chosen, tracked, sizes),
            folded[places[chosen]],
            self._process_start,
            everything,
        )

    def _groups(
        self, order: Index, sizes: Index, tracked: NDArray[np.bool_]
    ) -> Iterator[tuple[Aggregation, Index, Groups]]:
        """Yield the outputs of several members that are not tracked, by how they become one."""
        ends = np.cumsum(sizes)
        several: dict[Aggregation, list[int]] = {}
        for place in np.flatnonzero((sizes > 1) & ~tracked).tolist():
            child = self._first[place]
            if child.counter or child.aggregate is not Aggregation.NONE:
                several.setdefault(Aggregation.SUM if child.counter else child.aggregate, []).append(place)
        for how, found in several.items():
            members = [order[ends[place] - sizes[place] : ends[place]].tolist() for place in found]
            yield how, np.array(found, np.intp), Groups([[self._member_at[one] for one in some] for some in members])

    def _tracked(self, chosen: Index, tracked: NDArray[np.bool_], sizes: Index) -> Tracked:
        members = [self._members[member] for member in chosen.tolist()]
        outputs = np.flatnonzero(tracked)
        sizes = sizes[outputs]
        return Tracked(
            np.array(self._member_at, np.intp)[chosen],
            np.array([self.created.get(child.created, -1) for child in members], np.intp),
            np.repeat(np.arange(len(outputs)), sizes),
            outputs,
            tuple([child.key for child in members]),
            tuple([self._first[place].total for place in outputs.tolist()]),
            chosen,
            self,
        )


class Planner:
    """Makes plans for one target; what it found of a series is kept for the next layout."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._folds = {fold.label: fold.keep for fold in catalog.fold}
        self._known: dict[int, tuple[Labels, Child | None]] = {}
        """By the identity of the object: the next layout mostly has the same ones."""
        self._numbers: dict[Labels, int] = {}
        self._bases: dict[Labels, int] = {}
        self._names: dict[str, tuple[Metric | None, str, bool]] = {}
        self._draft = Draft()

    def plan(self, layout: Layout, everything: bool) -> Plan:
        """Return the plan; everything: all counters are tracked, not only folded ones."""
        if max(len(self._known), len(self._numbers)) > 4 * len(layout) + 1000:
            self._known.clear()
            self._numbers.clear()
            self._bases.clear()
            self._names.clear()
            self._draft = Draft()
        draft = self._draft
        if layout.series[: len(draft.series)] != draft.series:
            draft = self._draft = Draft()
        for position in range(len(draft.series), len(layout)):
            series = layout.series[position]
            child = self._child(series)
            if child is not None:
                draft.add(position, child)
            elif _name(series).endswith(CREATED):
                draft.created[self._number(series)] = position
        draft.series = layout.series
        return draft.plan(layout, everything)

    def _child(self, series: Labels) -> Child | None:
        known = self._known.get(id(series))
        if known is None or known[0] is not series:
            known = self._known[id(series)] = (series, self._look(series))
        return known[1]

    def _number(self, series: Labels) -> int:
        return self._numbers.setdefault(series, len(self._numbers))

    def _look(self, series: Labels) -> Child | None:
        """Return what becomes of a series, None where it is not stored."""
        found = dict(series)
        name = found.pop(NAME, "")
        metric, part, stored = self._named(name)
        if not stored or (metric is not None and part == "_bucket" and not metric.stores_bucket(found.get("le", ""))):
            return None
        kind = metric.descriptor.type if metric is not None else _guess(name)
        counter = (kind in _COUNTERS and "quantile" not in found) or bool(part)
        declared = metric.descriptor.labels if metric is not None else ()
        folded = any(label in found or label in declared for label in self._folds)
        aggregate = metric.descriptor.aggregation if metric is not None else Aggregation.NONE
        if folded and not counter and aggregate is Aggregation.NONE:
            return None
        kept = labels({label: self._kept(label, value) for label, value in found.items()}, name)
        kept = series if kept == series else kept
        suffix = part or next((ending for ending in (*PARTS, "_total") if counter and name.endswith(ending)), "")
        family = name.removesuffix(part) if part else name
        if not counter:
            return Child(kept, self._number(kept), family, counter, folded, aggregate)
        own = {label: value for label, value in found.items() if label not in _PART_LABELS}
        base = labels(own, f"{name.removesuffix(suffix)}{CREATED}")
        if base not in self._bases:
            self._bases[base] = _hash(base)
        key = (self._bases[base], _hash((suffix, *(found.get(label, "") for label in _PART_LABELS))))
        total = (output_key(kept, family), key[1])
        return Child(kept, self._number(kept), family, counter, folded, aggregate, self._number(base), key, total)

    def _named(self, name: str) -> tuple[Metric | None, str, bool]:
        """Return a sample's metric, its part of it, and whether it is stored."""
        if name not in self._names:
            metric, part = self._catalog.sample(name)
            stored = not self._catalog.drops(name) and (metric is None or metric.store)
            self._names[name] = (metric, part, stored)
        return self._names[name]

    def _kept(self, label: str, value: str) -> str:
        """Return what stays of a label value; an empty one is an absent label."""
        if value in self._catalog.null_values:
            return ""
        if label not in self._folds:
            return value
        keep = self._folds[label]
        return value if keep is not None and keep.fullmatch(value) else ""


def output_key(output: Labels, family: str) -> int:
    """Return the hash of an output without the labels of its parts."""
    own = tuple(pair for pair in output if pair[0] not in _PART_LABELS)
    return _hash((family, *(text for pair in own for text in pair)))


def _guess(name: str) -> MetricType:
    """Return the type of a family that no catalog names, by the customs of naming."""
    return MetricType.COUNTER if name.endswith(("_total", *PARTS)) else MetricType.GAUGE


def _name(series: Labels) -> str:
    return next((value for key, value in series if key == NAME), "")


def _hash(parts: Labels | tuple[str, ...]) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "little")
