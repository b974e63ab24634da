"""What metrics exist at all: the canonical vocabulary and the catalogs of all kinds, asked by a sample's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from inferdeck.model.metric import Aggregation, MetricType
from inferdeck.sources import catalog, registry
from inferdeck.sources.assembly import has_catalog

EVERYWHERE = frozenset({"job", "instance", "environment"})
"""Labels that every series has."""
ANY_LABEL = "*"
_FILE = catalog.FOLDER / "vocabulary.yaml"


@dataclass(frozen=True, slots=True)
class Known:
    """A metric family as one catalog describes it; part is "", "_bucket", "_sum" or "_count" of it."""

    kind: str
    metric: catalog.Metric
    part: str

    @property
    def is_counter(self) -> bool:
        """Whether the sample only grows, so that only its rate or increase says something."""
        return self.metric.descriptor.type is MetricType.COUNTER or self.part != ""

    @property
    def aggregation(self) -> Aggregation:
        """How series of this name become one."""
        return Aggregation.SUM if self.part else self.metric.descriptor.aggregation

    def has(self, label: str) -> bool:
        """Tell whether series of this name may have the label."""
        own = self.metric.descriptor.labels
        return label in own or label in EVERYWHERE or ANY_LABEL in own or (label == "le" and self.part == "_bucket")


@cache
def load() -> catalog.Catalog:
    """Return the families that no single kind owns."""
    return catalog.read(_FILE, f"sources/{_FILE.name}")


@cache
def catalogs() -> tuple[catalog.Catalog, ...]:
    """Return the vocabulary and, after it, the catalog of every kind."""
    return (load(), *(catalog.load(kind) for kind in registry.KINDS if has_catalog(kind)))


@cache
def find(sample: str) -> tuple[Known, ...]:
    """Return what is known of a sample's name, the vocabulary's word first; nothing where no catalog has it.

    A pattern with `*` counts only where no catalog has the name itself.
    """
    found = []
    for one in catalogs():
        metric, part = one.sample(sample)
        if metric is not None and metric.store:
            found.append(Known(one.kind, metric, part))
    exact = [one for one in found if "*" not in one.metric.descriptor.name]
    return tuple(exact or found)


def nearest(sample: str) -> str:
    """Return the known name that looks most like this one, "" where none does."""
    near = get_close_matches(sample, sorted(set(_names(catalogs()))), 1, 0.75)
    return near[0] if near else ""


def _names(found: Iterable[catalog.Catalog]) -> Iterable[str]:
    return (metric.descriptor.name for one in found for metric in one.metrics if "*" not in metric.descriptor.name)
