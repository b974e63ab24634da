"""`inferdeck board`: what commands and widgets print, side by side; Textual is imported when it is drawn."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from inferdeck.cli.whole_screen import check_terminal, settle, size_of
from inferdeck.errors import UsageError

SCRIPTS = Path(__file__).parents[1] / "faces" / "widgets" / "scripts"
SHIPPED = SCRIPTS / "wth-lite-dashboard.yaml"
ONCE_SIZE = (120, 36)


def board(options: argparse.Namespace) -> int:
    """Show a board until it is left, or print it once; raises ConfigError and UsageError."""
    size = size_of(options.size)
    if not options.once:
        for name in ("size", "format"):
            if getattr(options, name):
                raise UsageError(f"--{name} goes with --once; on a terminal the board fills the window")
        check_terminal("a board", "inferdeck board --once")
    from inferdeck.config import board_file

    found = board_file.read(Path(options.file) if options.file else SHIPPED)
    from inferdeck.cli import daemons
    from inferdeck.faces.board import app, commands, picture

    run = commands.Commands(
        dict(os.environ), lambda: daemons.running(options), scripts=str(SCRIPTS), folder=found.folder
    )
    if not options.once:
        settle()
        app.run(app.BoardApp(found, run))
        return 0
    draw = picture.svg if options.format == "svg" else picture.text
    sys.stdout.write(app.run(app.BoardApp(found, run, once=draw), size=size or ONCE_SIZE))
    return 0
