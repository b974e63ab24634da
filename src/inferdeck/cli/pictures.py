"""Pictures of the terminal's face on standard output: with the colours and signs that this terminal has."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from inferdeck.cli import signs
from inferdeck.cli.text import coloured

if TYPE_CHECKING:
    from inferdeck.faces.terminal.drawing.glyphs import Look
    from inferdeck.faces.terminal.drawing.picture import Picture

_MANY = {
    **dict(zip((f"series{n}" for n in range(1, 9)), (39, 208, 141, 43, 204, 179, 75, 150), strict=True)),
    **dict(zip((f"heat{n}" for n in range(1, 9)), (60, 61, 97, 133, 169, 205, 209, 221), strict=True)),
}
"""Numbers of the 256 colours, readable on dark and on light."""
_FEW = {
    **dict(zip((f"series{n}" for n in range(1, 9)), (36, 35, 34, 96, 95, 94, 37, 92), strict=True)),
    **dict(zip((f"heat{n}" for n in range(1, 9)), (34, 34, 94, 36, 96, 35, 95, 93), strict=True)),
}
_CODES = {
    "ok": "32",
    "warn": "33",
    "critical": "31",
    "dim": "2",
    "strong": "1",
    "title": "1",
    "axis": "2",
    "cursor": "7",
    "selected": "7",
    "changed": "4",
}


def look() -> Look:
    """Return how pictures are drawn here: ASCII where the locale or the terminal has no more, blocks on a console."""
    from inferdeck.faces.terminal.drawing.glyphs import SETS, Look

    return Look(SETS[signs.name()], coloured(sys.stdout), big=sys.stdout.isatty())


def painted(picture: Picture, *, colour: bool) -> str:
    """Return the picture as text, a line for each row, with escape codes where colours are wanted."""
    if not colour:
        return picture.text()
    many = "256color" in os.environ.get("TERM", "") or bool(os.environ.get("COLORTERM"))
    out: list[str] = []
    for row in picture.rows:
        for text, style in row:
            codes = ";".join(code for name in style.split() if (code := _code(name, many=many)))
            out.append(f"\x1b[{codes}m{text}\x1b[0m" if codes and text.strip() else text)
        out.append("\n")
    return "".join(out)


def _code(name: str, *, many: bool) -> str:
    if name in _CODES:
        return _CODES[name]
    if many:
        return f"38;5;{_MANY[name]}" if name in _MANY else ""
    return str(_FEW.get(name, ""))
