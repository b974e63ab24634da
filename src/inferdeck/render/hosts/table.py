"""The rows of a widget under its columns, in the width that there is.

Columns go in their order; what is wide counts little there, since it is cut: one long name takes no other column away.
Then the widest are narrowed alike, those of numbers at last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.model import cells
from inferdeck.model.widget import Cell, Column, Frame, Look, Widget
from inferdeck.render.hosts import signs
from inferdeck.render.hosts.spans import MORE, Line, Span, cut, piece

GAP = "  "
_NARROW = 8
"""No column is cut to less than this as long as another can be."""
_WIDE = 12
"""So many cells of a text count where columns must go, or two fifths of the width."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A column that is shown: its place, its width, and what it keeps free for signs."""

    place: int
    column: Column
    width: int
    signed: int


def table(widget: Widget, frame: Frame) -> tuple[list[Line], list[Line]]:
    """Return the headings of the columns (no line or one) and the rows."""
    fields = [row for row in widget.rows if not _inside(row, widget)]
    shown = _fitted([_shown(place, column, fields, frame) for place, column in enumerate(widget.columns)], frame.width)
    headings: list[Line] = []
    if any(one.column.title for one in shown):
        titles = [_field(Cell(one.column.title, Look.DIM), one, frame, heading=True) for one in shown]
        headings.append(_row(titles, frame))
    return headings, [_line(row, widget, shown, frame) for row in widget.rows]


def _inside(row: Sequence[Cell], widget: Widget) -> bool:
    """Tell whether a row is a heading inside: one field where there are more columns."""
    return len(row) == 1 and len(widget.columns) > 1


def _shown(place: int, column: Column, rows: Sequence[Sequence[Cell]], frame: Frame) -> _Shown:
    """Return a column as wide as it wants to be; 0 where no row has anything there."""
    found = [row[place] for row in rows if place < len(row)]
    signed = signs.room(frame.icons) + 1 if any(one.sign for one in found) else 0
    wide = max((signed + cells.width(cells.clean(one.text)) for one in found), default=0)
    return _Shown(place, column, max(wide, cells.width(cells.clean(column.title))) if wide else 0, signed)


def _fitted(every: Sequence[_Shown], room: int | None) -> list[_Shown]:
    shown = [one for one in every if one.width]
    if room is None:
        return shown
    shown = _kept(shown, room)
    left = room - len(GAP) * (len(shown) - 1)
    widths = [one.width for one in shown]
    rights = [one.column.right for one in shown]
    for least, numbers_too in ((_NARROW, False), (_NARROW, True), (1, True)):
        if sum(widths) > left:
            widths = _levelled(widths, [numbers_too or not right for right in rights], left, least)
    return [_Shown(one.place, one.column, wide, one.signed) for one, wide in zip(shown, widths, strict=True)]


def _kept(shown: list[_Shown], room: int) -> list[_Shown]:
    """Return the columns that stay."""
    most = max(_WIDE, room * 2 // 5)
    for going in sorted((one for one in shown if one.column.drop), key=lambda one: one.column.drop):
        least = sum(one.width if one.column.right else min(one.width, most) for one in shown)
        if least + len(GAP) * (len(shown) - 1) <= room:
            break
        shown = [one for one in shown if one is not going]
    return shown


def _levelled(widths: Sequence[int], movable: Sequence[bool], left: int, least: int) -> list[int]:
    """Return the widths with the movable ones cut to the highest common limit, not below `least`, that fits."""

    def limited(limit: int) -> list[int]:
        return [min(wide, limit) if moves else wide for wide, moves in zip(widths, movable, strict=True)]

    low, high = least, max(max(widths), least)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(limited(middle)) <= left else (low, middle - 1)
    return limited(low)


def _line(row: Sequence[Cell], widget: Widget, shown: Sequence[_Shown], frame: Frame) -> Line:
    if _inside(row, widget):
        return cut(piece(row[0], frame.icons), frame.width)
    empty = Cell("")
    return _row([_field(row[one.place] if one.place < len(row) else empty, one, frame) for one in shown], frame)


def _row(fields: Sequence[Sequence[Span]], frame: Frame) -> Line:
    spans: list[Span] = []
    for place, field in enumerate(fields):
        spans += [Span(GAP)] * (place > 0) + list(field)
    return cut(spans, frame.width)


def _field(cell: Cell, shown: _Shown, frame: Frame, *, heading: bool = False) -> list[Span]:
    """Return a field in exactly its column's width; a sign stands at the column's left edge."""
    signed = 0 if heading else shown.signed
    spans: list[Span] = []
    if signed > shown.width:
        # No room for signs: what is left of the field says that there is more.
        return [Span(MORE), Span(" " * (shown.width - 1))]
    if signed:
        sign = signs.SIGNS[frame.icons][cell.sign] if cell.sign else ""
        spans.append(Span(sign, signs.LOOKS[cell.sign] if cell.sign else Look.PLAIN))
        spans.append(Span(" " * (signed - cells.width(sign))))
    text = cells.cut(cells.clean(cell.text), shown.width - signed)
    blanks = Span(" " * (shown.width - signed - cells.width(text)))
    spans += [blanks, Span(text, cell.look)] if shown.column.right else [Span(text, cell.look), blanks]
    return [span for span in spans if span.text]
