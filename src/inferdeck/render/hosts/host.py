"""A host of widgets as a value, and what all hosts share: one figure or fact alone, by its path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from inferdeck.errors import NotFoundError
from inferdeck.model import cells
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown
from inferdeck.model.widget import Frame, Widget

_MOST_LISTED = 30
_LONGEST_PATH = 60


@dataclass(frozen=True, slots=True)
class Host:
    """Where widgets are shown, and how they are written for it.

    many: a block of lines, else one line (xbar has both: a line for the bar, lines for its menu); icons and colour:
    what is drawn where nobody chose; whole: the widget as the host's text; alone: the same for one figure or fact. What
    a host writes ends with a line break.
    """

    name: str
    media_type: str
    many: bool
    icons: str
    colour: bool
    whole: Callable[[Widget, Frame], str]
    alone: Callable[[Number | str, Frame], str]

    def draw(self, widget: Widget, frame: Frame, field: str = "") -> str:
        """Return the widget, or with `field` that figure or fact alone.

        Raises NotFoundError, which lists what there is, for an unknown field.
        """
        return self.alone(told(widget, field), frame) if field else self.whole(widget, frame)


def told(widget: Widget, path: str) -> Number | str:
    """Return the figure or the fact of that path; raises NotFoundError, which lists what there is."""
    for figure in widget.figures:
        if figure.path == path:
            return figure.number
    if path in widget.facts:
        return widget.facts[path]
    raise NotFoundError(_absent(widget, path))


def raw(value: Number | str, absent: str) -> str:
    """Return a number in base units without its unit, in full and without exponent; a fact as clean text."""
    if isinstance(value, str):
        return cells.clean(value)
    if value.value is None:
        return absent
    text = f"{Decimal(repr(value.value)):f}"
    return text.removesuffix(".0")


def formatted(value: Number | str, frame: Frame) -> str:
    """Return a figure as people read it, or a fact, as clean text of at most the frame's width."""
    text = cells.clean(value if isinstance(value, str) else shown(value))
    return text if frame.width is None else cells.cut(text, frame.width)


def _absent(widget: Widget, path: str) -> str:
    known = [*(one.path for one in widget.figures), *widget.facts]
    near = get_close_matches(path, known, 1)
    hint = f"did you mean {_path(near[0])}? " if near else ""
    listed = ", ".join(_path(one) for one in known[:_MOST_LISTED]) or "nothing"
    more = f" and {len(known) - _MOST_LISTED} more" if len(known) > _MOST_LISTED else ""
    return f"field: the widget {widget.name} has no {_path(path)} now; {hint}it has {listed}{more}"


def _path(text: str) -> str:
    return cells.cut(cells.clean(text), _LONGEST_PATH)
