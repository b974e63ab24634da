"""rate, increase, delta, irate, idelta, resets, changes: how much a series moved inside each window.

Formulas: Prometheus' promql/functions.go (extrapolatedRate, instantValue). Counters become prefix sums of their
resets once, so that a window costs two look-ups whatever its length.
"""

from __future__ import annotations

import numpy as np

from inferdeck.query.windows.grid import Answer, Bools, Floats, Ints, Semantics, Windows, evaluate
from inferdeck.store.interface import Block

# Sums of integers below this are exact in float64 in whatever order they are added.
_EXACT = 2.0**53
_GAP_LIMIT = 1.1


def rate(block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3) -> Floats:
    """Return the per-second increase of counters over each window, extrapolated to its ends; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _rate, semantics=semantics)


def increase(block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3) -> Floats:
    """Return the increase of counters over each window, extrapolated to its ends; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _increase, semantics=semantics)


def delta(block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3) -> Floats:
    """Return the difference of gauges over each window, extrapolated to its ends; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _delta, semantics=semantics)


def irate(block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3) -> Floats:
    """Return the per-second increase between the last two samples of each window; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _irate, semantics=semantics)


def idelta(block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3) -> Floats:
    """Return the difference between the last two samples of each window; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _idelta, semantics=semantics)


def resets(block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3) -> Floats:
    """Return how often a value fell inside each window; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _resets, semantics=semantics)


def changes(block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3) -> Floats:
    """Return how often a value became another inside each window (NaN to NaN is no change); (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _changes, semantics=semantics)


def _rate(windows: Windows) -> Answer:
    return _increase(windows, windows.range_ms / 1000)


def _increase(windows: Windows, per_seconds: float = 1.0) -> Answer:
    first = windows.pick(windows.values, windows.first_index())
    moved = windows.pick(windows.values, windows.last_index()) - first
    add_resets(windows, moved)
    return _extrapolate(windows, moved, first, per_seconds)


def _delta(windows: Windows) -> Answer:
    first = windows.pick(windows.values, windows.first_index())
    moved = windows.pick(windows.values, windows.last_index()) - first
    return _extrapolate(windows, moved, None)


def _extrapolate(windows: Windows, moved: Floats, first: Floats | None, per_seconds: float = 1.0) -> Answer:
    """Stretch `moved` towards the ends of each window; `first` is the first sample of a counter, None for gauges."""
    present = windows.count > 1
    first_ms = windows.pick(windows.times_ms, windows.first_index())
    last_ms = windows.pick(windows.times_ms, windows.last_index())
    to_start = (first_ms - (windows.steps_ms - windows.range_ms)) / 1000
    to_end = (windows.steps_ms - last_ms) / 1000
    sampled = (last_ms - first_ms) / 1000
    gap = sampled / np.maximum(windows.count - 1, 1)
    limit = gap * _GAP_LIMIT
    to_end = np.where(to_end >= limit, gap / 2, to_end)
    if first is not None and windows.semantics is Semantics.PROMETHEUS_2:
        to_start = _clamp_at_zero(to_start, sampled, moved, first)
    to_start = np.where(to_start >= limit, gap / 2, to_start)
    if first is not None and windows.semantics is Semantics.PROMETHEUS_3:
        to_start = _clamp_at_zero(to_start, sampled, moved, first)
    return Answer(moved * ((sampled + to_start + to_end) / sampled / per_seconds), present)


def _clamp_at_zero(to_start: Floats, sampled: Floats, moved: Floats, first: Floats) -> Floats:
    """A counter cannot have been below zero: do not extrapolate past the moment at which it would have been zero."""
    to_zero = sampled * (first / moved)
    return np.where((moved > 0) & (first >= 0) & (to_zero < to_start), to_zero, to_start)


def _falls(values: Floats) -> Bools:
    return values[:, 1:] < values[:, :-1]


def _counted(windows: Windows, event: Bools) -> Floats:
    """Return how many of the events between neighbours lie inside each window; event: (series, samples - 1)."""
    before = np.zeros(windows.values.shape, dtype=np.int64)
    np.cumsum(event, axis=1, out=before[:, 1:])
    last = windows.pick(before, windows.last_index())
    return (last - windows.pick(before, windows.first_index())).astype(np.float64)


def add_resets(windows: Windows, moved: Floats) -> None:
    """Add to `moved`, in place, every value of a window from which its counter fell."""
    fell = _falls(windows.values)
    rows = np.flatnonzero(fell.any(axis=1))
    if rows.size == 0:
        return
    lost = np.where(fell[rows], windows.values[rows, :-1], 0.0)
    total = np.zeros((rows.size, windows.values.shape[1]))
    np.cumsum(lost, axis=1, out=total[:, 1:])
    exact = (total[:, -1] < _EXACT) & (lost >= 0).all(axis=1) & (lost == np.floor(lost)).all(axis=1)
    own = windows.begin.shape[0] > 1
    last, first = windows.last_index(), windows.first_index()
    if exact.any():
        chosen = rows[exact]
        picked = [windows.pick(total[exact], index[chosen] if own else index) for index in (last, first)]
        moved[chosen] += picked[0] - picked[1]
    for row, falls in zip(rows[~exact], fell[rows[~exact]], strict=True):
        bounds = (first[row], last[row]) if own else (first[0], last[0])
        _add_resets_in_order(moved[row], windows.values[row], np.flatnonzero(falls), *bounds)


def _add_resets_in_order(moved: Floats, values: Floats, falls: Ints, first: Ints, last: Ints) -> None:
    """The same for one series, adding in the order of time: exact where a prefix sum would lose digits."""
    begin, end = falls.searchsorted(first), falls.searchsorted(last)
    for nth in range(int(np.max(end - begin, initial=0))):
        cells = np.flatnonzero(begin + nth < end)
        moved[cells] += values[falls[begin[cells] + nth]]


def _last_two(windows: Windows) -> tuple[Floats, Floats, Bools]:
    last = windows.last_index()
    before = windows.pick(windows.values, np.maximum(last - 1, 0))
    return before, windows.pick(windows.values, last), windows.count > 1


def _irate(windows: Windows) -> Answer:
    before, last, present = _last_two(windows)
    index = windows.last_index()
    apart = windows.pick(windows.times_ms, index) - windows.pick(windows.times_ms, np.maximum(index - 1, 0))
    return Answer(np.where(last < before, last, last - before) / (apart / 1000), present)


def _idelta(windows: Windows) -> Answer:
    before, last, present = _last_two(windows)
    return Answer(last - before, present)


def count_resets(windows: Windows) -> Floats:
    """Return how often a value fell inside each window; anything where a window is empty."""
    return _counted(windows, _falls(windows.values))


def count_changes(windows: Windows) -> Floats:
    """Return how often a value became another inside each window; anything where a window is empty."""
    old, new = windows.values[:, :-1], windows.values[:, 1:]
    return _counted(windows, (new != old) & ~(np.isnan(new) & np.isnan(old)))


def _resets(windows: Windows) -> Answer:
    return Answer(count_resets(windows), windows.count > 0)


def _changes(windows: Windows) -> Answer:
    return Answer(count_changes(windows), windows.count > 0)
