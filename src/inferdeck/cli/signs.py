"""Which signs the terminal can draw: by what the user's locale says of it, and by its name."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_CONSOLES = ("linux", "cons25", "wsvt25")
"""Names ($TERM, up to the first hyphen) of machines' own consoles: their fonts have what code page 437 had."""
_VARIABLES = ("LC_ALL", "LC_CTYPE", "LANG")
"""The first of them that is not empty holds, as POSIX says."""


def name() -> str:
    """Return braille, block or ascii: what this terminal surely draws."""
    encoding = (sys.stdout.encoding or "").lower()
    return chosen(_started_with(), encoding, locale.getencoding())


def chosen(environ: Mapping[str, str], written: str, unnamed: str) -> str:
    """Return braille, block or ascii. written: the encoding of what is printed; unnamed: of a locale without one."""
    terminal = environ.get("TERM", "").partition("-")[0]
    if terminal == "dumb" or not _utf(written) or not _unicode(environ, unnamed):
        return "ascii"
    return "block" if terminal in _CONSOLES else "braille"


def _unicode(environ: Mapping[str, str], unnamed: str) -> bool:
    """Return whether the locale has Unicode; where none is set at all, as in containers, the terminal still has it."""
    found = next((value for variable in _VARIABLES if (value := environ.get(variable))), "")
    if not found:
        return True
    language, _, encoding = found.partition("@")[0].partition(".")
    if language in ("C", "POSIX") and not encoding:
        return False
    # LC_CTYPE=UTF-8 is how macOS has it.
    return _utf(encoding or (unnamed if not _utf(language) else language))


def _utf(encoding: str) -> bool:
    return encoding.lower().replace("-", "").replace("_", "").startswith("utf")


def _started_with() -> Mapping[str, str]:
    """Return the variables that this program was started with: Python itself sets LC_CTYPE to UTF-8 (PEP 538)."""
    try:
        pairs = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return os.environ
    first = dict(os.fsdecode(pair).partition("=")[::2] for pair in pairs if b"=" in pair)
    return {**os.environ, "LC_CTYPE": first.get("LC_CTYPE", "")}
