"""Where the panels of a dashboard stand in a window of so many cells: three layouts, by its width."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from inferdeck.faces.terminal.views.table import has
from inferdeck.model.dashboard import COLUMNS, Dashboard, Panel, PanelKind, places

NARROW = 100
"""Below: panels one under the other, small ones side by side. From here on two columns of charts at most."""
WIDE = 160
"""From here on panels stand as the dashboard has them."""
_SMALL_KINDS = frozenset({PanelKind.STAT, PanelKind.GAUGE})
_PAIR_CELLS = 45
"""What each of two tables or charts side by side needs."""
_SMALL_CELLS = 26
"""What a single figure needs."""
_ROWS = {"narrow": 1.0, "middle": 1.1, "wide": 1.25}
"""Rows of cells for a unit of height."""
_SMALL_HEIGHT = {"narrow": 3, "middle": 5, "wide": 5}


@dataclass(frozen=True, slots=True)
class Slot:
    """One panel in cells; number: its digit key, 0 for none. panel None: the heading of a row."""

    panel: Panel | None
    x: int
    y: int
    width: int
    height: int
    number: int = 0
    heading: str = ""
    closed: bool = False
    row: int = 0

    @property
    def bottom(self) -> int:
        """The first row below."""
        return self.y + self.height


def layout_name(width: int) -> str:
    """Return narrow, middle or wide."""
    return "narrow" if width < NARROW else "middle" if width < WIDE else "wide"


def arrange(dashboard: Dashboard, width: int, opened: Collection[int], closed: Collection[int]) -> tuple[Slot, ...]:
    """Return all slots from top to bottom; opened, closed: rows that the user has turned over."""
    slots: list[Slot] = []
    y = 0
    for place, row in enumerate(dashboard.rows):
        shut = (row.collapsed or place in closed) and place not in opened
        if row.title or shut:
            slots.append(Slot(None, 0, y, width, 1, heading=row.title or "more", closed=shut, row=place))
            y += 1
        if shut:
            continue
        for line in _lines(row.panels, width):
            slots += [Slot(panel, x, y, wide, high, row=place) for panel, x, wide, high in line]
            y += max(high for _, _, _, high in line)
    return _numbered(slots)


def alone(panel: Panel, width: int, height: int, number: int = 0) -> tuple[Slot, ...]:
    """Return one panel in the whole window, with the number that it has among all."""
    return (Slot(panel, 0, 0, width, max(3, height), number),)


def filtered(dashboard: Dashboard, words: str, width: int, numbers: Mapping[str, int]) -> tuple[Slot, ...]:
    """Return the panels whose title, or that of their row, has all words (!word: has not), with their own numbers."""
    wanted = words.lower().split()
    kept = []
    for row in dashboard.rows:
        panels = tuple(one for one in row.panels if has(f"{row.title} {one.title} {one.id}".lower(), wanted))
        if panels:
            kept.append(replace(row, panels=panels))
    slots = arrange(replace(dashboard, rows=tuple(kept)), width, range(len(kept)), ())
    return tuple(replace(one, number=numbers.get(one.panel.id, 0)) if one.panel else one for one in slots)


def _numbered(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    number, found = 0, []
    for slot in slots:
        number += slot.panel is not None
        found.append(slot if slot.panel is None or number > 9 else _with_number(slot, number))
    return tuple(found)


def _with_number(slot: Slot, number: int) -> Slot:
    return Slot(slot.panel, slot.x, slot.y, slot.width, slot.height, number, row=slot.row)


_Placed = tuple[Panel, int, int, int]


def _lines(panels: Sequence[Panel], width: int) -> list[list[_Placed]]:
    """Return panels side by side: (panel, x, width, height), line after line."""
    name = layout_name(width)
    if name == "wide":
        return _as_written(panels, width)
    if name == "middle" and (pairs := _pairs(panels, width)):
        return pairs
    lines: list[list[Panel]] = []
    for panel in panels:
        room = width // _room(panel, name, width)
        last = lines[-1] if lines else []
        if last and _room(last[0], name, width) == _room(panel, name, width) and len(last) < room:
            last.append(panel)
        else:
            lines.append([panel])
    return [_side_by_side(line, width, name) for line in lines]


def _pairs(panels: Sequence[Panel], width: int) -> list[list[_Placed]]:
    """Return the panels as they are written where two stand in each line and both have room so; else nothing."""
    lines = _as_written(panels, width)
    fitting = all(len(line) == 2 and all(wide >= _PAIR_CELLS for _, _, wide, _ in line) for line in lines)
    if not fitting or any(panel.kind in _SMALL_KINDS for panel in panels):
        return []
    heights = [max(_height(panel, "middle") for panel, *_ in line) for line in lines]
    return [[(panel, x, wide, high) for panel, x, wide, _ in line] for line, high in zip(lines, heights, strict=True)]


def _room(panel: Panel, name: str, width: int) -> int:
    """Return how many cells a panel wants at least."""
    if panel.kind in _SMALL_KINDS:
        return _SMALL_CELLS
    return width if name == "narrow" or panel.width > COLUMNS // 2 else max(1, width // 2)


def _side_by_side(line: Sequence[Panel], width: int, name: str) -> list[_Placed]:
    high = max(_height(panel, name) for panel in line)
    edges = [place * width // len(line) for place in range(len(line) + 1)]
    return [(panel, edges[place], edges[place + 1] - edges[place], high) for place, panel in enumerate(line)]


def _as_written(panels: Sequence[Panel], width: int) -> list[list[_Placed]]:
    lines: dict[int, list[_Placed]] = {}
    for panel, place in zip(panels, places(panels), strict=True):
        left, right = place.x * width // COLUMNS, (place.x + place.width) * width // COLUMNS
        lines.setdefault(place.y, []).append((panel, left, right - left, _height(panel, "wide")))
    return [_filled(line, width) for line in lines.values()]


def _filled(line: list[_Placed], width: int) -> list[_Placed]:
    """Return the line with panels of one height; the last one takes what is left at the edge, if that is little."""
    high = max(height for *_, height in line)
    panel, x, wide, _ = line[-1]
    if width - x - wide <= wide // 2:
        line[-1] = (panel, x, width - x, high)
    return [(panel, x, wide, high) for panel, x, wide, _ in line]


def _height(panel: Panel, name: str) -> int:
    if panel.kind in _SMALL_KINDS:
        return _SMALL_HEIGHT[name]
    return max(5, round(panel.height * _ROWS[name]))
