"""Scrapes of one target put together into the blocks that the bulk door takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS, Layout, Scrape
from inferdeck.receive import blocks

SERIES_AT_ONCE = 1000
_ROOM = 256


class Gathered:
    """The scrapes of one target in one span of time: all series that occurred, with holes where they did not."""

    def __init__(self, target: str, most_times: int) -> None:
        self.target = target
        self._most = most_times
        self._begin()

    def _begin(self) -> None:
        self._rows: dict[Labels, int] = {}
        self._places: tuple[Layout | None, NDArray[np.intp]] = (None, np.empty(0, dtype=np.intp))
        self._values = _holes(0, self._most)
        self._times: list[int] = []

    @property
    def samples(self) -> int:
        """Cells that are held."""
        return len(self._rows) * len(self._times)

    def add(self, scrape: Scrape) -> None:
        """Take one scrape, whose stamp is after the last one's."""
        if self._places[0] is not scrape.layout:
            self._places = (scrape.layout, self._placed(scrape.layout))
        self._values[self._places[1], len(self._times)] = scrape.values
        self._times.append(scrape.timestamp_ms)

    def bodies(self) -> Iterator[bytes]:
        """Yield what to send, and begin anew."""
        series, width = tuple(self._rows), len(self._times)
        stamps = np.array(self._times, dtype=np.int64)
        for start in range(0, len(series) if width else 0, SERIES_AT_ONCE):
            part = series[start : start + SERIES_AT_ONCE]
            yield blocks.encode(self.target, part, stamps, self._values[start : start + len(part), :width])
        self._begin()

    def _placed(self, layout: Layout) -> NDArray[np.intp]:
        places = np.array([self._rows.setdefault(one, len(self._rows)) for one in layout.series], dtype=np.intp)
        if len(self._rows) > len(self._values):
            room = _holes(len(self._rows) + _ROOM, self._most)
            room[: len(self._values)] = self._values
            self._values = room
        return places


def _holes(series: int, times: int) -> NDArray[np.float64]:
    return np.full((series, times), ABSENT_BITS, dtype=np.uint64).view(np.float64)
