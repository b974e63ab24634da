"""Times as the proxy and its database write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

DAY = 86_400.0
_DURATIONS = ((2_592_000.0, 30, "d"), (604_800.0, 7, "d"), (86_400.0, 1, "d"), (3_600.0, 1, "h"), (60.0, 1, "m"))
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?")


def z_text(time: float) -> str:
    """Return 2026-11-21T03:07:53.992000Z."""
    return datetime.fromtimestamp(round(time, 3), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def offset_text(time: float) -> str:
    """Return 2026-11-21T03:10:37.426+00:00, as raw queries give it."""
    return datetime.fromtimestamp(round(time, 3), UTC).isoformat(timespec="milliseconds")


def date_text(day: int) -> str:
    """Return a day since 1970 as 2026-11-21."""
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")


def short_date(day: int) -> str:
    """Return a day as Nov 21: without a year, as the activity routes have it."""
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%b %d")


def parse(text: str) -> float | None:
    """Read a date, or a date with a time, of UTC; None where it is neither."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    parts = [int(part or 0) for part in found.groups()]
    try:
        return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]
    except ValueError:
        return None


def duration(seconds: float) -> str:
    """Return a budget's duration as LiteLLM writes it: 30d, 1h, 45s."""
    for size, count, unit in _DURATIONS:
        if seconds >= size and seconds % (size / count) == 0:
            return f"{int(seconds // (size / count))}{unit}"
    return f"{int(seconds)}s"
