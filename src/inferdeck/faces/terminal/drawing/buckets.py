"""Buckets of histograms as bands and bars: Prometheus counts up to each edge, people read between two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from inferdeck.model import cells, ticks
from inferdeck.model.dashboard import Panel
from inferdeck.model.dashboard_answers import PanelData, Series
from inferdeck.model.units import show

LE = "le"
_BINS = 12


@dataclass(frozen=True, slots=True)
class Bucket:
    """What lies between two edges, a number per step (None: not known). low: None where nothing is below."""

    low: float | None
    high: float
    values: tuple[float | None, ...]
    unit: str = "count"

    @property
    def name(self) -> str:
        """Return the upper edge, as people read it; the lower one where there is no end."""
        if math.isfinite(self.high):
            return f"≤{cells.clean(show(self.unit, self.high))}"
        return f">{cells.clean(show(self.unit, self.low))}" if self.low is not None else "all"


def by_edges(panel: Panel, data: PanelData) -> list[Bucket]:
    """Return the buckets from the smallest edge on, empty ones at both ends left out; none where no series has `le`.

    Series with one edge are added up. A counter that was reset between two edges gives no negative number.
    """
    found: dict[float, list[tuple[float | None, ...]]] = {}
    for query in data.queries:
        for series in query.series:
            edge = _edge(series)
            if edge is not None:
                found.setdefault(edge, []).append(series.values)
    edges = sorted(found)
    unit = edge_unit(panel)
    buckets: list[Bucket] = []
    below: tuple[float | None, ...] = ()
    for place, edge in enumerate(edges):
        counted = _added(found[edge])
        low = edges[place - 1] if place and math.isfinite(edges[place - 1]) else None
        buckets.append(Bucket(low, edge, _between(counted, below), unit))
        below = counted
    return _without_ends(buckets)


def by_value(values: Sequence[float], unit: str) -> list[Bucket]:
    """Return how many of the values lie in each of some round ranges."""
    low, high = min(values), max(values)
    edges = [tick.value for tick in ticks.widened(low, high if high > low else low + (abs(low) or 1.0), _BINS, unit)]
    counts = [0] * (len(edges) - 1)
    for value in values:
        place = next((place for place, edge in enumerate(edges[1:]) if value < edge), len(counts) - 1)
        counts[place] += 1
    return [Bucket(start, end, (float(n),), unit) for (start, end), n in zip(pairwise(edges), counts, strict=True)]


def joined(found: Sequence[Bucket], most: int) -> list[Bucket]:
    """Return at most so many buckets: neighbours become one."""
    size = -(-len(found) // max(1, most))
    parts = [found[place : place + size] for place in range(0, len(found), size)] if found else []
    return [Bucket(part[0].low, part[-1].high, _added([one.values for one in part]), part[0].unit) for part in parts]


def edge_unit(panel: Panel) -> str:
    """Return the unit of the edges, which Prometheus' names end with: ..._seconds_bucket, ..._bytes_bucket."""
    expressions = " ".join(query.expr for query in panel.queries)
    return next((unit for unit in ("seconds", "bytes") if f"_{unit}_bucket" in expressions), "count")


def _edge(series: Series) -> float | None:
    try:
        found = float(series.labels.get(LE, ""))
    except ValueError:
        return None
    return None if math.isnan(found) else found


def _added(rows: Sequence[tuple[float | None, ...]]) -> tuple[float | None, ...]:
    length = max(len(row) for row in rows)
    found: list[float | None] = []
    for place in range(length):
        real = [row[place] for row in rows if place < len(row)]
        known = [value for value in real if value is not None]
        found.append(sum(known) if known else None)
    return tuple(found)


def _between(counted: tuple[float | None, ...], below: tuple[float | None, ...]) -> tuple[float | None, ...]:
    return tuple(
        value
        if value is None or place >= len(below) or below[place] is None
        else max(0.0, value - (below[place] or 0.0))
        for place, value in enumerate(counted)
    )


def _without_ends(buckets: list[Bucket]) -> list[Bucket]:
    used = [place for place, bucket in enumerate(buckets) if any(bucket.values)]
    return buckets[used[0] : used[-1] + 1] if used else buckets
