"""What a view knows of one question: its last answer, how old it is, what went wrong since, when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

STALE_INTERVALS = 3.0
LONGEST_WAIT_SECONDS = 30.0


class Phase(StrEnum):
    """How a view is drawn; the same everywhere."""

    LOADING = "loading"
    FRESH = "fresh"
    STALE = "stale"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """answered, next_try: seconds of the monotonic clock; failures: in a row."""

    value: T | None = None
    answered: float | None = None
    error: str = ""
    next_try: float = 0.0
    failures: int = 0
    changes: int = 0
    """How many answers have come: whoever draws one remembers which."""

    def came(self, value: T, now: float, wait: float) -> Held[T]:
        """Return this after an answer; it is asked again in `wait` seconds."""
        return Held(value, now, "", now + wait, 0, self.changes + 1)

    def failed(self, error: str, now: float, wait: float) -> Held[T]:
        """Return this after a failure: the last answer stays, the next try is later each time."""
        pause = min(wait * 2.0**self.failures, max(wait, LONGEST_WAIT_SECONDS))
        return replace(self, error=error, next_try=now + pause, failures=self.failures + 1, changes=self.changes + 1)

    def at_once(self) -> Held[T]:
        """Return this with the next try now."""
        return replace(self, next_try=0.0)

    def age(self, now: float) -> float | None:
        """Return seconds since the last answer, None without one."""
        return None if self.answered is None else max(0.0, now - self.answered)

    def phase(self, now: float, interval: float) -> Phase:
        """Return how it is to be drawn; an answer is stale when its age says that tries went wrong."""
        age = self.age(now)
        if age is None:
            return Phase.ERROR if self.error else Phase.LOADING
        return Phase.STALE if self.error and age > STALE_INTERVALS * interval else Phase.FRESH
