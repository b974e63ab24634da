"""The axes of a chart: values at the left, times below."""

from __future__ import annotations

from datetime import tzinfo

from inferdeck.faces.terminal.drawing.glyphs import Glyphs
from inferdeck.faces.terminal.drawing.picture import Row, longest
from inferdeck.faces.terminal.drawing.scale import Scale
from inferdeck.model import cells, ticks

_LEAST_PLANE = 12
_LABEL_CELLS = 9
"""What a time and the blanks beside it take."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def margin(scale: Scale, width: int) -> int:
    """Return how many cells the values take at the left, their line included; 0 where there is no room."""
    found = longest([tick.text for tick in scale.ticks]) + 1
    return found if width - found >= _LEAST_PLANE else 0


def values(scale: Scale, height: int, wide: int, glyphs: Glyphs) -> list[Row]:
    """Return a row of the left margin for each of the chart's rows."""
    if not wide:
        return [()] * height
    marked = {scale.row(tick.value, height * glyphs.down) // glyphs.down: tick.text for tick in scale.ticks}
    rows: list[Row] = []
    for row in range(height):
        text = marked.get(row)
        if text is None:
            rows.append(((" " * (wide - 1) + glyphs.side, "axis"),))
        else:
            rows.append(((cells.fit(text, wide - 1, right=True) + glyphs.tick, "axis"),))
    return rows


def times(
    start: float, end: float, wide: int, left: int, height: int, zone: tzinfo | None, glyphs: Glyphs
) -> list[Row]:
    """Return the rows below a plane of this width: a line where there are two rows, and the times."""
    found = ticks.moments(start, end, max(1, wide // _LABEL_CELLS), zone)
    columns = [round((tick.value - start) / (end - start) * (wide - 1)) for tick in found]
    rows: list[Row] = []
    if height > 1:
        line = [glyphs.bottom] * wide
        for column in columns:
            line[column] = glyphs.bottom_tick
        rows.append(((" " * max(0, left - 1) + (glyphs.corner if left else "") + "".join(line), "axis"),))
    when = ticks.local(start, zone)
    day = cells.fit(f"{when.day} {_MONTHS[when.month - 1]}", left - 1, right=True) if left > 6 else " " * (left - 1)
    text = f"{day} " if left else ""
    for tick, column in zip(found, columns, strict=True):
        place = left + min(max(0, column - len(tick.text) // 2), wide - len(tick.text))
        if place > len(text) or (place == len(text) and not text.strip()) or (place == left and len(text) == left):
            text += " " * (place - len(text)) + tick.text
    return [*rows, ((text, "axis"),)]
