"""Text from anywhere as terminal cells: cleaned so that every terminal and library counts the same width.

What terminals disagree about is taken out rather than guessed: joiners, selectors of emoji style and skin tones go,
flags become their two letters, so that an emoji sequence stands as its parts, each two cells wide. Control characters
become their pictures (U+2400), directions of writing cannot be overridden. Width follows UAX #11.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, east_asian_width, normalize

_SINGLE = re.compile("[ -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2500-\u25fc\u2800-\u28ff]*")
"""Texts of letters that take one cell each, everywhere."""
MOST_MARKS = 2
"""Combining marks that one letter keeps; more of them reach into other rows."""
_UNKNOWN = "�"
_DROPPED = {"Cf", "Mc", "Zl", "Zp"}
_REPLACED = {"Cs", "Co", "Cn"}
# Wide in Unicode 16 and narrow before, and letters that only show beside another (Hangul vowels and finals, fillers).
_DISPUTED = (
    (0x1160, 0x11FF),
    (0x2630, 0x2637),
    (0x268A, 0x268F),
    (0x3164, 0x3164),
    (0x4DC0, 0x4DFF),
    (0xD7B0, 0xD7FB),
    (0xFFA0, 0xFFA0),
    (0x1D300, 0x1D37F),
)
_CONTROLS = {**dict.fromkeys("\t\n\r\v\f\x85", " "), "\x7f": "␡"}
_FLAGS = (0x1F1E6, 0x1F1FF)
_SKINS = (0x1F3FB, 0x1F3FF)


def clean(text: str) -> str:
    """Return the text as one line whose width every terminal agrees on."""
    return text if text.isascii() and text.isprintable() else _cleaned(text)


def width(text: str) -> int:
    """Return how many cells a clean text takes."""
    # What charts are made of is read at once; names are remembered.
    return len(text) if text.isascii() or _SINGLE.fullmatch(text) else _wide(text)


def cut(text: str, cells: int, *, more: str = "…") -> str:
    """Return a clean text in at most so many cells, with `more` where something was left out."""
    if width(text) <= cells:
        return text
    if cells <= 0:
        return ""
    return _first(text, cells - width(more)) + more if cells > width(more) else more if cells == width(more) else ""


def fit(text: str, cells: int, *, right: bool = False, more: str = "…") -> str:
    """Return a clean text in exactly so many cells: cut, or filled with blanks on the other side."""
    shown = cut(text, cells, more=more)
    blanks = " " * (cells - width(shown))
    return blanks + shown if right else shown + blanks


def part(text: str, start: int, cells: int) -> str:
    """Return exactly the cells from `start` on; half of a wide letter is a blank."""
    if text.isascii():
        return text[start : start + cells].ljust(cells)
    out, place = [], 0
    for letter in text:
        wide = width(letter)
        if place >= start and place + wide <= start + cells:
            out.append(letter)
        elif wide == 2 and place < start + cells and place + wide > start:
            out.append(" ")
        place += wide
        if place >= start + cells:
            break
    found = "".join(out)
    return found + " " * (cells - width(found))


@lru_cache(maxsize=4096)
def _wide(text: str) -> int:
    return sum(0 if category(c) in ("Mn", "Me") else 2 if east_asian_width(c) in "WF" else 1 for c in text)


@lru_cache(maxsize=4096)
def _cleaned(text: str) -> str:
    out: list[str] = []
    marks = MOST_MARKS
    for letter in normalize("NFC", "".join(one for one in text if category(one) not in _DROPPED)):
        if category(letter) in ("Mn", "Me"):
            # Selectors of a style, and marks that stand on nothing.
            if marks < MOST_MARKS and not 0xFE00 <= ord(letter) <= 0xFE0F and ord(letter) < 0xE0000:
                out.append(letter)
                marks += 1
            continue
        shown = _letter(letter)
        if shown:
            out.append(shown)
            marks = 0
    # A flag's letter may take a mark.
    return normalize("NFC", "".join(out))


def _letter(letter: str) -> str:
    code, kind = ord(letter), category(letter)
    if kind == "Cc":
        return _CONTROLS.get(letter) or (chr(0x2400 + code) if code < 32 else _UNKNOWN)
    if kind in _DROPPED or _SKINS[0] <= code <= _SKINS[1]:
        return ""
    if kind in _REPLACED or any(low <= code <= high for low, high in _DISPUTED):
        return _UNKNOWN
    if _FLAGS[0] <= code <= _FLAGS[1]:
        return chr(ord("A") + code - _FLAGS[0])
    return " " if kind == "Zs" else letter


def _first(text: str, cells: int) -> str:
    if text.isascii():
        return text[:cells]
    out, used = [], 0
    for letter in text:
        used += width(letter)
        if used > cells:
            break
        out.append(letter)
    return "".join(out)
