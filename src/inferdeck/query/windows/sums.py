"""Sums over windows as exact as Prometheus' Kahan-Neumaier sums, at two look-ups per window where that is possible.

A prefix sum is kept as an unevaluated pair (sum, error): the rounding error of each addition is computed without loss
(Knuth's TwoSum) and summed beside it. Where even the pair could lose digits (neighbours of very uneven magnitude,
overflow), the window is summed by itself, sample by sample, as Prometheus does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from inferdeck.query.windows.grid import Bools, Floats, Ints, Windows
from inferdeck.query.windows.patience import pause

# What the pair may lose per addition, relative to the largest prefix sum; and what a result may lack, relative to it.
_PAIR_ERROR = 2.0**-104
_TOLERANCE = 2.0**-50
_TAME = 1e140
_LARGE = 1e307


def window_sums(windows: Windows) -> tuple[Floats, Floats]:
    """Return each window's sum as a pair (sum, correction), shape (series, steps); add them up last.

    Non-finite samples give what adding them in order gives: NaN, or the infinity (then the correction is 0).
    """
    finite = np.isfinite(windows.values)
    whole = bool(finite.all())
    values = windows.values if whole else np.where(finite, windows.values, 0.0)
    total, error = _prefix(values)
    high, low = _difference(windows, total, error)
    for row, column in _doubtful(windows, values, total, error, high):
        high[row, column], low[row, column] = compensated(windows, row, column)
    if not whole:
        _put_non_finite(windows, values, high, low)
    return high, low


def may_overflow(values: Floats) -> Bools:
    """Return for each series whether its finite samples could add up to an infinity."""
    largest = np.where(np.isfinite(values), np.abs(values), 0.0).max(axis=1)
    may: Bools = largest * values.shape[1] >= _LARGE
    return may


def two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return a + b rounded, and exactly what the rounding lost (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def neumaier(value: Floats, total: Floats, correction: Floats) -> tuple[Floats, Floats]:
    """Add one value to a running compensated sum (Prometheus' kahansum.Inc)."""
    new = total + value
    larger = np.abs(total) >= np.abs(value)
    lost = np.where(larger, (total - new) + value, (value - new) + total)
    return new, np.where(np.isinf(new), 0.0, correction + lost)


def walk(windows: Windows, row: Ints, column: Ints) -> Iterator[tuple[Bools, Floats, Ints]]:
    """Yield the first, second, … sample of many windows at once: which windows have one, its value, its time.

    row, column: the cells, one-dimensional. Costs one pass per sample of the longest window.
    """
    shared = windows.begin.shape[0] == 1
    grid_row = np.zeros_like(row) if shared else row
    begin = windows.begin[grid_row, column]
    count = windows.end[grid_row, column] - begin
    limit = windows.values.shape[1] - 1
    for nth in range(int(np.max(count, initial=0))):
        pause()
        index = np.minimum(begin + nth, limit)
        yield nth < count, windows.values[row, index], windows.times_ms[grid_row, index]


def columns(windows: Windows) -> Iterator[tuple[Bools | None, Floats, Ints]]:
    """Yield the first, second, … sample of all windows at once, values and times as (series, steps) arrays.

    Times have one row for all series in the dense case. The mask says which windows have such a sample, None: all.
    """
    count, limit = windows.count, windows.values.shape[1] - 1
    least = int(count.min()) if count.size else 0
    for nth in range(int(count.max(initial=0))):
        pause()
        index = np.minimum(windows.begin + nth, limit)
        active = None if nth < least else nth < count
        yield active, windows.pick(windows.values, index), windows.pick(windows.times_ms, index)


def adder(windows: Windows) -> Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]:
    """Return `neumaier`, or the same without its care for infinities where no sum of squares can reach one."""
    tame = bool(np.abs(windows.values).max(initial=0.0) < _TAME)
    return _add_tame if tame else neumaier


def _add_tame(value: Floats, total: Floats, correction: Floats) -> tuple[Floats, Floats]:
    # Both compute exactly what the addition lost, so the bits are the same.
    new, lost = two_sum(total, value)
    lost += correction
    return new, lost


def compensated(windows: Windows, row: Ints, column: Ints) -> tuple[Floats, Floats]:
    """Return the sums of these cells as pairs, each window added up by itself in the order of time."""
    total, correction = np.zeros(row.size), np.zeros(row.size)
    for active, value, _ in walk(windows, row, column):
        new, lost = neumaier(value, total, correction)
        total, correction = np.where(active, new, total), np.where(active, lost, correction)
    return total, correction


def _prefix(values: Floats) -> tuple[Floats, Floats | None]:
    """Return prefix sums and their accumulated errors (None where every addition was exact)."""
    total = np.zeros((values.shape[0], values.shape[1] + 1))
    # accumulate adds strictly in order, which is what makes the error of each addition computable afterwards.
    np.add.accumulate(values, axis=1, out=total[:, 1:])
    before, after = total[:, :-1], total[:, 1:]
    part = after - before
    lost = (before - (after - part)) + (values - part)
    if not lost.any():
        return total, None
    error = np.zeros_like(total)
    np.add.accumulate(lost, axis=1, out=error[:, 1:])
    return total, error


def _difference(windows: Windows, total: Floats, error: Floats | None) -> tuple[Floats, Floats]:
    high, low = two_sum(windows.pick(total, windows.end), -windows.pick(total, windows.begin))
    if error is not None:
        low += windows.pick(error, windows.end) - windows.pick(error, windows.begin)
    return high, low


def _doubtful(
    windows: Windows, values: Floats, total: Floats, error: Floats | None, high: Floats
) -> Iterator[tuple[Ints, Ints]]:
    """Yield the cells whose pair may lack digits, if there are any."""
    if error is None:
        return
    inexact = error.any(axis=1) | ~np.isfinite(error[:, -1])
    bound = np.abs(total).max(axis=1) * (_PAIR_ERROR * total.shape[1])
    small = (bound[:, None] <= _TOLERANCE * np.abs(high)) & np.isfinite(bound)[:, None]
    doubtful = ~small & inexact[:, None] & (windows.count > 0)
    if doubtful.any():
        nonzero = np.zeros(total.shape, dtype=np.int64)
        np.cumsum(values != 0, axis=1, out=nonzero[:, 1:])
        doubtful &= windows.pick(nonzero, windows.end) > windows.pick(nonzero, windows.begin)
    row, column = np.nonzero(doubtful)
    if row.size:
        yield row, column


def _put_non_finite(windows: Windows, finite: Floats, high: Floats, low: Floats) -> None:
    """Put in what windows with non-finite samples sum to; finite: the samples with 0 for those."""
    inside = []
    for event in (np.isnan(windows.values), windows.values == np.inf, windows.values == -np.inf):
        before = np.zeros((event.shape[0], event.shape[1] + 1), dtype=np.int64)
        np.cumsum(event, axis=1, out=before[:, 1:])
        inside.append(windows.pick(before, windows.end) > windows.pick(before, windows.begin))
    nan, up, down = inside
    for where, value in ((up, np.inf), (down, -np.inf), (nan | (up & down), np.nan)):
        high[where] = value
        low[where] = 0.0
    # Where the finite samples may overflow by themselves, the order decides which infinity is met first.
    row, column = np.nonzero((nan | up | down) & may_overflow(finite)[:, None])
    if row.size:
        high[row, column], low[row, column] = compensated(windows, row, column)
