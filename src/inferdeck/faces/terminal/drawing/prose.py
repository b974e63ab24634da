"""Words over several rows."""

from __future__ import annotations

from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.model import cells

_FENCE = "```"


def wrapped(text: str, width: int, style: str = "", *, indent: int = 0) -> list[Row]:
    """Return a text on as many rows as it needs; a word that is longer than a row goes on in the next one."""
    rows: list[Row] = []
    line = ""
    room = max(1, width - indent)
    for word in cells.clean(text).split(" "):
        rest = word
        joined = f"{line} {rest}" if line else rest
        if cells.width(joined) <= room:
            line = joined
            continue
        if line:
            rows.append(((" " * indent + line, style),))
        while cells.width(rest) > room:
            head = cells.cut(rest, room, more="") or rest[0]
            rows.append(((" " * indent + head, style),))
            rest = rest[len(head) :]
        line = rest
    return [*rows, ((" " * indent + line, style),)] if line else rows


def marked(text: str, width: int) -> list[Row]:
    """Return the words of a text panel: paragraphs wrapped, code between fences as it stands, headings strong."""
    rows: list[Row] = []
    code = False
    for line in text.splitlines():
        if line.lstrip().startswith(_FENCE):
            code = not code
        elif code:
            rows.append(((cells.cut("  " + cells.clean(line), width), "dim"),))
        elif not line.strip():
            rows.append(())
        else:
            heading = line.startswith("#")
            rows += wrapped(line.lstrip("# ") if heading else line, width, "strong" if heading else "")
    return rows
