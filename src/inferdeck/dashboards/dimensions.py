"""What a number measures: a base unit, how often it is divided by seconds, and by how much it is scaled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inferdeck.model.metric import Aggregation, MetricDescriptor, MetricType
from inferdeck.model.units import UNITS

COUNT: Final = ""
RATIO: Final = "ratio"
TIMESTAMP: Final = "timestamp"
_RATIO_NAMES: Final = ("_perc", "_ratio", "_rate", "_usage", "_utilization")
"""Ends of names by which a number without a unit is a ratio, whatever the way to aggregate it."""
_MOMENT_NAMES: Final = ("_timestamp_seconds", "_start_time_seconds", "_boot_time_seconds")
_SCALES: Final[Mapping[str, tuple[str, float]]] = {
    "seconds": ("seconds", 1.0),
    "milliseconds": ("seconds", 1e3),
    "microseconds": ("seconds", 1e6),
    "hours": ("seconds", 1 / 3600),
    "timestamp": (TIMESTAMP, 1.0),
    "bytes": ("bytes", 1.0),
    "bits": ("bytes", 8.0),
    "KB": ("bytes", 1 / 1024),
    "MiB": ("bytes", 2.0**-20),
    "gibibytes": ("bytes", 2.0**-30),
    "tokens": ("tokens", 1.0),
    "usd": ("usd", 1.0),
    "percent": (RATIO, 100.0),
    "ratio": (RATIO, 1.0),
    "celsius": ("celsius", 1.0),
    "watts": ("watts", 1.0),
    "joules": ("joules", 1.0),
    "millijoules": ("joules", 1e3),
    "hertz": ("hertz", 1.0),
    "MHz": ("hertz", 1e-6),
}
_PER: Final[Mapping[str, float]] = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_WORDS: Final = {COUNT: "a count", RATIO: "a ratio (0 to 1)", TIMESTAMP: "Unix time in seconds"}


@dataclass(frozen=True, slots=True)
class Dimension:
    """`base` per second^rates, times `scale`: 120 requests per minute are ("", 1, 60)."""

    base: str = COUNT
    rates: int = 0
    scale: float = 1.0

    def __str__(self) -> str:
        words = _WORDS.get(self.base, self.base)
        if self.base == RATIO and math.isclose(self.scale, 100):
            words = "percent (0 to 100)"
        elif not math.isclose(self.scale, 1.0) and self.rates != 1:
            words = f"{words} x {self.scale:g}"
        per = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86400.0: "day"}.get(
            self.scale, f"second x {self.scale:g}"
        )
        return f"{words} per {per}" if self.rates == 1 else words


def of_metric(descriptor: MetricDescriptor, part: str) -> Dimension | None:
    """Return the dimension of a family's samples, None where its catalog does not say."""
    if part in ("_count", "_bucket"):
        return Dimension()
    unit = descriptor.unit
    if descriptor.type is MetricType.UNTYPED:
        return None
    if descriptor.name.endswith(_MOMENT_NAMES):
        return Dimension(TIMESTAMP)
    if unit == "1":
        ratio = descriptor.aggregation is Aggregation.MEAN or descriptor.name.endswith(_RATIO_NAMES)
        return Dimension(RATIO if ratio else COUNT)
    if unit == "tokens per second":
        return Dimension("tokens", 1)
    base, scale = _SCALES.get(unit, (COUNT, 1.0))
    return Dimension(base, 0, scale)


def of_panel(unit: str) -> Dimension | None:
    """Return the dimension that a panel's unit wants, None where any will do."""
    if unit in ("", "text"):
        return None
    if unit == "timestamp":
        return Dimension(TIMESTAMP)
    if unit == "tokens_per_joule":
        return Dimension("tokens/joules")
    if unit == "money_per_million_tokens":
        return Dimension("usd/tokens", 0, 1e6)
    known = UNITS[unit]
    return Dimension(known.of, 1 if known.per else 0, _PER[known.per])


def fits(found: Dimension, wanted: Dimension) -> bool:
    """Tell whether a number may be shown in a unit: a ratio is also a count, and seconds per second are a ratio."""
    same = found.rates == wanted.rates and math.isclose(found.scale, wanted.scale, rel_tol=0.03)
    if found.base == wanted.base and same:
        return True
    plain = (COUNT, RATIO)
    if found.base in plain and wanted.base in plain and not found.rates and not wanted.rates:
        # A count is no ratio, but a quotient of counts may be either.
        return found.base == RATIO and same
    if found.base == "seconds" and found.rates == 1 and wanted.base in plain and not wanted.rates:
        return math.isclose(found.scale, wanted.scale, rel_tol=0.03)
    return found.base == "joules" and found.rates == 1 and wanted.base == "watts"


def quotient(left: Dimension, right: Dimension) -> Dimension | None:
    """Return what a division gives."""
    scale = left.scale / right.scale
    if left.base == right.base:
        return Dimension(RATIO, left.rates - right.rates, scale) if left.rates >= right.rates else None
    if right.base in (COUNT, RATIO) and not right.rates:
        return Dimension(left.base, left.rates, scale)
    rates = left.rates - right.rates
    if right.base == "seconds":
        return Dimension(left.base, rates + 1, scale)
    if left.base == "tokens" and right.base == "watts" and left.rates == 1:
        return Dimension("tokens/joules", 0, scale)
    if rates == 0 and left.base not in (COUNT, RATIO):
        return Dimension(f"{left.base}/{right.base}" if right.base else left.base, 0, scale)
    return None


def scaled(found: Dimension, factor: float) -> Dimension:
    """Return the dimension of a number that was multiplied."""
    return Dimension(found.base, found.rates, found.scale * factor) if factor else found
