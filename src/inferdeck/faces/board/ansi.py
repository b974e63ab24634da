"""What a program printed, as lines of styled text: colours stay, everything else that a terminal obeys goes.

Whoever wrote the output may be hostile: it may not move the cursor, set the title, write to the clipboard, hide text,
turn the direction of reading round or speak to the terminal in any other way (ECMA-48, xterm's ctlseqs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import category

from rich.ansi import AnsiDecoder
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

MOST_LINES = 1000
MOST_CHARACTERS = 2000
"""Of one line."""
TAB_CELLS = 8
MOST_MARKS = 4
"""Combining marks on one letter; more only make a column of ink."""
_COLOURS = re.compile(r"\x1b\[([0-9;:]{0,80})m")
# Strings end at BEL or ST; one that never ends may not swallow the lines below it.
_ESCAPES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
_EMOJI = re.compile("(.?)[\ufe0e\ufe0f]")
_OVERSTRUCK = re.compile(r"[^\n\x08]\x08")
_QUIET = Style(blink=False, blink2=False, conceal=False)


def plain(text: str) -> str:
    """Return the text on one line without escapes and control characters, blanks put together."""
    return " ".join("".join(_kept(_ESCAPES.sub("", text.replace("\t", " ")))).split())


def lines(output: str) -> list[list[Segment]]:
    """Return at most MOST_LINES lines of printable segments; blank lines at the end are left out."""
    decoder = AnsiDecoder()
    wanted = "\n".join(output.split("\n", MOST_LINES)[:MOST_LINES])
    found = [_segments(decoder.decode_line(line)) for line in clean(wanted).split("\n")]
    while found and not any(segment.text.strip() or segment.style for segment in found[-1]):
        found.pop()
    return found


def clean(output: str) -> str:
    r"""Return the output with nothing in it but printable characters, tabs, \n and SGR sequences."""
    output = output.replace("\r\n", "\n")
    parts, place = [], 0
    for found in _ESCAPES.finditer(output):
        parts.append(output[place : found.start()])
        colour = _COLOURS.fullmatch(found[0].replace("\x9b", "\x1b["))
        parts.append(f"\x1b[{_codes(colour[1])}m" if colour else "")
        place = found.end()
    parts.append(output[place:])
    return "\n".join(_line(line) for line in "".join(parts).split("\n"))


def _line(line: str) -> str:
    # What a carriage return overwrites was progress; the last state of it counts.
    line = line.rstrip("\r").rpartition("\r")[2]
    if "\x08" in line:
        line = _OVERSTRUCK.sub("", line)
    kept, place = [], 0
    for found in _COLOURS.finditer(line):
        kept += [*_kept(line[place : found.start()]), found[0]]
        place = found.end()
    return "".join([*kept, *_kept(line[place:])])


def _kept(text: str) -> Iterator[str]:
    if text.isascii() and text.isprintable():
        yield text[:MOST_CHARACTERS]
        return
    marks = 0
    for letter in _EMOJI.sub(_plain_sign, text[:MOST_CHARACTERS]):
        # Marks have no width of their own: they stand on the letter before them.
        marks = marks + 1 if _is_mark(letter) else 0
        if (letter.isprintable() and marks <= MOST_MARKS) or letter == "\t":
            yield letter


def _plain_sign(found: re.Match[str]) -> str:
    """Return a sign without its wish to be coloured: half of all terminals draw that one cell wide, half two."""
    return found[1] + " " if found[1] and cell_len(found[1]) == 1 else found[1]


def _is_mark(letter: str) -> bool:
    return ord(letter) > 0x2FF and category(letter) in ("Mn", "Me", "Mc")


def _codes(text: str) -> str:
    """Return the parameters of a colour sequence with colons turned into semicolons (ISO 8613-6, as xterm has it)."""
    return ";".join(_code(part.split(":")) if ":" in part else part for part in text.split(";"))


def _code(parts: list[str]) -> str:
    if parts[0] in ("38", "48") and parts[1:2] == ["2"] and len(parts) >= 5:
        return ";".join([parts[0], "2", *(part or "0" for part in parts[-3:])])
    if parts[0] in ("38", "48") and parts[1:2] == ["5"] and len(parts) == 3:
        return ";".join([parts[0], "5", parts[2] or "0"])
    return parts[0] if parts[0] not in ("38", "48") else ""


def _segments(text: Text) -> list[Segment]:
    if "\t" in text.plain:
        text.expand_tabs(TAB_CELLS)
    text.truncate(MOST_CHARACTERS)
    found, place = [], 0
    # Spans of a decoded line stand one after the other, none over another.
    for span in text.spans:
        if span.start > place:
            found.append(Segment(text.plain[place : span.start]))
        style = span.style if isinstance(span.style, Style) else Style.null()
        found.append(Segment(text.plain[span.start : span.end], style + _QUIET))
        place = max(place, span.end)
    if place < len(text.plain):
        found.append(Segment(text.plain[place:]))
    return [segment for segment in found if segment.text]
