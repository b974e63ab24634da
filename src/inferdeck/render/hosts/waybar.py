"""A custom module of waybar with `return-type: json`: text for the bar, the whole widget as its tooltip.

Both are read as Pango markup (docs.gtk.org/Pango/pango_markup.html): & < > and quotes from outside become entities.
"""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from inferdeck.model import cells
from inferdeck.model.answers import Number
from inferdeck.model.widget import Frame, Look, Widget
from inferdeck.render.hosts.bar import bar
from inferdeck.render.hosts.host import Host, formatted
from inferdeck.render.hosts.layout import block
from inferdeck.render.hosts.marks import marks
from inferdeck.render.hosts.spans import Span

COLOURS = {
    Look.GOOD: 'foreground="#4e9a06"',
    Look.WARNING: 'foreground="#c4a000"',
    Look.BAD: 'foreground="#cc0000"',
    Look.DIM: 'alpha="60%"',
    Look.STRONG: 'weight="bold"',
}
TOOLTIP_ROWS = 40
"""More rows than this are counted: a tooltip cannot be scrolled."""
_QUOTES = {'"': "&quot;", "'": "&apos;"}


def whole(widget: Widget, frame: Frame) -> str:
    """Return the line of JSON; class names the state, and "old" and "simulated" where that is so."""
    text = "".join(_span(span, colour=frame.colour) for span in bar(widget, frame))
    # A tooltip is a window of its own.
    lines = block(widget, Frame(height=TOOLTIP_ROWS, icons=frame.icons))
    tooltip = "\n".join("".join(_span(span, colour=True) for span in line) for line in lines)
    if widget.link:
        tooltip += f"\n{_escaped(cells.clean(widget.link))}"
    told = marks(widget)
    classes = [widget.state.value, *["simulated"] * widget.simulated]
    if told and told != ("simulated", "sim"):
        classes.append("old")
    answer: dict[str, object] = {
        "text": text,
        "tooltip": f"<tt>{tooltip}</tt>",
        "class": classes,
        "alt": widget.state.value,
    }
    return _line(answer, widget.figures[0].number if widget.figures else None)


def alone(value: Number | str, frame: Frame) -> str:
    """Return a line of JSON with the figure or fact as its text."""
    answer: dict[str, object] = {"text": _escaped(formatted(value, frame))}
    return _line(answer, value if isinstance(value, Number) else None)


def _span(span: Span, *, colour: bool) -> str:
    text = _escaped(span.text)
    if not colour or not span.look or span.text.isspace():
        return text
    return f"<span {COLOURS[span.look]}>{text}</span>"


def _escaped(text: str) -> str:
    return escape(text, _QUOTES)


def _line(answer: dict[str, object], number: Number | None) -> str:
    """Return the answer as a line; a share of all is the module's percentage too."""
    if number is not None and number.unit == "ratio" and number.value is not None:
        answer["percentage"] = round(100 * min(1.0, max(0.0, number.value)))
    return f"{json.dumps(answer, ensure_ascii=False)}\n"


HOST = Host("waybar", "application/json", many=False, icons="words", colour=False, whole=whole, alone=alone)
