"""Numbers as people read them; every face shows a value through these functions.

Rules, the same in every language (number_vectors.json holds them as data):

- Three significant digits with their zeros kept, so that a refreshing screen does not jump; whole numbers below 1000
  stand as they are. Ties round away from zero, on the exact binary value.
- What rounds up to the next unit is shown in it: 999.95 is "1.00 k", 59.96 s is "1 min 00 s".
- One space between number and unit, "." as decimal point, no grouping, no locale, "-" before a negative number;
  minus zero is zero.
- Missing (None) is "–", never 0. Not a number is "NaN", infinities are "+Inf" and "-Inf".
- Something is never shown as nothing, nor nearly all as all: 0.0001 of 1 is "<0.1 %", 0.99999 is ">99.9 %".
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

MISSING: Final = "–"
DIGITS: Final = 3

_SI: Final = ("", "k", "M", "G", "T", "P", "E")
_MONEY: Final = ("", "k", "M", "B", "T", "P", "E")
_IEC: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SHORT: Final = (("ns", 1e9), ("µs", 1e6), ("ms", 1e3), ("s", 1.0))
_LONG: Final = (("min", 60, "s", 1), ("h", 3600, "min", 60))
_AGES: Final = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_SPANS: Final = (
    ("d", 86400.0),
    ("h", 3600.0),
    ("min", 60.0),
    ("s", 1.0),
    ("ms", 1e-3),
    ("µs", 1e-6),
    ("ns", 1e-9),
)
_SMALLEST_MONEY: Final = 1e-9
_EXACT: Final = Context(prec=1100, rounding=ROUND_HALF_UP)


def count(value: float | None, *, digits: int = DIGITS) -> str:
    """Return a count: 0, 12, 12.5, 1.20 k, 3.40 M."""
    return _special(value) or _signed(value, lambda size: _scaled(size, digits, 1000, _SI).rstrip())


def tokens(value: float | None, *, digits: int = DIGITS) -> str:
    """Return a number of tokens, as a count."""
    return count(value, digits=digits)


def rate(value: float | None, *, per: str = "s", unit: str = "", digits: int = DIGITS) -> str:
    """Return events per second: 12 /s, 1.20 k/s; per="min" shows the same per minute, unit="tok" gives 12 tok/s."""
    special = _special(value)
    if special:
        return special
    factor = {"s": 1, "min": 60, "h": 3600}[per]
    text = count((value or 0.0) * factor, digits=digits)
    tail = f" {unit}" if unit else "" if text[-1].isalpha() else " "
    return f"{text}{tail}/{per}"


def byte_size(value: float | None, *, digits: int = DIGITS) -> str:
    """Return bytes in IEC units: 512 B, 1.50 KiB, 1023 KiB, 1.00 MiB."""
    return _special(value) or _signed(value, lambda size: _scaled(size, digits, 1024, _IEC))


def seconds(value: float | None, *, digits: int = DIGITS) -> str:
    """Return a duration: 850 ns, 1.50 µs, 12.3 ms, 1.50 s, 1 min 30 s, 2 h 05 min, 3 d 04 h, 120 d."""
    return _special(value) or _signed(value, lambda size: _duration(size, digits))


def percent(value: float | None, *, decimals: int = 1) -> str:
    """Return a ratio (1 is all) as a percentage: 12.3 %, <0.1 %, >99.9 %, 100 %, 150 %."""
    return _special(value) or _signed(value, lambda size: _percent(size, decimals))


def money(value: float | None, *, currency: str = "$") -> str:
    """Return an amount by its magnitude: $0.000012, $0.12, $12.34, $1.20 M, -$3.00, $0.00."""
    return _special(value) or _signed(value, lambda size: _money(size, currency))


def age(value: float | None) -> str:
    """Return how long ago, rounded down: now, 12 s ago, 5 min ago, 3 h ago, 2 d ago; in 12 s for a negative age."""
    special = _special(value)
    if special:
        return special
    size = math.floor(abs(value or 0.0))
    if size == 0:
        return "now"
    unit, length = next(pair for pair in _AGES if size >= pair[1])
    text = f"{size // length} {unit}"
    return f"{text} ago" if (value or 0.0) > 0 else f"in {text}"


KINDS: Final[Mapping[str, Callable[..., str]]] = {
    "count": count,
    "tokens": tokens,
    "rate": rate,
    "bytes": byte_size,
    "seconds": seconds,
    "percent": percent,
    "money": money,
    "age": age,
}


def alike(kind: str, values: Sequence[float], *, currency: str = "$") -> tuple[str, ...]:
    """Return finite numbers in one unit and with one precision, as the ticks of an axis are shown; 0 is bare.

    The unit is that of the largest; so many decimals that each stands as it is, at most six. Raises KeyError.
    """
    KINDS[kind]
    largest = max((abs(value) for value in values), default=0.0)
    finest = min((abs(value) for value in values if value), default=largest)
    if kind == "percent":
        return _in_one(values, 0.01, " %")
    if kind in ("seconds", "age"):
        # 90 s is told in seconds, 5 min in minutes: what stands between them would need decimals.
        unit, size = next((pair for pair in _SPANS if largest >= pair[1] * (2 if pair[1] > 1 else 1)), _SPANS[-1])
        return _in_one(values, size, f" {unit}")
    base, names = (1024, _IEC) if kind == "bytes" else (1000, _MONEY if kind == "money" else _SI)
    power = next((power for power in range(len(names) - 1, 0, -1) if largest >= float(base**power)), 0)
    if power and finest < float(base**power) and largest < 10.0 * base**power:
        power -= 1
    tail = f" {names[power]}" if names[power] else ""
    if kind == "rate":
        tail = f"{tail}/s" if power else " /s"
    return _in_one(values, float(base**power), tail, currency if kind == "money" else "")


def text(kind: str, value: float | None, options: Mapping[str, Any] | None = None) -> str:
    """Return `value` as its kind of number is shown; raises KeyError for an unknown kind."""
    return KINDS[kind](value, **(options or {}))


def _in_one(values: Sequence[float], size: float, tail: str, head: str = "") -> tuple[str, ...]:
    parts = [value / size for value in values]
    finest = min((abs(part) for part in parts if part), default=1.0)
    exact = (d for d in range(7) if all(abs(round(part, d) - part) <= abs(finest) * 1e-4 for part in parts))
    decimals = next(exact, 6)
    shown = [f"{round(part, decimals) + 0.0:.{decimals}f}" for part in parts]
    if any((part and not float(one)) or len(one) > 9 for one, part in zip(shown, parts, strict=True)):
        shown = [f"{part:.{DIGITS}g}" for part in parts]
    return tuple(
        "0" if not part else f"-{head}{one[1:]}{tail}" if one.startswith("-") else f"{head}{one}{tail}"
        for one, part in zip(shown, parts, strict=True)
    )


def _special(value: float | None) -> str:
    if value is None:
        return MISSING
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return ""


def _signed(value: float | None, form: Callable[[float], str]) -> str:
    known = value or 0.0
    body = form(abs(known))
    if known >= 0:
        return body
    # "less than" turns round below zero: -0.0001 is more than -0.1 %.
    turned = {"<": ">", ">": "<"}.get(body[0])
    return f"{turned}-{body[1:]}" if turned else f"-{body}"


def _round(value: float | Decimal, decimals: int) -> Decimal:
    return _EXACT.quantize(Decimal(value), Decimal(1).scaleb(-decimals))


def _significant(value: float | Decimal, digits: int) -> Decimal:
    """Round to this many significant digits, but never away digits before the decimal point."""
    exact = Decimal(value)
    rounded = _round(exact, max(0, digits - 1 - exact.adjusted())) if exact else exact
    # 9.999 became 10.00: one decimal less.
    return _round(rounded, max(0, digits - 1 - rounded.adjusted())) if rounded else Decimal(0)


def _power(value: float, digits: int) -> str:
    """Return 1.20e-7."""
    exact = Decimal(value)
    rounded = _round(exact, digits - 1 - exact.adjusted())
    return f"{rounded:.{digits - 1}e}"


def _plain(value: float, digits: int) -> str:
    if value == int(value) and value < 1000:
        return f"{int(value)}"
    return _power(value, digits) if value < 1e-6 else f"{_significant(value, digits):f}"


def _scaled(value: float, digits: int, base: int, units: tuple[str, ...]) -> str:
    """Count up the units until the rounded number fits below the next one."""
    for power, unit in enumerate(units):
        part = value / float(base**power)
        if _significant(part, digits) < base:
            number = f"{_significant(part, digits):f}" if power else _plain(part, digits)
            return f"{number} {unit}"
    return f"{_power(value / float(base ** (len(units) - 1)), digits)} {units[-1]}"


def _duration(value: float, digits: int) -> str:
    if value == 0:
        return "0 s"
    for unit, per_second in _SHORT if value < 60 else ():
        part = _significant(value * per_second, digits)
        if part < Decimal("0.001"):
            return f"<0.001 {unit}"
        if part < (60 if unit == "s" else 1000):
            return f"{part:f} {unit}"
    for unit, length, lesser, lesser_length in _LONG:
        whole, rest = divmod(int(_round(value / lesser_length, 0)), length // lesser_length)
        if whole < (24 if unit == "h" else 60):
            return f"{whole} {unit} {rest:02d} {lesser}"
    return _days(value, digits)


def _days(value: float, digits: int) -> str:
    whole, rest = divmod(int(_round(value / 3600, 0)), 24)
    if whole < 100:
        return f"{whole} d {rest:02d} h"
    days = value / 86400
    return f"{_round(days, 0)} d" if days < 1e6 else f"{_power(days, digits)} d"


def _percent(value: float, decimals: int) -> str:
    hundredfold = min(value * 100, sys.float_info.max)
    rounded = _round(hundredfold, decimals)
    step = Decimal(1).scaleb(-decimals)
    if value in (0, 1):
        return f"{int(hundredfold)} %"
    if rounded == 0:
        return f"<{step:f} %"
    if rounded == 100 and value < 1:
        return f">{100 - step:f} %"
    if hundredfold >= 1e6:
        return f"{_power(hundredfold, DIGITS)} %"
    return f"{rounded:f} %" if rounded < 100 else f"{_round(hundredfold, 0)} %"


def _money(value: float, currency: str) -> str:
    if value == 0:
        return f"{currency}0.00"
    if value < _SMALLEST_MONEY:
        return f"<{currency}{Decimal(str(_SMALLEST_MONEY)):f}"
    if value < 1:
        small = _round(value, max(2, 1 - Decimal(value).adjusted()))
        # 0.0996 became 0.100: one decimal less.
        return f"{currency}{_round(small, max(2, 1 - small.adjusted())):f}"
    cents = _round(value, 2)
    return f"{currency}{cents:f}" if cents < 1000 else f"{currency}{_scaled(value, DIGITS, 1000, _MONEY)}"
