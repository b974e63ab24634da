"""What a view knows of one question: its last answer, how old it is, what went wrong since, when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

from inferdeck.faces.terminal.span import length

T = TypeVar("T")

STALE_INTERVALS = 3.0
LONGEST_WAIT_SECONDS = 30.0
PATIENCE_SECONDS = 12.0
"""An answer that is waited for longer is in trouble; many a good one takes ten."""


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
    asked: float | None = None
    """Since when an answer is waited for; None where none is."""

    def came(self, value: T, now: float, wait: float) -> Held[T]:
        """Return this after an answer; it is asked again in `wait` seconds."""
        return Held(value, now, "", now + wait, 0, self.changes + 1)

    def failed(self, error: str, now: float, wait: float) -> Held[T]:
        """Return this after a failure: the last answer stays, the next try is later each time."""
        pause = min(wait * 2.0**self.failures, max(wait, LONGEST_WAIT_SECONDS))
        failures, changes = self.failures + 1, self.changes + 1
        return replace(self, error=error, next_try=now + pause, failures=failures, changes=changes, asked=None)

    def at_once(self) -> Held[T]:
        """Return this with the next try now."""
        return replace(self, next_try=0.0)

    def waiting(self, now: float) -> Held[T]:
        """Return this while it is being asked."""
        return replace(self, asked=now)

    def trouble(self, now: float, longest: float) -> str:
        """Return why there is no new answer and when it is tried again, "" where all is well.

        longest: how many seconds an answer is waited for.
        """
        waited = 0.0 if self.asked is None else now - self.asked
        if self.error:
            # The time first: it is what is short, and changes.
            when = "being tried again" if waited > 1.0 else f"tried again in {_rounded(self.next_try - now)}"
            return f"{when}: {self.error}"
        if waited > PATIENCE_SECONDS:
            return f"given up in {_rounded(longest - waited)}: the daemon has not answered for {_rounded(waited)}"
        return ""

    def age(self, now: float) -> float | None:
        """Return seconds since the last answer, None without one."""
        return None if self.answered is None else max(0.0, now - self.answered)

    def phase(self, now: float, interval: float) -> Phase:
        """Return how it is to be drawn; an answer is stale when its age says that tries went wrong."""
        age = self.age(now)
        if age is None:
            return Phase.ERROR if self.error else Phase.LOADING
        return Phase.STALE if self.trouble(now, 0.0) and age > STALE_INTERVALS * interval else Phase.FRESH


def _rounded(seconds: float) -> str:
    return length(max(0.0, round(seconds)))
