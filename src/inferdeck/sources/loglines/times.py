"""The time of a line, in the forms of the programs of an LLM stack; what a form leaves out is inferred, not guessed.

Lines are resolved from the newest to the oldest, since the newest has a known bound: when its file was last written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from enum import Enum
from functools import lru_cache
from typing import Any

from inferdeck.model.log_lines import ESTIMATED, MEASURED

DAY = 86_400.0
SLACK_SECONDS = 120.0
"""Lines of several threads may stand out of order, and clocks differ, by this much."""


class Part(Enum):
    """What a line tells of its time."""

    WHOLE = "whole"
    YEARLESS = "yearless"
    CLOCK = "clock"
    ELAPSED = "elapsed"


@dataclass(frozen=True, slots=True)
class Stamp:
    """value: Unix seconds (WHOLE), seconds of the day (YEARLESS, CLOCK), seconds since a start (ELAPSED)."""

    part: Part
    value: float
    month: int = 0
    day: int = 0


_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_MONTHS = {name: number for number, name in enumerate(_MONTH.split("|"), 1)}
_CLOCK = r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
_ISO = re.compile(rf"(\d{{4}})[-/](\d\d)[-/](\d\d)(?:[T ]| - ){_CLOCK}(?: ?(Z|UTC|GMT|[+-]\d\d:?\d\d)\b)?")
_DAY_FIRST = re.compile(rf"(\d{{1,2}})[ /]({_MONTH})[ /](\d{{4}})[ :]{_CLOCK}(?: ([+-]\d{{4}}))?")
_SYSLOG = re.compile(rf"(?:<\d{{1,3}}>)?({_MONTH}) {{1,2}}(\d{{1,2}}) {_CLOCK}")
_KLOG = re.compile(rf"[DIWEF](\d\d)(\d\d) {_CLOCK}")
_DASHED = re.compile(rf"(?<!\d)(?<!\d-)(\d\d)-(\d\d) {_CLOCK}")
_TIME_ONLY = re.compile(rf"[\[(]?{_CLOCK}(?!\d)")
_EPOCH = re.compile(r"(?:^|(?:ts|time|timestamp)=\"?)\[?(\d{10}(?:\.\d{1,9})?|\d{13}|\d{16}|\d{19})(?![\d.])")
_LLAMA = re.compile(r"(\d{1,6})\.(\d\d)\.(\d{3})\.(\d{3}) ")
_HEAD = 100
_SOME = Stamp(Part.WHOLE, 0.0)
_OLDEST, _NEWEST = 946_684_800.0, 4_102_444_800.0
"""2000 and 2100: a number outside is no time."""


def find(text: str, zone: tzinfo | None, *, exact: bool = True) -> tuple[Stamp | None, int]:
    """Return what a line tells of its time and where in the text that ends.

    zone: of times without one, None for this machine's; exact: False where only that there is a time matters.
    """
    head = text[:_HEAD]
    if found := _ISO.search(head):
        if not exact:
            return _SOME, found.end()
        year, month, day = int(found[1]), int(found[2]), int(found[3])
        return _whole((year, month, day), found.groups()[3:7], _offset(found[8], zone)), found.end()
    if found := _DAY_FIRST.search(head):
        date = (int(found[3]), _MONTHS[found[2]], int(found[1]))
        return _whole(date, found.groups()[3:7], _offset(found[8], zone)), found.end()
    if found := _SYSLOG.match(head):
        return _yearless(_MONTHS[found[1]], int(found[2]), found.groups()[2:6]), found.end()
    if found := _KLOG.match(head) or _DASHED.search(head):
        return _yearless(int(found[1]), int(found[2]), found.groups()[2:6]), found.end()
    if found := _EPOCH.search(head):
        time = number(float(found[1]))
        return (Stamp(Part.WHOLE, time) if time is not None else None), found.end()
    if found := _LLAMA.match(head):
        elapsed = int(found[1]) * 60 + int(found[2]) + int(found[3]) / 1e3 + int(found[4]) / 1e6
        return Stamp(Part.ELAPSED, elapsed), found.end() - 1
    if found := _TIME_ONLY.match(head):
        seconds = _seconds(found.groups())
        return (Stamp(Part.CLOCK, seconds) if seconds is not None else None), found.end()
    return None, 0


def number(value: float) -> float | None:
    """Return Unix seconds from seconds, milliseconds, microseconds or nanoseconds, by their size."""
    for factor in (1.0, 1e3, 1e6, 1e9):
        if _OLDEST <= value / factor < _NEWEST:
            return value / factor
    return None


def of_value(value: Any, zone: tzinfo | None) -> Stamp | None:
    """Return the time that a JSON line gives as text or a number."""
    if isinstance(value, str):
        return find(value, zone)[0]
    if isinstance(value, int | float) and not isinstance(value, bool):
        time = number(float(value))
        return Stamp(Part.WHOLE, time) if time is not None else None
    return None


class Resolver:
    """Makes whole times of stamps that come from the newest to the oldest; `newest`: no line is later than this."""

    def __init__(self, newest: float, zone: tzinfo | None) -> None:
        self._bound = newest
        self._zone = zone
        self._anchor: float | None = None
        """When the program whose elapsed seconds are read began."""
        self._elapsed = 0.0
        self.dated = False
        """Whether it has seen a line with a date, so that others can be understood without those after them."""

    def time(self, stamp: Stamp) -> tuple[float, str]:
        """Return Unix seconds and their quality."""
        quality = MEASURED
        if stamp.part is Part.WHOLE:
            found = stamp.value
        elif stamp.part is Part.YEARLESS:
            found = self._with_year(stamp)
        elif stamp.part is Part.CLOCK:
            found, quality = self._with_date(stamp.value), ESTIMATED
        else:
            found, quality = self._since_start(stamp.value), ESTIMATED
        self.dated = self.dated or quality == MEASURED
        self._bound = min(self._bound, found) if found <= self._bound + SLACK_SECONDS else self._bound
        return found, quality

    def _with_year(self, stamp: Stamp) -> float:
        latest = datetime.fromtimestamp(self._bound + SLACK_SECONDS, self._zone).year
        for year in range(latest, latest - 9, -1):
            time = self._local(year, stamp.month, stamp.day, stamp.value)
            if time is not None and time <= self._bound + DAY:
                return time
        return self._bound

    def _with_date(self, seconds: float) -> float:
        latest = datetime.fromtimestamp(self._bound + SLACK_SECONDS, self._zone)
        for back in range(3):
            day = latest - timedelta(days=back)
            time = self._local(day.year, day.month, day.day, seconds)
            if time is not None and time <= self._bound + SLACK_SECONDS:
                return time
        return self._bound

    def _since_start(self, elapsed: float) -> float:
        if self._anchor is None or elapsed > self._elapsed + SLACK_SECONDS:
            # The newest line of a run; the run before it ended no later than this one began.
            ended = self._bound if self._anchor is None else self._anchor
            self._anchor = ended - elapsed
        self._elapsed = elapsed
        return self._anchor + elapsed

    def _local(self, year: int, month: int, day: int, seconds: float) -> float | None:
        try:
            return datetime(year, month, day, tzinfo=self._zone).timestamp() + seconds
        except ValueError:
            return None


def _offset(text: str | None, zone: tzinfo | None) -> tzinfo | None:
    if not text:
        return zone
    if text[0] not in "+-":
        return timezone.utc  # noqa: UP017 - the same object as datetime.UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes)) if minutes < 1440 else zone


def _whole(date: tuple[int, int, int], clock: tuple[str | None, ...], zone: tzinfo | None) -> Stamp | None:
    seconds = _seconds(clock)
    if seconds is None:
        return None
    whole = int(seconds)
    minute = _minute(*date, whole // 3600, whole // 60 % 60, zone)
    return None if minute is None else Stamp(Part.WHOLE, minute + whole % 60 + (seconds - whole))


@lru_cache(4096)
def _minute(year: int, month: int, day: int, hour: int, minute: int, zone: tzinfo | None) -> float | None:
    """Most lines are of the minute of the line before."""
    try:
        return datetime(year, month, day, hour, minute, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None


def _yearless(month: int, day: int, clock: tuple[str | None, ...]) -> Stamp | None:
    seconds = _seconds(clock)
    return Stamp(Part.YEARLESS, seconds, month, day) if seconds is not None and 1 <= month <= 12 and day else None


def _seconds(clock: tuple[str | None, ...]) -> float | None:
    hours, minutes, seconds = int(clock[0] or 0), int(clock[1] or 0), int(clock[2] or 0)
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600 + minutes * 60 + min(seconds, 59) + (float(f"0.{clock[3]}") if clock[3] else 0.0)
