"""Lines as pieces of clean text with looks, and how wide they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.model import cells
from inferdeck.model.widget import Cell, Look
from inferdeck.render.hosts import signs

MORE = "…"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line: clean text that may hold one of our signs."""

    text: str
    look: Look = Look.PLAIN

    @property
    def width(self) -> int:
        """The cells that it takes."""
        return cells.width(self.text)


Line = tuple[Span, ...]


def width(line: Sequence[Span]) -> int:
    """Return the cells of a line."""
    return sum(span.width for span in line)


def plain(line: Sequence[Span]) -> str:
    """Return the text of a line without its looks."""
    return "".join(span.text for span in line)


def piece(cell: Cell, icons: str) -> Line:
    """Return a cell that stands in no column: its sign, if it has one, and its text."""
    text = Span(cells.clean(cell.text), cell.look)
    if cell.sign is None:
        return (text,)
    sign = Span(signs.SIGNS[icons][cell.sign], signs.LOOKS[cell.sign])
    return (sign, Span(" "), text) if text.text else (sign,)


def cut(line: Sequence[Span], room: int | None) -> Line:
    """Return the line without blanks at its end, in at most so many cells, with … where something was left out."""
    spans = _stripped(line)
    if room is None or width(spans) <= room:
        return spans
    out: list[Span] = []
    left = room
    for span in spans:
        if span.width > left - 1:
            out.append(Span(cells.cut(f"{span.text}{MORE}", left), span.look))
            break
        out.append(span)
        left -= span.width
    return tuple(span for span in out if span.text)


def _stripped(line: Sequence[Span]) -> Line:
    spans = list(line)
    while spans and not spans[-1].text.rstrip(" "):
        spans.pop()
    if spans:
        spans[-1] = Span(spans[-1].text.rstrip(" "), spans[-1].look)
    return tuple(span for span in spans if span.text)
