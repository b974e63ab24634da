"""Scrapes of one target put together into the blocks that the bulk door takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS, Layout, Scrape
from inferdeck.receive import blocks

CELLS_AT_ONCE = 120_000
"""Series times scrapes of one body, which is then about a megabyte before it is packed."""
BODIES_AT_ONCE = 2
"""Filled in one go through the scrapes."""

Values = NDArray[np.float64]


class _Run:
    """Successive scrapes of one layout: the first, and of each what is not as in the one before, about a quarter."""

    def __init__(self, layout: Layout, values: Values) -> None:
        self.layout = layout
        self._first = values
        # Bits: a NaN is never equal to itself.
        self._last = values.view(np.uint64)
        # Most of what a player holds.
        self._places = np.uint16 if len(layout) <= 1 << 16 else np.int32
        self._changes: list[tuple[NDArray[np.uint16 | np.int32], Values]] = []

    def add(self, values: Values) -> None:
        """Take one more scrape."""
        bits = values.view(np.uint64)
        changed = (bits != self._last).nonzero()[0]
        self._changes.append((changed.astype(self._places), values[changed]))
        self._last = bits

    @property
    def length(self) -> int:
        """How many scrapes it has."""
        return 1 + len(self._changes)

    def scrapes(self) -> Iterator[Values]:
        """Yield them in order, each until the next is asked for."""
        values = self._first.copy()
        yield values
        for changed, those in self._changes:
            values[changed] = those
            yield values


class Gathered:
    """The scrapes of one target in one span of time: all series that occurred, with holes where they did not."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._runs: list[_Run] = []
        self._times: list[int] = []

    @property
    def samples(self) -> int:
        """Cells of all scrapes."""
        return sum(len(run.layout) * run.length for run in self._runs)

    def add(self, scrape: Scrape) -> None:
        """Take one scrape, whose stamp is after the last one's."""
        if self._runs and self._runs[-1].layout is scrape.layout:
            self._runs[-1].add(scrape.values)
        else:
            self._runs.append(_Run(scrape.layout, scrape.values))
        self._times.append(scrape.timestamp_ms)

    def bodies(self) -> Iterator[bytes]:
        """Yield what to send."""
        stamps = np.array(self._times, dtype=np.int64)
        series, places = _placed([run.layout for run in self._runs])
        size = min(max(1, CELLS_AT_ONCE // max(1, len(stamps))), blocks.MOST_SERIES)
        for start in range(0, len(series), BODIES_AT_ONCE * size):
            rows = self._rows(places, start, min(start + BODIES_AT_ONCE * size, len(series)))
            for first in range(0, len(rows), size):
                part = series[start + first : start + first + size]
                yield blocks.encode(self.target, part, stamps, rows[first : first + size])

    def _rows(self, places: list[NDArray[np.intp]], start: int, end: int) -> Values:
        """Return the values of the series from `start` to `end`, shape (series, times)."""
        values = _holes(end - start, len(self._times))
        column = 0
        for run, place in zip(self._runs, places, strict=True):
            mine = np.flatnonzero((place >= start) & (place < end))
            columns = place[mine] - start
            for scrape in run.scrapes():
                values[column, columns] = scrape[mine]
                column += 1
        return values.T


def _placed(layouts: list[Layout]) -> tuple[tuple[Labels, ...], list[NDArray[np.intp]]]:
    """Return all series of some layouts, and where those of each layout stand among them."""
    if len(layouts) == 1:
        return layouts[0].series, [np.arange(len(layouts[0]))]
    rows: dict[Labels, int] = {}
    known: dict[int, int] = {}
    places = []
    for layout in layouts:
        # Mostly the same objects as in the layout before, and labels take long to hash.
        for one in layout.series:
            if id(one) not in known:
                known[id(one)] = rows.setdefault(one, len(rows))
        places.append(np.array(list(map(known.__getitem__, map(id, layout.series))), np.intp))
    return tuple(rows), places


def _holes(series: int, times: int) -> Values:
    """Return times x series without a sample: a scrape is written in one go."""
    return np.full((times, series), ABSENT_BITS, dtype=np.uint64).view(np.float64)
