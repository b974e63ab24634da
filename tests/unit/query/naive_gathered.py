"""Further window functions, one window at a time: slow, obvious, written from Prometheus' definitions."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.unit.query.naive_windows import Window, quantile


def first_over_time(window: Window) -> float | None:
    return window.samples[0][1] if window.samples else None


def ts_of_first_over_time(window: Window) -> float | None:
    return window.samples[0][0] / 1000 if window.samples else None


def ts_of_last_over_time(window: Window) -> float | None:
    return window.samples[-1][0] / 1000 if window.samples else None


def _time_of_best(window: Window, better: Callable[[float, float], bool]) -> float | None:
    if not window.samples:
        return None
    best_time, best = window.samples[0]
    for time, value in window.samples:
        if better(value, best) or math.isnan(best):
            best_time, best = time, value
    return best_time / 1000


def ts_of_min_over_time(window: Window) -> float | None:
    return _time_of_best(window, lambda value, best: value <= best)


def ts_of_max_over_time(window: Window) -> float | None:
    return _time_of_best(window, lambda value, best: value >= best)


def mad_over_time(window: Window) -> float | None:
    values = [value for _, value in window.samples]
    if not values:
        return None
    if any(math.isnan(value) for value in values):
        return math.nan
    median = quantile(0.5, values)
    return quantile(0.5, [abs(value - median) for value in values])


def double_exponential_smoothing(smoothing: float, trend: float, window: Window) -> float | None:
    values = [value for _, value in window.samples]
    if len(values) < 2:
        return None
    before, level, slope = 0.0, values[0], values[1] - values[0]
    for index, value in enumerate(values[1:]):
        if index:
            slope = trend * (level - before) + (1 - trend) * slope
        before, level = level, smoothing * value + (1 - smoothing) * (level + slope)
    return level
