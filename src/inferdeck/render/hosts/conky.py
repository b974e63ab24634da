"""Text for conky's ${execpi} and ${texecpi}, which read their output as conky text: $ and # from outside are escaped.

$$ is a dollar and \\# a number sign (conky's core.cc, extract_variable_text_internal).
"""

from __future__ import annotations

from inferdeck.model.answers import Number
from inferdeck.model.widget import Frame, Look, Widget
from inferdeck.render.hosts.host import Host, formatted
from inferdeck.render.hosts.layout import block
from inferdeck.render.hosts.spans import Line, Span

COLOURS = {Look.GOOD: "green", Look.WARNING: "yellow", Look.BAD: "red", Look.DIM: "gray", Look.STRONG: "white"}
_ESCAPES = str.maketrans({"$": "$$", "#": "\\#"})


def whole(widget: Widget, frame: Frame) -> str:
    """Return the widget's lines."""
    return "".join(f"{_line(line, frame)}\n" for line in block(widget, frame))


def alone(value: Number | str, frame: Frame) -> str:
    """Return the figure or fact; a ratio as 0 to 100 with its sign, which ${execbar} reads too."""
    if isinstance(value, Number) and value.unit == "ratio" and value.value is not None:
        return f"{100 * value.value:.1f} %\n"
    return f"{formatted(value, frame).translate(_ESCAPES)}\n"


def _line(line: Line, frame: Frame) -> str:
    return "".join(_span(span, colour=frame.colour) for span in line)


def _span(span: Span, *, colour: bool) -> str:
    text = span.text.translate(_ESCAPES)
    if not colour or not span.look or span.text.isspace():
        return text
    return f"${{color {COLOURS[span.look]}}}{text}${{color}}"


HOST = Host("conky", "text/plain", many=True, icons="words", colour=True, whole=whole, alone=alone)
