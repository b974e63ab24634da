"""Scrapes of one target put together into the blocks that the bulk door takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS, Layout, Scrape
from inferdeck.receive import blocks

SERIES_AT_ONCE = 1000


class Gathered:
    """The scrapes of one target in one span of time: all series that occurred, with holes where they did not."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._runs: list[tuple[Layout, list[NDArray[np.float64]]]] = []
        """The values of successive scrapes, by the layout that they share."""
        self._times: list[int] = []

    @property
    def samples(self) -> int:
        """Cells of all scrapes."""
        return sum(len(layout) * len(scrapes) for layout, scrapes in self._runs)

    def add(self, scrape: Scrape) -> None:
        """Take one scrape, whose stamp is after the last one's."""
        if not self._runs or self._runs[-1][0] is not scrape.layout:
            self._runs.append((scrape.layout, []))
        self._runs[-1][1].append(scrape.values)
        self._times.append(scrape.timestamp_ms)

    def bodies(self) -> Iterator[bytes]:
        """Yield what to send."""
        runs, stamps = self._runs, np.array(self._times, dtype=np.int64)
        series, places = _placed([layout for layout, _ in runs])
        for start in range(0, len(series), SERIES_AT_ONCE):
            part = series[start : start + SERIES_AT_ONCE]
            values = _holes(len(part), len(stamps))
            column = 0
            for (_, scrapes), place in zip(runs, places, strict=True):
                mine = np.flatnonzero((place >= start) & (place < start + len(part)))
                for scrape in scrapes:
                    values[column, place[mine] - start] = scrape[mine]
                    column += 1
            yield blocks.encode(self.target, part, stamps, values.T)


def _placed(layouts: list[Layout]) -> tuple[tuple[Labels, ...], list[NDArray[np.intp]]]:
    """Return all series of some layouts, and where those of each layout stand among them."""
    rows: dict[Labels, int] = {}
    known: dict[int, int] = {}
    places = []
    for layout in layouts:
        # Mostly the same objects as in the layout before, and labels take long to hash.
        for one in layout.series:
            if id(one) not in known:
                known[id(one)] = rows.setdefault(one, len(rows))
        places.append(np.array([known[id(one)] for one in layout.series], np.intp))
    return tuple(rows), places


def _holes(series: int, times: int) -> NDArray[np.float64]:
    """Return times x series without a sample: a scrape is written in one go."""
    return np.full((times, series), ABSENT_BITS, dtype=np.uint64).view(np.float64)
