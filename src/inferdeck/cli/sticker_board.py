"""`inferdeck board`: what commands and widgets print, side by side; Textual is imported when it is drawn."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from inferdeck.errors import UsageError

SCRIPTS = Path(__file__).parents[1] / "faces" / "widgets" / "scripts"
SHIPPED = SCRIPTS / "wth-lite-dashboard.yaml"
ONCE_SIZE = (120, 36)
SMALLEST, LARGEST = (20, 5), (1000, 1000)


def board(options: argparse.Namespace) -> int:
    """Show a board until it is left, or print it once; raises ConfigError and UsageError."""
    size = _size(options.size)
    if not options.once:
        for name in ("size", "format"):
            if getattr(options, name):
                raise UsageError(f"--{name} goes with --once; on a terminal the board fills the window")
        _check_terminal()
    from inferdeck.config import board_file

    found = board_file.read(Path(options.file) if options.file else SHIPPED)
    from inferdeck.cli import daemons
    from inferdeck.faces.board import app, commands, picture

    run = commands.Commands(
        dict(os.environ), lambda: daemons.running(options), scripts=str(SCRIPTS), folder=found.folder
    )
    if not options.once:
        # Exported by some shells and hosts: they would hide from Textual how large the window is now.
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)
        app.run(app.BoardApp(found, run))
        return 0
    draw = picture.svg if options.format == "svg" else picture.text
    sys.stdout.write(app.run(app.BoardApp(found, run, once=draw), size=size or ONCE_SIZE))
    return 0


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    width, found, height = text.lower().partition("x")
    if not found or not (width.isascii() and width.isdecimal() and height.isascii() and height.isdecimal()):
        raise UsageError(f"--size {text[:20]}: write columns x rows, such as 120x36")
    size = int(width[:9]), int(height[:9])
    for given, least, most in zip(size, SMALLEST, LARGEST, strict=True):
        if not least <= given <= most:
            raise UsageError(f"--size {text[:20]}: from 20x5 to 1000x1000")
    return size


def _check_terminal() -> None:
    """Raises UsageError where no board can be drawn or no key can be read."""
    instead = "print the board once with: inferdeck board --once"
    # Textual reads keys from standard input and draws on standard error, so that all three are looked at.
    for stream, name in ((sys.stdout, "output"), (sys.stdin, "input"), (sys.stderr, "error")):
        if stream is None or not stream.isatty():
            raise UsageError(f"a board needs a terminal, and standard {name} is none; {instead}")
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        raise UsageError(f"a board needs a terminal that can place text, and TERM is dumb or not set; {instead}")
