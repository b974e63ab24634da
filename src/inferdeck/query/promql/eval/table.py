"""The value of an instant vector on all steps at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import NAME, Labels, without
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query.windows import absent, has_value
from inferdeck.query.windows.grid import Bools, Floats, Ints

_ABSENT = np.uint64(ABSENT_BITS)
_METADATA = (NAME, "__type__", "__unit__")
DUPLICATE = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Series and their values, shape (series, steps), ABSENT_BITS where there is none.

    dropping: per series, whether what names its metric (unnamed_labels) goes when the query ends; until then label
    functions may save it.
    A label set may occur in several rows as long as no step has a value in two of them.
    """

    series: tuple[Labels, ...]
    values: Floats
    dropping: Bools

    def where(self, present: Bools) -> Table:
        """Return the table with only the values where `present` holds."""
        return Table(self.series, masked(self.values, present), self.dropping)

    def rows(self, index: Sequence[int] | Ints) -> Table:
        """Return some rows, in that order."""
        picked = np.asarray(index, dtype=np.intp)
        return Table(tuple(self.series[row] for row in picked.tolist()), self.values[picked], self.dropping[picked])

    def unnamed(self) -> Table:
        """Return the table with every name going at the end."""
        return Table(self.series, self.values, np.ones(len(self.series), dtype=np.bool_))


def series_present(values: Floats) -> Bools:
    """Return, per series, whether it has a value at any step."""
    found: Bools = np.asarray(has_value(values).any(axis=1))
    return found


def steps_present(values: Floats) -> Bools:
    """Return, per step, whether any series has a value."""
    found: Bools = np.asarray(has_value(values).any(axis=0))
    return found


def empty(steps: int) -> Table:
    """Return a table without series."""
    return Table((), absent((0, steps)), np.zeros(0, dtype=np.bool_))


def named(series: Iterable[Labels], values: Floats, *, dropping: bool = False) -> Table:
    """Return a table whose names all stay, or all go."""
    found = tuple(series)
    return Table(found, values, np.full(len(found), dropping, dtype=np.bool_))


def masked(values: Floats, present: Bools) -> Floats:
    """Return values with ABSENT_BITS where `present` does not hold; moves bits only."""
    bits = np.where(present, np.ascontiguousarray(values).view(np.uint64), _ABSENT)
    found: Floats = bits.view(np.float64)
    return found


def mapped(table: Table, function: Callable[[Floats], Floats]) -> Table:
    """Return the table with a function applied to every value, names going."""
    present = has_value(table.values)
    with np.errstate(all="ignore"):
        values = np.asarray(function(table.values), dtype=np.float64)
    return Table(table.series, values if present.all() else masked(values, present), table.unnamed().dropping)


def stacked(tables: Sequence[Table], steps: int) -> Table:
    """Return the rows of all tables one below the other."""
    if not tables:
        return empty(steps)
    if len(tables) == 1:
        return tables[0]
    return Table(
        tuple(series for table in tables for series in table.series),
        np.concatenate([table.values for table in tables]),
        np.concatenate([table.dropping for table in tables]),
    )


def merged(table: Table) -> Table:
    """Return the table with each label set once; raises EvaluationError where two rows meet at a step."""
    if len(set(table.series)) == len(table.series):
        return table
    row_of: dict[Labels, int] = {}
    target = [row_of.setdefault(series, len(row_of)) for series in table.series]
    bits = absent((len(row_of), table.values.shape[1])).view(np.uint64)
    dropping = np.zeros(len(row_of), dtype=np.bool_)
    new = np.ascontiguousarray(table.values).view(np.uint64)
    for row, place in enumerate(target):
        there = new[row] != _ABSENT
        if (there & (bits[place] != _ABSENT)).any():
            raise EvaluationError(DUPLICATE)
        np.copyto(bits[place], new[row], where=there)
        dropping[place] |= table.dropping[row]
    return Table(tuple(row_of), bits.view(np.float64), dropping)


def unnamed_labels(series: Labels) -> Labels:
    """Return the labels without the metric's name and, where a store keeps them as labels, its type and unit."""
    return without(series, *_METADATA)


def finished(table: Table) -> Table:
    """Return the table with the names gone that are to go, each label set once, and no series without a value."""
    series = tuple(
        unnamed_labels(labels) if drop else labels
        for labels, drop in zip(table.series, table.dropping.tolist(), strict=True)
    )
    found = merged(Table(series, table.values, np.zeros(len(series), dtype=np.bool_)))
    alive = series_present(found.values)
    return found if alive.all() else found.rows(np.flatnonzero(alive))
