"""Rows of CSV (RFC 4180) whose texts come from anywhere: no program that reads them takes one for a command.

Spreadsheets take a cell that begins with one of a few signs for a formula
(https://owasp.org/www-community/attacks/CSV_Injection), and terminals obey control characters. Numbers, also those that
are given as text, stay as they are.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Also the wide forms, which some spreadsheets take for the others."""
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What changes the direction of writing."""
_SIGNS = {
    **{code: 0x2400 + code for code in range(32) if code not in (9, 10)},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **dict.fromkeys(map(ord, _TURNING)),
}


class Writer:
    """Writes rows to a stream of text, lines ended with LF."""

    def __init__(self, out: TextIO) -> None:
        self._rows = csv.writer(out, lineterminator="\n")

    def row(self, fields: Sequence[str | float]) -> None:
        """Write one row; an apostrophe stands before a text that would be taken for a formula."""
        self._rows.writerow([field if isinstance(field, int | float) else safe(field) for field in fields])


def safe(text: str) -> str:
    """Return a text as a cell may hold it."""
    plain = text if text.isascii() and text.isprintable() else text.translate(_SIGNS)
    return f"'{plain}" if text.startswith(_FORMULA) and not _number(text) else plain


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and text.isprintable()
