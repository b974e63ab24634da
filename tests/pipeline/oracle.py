"""What a question ought to be answered by what the programs themselves have counted: slow, obvious, of one moment."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from inferdeck.model.labels import Labels, without
from inferdeck.query.promql.ast import Call, Expr
from inferdeck.query.promql.parser import parse
from tests.pipeline.world_series import Points, WorldSeries
from tests.unit.promql.naive_promql import Naive
from tests.unit.promql.naive_vectors import Vector

IDENTIFIER = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class _OfHistograms(Naive):
    """Naive PromQL with quantiles of classic histograms."""

    def _call(self, expr: Call, at: int) -> Vector:
        if expr.function != "histogram_quantile":
            return super()._call(expr, at)
        share = self.scalar(expr.args[0], at)
        groups: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
        for series, value in self.vector(expr.args[1], at).items():
            groups[without(series, "le", "__name__")].append((float(dict(series)["le"]), value))
        return {labels: quantile(share, sorted(buckets)) for labels, buckets in groups.items()}


def quantile(share: float, buckets: Sequence[tuple[float, float]]) -> float:
    """Return where this share of what was counted lies: even within its bucket, as Prometheus has it.

    buckets: (upper bound, how many are at most so large), rising; the last bound is infinite.
    """
    total = buckets[-1][1]
    if not total:
        return math.nan
    rank = share * total
    place = next(number for number, (_, count) in enumerate(buckets) if count >= rank)
    if place == len(buckets) - 1:
        return buckets[-2][0]
    low, before = buckets[place - 1] if place else (0.0, 0.0)
    bound, count = buckets[place]
    return low + (bound - low) * (rank - before) / (count - before) if count > before else bound


@dataclass(slots=True)
class Oracle:
    """Answers from the world's own series."""

    world: WorldSeries
    _parsed: dict[str, Expr] = field(default_factory=dict)

    def answers(self, text: str, moments: Iterable[float], start: float, end: float, step: float) -> Iterator[Vector]:
        """Yield the answer at each of some moments of a range, all in Unix seconds."""
        if text not in self._parsed:
            self._parsed[text] = parse(text)
        samples = self._samples(text)
        naive = _OfHistograms(samples, *(round(one * 1000) for one in (start, end, step)))
        for moment in moments:
            yield naive.vector(self._parsed[text], round(moment * 1000))

    def _samples(self, text: str) -> Mapping[Labels, Points]:
        names = set(IDENTIFIER.findall(text)) & self.world.names.keys()
        return {series: points for name in names for series, points in self.world.names[name].items()}

    def bounds(self, text: str, instance: str = "") -> list[float]:
        """Return the bounds of the histogram that a question is about, as its programs (or one of them) have them."""
        every = [dict(series) for series in self._samples(text)]
        found = {one["le"] for one in every if "le" in one and (not instance or one["instance"] == instance)}
        return sorted(float(one) for one in found if one not in ("+Inf", "inf"))


def bucket(bounds: Sequence[float], value: float) -> int:
    """Return the bucket that a value is in; past the last bound PromQL answers that bound."""
    return min(bisect_left(bounds, value), len(bounds) - 1)
