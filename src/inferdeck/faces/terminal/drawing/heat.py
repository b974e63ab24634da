"""How often what happened when: rows of cells that are darker where there is more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from inferdeck.faces.terminal.drawing import axes
from inferdeck.faces.terminal.drawing.glyphs import Glyphs, Look
from inferdeck.faces.terminal.drawing.picture import HEAT, Row, Span, fit, longest
from inferdeck.model import cells


@dataclass(frozen=True, slots=True)
class Band:
    """One row: its clean name and a value per step; None: no value."""

    name: str
    values: Sequence[float | None]


def draw(
    bands: Sequence[Band],
    texts: tuple[str, str],
    width: int,
    height: int,
    look: Look,
    *,
    span: tuple[float, float] | None = None,
    zone: tzinfo | None = None,
) -> list[Row]:
    """Return the bands from top to bottom, their names at the left, times (of the span) and a scale below.

    texts: the smallest and the largest value as they are shown. Where there are more bands than rows, or more values
    than cells, neighbours are added up; a value is never left out.
    """
    tall = room(height, timed=span is not None)
    shown = _joined(bands, tall)
    named = min(longest([band.name for band in shown]), max(0, width // 3))
    wide = width - named - 1
    if wide < 4:
        named, wide = 0, width
    grid = [_columns(band.values, wide) for band in shown]
    most = max((value for line in grid for value in line if value is not None), default=0.0)
    rows = [
        ((cells.fit(band.name, named, right=True) + " ", "axis"), *_cells(line, most, look))
        if named
        else tuple(_cells(line, most, look))
        for band, line in zip(shown, grid, strict=True)
    ]
    if span and height > 2:
        drawn = max((len(line) for line in grid), default=0)
        rows += axes.times(*span, drawn or wide, named + 1 if named else 0, 1, zone, look.glyphs)
    if height > 4:
        rows.append(_scale(texts, named + 1 if named else 0, width, look))
    return rows[:height]


def room(height: int, *, timed: bool) -> int:
    """Return how many bands are shown in a picture of this height."""
    return max(1, height - (1 if timed and height > 2 else 0) - (1 if height > 4 else 0))


def level(value: float, most: float) -> int:
    """Return 0 for nothing, else 1 to 8; by the root, so that little is seen beside much."""
    return 0 if value <= 0 or most <= 0 else max(1, min(len(HEAT), math.ceil(math.sqrt(value / most) * len(HEAT))))


def _cells(line: Sequence[float | None], most: float, look: Look) -> list[Span]:
    out: list[Span] = []
    for value in line:
        sign, style = _sign(None if value is None else level(value, most), look.glyphs, colour=look.colour)
        if out and out[-1][1] == style:
            out[-1] = (out[-1][0] + sign, style)
        else:
            out.append((sign, style))
    return out


def _sign(found: int | None, glyphs: Glyphs, *, colour: bool) -> tuple[str, str]:
    if found is None:
        return " ", ""
    if not found:
        return glyphs.rest, "dim"
    dark = glyphs.shades[-1] if colour and not glyphs.ascii_only else glyphs.shades[(found + 1) // 2]
    return dark, HEAT[found - 1]


def _joined(bands: Sequence[Band], most: int) -> list[Band]:
    """Return at most so many bands: neighbours added up, under the first one's name and how many came to it."""
    if len(bands) <= most:
        return list(bands)
    size = -(-len(bands) // most)
    parts = [bands[place : place + size] for place in range(0, len(bands), size)]
    return [
        Band(
            f"{part[0].name} +{len(part) - 1}" if len(part) > 1 else part[0].name,
            [_sum([band.values[place] for band in part]) for place in range(len(part[0].values))],
        )
        for part in parts
    ]


def _columns(values: Sequence[float | None], width: int) -> list[float | None]:
    count = len(values)
    if count <= width:
        # Each value as many cells as fit, all alike.
        size = width // count if count else 1
        return [value for value in values for _ in range(size)]
    return [_sum(values[place * count // width : (place + 1) * count // width]) for place in range(width)]


def _sum(values: Sequence[float | None]) -> float | None:
    real = [value for value in values if value is not None]
    return sum(real) if real else None


def _scale(texts: tuple[str, str], left: int, width: int, look: Look) -> Row:
    steps = [_sign(step, look.glyphs, colour=look.colour) for step in range(1, len(HEAT) + 1)]
    return fit(((" " * left + texts[0] + " ", "axis"), *steps, (" " + texts[1], "axis")), width)
