"""Numbers of answers as text: by their unit, with what they are worth."""

from __future__ import annotations

import time

from inferdeck.cli.text import Cell
from inferdeck.model import numbers
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown

__all__ = ["day", "figure", "parameters", "shown"]


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
