"""A line chart of text: braille dots (two by four in each character), or stars where the terminal is not Unicode."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from inferdeck.cli.text import STYLES, coloured, cut, safe, width
from inferdeck.model import numbers

ROWS = 14
MOST_LINES = 12
_COLOURS = ("cyan", "green", "yellow", "red", "bold", "dim")
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a braille character by column and row (Unicode block U+2800)."""
_BLANK = 0x2800


@dataclass(frozen=True, slots=True)
class Line:
    """One series to draw: (Unix seconds, value) in order of time."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """The plane in dots and the values at its edges."""

    across: int
    down: int
    start: float
    end: float
    low: float
    high: float

    def column(self, when: float) -> int:
        return round((when - self.start) / (self.end - self.start or 1.0) * (self.across - 1))

    def row(self, value: float) -> int:
        return round((self.high - value) / (self.high - self.low) * (self.down - 1))


def draw(lines: Sequence[Line], columns: int, *, unicode: bool = True) -> str:
    """Return the chart, its axes and a legend; at most 12 lines are drawn, the others are counted."""
    drawn = [line for line in lines if any(math.isfinite(value) for _, value in line.points)][:MOST_LINES]
    if not drawn:
        return "no data\n"
    values = [value for line in drawn for _, value in line.points if math.isfinite(value)]
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    margin = max(width(numbers.count(edge)) for edge in (low, high, (low + high) / 2)) + 2
    cells = max(10, columns - margin)
    times = [when for line in drawn for when, _ in line.points]
    per_cell = (2, 4) if unicode else (1, 1)
    frame = _Frame(cells * per_cell[0], ROWS * per_cell[1], min(times), max(times), low, high)
    plane = [[(0, -1)] * cells for _ in range(ROWS)]
    for index, line in enumerate(drawn):
        for column, row in _dots(line, frame):
            _mark(plane, column, row, index, unicode=unicode)
    out = [_edge(frame, row, margin) + _painted(plane[row], unicode=unicode) for row in range(ROWS)]
    out.append(_time_axis(frame, margin, cells))
    out += _legend(drawn, len(lines) - len(drawn), columns)
    return "".join(f"{line.rstrip()}\n" for line in out)


def _dots(line: Line, frame: _Frame) -> set[tuple[int, int]]:
    """Return the dots of one line; neighbours are joined unless points are missing between them."""
    found: set[tuple[int, int]] = set()
    stamps = [when for when, _ in line.points]
    gaps = [after - before for before, after in pairwise(stamps)]
    longest = 1.5 * min(gaps) if gaps else 0.0
    last: tuple[float, int, int] | None = None
    for when, value in line.points:
        if not math.isfinite(value):
            last = None
            continue
        column, row = frame.column(when), frame.row(value)
        found.add((column, row))
        if last is not None and when - last[0] <= longest:
            found |= _joined(last[1], last[2], column, row)
        last = (when, column, row)
    return found


def _joined(column: int, row: int, to_column: int, to_row: int) -> set[tuple[int, int]]:
    steps = max(abs(to_column - column), abs(to_row - row), 1)
    return {
        (column + round((to_column - column) * part / steps), row + round((to_row - row) * part / steps))
        for part in range(steps)
    }


def _mark(plane: list[list[tuple[int, int]]], column: int, row: int, index: int, *, unicode: bool) -> None:
    if not unicode:
        plane[row][column] = (1, index)
        return
    bits, _ = plane[row // 4][column // 2]
    plane[row // 4][column // 2] = (bits | _DOTS[column % 2][row % 4], index)


def _painted(cells: list[tuple[int, int]], *, unicode: bool) -> str:
    colour = coloured(sys.stdout)
    out = []
    for bits, index in cells:
        sign = chr(_BLANK + bits) if unicode and bits else "*+ox#@%&"[index % 8] if bits else " "
        out.append(_paint(sign, index) if colour and bits else sign)
    return "".join(out)


def _paint(text: str, index: int) -> str:
    return f"\x1b[{STYLES[_COLOURS[index % len(_COLOURS)]]}m{text}\x1b[0m"


def _edge(frame: _Frame, row: int, margin: int) -> str:
    if row not in (0, ROWS // 2, ROWS - 1):
        return " " * margin
    label = numbers.count(frame.high - (frame.high - frame.low) * row / (ROWS - 1))
    return f"{' ' * max(0, margin - 2 - width(label))}{label}  "[:margin]


def _time_axis(frame: _Frame, margin: int, cells: int) -> str:
    form = "%H:%M:%S" if frame.end - frame.start < 86_400 else "%Y-%m-%d %H:%M"
    first, last = (datetime.fromtimestamp(when).astimezone().strftime(form) for when in (frame.start, frame.end))
    return " " * margin + first + last.rjust(max(len(last) + 1, cells - len(first)))


def _legend(lines: Sequence[Line], more: int, columns: int) -> list[str]:
    colour = coloured(sys.stdout)
    out = []
    for index, line in enumerate(lines):
        sign = "*+ox#@%&"[index % 8]
        latest = next((value for _, value in reversed(line.points) if math.isfinite(value)), None)
        text = cut(f"{safe(line.name)}  {numbers.count(latest)}", columns - 2)
        out.append(f"{_paint(sign, index) if colour else sign} {text}")
    return [*out, f"and {more} more series that are not drawn"] if more > 0 else out
