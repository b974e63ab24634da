"""The range of values that a chart shows: honest by default, and said where it is not the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.faces.terminal.drawing.values import SMALLEST_SPAN
from inferdeck.model import ticks
from inferdeck.model.ticks import Tick
from inferdeck.model.units import UNITS, show

_SMALL_SHARE = 0.2
"""Ratios whose largest value is smaller are shown on a scale that ends below 100 %, and says so."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From low to high, with round values between; note: what a reader must know who sees only the line."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    note: str = ""

    def heights(self, values: Sequence[float | None], down: int) -> list[int]:
        """Return the row of each value among `down` rows of dots, from the top; -1 for none; outside is the edge."""
        high, most = self.high, down - 1
        per_dot = most / (self.high - self.low)
        found = [-1 if value is None else int((high - value) * per_dot + 0.5) for value in values]
        if found and max(found) > most:
            found = [min(one, most) for one in found]
        if found and min(found) < 0:
            found = [-1 if value is None else max(0, one) for one, value in zip(found, values, strict=True)]
        return found

    def row(self, value: float, down: int) -> int:
        """Return the row of one value that lies in the range."""
        return int((self.high - value) / (self.high - self.low) * (down - 1) + 0.5)


def bounds(
    low: float,
    high: float,
    most: int,
    unit: str = "count",
    *,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Scale:
    """Return the scale of values between low and high, with about `most` ticks.

    It begins at 0 (or below, where values do) and ends at a round value above the largest; ratios go from 0 to 1. What
    minimum and maximum fix stays fixed.
    """
    kind = UNITS.get(unit, UNITS["count"]).kind
    start = minimum if minimum is not None else low if kind == "timestamp" else min(0.0, low)
    end = maximum if maximum is not None else 1.0 if kind == "percent" and _SMALL_SHARE <= high <= 1 else high
    if not end - start > SMALLEST_SPAN or not math.isfinite(end - start):
        end = start + (abs(start) if abs(start) > SMALLEST_SPAN else 1.0)
    found = ticks.numbers(start, end, most, unit)
    if minimum is None or maximum is None:
        widened = ticks.widened(start, end, most, unit)
        start = start if minimum is not None else min(start, widened[0].value)
        end = end if maximum is not None else max(end, widened[-1].value)
        found = tuple(one for one in widened if start <= one.value <= end)
    return Scale(start, end, found, _note(low, high, start, end, kind, unit))


def _note(low: float, high: float, start: float, end: float, kind: str, unit: str) -> str:
    notes = []
    if kind == "percent" and end < 1:
        notes.append(f"scale ends at {show(unit, end)}")
    if start > 0 and kind != "timestamp":
        notes.append(f"scale begins at {show(unit, start)}")
    if high > end:
        notes.append(f"peak {show(unit, high)} is above the scale")
    if low < start:
        notes.append(f"lowest {show(unit, low)} is below the scale")
    return ", ".join(notes)
