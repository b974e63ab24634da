"""What a command and its arguments are made of, and the arguments that many commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable

# typing and dataclasses cost more CPU than an empty Python; --help is a third faster without them. The name alone
# tells type checkers that the block is for them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Option:
    """One argument of a command, as argparse's add_argument takes it."""

    __slots__ = ("flags", "settings")

    def __init__(self, flags: tuple[str, ...], settings: dict[str, Any]) -> None:
        self.flags = flags
        self.settings = settings


class Command:
    """One command: its words, one line of help, the function `module:name` that runs it, its arguments."""

    __slots__ = ("help", "options", "run", "words")

    def __init__(self, words: tuple[str, ...], help: str, run: str, options: tuple[Option, ...] = ()) -> None:  # noqa: A002
        self.words = words
        self.help = help
        self.run = run
        self.options = options


def option(*flags: str, **settings: Any) -> Option:
    """Return an argument, as argparse's add_argument takes it."""
    return Option(flags, settings)


JSON = option("--json", action="store_true", help="print the answer as JSON")
AT = option("--at", metavar="TIME", help="as it was then: 2026-01-31T12:00:00Z, Unix seconds, or 6h for so long ago")
LARGEST = 2**53
"""Of numbers without a bound of their own."""


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number within bounds, and says which they are."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            bounds = f"{least} or more" if most == LARGEST else f"{least} to {most}"
            raise argparse.ArgumentTypeError(f"{bounds}, not {text}")
        return value

    return read


def seconds(text: str) -> float:
    """Read a time above 0, an hour at most."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"more than 0 and 3600 at most, not {text}")
    return value


# The bounds are those of model/page.py and model/log_lines.py, which are not imported: --help is to be fast.
PAGE = (
    option("-q", "--q", metavar="TEXT", help="only what shows this text somewhere"),
    option("--offset", type=whole(0, LARGEST), metavar="N", help="leave out the first N"),
    option("--limit", type=whole(1, 1000), metavar="N", help="show N at most (100), 1000 at most"),
    JSON,
)
ENVIRONMENT = option("--environment", metavar="NAME", help="only those of this environment")
HOST = option("--host", metavar="NAME", help="only those on this machine")
SPAN = (
    option("--since", metavar="TIME", help="2026-01-31T12:00:00Z, Unix seconds, or 15m for that long ago"),
    option("--until", metavar="TIME", help="the same"),
)
