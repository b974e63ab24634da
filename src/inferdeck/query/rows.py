"""Series as questions see them, many at once: what is found out of their labels serves every later question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Group = tuple[str, ...]
"""The values of the labels grouped by, in their order."""
Relabel = Callable[[dict[str, str]], None]


def group(labels: Mapping[str, str], by: Sequence[str]) -> Group:
    """Return the values of these labels; an absent one is ""."""
    return tuple([labels.get(name, "") for name in by])


class Named:
    """One series as questions see it: its name, its labels, and the groups that it is in, each found once."""

    __slots__ = ("_groups", "labels", "name", "series")

    def __init__(self, series: Labels, relabel: Relabel | None = None) -> None:
        labels = dict(series)
        if relabel is not None:
            relabel(labels)
        self.series = series
        self.name = labels.get("__name__", "")
        self.labels: Mapping[str, str] = labels
        self._groups: dict[Group, Group] = {}

    def group(self, by: Group) -> Group:
        """Return the values of these labels; an absent one is ""."""
        found = self._groups.get(by)
        if found is None:
            found = self._groups[by] = group(self.labels, by)
        return found


class Row:
    """One series and its value at the moment asked for; age_seconds: since the newest sample that it is made from."""

    __slots__ = ("age_seconds", "named", "value")

    def __init__(self, named: Named, value: float, age_seconds: float) -> None:
        self.named = named
        self.value = value
        self.age_seconds = age_seconds

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the series."""
        return self.named.labels


class Shape:
    """Series in an order that comes again, with the groups that they are in as numbers."""

    __slots__ = ("_codes", "named")

    def __init__(self, named: Sequence[Named]) -> None:
        self.named = named
        self._codes: dict[Group, tuple[Codes, list[Group]]] = {}

    def codes(self, by: Group) -> tuple[Codes, list[Group]]:
        """Return the number of each series' group, and the groups by number."""
        found = self._codes.get(by)
        if found is None:
            numbers: dict[Group, int] = {}
            codes = [numbers.setdefault(one.group(by), len(numbers)) for one in self.named]
            found = self._codes[by] = (np.array(codes, dtype=np.intp), list(numbers))
        return found


class Rows(Sequence[Row]):
    """Those series of a shape that have a value, as rows; sums are made without making the rows."""

    __slots__ = ("_ages", "_index", "_rows", "_shape", "_values")

    def __init__(self, shape: Shape, values: Floats, ages: Floats) -> None:
        """values, ages: of every series of the shape; one that is not finite has no row."""
        self._shape = shape
        self._index = np.flatnonzero(np.isfinite(values))
        self._values = values[self._index]
        self._ages = ages
        self._rows: list[Row] | None = None

    def sums(self, by: Group, names: Group = (), wanted: Group = ()) -> dict[Group, float]:
        """Return the sum per group of the rows whose labels `names` have the values `wanted`."""
        codes, groups = self._shape.codes(by)
        picked, values = codes[self._index], self._values
        if names:
            marks, known = self._shape.codes(names)
            if wanted not in known:
                return {}
            keep = marks[self._index] == known.index(wanted)
            picked, values = picked[keep], values[keep]
        sums = np.bincount(picked, weights=values, minlength=len(groups)).tolist()
        there = np.flatnonzero(np.bincount(picked, minlength=len(groups))).tolist()
        return {groups[code]: sums[code] for code in there}

    def _made(self) -> list[Row]:
        if self._rows is None:
            named, ages = self._shape.named, self._ages[self._index].tolist()
            every = zip(self._index.tolist(), self._values.tolist(), ages, strict=True)
            self._rows = [Row(named[index], value, age) for index, value, age in every]
        return self._rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        return self._made()[index]
