"""Kernels that see a window's samples side by side, against one window at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.query import windows
from inferdeck.query.windows import Semantics
from tests.unit.query import naive_gathered
from tests.unit.query import naive_windows as naive
from tests.unit.query.test_windows import SPANS, STEPS, Rows, block, blocks, check

NAMES = [
    "first_over_time",
    "mad_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
]


@pytest.mark.parametrize("semantics", list(Semantics))
@pytest.mark.parametrize("name", NAMES)
@given(data=blocks(), steps=STEPS, span=SPANS)
@settings(max_examples=60, deadline=None)
def test_kernel_equals_the_naive_window(
    name: str, semantics: Semantics, data: tuple[list[int], Rows], steps: list[int], span: int
) -> None:
    times, rows = data
    closed = semantics is Semantics.PROMETHEUS_2
    found = getattr(windows, name)(block(times, rows), np.array(steps, dtype=np.int64), span, semantics=semantics)
    function = getattr(naive_gathered, name)
    check(found, times, rows, steps, lambda series, step: function(naive.select(series, step, span, closed=closed)))


@given(data=blocks(), steps=STEPS, span=SPANS, smoothing=st.floats(0.01, 0.99), trend=st.floats(0.01, 0.99))
@settings(max_examples=60, deadline=None)
def test_smoothing_equals_the_naive_window(
    data: tuple[list[int], Rows], steps: list[int], span: int, smoothing: float, trend: float
) -> None:
    times, rows = data
    found = windows.double_exponential_smoothing(
        block(times, rows), np.array(steps, dtype=np.int64), span, smoothing, trend
    )
    check(
        found,
        times,
        rows,
        steps,
        lambda series, step: naive_gathered.double_exponential_smoothing(
            smoothing, trend, naive.select(series, step, span, closed=False)
        ),
    )
