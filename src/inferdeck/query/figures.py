"""Figures of many metrics at one moment: one read of the store, then the window kernels on its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import metric_name
from inferdeck.query import windows
from inferdeck.store.interface import Block, Matcher, MatchOp, MetricReader

Floats = NDArray[np.float64]
Group = tuple[str, ...]
"""The values of the labels grouped by, in their order."""


@dataclass(frozen=True, slots=True)
class Row:
    """One series' labels and its value at the moment asked for."""

    labels: Mapping[str, str]
    value: float


class Figures:
    """The series of the named metrics in the window that ends at `now_ms`; rates are over the whole window."""

    def __init__(self, reader: MetricReader, names: Iterable[str], now_ms: int, window_ms: int) -> None:
        self._now = np.array([now_ms], dtype=np.int64)
        self._window_ms = window_ms
        self._blocks: dict[str, list[Block]] = defaultdict(list)
        matcher = Matcher("__name__", MatchOp.MATCH, "|".join(sorted(set(names))))
        for block in windows.join(reader.select([matcher], now_ms - window_ms, now_ms)):
            self._split(block)

    def _split(self, block: Block) -> None:
        rows: dict[str, list[int]] = defaultdict(list)
        for index, series in enumerate(block.series):
            rows[metric_name(series)].append(index)
        for name, picked in rows.items():
            named = tuple(block.series[index] for index in picked)
            self._blocks[name].append(Block(named, block.timestamps_ms, block.values[picked], block.dense))

    def last(self, name: str) -> list[Row]:
        """Return each series' newest value that is not stale."""
        return self._rows(name, lambda block: windows.instant(block, self._now, lookback_ms=self._window_ms))

    def rate(self, name: str) -> list[Row]:
        """Return each counter's increase per second over the window; a series with one sample has none."""
        return self._rows(name, lambda block: windows.rate(block, self._now, self._window_ms))

    def increase(self, name: str) -> list[Row]:
        """Return each counter's increase over the window."""
        return self._rows(name, lambda block: windows.increase(block, self._now, self._window_ms))

    def quantile(self, q: float, name: str, by: Sequence[str]) -> dict[Group, float]:
        """Return the q-quantile (0..1) of a classic histogram per group; a group without observations is absent."""
        counts: dict[Group, dict[float, float]] = defaultdict(lambda: defaultdict(float))
        for row in self.rate(f"{name}_bucket"):
            bound = windows.parse_le(row.labels.get("le", ""))
            if bound is not None:
                counts[group(row.labels, by)][bound] += row.value
        found: dict[Group, float] = {}
        for key, buckets in counts.items():
            bounds = sorted(buckets)
            heights = np.array([[buckets[bound]] for bound in bounds])
            values, _ = windows.histogram_quantile(q, np.array(bounds), heights)
            value = float(values[0])
            if np.isfinite(value):
                found[key] = value
        return found

    def _rows(self, name: str, kernel: Callable[[Block], Floats]) -> list[Row]:
        rows: list[Row] = []
        for block in self._blocks.get(name, ()):
            column = kernel(block)[:, 0]
            # A hole is a NaN too, so that finite means "there is a number".
            rows.extend(
                Row(dict(series), float(value))
                for series, value in zip(block.series, column, strict=True)
                if np.isfinite(value)
            )
        return rows


def group(labels: Mapping[str, str], by: Sequence[str]) -> Group:
    """Return the values of these labels; an absent one is ""."""
    return tuple(labels.get(name, "") for name in by)


def total(rows: Iterable[Row], by: Sequence[str], **where: str) -> dict[Group, float]:
    """Return the sum per group of the rows whose labels equal `where`; a group without rows is absent."""
    found: dict[Group, float] = {}
    for row in rows:
        if all(row.labels.get(name, "") == value for name, value in where.items()):
            key = group(row.labels, by)
            found[key] = found.get(key, 0.0) + row.value
    return found


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return part / whole; None where nothing happened, so that a quiet window is not a ratio of 0."""
    if whole is None or whole <= 0:
        return None
    return (part or 0.0) / whole
