"""A piece of tmux's status line: `#(inferdeck widget NAME)` in status-left or status-right.

tmux reads what the command prints as a format (tmux(1), FORMATS and STYLES): every # from outside is escaped. A # is
halved where the format is expanded, and a second time where it is drawn, unless it stands alone or before a [: checked
with tmux 3.3a in tests/real.
"""

from __future__ import annotations

import re

from inferdeck.model.answers import Number
from inferdeck.model.widget import Frame, Look, Widget
from inferdeck.render.hosts.bar import bar
from inferdeck.render.hosts.host import Host, formatted

STYLES = {Look.GOOD: "fg=green", Look.WARNING: "fg=yellow", Look.BAD: "fg=red", Look.DIM: "dim", Look.STRONG: "bold"}
_HASHES = re.compile(r"#+(\[?)")


def whole(widget: Widget, frame: Frame) -> str:
    """Return the line."""
    return _joined([(span.text, STYLES.get(span.look, "") if frame.colour else "") for span in bar(widget, frame)])


def alone(value: Number | str, frame: Frame) -> str:
    """Return the figure or fact, escaped."""
    return _joined([(formatted(value, frame), "")])


def _joined(pieces: list[tuple[str, str]]) -> str:
    """Escape pieces of one style together: a # at the end of one is read with what the next begins with."""
    out: list[str] = []
    text, style = "", ""
    for piece, wanted in [*pieces, ("", "-")]:
        if wanted == style or (wanted != "-" and piece.isspace()):
            text += piece
            continue
        shown = _escaped(text)
        out.append(f"#[{style}]{shown}#[default]" if style and shown else shown)
        text, style = piece, wanted
    return f"{''.join(out)}\n"


def _escaped(text: str) -> str:
    return _HASHES.sub(_doubled, text)


def _doubled(found: re.Match[str]) -> str:
    count = len(found[0]) - len(found[1])
    times = 2 if count == 1 or found[1] else 4
    return "#" * (count * times) + found[1]


HOST = Host("tmux", "text/plain", many=False, icons="words", colour=True, whole=whole, alone=alone)
