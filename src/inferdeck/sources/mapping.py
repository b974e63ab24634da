"""The stateless stage: canonical `llm_*` series computed from the native ones of one scrape, by the catalog's mappings.

It does nothing that a recording rule cannot say (recording.py writes the same table as rules). What each canonical
series is made of is found once per layout; per scrape it is a gather, grouped sums and a few weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as Pairs
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inferdeck.errors import CatalogError
from inferdeck.model.labels import Labels, get, labels, metric_name, without
from inferdeck.model.metric import Aggregation
from inferdeck.model.scrape import EMPTY_LAYOUT, Layout
from inferdeck.sources.arithmetic import Arithmetic, Output
from inferdeck.sources.buckets import LADDERS, le_text, parse_le, rebucket
from inferdeck.sources.catalog import Catalog, Mapping, Relabel
from inferdeck.sources.catalog_check import QUALITY_FAMILY

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """Native series first, canonical ones after them; the layout is the same object while its input's is."""

    layout: Layout
    values: Values


class _Native:
    """One native series that a mapping reads, and what was found out about it."""

    __slots__ = ("bound", "child", "labels", "targets")

    def __init__(self, series: Labels) -> None:
        self.labels = series
        self.bound = parse_le(get(series, "le"))
        self.child = without(series, "le") if self.bound is not None else ()
        self.targets: dict[tuple[int, str], Labels | None] = {}
        """Its canonical series by mapping and name."""


ByName = dict[str, list[tuple[int, _Native]]]


@dataclass(slots=True, eq=False)
class _Taken:
    """What was found out of a layout's series; native: those that have the names of canonical ones.

    made: what each mapping makes, by its number.
    """

    series: tuple[Labels, ...] = ()
    by_name: ByName = field(default_factory=dict)
    native: set[Labels] = field(default_factory=set)
    made: dict[int, dict[Labels, Output]] = field(default_factory=dict)


class Mapper:
    """Computes the canonical series of one target.

    constants: the target's labels (job, instance, environment, configured ones); where the catalog names an identity
    label (`gateway`, `engine`) that they lack, it gets the instance. Raises CatalogError for a mapping to a histogram
    that has no ladder.
    """

    def __init__(self, catalog: Catalog, constants: Pairs[str, str]) -> None:
        self._mappings = catalog.mappings
        self.constants: Pairs[str, str] = dict(constants)
        if catalog.identity:
            self.constants = {catalog.identity: constants.get("instance", ""), **constants}
        for mapping in catalog.mappings:
            if mapping.histogram and mapping.to not in LADDERS:
                raise CatalogError(
                    f"sources/{catalog.kind}/catalog.yaml: no canonical ladder for histogram {mapping.to}"
                )
        self._read = [frozenset(wire_names(mapping)) for mapping in catalog.mappings]
        self._wanted = frozenset().union(*self._read)
        self._made_names = frozenset((QUALITY_FAMILY, *(name for one in catalog.mappings for name in made_names(one))))
        self._known: dict[int, tuple[Labels, str, _Native | None]] = {}
        """By the identity of the series' object: the next layout mostly has the same ones."""
        self._buckets: dict[tuple[int, float], tuple[Labels, Labels]] = {}
        """A bucket's labels by the identity of those of its histogram."""
        self._taken = _Taken()
        self._plan: tuple[Layout, Layout, Arithmetic] = (EMPTY_LAYOUT, EMPTY_LAYOUT, Arithmetic([]))
        self._last: tuple[Values, Mapped] | None = None
        """Repair gives the same array where a scrape is as the one before."""

    def apply(self, layout: Layout, values: Values) -> Mapped:
        """Return the native series with the canonical ones appended; values: float64, one per series of the layout."""
        before, joined, arithmetic = self._plan
        if before is layout and self._last is not None and self._last[0] is values:
            return self._last[1]
        if before is not layout:
            outputs = self._outputs(layout)
            joined = Layout((*layout.series, *outputs)) if outputs else layout
            arithmetic = Arithmetic(list(outputs.values()))
            self._plan = (layout, joined, arithmetic)
        everything = values if joined is layout else np.concatenate((values, arithmetic.run(values)))
        mapped = Mapped(joined, everything)
        self._last = (values, mapped)
        return mapped

    def _outputs(self, layout: Layout) -> dict[Labels, Output]:
        if len(self._known) > 2 * len(layout) + 1000:
            self._known.clear()
            self._buckets.clear()
        touched = self._take(layout.series)
        outputs: dict[Labels, Output] = {}
        estimated: set[tuple[str, str]] = set()
        for at, mapping in enumerate(self._mappings):
            made = self._taken.made.get(at)
            if made is None or not touched.isdisjoint(self._read[at]):
                make = self._histogram if mapping.histogram else self._plain
                made = self._taken.made[at] = make(mapping, self._taken.by_name)
            if mapping.quality and made:
                estimated.add((mapping.to, mapping.quality))
            if any(output.estimated for output in made.values()):
                estimated.add((mapping.to, "bucket_layout"))
            outputs.update(made)
        for family, reason in sorted(estimated):
            facts = {**self.constants, "family": family, "quality": "estimated", "reason": reason}
            outputs[labels(facts, QUALITY_FAMILY)] = Output([], Aggregation.SUM, value=1.0)
        native = self._taken.native
        return {series: output for series, output in outputs.items() if series not in native} if native else outputs

    def _take(self, series: tuple[Labels, ...]) -> set[str]:
        """Take the series of a layout, and return the names of those that are new to it: mostly it has only grown."""
        if series[: len(self._taken.series)] != self._taken.series:
            self._taken = _Taken()
        taken, touched = self._taken, set[str]()
        for position in range(len(taken.series), len(series)):
            one = series[position]
            known = self._known.get(id(one))
            if known is None or known[0] is not one:
                name = metric_name(one)
                known = self._known[id(one)] = (one, name, _Native(one) if name in self._wanted else None)
            if known[2] is not None:
                taken.by_name.setdefault(known[1], []).append((position, known[2]))
                touched.add(known[1])
            if known[1] in self._made_names:
                taken.native.add(one)
        taken.series = series
        return touched

    def _plain(self, mapping: Mapping, by_name: ByName) -> dict[Labels, Output]:
        outputs: dict[Labels, Output] = {}
        for source in mapping.sources:
            new: dict[Labels, Output] = {}
            for position, series in by_name.get(source, ()):
                target = self._target(mapping, series, mapping.to)
                if target is not None and target not in outputs:
                    made = new.setdefault(target, Output.of(mapping))
                    made.parts.append([(position, 1.0)])
            outputs.update(new)
        return outputs

    def _histogram(self, mapping: Mapping, by_name: ByName) -> dict[Labels, Output]:
        outputs: dict[Labels, Output] = {}
        for source in mapping.sources:
            new: dict[Labels, Output] = {}
            for target, buckets in self._children(mapping, by_name.get(f"{source}_bucket", ()), outputs):
                for bound, parts, exact in rebucket(buckets, LADDERS[mapping.to]):
                    made = new.setdefault(self._bucket(target, bound), Output([], Aggregation.SUM, weighted=True))
                    made.parts += parts
                    made.estimated |= not exact
            for suffix in ("_sum", "_count"):
                for position, series in by_name.get(f"{source}{suffix}", ()):
                    found = self._target(mapping, series, f"{mapping.to}{suffix}")
                    if found is not None and found not in outputs:
                        new.setdefault(found, Output([], Aggregation.SUM)).parts.append([(position, 1.0)])
            outputs.update(new)
        return outputs

    def _children(
        self, mapping: Mapping, found: Sequence[tuple[int, _Native]], taken: Pairs[Labels, Output]
    ) -> list[tuple[Labels, dict[float, list[int]]]]:
        """Group buckets by canonical series, and in it by the bounds that the children have: bound -> positions."""
        children: dict[Labels, tuple[_Native, dict[float, int]]] = {}
        for position, series in found:
            if series.bound is not None:
                children.setdefault(series.child, (series, {}))[1][series.bound] = position
        groups: dict[tuple[Labels, tuple[float, ...]], dict[float, list[int]]] = {}
        for series, positions in children.values():
            target = self._target(mapping, series, f"{mapping.to}_bucket")
            if target is None or math.inf not in positions or labels((*target, ("le", "+Inf"))) in taken:
                continue
            group = groups.setdefault((target, tuple(sorted(positions))), {})
            for bound, position in positions.items():
                group.setdefault(bound, []).append(position)
        return [(target, buckets) for (target, _), buckets in groups.items()]

    def _bucket(self, target: Labels, bound: float) -> Labels:
        known = self._buckets.get((id(target), bound))
        if known is None or known[0] is not target:
            known = self._buckets[id(target), bound] = (target, labels((*target, ("le", le_text(bound)))))
        return known[1]

    def _target(self, mapping: Mapping, series: _Native, name: str) -> Labels | None:
        key = (id(mapping), name)
        if key not in series.targets:
            series.targets[key] = self._made(mapping, dict(series.labels), name)
        return series.targets[key]

    def _made(self, mapping: Mapping, series: Pairs[str, str], name: str) -> Labels | None:
        if not all(condition.holds(series.get(condition.label, "")) for condition in mapping.where):
            return None
        facts = {relabel.label: relabeled(relabel, series) for relabel in mapping.labels}
        return labels({**facts, **dict(mapping.set), **self.constants}, name)


def relabeled(relabel: Relabel, series: Pairs[str, str]) -> str:
    """Return the canonical label's value for a native series, "" where it has none."""
    for native, pattern, replacement in relabel.sources:
        match = pattern.fullmatch(series.get(native, ""))
        if match is not None:
            text = replacement
            for number, group in enumerate(match.groups(), 1):
                text = text.replace(f"${number}", group or "")
            if text:
                return text
    return ""


def wire_names(mapping: Mapping) -> tuple[str, ...]:
    """Return the names of the samples that a mapping reads."""
    if not mapping.histogram:
        return mapping.sources
    return tuple(f"{source}{part}" for source in mapping.sources for part in _HISTOGRAM)


def made_names(mapping: Mapping) -> tuple[str, ...]:
    """Return the names of the samples that a mapping makes."""
    return tuple(f"{mapping.to}{part}" for part in _HISTOGRAM) if mapping.histogram else (mapping.to,)


_HISTOGRAM = ("_bucket", "_sum", "_count")
