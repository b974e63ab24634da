"""Numbers of answers as text: by their unit, with what they are worth."""

from __future__ import annotations

import time
from collections.abc import Callable

from inferdeck.cli.text import Cell
from inferdeck.model import numbers
from inferdeck.model.answers import Number

FORMS: dict[str, Callable[[float], str]] = {
    "seconds": numbers.seconds,
    "bytes": numbers.byte_size,
    "ratio": numbers.percent,
    "count": numbers.count,
    "tokens": numbers.tokens,
    "usd/Mtok": lambda value: f"{value:g}",
    "usd/h": lambda value: f"{numbers.money(value)}/h",
    "requests/s": numbers.rate,
    "tokens/s": lambda value: numbers.rate(value, unit="tok"),
    "bytes/s": lambda value: f"{numbers.byte_size(value)}/s",
    "load": lambda value: f"{value:.2f}",
}


def shown(number: Number) -> str:
    """Return the figure: – where it is missing, ~ before an estimate, its age behind a stale one."""
    if number.value is None:
        return "unlimited" if number.quality == "unlimited" else numbers.MISSING
    text = FORMS.get(number.unit, numbers.count)(number.value)
    if number.quality == "stale":
        return f"{text}, {numbers.age(number.age_seconds)}" if number.age_seconds is not None else f"{text}, old"
    return f"~{text}" if number.quality == "estimated" else text


def parameters(value: float) -> str:
    """Return how many parameters a model has, as its makers write it: 70.6 B, not 70.6 G."""
    return numbers.count(value).replace("G", "B")


def day(value: float) -> str:
    """Return the day of a moment in Unix seconds, UTC; raises ValueError for what is none."""
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(value))
    except (OverflowError, OSError) as error:
        raise ValueError(f"{value}: no moment") from error


def figure(number: Number, *, warn: float | None = None, critical: float | None = None) -> Cell:
    """Return the figure as a cell, coloured from these values on; a missing or stale one is dim."""
    text = shown(number)
    if number.value is None or number.quality == "stale":
        return Cell(text, "dim")
    if critical is not None and number.value >= critical:
        return Cell(text, "red")
    if warn is not None and number.value >= warn:
        return Cell(text, "yellow")
    return Cell(text)
