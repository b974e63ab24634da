"""One line for a custom module of starship, or for any other prompt.

Starship escapes for the shell what a module prints only since 1.20, and a prompt of one's own may not at all: a shell
must find nothing to expand. So a backquote becomes a quote, a backslash a sign that looks alike, and behind $ and %
stands a blank.
"""

from __future__ import annotations

import re

from inferdeck.model import cells
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown
from inferdeck.model.widget import Frame, Widget
from inferdeck.render.hosts.ansi import painted
from inferdeck.render.hosts.bar import bar
from inferdeck.render.hosts.host import Host
from inferdeck.render.hosts.rewriting import rewritten

_ALIKE = str.maketrans({"`": "'", "\\": "∖"})
_EXPANDED = re.compile(r"([$%])(?! )")


def whole(widget: Widget, frame: Frame) -> str:
    """Return the line."""
    return f"{painted(bar(rewritten(widget, _harmless), frame), frame)}\n"


def alone(value: Number | str, frame: Frame) -> str:
    """Return the figure or fact."""
    text = _harmless(cells.clean(value if isinstance(value, str) else shown(value)))
    return f"{text if frame.width is None else cells.cut(text, frame.width)}\n"


def _harmless(text: str) -> str:
    return _EXPANDED.sub(r"\1 ", text.translate(_ALIKE)).removesuffix(" ") if text else text


HOST = Host("starship", "text/plain", many=False, icons="words", colour=False, whole=whole, alone=alone)
