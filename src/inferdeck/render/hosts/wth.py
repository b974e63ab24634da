"""Text for the command module of WTH (github.com/mrusme/wth).

It shows no colours and only the last lines that fit, and cuts by counting characters: so there are no escape sequences
and never more lines than there is height. Its COLUMNS are two more than what it shows; the command that reads them
takes that off.
"""

from __future__ import annotations

from inferdeck.model.answers import Number
from inferdeck.model.widget import Frame, Widget
from inferdeck.render.hosts.host import Host, formatted
from inferdeck.render.hosts.layout import block, texts


def whole(widget: Widget, frame: Frame) -> str:
    """Return the widget's lines."""
    return texts(block(widget, frame))


def alone(value: Number | str, frame: Frame) -> str:
    """Return the figure or fact."""
    return f"{formatted(value, frame)}\n"


HOST = Host("wth", "text/plain", many=True, icons="words", colour=False, whole=whole, alone=alone)
