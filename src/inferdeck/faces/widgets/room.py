"""Which host runs us and how much room it gives, from what it sets in the environment.

Where each rule comes from: tmux's environ.c sets TMUX for every child and TMUX_PANE for those in a pane alone;
mrusme/wth, modules/command, sets COLUMNS to the cell's width - 4 and HEIGHT to its height - 4 (-4 before the first
layout), and cuts lines at the width - 6; wtfutil/wtf, modules/cmdrunner, sets WTF_WIDGET_WIDTH and WTF_WIDGET_HEIGHT;
watch(1) sets COLUMNS and LINES; SwiftBar sets SWIFTBAR, xbar XBARDarkMode, Argos ARGOS_VERSION; waybar-custom(5) sets
WAYBAR_OUTPUT_NAME; NO_COLOR is that of no-color.org, CLICOLOR_FORCE that of bixense.com/clicolors.
"""

from __future__ import annotations

import os

from inferdeck.faces.widgets.wish import LARGEST_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferdeck.faces.widgets.wish import Wish

_MENU_BARS = ("SWIFTBAR", "XBARDarkMode", "ARGOS_VERSION")
_SIZED = ("text", "ansi", "wth")
"""Hosts with rows and columns of cells; the others have one line of any length."""


def fill(wish: Wish, environ: Mapping[str, str], output: int = 1) -> None:
    """Set the host and the size where they were not named; output: the file descriptor that is written to."""
    terminal = os.isatty(output)
    if not wish.host:
        wish.host = host(environ, terminal=terminal)
    if wish.host in _SIZED or environ.get("WTF_WIDGET_WIDTH"):
        width, height = _size(wish.host, environ, output if terminal else None)
        wish.width = width if wish.width is None else wish.width
        wish.height = height if wish.height is None else wish.height


def host(environ: Mapping[str, str], *, terminal: bool) -> str:
    """Return the host that the environment speaks of."""
    plain = bool(environ.get("NO_COLOR"))
    coloured = not plain and environ.get("CLICOLOR_FORCE", "0") not in ("", "0")
    if terminal:
        return "text" if plain or environ.get("TERM") == "dumb" else "ansi"
    if any(environ.get(name) for name in _MENU_BARS):
        return "xbar"
    if environ.get("WTF_WIDGET_WIDTH"):
        # tview reads square brackets as colours, as termui does.
        return "sampler"
    if environ.get("COLUMNS") and environ.get("HEIGHT"):
        return "wth"
    if environ.get("TMUX") and not environ.get("TMUX_PANE"):
        return "tmux"
    if environ.get("WAYBAR_OUTPUT_NAME"):
        return "waybar"
    return "ansi" if coloured else "text"


def _size(host: str, environ: Mapping[str, str], terminal: int | None) -> tuple[int | None, int | None]:
    if host == "wth":
        return _number(environ.get("COLUMNS"), less=2), _number(environ.get("HEIGHT"))
    if environ.get("WTF_WIDGET_WIDTH"):
        return _number(environ.get("WTF_WIDGET_WIDTH")), _number(environ.get("WTF_WIDGET_HEIGHT"))
    width, height = _number(environ.get("COLUMNS")), _number(environ.get("LINES"))
    if terminal is not None:
        # What scrolls has any number of lines; the shell's own COLUMNS may be that of before a resize.
        try:
            return os.get_terminal_size(terminal).columns or width, None
        except OSError:
            return width, None
    return width, height


def _number(text: str | None, less: int = 0) -> int | None:
    """Return a size, None where it is none or cannot be one."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    found = int(text) - less
    return found if 1 <= found <= LARGEST_SIZE else None
