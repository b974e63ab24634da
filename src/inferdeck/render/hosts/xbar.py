"""A plugin of xbar, SwiftBar or Argos: a line for the bar, ---, and the whole widget as a menu.

A line is text, |, parameters (github.com/matryer/xbar-plugins, CONTRIBUTING): what would begin parameters, a submenu or
a named emoji or symbol is replaced by a sign that looks alike, since the format has no escape.
"""

from __future__ import annotations

import re
from dataclasses import replace

from inferdeck.model import cells
from inferdeck.model.answers import Number
from inferdeck.model.widget import Frame, Look, Widget
from inferdeck.render.hosts import signs
from inferdeck.render.hosts.bar import bar
from inferdeck.render.hosts.host import Host, formatted
from inferdeck.render.hosts.layout import block
from inferdeck.render.hosts.rewriting import rewritten
from inferdeck.render.hosts.spans import Line, plain

SEPARATOR = "---"
MENU_ROWS = 60
"""More rows than this are counted."""
FIXED = "ansi=false emojize=false trim=false"
COLOURS = {Look.GOOD: "green", Look.WARNING: "orange", Look.BAD: "red"}
_GRAVE = (Look.BAD, Look.WARNING, Look.GOOD)
# SwiftBar draws :name: as a symbol, and \n breaks a line.
_ALIKE = str.maketrans({"|": "│", "\\": "∖"})
_NAMED = re.compile(r"(?<!\S):")
_DASHES = re.compile(r"^( *)-")


def whole(widget: Widget, frame: Frame) -> str:
    """Return the bar's line, in the frame's width, and the menu, as wide as it needs to be."""
    shown = rewritten(widget, _text)
    menu = block(shown, replace(frame, width=None, height=MENU_ROWS))
    link = [f"{_begun(shown.link)} | {FIXED} color=gray"] if shown.link else []
    lines = [
        _line(bar(shown, frame), signs.LOOKS[widget.state], frame),
        SEPARATOR,
        *(_line(line, _gravest(line), frame, "font=Menlo") for line in menu),
        *([SEPARATOR] if link else []),
        *link,
    ]
    return "".join(f"{line}\n" for line in lines)


def alone(value: Number | str, frame: Frame) -> str:
    """Return the figure or fact as the bar's line."""
    text = formatted(_text(cells.clean(value)) if isinstance(value, str) else value, frame)
    return f"{_begun(text)} | {FIXED}\n"


def _line(line: Line, look: Look, frame: Frame, more: str = "") -> str:
    colour = f"color={COLOURS[look]}" if frame.colour and look in COLOURS else ""
    return " ".join(part for part in (_begun(plain(line)), "|", FIXED, more, colour) if part)


def _gravest(line: Line) -> Look:
    """Return the look that a line has as a whole: an item has one colour."""
    looks = {span.look for span in line}
    return next((look for look in _GRAVE if look in looks), Look.PLAIN)


def _text(text: str) -> str:
    return _NAMED.sub("∶", text.translate(_ALIKE))


def _begun(text: str) -> str:
    """Return a line that begins neither a submenu nor the menu itself."""
    return _DASHES.sub(r"\1‐", text)


HOST = Host("xbar", "text/plain", many=False, icons="words", colour=True, whole=whole, alone=alone)
