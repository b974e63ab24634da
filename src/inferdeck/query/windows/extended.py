"""The kernels of `anchored` and `smoothed` selectors: windows whose ends take samples from beside them.

An anchored window begins with the last sample before it; a smoothed one has, at both of its ends, the value on the
line between the samples before and after. Samples up to the lookback away count. Formulas: Prometheus'
promql/functions.go (extendedRate) and promql/engine.go (smoothSeries, extendFloats).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query.windows.grid import (
    Answer,
    Bools,
    Floats,
    Ints,
    Semantics,
    Windows,
    absent,
    evaluate,
    has_value,
    is_stale,
)
from inferdeck.query.windows.rates import add_resets, count_changes, count_resets
from inferdeck.store.interface import Block

EXTENDED: dict[str, tuple[str, ...]] = {
    "anchored": ("changes", "delta", "increase", "rate", "resets"),
    "smoothed": ("delta", "increase", "rate"),
}
"""The functions that read such windows, by modifier, in the order of their names."""


def extended(
    name: str,
    extension: str,
    block: Block,
    steps_ms: Ints,
    range_ms: int,
    lookback_ms: int,
    *,
    semantics: Semantics = Semantics.PROMETHEUS_3,
) -> Floats:
    """Return one of the functions of EXTENDED over anchored or smoothed windows; (series, steps)."""
    ahead = lookback_ms if extension == "smoothed" else 0
    kernel = partial(_counted if name in ("changes", "resets") else _moved, name, extension, range_ms, ahead)
    return evaluate(block, steps_ms + ahead, range_ms + lookback_ms + ahead, kernel, semantics=semantics)


def smoothed_instant(
    block: Block, steps_ms: Ints, lookback_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3
) -> Floats:
    """Return the value at each step on the line between the samples around it; (series, steps).

    Where no sample follows, the one before stands; where none comes before, there is no value.
    """
    kernel = partial(_smoothed, lookback_ms)
    return evaluate(block, steps_ms + lookback_ms, 2 * lookback_ms, kernel, semantics=semantics)


def extended_block(block: Block, start_ms: int, end_ms: int, lookback_ms: int, extension: str) -> Block:
    """Return one anchored or smoothed window of each series: the samples inside, and a value at both of its ends.

    A series without a sample after the start has no points.
    """
    latest = end_ms + (lookback_ms if extension == "smoothed" else 0)
    near = (block.timestamps_ms > start_ms - lookback_ms) & (block.timestamps_ms <= latest)
    block = Block(block.series, block.timestamps_ms[near], block.values[:, near], dense=False)
    inside = np.flatnonzero((block.timestamps_ms > start_ms) & (block.timestamps_ms < end_ms))
    times = np.concatenate([[start_ms], block.timestamps_ms[inside], [end_ms]]).astype(np.int64)
    there = has_value(block.values) & ~is_stale(block.values)
    out = absent((len(block.series), times.size))
    for row in np.flatnonzero(there.any(axis=1)).tolist():
        ends = _points_at_ends(block, row, there[row], (start_ms, end_ms), smoothed=extension == "smoothed")
        if ends is not None:
            samples = np.where(there[row, inside], block.values[row, inside].view(np.uint64), ABSENT_BITS)
            out[row, 1:-1] = samples.view(np.float64)
            out[row, 0], out[row, -1] = ends
    return Block(block.series, times, out, dense=False)


def _points_at_ends(
    block: Block, row: int, there: Bools, limits: tuple[int, int], *, smoothed: bool
) -> tuple[float, float] | None:
    times, values = block.timestamps_ms[there], block.values[row, there]
    start, end = (np.array([limit]) for limit in limits)
    zero = np.zeros((1, 1), dtype=np.int64)
    windows = Windows(values[None, :], times[None, :], zero, zero + times.size, end, 0, Semantics.PROMETHEUS_3)
    first, last, present = _bounds(windows, start, end, smoothed=smoothed)
    if not present[0, 0]:
        return None
    with np.errstate(all="ignore"):
        left, right = _ends(windows, first, last, start, end, smoothed=smoothed)
    return float(left[0, 0]), float(right[0, 0])


def _moved(name: str, extension: str, range_ms: int, ahead_ms: int, windows: Windows) -> Answer:
    """rate, increase, delta: the difference between the ends, and for counters what their resets lost."""
    end = windows.steps_ms - ahead_ms
    start = end - range_ms
    smoothed, counter = extension == "smoothed", name != "delta"
    first, last, present = _bounds(windows, start, end, smoothed=smoothed)
    left, right = _ends(windows, first, last, start, end, smoothed=smoothed, counter=counter)
    moved = right - left
    if counter:
        moved = moved + _lost(windows, first, last, (start, end), (left, right))
    return Answer(moved / (range_ms / 1000) if name == "rate" else moved, present)


def _counted(name: str, extension: str, range_ms: int, ahead_ms: int, windows: Windows) -> Answer:
    """changes, resets: from the last sample before the window on."""
    start = windows.steps_ms - ahead_ms - range_ms
    first, _, present = _bounds(windows, start, windows.steps_ms, smoothed=extension == "smoothed")
    within = replace(windows, begin=np.where(present, first, 0), end=np.where(present, windows.end, 1))
    return Answer((count_changes if name == "changes" else count_resets)(within), present)


def _bounds(windows: Windows, start: Ints, end: Ints, *, smoothed: bool) -> tuple[Ints, Ints, Bools]:
    """Return the indices of the samples that make the ends of each window, and whether there is a window at all."""
    final = np.maximum(windows.end - 1, 0)
    first = np.clip(_search(windows, start, "right") - 1, windows.begin, np.maximum(final - 1, windows.begin))
    last = np.clip(_search(windows, end, "left"), windows.begin, final) if smoothed else final
    first, last = np.minimum(first, final), np.minimum(last, final)
    return first, last, (windows.count > 0) & (windows.pick(windows.times_ms, last) > start)


def _search(windows: Windows, moments: Ints, side: Literal["left", "right"]) -> Ints:
    """Return where each moment stands among the times; (1 or series, steps)."""
    found = np.zeros((windows.times_ms.shape[0], moments.size), dtype=np.int64)
    # What stands beyond the last sample that a window of the row reaches may be padding.
    for row, (times, size) in enumerate(zip(windows.times_ms, windows.end.max(axis=1, initial=0), strict=True)):
        found[row] = times[:size].searchsorted(moments, side=side)
    return found


def _ends(
    windows: Windows, first: Ints, last: Ints, start: Ints, end: Ints, *, smoothed: bool, counter: bool = False
) -> tuple[Floats, Floats]:
    """Return the value at the start and at the end of each window."""
    left, right = windows.pick(windows.values, first), windows.pick(windows.values, last)
    if not smoothed:
        return left, right
    early = windows.pick(windows.times_ms, first) < start
    late = (windows.pick(windows.times_ms, last) > end) & (last > windows.begin)
    return (
        np.where(early, _between(windows, first, start, counter=counter), left),
        np.where(late, _between(windows, np.maximum(last - 1, 0), end, counter=counter), right),
    )


def _between(windows: Windows, index: Ints, moments: Ints, *, counter: bool) -> Floats:
    """Return the value at each moment on the line from a sample to the next; a counter that fell began at zero."""
    following = np.minimum(index + 1, windows.values.shape[1] - 1)
    low, high = windows.pick(windows.values, index), windows.pick(windows.values, following)
    if counter:
        low = np.where(high < low, 0.0, low)
    since = moments - windows.pick(windows.times_ms, index)
    apart = windows.pick(windows.times_ms, following) - windows.pick(windows.times_ms, index)
    found: Floats = low + (high - low) * since / apart
    return found


def _lost(windows: Windows, first: Ints, last: Ints, limits: tuple[Ints, Ints], ends: tuple[Floats, Floats]) -> Floats:
    """Return the sum of the values from which a counter fell, between the ends of each window."""
    (start, end), (left, right) = limits, ends
    # The samples inside, without those that made the ends.
    begin = first + (windows.pick(windows.times_ms, first) <= start)
    final = last - (windows.pick(windows.times_ms, last) >= end)
    some = final >= begin
    begin = np.minimum(begin, windows.values.shape[1] - 1)
    within = replace(windows, begin=begin, end=np.where(some, final, begin) + 1)
    lowest, highest = windows.pick(windows.values, begin), windows.pick(windows.values, within.last_index())
    lost = np.where(some & (lowest < left), left, 0.0)
    add_resets(within, lost)
    lost += np.where(some & (right < highest), highest, 0.0)
    lost += np.where(~some & (right < left), left, 0.0)
    return lost


def _smoothed(lookback_ms: int, windows: Windows) -> Answer:
    moments = windows.steps_ms - lookback_ms
    place = np.clip(_search(windows, moments, "left"), windows.begin, windows.end)
    at = np.minimum(place, windows.values.shape[1] - 1)
    before = np.maximum(place - 1, 0)
    follows, leads = place < windows.end, place > windows.begin
    exact = follows & (windows.pick(windows.times_ms, at) == moments)
    value = np.where(follows, _between(windows, before, moments, counter=False), windows.pick(windows.values, before))
    return Answer(np.where(exact, windows.pick(windows.values, at), value), (windows.count > 0) & (exact | leads))
