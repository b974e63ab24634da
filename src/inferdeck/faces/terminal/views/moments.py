"""Moments as text of this machine's own time zone."""

from __future__ import annotations

import time

from inferdeck.model import numbers

DATE = "%Y-%m-%d %H:%M:%S"
CLOCK = "%H:%M:%S"


def local(seconds: float | None, form: str = DATE) -> str:
    """Return Unix seconds as local time; a dash for none, and for what no calendar reaches."""
    try:
        return numbers.MISSING if seconds is None else time.strftime(form, time.localtime(seconds))
    except (OSError, OverflowError, ValueError):
        return numbers.MISSING
