"""Commands that run something, and those that show a little of the stack elsewhere."""

from __future__ import annotations

from inferdeck.cli.commands.form import AT, JSON, Command, option, whole
from inferdeck.faces.widgets import wish as widget

# Those of faces/hosts/table.py and wanted.py, which are not imported: --help is to be fast.
HOSTS = ("tmux", "screen", "watch", "sampler", "wtf", "wth", "waybar", "conky", "starship", "swiftbar", "scripts")
LAYOUTS = ("development", "production", "incident")
HOSTED = (
    option("host", metavar="HOST", choices=HOSTS, help=", ".join(HOSTS)),
    option("--layout", choices=LAYOUTS, default=LAYOUTS[0], help="what is shown, and how often (development)"),
    option("--program", metavar="PATH", default="", help="the inferdeck that is to be run; this one where absent"),
    option("--dry-run", action="store_true", help="only show what would change"),
)
YES = option("-y", "--yes", action="store_true", help="do not ask")

COMMANDS: tuple[Command, ...] = (
    Command(("up",), "run the daemon in the foreground; where one runs, show its status", "up:up"),
    Command(
        ("top",),
        "the whole stack on this terminal; starts a daemon where none runs",
        "top:top",
        (
            option("--screen", metavar="NAME", help="what is shown first: a view or a dashboard (overview)"),
            option("--interval", metavar="TIME", help="how often it is asked for, 2s to 60s (5s)"),
            option("--range", metavar="TIME", help="how long a time charts show (1h)"),
            option("--environment", metavar="NAME", help="only what belongs to this environment"),
            option("--theme", metavar="NAME", help="a theme, such as nord, textual-light or ansi-dark"),
            option("--glyphs", choices=("auto", "braille", "block", "ascii"), help="what charts are made of (auto)"),
            option("--readonly", action="store_true", help="take away every action that changes something"),
            option("--once", action="store_true", help="print the view and end; needs no terminal"),
            option("--size", default="", metavar="WxH", help="with --once: columns and rows (120x36)"),
            option("--format", choices=("text", "svg", "png", "json"), help="with --once: as what (text)"),
            option("--at", metavar="TIME", help="with --once: at this moment of the past"),
        ),
    ),
    Command(
        ("demo",),
        "watch a simulated fleet with a month of history; nothing else is needed",
        "demo:demo",
        (
            option("--scenario", default="calm-day", help="what happens: inferdeck simulate scenarios (calm-day)"),
            option("--days", type=float, default=30.0, metavar="N", help="days of history to play (30)"),
            option("--speed", type=float, default=1.0, metavar="N", help="how fast the fleet's time goes on (1)"),
            option("--port", type=int, default=0, metavar="N", help="port of the daemon; any free one where absent"),
            option("--clean", action="store_true", help="only remove what killed demos left behind"),
        ),
    ),
    Command(
        ("status",),
        "show the whole stack at this moment",
        "status:status",
        (
            option("-w", "--watch", action="store_true", help="redraw until Ctrl-C"),
            option("-n", "--interval", type=float, metavar="SECONDS", help="redraw this often (2); implies --watch"),
            AT,
            JSON,
        ),
    ),
    Command(
        ("widget",),
        "print one widget for a prompt, a bar or a pane, within 400 ms; exit code 0 whatever is down",
        "widget:widget",
        (
            option("name", metavar="NAME", choices=widget.NAMES, help=", ".join(widget.NAMES)),
            option("--host", choices=widget.HOSTS, help="what shows it; guessed from the environment where absent"),
            option("--width", type=whole(1, 10_000), metavar="N", help="cells in a row; the host's where absent"),
            option("--height", type=whole(1, 10_000), metavar="N", help="rows; the host's where absent"),
            option("--field", metavar="PATH", default="", help="only this figure, as a number"),
            option("--icons", choices=widget.ICONS, help="how signs are drawn; as suits the host where absent"),
            option("--max-age", type=whole(0, 10_000_000), metavar="SECONDS", help="nothing older than this"),
            option("--timeout", type=whole(1, 60_000), metavar="MS", default=400, help="take no longer (400)"),
            option("--check", action="store_true", help="exit with 0 ok, 1 warning, 2 critical, 3 unknown"),
            option("--environment", metavar="NAME", default="", help="only this environment"),
            option("--gateway", metavar="NAME", default="", help="only this gateway"),
            option("--stream", metavar="TEXT", default="", help="logs: only streams with this in their name"),
            option("--level", metavar="LEVEL", default="", help="logs: only lines of this level, and worse"),
        ),
    ),
    Command(
        ("board",),
        "show what widgets and commands print, side by side, as a file of boxes says",
        "sticker_board:board",
        (
            option("file", metavar="FILE", nargs="?", default="", help="docs/board.md; a shipped one where absent"),
            option("--once", action="store_true", help="run every command once, print the board, and leave"),
            option("--size", metavar="WIDTHxHEIGHT", default="", help="with --once: columns and rows (120x36)"),
            option("--format", choices=("text", "svg"), default="", help="with --once: how to print (text)"),
        ),
    ),
    Command(("hosts", "list"), "list the programs that show widgets, and what is written for each", "hosts:list_all"),
    Command(
        ("hosts", "write"),
        "write the files with which a program shows widgets, and change nothing else",
        "hosts:write",
        (*HOSTED, option("--out", metavar="DIR", default="", help="folder to write to; made where it is missing")),
    ),
    Command(
        ("hosts", "install"),
        "put them where the program looks, after showing what will change; keep a copy of what was there",
        "hosts:install",
        (*HOSTED, YES),
    ),
    Command(
        ("hosts", "uninstall"),
        "take away again what hosts install put in place, after showing it",
        "hosts:uninstall",
        (*HOSTED, YES),
    ),
)
