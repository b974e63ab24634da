"""PromQL's functions of one value, of labels and of histograms in plain Python: slow, obvious, from the definitions."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from inferdeck.model.labels import Labels

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def _total(function: Callable[[float], float]) -> Callable[[float], float]:
    """Outside of its domain a function is NaN; where it grows too large, infinite."""

    def of(value: float) -> float:
        try:
            return function(value)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.copysign(math.inf, function(math.copysign(1.0, value)))

    return of


def _logarithm(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else function(value)


def _sign(value: float) -> float:
    return value if math.isnan(value) else float(value > 0) - float(value < 0)


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(function(value)) if math.isfinite(value) else value


def _atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value)


_OF_ONE: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "acos": math.acos,
    "acosh": math.acosh,
    "asin": math.asin,
    "asinh": math.asinh,
    "atan": math.atan,
    "atanh": _atanh,
    "ceil": _whole(math.ceil),
    "cos": math.cos,
    "cosh": math.cosh,
    "deg": math.degrees,
    "exp": math.exp,
    "floor": _whole(math.floor),
    "ln": _logarithm(math.log),
    "log10": _logarithm(math.log10),
    "log2": _logarithm(math.log2),
    "rad": math.radians,
    "sgn": _sign,
    "sin": math.sin,
    "sinh": math.sinh,
    "sqrt": math.sqrt,
    "tan": math.tan,
    "tanh": math.tanh,
}
OF_ONE = {name: _total(function) for name, function in _OF_ONE.items()}


def rounded(value: float, nearest: float) -> float:
    inverse = math.inf if nearest == 0 else 1 / nearest
    scaled = value * inverse + 0.5
    below = float(math.floor(scaled)) if math.isfinite(scaled) else scaled
    if inverse == 0:
        return math.nan if below == 0 or math.isnan(below) else math.copysign(math.inf, below)
    return below / inverse


def _days_in_month(moment: datetime.datetime) -> int:
    following = (moment.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
    return (following - moment.replace(day=1)).days


_PARTS: dict[str, Callable[[datetime.datetime], int]] = {
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day_of_month": lambda moment: moment.day,
    "day_of_year": lambda moment: moment.timetuple().tm_yday,
    "day_of_week": lambda moment: moment.isoweekday() % 7,
    "days_in_month": _days_in_month,
    "hour": lambda moment: moment.hour,
    "minute": lambda moment: moment.minute,
}
DATES = tuple(_PARTS)


def date(name: str, seconds: float) -> float:
    """For the years 2 to 9998; fractions of seconds are cut off towards zero."""
    return float(_PARTS[name](_EPOCH + datetime.timedelta(seconds=math.trunc(seconds))))


def text(value: float) -> str:
    """A value as count_values writes it into a label: no exponent, no zeros at the end."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    shown = format(Decimal(repr(value)), "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def with_label(series: Labels, name: str, value: str) -> Labels:
    found = {**dict(series), name: value}
    return tuple(sorted(pair for pair in found.items() if pair[1]))


def label_replace(series: Labels, target: str, template: str, source: str, pattern: str) -> Labels:
    """`$1`, `${1}` and `$$` are known in the template."""
    found = re.fullmatch(pattern, dict(series).get(source, ""))
    if found is None:
        return series
    groups = ["".join(found.group(0)), *(group or "" for group in found.groups())]

    def expanded(reference: re.Match[str]) -> str:
        if reference[0] == "$$":
            return "$"
        number = int(reference[1] or reference[2])
        return groups[number] if number < len(groups) else ""

    return with_label(series, target, re.sub(r"\$\$|\$\{(\d+)\}|\$(\d+)", expanded, template))


def label_join(series: Labels, target: str, separator: str, sources: Sequence[str]) -> Labels:
    own = dict(series)
    return with_label(series, target, separator.join(own.get(source, "") for source in sources))


def natural(value: str) -> list[tuple[bool, int, str]]:
    """A key by which x2 comes before x10."""
    parts = re.findall(r"\d+|\D+", value)
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def histogram_fraction(lower: float, upper: float, buckets: Sequence[tuple[float, float]]) -> float:
    """buckets: (bound, cumulative count), rising in both, the last bound infinite.

    What a bucket without an end holds is taken to lie at that end.
    """
    total = buckets[-1][1]
    if total == 0 or math.isnan(lower) or math.isnan(upper) or math.isinf(total):
        return math.nan
    if lower >= upper:
        return 0.0

    def below(value: float) -> float:
        start, before = (-math.inf if buckets[0][0] <= 0 else 0.0), 0.0
        for bound, count in buckets:
            if value <= start:
                return before
            if value < bound:
                share = 1.0 if math.isinf(start) else 0.0 if math.isinf(bound) else (value - start) / (bound - start)
                return before + (count - before) * share
            start, before = bound, count
        return before

    return (below(upper) - below(lower)) / total
