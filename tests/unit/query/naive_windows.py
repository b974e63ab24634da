"""PromQL's window functions, one window at a time in plain Python: slow, obvious, written from Prometheus' definitions.

A window is a list of (time in ms, value). Each function returns a float, or None where PromQL has no value.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass

from inferdeck.model.scrape import ABSENT_BITS, STALE_BITS

Samples = list[tuple[int, float]]


@dataclass(frozen=True)
class Window:
    """The samples of one window, and the window itself in milliseconds."""

    samples: Samples
    start: int
    end: int
    closed: bool


def bits(value: float) -> int:
    found: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return found


def select(series: list[tuple[int, int]], step: int, span: int, *, closed: bool) -> Window:
    """Return the window of a series given as (time, bits); holes and stale markers are no samples."""
    inside = [
        (time, struct.unpack("<d", struct.pack("<Q", raw))[0])
        for time, raw in series
        if (step - span < time or (closed and step - span == time)) and time <= step
        if raw not in (ABSENT_BITS, STALE_BITS)
    ]
    return Window(inside, step - span, step, closed)


def instant(series: list[tuple[int, int]], step: int, lookback: int, *, closed: bool) -> float | None:
    seen = [
        raw
        for time, raw in series
        if (step - lookback < time or (closed and step - lookback == time)) and time <= step and raw != ABSENT_BITS
    ]
    if not seen or seen[-1] == STALE_BITS:
        return None
    value: float = struct.unpack("<d", struct.pack("<Q", seen[-1]))[0]
    return value


def _extrapolated(window: Window, *, counter: bool, per_second: bool) -> float | None:
    samples = window.samples
    if len(samples) < 2:
        return None
    result = samples[-1][1] - samples[0][1]
    if counter:
        for (_, before), (_, after) in itertools.pairwise(samples):
            if after < before:
                result += before
    to_start = (samples[0][0] - window.start) / 1000
    to_end = (window.end - samples[-1][0]) / 1000
    sampled = (samples[-1][0] - samples[0][0]) / 1000
    gap = sampled / (len(samples) - 1)
    clamp = counter and result > 0 and samples[0][1] >= 0
    to_zero = sampled * (samples[0][1] / result) if clamp else to_start
    if window.closed and to_zero < to_start:
        to_start = to_zero
    if to_start >= gap * 1.1:
        to_start = gap / 2
    if not window.closed and clamp and to_zero < to_start:
        to_start = to_zero
    if to_end >= gap * 1.1:
        to_end = gap / 2
    factor = (sampled + to_start + to_end) / sampled
    return result * (factor / ((window.end - window.start) / 1000) if per_second else factor)


def rate(window: Window) -> float | None:
    return _extrapolated(window, counter=True, per_second=True)


def increase(window: Window) -> float | None:
    return _extrapolated(window, counter=True, per_second=False)


def delta(window: Window) -> float | None:
    return _extrapolated(window, counter=False, per_second=False)


def irate(window: Window) -> float | None:
    if len(window.samples) < 2:
        return None
    (t0, v0), (t1, v1) = window.samples[-2:]
    return (v1 if v1 < v0 else v1 - v0) / ((t1 - t0) / 1000)


def idelta(window: Window) -> float | None:
    if len(window.samples) < 2:
        return None
    return window.samples[-1][1] - window.samples[-2][1]


def _pairs(window: Window) -> list[tuple[float, float]]:
    values = [value for _, value in window.samples]
    return list(itertools.pairwise(values))


def resets(window: Window) -> float | None:
    return float(sum(b < a for a, b in _pairs(window))) if window.samples else None


def changes(window: Window) -> float | None:
    if not window.samples:
        return None
    return float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in _pairs(window)))


def _add(value: float, total: float, correction: float) -> tuple[float, float]:
    new = total + value
    if math.isinf(new):
        return new, 0.0
    if abs(total) >= abs(value):
        return new, correction + ((total - new) + value)
    return new, correction + ((value - new) + total)


def _sum(values: list[float]) -> float:
    total = correction = 0.0
    for value in values:
        total, correction = _add(value, total, correction)
    return total if math.isinf(total) else total + correction


def sum_over_time(window: Window) -> float | None:
    return _sum([value for _, value in window.samples]) if window.samples else None


def avg_over_time(window: Window) -> float | None:
    if not window.samples:
        return None
    total, correction, mean, growing, count = window.samples[0][1], 0.0, 0.0, False, 1.0
    for index, (_, value) in enumerate(window.samples[1:]):
        count = float(index + 2)
        if not growing:
            new, lost = _add(value, total, correction)
            if not math.isinf(new):
                total, correction = new, lost
                continue
            growing, mean, correction = True, total / (count - 1), correction / (count - 1)
        share = (count - 1) / count
        mean, correction = _add(value / count, share * mean, share * correction)
    return mean + correction if growing else total / count + correction / count


def _best(window: Window, better: Callable[[float, float], bool]) -> float | None:
    if not window.samples:
        return None
    best = window.samples[0][1]
    for _, value in window.samples:
        if better(value, best) or math.isnan(best):
            best = value
    return best


def min_over_time(window: Window) -> float | None:
    return _best(window, lambda value, best: value < best)


def max_over_time(window: Window) -> float | None:
    return _best(window, lambda value, best: value > best)


def count_over_time(window: Window) -> float | None:
    return float(len(window.samples)) if window.samples else None


def last_over_time(window: Window) -> float | None:
    return window.samples[-1][1] if window.samples else None


def present_over_time(window: Window) -> float | None:
    return 1.0 if window.samples else None


def stdvar_over_time(window: Window) -> float | None:
    if not window.samples:
        return None
    count = mean = mean_c = spread = spread_c = 0.0
    for _, value in window.samples:
        count += 1
        away = value - (mean + mean_c)
        mean, mean_c = _add(away / count, mean, mean_c)
        spread, spread_c = _add(away * (value - (mean + mean_c)), spread, spread_c)
    return (spread + spread_c) / count


def stddev_over_time(window: Window) -> float | None:
    variance = stdvar_over_time(window)
    if variance is None or math.isnan(variance) or variance < 0:
        return None if variance is None else math.nan
    return math.sqrt(variance)


def quantile(q: float, values: list[float]) -> float:
    if math.isnan(q) or not values:
        return math.nan
    if not 0 <= q <= 1:
        return math.copysign(math.inf, q - 0.5)
    nan = [value for value in values if math.isnan(value)]
    ordered = nan + sorted(value for value in values if not math.isnan(value))
    rank = q * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(len(ordered) - 1, lower + 1)
    weight = rank - lower
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


def quantile_over_time(q: float, window: Window) -> float | None:
    return quantile(q, [value for _, value in window.samples]) if window.samples else None


def _line(samples: Samples, origin: int) -> tuple[float, float]:
    first = samples[0][1]
    if all(value == first for _, value in samples[1:]):
        return (math.nan, math.nan) if math.isinf(first) else (0.0, first)
    count = len(samples)
    xs = [(time - origin) / 1000 for time, _ in samples]
    ys = [value for _, value in samples]

    def total(terms: list[float]) -> float:
        s = c = 0.0
        for term in terms:
            s, c = _add(term, s, c)
        return s + c

    x, y = total(xs), total(ys)
    xy, xx = total([a * b for a, b in zip(xs, ys, strict=True)]), total([a * a for a in xs])
    slope = (xy - x * y / count) / (xx - x * x / count)
    return slope, y / count - slope * x / count


def deriv(window: Window) -> float | None:
    return _line(window.samples, window.samples[0][0])[0] if len(window.samples) > 1 else None


def predict_linear(seconds: float, window: Window) -> float | None:
    if len(window.samples) < 2:
        return None
    slope, intercept = _line(window.samples, window.end)
    return slope * seconds + intercept


def _repair(counts: list[float]) -> bool:
    forced, accepted = False, counts[0]
    for index, count in enumerate(counts):
        size = abs(count) + abs(accepted)
        noise = count != 0 and accepted != 0 and abs(count - accepted) / size < 1e-12
        if noise or count < accepted:
            forced |= not noise
            counts[index] = accepted
        else:
            accepted = count
    return forced


def histogram_quantile(q: float, buckets: list[tuple[float, float]]) -> tuple[float, bool]:
    """buckets: (bound, cumulative count) in any order; returns the quantile and whether counts were repaired."""
    if math.isnan(q):
        return math.nan, False
    if not 0 <= q <= 1:
        return math.copysign(math.inf, q - 0.5), False
    merged: dict[float, float] = {}
    for bound, count in sorted(buckets, key=lambda bucket: bucket[0]):
        merged[bound] = merged[bound] + count if bound in merged else count
    bounds, counts = list(merged), list(merged.values())
    if bounds[-1] != math.inf:
        return math.nan, False
    forced = _repair(counts)
    if len(bounds) < 2 or counts[-1] == 0:
        return math.nan, False
    rank = q * counts[-1]
    low, high = 0, len(bounds) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if counts[middle] >= rank else (middle + 1, high)
    if low == len(bounds) - 1:
        return bounds[-2], forced
    if low == 0 and bounds[0] <= 0:
        return bounds[0], forced
    start, before = (bounds[low - 1], counts[low - 1]) if low else (0.0, 0.0)
    inside, wanted = counts[low] - before, rank - before
    if inside == 0:
        return math.nan, forced
    return start + (bounds[low] - start) * (wanted / inside), forced
