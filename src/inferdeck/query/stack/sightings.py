"""When what targets tell was told: facts stay after their target has gone, and are not of now any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inferdeck.model.answers import Number, number
from inferdeck.model.metric import Quality
from inferdeck.model.target import TargetState
from inferdeck.query.figures import STALE_INTERVALS


@dataclass(frozen=True, slots=True)
class Sighting:
    """Seconds since a target was last read, None where it never was, and whether that is too long ago."""

    age_seconds: float | None
    stale: bool

    def number(self, value: float | None, unit: str, source: str) -> Number:
        """Return a figure that one of the target's facts holds."""
        quality = Quality.STALE.value if self.stale else ""
        return number(value, unit, source=source, age_seconds=self.age_seconds, quality=quality)

    @property
    def age(self) -> Number:
        """The age itself as a figure."""
        return self.number(self.age_seconds, "seconds", "last successful collection")


class Sightings:
    """The sightings of targets as they are now; the joins may hold states of an earlier moment."""

    def __init__(self, states: Iterable[TargetState], now: float) -> None:
        self.now = now
        self._states = {state.key.id: state for state in states}

    def of(self, target: TargetState) -> Sighting:
        """Return when a target was last read."""
        state = self._states.get(target.key.id, target)
        if not state.last_success_ms:
            return Sighting(None, stale=False)
        age = max(0.0, self.now - state.last_success_ms / 1000)
        return Sighting(age, age > STALE_INTERVALS * state.interval_seconds)


def uptime(started: Number, now: float) -> Number:
    """Return how long something has run: up to now, or up to when it was last seen where that is long ago."""
    if started.value is None:
        return number(None, "seconds", source=started.source)
    stale = started.quality == Quality.STALE.value
    until = now - (started.age_seconds or 0.0) if stale else now
    return number(
        until - started.value,
        "seconds",
        source=started.source,
        age_seconds=started.age_seconds,
        quality=started.quality,
    )
