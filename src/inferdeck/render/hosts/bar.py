"""A widget in one line: as many pieces of its short form as fit, the most important first."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.model import cells
from inferdeck.model.widget import Frame, Look, Widget
from inferdeck.render.hosts.marks import marks
from inferdeck.render.hosts.spans import MORE, Line, Span, cut, piece, plain, width

BETWEEN = " · "
_LEAST = 8
"""A mark goes rather than that the first piece has less room than this."""


def bar(widget: Widget, frame: Frame) -> Line:
    """Return the line; its marks stand behind it, in the longest form with which all pieces fit."""
    pieces = [one for one in (piece(cell, frame.icons) for cell in widget.line) if plain(one).strip()]
    tails = [f" ({text})" for text in marks(widget)]
    if frame.width is None:
        return _joined(pieces, tails[0] if tails else "")
    for tail in tails or [""]:
        if _fitting(pieces, frame.width - cells.width(tail)) == len(pieces):
            return _joined(pieces, tail)
    return _first(pieces, tails[-1] if tails else "", frame.width)


def _first(pieces: Sequence[Line], tail: str, room: int) -> Line:
    """Return the pieces that fit, at least a part of the first."""
    if min(width(pieces[0]) if pieces else 0, _LEAST) + cells.width(tail) > room:
        tail = ""
    left = room - cells.width(tail)
    count = _fitting(pieces, left)
    if count:
        return _joined(pieces[:count], tail, more=count < len(pieces))
    return (*cut(pieces[0] if pieces else (), left), *_tail(tail))


def _fitting(pieces: Sequence[Line], room: int) -> int:
    """Return how many pieces fit, with " …" behind them where some do not."""
    used, best = 0, 0
    for count, one in enumerate(pieces, start=1):
        used += width(one) + len(BETWEEN) * (count > 1)
        if used + (2 if count < len(pieces) else 0) <= room:
            best = count
    return best if pieces or room >= 0 else -1


def _joined(pieces: Sequence[Line], tail: str, *, more: bool = False) -> Line:
    spans: list[Span] = []
    for place, one in enumerate(pieces):
        spans += [Span(BETWEEN, Look.DIM)] * (place > 0) + list(one)
    if more:
        spans.append(Span(f" {MORE}", Look.DIM))
    return cut((*spans, *_tail(tail)), None)


def _tail(text: str) -> Line:
    return (Span(text, Look.WARNING),) if text else ()
