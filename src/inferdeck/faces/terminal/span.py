"""Which time is looked at: a range that ends now, or at a moment of the past; every view goes by the same one."""

from __future__ import annotations

from dataclasses import dataclass, replace

RANGES = (300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 7 * 86_400, 30 * 86_400)
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Span:
    """range_seconds long, up to `until` (Unix seconds; None: now)."""

    range_seconds: float = 3600.0
    until: float | None = None

    def moved(self, share: float, now: float) -> Span:
        """Return the span moved by a share of its range; what reaches the present follows it."""
        until = (now if self.until is None else self.until) + share * self.range_seconds
        return replace(self, until=None if until >= now - 1.0 else until)

    def zoomed(self, steps: int) -> Span:
        """Return the span with the next longer range, or with a negative number of steps a shorter one."""
        longer = [seconds for seconds in RANGES if seconds > self.range_seconds]
        shorter = [seconds for seconds in RANGES if seconds < self.range_seconds]
        choice = longer[:1] if steps > 0 else shorter[-1:]
        return replace(self, range_seconds=float(choice[0])) if choice else self

    def asked(self) -> list[tuple[str, str]]:
        """Return it as the parameters of a question about dashboards."""
        if self.until is None:
            return [("from", f"now-{self.range_seconds:.0f}s"), ("to", "now")]
        return [("from", f"{self.until - self.range_seconds:.3f}"), ("to", f"{self.until:.3f}")]
