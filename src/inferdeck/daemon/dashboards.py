"""The dashboards of one daemon: where users' files lie, and how far apart its samples are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from inferdeck.config.schema import Settings
from inferdeck.dashboards.answers import Dashboards
from inferdeck.dashboards.folder import Folder, user_folder
from inferdeck.dashboards.interpolation import USUAL_SCRAPE_MS
from inferdeck.model.clock import Clock
from inferdeck.model.target import TargetState
from inferdeck.query.interface import QueryService

HOLDS_SECONDS = 10.0


def scrape_ms(states: Sequence[TargetState]) -> int:
    """Return the interval that most targets have, the longer of two that are as frequent."""
    intervals = Counter(round(state.interval_seconds * 1000) for state in states)
    return max(intervals, key=lambda one: (intervals[one], one)) if intervals else USUAL_SCRAPE_MS


class _Interval:
    """`scrape_ms` of the targets as they were at most HOLDS_SECONDS ago."""

    def __init__(self, clock: Clock, states: Callable[[], Sequence[TargetState]]) -> None:
        self._clock = clock
        self._states = states
        self._until = 0.0
        self._found = USUAL_SCRAPE_MS

    def __call__(self) -> int:
        now = self._clock.monotonic()
        if now >= self._until:
            self._found, self._until = scrape_ms(self._states()), now + HOLDS_SECONDS
        return self._found


def dashboards(
    settings: Settings, clock: Clock, service: QueryService, states: Callable[[], Sequence[TargetState]]
) -> Dashboards:
    """Return the questions about dashboards."""
    return Dashboards(service, Folder(user_folder(settings), clock.monotonic), clock, _Interval(clock, states))
