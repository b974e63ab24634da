"""Times as the daemon writes them."""

from __future__ import annotations

from datetime import UTC, datetime

NEVER = "0001-01-01T00:00:00Z"


def rfc3339(wall: float) -> str:
    """Return a wall-clock time with nanoseconds; trailing zeros are left out, as Go does."""
    if wall <= 0:
        return NEVER
    micros = round(wall * 1e6)
    text = f"{datetime.fromtimestamp(micros // 1_000_000, UTC):%Y-%m-%dT%H:%M:%S}"
    part = f"{micros % 1_000_000:06d}".rstrip("0")
    return f"{text}.{part}Z" if part else f"{text}Z"


def log_time(wall: float) -> str:
    """Return a time as log lines have it: always nine digits."""
    micros = round(wall * 1e6)
    return f"{datetime.fromtimestamp(micros // 1_000_000, UTC):%Y-%m-%dT%H:%M:%S}.{micros % 1_000_000:06d}000Z"


def human(seconds: float) -> str:
    """Return a duration as Docker says it to people (go-units HumanDuration)."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    minutes, hours = whole // 60, int(seconds / 3600 + 0.5)
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    if hours < 24 * 14:
        return f"{hours // 24} days"
    if hours < 24 * 60:
        return f"{hours // 24 // 7} weeks"
    return f"{hours // 24 // 30} months" if hours < 24 * 365 * 2 else f"{int(seconds / 3600) // 24 // 365} years"


def parse(text: str, now: float) -> float:
    """Return a `since` or `until`: Unix seconds, RFC 3339 or a Go duration before now; raises ValueError."""
    try:
        return float(text)
    except ValueError:
        pass
    if text and text[-1] in "smh" and text[:-1].replace(".", "", 1).isdigit():
        return now - float(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]
    return datetime.fromisoformat(text).timestamp()
