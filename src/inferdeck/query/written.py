"""A sink that keeps nothing: it notes in the log of writes what the store has been given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.query.writes import WriteLog


class NotingSink:
    """Implements MetricSink; stands behind the store, so that what it notes can be read already."""

    def __init__(self, log: WriteLog) -> None:
        self._log = log

    def append(self, scrape: Scrape) -> None:
        """Note one scrape."""
        self._log.wrote(scrape.timestamp_ms)

    def carry(self, target: str) -> bytes | None:
        """Return None: there is no state here."""
        return None

    def append_block(
        self, target: str, layout: Layout, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Note many scrapes."""
        if timestamps_ms.size:
            self._log.wrote(int(timestamps_ms.min()))

    def append_series(self, series: Labels, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Note samples of one series."""
        if timestamps_ms.size:
            self._log.wrote(int(timestamps_ms.min()))
