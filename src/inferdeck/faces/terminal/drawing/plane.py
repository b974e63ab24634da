"""A plane of dots: every cell holds the dots of a glyph set and belongs to the series that was drawn last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from inferdeck.faces.terminal.drawing.glyphs import Glyphs
from inferdeck.faces.terminal.drawing.picture import Row, Span

_RUNS = re.compile(rb"(.)\1*", re.DOTALL)
_FIRST_SIGN = 64
"""Codes from here on are single signs; below stand the series."""
_EMPTY_ONLY = bytes([0xFF, *[0] * 255])
_OWNED = {code: bytes([0, *[code] * 255]) for code in range(1, _FIRST_SIGN)}


@cache
def _runs(glyphs: Glyphs) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Return the bits of a run of dots in a cell by column, first and last row."""
    return tuple(
        tuple(tuple(sum(bits[first : last + 1]) for last in range(glyphs.down)) for first in range(glyphs.down))
        for bits in glyphs.bits
    )


class Plane:
    """Width × height cells, empty at first. Bits and owners are whole bytes strings, joined as integers: no loop."""

    def __init__(self, width: int, height: int, glyphs: Glyphs) -> None:
        self.width, self.height, self.glyphs = width, height, glyphs
        self.across, self.down = width * glyphs.across, height * glyphs.down
        self._size = width * height
        self._bits = 0
        self._owner = bytearray(self._size)
        self._styles: dict[int, tuple[str, str]] = {}
        self._signs: dict[tuple[str, str], int] = {}
        self._grounds: set[str] = set()

    def fill(self, tops: Sequence[int], bottoms: Sequence[int], series: int, style: str) -> None:
        """Draw a run from top to bottom in each column of dots; a top below 0 draws nothing there."""
        code = 1 + series % (_FIRST_SIGN - 1)
        self._styles[code] = (self.glyphs.signs[(series + series // 8) % len(self.glyphs.signs)], style)
        width, down, across = self.width, self.glyphs.down, self.glyphs.across
        bits = 0
        for side, runs in enumerate(_runs(self.glyphs)):
            cells = bytearray(self._size)
            whole = bytes([runs[0][down - 1]]) * self.height
            for column, (top, bottom) in enumerate(zip(tops[side::across], bottoms[side::across], strict=True)):
                if top < 0:
                    continue
                first, last = top // down, bottom // down
                place = first * width + column
                if first == last:
                    cells[place] = runs[top % down][bottom % down]
                    continue
                cells[place] = runs[top % down][down - 1]
                end = last * width + column
                cells[end] = runs[0][bottom % down]
                if last - first > 1:
                    cells[place + width : end : width] = whole[: last - first - 1]
            bits |= int.from_bytes(cells, "little")
        drawn = bits.to_bytes(self._size, "little")
        kept = int.from_bytes(self._owner, "little") & int.from_bytes(drawn.translate(_EMPTY_ONLY), "little")
        owned = kept | int.from_bytes(drawn.translate(_OWNED[code]), "little")
        self._owner = bytearray(owned.to_bytes(self._size, "little"))
        self._bits |= bits

    def sign(self, column: int, row: int, sign: str, style: str, *, over: bool = False) -> None:
        """Put one sign (one cell wide) where nothing is drawn, or `over` what is."""
        if not (0 <= column < self.width and 0 <= row < self.height):
            return
        place = row * self.width + column
        if over or not self._owner[place]:
            self._owner[place] = self._code(sign, style)

    def level(self, row: int, sign: str, style: str) -> None:
        """Put a sign into every empty cell of a row."""
        start = row * self.width
        code = bytes([self._code(sign, style)])
        self._owner[start : start + self.width] = self._owner[start : start + self.width].replace(b"\0", code)

    def free(self, column: int, row: int, cells: int) -> bool:
        """Tell whether no series is drawn in these cells."""
        start = row * self.width + column
        inside = 0 <= row < self.height and column >= 0 and column + cells <= self.width
        return inside and not any(0 < code < _FIRST_SIGN for code in self._owner[start : start + cells])

    def rows(self) -> list[Row]:
        """Return the rows; blanks belong to the series before them, which keeps spans few."""
        bits = self._bits.to_bytes(self._size, "little")
        return [self._row(bits, start) for start in range(0, self._size, self.width)] if self.width else []

    def _code(self, sign: str, style: str) -> int:
        code = self._signs.get((sign, style))
        if code is None:
            # A picture with more different signs than codes shows the last one's.
            code = min(255, _FIRST_SIGN + len(self._signs))
            self._signs[sign, style] = code
            self._styles[code] = (sign, style)
            self._grounds.add(style)
        return code

    def _row(self, bits: bytes, start: int) -> Row:
        owner = self._owner[start : start + self.width]
        if not any(owner):
            return ((" " * self.width, ""),)
        glyphs = self.glyphs
        line = "" if glyphs.ascii_only else "".join(map(glyphs.dots.__getitem__, bits[start : start + self.width]))
        out: list[Span] = []
        text, style = "", ""
        for run in _RUNS.finditer(owner):
            low, high = run.span()
            code = owner[low]
            if code:
                sign, own = self._styles[code]
                part = line[low:high] if line and code < _FIRST_SIGN else sign * (high - low)
            else:
                # Blanks join what a series drew: they show no colour. A sign's style may have a ground.
                part, own = " " * (high - low), "" if style in self._grounds else style
            if own == style:
                text += part
                continue
            if text:
                out.append((text, style))
            text, style = part, own
        out.append((text, style))
        return tuple(out)


def extents(columns: Sequence[int], heights: Sequence[int], across: int) -> tuple[list[int], list[int]]:
    """Return the run (top, bottom) of a line in each column of dots, -1 where there is none.

    columns, heights: of each point, ascending columns; a height below 0 is a gap. Of many points in one column the
    highest and the lowest are in the run, so no spike is lost; neighbours are joined.
    """
    tops, bottoms = [-1] * across, [-1] * across
    last, before = -1, 0
    for column, height in zip(columns, heights, strict=True):
        if height < 0:
            last = -1
            continue
        if last >= 0 and column - last > 1:
            _slope(tops, bottoms, last, before, column, height)
        low = high = height
        if last >= 0 and column == last + 1:
            # The nearer half of the way belongs to each of the two columns.
            middle = (before + height) >> 1
            if height > before:
                low = middle + 1
                if bottoms[last] < middle:
                    bottoms[last] = middle
            elif height < before:
                high = middle
                if tops[last] > middle + 1:
                    tops[last] = middle + 1
        top = tops[column]
        if top < 0:
            tops[column], bottoms[column] = low, high
        else:
            if low < top:
                tops[column] = low
            if high > bottoms[column]:
                bottoms[column] = high
        last, before = column, height
    return tops, bottoms


def _slope(tops: list[int], bottoms: list[int], start: int, first: int, end: int, last: int) -> None:
    """Draw the line between two points that are some columns apart, without the points' own dots."""
    distance = end - start
    height = first
    for column in range(start, end + 1):
        # The line leaves the column half a column further on.
        after = first + ((last - first) * (2 * (column - start) + 1) + distance) // (2 * distance)
        after = min(max(after, min(first, last)), max(first, last))
        low, high = (height, after) if height <= after else (after, height)
        if low < high and column < end:
            # The next column begins beside, not at the same height.
            low, high = (low, high - 1) if height <= after else (low + 1, high)
        tops[column] = min(tops[column], low) if tops[column] >= 0 else low
        bottoms[column] = max(bottoms[column], high)
        height = after
