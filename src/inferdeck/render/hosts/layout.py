"""A widget as a block of lines of clean text, never wider and never higher than the frame.

Title, rule, headings of columns, rows, note. Where the height does not suffice the rule goes first, then the headings,
then all but a line of the note; of rows that do not fit, the last line says how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.model import cells
from inferdeck.model.widget import Frame, Look, Widget
from inferdeck.render.hosts.bar import bar
from inferdeck.render.hosts.marks import marks
from inferdeck.render.hosts.spans import MORE, Line, Span, cut, plain, width
from inferdeck.render.hosts.table import GAP, table

RULE = "━"
PROSE_CELLS = 100
"""A note is not wider than this where the host gives no width."""
NOTE_LINES = 3
"""So many lines has a note at most where rows are shown."""
_LOWEST_TITLED = 3


def block(widget: Widget, frame: Frame) -> list[Line]:
    """Return the widget as lines; in a single line, its short form."""
    if frame.height is not None and frame.height <= 1:
        return [bar(widget, frame)]
    headings, rows = table(widget, frame)
    note: list[Line] = [
        (Span(text, Look.DIM),) for text in wrapped(cells.clean(widget.note), frame.width or PROSE_CELLS)
    ]
    if rows:
        note = _shortened(note, NOTE_LINES)
    title = _title(widget, frame)
    rule: list[Line] = [(Span(RULE * width(title), Look.DIM),)] if title else []
    if frame.height is None:
        return [title, *rule, *headings, *rows, *note]
    return _stacked([[title], rule, headings], rows, note, frame.height, tail=widget.tail)


def _title(widget: Widget, frame: Frame) -> Line:
    title, told = cells.clean(widget.title), marks(widget)
    if not told:
        return cut((Span(title, Look.STRONG),), frame.width)
    room = frame.width
    mark = next((one for one in told if room is None or cells.width(f"{title}{GAP}{one}") <= room), told[-1])
    if room is not None:
        # What is simulated is not to be taken for real: rather a part of the title goes.
        title = cells.cut(title, max(1, room - cells.width(f"{GAP}{mark}")))
    return cut((Span(title, Look.STRONG), Span(GAP), Span(mark, Look.WARNING)), room)


def _stacked(head: list[list[Line]], rows: list[Line], note: list[Line], height: int, *, tail: bool) -> list[Line]:
    """Put the parts one below the other in so many lines."""
    for part in (1, 2):
        if sum(map(len, head)) + len(rows) + len(note) > height:
            head[part] = []
    if rows and sum(map(len, head)) + len(rows) + len(note) > height:
        note = _shortened(note, 1)
    if height < _LOWEST_TITLED:
        head[0] = []
    above = [line for part in head for line in part]
    left = height - len(above)
    room = max(min(left, 1), left - len(note)) if rows else 0
    shown = _fewer(rows, room, tail=tail)
    return [*above, *shown, *_shortened(note, left - len(shown))]


def _shortened(lines: list[Line], most: int) -> list[Line]:
    if len(lines) <= most:
        return lines
    if most <= 0:
        return []
    room = max(width(line) for line in lines)
    last = plain(lines[most - 1])
    return [*lines[: most - 1], (Span(cells.cut(f"{last} {MORE}", room), Look.DIM),)]


def _fewer(rows: list[Line], room: int, *, tail: bool) -> list[Line]:
    """Return the rows that fit: the last ones with `tail`, else the first ones and how many are left out."""
    if len(rows) <= room:
        return rows
    if tail or room <= 0:
        return rows[len(rows) - room :]
    most = max(width(row) for row in rows)
    left = cells.cut(f"{MORE} {len(rows) - room + 1} more", most)
    return [*rows[: room - 1], (Span(left, Look.DIM),)]


def wrapped(text: str, room: int) -> list[str]:
    """Return a clean text in lines of at most so many cells, broken between words; longer words are cut with …."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if line and cells.width(joined) > room:
            lines.append(line)
            joined = word
        line = cells.cut(joined, room)
    return [*lines, line] if line else lines


def texts(lines: Sequence[Line]) -> str:
    """Return the lines without their looks, each ended by a line break."""
    return "".join(f"{plain(line)}\n" for line in lines)
