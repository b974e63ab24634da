"""The units that a panel or a column may have: how a number in each is shown, and which catalog units it fits.

A unit never converts between kinds of things: the value is in the unit already (per_minute is asked for as rate × 60).
Ratios are 0 to 1 and are shown as percentages.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inferdeck.model import numbers


@dataclass(frozen=True, slots=True)
class Unit:
    """How a number is shown: a kind of model/numbers.py, what follows it, and `of`: the base unit that it measures."""

    kind: str
    of: str
    tail: str = ""
    per: str = ""


UNITS: Final[Mapping[str, Unit]] = {
    "count": Unit("count", ""),
    "tokens": Unit("tokens", "tokens"),
    "rate": Unit("rate", "", per="s"),
    "per_minute": Unit("count", "", "/min", "min"),
    "per_hour": Unit("count", "", "/h", "h"),
    "per_day": Unit("count", "", "/d", "d"),
    "tokens_per_second": Unit("count", "tokens", "tok/s", "s"),
    "tokens_per_minute": Unit("count", "tokens", "tok/min", "min"),
    "tokens_per_hour": Unit("count", "tokens", "tok/h", "h"),
    "tokens_per_day": Unit("count", "tokens", "tok/d", "d"),
    "tokens_per_joule": Unit("count", "tokens", "tok/J"),
    "bytes": Unit("bytes", "bytes"),
    "bytes_per_second": Unit("bytes", "bytes", "/s", "s"),
    "seconds": Unit("seconds", "seconds"),
    "age": Unit("age", "seconds"),
    "timestamp": Unit("timestamp", "seconds"),
    "percent": Unit("percent", "ratio"),
    "money": Unit("money", "usd"),
    "money_per_second": Unit("money", "usd", "/s", "s"),
    "money_per_hour": Unit("money", "usd", "/h", "h"),
    "money_per_day": Unit("money", "usd", "/d", "d"),
    "money_per_million_tokens": Unit("money", "usd", "/M tok"),
    "celsius": Unit("count", "celsius", "°C"),
    "watts": Unit("count", "watts", "W"),
    "joules": Unit("count", "joules", "J"),
    "hertz": Unit("count", "hertz", "Hz"),
    "text": Unit("count", ""),
}
"""`text` is for labels and for numbers that a mapping turns into words."""
MONEY_UNITS: Final = frozenset(name for name, unit in UNITS.items() if unit.kind == "money")


def show(unit: str, value: float | None, *, decimals: int | None = None, currency: str = "$") -> str:
    """Return a number as its unit is shown everywhere: 1.20 k tok/min, $0.12/h; an unknown unit is a count.

    decimals: of a percentage; other units keep their significant digits.
    """
    known = UNITS.get(unit, UNITS["count"])
    if known.kind == "timestamp":
        return _moment(value)
    if value is None or not math.isfinite(value):
        return numbers.count(value)
    options: dict[str, object] = {}
    if known.kind == "money":
        options = {"currency": currency}
    elif known.kind == "percent" and decimals is not None:
        options = {"decimals": decimals}
    text = numbers.text(known.kind, value, options)
    return _tailed(text, known)


def show_alike(unit: str, values: Sequence[float], *, currency: str = "$") -> tuple[str, ...]:
    """Return finite numbers in one scale and with one precision, as the ticks of an axis are shown; 0 is bare."""
    known = UNITS.get(unit, UNITS["count"])
    if known.kind == "timestamp":
        return tuple(_moment(value) for value in values)
    return tuple(
        _tailed(text, known) if value else text
        for text, value in zip(numbers.alike(known.kind, values, currency=currency), values, strict=True)
    )


def _tailed(text: str, unit: Unit) -> str:
    if not unit.tail:
        return text
    glue = "" if (unit.tail.startswith("/") and text[-1].isalpha()) or unit.kind == "money" else " "
    # "1.20 k tok/s" but "1.20 kHz": a scale before a symbol of one or two letters belongs to it.
    if text[-1].isalpha() and unit.tail in ("Hz", "W", "J"):
        glue = ""
    return f"{text}{glue}{unit.tail}"


def _moment(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return numbers.count(value)
    try:
        return datetime.datetime.fromtimestamp(value, datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return numbers.count(value)
