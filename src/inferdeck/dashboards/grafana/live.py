"""What is there to be asked: the names and labels that watched targets expose, from saved pages or from a daemon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inferdeck.model.labels import NAME, Labels
from inferdeck.model.metric import MetricType
from inferdeck.sources import catalog, registry
from inferdeck.sources.assembly import has_catalog
from inferdeck.sources.exposition import ExpositionParser

PARTS = ("", "_total", "_bucket", "_sum", "_count", "_created")
_PARTS_OF: Mapping[MetricType, tuple[str, ...]] = {
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("", "_sum", "_count"),
    # OpenMetrics names the family without the end of its samples.
    MetricType.COUNTER: ("", "_total"),
}


@dataclass(frozen=True, slots=True)
class Live:
    """Sample names with the labels of their series; None: exposed, but no series of it yet.

    whole: the series carry what Prometheus adds (job, instance, …), since they come from a store. known: whether
    anything was asked at all; without it only the catalogs judge. kinds: the kinds of targets that were seen.
    """

    samples: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    whole: bool = False

    @property
    def known(self) -> bool:
        """Whether there is anything to compare with."""
        return self.whole or bool(self.samples)  # a daemon has none of the names that it was asked for, maybe

    def has(self, sample: str) -> bool:
        """Tell whether some target exposes a sample of this name."""
        return sample in self.samples

    def family(self, name: str) -> bool:
        """Tell whether some target exposes this family, under whatever part of it."""
        return any(name + part in self.samples for part in PARTS)

    def joined(self, other: Live) -> Live:
        """Return what both together expose."""
        samples = dict(self.samples)
        for name, labels in other.samples.items():
            before = samples.get(name)
            samples[name] = labels if before is None else before | (labels or frozenset())
        return Live(samples, self.kinds | other.kinds, self.whole or other.whole)


def of_page(body: bytes, content_type: str = "") -> Live:
    """Return what a saved /metrics page exposes; raises MalformedError."""
    read = ExpositionParser(()).parse_sync(body, content_type)
    declared: dict[str, frozenset[str] | None] = {}
    for name, descriptor in read.families.items():
        for part in _PARTS_OF.get(descriptor.type, ("",)):
            if not (part == "_total" and name.endswith("_total")):
                declared[name + part] = None
    return _live({**declared, **_labels(read.layout.series)}, whole=False)


def of_series(series: Iterable[Labels], jobs: Iterable[str] = ()) -> Live:
    """Return what a store has series of; jobs: the kinds of targets that it watches."""
    found = _live(_labels(series), whole=True)
    return Live(found.samples, found.kinds | frozenset(jobs), True)


def _labels(series: Iterable[Labels]) -> dict[str, frozenset[str] | None]:
    found: dict[str, set[str]] = {}
    for labels in series:
        names = dict(labels)
        found.setdefault(names.pop(NAME, ""), set()).update(names)
    return {name: frozenset(labels) for name, labels in found.items()}


def _live(samples: Mapping[str, frozenset[str] | None], *, whole: bool) -> Live:
    return Live(samples, frozenset(kind for kind in _kinds() if _is_of(kind, samples)), whole)


def _kinds() -> list[str]:
    return [kind for kind in registry.KINDS if has_catalog(kind)]


def _is_of(kind: str, samples: Iterable[str]) -> bool:
    """Tell whether a page is of this kind: it has a name that the kind's catalog alone knows, without a pattern."""
    known = catalog.load(kind)
    own = {metric.descriptor.name for metric in known.metrics if "*" not in metric.descriptor.name}
    own -= _shared(kind)
    return any(name.removesuffix(part) in own for name in samples for part in PARTS if name.endswith(part))


def _shared(kind: str) -> set[str]:
    """Return names that another kind's catalog has as well, such as those of a language's runtime."""
    others = [catalog.load(other) for other in _kinds() if other != kind]
    return {metric.descriptor.name for one in others for metric in one.metrics}
