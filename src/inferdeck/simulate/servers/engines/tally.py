"""A histogram's child that is added to often and read seldom: its buckets are summed up when somebody reads."""

from __future__ import annotations

from bisect import bisect_left

from inferdeck.simulate.table import Family, Names, Table


class Tally:
    """Counts values beside a table; `flush` brings them into it."""

    __slots__ = ("_bounds", "_dirty", "_raw", "_sum", "_values", "count", "place")

    def __init__(self, table: Table, family: Family, labels: Names = ()) -> None:
        self.place = family.child(labels)
        self.count = 0
        """Values observed, flushed or not."""
        self._values = table.values
        self._bounds = family.bounds
        self._raw = [0] * (len(family.bounds) + 1)
        self._sum = 0.0
        self._dirty = False

    @property
    def sum_place(self) -> int:
        """Where the table has its sum."""
        return self.place + len(self._bounds) + 2

    def observe(self, value: float, count: int = 1) -> None:
        """Count a value `count` times."""
        self._raw[bisect_left(self._bounds, value)] += count
        self._sum += value * count
        self.count += count
        self._dirty = True

    def flush(self) -> None:
        """Bring what was observed into the table."""
        if not self._dirty:
            return
        values, place, total = self._values, self.place, 0
        for bucket, count in enumerate(self._raw):
            total += count
            if total:
                values[place + bucket] += total
        size = len(self._bounds)
        values[place + size + 1] += total
        values[place + size + 2] += self._sum
        self._raw = [0] * (size + 1)
        self._sum = 0.0
        self._dirty = False
