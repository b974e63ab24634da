"""The notation of points: `1 2 3`, `1+2x3`, `4x2`, `_`, `_x3`, `stale`; native histograms are only recognised."""

from __future__ import annotations

import re
from enum import Enum

from inferdeck.query.promql.literals import number


class Mark(Enum):
    """What stands where no number does."""

    GAP = "_"
    STALE = "stale"
    HISTOGRAM = "{{…}}"


Point = float | Mark
MOST_POINTS = 1_000_000

_HISTOGRAM = r"\{\{[^}]*\}\}"
_VALUE = r"[+-]?(?:inf|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)"
_ITEM = re.compile(
    rf"_(?:x(?P<gaps>[0-9]+))?"
    rf"|(?P<stale>stale)"
    rf"|(?P<histogram>{_HISTOGRAM})(?:(?:[+-]{_HISTOGRAM})?x(?P<copies>[0-9]+))?"
    rf"|(?P<first>{_VALUE})(?:(?P<increment>[+-](?:{_VALUE}))?x(?P<times>[0-9]+))?",
    re.IGNORECASE,
)


_DURATION = r"[+-]?(?:0|(?:[0-9]+(?:ms|[smhdwy]))+)"
_START = re.compile(rf"_(?:x[0-9]+)?|{_DURATION}(?:[+-]{_DURATION})?(?:x[0-9]+)?")


def check_starts(text: str) -> None:
    """Raise ValueError where this is no list of start timestamps (`_ -30s-1mx2`: each before its sample's time)."""
    for item in text.split():
        if _START.fullmatch(item) is None:
            raise ValueError(f"not a start timestamp: {item[:40]}")


def points(text: str) -> tuple[Point, ...]:
    """Return the points that the notation stands for; raises ValueError naming the item that cannot be read."""
    found: list[Point] = []
    place = 0
    text = text.strip()
    while place < len(text):
        match = _ITEM.match(text, place)
        ends_well = match is not None and (match.end() == len(text) or text[match.end()].isspace())
        if match is None or not ends_well:
            item = text[place:].split(maxsplit=1)[0]
            raise ValueError(f"not a point: {item[:40]}")
        found += _expanded(match, MOST_POINTS - len(found))
        place = match.end()
        while place < len(text) and text[place].isspace():
            place += 1
    return tuple(found)


def _expanded(match: re.Match[str], room: int) -> list[Point]:
    copies = int(match["gaps"] or match["copies"] or match["times"] or 0)
    if copies >= room:
        raise ValueError(f"more than {MOST_POINTS:,} points in one series")
    if match["stale"]:
        return [Mark.STALE]
    if match["histogram"]:
        return [Mark.HISTOGRAM] * (copies + 1)
    if match["first"] is None:
        return [Mark.GAP] * (copies or 1)
    value = signed(match["first"])
    step = signed(match["increment"]) if match["increment"] else 0.0
    # Added up one by one, as Prometheus does, so that the roundings are the same.
    found: list[Point] = []
    for _ in range(copies + 1):
        found.append(value)
        value = value + step if match["increment"] else value
    return found


def signed(text: str) -> float:
    """Return a number with any signs before it; raises ValueError."""
    sign = 1.0
    while text[:1] in ("+", "-"):
        sign = -sign if text[0] == "-" else sign
        text = text[1:]
    return sign * number(text)
