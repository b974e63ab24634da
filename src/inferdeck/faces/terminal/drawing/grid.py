"""A grid for rows that change all the time: only what is visible is asked for and drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from inferdeck.faces.terminal.drawing.glyphs import Glyphs
from inferdeck.faces.terminal.drawing.picture import Row, Span, blank, fit, styled, window
from inferdeck.model import cells

GAP = 2
_LEAST = 4
"""No column is cut to less, as long as others can go."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    right: figures stand at the right edge, and are cut last; drop: where the width does not suffice, columns go in this
    order (1 first); 0 stays; most: its widest in cells, however long its texts are.
    """

    title: str
    right: bool = False
    drop: int = 0
    most: int = 40


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row; text may be anything from outside. changed: it differs from what stood there before."""

    text: str
    style: str = ""
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """What is drawn: `fields` gives one row by its place, and is called for visible rows alone.

    sorted_by: the column with the sort mark, None for none; widths: of the columns in cells (see `measured`); left:
    cells that are scrolled out at the left; then no column goes or is narrowed.
    """

    columns: Sequence[Column]
    count: int
    fields: Callable[[int], Sequence[Field]]
    widths: Sequence[int]
    sorted_by: int | None = None
    reverse: bool = False
    selected: int | None = None
    left: int = 0


def measured(columns: Sequence[Column], rows: Iterable[Sequence[Field]], before: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the columns' widths for these rows, never less than before: a grid that changes does not jump."""
    found = [
        max(cells.width(cells.clean(column.title)) + 1, before[place] if place < len(before) else 0)
        for place, column in enumerate(columns)
    ]
    for row in rows:
        for place, field in enumerate(row[: len(found)]):
            size = len(field.text) if field.text.isascii() else cells.width(cells.clean(field.text))
            if size > found[place]:
                found[place] = size
    return tuple(min(size, max(column.most, 1)) for size, column in zip(found, columns, strict=True))


def differing(
    before: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]], ignored: Iterable[int] = ()
) -> frozenset[tuple[str, int]]:
    """Return (row's key, column) of every text that changed; new rows are not changed ones, nor columns of ages."""
    without = frozenset(ignored)
    return frozenset(
        (key, place)
        for key, row in now.items()
        if key in before and before[key] != row
        for place, (old, new) in enumerate(zip(before[key], row, strict=False))
        if old != new and place not in without
    )


def heading(grid: Grid, width: int, glyphs: Glyphs) -> Row:
    """Return the row of titles, with the sort mark."""
    fields = []
    for place, column in enumerate(grid.columns):
        mark = (glyphs.down_sign if grid.reverse else glyphs.up) if place == grid.sorted_by else ""
        fields.append(Field(f"{column.title}{mark}", "axis strong" if mark else "axis"))
    return _drawn(grid, fields, width, glyphs)


def rows(grid: Grid, start: int, count: int, width: int, glyphs: Glyphs) -> list[Row]:
    """Return the rows from `start` on, exactly `width` cells each, blank ones behind the last."""
    found: list[Row] = []
    plan = _plan(grid, width)
    for place in range(start, start + count):
        if not 0 <= place < grid.count:
            found.append(blank(width))
            continue
        row = _drawn(grid, grid.fields(place), width, glyphs, plan)
        found.append(styled(row, "selected") if place == grid.selected else row)
    return found


def scrolled(start: int, selected: int | None, count: int, height: int) -> int:
    """Return the first visible row: the old one, moved as little as is needed to show the selected one."""
    start = max(0, min(start, count - height))
    if selected is None or height <= 0:
        return start
    return min(start, selected) if selected < start else max(start, selected - height + 1)


def _plan(grid: Grid, width: int) -> list[tuple[int, int]]:
    """Return (column, width) of the columns that are shown."""
    kept = list(range(len(grid.columns)))
    sizes = list(grid.widths)
    if grid.left:
        return [(place, sizes[place]) for place in kept]
    while _total(kept, sizes) > width:
        spare = [place for place in kept if grid.columns[place].drop]
        if not spare:
            break
        kept.remove(min(spare, key=lambda place: (grid.columns[place].drop, -place)))
    # Then texts are narrowed, the widest first, and figures at last.
    for group in ([p for p in kept if not grid.columns[p].right], [p for p in kept if grid.columns[p].right]):
        over = _total(kept, sizes) - width
        while over > 0 and group and max(sizes[place] for place in group) > _LEAST:
            widest = max(group, key=lambda place: sizes[place])
            second = max((sizes[place] for place in group if sizes[place] < sizes[widest]), default=_LEAST)
            less = min(over, max(1, sizes[widest] - max(second, _LEAST)))
            sizes[widest] -= less
            over -= less
    return [(place, sizes[place]) for place in kept]


def _total(kept: Sequence[int], sizes: Sequence[int]) -> int:
    return sum(sizes[place] for place in kept) + GAP * max(0, len(kept) - 1)


def _drawn(
    grid: Grid, fields: Sequence[Field], width: int, glyphs: Glyphs, plan: Sequence[tuple[int, int]] | None = None
) -> Row:
    out: list[Span] = []
    for place, size in plan if plan is not None else _plan(grid, width):
        field = fields[place] if place < len(fields) else Field("")
        style = f"{field.style} changed".lstrip() if field.changed else field.style
        text = cells.fit(cells.clean(field.text), size, right=grid.columns[place].right, more=glyphs.more)
        if out:
            out.append((" " * GAP, ""))
        out.append((text, style))
    if not grid.left:
        return fit(out, width, more=glyphs.more)
    return _marked(window(tuple(out), grid.left, width), width, glyphs)


def _marked(row: Row, width: int, glyphs: Glyphs) -> Row:
    """Return a scrolled row with a sign at its left edge that says so."""
    return fit(((glyphs.before, "dim"), *window(row, 1, width - 1)), width, more=glyphs.more) if width > 1 else row
