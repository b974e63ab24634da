"""Text for the command module of WTH (github.com/mrusme/wth).

It tells COLUMNS, two cells more than it shows, cuts by counting characters, and shows no colours and the last lines
that fit: so there are no escape sequences and never more lines than there is height.
"""

from __future__ import annotations

from dataclasses import replace

from inferdeck.model.answers import Number
from inferdeck.model.widget import Frame, Widget
from inferdeck.render.hosts.host import Host, formatted
from inferdeck.render.hosts.layout import block, texts

HIDDEN_CELLS = 2


def whole(widget: Widget, frame: Frame) -> str:
    """Return the widget's lines."""
    return texts(block(widget, _visible(frame)))


def alone(value: Number | str, frame: Frame) -> str:
    """Return the figure or fact."""
    return f"{formatted(value, _visible(frame))}\n"


def _visible(frame: Frame) -> Frame:
    return replace(frame, width=None if frame.width is None else max(1, frame.width - HIDDEN_CELLS))


HOST = Host("wth", "text/plain", many=True, icons="words", colour=False, whole=whole, alone=alone)
