"""Round values for the axes of charts: of numbers in a unit, and of moments in a time zone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from inferdeck.model.units import UNITS, show_alike

_DECIMAL: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_SEXAGESIMAL: Final = (
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10800.0,
)
_HOURS: Final = (10800.0, 21600.0, 43200.0, 86400.0)
_DAY: Final = 86400.0
_MOMENTS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
"""Steps of moments in seconds that divide a day; longer ones are days and months."""
_DAYS: Final = (1, 2, 7, 14)
_MONTHS: Final = (1, 3, 6, 12, 60, 120)
_MOST: Final = 1000
_MONTH_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Tick:
    """One place of an axis: a number or Unix seconds, and what stands there."""

    value: float
    text: str


def step(span: float, most: int, unit: str = "count") -> float:
    """Return the smallest round distance that divides the span into at most so many parts.

    Bytes go by powers of two, durations by what divides minutes, hours and days, all else by 1, 2, 2.5 and 5.
    """
    least = span / max(1, most)
    if not math.isfinite(least) or least <= 0:
        return 1.0
    kind = UNITS.get(unit, UNITS["count"]).kind
    if kind == "bytes" and least > 0.5:
        return float(2.0 ** math.ceil(math.log2(least)))
    if kind in ("seconds", "age") and span > 60.0:
        found = next((size for size in (*_SEXAGESIMAL, *_HOURS) if size >= least), None)
        return found if found is not None else _decimal(least / _DAY) * _DAY
    found = _decimal(least)
    # A half of something that is counted is nothing.
    return max(1.0, found) if kind == "tokens" and span >= 1 else found


def numbers(low: float, high: float, most: int, unit: str = "count") -> tuple[Tick, ...]:
    """Return the round values from low to high, at most about `most`, in one scale and precision; both finite."""
    return _at(low, high, step(high - low, most, unit), unit)


def widened(low: float, high: float, most: int, unit: str = "count") -> tuple[Tick, ...]:
    """Return round values of which the first is not above low, and the last not below high; both finite."""
    distance = step(high - low, most, unit)
    first, last = math.floor(low / distance + 1e-9) * distance, math.ceil(high / distance - 1e-9) * distance
    return _at(first, last, distance, unit)


def _at(low: float, high: float, distance: float, unit: str) -> tuple[Tick, ...]:
    first, last = math.ceil(low / distance - 1e-9), math.floor(high / distance + 1e-9)
    values = [place * distance + 0.0 for place in range(first, min(last, first + _MOST) + 1)]
    return tuple(Tick(value, text) for value, text in zip(values, show_alike(unit, values), strict=True))


def moments(start: float, end: float, most: int, zone: tzinfo | None = None) -> tuple[Tick, ...]:
    """Return round moments of the zone (None: this machine's) from start to end, at most `most`; Unix seconds.

    Midnights show the day. Where clocks change, the hours before and after stand where they are: one is missing or
    stands twice.
    """
    if most < 1 or not end > start:
        return ()
    least = (end - start) / most
    size = next((one for one in _MOMENTS if one >= least), None)
    if size is not None:
        values = list(_aligned(start, end, size, zone))
        return tuple(Tick(value, _clock(value, size, zone)) for value in values[:_MOST])
    days = next((one for one in _DAYS if one * _DAY >= least), None)
    if days is not None:
        found = [(one, f"{one.day} {_MONTH_NAMES[one.month - 1]}") for one in _dates(start, end, days, zone)]
    else:
        months = next((one for one in _MONTHS if one * 28 * _DAY >= least), _MONTHS[-1])
        found = [(one, _month(one)) for one in _firsts(start, end, months, zone)]
    placed = [(_midnight(one, zone), text) for one, text in found]
    return tuple(Tick(value, text) for value, text in placed if start <= value <= end)


def local(moment: float, zone: tzinfo | None = None) -> datetime:
    """Return the moment (Unix seconds) as a time of the zone; years that no calendar has are the nearest one's."""
    bounded = min(max(moment, -62135510400.0 + 1e5), 253402214400.0 - 1e5)
    whole = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=bounded)
    return whole.astimezone(zone)


def _decimal(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    # Fives and tens are read more easily than 2.5, 5.0, 7.5.
    sizes = (size for size in _DECIMAL if size != 2.5 or power != 1.0)
    return next(size * power for size in sizes if size * power >= least * (1 - 1e-9))


def _offset(moment: float, zone: tzinfo | None) -> float:
    return (local(moment, zone).utcoffset() or timedelta()).total_seconds()


def _aligned(start: float, end: float, size: int, zone: tzinfo | None) -> Iterator[float]:
    """Yield the moments whose time of day is a multiple of the step, also after a change of the clocks."""
    moment, offset = start, _offset(start, zone)
    while True:
        found = math.ceil((moment + offset) / size) * size - offset
        now = _offset(found, zone)
        if now != offset:
            change = _change(moment, found, offset, zone)
            moment, offset = change, _offset(change, zone)
            continue
        if found > end:
            return
        yield found
        moment = found + size
        after = _offset(moment, zone)
        if after != offset:
            moment = _change(found, moment, offset, zone)
            offset = _offset(moment, zone)


def _change(before: float, after: float, offset: float, zone: tzinfo | None) -> float:
    """Return the first second at which the clocks show another offset."""
    low, high = math.floor(before), math.ceil(after)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    return float(high)


def _clock(moment: float, size: int, zone: tzinfo | None) -> str:
    when = local(moment, zone)
    if when.hour == when.minute == when.second == 0 and size >= 60:
        return f"{when.day} {_MONTH_NAMES[when.month - 1]}"
    return f"{when:%H:%M:%S}" if size < 60 else f"{when:%H:%M}"


def _dates(start: float, end: float, days: int, zone: tzinfo | None) -> Iterator[date]:
    first, last = local(start, zone).date().toordinal(), local(end, zone).date().toordinal()
    # Weeks begin on Mondays: day 1 of the calendar was one.
    for place in range(first + (1 - first) % days, last + 1, days):
        yield date.fromordinal(place)


def _firsts(start: float, end: float, months: int, zone: tzinfo | None) -> Iterator[date]:
    first, last = local(start, zone).date(), local(end, zone).date()
    place = first.year * 12 + first.month - 1
    for month in range(place + -place % months, last.year * 12 + last.month, months):
        yield date(month // 12, month % 12 + 1, 1)


def _month(day: date) -> str:
    return f"{day.year}" if day.month == 1 else _MONTH_NAMES[day.month - 1]


def _midnight(day: date, zone: tzinfo | None) -> float:
    """Return the first moment of the day, also where clocks leave midnight out."""
    naive = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the zone follows
    return (naive.replace(tzinfo=zone) if zone is not None else naive.astimezone()).timestamp()
