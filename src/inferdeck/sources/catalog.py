"""What is known about a watched system's metrics: catalog files as values, and whose family a wire name is."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from inferdeck.config import document
from inferdeck.errors import CatalogError
from inferdeck.model.metric import Aggregation, MetricDescriptor, MetricType, SideEffect
from inferdeck.sources import catalog_check, catalog_file
from inferdeck.sources.buckets import parse_le

FOLDER = Path(__file__).parent
RUNTIME_FAMILIES = FOLDER / "runtime_families.yaml"
PARTS = ("_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class Metric:
    """One family: its descriptor, versions, older names, and either its canonical counterparts or why it has none.

    instead: PromQL that says the same in versions after `until`, "" where nothing does.
    """

    descriptor: MetricDescriptor
    since: str = ""
    until: str = ""
    aliases: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()
    unmapped: str = ""
    store: bool = True
    effect: SideEffect = SideEffect.NONE
    instead: str = ""
    ended: tuple[tuple[str, str], ...] = ()
    """(older name, last version that used it)"""
    bounds: frozenset[float] = frozenset()
    """The buckets of a histogram that are stored; all where there is none here."""

    def stores_bucket(self, le: str) -> bool:
        """Tell whether the bucket with this label `le` is stored, where the family is."""
        return not self.bounds or parse_le(le) in self.bounds


@dataclass(frozen=True, slots=True)
class Fold:
    """A label whose values are given up except those that one of the anchored expressions matches."""

    label: str
    keep: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One label must match (or not match) an anchored regular expression; an absent label has the value ""."""

    label: str
    pattern: re.Pattern[str]
    negated: bool = False

    def holds(self, value: str) -> bool:
        """Tell whether a label value fulfils the condition."""
        return (self.pattern.fullmatch(value) is None) == self.negated


@dataclass(frozen=True, slots=True)
class Relabel:
    """One canonical label: the first of the native labels that matches and gives text, as `label_replace` would."""

    label: str
    sources: tuple[tuple[str, re.Pattern[str], str], ...]
    """(native label, anchored expression, replacement with $1 for groups), best one first."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """How native series become one canonical family: nothing that a recording rule cannot say.

    sources: native families that mean the same; for each canonical series the first one that gives it wins. where: all
    must hold. labels and set: what stands on the canonical series beside the target's own labels. A value is summed (or
    aggregated) over the series that get the same labels, then times `scale`; with `equals` a native value counts 1
    where it equals that number and 0 elsewhere; with `value` the canonical one is that number while a source exists.
    histogram: names without `_bucket`; counts go to the canonical ladder by weights; bounds: the layouts (seconds,
    without +Inf) that versions are known to use, for the exported rules. quality: why the family is an estimate.
    """

    to: str
    sources: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    labels: tuple[Relabel, ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    aggregate: Aggregation = Aggregation.SUM
    scale: float = 1.0
    equals: float | None = None
    not_equals: float | None = None
    value: float | None = None
    histogram: bool = False
    bounds: tuple[tuple[float, ...], ...] = ()
    quality: str = ""


class ClaimKind(StrEnum):
    """What a catalog says of a wire family."""

    METRIC = "metric"
    ALIAS = "alias"
    DROPPED = "dropped"
    UNMAPPED = "unmapped"
    UNCLAIMED = "unclaimed"


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer for one wire family; `metric` is None where it is dropped by a name pattern or unclaimed."""

    kind: ClaimKind
    metric: Metric | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """One kind's catalog. identity: the label that names the observer (`gateway`, `engine`), "" where there is none."""

    kind: str
    title: str
    docs: str
    identity: str
    metrics: tuple[Metric, ...] = field(repr=False)
    fold: tuple[Fold, ...]
    null_values: frozenset[str]
    drop: tuple[str, ...]
    mappings: tuple[Mapping, ...] = field(repr=False)
    _exact: dict[str, tuple[Metric, bool]] = field(default_factory=dict, repr=False)
    _globs: tuple[tuple[re.Pattern[str], Metric, bool], ...] = field(default=(), repr=False)
    _dropped: re.Pattern[str] | None = field(default=None, repr=False)

    def claim(self, family: str) -> Claim:
        """Return what the catalog says of a wire family, named as in `# TYPE` (with or without `_total`)."""
        if self.drops(family):
            return Claim(ClaimKind.DROPPED, None, "a name that is never stored")
        metric, alias = self._find(family)
        if metric is None:
            return Claim(ClaimKind.UNCLAIMED)
        if not metric.store:
            return Claim(ClaimKind.DROPPED, metric, metric.unmapped)
        if metric.unmapped:
            return Claim(ClaimKind.UNMAPPED, metric, metric.unmapped)
        return Claim(ClaimKind.ALIAS if alias else ClaimKind.METRIC, metric)

    def drops(self, name: str) -> bool:
        """Tell whether a `drop` pattern names this family or sample."""
        return self._dropped is not None and self._dropped.fullmatch(name) is not None

    def sample(self, name: str) -> tuple[Metric | None, str]:
        """Return the metric of a sample's name and the sample's part of it ("", "_bucket", "_sum", "_count")."""
        found = self._exact.get(name)
        if found is not None:
            return found[0], ""
        for part in PARTS:
            if name.endswith(part):
                metric, _ = self._find(name.removesuffix(part))
                if metric is not None and metric.descriptor.type in (MetricType.HISTOGRAM, MetricType.SUMMARY):
                    return metric, part
        return self._find(name)[0], ""

    def _find(self, family: str) -> tuple[Metric | None, bool]:
        for name in (family, f"{family}_total"):
            found = _lookup(self._exact, self._globs, name)
            if found is not None:
                return found
        return None, False


@cache
def load(kind: str) -> Catalog:
    """Return the catalog of a source kind; raises CatalogError with file, line and key."""
    return read(FOLDER / kind / "catalog.yaml", f"sources/{kind}/catalog.yaml")


def read(path: Path, name: str | None = None) -> Catalog:
    """Read one catalog file with the runtime families behind its own; raises CatalogError with file, line and key."""
    file, found = catalog_file.read(path, name or path.name)
    own = tuple(_metric(entry, file.unmapped) for entry in file.metrics)
    mappings = tuple(mapping for entry in file.mappings for mapping in _mappings(entry, found))
    exact, globs = _index(own)
    contradictions = catalog_check.contradictions(file, found, lambda name: _lookup(exact, globs, name))
    if contradictions:
        raise CatalogError("\n".join(contradictions))
    metrics = (*own, *_runtime_families())
    exact, globs = _index(metrics)
    return Catalog(
        file.kind,
        file.title,
        file.docs,
        file.identity,
        metrics,
        tuple(Fold(entry.label, _any(entry.keep)) for entry in file.fold),
        frozenset(file.null_values),
        file.drop,
        mappings,
        exact,
        globs,
        re.compile("|".join(fnmatch.translate(glob) for glob in file.drop)) if file.drop else None,
    )


@cache
def _runtime_families() -> tuple[Metric, ...]:
    shared, _ = catalog_file.read(RUNTIME_FAMILIES, f"sources/{RUNTIME_FAMILIES.name}")
    return tuple(_metric(entry, shared.unmapped) for entry in shared.metrics)


def _metric(entry: catalog_file.MetricEntry, unmapped: str) -> Metric:
    canonical = (entry.canonical,) if isinstance(entry.canonical, str) else entry.canonical
    return Metric(
        MetricDescriptor(entry.name, entry.type, entry.help, entry.unit, entry.labels, entry.aggregate),
        entry.since,
        entry.until,
        tuple(alias.name for alias in entry.aliases),
        canonical,
        entry.unmapped or ("" if canonical else unmapped),
        entry.store,
        entry.effect,
        entry.instead,
        tuple((alias.name, alias.until) for alias in entry.aliases if alias.until),
        frozenset((*entry.bounds, math.inf)) if entry.bounds else frozenset(),
    )


def _index(
    metrics: Iterable[Metric],
) -> tuple[dict[str, tuple[Metric, bool]], tuple[tuple[re.Pattern[str], Metric, bool], ...]]:
    exact: dict[str, tuple[Metric, bool]] = {}
    globs = []
    for metric in metrics:
        for name, alias in ((metric.descriptor.name, False), *((old, True) for old in metric.aliases)):
            if "*" in name:
                globs.append((re.compile(fnmatch.translate(name)), metric, alias))
            else:
                exact.setdefault(name, (metric, alias))
    return exact, tuple(globs)


def _lookup(
    exact: dict[str, tuple[Metric, bool]], globs: tuple[tuple[re.Pattern[str], Metric, bool], ...], name: str
) -> tuple[Metric, bool] | None:
    if name in exact:
        return exact[name]
    return next(((metric, alias) for pattern, metric, alias in globs if pattern.fullmatch(name)), None)


def _any(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return _expression(joined) if joined else None


def _mappings(entry: catalog_file.MappingEntry, found: document.Document) -> Iterator[Mapping]:
    """Yield the mapping, once for each combination where `set` gives a label several values."""
    combinations: list[tuple[tuple[str, str], ...]] = [()]
    for label, values in sorted(entry.set_.items()):
        given = (values,) if isinstance(values, str) else values
        combinations = [(*before, (label, value)) for before in combinations for value in given]
    try:
        where = tuple(condition for label, rule in entry.where.items() for condition in _conditions(label, rule))
        relabels = tuple(_relabel(label, rule) for label, rule in sorted(entry.labels.items()))
    except re.error as error:
        raise CatalogError(f"{found.name}: mapping to {entry.to}: {error} in a regular expression") from error
    for constants in combinations:
        yield Mapping(
            entry.to,
            (entry.from_,) if isinstance(entry.from_, str) else entry.from_,
            where,
            relabels,
            constants,
            entry.aggregate,
            entry.scale,
            entry.equals,
            entry.not_equals,
            entry.value,
            entry.histogram,
            entry.bounds,
            entry.quality,
        )


def _conditions(label: str, rule: str | catalog_file.ConditionEntry) -> Iterator[Condition]:
    if isinstance(rule, str):
        yield Condition(label, _expression(re.escape(rule)))
        return
    if rule.equal is not None:
        yield Condition(label, _expression(re.escape(rule.equal)))
    if rule.any_of is not None:
        yield Condition(label, _expression("|".join(map(re.escape, rule.any_of))))
    if rule.not_ is not None:
        unwanted = (rule.not_,) if isinstance(rule.not_, str) else rule.not_
        yield Condition(label, _expression("|".join(map(re.escape, unwanted))), negated=True)
    if rule.match is not None:
        yield Condition(label, _expression(rule.match))
    if rule.not_match is not None:
        yield Condition(label, _expression(rule.not_match), negated=True)


def _relabel(label: str, rule: str | tuple[str, ...] | catalog_file.RelabelEntry) -> Relabel:
    if isinstance(rule, catalog_file.RelabelEntry):
        return Relabel(label, ((rule.from_, _expression(rule.match), rule.replace),))
    natives = (rule,) if isinstance(rule, str) else rule
    return Relabel(label, tuple((native, _expression("(.*)"), "$1") for native in natives))


def _expression(text: str) -> re.Pattern[str]:
    """Compile what a catalog says of label values; as in Prometheus, `.` stands for a line break too."""
    return re.compile(text, re.DOTALL)
