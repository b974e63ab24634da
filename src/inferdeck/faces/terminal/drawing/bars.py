"""Bars beside names: amounts, shares of a whole, gauges, and the buckets of a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.faces.terminal.drawing.glyphs import Glyphs, Look
from inferdeck.faces.terminal.drawing.picture import Row, Span, fit, longest
from inferdeck.model import cells

_LEAST_BAR = 4
_WIDEST = 50
"""A bar that is longer says no more."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its clean name, how long it is of the scale (0 to 1, None: no value), and what is written behind it."""

    name: str
    part: float | None
    text: str
    style: str = ""


def bar(part: float, width: int, glyphs: Glyphs) -> str:
    """Return a bar of exactly this width that is filled so far (0 to 1); something is never shown as nothing."""
    fine = len(glyphs.eighths) - 1
    filled = min(width * fine, max(0, round(part * width * fine)))
    if part > 0 and not filled:
        filled = 1
    whole, rest = divmod(filled, fine)
    text = glyphs.eighths[-1] * whole + (glyphs.eighths[rest] if rest else "")
    return text + " " * (width - whole - bool(rest))


def rows(bars: Sequence[Bar], width: int, height: int, look: Look) -> list[Row]:
    """Return a row for each bar; where there are more bars than rows, the last row counts the rest."""
    shown = bars if len(bars) <= height else bars[: max(0, height - 1)]
    figures = longest([one.text for one in shown])
    named = min(longest([one.name for one in shown]), max(width * 2 // 5, width - figures - _WIDEST - 4))
    room = min(_WIDEST, width - named - figures - (2 if named else 0) - 2)
    found = [_row(one, named, room, figures, width, look.glyphs) for one in shown]
    if len(shown) < len(bars) and height > 0:
        found.append(fit(((f"and {len(bars) - len(shown)} more", "dim"),), width))
    return found


def _row(one: Bar, named: int, room: int, figures: int, width: int, glyphs: Glyphs) -> Row:
    figure = cells.fit(one.text, figures, right=True)
    if room < _LEAST_BAR:
        name = cells.fit(one.name, max(0, width - figures - 2), more=glyphs.more)
        return fit(((name, ""), ("  ", ""), (figure, one.style or "strong")), width, more=glyphs.more)
    spans: list[Span] = [(cells.fit(one.name, named, more=glyphs.more), ""), ("  ", "")] if named else []
    drawn = bar(one.part, room, glyphs) if one.part is not None else " " * room
    return fit((*spans, (drawn, one.style or "series1"), ("  ", ""), (figure, one.style or "strong")), width)


def gauge(one: Bar, marks: Sequence[tuple[float, str]], width: int, glyphs: Glyphs) -> list[Row]:
    """Return a bar over the whole width, and below it where its thresholds (part, style) begin."""
    drawn = bar(one.part or 0.0, width, glyphs)
    filled = len(drawn.rstrip())
    rest = glyphs.rest * (width - filled)
    line: list[Span] = [(drawn[:filled], one.style or "series1"), (rest, "dim")]
    if not marks:
        return [tuple(line)]
    below: list[Span] = []
    place = 0
    for part, style in marks:
        column = min(width - 1, max(0, round(part * width)))
        if column >= place:
            below += [(" " * (column - place), ""), (glyphs.up, style)]
            place = column + 1
    return [tuple(line), fit(below, width)]


def columns(bars: Sequence[Bar], width: int, height: int, look: Look) -> list[Row]:
    """Return upright bars side by side with their names below: for the buckets of a histogram, from left to right.

    As many names are written as fit. Raises ValueError for bars without room: one cell each is needed.
    """
    glyphs = look.glyphs
    each = width // max(1, len(bars))
    if each < 1:
        raise ValueError(f"{len(bars)} bars do not fit on {width} cells")
    each = min(each, 8)
    thick = max(1, each - 1) if each > 1 else 1
    tall = max(1, height - 1)
    fine = len(glyphs.heights) - 1
    heights = [max(round((one.part or 0.0) * tall * fine), 1 if (one.part or 0.0) > 0 else 0) for one in bars]
    found: list[Row] = []
    for row in range(tall):
        base = (tall - 1 - row) * fine
        spans = [
            (glyphs.heights[min(fine, max(0, high - base))] * thick + " " * (each - thick), one.style or "series1")
            for one, high in zip(bars, heights, strict=True)
        ]
        found.append(fit(_merged(spans), width))
    return [*found, fit(((_names(bars, each, width), "axis"),), width)][:height] if height > 1 else found[:height]


def _names(bars: Sequence[Bar], each: int, width: int) -> str:
    text = ""
    for place, one in enumerate(bars):
        start = place * each
        if start >= cells.width(text) + bool(text) and start + cells.width(one.name) <= width:
            text += " " * (start - cells.width(text)) + one.name
    return text


def _merged(spans: Sequence[Span]) -> list[Span]:
    out: list[Span] = []
    for text, style in spans:
        if out and out[-1][1] == style:
            out[-1] = (out[-1][0] + text, style)
        else:
            out.append((text, style))
    return out
