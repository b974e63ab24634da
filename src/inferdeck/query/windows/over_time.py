"""The instant selector and the *_over_time family. Formulas: Prometheus' promql/functions.go."""

from __future__ import annotations

import numpy as np

from inferdeck.model.scrape import ABSENT_BITS, STALE_BITS
from inferdeck.query.windows.grid import (
    LOOKBACK_MS,
    Answer,
    Bools,
    Floats,
    Ints,
    Kernel,
    Semantics,
    Windows,
    absent,
    evaluate,
    is_stale,
    ranges,
)
from inferdeck.query.windows.patience import pause
from inferdeck.query.windows.sums import adder, columns, may_overflow, neumaier, walk, window_sums
from inferdeck.store.interface import Block

_ABSENT = np.uint64(ABSENT_BITS)
_STALE = np.uint64(STALE_BITS)
# Samples gathered at a time for functions that need every sample of a window side by side.
_GATHER_CELLS = 1 << 20


def instant(
    block: Block,
    steps_ms: Ints,
    lookback_ms: int = LOOKBACK_MS,
    *,
    semantics: Semantics = Semantics.PROMETHEUS_3,
) -> Floats:
    """Return the last value at or before each step that is younger than the lookback; (series, steps).

    No value where the last sample is a stale marker.
    """
    if steps_ms.size == 1:
        return _latest(block, steps_ms, lookback_ms, semantics)
    found = evaluate(block, steps_ms, lookback_ms, _last, semantics=semantics, keep_stale=True)
    stale = is_stale(found)
    np.copyto(found.view(np.uint64), absent(found.shape).view(np.uint64), where=stale)
    return found


def _latest(block: Block, step_ms: Ints, lookback_ms: int, semantics: Semantics) -> Floats:
    """Return what `instant` does for one step: the last sample of each row, without windows."""
    (begin,), (end,) = ranges(block.timestamps_ms, step_ms, lookback_ms, semantics)
    bits = block.values[:, begin:end].view(np.uint64)
    if begin == end:
        return absent((len(block.series), 1))
    last = bits[:, -1]
    if not block.dense:
        # Rows without any sample get their last cell, which is as absent as the others.
        back = (bits[:, ::-1] != _ABSENT).argmax(axis=1)
        last = bits[np.arange(back.size), bits.shape[1] - 1 - back]
    found: Floats = np.where(last == _STALE, _ABSENT, last).view(np.float64)[:, None]
    return found


def instant_seconds(
    block: Block,
    steps_ms: Ints,
    lookback_ms: int = LOOKBACK_MS,
    *,
    semantics: Semantics = Semantics.PROMETHEUS_3,
) -> Floats:
    """Return the time in Unix seconds of the sample that `instant` returns, as PromQL's timestamp() does."""
    found = evaluate(block, steps_ms, lookback_ms, _last_seconds, semantics=semantics, keep_stale=True)
    values = instant(block, steps_ms, lookback_ms, semantics=semantics).view(np.uint64)
    empty = absent(found.shape).view(np.uint64)
    np.copyto(found.view(np.uint64), empty, where=values == empty)
    return found


def sum_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the compensated sum of each window; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, sum_kernel, semantics=semantics)


def avg_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the mean of each window, also where the sum would overflow; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, avg_kernel, semantics=semantics)


def min_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the smallest value of each window, NaN only where all are; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, min_kernel, semantics=semantics)


def max_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the largest value of each window, NaN only where all are; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, max_kernel, semantics=semantics)


def count_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the number of samples of each window; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, count_kernel, semantics=semantics)


def last_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the last sample of each window; stale markers are passed over; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _last, semantics=semantics)


def present_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return 1 where a window has a sample; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _present, semantics=semantics)


def stdvar_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the population variance of each window (Welford's method, compensated); (series, steps)."""
    return evaluate(block, steps_ms, range_ms, stdvar_kernel, semantics=semantics)


def stddev_over_time(
    block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the population standard deviation of each window; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, stddev_kernel, semantics=semantics)


def quantile_over_time(
    q: float | Floats,
    block: Block,
    steps_ms: Ints,
    range_ms: int,
    *,
    semantics: Semantics = Semantics.PROMETHEUS_3,
) -> Floats:
    """Return the q-quantile of each window, linear between neighbours; q: one, or one per step; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _quantile(np.broadcast_to(q, steps_ms.shape)), semantics=semantics)


def quantile(q: float | Floats, values: Floats) -> Floats:
    """Return the q-quantile over the series at each step; values: (series, steps) -> (steps,), ABSENT where empty."""
    bits = np.ascontiguousarray(values.T).view(np.uint64)
    there = bits != absent((1,)).view(np.uint64)
    count = there.sum(axis=1)
    # Absent cells sort behind everything; the rank never reaches them.
    samples = np.where(there, bits.view(np.float64), np.inf)
    found = absent((values.shape[1],))
    steps = np.flatnonzero(count)
    with np.errstate(all="ignore"):
        found[steps] = quantile_of_rows(
            np.broadcast_to(q, count.shape)[steps], samples[steps], there[steps], count[steps]
        )
    return found


def quantile_of_rows(q: Floats, samples: Floats, there: Bools, count: Ints) -> Floats:
    """Return the quantile of each row's first `count` sorted samples; NaN counts as smaller than everything."""
    nan = np.isnan(samples) & there
    nans = nan.sum(axis=1)
    ordered = np.sort(np.where(nan, -np.inf, samples), axis=1)
    rank = np.clip(np.nan_to_num(q), 0.0, 1.0) * (count - 1)
    lower = np.floor(rank).astype(np.int64)
    upper = np.minimum(lower + 1, count - 1)
    each = np.arange(q.size)
    low = np.where(lower < nans, np.nan, ordered[each, lower])
    high = np.where(upper < nans, np.nan, ordered[each, upper])
    weight = rank - np.floor(rank)
    result = low * (1 - weight) + high * weight
    result = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, result))
    return np.where(np.isnan(q), np.nan, result)


def _quantile(q: Floats) -> Kernel:
    def kernel(windows: Windows) -> Answer:
        begin, end = windows.cells()
        count = end - begin
        found = np.zeros(count.shape)
        row, column = np.nonzero(count)
        width = max(1, int(count.max(initial=1)))
        height = max(1, _GATHER_CELLS // width)
        for top in range(0, row.size, height):
            pause()
            r, c = row[top : top + height], column[top : top + height]
            index = begin[r, c][:, None] + np.arange(width)
            there = np.arange(width) < count[r, c][:, None]
            samples = windows.values[r[:, None], np.minimum(index, windows.values.shape[1] - 1)]
            found[r, c] = quantile_of_rows(q[c], np.where(there, samples, np.inf), there, count[r, c])
        return Answer(found, windows.count > 0)

    return kernel


def _last(windows: Windows) -> Answer:
    return Answer(windows.pick(windows.values, windows.last_index()), windows.count > 0)


def _last_seconds(windows: Windows) -> Answer:
    return Answer(windows.pick(windows.times_ms, windows.last_index()) / 1000, windows.count > 0)


def count_kernel(windows: Windows) -> Answer:
    return Answer(windows.count.astype(np.float64), windows.count > 0)


def _present(windows: Windows) -> Answer:
    return Answer(np.ones((1, 1)), windows.count > 0)


def sum_kernel(windows: Windows) -> Answer:
    high, low = window_sums(windows)
    # An infinite sum has no meaningful correction.
    return Answer(np.where(np.isinf(high), high, high + low), windows.count > 0)


def avg_kernel(windows: Windows) -> Answer:
    high, low = window_sums(windows)
    count = np.maximum(windows.count, 1)
    mean = high / count + low / count
    # Where finite samples make the sum overflow, the mean is formed as it grows and stays finite.
    odd = ~np.isfinite(high) & (windows.count > 0)
    if odd.any():
        row, column = np.nonzero(odd & may_overflow(windows.values)[:, None])
        mean[row, column] = _growing_mean(windows, row, column)
    return Answer(mean, windows.count > 0)


def _growing_mean(windows: Windows, row: Ints, column: Ints) -> Floats:
    """Return the mean of these windows by Prometheus' incremental formula, which cannot overflow."""
    total, correction, mean = np.zeros(row.size), np.zeros(row.size), np.zeros(row.size)
    growing = np.zeros(row.size, dtype=np.bool_)
    count = np.zeros(row.size)
    for nth, (active, value, _) in enumerate(walk(windows, row, column), start=1):
        count = np.where(active, nth, count)
        new, lost = neumaier(value, total, correction)
        starts = active & ~growing & np.isinf(new) & (nth > 1)
        mean = np.where(starts, total / max(nth - 1, 1), mean)
        correction = np.where(starts, correction / max(nth - 1, 1), correction)
        growing |= starts
        plain = active & ~growing
        total, correction = np.where(plain, new, total), np.where(plain, lost, correction)
        share = (nth - 1) / nth
        grown, rest = neumaier(value / nth, share * mean, share * correction)
        mean, correction = np.where(active & growing, grown, mean), np.where(active & growing, rest, correction)
    return np.where(growing, mean + correction, total / count + correction / count)


def _extreme(windows: Windows, better: np.ufunc) -> Answer:
    """Sparse table: the best of 2^level neighbours, so that two overlapping look-ups cover a window of any length."""
    count = windows.count
    level_of = np.frexp(np.maximum(count, 1))[1] - 1
    table = windows.values
    found = np.zeros((table.shape[0], windows.steps_ms.size))
    limit = table.shape[1] - 1
    for level in range(int(level_of.max(initial=0)) + 1):
        width = 1 << level
        if level:
            half = width >> 1
            table = table.copy() if level == 1 else table
            table[:, : limit + 2 - width] = better(table[:, : limit + 2 - width], table[:, half : limit + 2 - half])
        at = level_of == level
        if not at.any():
            continue
        left = windows.pick(table, windows.first_index())
        right = windows.pick(table, np.maximum(windows.end - width, 0))
        np.copyto(found, better(left, right), where=np.broadcast_to(at, found.shape))
    return Answer(found, count > 0)


def min_kernel(windows: Windows) -> Answer:
    return _extreme(windows, np.fmin)


def max_kernel(windows: Windows) -> Answer:
    return _extreme(windows, np.fmax)


def stdvar_kernel(windows: Windows) -> Answer:
    add = adder(windows)
    shape = (windows.values.shape[0], windows.steps_ms.size)
    mean, mean_c, spread, spread_c = (np.zeros(shape) for _ in range(4))
    for nth, (active, value, _) in enumerate(columns(windows), start=1):
        away = value - (mean + mean_c)
        new_mean, new_mean_c = add(away / nth, mean, mean_c)
        away *= value - (new_mean + new_mean_c)
        new, new_c = add(away, spread, spread_c)
        if active is not None:
            pairs = ((new_mean, mean), (new_mean_c, mean_c), (new, spread), (new_c, spread_c))
            new_mean, new_mean_c, new, new_c = (np.where(active, later, before) for later, before in pairs)
        mean, mean_c, spread, spread_c = new_mean, new_mean_c, new, new_c
    return Answer((spread + spread_c) / np.maximum(windows.count, 1), windows.count > 0)


def stddev_kernel(windows: Windows) -> Answer:
    answer = stdvar_kernel(windows)
    return Answer(np.sqrt(answer.values), answer.present)
