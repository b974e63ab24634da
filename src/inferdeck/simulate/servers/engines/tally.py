"""A histogram's child that is added to often and read seldom: its buckets are summed up when somebody reads."""

from __future__ import annotations

from bisect import bisect_left
from math import floor

import numpy as np

from inferdeck.simulate.table import Family, Names, Table

SETTLED = 1e-4
"""Grain of sums of pauses, in seconds: where they are cut into parts depends on when somebody looks."""


class Tally:
    """Counts values beside a table; `flush` brings them into it."""

    __slots__ = ("_bounds", "_grain", "_pending", "_sum", "_values", "count", "place")

    def __init__(self, table: Table, family: Family, labels: Names = (), *, grain: float = 0.0) -> None:
        """grain: the sum is shown in whole ones of it, where its last digits depend on how often somebody looks."""
        self.place = family.child(labels)
        self.count = 0
        """Values observed, flushed or not."""
        self._values = table.values
        self._bounds = family.bounds
        self._pending: dict[int, int] = {}
        """What is not flushed yet, by bucket."""
        self._sum = 0.0
        self._grain = grain

    @property
    def sum_place(self) -> int:
        """Where the table has its sum."""
        return self.place + len(self._bounds) + 2

    def observe(self, value: float, count: int = 1) -> None:
        """Count a value `count` times."""
        bucket = bisect_left(self._bounds, value)
        self._pending[bucket] = self._pending.get(bucket, 0) + count
        self._sum += value * count
        self.count += count

    def flush(self) -> None:
        """Bring what was observed into the table."""
        if not self._pending:
            return
        # The view goes with this call: while there is one, the table cannot grow. _count stands after +Inf.
        counts = np.frombuffer(self._values)[self.place : self.sum_place]
        for bucket, count in self._pending.items():
            counts[bucket:] += count
        # Set, not added: how often this is called must not decide in which order values are added up.
        self._values[self.sum_place] = floor(self._sum / self._grain) * self._grain if self._grain else self._sum
        self._pending.clear()
