"""Text in lines with colours of a terminal (ECMA-48, SGR), each one ended on its own line: for watch -c and panes."""

from __future__ import annotations

from inferdeck.model.widget import Frame, Look, Widget
from inferdeck.render.hosts import layout
from inferdeck.render.hosts.host import Host
from inferdeck.render.hosts.spans import Line, Span, plain
from inferdeck.render.hosts.text import alone

CODES = {Look.GOOD: "32", Look.WARNING: "33", Look.BAD: "31", Look.DIM: "2", Look.STRONG: "1"}


def whole(widget: Widget, frame: Frame) -> str:
    """Return the widget's lines."""
    return "".join(f"{painted(line, frame)}\n" for line in layout.block(widget, frame))


def painted(line: Line, frame: Frame) -> str:
    """Return a line with its colours, where the frame has them."""
    return "".join(_span(span) for span in line) if frame.colour else plain(line)


def _span(span: Span) -> str:
    # Blanks have no colour, and every sequence travels over somebody's ssh.
    if not span.look or span.text.isspace():
        return span.text
    return f"\x1b[{CODES[span.look]}m{span.text}\x1b[0m"


HOST = Host("ansi", "text/plain", many=True, icons="emoji", colour=True, whole=whole, alone=alone)
