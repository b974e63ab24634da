"""deriv and predict_linear: least-squares lines through windows (Prometheus' linearRegression)."""

from __future__ import annotations

import numpy as np

from inferdeck.query.windows.grid import Answer, Floats, Ints, Kernel, Semantics, Windows, evaluate
from inferdeck.query.windows.sums import adder, columns
from inferdeck.store.interface import Block


def deriv(block: Block, steps_ms: Ints, range_ms: int, *, semantics: Semantics = Semantics.PROMETHEUS_3) -> Floats:
    """Return the per-second slope of the line through each window's samples; (series, steps)."""
    return evaluate(block, steps_ms, range_ms, _deriv, semantics=semantics)


def predict_linear(
    block: Block,
    steps_ms: Ints,
    range_ms: int,
    seconds: float | Floats,
    *,
    semantics: Semantics = Semantics.PROMETHEUS_3,
    at_ms: Ints | None = None,
) -> Floats:
    """Return where that line is `seconds` (one, or one per step) after each step; (series, steps).

    at_ms: the moment that counts as now where it is not the window's end, as with an offset; one per step.
    """
    ahead = np.broadcast_to(np.asarray(seconds, dtype=np.float64), steps_ms.shape)
    return evaluate(
        block, steps_ms, range_ms, _predict(ahead, steps_ms if at_ms is None else at_ms), semantics=semantics
    )


def _deriv(windows: Windows) -> Answer:
    first = windows.pick(windows.times_ms, windows.first_index())
    slope, _ = _line(windows, first)
    return Answer(slope, windows.count > 1)


def _predict(ahead: Floats, now_ms: Ints) -> Kernel:
    def kernel(windows: Windows) -> Answer:
        slope, intercept = _line(windows, now_ms[None, :])
        return Answer(slope * ahead + intercept, windows.count > 1)

    return kernel


def _line(windows: Windows, origin_ms: Ints) -> tuple[Floats, Floats]:
    """Return slope and intercept at `origin_ms` (1 or series, steps) of the line through each window."""
    add = adder(windows)
    shape = (windows.values.shape[0], windows.steps_ms.size)
    # What depends on times alone has one row where all series share them.
    narrow = np.broadcast_shapes(windows.begin.shape, origin_ms.shape)
    sums = [(np.zeros(size), np.zeros(size)) for size in (narrow, shape, shape, narrow)]
    first = windows.pick(windows.values, windows.first_index())
    constant = np.ones(shape, dtype=np.bool_)
    for nth, (active, y, time) in enumerate(columns(windows)):
        if nth:
            constant &= y == first if active is None else (y == first) | ~active
        x = (time - origin_ms) / 1000
        for place, term in enumerate((x, y, x * y, x * x)):
            before, correction = sums[place]
            new, lost = add(term, before, correction)
            if active is not None:
                new, lost = np.where(active, new, before), np.where(active, lost, correction)
            sums[place] = new, lost
    sum_x, sum_y, sum_xy, sum_xx = (total + correction for total, correction in sums)
    count = np.maximum(windows.count, 1)
    slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count)
    intercept = sum_y / count - slope * sum_x / count
    flat = np.where(np.isinf(first), np.nan, 0.0)
    return np.where(constant, flat, slope), np.where(constant, first + flat, intercept)
