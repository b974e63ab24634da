"""What the lines of a chart are: sign, name and figures, as a table where there is room, else on one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from inferdeck.faces.terminal.drawing.glyphs import Glyphs
from inferdeck.faces.terminal.drawing.picture import Row, Span, fit, longest, series_style, wide
from inferdeck.model import cells, ticks
from inferdeck.model.units import show

_TABLE_CELLS = 44
_NAME_CELLS = 28
_LEAST_NAME = 14


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the chart: its place among them, its values in view, and the one under the cursor."""

    name: str
    index: int
    values: Sequence[float | None]
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the legend says beside the lines. more: how many series are not drawn; note: about the scale."""

    unit: str
    decimals: int | None
    cursor: float | None
    zone: tzinfo | None
    more: int
    note: str
    currency: str = "$"

    def value(self, value: float | None) -> str:
        """Return a value in the chart's unit."""
        return cells.clean(show(self.unit, value, decimals=self.decimals, currency=self.currency))

    def moment(self) -> str:
        """Return the time under the cursor, with its zone."""
        return f"{ticks.local(self.cursor, self.zone):%H:%M:%S %Z}".rstrip() if self.cursor is not None else ""


def sign(index: int, glyphs: Glyphs) -> str:
    """Return the sign of a series: colour and sign together tell 64 of them apart."""
    return glyphs.signs[(index + index // 8) % len(glyphs.signs)]


def latest(values: Sequence[float | None]) -> float | None:
    """Return the newest value."""
    return next((value for value in reversed(values) if value is not None), None)


def rows(entries: Sequence[Entry], told: Told, width: int, most: int, glyphs: Glyphs) -> list[Row]:
    """Return at most `most` rows, one at least: a table with last, min and max where it fits, else names in a row."""
    lines = len(entries) + 1 + bool(told.note or told.more)
    if len(entries) == 1:
        return [_single(entries[0], told, width, glyphs)]
    if lines <= most and width >= _TABLE_CELLS:
        return _table(entries, told, width, glyphs)
    return [_line(entries, told, width, glyphs)]


def _single(entry: Entry, told: Told, width: int, glyphs: Glyphs) -> Row:
    """Return one line of the chart with all its figures on one row, as far as there is room."""
    first, low, high = _figures(entry, told)
    name = cells.clean(entry.name)
    room = width - len(first) - 4 - (len(told.moment()) + 2 if told.cursor is not None else 0)
    name = cells.cut(name, max(0, room))
    out: list[Span] = [(f"{told.moment()}  ", "cursor")] if told.cursor is not None else []
    out += [(sign(entry.index, glyphs), series_style(entry.index)), (f" {name} " if name else " ", "")]
    out.append((first, "strong"))
    for part, style in ((f"   min {low}   max {high}", "dim"), (f"   {told.note}" if told.note else "", "dim")):
        if wide(tuple(out)) + cells.width(part) <= width:
            out.append((part, style))
    return fit(out, width)


def _table(entries: Sequence[Entry], told: Told, width: int, glyphs: Glyphs) -> list[Row]:
    figures = [_figures(entry, told) for entry in entries]
    heads = [told.moment() or "last", "min", "max"]
    sizes = [longest([head, *(one[place] for one in figures)]) for place, head in enumerate(heads)]
    names = [cells.clean(entry.name) for entry in entries]
    room = width - 2 - sum(sizes) - 2 * len(sizes)
    named = max(0, min(room, max(_LEAST_NAME, longest(names))))
    shown: list[Row] = [_row((("", ""), ("", "")), heads, sizes, named, "dim", width)]
    for entry, name, one in zip(entries, names, figures, strict=True):
        head = ((sign(entry.index, glyphs), series_style(entry.index)), (name, ""))
        shown.append(_row(head, one, sizes, named, "", width))
    rest = [told.note] if told.note else []
    if told.more:
        rest.append(f"{told.more} more not drawn")
    return [*shown, fit(((f"  {', '.join(rest)}", "dim"),), width)] if rest else shown


def _row(
    head: tuple[Span, Span], figures: Sequence[str], sizes: Sequence[int], named: int, style: str, width: int
) -> Row:
    (mark, mark_style), (name, name_style) = head
    columns = "".join(f"  {cells.fit(text, size, right=True)}" for text, size in zip(figures, sizes, strict=True))
    first = (cells.fit(mark, 2), mark_style)
    return fit((first, (cells.fit(name, named), name_style), (columns, style or "strong")), width)


def _figures(entry: Entry, told: Told) -> list[str]:
    real = [value for value in entry.values if value is not None]
    first = entry.at if told.cursor is not None else latest(entry.values)
    return [told.value(first), told.value(min(real, default=None)), told.value(max(real, default=None))]


def _line(entries: Sequence[Entry], told: Told, width: int, glyphs: Glyphs) -> Row:
    """Return as many entries as fit on one row, the rest as a count."""
    out: list[Span] = [(f"{told.moment()}  ", "cursor")] if told.cursor is not None else []
    used = wide(tuple(out))
    tail = told.note
    for place, entry in enumerate(entries):
        figure = told.value(entry.at if told.cursor is not None else latest(entry.values))
        name = cells.cut(cells.clean(entry.name), _NAME_CELLS)
        text = f" {name} " if name else " "
        left = len(entries) - place - 1 + told.more
        needs = 1 + cells.width(text) + cells.width(figure) + 2
        if used + needs + (len(f"+{left}") if left else -2) > width and place:
            return fit((*out, (f"+{left + 1}", "dim")), width)
        out += [(sign(entry.index, glyphs), series_style(entry.index)), (text, ""), (f"{figure}  ", "strong")]
        used += needs
    if told.more:
        tail = f"+{told.more} {tail}".rstrip()
    return fit((*out, (tail, "dim")) if used + len(tail) <= width else out, width)
