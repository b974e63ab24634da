"""Which times a dashboard is asked for: aligned to a step of a short ladder, so that all viewers ask the same."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass

from inferdeck.errors import UsageError
from inferdeck.model.quantities import parse_duration

LADDER_SECONDS = (1, 5, 15, 30, 60, 300, 900, 3600, 10_800, 43_200, 86_400)
MOST_POINTS = 500
LAG_MS = 5000
"""Samples of a scrape carry the time of its beginning and arrive a little later: a step is asked for after that."""
LONGEST_SECONDS = 400 * 86_400
_NOW = re.compile(r"now(?:-(\S+))?")


@dataclass(frozen=True, slots=True)
class Span:
    """Times in milliseconds: steps from start to end, both included; at: the moment of instant queries."""

    start_ms: int
    end_ms: int
    step_ms: int
    at_ms: int
    tick_ms: int

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return (self.end_ms - self.start_ms) // self.step_ms + 1


def moment(text: str, now: float, name: str) -> float:
    """Return Unix seconds of now, now-6h, a number of seconds, or a date (RFC 3339); raises UsageError."""
    text = text.strip()
    relative = _NOW.fullmatch(text)
    try:
        if relative:
            return now - (parse_duration(relative[1]) if relative[1] else 0.0)
        if re.fullmatch(r"\d{1,11}(\.\d+)?", text):
            return float(text)
        if re.fullmatch(r"\d{12,14}", text):
            return float(text) / 1000  # as Grafana's links have it
        # A time without an offset means UTC, as everywhere in answers.
        parsed = datetime.datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        hint = "write now, now-6h, Unix seconds or 2026-01-31T12:00:00Z"
        raise UsageError(f"{name}: {text[:60]!r} is no time ({error}); {hint}") from error


def span(start: float, end: float, now: float, scrape_ms: int, step: float = 0.0, points: int = MOST_POINTS) -> Span:
    """Return the aligned times of a range in Unix seconds.

    step: at least so many seconds, 0 for what fits into `points`; the next of the ladder is taken. A range that ends
    now ends at the last whole step that all samples have arrived for.
    """
    if not start < end:
        raise UsageError("from must lie before to")
    if end - start > LONGEST_SECONDS:
        raise UsageError(f"the range is longer than {LONGEST_SECONDS // 86_400} days")
    if step and (end - start) / step > 11_000:
        raise UsageError("more than 11,000 steps; choose a longer step")
    length_ms = round((end - start) * 1000)
    step_ms = step_for(length_ms, scrape_ms, round(step * 1000), points)
    newest = round(now * 1000) - LAG_MS
    live = round(end * 1000) > newest
    tick_ms = min(step_ms, max(scrape_ms, 5000))
    last = min(round(end * 1000), newest)
    end_ms = last // step_ms * step_ms
    at_ms = last // tick_ms * tick_ms if live else end_ms
    start_ms = end_ms - max(1, math.floor(length_ms / step_ms)) * step_ms
    return Span(start_ms, end_ms, step_ms, at_ms, tick_ms)


def step_for(length_ms: int, scrape_ms: int, wanted_ms: int, points: int) -> int:
    """Return the smallest step of the ladder that is not finer than the samples and gives at most so many points."""
    least = max(wanted_ms, length_ms / max(1, min(points, MOST_POINTS)) if not wanted_ms else 0)
    for seconds in LADDER_SECONDS:
        if seconds * 1000 >= least and seconds * 1000 >= min(scrape_ms, 60_000):
            return seconds * 1000
    return LADDER_SECONDS[-1] * 1000
