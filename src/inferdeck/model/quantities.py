"""Durations and sizes as people write them: "15s", "1h30m", "30d", "512MiB", "10GB"."""

from __future__ import annotations

import math
import re

DURATION_UNITS: dict[str, float] = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "y": 31536000.0,
}
SIZE_UNITS: dict[str, int] = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgtp", start=1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgtp", start=1)},
}
LONGEST_SECONDS = 1000 * DURATION_UNITS["y"]
LARGEST_BYTES = 2**60

_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
_DURATION = re.compile(rf"(?:{_NUMBER}\s*[a-zµ]+\s*)+")
_PART = re.compile(rf"({_NUMBER})\s*([a-zµ]+)")
_SIZE = re.compile(rf"({_NUMBER})\s*([a-z]+)?")


def parse_duration(value: str | float) -> float:
    """Return seconds: a number as it is, text as a sum of parts ("1h30m"); a bare number in text means seconds.

    A year has 365 days. Raises ValueError whose text says what would be right.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _in_range(float(value), value)
    text = _given(value)
    if re.fullmatch(_NUMBER, text):
        return _in_range(float(text), value)
    parts = _PART.findall(text)
    if not _DURATION.fullmatch(text) or any(unit not in DURATION_UNITS for _, unit in parts):
        raise ValueError(f'"{_short(text)}" is not a duration; write for example 15s, 5m, 1h30m or 30d')
    return _in_range(sum(float(number) * DURATION_UNITS[unit] for number, unit in parts), value)


def parse_size(value: str | int) -> int:
    """Return bytes: kB, MB, GB, TB, PB are powers of 1000, KiB, MiB, GiB, TiB, PiB of 1024; a bare number is bytes.

    Raises ValueError whose text says what would be right.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        found: float = value
    else:
        text = _given(value)
        match = _SIZE.fullmatch(text.lower())
        if match is None or (match[2] or "b") not in SIZE_UNITS:
            raise ValueError(f'"{_short(text)}" is not a size; write for example 512MiB or 10GB')
        found = float(match[1]) * SIZE_UNITS[match[2] or "b"]
    if not 0 <= found <= LARGEST_BYTES:
        raise ValueError(f'"{_short(str(value))}" is out of range; a size lies between 0 and 1024 PiB')
    return round(found)


def _given(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _in_range(seconds: float, given: object) -> float:
    if not math.isfinite(seconds) or not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f'"{_short(str(given))}" is out of range; a duration lies between 0 and 1000 years')
    return seconds


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
