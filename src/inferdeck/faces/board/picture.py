"""The board's screen as text or as an SVG image, for scripts, mail and documents."""

from __future__ import annotations

import io
import re

from rich.console import Console

from inferdeck.faces.board.app import BoardApp

_REMOTE_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def text(app: BoardApp) -> str:
    """Return the screen as lines without colours and without blanks at their ends."""
    lines = _console(app).export_text(styles=False).split("\n")
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def svg(app: BoardApp) -> str:
    """Return the screen as an SVG image that loads nothing from elsewhere."""
    image = _console(app).export_svg(title=app.title, unique_id="board")
    return _REMOTE_FONTS.sub("", image).replace("Fira Code", "DejaVu Sans Mono") + "\n"


def _console(app: BoardApp) -> Console:
    width, height = app.size
    console = Console(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    console.print(app.screen._compositor.render_update(full=True))
    return console
