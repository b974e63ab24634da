"""Anchored and smoothed selectors, one window at a time: slow, obvious, written from Prometheus' definitions."""

from __future__ import annotations

import itertools
import math

from tests.unit.query.naive_windows import Samples, Window


def _line(before: tuple[int, float], after: tuple[int, float], time: int) -> float:
    (t0, v0), (t1, v1) = before, after
    return v0 + (v1 - v0) * (time - t0) / (t1 - t0)


def _counted_line(before: tuple[int, float], after: tuple[int, float], time: int) -> float:
    # A counter that fell began again at zero.
    return _line((before[0], 0.0 if after[1] < before[1] else before[1]), after, time)


def points(samples: Samples, start: int, end: int, extension: str, *, counter: bool) -> Samples:
    """Return what such a window holds: its samples, and before and behind them the values at its ends.

    samples: also those beside the window, up to the lookback away. Nothing where no sample follows the start.
    """
    if extension == "anchored":
        samples = [sample for sample in samples if sample[0] <= end]
    if not samples or samples[-1][0] <= start:
        return []
    line = _counted_line if counter else _line
    before = [sample for sample in samples if sample[0] <= start]
    inside = [sample for sample in samples if start < sample[0] < end]
    after = [sample for sample in samples if sample[0] >= end]
    if extension == "anchored":
        left = (before[-1:] or samples[:1])[0][1]
        return [(start, left), *inside, (end, samples[-1][1])]
    first = (inside + after)[0]
    last = (before + inside)[-1:]
    left = first[1] if not before else before[-1][1] if before[-1][0] == start else line(before[-1], first, start)
    if not after:
        right = last[0][1]
    elif after[0][0] == end or not last:
        right = after[0][1]
    else:
        right = line(last[0], after[0], end)
    return [(start, left), *inside, (end, right)]


def rate_family(name: str, extension: str, samples: Samples, window: Window) -> float | None:
    found = points(samples, window.start, window.end, extension, counter=name != "delta")
    if not found:
        return None
    values = [value for _, value in found]
    lost = sum(a for a, b in itertools.pairwise(values) if b < a) if name != "delta" else 0.0
    moved = values[-1] - values[0] + lost
    return moved / ((window.end - window.start) / 1000) if name == "rate" else moved


def count_family(name: str, samples: Samples, window: Window) -> float | None:
    """changes and resets, from the last sample before the window on."""
    seen = [sample for sample in samples if sample[0] <= window.end]
    if not seen or seen[-1][0] <= window.start:
        return None
    before = [sample for sample in seen if sample[0] <= window.start]
    values = [value for _, value in before[-1:] + [sample for sample in seen if sample[0] > window.start]]
    pairs = itertools.pairwise(values)
    if name == "resets":
        return float(sum(b < a for a, b in pairs))
    return float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairs))


def smoothed_instant(samples: Samples, time: int) -> float | None:
    before = [sample for sample in samples if sample[0] <= time]
    after = [sample for sample in samples if sample[0] > time]
    if not before:
        return None
    if before[-1][0] == time or not after:
        return before[-1][1]
    return _line(before[-1], after[0], time)
