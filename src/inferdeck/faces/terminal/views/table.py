"""Tables: rows by their key, kept by a filter, in an order, with what changed since the answer before."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from inferdeck.faces.terminal.drawing import grid
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.grid import Column, Field, Grid
from inferdeck.faces.terminal.drawing.picture import Row, Span, fit, styled
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown

_AHEAD = 64
"""Rows that are drawn at once."""

Rank = float | str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. key: what it is, over all answers; ranks: what each column is sorted by, None last."""

    key: str
    fields: tuple[Field, ...]
    ranks: tuple[Rank, ...]
    group: str = ""
    """Rows of one group stay together; its name stands before the first where there are several."""

    def has(self, words: Sequence[str]) -> bool:
        """Return whether all words stand in it; a word after ! must not."""
        return has(" ".join(one.text for one in self.fields).lower() + " " + self.key.lower(), words)


def has(text: str, words: Sequence[str]) -> bool:
    """Return whether a text has all words; a word after ! must not stand in it."""
    return all((word[1:] not in text) if word.startswith("!") and word[1:] else word in text for word in words)


def text(value: str, style: str = "") -> tuple[Field, Rank]:
    """Return a text and what it is sorted by."""
    return Field(value or "–", style if value else "dim"), value.lower() or None


def figure(number: Number, *, warn: float | None = None, critical: float | None = None) -> tuple[Field, Rank]:
    """Return a figure and what it is sorted by; coloured from these values on, dim where missing or stale."""
    value = number.value
    if value is None or number.quality == "stale":
        style = "dim"
    elif critical is not None and value >= critical:
        style = "critical"
    elif warn is not None and value >= warn:
        style = "warn"
    else:
        style = ""
    return Field(shown(number), style), None if value is None or math.isnan(value) else value


def entry(key: str, cells: Sequence[tuple[Field, Rank]], group: str = "") -> Entry:
    """Return a row of cells."""
    return Entry(key, tuple(one for one, _ in cells), tuple(rank for _, rank in cells), group)


@dataclass(frozen=True, slots=True)
class Order:
    """By which column; None: as the daemon gives them."""

    column: int | None = None
    reverse: bool = False


def ordered(entries: Sequence[Entry], order: Order) -> list[Entry]:
    """Return the entries in an order; those without a value are last either way."""
    place = order.column
    if place is None:
        return list(entries)
    known = [one for one in entries if place < len(one.ranks) and one.ranks[place] is not None]
    known.sort(key=lambda one: _rank(one.ranks[place]), reverse=order.reverse)
    there = {one.key for one in known}
    return [*known, *(one for one in entries if one.key not in there)]


def _rank(rank: Rank) -> tuple[int, float, str]:
    return (1, 0.0, rank) if isinstance(rank, str) else (0, rank or 0.0, "")


@dataclass(slots=True)
class Table:
    """Lines of a table; rows are drawn when they are looked at."""

    columns: Sequence[Column]
    look: Look = field(default_factory=Look)
    entries: list[Entry] = field(default_factory=list)
    order: Order = field(default_factory=Order)
    words: str = ""
    selected: str = ""
    marked: Collection[str] = ()
    left: int = 0
    empty: Row = ()
    _all: Sequence[Entry] = ()
    _texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _changed: frozenset[tuple[str, int]] = frozenset()
    _widths: tuple[int, ...] = ()
    _drawn: dict[tuple[int, int], list[Row]] = field(default_factory=dict)
    """By block and width; the selected row is drawn like the others, so that moving on draws none anew."""
    _places: dict[str, int] = field(default_factory=dict)

    def take(self, entries: Sequence[Entry]) -> None:
        """Take a new answer; what differs from the one before is marked until the next."""
        now = {one.key: tuple(cell.text for cell in one.fields) for one in entries}
        self._changed = grid.differing(self._texts, now) if self._texts else frozenset()
        self._texts = now
        self._all = entries
        self._widths = grid.measured(self.columns, (one.fields for one in entries), self._widths)
        self.arrange()

    def anew(self) -> None:
        """Take the next answer as the first one: nothing of it is marked."""
        self._texts = {}

    def arrange(self) -> None:
        """Filter and sort anew; the selected row stays selected, wherever it is now."""
        words = self.words.lower().split()
        kept = [one for one in self._all if one.has(words)] if words else list(self._all)
        self.entries = ordered(kept, self.order)
        # Of several with one key it is the first.
        self._places = {one.key: place for place, one in reversed(list(enumerate(self.entries)))}
        if self.entries and self.selected not in self._places:
            self.selected = self.entries[0].key
        self.redraw()

    def redraw(self) -> None:
        """Forget what is drawn."""
        self._drawn.clear()

    @property
    def total(self) -> int:
        """Rows before the filter."""
        return len(self._all)

    @property
    def place(self) -> int | None:
        """Where the selected row stands."""
        return self._places.get(self.selected)

    def select(self, place: int) -> None:
        """Select the row at a place, the nearest there is."""
        if self.entries:
            self.selected = self.entries[min(max(place, 0), len(self.entries) - 1)].key

    def height(self, width: int) -> int:
        """Return how many rows there are; one where there are none, for the words that say why."""
        return len(self.entries) or 1

    def heading(self, width: int) -> Row:
        """Return the titles of the columns."""
        return grid.heading(self._grid(), width, self.look.glyphs)

    def row(self, number: int, width: int) -> Row:
        """Return one row."""
        if not self.entries:
            return fit(self.empty, width)
        block = number // _AHEAD
        kept = self._drawn.get((block, width))
        if kept is None:
            kept = grid.rows(self._grid(), block * _AHEAD, _AHEAD, width, self.look.glyphs)
            self._drawn[block, width] = kept
        row = kept[number % _AHEAD]
        return styled(row, "selected") if number == self.place else row

    def _grid(self) -> Grid:
        return Grid(
            self.columns,
            len(self.entries),
            self._fields,
            self._widths or grid.measured(self.columns, ()),
            self.order.column,
            self.order.reverse,
            left=self.left,
        )

    def _fields(self, place: int) -> Sequence[Field]:
        one = self.entries[place]
        fields = [
            replace(cell, changed=True) if (one.key, column) in self._changed else cell
            for column, cell in enumerate(one.fields)
        ]
        if one.key in self.marked and fields:
            fields[0] = replace(fields[0], style=f"{fields[0].style} marked".strip())
        return fields


def labelled(pairs: Sequence[tuple[str, str]], width: int) -> list[Row]:
    """Return names and values under each other, for a page of details."""
    wide = max((len(name) for name, _ in pairs), default=0) + 2
    rows: list[Row] = []
    for name, value in pairs:
        head: Span = (name.ljust(wide), "dim")
        rows.append(fit((head, (value, "")), width))
    return rows
