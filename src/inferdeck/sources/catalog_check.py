"""Finds entries of a catalog file that contradict each other; each message names file, line and key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from inferdeck.config import document
from inferdeck.model.metric import Aggregation, MetricType
from inferdeck.sources.catalog_file import CatalogFile, MappingEntry, MetricEntry

if TYPE_CHECKING:
    from inferdeck.sources.catalog import Metric

QUALITY_FAMILY = "inferdeck_quality"
CANONICAL_PREFIX = "llm_"
Lookup = Callable[[str], "tuple[Metric, bool] | None"]
Problem = tuple[document.KeyPath, str]


def contradictions(file: CatalogFile, found: document.Document, lookup: Lookup) -> list[str]:
    """Return what is wrong in a file that has the right form; `lookup` finds its own metrics by wire name."""
    reached: dict[str, set[str]] = {}
    problems = list(_mappings(file, lookup, reached))
    folded = {entry.label for entry in file.fold}
    for number, entry in enumerate(file.metrics):
        mapped = reached.get(entry.name, set()) - {QUALITY_FAMILY}
        problems += (
            (("metrics", number, "name"), f"{entry.name} {text}") for text in _metric(file, entry, mapped, folded)
        )
    problems += _collisions(file)
    return [f"{found.place(path)}: {document.shown(path)}: {text}" for path, text in problems]


def _mappings(file: CatalogFile, lookup: Lookup, reached: dict[str, set[str]]) -> Iterator[Problem]:
    for number, entry in enumerate(file.mappings):
        for name in texts(entry.from_):
            known = lookup(name)
            if known is None:
                yield ("mappings", number, "from"), f"{name} is no metric of this catalog"
            elif not known[0].store:
                yield ("mappings", number, "from"), f"{name} is not stored, so nothing can be computed from it"
            else:
                reached.setdefault(known[0].descriptor.name, set()).add(entry.to)
        if not entry.to.startswith(CANONICAL_PREFIX) and entry.to != QUALITY_FAMILY:
            yield (
                ("mappings", number, "to"),
                f'{entry.to} is not a canonical name, they begin with "{CANONICAL_PREFIX}"',
            )


def _metric(file: CatalogFile, entry: MetricEntry, mapped: set[str], folded: set[str]) -> Iterator[str]:
    canonical = set(texts(entry.canonical))
    if canonical and entry.unmapped:
        yield "has canonical and unmapped; only one of them can be true"
    if not canonical and not entry.unmapped and not file.unmapped:
        yield "wants canonical, or unmapped with the reason"
    for name in sorted(canonical - mapped):
        yield f"says canonical {name}, but no mapping leads there"
    for name in sorted(mapped - canonical):
        yield f"is mapped to {name}, but does not say so under canonical"
    if entry.type is MetricType.GAUGE and entry.store and entry.aggregate is Aggregation.NONE:
        for label in sorted(folded.intersection(entry.labels)):
            yield f"has the folded label {label}: it wants aggregate, or store: false"


def _collisions(file: CatalogFile) -> Iterator[Problem]:
    """Two mappings to one family must never give the same series: a label in both `set` has to tell them apart."""
    for (_, one), (number, other) in combinations(enumerate(file.mappings), 2):
        if one.to == other.to and not _apart(one, other):
            yield ("mappings", number, "to"), f"two mappings to {one.to} need a label under set that differs"


def _apart(one: MappingEntry, other: MappingEntry) -> bool:
    both = one.set_.keys() & other.set_.keys()
    return any(not set(texts(one.set_[label])) & set(texts(other.set_[label])) for label in both)


def texts(values: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return one text or several as a tuple."""
    return (values,) if isinstance(values, str) else values
