"""Plain text in lines, without a single escape sequence: for scripts, pipes and watch(1)."""

from __future__ import annotations

from inferdeck.model.answers import Number
from inferdeck.model.widget import Frame, Widget
from inferdeck.render.hosts import layout
from inferdeck.render.hosts.host import Host, raw

ABSENT = "NaN"


def whole(widget: Widget, frame: Frame) -> str:
    """Return the widget's lines."""
    return layout.texts(layout.block(widget, frame))


def alone(value: Number | str, _frame: Frame) -> str:
    """Return a number in base units, or a fact."""
    return f"{raw(value, ABSENT)}\n"


HOST = Host("text", "text/plain", many=True, icons="emoji", colour=False, whole=whole, alone=alone)
