"""Kernels that need every sample of a window side by side, or one after the other (Prometheus' promql/functions.go)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from inferdeck.query.windows.grid import Answer, Floats, Ints, Kernel, Semantics, Windows, evaluate
from inferdeck.query.windows.over_time import quantile_of_rows
from inferdeck.query.windows.patience import pause
from inferdeck.query.windows.sums import columns
from inferdeck.store.interface import Block

_GATHER_CELLS = 1 << 20


def first_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the first sample of each window; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _first, semantics=semantics)


def mad_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the median absolute deviation of each window, NaN where a sample is; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _mad, semantics=semantics)


def ts_of_first_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the time of each window's first sample in Unix seconds; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _first_seconds, semantics=semantics)


def ts_of_last_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the time of each window's last sample in Unix seconds; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _last_seconds, semantics=semantics)


def ts_of_min_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the time of the last of each window's smallest samples in Unix seconds; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _extreme_seconds(np.less_equal), semantics=semantics)


def ts_of_max_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the time of the last of each window's largest samples in Unix seconds; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _extreme_seconds(np.greater_equal), semantics=semantics)


def double_exponential_smoothing(
    block: Block,
    steps_ms: Ints,
    range_ms: int,
    smoothing: float | Floats,
    trend: float | Floats,
    *,
    semantics: Semantics = Semantics.PROMETHEUS_3,
) -> Floats:
    """Return each window's last doubly smoothed value (Holt's linear method); factors: one, or one per step."""
    factors = [np.broadcast_to(np.asarray(factor, dtype=np.float64), steps_ms.shape) for factor in (smoothing, trend)]
    return evaluate(block, steps_ms, range_ms, _smoothed(*factors), semantics=semantics)


def _first(windows: Windows) -> Answer:
    return Answer(windows.pick(windows.values, windows.first_index()), windows.count > 0)


def _first_seconds(windows: Windows) -> Answer:
    return Answer(windows.pick(windows.times_ms, windows.first_index()) / 1000, windows.count > 0)


def _last_seconds(windows: Windows) -> Answer:
    return Answer(windows.pick(windows.times_ms, windows.last_index()) / 1000, windows.count > 0)


def _extreme_seconds(better: np.ufunc) -> Kernel:
    def kernel(windows: Windows) -> Answer:
        best = windows.pick(windows.values, windows.first_index())
        found = np.broadcast_to(windows.pick(windows.times_ms, windows.first_index()), best.shape).copy()
        for active, value, time in columns(windows):
            wins = better(value, best) | np.isnan(best)
            if active is not None:
                wins &= active
            best = np.where(wins, value, best)
            np.copyto(found, time, where=wins)
        return Answer(found / 1000, windows.count > 0)

    return kernel


def gathered(windows: Windows) -> Iterator[tuple[Ints, Ints, Floats, Ints]]:
    """Yield (row, column, samples, count) for groups of windows that are not empty; +Inf beyond each count."""
    begin, end = windows.cells()
    count = end - begin
    row, column = np.nonzero(count)
    width = max(1, int(count.max(initial=1)))
    height = max(1, _GATHER_CELLS // width)
    for top in range(0, row.size, height):
        pause()
        r, c = row[top : top + height], column[top : top + height]
        index = np.minimum(begin[r, c][:, None] + np.arange(width), windows.values.shape[1] - 1)
        there = np.arange(width) < count[r, c][:, None]
        yield r, c, np.where(there, windows.values[r[:, None], index], np.inf), count[r, c]


def _mad(windows: Windows) -> Answer:
    found = np.zeros((windows.values.shape[0], windows.steps_ms.size))
    for row, column, samples, count in gathered(windows):
        there = np.arange(samples.shape[1]) < count[:, None]
        half = np.full(count.shape, 0.5)
        median = quantile_of_rows(half, samples, there, count)
        away = np.where(there, np.abs(samples - median[:, None]), np.inf)
        odd = (np.isnan(samples) & there).any(axis=1)
        found[row, column] = np.where(odd, np.nan, quantile_of_rows(half, away, there, count))
    return Answer(found, windows.count > 0)


def _smoothed(smoothing: Floats, trend: Floats) -> Kernel:
    def kernel(windows: Windows) -> Answer:
        shape = (windows.values.shape[0], windows.steps_ms.size)
        level, before, slope = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for nth, (active, value, _) in enumerate(columns(windows)):
            if nth == 0:
                level = np.broadcast_to(value, shape)
                continue
            slope = value - level if nth == 1 else trend * (level - before) + (1 - trend) * slope
            before = level
            level = smoothing * value + (1 - smoothing) * (level + slope)
            if active is not None:
                level = np.where(active, level, before)
        return Answer(level, windows.count > 1)

    return kernel
