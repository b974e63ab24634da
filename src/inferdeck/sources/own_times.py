"""Samples that keep the target's own time (honor_timestamps), apart from those that get the scrape's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.scrape import EMPTY_LAYOUT, Layout

_AHEAD_MS = 10 * 60 * 1000
"""Prometheus refuses samples further ahead of the scrape than this."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnTimeGroup:
    """Samples of one moment, in the form of MetricSink.append_block: values of shape (series, 1)."""

    target: str
    layout: Layout
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]


class OwnTimes:
    """Splits the scrapes of one target; both layouts stay the same objects while the split does.

    Samples with their own time are stored under the target's id with `#own-times`, so that they do not tear the grid of
    its scrapes. They are stored as they came (no repair, no mapping) and get no stale marks, as in Prometheus.
    """

    def __init__(self, target: str) -> None:
        self._target = f"{target}#own-times"
        self._layout = EMPTY_LAYOUT
        self._mask = b""
        self._rest = EMPTY_LAYOUT

    def split(
        self, layout: Layout, values: NDArray[np.float64], times_ms: NDArray[np.int64], stamp_ms: int
    ) -> tuple[Layout, NDArray[np.float64], list[OwnTimeGroup]]:
        """Return the samples without a time of their own, and groups of the others; those far ahead are left out."""
        own = times_ms >= 0
        if not own.any():
            return layout, values, []
        if layout is not self._layout or own.tobytes() != self._mask:
            self._layout, self._mask = layout, own.tobytes()
            self._rest = Layout(tuple(layout.series[index] for index in np.flatnonzero(~own)))
        groups = []
        for time_ms in np.unique(times_ms[own & (times_ms <= stamp_ms + _AHEAD_MS)]).tolist():
            chosen = np.flatnonzero(times_ms == time_ms)
            part = Layout(tuple(layout.series[index] for index in chosen))
            moment = np.array([time_ms], dtype=np.int64)
            groups.append(OwnTimeGroup(self._target, part, moment, values[chosen][:, np.newaxis]))
        return self._rest, values[~own], groups
