"""Which time is looked at: a range that ends now, or at a moment of the past; every view goes by the same one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from inferdeck.model import numbers

DAY = 86_400.0
_RANGES = (300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY)


_NOTHING = re.compile(r"\.0+(?= s$)| 00 (?:s|min|h)$")
_MINUTES_FROM = 120.0
"""Seconds from which on minutes stand before them."""
_BRIEF = (("d", DAY), ("h", 3600.0), ("m", 60.0), ("s", 1.0))


def length(seconds: float) -> str:
    """Return how long a time is: as all durations, but 5 min and 1 d where nothing is left over."""
    return _NOTHING.sub("", numbers.seconds(seconds))


def brief(seconds: float) -> str:
    """Return how far rates look back, as PromQL writes it: 5m, 90s, 1h, 15m5s."""
    if seconds >= _MINUTES_FROM and seconds % 60:
        return f"{seconds // 60:g}m{seconds % 60:g}s"
    unit, size = next((pair for pair in _BRIEF if seconds >= pair[1] and not seconds % pair[1]), _BRIEF[-1])
    return f"{seconds / size:g}{unit}"


@dataclass(frozen=True, slots=True)
class Span:
    """range_seconds long, up to `until` (Unix seconds; None: now); both stay within `history` seconds."""

    range_seconds: float = 3600.0
    until: float | None = None
    history: float = 30 * DAY

    def ranges(self) -> list[float]:
        """Return all ranges that can be chosen, in seconds."""
        return [float(seconds) for seconds in _RANGES if seconds < self.history] + [self.history]

    def moved(self, share: float, now: float) -> Span:
        """Return the span moved by a share of its range; what reaches the present follows it."""
        before = now if self.until is None else self.until
        until = before + share * self.range_seconds
        if share < 0:
            # Whoever was sent further back by the command line is not moved on.
            until = max(until, min(before, now - self.history + self.range_seconds))
        return replace(self, until=None if until >= now - 1.0 else until)

    def of_range(self, seconds: float) -> Span:
        """Return the span with another range."""
        return replace(self, range_seconds=float(seconds))

    def at(self, until: float | None) -> Span:
        """Return the span up to another moment."""
        return replace(self, until=until)

    def zoomed(self, steps: int) -> Span:
        """Return the span with the next longer range, or with a negative number of steps a shorter one."""
        longer = [seconds for seconds in self.ranges() if seconds > self.range_seconds]
        shorter = [seconds for seconds in self.ranges() if seconds < self.range_seconds]
        choice = longer[:1] if steps > 0 else shorter[-1:]
        return self.of_range(choice[0]) if choice else self

    @property
    def moment(self) -> str:
        """The moment of the past as questions take it, "" for now."""
        return "" if self.until is None else f"{self.until:.3f}"

    def asked(self) -> list[tuple[str, str]]:
        """Return it as the parameters of a question about dashboards."""
        if self.until is None:
            return [("from", f"now-{self.range_seconds:.0f}s"), ("to", "now")]
        return [("from", f"{self.until - self.range_seconds:.3f}"), ("to", f"{self.until:.3f}")]
