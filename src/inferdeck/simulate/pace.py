"""How the time of a world follows the clock of the machine: as it goes, faster, or not at all."""

from __future__ import annotations

from inferdeck.model.clock import Clock


class Pace:
    """The world's time; `speed` 0 freezes it."""

    def __init__(self, clock: Clock, *, speed: float = 1.0, at: float | None = None) -> None:
        self._clock = clock
        self._speed = speed
        self._begun = clock.monotonic()
        self._at = clock.now() if at is None else at

    @property
    def speed(self) -> float:
        """Seconds of the world per second of the machine."""
        return self._speed

    def now(self) -> float:
        """Return the moment (Unix seconds) that the world should have come to."""
        return self._at + (self._clock.monotonic() - self._begun) * self._speed

    def set_speed(self, speed: float) -> None:
        """Go on at another speed from now on."""
        self._at, self._begun, self._speed = self.now(), self._clock.monotonic(), speed

    def freeze(self) -> float:
        """Stop time and return the moment."""
        self.set_speed(0.0)
        return self._at

    def move(self, seconds: float) -> float:
        """Let time pass at once and return the new moment."""
        self._at += seconds
        return self.now()
