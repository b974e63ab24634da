"""Where each sticker stands: a pure function of the board and the size of the window."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inferdeck.model.board import Board, Box, Extent

LEAST_WIDTH = 20
"""Where stickers side by side would be narrower, they stand one below the other."""
LEAST_HEIGHT = 5
"""Where they would be lower, the board is higher than the window and scrolls."""
STACKED_HEIGHT = 8
"""Of what stands one below the other for want of width."""
NEARLY_ALL = 0.97
"""Three times 33 % is meant to fill the row."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one sticker stands, its frame included, in cells from the board's upper left corner."""

    x: int
    y: int
    width: int
    height: int


def arrange(board: Board, width: int, height: int) -> list[Place]:
    """Return the place of every sticker, in their order; all of them together may be higher than the window."""
    width, height = max(1, width), max(1, height)
    beside = [_fits_beside(box, width) for box in board.boxes]
    least = [_least(box, height, row=row) for box, row in zip(board.boxes, beside, strict=True)]
    wanted = [_wanted(box, low, row=row) for box, low, row in zip(board.boxes, least, beside, strict=True)]
    places: list[Place] = []
    top = 0
    for box, row, high in zip(board.boxes, beside, share(wanted, least, height), strict=True):
        places += _row(box, top, width, high) if row else _column(box, top, width, high, height)
        top += high
    return places


def share(wanted: Sequence[Extent | None], least: Sequence[int], whole: int) -> list[int]:
    """Return sizes that fill the whole as far as they can; None takes a fair part of what the others leave.

    No size is below its least, so the sum may be greater than the whole.
    """
    fixed: dict[int, int] = {}
    while True:
        room = max(0, whole - sum(fixed.values()))
        free = [place for place in range(len(wanted)) if place not in fixed]
        sizes = dict(zip(free, _parts([wanted[place] for place in free], room, whole), strict=True))
        short = {place: least[place] for place in free if sizes[place] < least[place]}
        if not short:
            break
        fixed |= short
    # Rounding the sums instead of the sizes leaves no cell over.
    found, total, used = [], 0.0, 0
    for place in range(len(wanted)):
        if place in fixed:
            found.append(fixed[place])
            continue
        total += sizes[place]
        # Halves always go up: else a size could be rounded below its least, and its neighbour below the edge.
        found.append(max(least[place], math.floor(total + 0.5) - used))
        used += found[-1]
    return found


def _parts(wanted: Sequence[Extent | None], room: int, whole: int) -> list[float]:
    told = sum(extent.of(whole) for extent in wanted if extent)
    open_ends = sum(extent is None for extent in wanted)
    scale = room / told if told > room or (not open_ends and told >= NEARLY_ALL * room > 0) else 1.0
    rest = max(0.0, room - told) / open_ends if open_ends else 0.0
    return [extent.of(whole) * scale if extent else rest for extent in wanted]


def _fits_beside(box: Box, width: int) -> bool:
    widths = _widths(box, width)
    return box.horizontal and min(widths) >= min(LEAST_WIDTH, width) and sum(widths) <= width


def _widths(box: Box, width: int) -> list[int]:
    least = min(LEAST_WIDTH, width) if len(box.stickers) == 1 else 1
    return share([one.width for one in box.stickers], [least] * len(box.stickers), width)


def _least(box: Box, height: int, *, row: bool) -> int:
    one = min(LEAST_HEIGHT, height)
    own = [min(height, max(one, sticker.height.cells if sticker.height else 0)) for sticker in box.stickers]
    if row:
        return max(own)
    return sum(_stacked(box, height)) if box.horizontal else sum(own)


def _wanted(box: Box, least: int, *, row: bool) -> Extent | None:
    """Return how high a box is: as it says, or as high as its stickers say in cells."""
    if box.horizontal and not row:
        return Extent(cells=least)
    cells = [one.height.cells if one.height else 0 for one in box.stickers]
    said = any(cells) if row else all(cells)
    return box.height or (Extent(cells=least) if said else None)


def _stacked(box: Box, height: int) -> list[int]:
    return [min(height, max(STACKED_HEIGHT, one.height.cells if one.height else 0)) for one in box.stickers]


def _row(box: Box, top: int, width: int, height: int) -> Iterator[Place]:
    left = 0
    for one, wide in zip(box.stickers, _widths(box, width), strict=True):
        high = min(height, round(one.height.of(height))) if one.height else height
        yield Place(left, top, wide, max(high, min(LEAST_HEIGHT, height)))
        left += wide


def _column(box: Box, top: int, width: int, height: int, window: int) -> Iterator[Place]:
    least = [min(LEAST_HEIGHT, window)] * len(box.stickers)
    heights = share([one.height for one in box.stickers], least, height)
    if box.horizontal:
        heights = _stacked(box, window)
    for one, high in zip(box.stickers, heights, strict=True):
        said = round(one.width.of(width)) if one.width and not box.horizontal else width
        yield Place(0, top, min(width, max(said, LEAST_WIDTH)), high)
        top += high
