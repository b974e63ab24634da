"""Text on a terminal: aligned tables, colours where they are wanted, nothing raw from outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO
from unicodedata import category, east_asian_width

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a table and how it is drawn."""

    text: str
    style: str = ""


def safe(text: str, *, lines: bool = False) -> str:
    """Return the text with control and format characters as escapes; line breaks stay where `lines` is set."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(letter, lines=lines) for letter in text)


def _shown(letter: str, *, lines: bool) -> str:
    if (lines and letter == "\n") or letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """Return how many columns a terminal uses for the text (UAX #11; combining marks use none)."""
    if text.isascii():
        return len(text)
    return sum(0 if category(c) in ("Mn", "Me") else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, columns: int) -> str:
    """Return the text in at most so many columns, with … where something was left out."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for letter in text:
        used += width(letter)
        if used > columns - 1:
            break
        kept += letter
    return kept + "…" if columns > 0 else ""


def coloured(stream: TextIO) -> bool:
    """Return whether colours are wanted there (no-color.org; TERM=dumb)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


PROSE_COLUMNS = 100
ENDLESS = 1 << 30
ROOM_COLUMNS = 20
"""What a last column needs to be wrapped under itself."""
WIDE_COLUMNS = 24
"""A wider column may be cut, rather than that another is left out."""
NARROW_COLUMNS = 8
"""No column is cut to less than this for others."""


def columns() -> int | None:
    """Return the width of the terminal; None where standard output is none, so that nothing needs to be cut."""
    try:
        return max(40, os.get_terminal_size(sys.stdout.fileno()).columns or PROSE_COLUMNS)
    except (OSError, ValueError):
        return None


class Page:
    """Collects lines, then gives them as text of one width, with or without colours; columns None cuts nothing."""

    def __init__(self, columns: int | None, *, colour: bool) -> None:
        self._columns = columns or ENDLESS
        self._prose = columns or PROSE_COLUMNS
        self._colour = colour
        self._lines: list[str] = []

    def line(self, text: str = "", style: str = "") -> None:
        """Add a line of our own and outside text, cut at the page's width."""
        self._lines.append(self._paint(cut(safe(text), self._columns), style))

    def wrapped(self, text: str, indent: str, style: str = "") -> None:
        """Add a text on as many lines as it needs; words are never cut, so that they can be copied."""
        from textwrap import wrap

        # The lines after a sign ("! ", "✗ ") stand under its text.
        hanging = indent + ("  " if text[1:2] == " " else "")
        parts = wrap(
            safe(text),
            self._prose,
            initial_indent=indent,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for part in parts:
            self._lines.append(self._paint(part, style))

    def whole(self, text: str, indent: str, style: str = "") -> None:
        """Add a line that is meant to be copied: neither cut nor broken, whatever the page's width."""
        self._lines.append(indent + self._paint(safe(text), style))

    def table(
        self,
        headings: Sequence[str],
        rows: Sequence[Sequence[Cell | str]],
        *,
        right: str = "",
        spare: str = "",
        wrap: bool = False,
    ) -> None:
        """Add an aligned table; `right` names the headings whose columns are aligned right, blank-separated.

        A column that is empty in every row is left out, and so are those of `spare`, the first one first, until the
        table fits the page's width. What is very wide counts little there and is cut, with …, so that one long name
        takes no other column away; columns of figures are never cut for others. The last column with `wrap` goes on
        in further lines.
        """
        cells = [[_cell(field) for field in row] for row in rows]
        keep = [index for index in range(len(headings)) if any(row[index].text for row in cells)]
        whole = [max([width(head), *(width(row[index].text) for row in cells)]) for index, head in enumerate(headings)]
        least = [whole[index] if head in right.split() else width(head) for index, head in enumerate(headings)]
        most = max(WIDE_COLUMNS, self._columns * 2 // 5)
        for name in spare.split():
            wide = sum(max(least[index], min(most, whole[index])) + 2 for index in keep)
            if wide - 2 > self._columns and name in headings:
                keep = [index for index in keep if headings[index] != name]
        heads = [headings[index] for index in keep]
        kept = [[row[index] for index in keep] for row in cells]
        rights = {place for place, head in enumerate(heads) if head in right.split()}
        widths = self._widths([whole[index] for index in keep], [least[index] for index in keep], wrap=wrap)
        self._lines.append(self._row([Cell(head, "dim") for head in heads], widths, rights))
        for row in kept:
            self._lines += self._wrapped_row(row, widths, rights) if wrap else [self._row(row, widths, rights)]

    def section(self, title: str, note: str = "") -> None:
        """Add a blank line and a heading."""
        if self._lines:
            self._lines.append("")
        shown = cut(safe(title), self._columns)
        rest = cut(safe(note), self._columns - width(shown) - 2)
        head = self._paint(shown, "bold")
        self._lines.append(f"{head}  {self._paint(rest, 'dim')}" if rest else head)

    def text(self) -> str:
        """Return everything, each line ended by a line break."""
        return "".join(f"{line}\n" for line in self._lines)

    def lines(self) -> list[str]:
        """Return the lines."""
        return list(self._lines)

    def _widths(self, whole: list[int], least: list[int], *, wrap: bool) -> list[int]:
        """Return the columns' widths: the widest are narrowed alike, never below `least`, until all fit the page.

        The last column with `wrap` keeps its width: it is given what the others leave.
        """
        if wrap and whole:
            before = sum(whole[:-1]) + 2 * (len(whole) - 1)
            if before <= self._columns:
                return whole
            return [*self._narrowed(whole[:-1], least, self._columns - ROOM_COLUMNS - 2), whole[-1]]
        return self._narrowed(whole, least, self._columns)

    def _narrowed(self, whole: list[int], least: list[int], room: int) -> list[int]:
        room -= 2 * (len(whole) - 1)
        if sum(whole) <= room:
            return whole
        for most in range(min(max(whole), self._columns), NARROW_COLUMNS, -1):
            found = [max(low, min(most, wide)) for low, wide in zip(least, whole, strict=False)]
            if sum(found) <= room:
                return found
        return [max(low, min(NARROW_COLUMNS, wide)) for low, wide in zip(least, whole, strict=False)]

    def _wrapped_row(self, row: Sequence[Cell], widths: Sequence[int], rights: set[int]) -> list[str]:
        """Return the row with its last cell on as many lines as it needs, under itself where there is room."""
        from textwrap import wrap

        place = sum(widths[:-1]) + 2 * (len(widths) - 1)
        left = self._columns - place
        last = row[-1]
        if width(last.text) <= left:
            return [self._row(row, widths, rights)]
        indent = " " * (place if left >= ROOM_COLUMNS else 4)
        parts = wrap(last.text, self._columns - len(indent), break_long_words=False, break_on_hyphens=False)
        # A word that is longer than the room stands whole: it is often an address, to be copied.
        here = parts.pop(0) if left >= ROOM_COLUMNS and width(parts[0]) <= left else ""
        first = self._row([*row[:-1], Cell(here, last.style)], widths, rights)
        return [first, *(indent + self._paint(part, last.style) for part in parts)]

    def _row(self, row: Sequence[Cell], widths: Sequence[int], rights: set[int]) -> str:
        out, used = [], 0
        for place, cell in enumerate(row):
            left = self._columns - used
            text = cut(cell.text, max(0, min(left, widths[place])))
            pad = " " * max(0, min(widths[place], left) - width(text))
            used += widths[place] + 2
            last = place == len(row) - 1
            painted = self._paint(text, cell.style)
            out.append(pad + painted if place in rights else painted if last else painted + pad)
        return "  ".join(out).rstrip()

    def _paint(self, text: str, style: str) -> str:
        if not self._colour or not style or not text:
            return text
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def _cell(field: Cell | str) -> Cell:
    return Cell(safe(field)) if isinstance(field, str) else Cell(safe(field.text), field.style)
