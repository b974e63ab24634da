"""A whole dashboard as one tall picture: its panels where its definition puts them, or one below the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from inferdeck.faces.terminal.drawing import panel as panels
from inferdeck.faces.terminal.drawing.frame import Moment
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import Picture, Row, blank, fit, spoken, words
from inferdeck.faces.terminal.drawing.prose import wrapped
from inferdeck.model.dashboard import COLUMNS, Panel, PanelKind, Place, places
from inferdeck.model.dashboard import Row as Line
from inferdeck.model.dashboard_answers import PanelData

GAP = 2
_ROWS_PER_UNIT = 1.5
_LEAST_PANEL = 20
"""A narrower place is no place: panels then stand below one another."""
_LEAST_ROWS = 3


def draw(
    lines: Sequence[Line],
    data: Mapping[str, PanelData],
    moment: Moment,
    width: int,
    look: Look | None = None,
    *,
    filled: Callable[[str], str] = str,
) -> Picture:
    """Return the rows of a dashboard as far as there are data; filled: puts values of variables into titles."""
    look = look or Look()
    rows: list[Row] = []
    for line in lines:
        there = [replace(one, title=filled(one.title)) for one in line.panels if one.id in data]
        if not there:
            continue
        if line.title:
            rows += [blank(width)] if rows else []
            rows.append(words(f" {filled(line.title)} ", width, "strong axis"))
        for side in _sides(there, width):
            rows += _drawn(side, data, moment, width, look)
    rows += _remarks([data[one.id] for line in lines for one in line.panels if one.id in data], width)
    return spoken(Picture(tuple(fit(row, width) for row in rows), width), look.glyphs)


def _remarks(data: Sequence[PanelData], width: int) -> list[Row]:
    """Return every different warning once: panels of one dashboard often share them."""
    said = dict.fromkeys(warning for one in data for warning in one.warnings)
    return [row for warning in said for row in wrapped(f"! {warning}", width, "warn")]


def _sides(there: Sequence[Panel], width: int) -> Iterator[list[tuple[Panel, int, int]]]:
    """Yield what stands side by side: (panel, first cell, cells)."""
    found: dict[int, list[tuple[Panel, Place]]] = {}
    for panel, place in zip(there, places(there), strict=True):
        found.setdefault(place.y, []).append((panel, place))
    for line in found.values():
        narrow = any(_cells(place, width)[1] < _LEAST_PANEL for _, place in line)
        if narrow and len(line) > 1:
            yield from _folded([panel for panel, _ in line], width)
        else:
            yield [(panel, *_cells(place, width)) for panel, place in line]


def _folded(there: Sequence[Panel], width: int) -> Iterator[list[tuple[Panel, int, int]]]:
    """Yield the panels in as many equal columns as have room."""
    most = max(1, (width + GAP) // (_LEAST_PANEL + GAP))
    # As many on each line, rather than one alone on the last.
    count = -(-len(there) // -(-len(there) // most))
    for start in range(0, len(there), count):
        part = there[start : start + count]
        each = (width - GAP * (len(part) - 1)) // len(part)
        yield [(panel, place * (each + GAP), each) for place, panel in enumerate(part)]


def _cells(place: Place, width: int) -> tuple[int, int]:
    first = place.x * (width + GAP) // COLUMNS
    return first, (place.x + place.width) * (width + GAP) // COLUMNS - GAP - first


def _drawn(
    side: Sequence[tuple[Panel, int, int]], data: Mapping[str, PanelData], moment: Moment, width: int, look: Look
) -> list[Row]:
    height = max(_height(panel, data[panel.id], cells) for panel, _, cells in side)
    pictures = [
        (first, panels.draw(panel, data[panel.id], moment, cells, height, look)) for panel, first, cells in side
    ]
    while height > 1 and all(not any(text.strip() for text, _ in one.rows[height - 1]) for _, one in pictures):
        height -= 1
    rows: list[Row] = []
    for number in range(height):
        row: list[tuple[str, str]] = []
        used = 0
        for first, picture in pictures:
            row += [(" " * (first - used), ""), *picture.rows[number]]
            used = first + picture.width
        rows.append(fit(row, width))
    return [*rows, blank(width)]


def _height(panel: Panel, data: PanelData, cells: int) -> int:
    """Return how many rows the panel wants: fewer than its place where it has only words to say, more for a text."""
    if panel.kind is PanelKind.TEXT:
        return 1 + panel.content.count("\n") + len(panel.content) // max(1, cells)
    if data.status != "ok":
        return 4
    return max(_LEAST_ROWS, round(panel.height * _ROWS_PER_UNIT))
