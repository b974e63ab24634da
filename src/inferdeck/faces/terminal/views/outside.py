"""Rows of words from outside: cleaned, so that what they say cannot move anything on the screen."""

from __future__ import annotations

from collections.abc import Iterable

from inferdeck.faces.terminal.drawing import picture
from inferdeck.faces.terminal.drawing.picture import Row, Span
from inferdeck.model import cells


def fit(row: Iterable[Span], width: int) -> Row:
    """Return the row in exactly so many cells, each of its texts cleaned."""
    return picture.fit(((cells.clean(text), style) for text, style in row), width)
