"""Single numbers: big digits, and small trends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from inferdeck.faces.terminal.drawing.glyphs import Glyphs
from inferdeck.faces.terminal.drawing.picture import Row, Span
from inferdeck.faces.terminal.drawing.values import SMALLEST_SPAN
from inferdeck.model import cells

BIG_ROWS = 3
_DIGITS = {
    "0": ("███", "█ █", "█ █", "█ █", "███"),
    "1": ("██ ", " █ ", " █ ", " █ ", "███"),
    "2": ("███", "  █", "███", "█  ", "███"),
    "3": ("███", "  █", "███", "  █", "███"),
    "4": ("█ █", "█ █", "███", "  █", "  █"),
    "5": ("███", "█  ", "███", "  █", "███"),
    "6": ("███", "█  ", "███", "█ █", "███"),
    "7": ("███", "  █", "  █", "  █", "  █"),
    "8": ("███", "█ █", "███", "█ █", "███"),
    "9": ("███", "█ █", "███", "  █", "███"),
    ".": (" ", " ", " ", " ", "█"),
    "-": ("  ", "  ", "██", "  ", "  "),
    "<": ("  █", " █ ", "█  ", " █ ", "  █"),
    ">": ("█  ", " █ ", "  █", " █ ", "█  "),
}
_SIGNS = "$€£¥"
"""Of money: as they are, since as a big $ would be taken for a 5."""
_NUMBER = re.compile(rf"[-<>{_SIGNS}0-9.]*[0-9]")
_HALVES = {(" ", " "): " ", ("█", " "): "▀", (" ", "█"): "▄", ("█", "█"): "█"}


def big(text: str, style: str, glyphs: Glyphs) -> list[Row]:
    """Return a number on three rows with what follows it beside its foot; nothing where it cannot be drawn so."""
    found = _NUMBER.match(text)
    tail = text[found.end() :] if found else ""
    if glyphs.ascii_only or found is None or any(letter.isdigit() for letter in tail):
        return []
    rows: list[Row] = []
    for row in range(BIG_ROWS):
        drawn = " ".join(_part(letter, row) for letter in found[0])
        end: Span = (tail if row == 2 and tail.startswith(" ") else f" {tail}" if row == 2 and tail else "", style)
        rows.append(((drawn, style), end) if end[0] else ((drawn, style),))
    return rows


def _part(letter: str, row: int) -> str:
    """Return one row of a letter, two of its dots to a cell."""
    if letter in _SIGNS:
        return letter if row == 1 else " "
    dots = _DIGITS[letter]
    below = dots[2 * row + 1] if row < BIG_ROWS - 1 else " " * len(dots[0])
    return "".join(_HALVES[pair] for pair in zip(dots[2 * row], below, strict=True))


def spark(values: Sequence[float | None], width: int, height: int, glyphs: Glyphs, style: str = "") -> list[Row]:
    """Return a trend as columns from 0 on; of several values in one column the one farthest from 0, blank for none."""
    if width < 1 or height < 1 or not values:
        return []
    count = min(width, len(values))
    edges = [place * len(values) // count for place in range(count + 1)]
    parts = [[v for v in values[low:high] if v is not None] for low, high in pairwise(edges)]
    peaks = [max(part, key=abs) if part else None for part in parts]
    real = [peak for peak in peaks if peak is not None]
    if not real:
        return []
    low, high = min(0.0, *real), max(0.0, *real)
    fine = len(glyphs.heights) - 1
    scale = (height * fine - 1) / (high - low if high - low > SMALLEST_SPAN else 1.0)
    # What is there has a foot, so that 0 differs from nothing.
    tall = [0 if peak is None else 1 + round((peak - low) * scale) for peak in peaks]
    return [
        (("".join(glyphs.heights[min(fine, max(0, one - base * fine))] for one in tall), style),)
        for base in range(height - 1, -1, -1)
    ]


def centred(row: Row, width: int) -> Row:
    """Return the row with blanks before it, so that it stands in the middle."""
    used = sum(cells.width(text) for text, _ in row)
    return ((" " * ((width - used) // 2), ""), *row) if used < width else row
