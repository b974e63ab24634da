"""What commands that fill the terminal have in common: its size, and whether it can be filled at all."""

from __future__ import annotations

import os
import sys

from inferdeck.errors import UsageError

SMALLEST, LARGEST = (20, 5), (1000, 1000)


def size_of(text: str) -> tuple[int, int] | None:
    """Return columns and rows written as 120x36, None where nothing is; raises UsageError."""
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


def settle() -> None:
    """Drop variables that would mislead Textual."""
    # Exported by some shells and hosts: they would hide from it how large the window is now.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    # An empty one says nothing (no-color.org), to it as well.
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)


def check_terminal(what: str, instead: str) -> None:
    """Raises UsageError where nothing can be drawn or no key can be read; instead: the command that needs neither."""
    # Textual reads keys from standard input and draws on standard error, so that all three are looked at.
    for stream, name in ((sys.stdout, "output"), (sys.stdin, "input"), (sys.stderr, "error")):
        if stream is None or not stream.isatty():
            raise UsageError(f"{what} needs a terminal, and standard {name} is none; print it once with: {instead}")
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        raise UsageError(
            f"{what} needs a terminal that can place text, and TERM is dumb or not set; print it once with: {instead}"
        )
