"""The window kernels against the naive implementation, on series with holes, stale markers and odd values."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS
from inferdeck.query import windows
from inferdeck.query.windows import Semantics
from inferdeck.query.windows.patience import interruptible
from inferdeck.store.interface import Block
from tests.unit.query import naive_windows as naive

Rows = list[list[int]]
START = 1_700_000_000_000


def as_bits(value: float) -> int:
    raw: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return NAN_BITS if math.isnan(value) else raw


def block(times: list[int], rows: Rows) -> Block:
    values = np.array(rows, dtype=np.uint64).reshape(len(rows), len(times)).view(np.float64)
    series = tuple((("row", str(row)),) for row in range(len(rows)))
    dense = not any(ABSENT_BITS in row for row in rows)
    return Block(series, np.array(times, dtype=np.int64), values, dense)


COUNTS = st.integers(0, 1000).map(float)
TAME = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3))
HUGE = st.sampled_from([0.0, 0.1, 1.0, 1e16, -1e16, 1e308, 1.7e308, -1.7e308, math.inf, -math.inf, math.nan])
WILD = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=64), st.sampled_from([0.0, 1.0, 1e16, -1e16, 1e308, -1e308])
)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[list[int], Rows]:
    gaps = draw(st.lists(st.sampled_from([1000, 15_000, 15_001, 60_000, 400_000]), min_size=1, max_size=24))
    times = [START + sum(gaps[: index + 1]) for index in range(len(gaps))]
    value = draw(st.sampled_from([COUNTS, TAME, WILD, HUGE]))
    cell = value.map(as_bits)
    if draw(st.booleans()):
        cell = st.one_of(cell, cell, cell, st.sampled_from([ABSENT_BITS, STALE_BITS]))
    full = st.lists(value.map(as_bits), min_size=len(times), max_size=len(times))
    holed = st.lists(cell, min_size=len(times), max_size=len(times))
    rows = draw(st.lists(st.one_of(full, holed), min_size=1, max_size=4))
    return times, rows


STEPS = st.lists(st.integers(-20, 200).map(lambda n: START + n * 7500), min_size=1, max_size=12)
SPANS = st.sampled_from([1000, 15_000, 30_000, 60_000, 300_000, 3_600_000])

PLAIN = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "deriv",
]


def same(found: float, wanted: float | None) -> bool:
    if wanted is None or as_raw(found) == ABSENT_BITS:
        return wanted is None and as_raw(found) == ABSENT_BITS
    if math.isnan(wanted) or math.isnan(found):
        return math.isnan(wanted) and math.isnan(found)
    return found == wanted or math.isclose(found, wanted, rel_tol=1e-12)


def as_raw(value: float) -> int:
    return int(np.array([value]).view(np.uint64)[0])


def check(
    found: np.ndarray[Any, np.dtype[np.float64]],
    times: list[int],
    rows: Rows,
    steps: list[int],
    wanted: Callable[[list[tuple[int, int]], int], float | None],
) -> None:
    assert found.shape == (len(rows), len(steps))
    for row, cells in enumerate(rows):
        series = list(zip(times, cells, strict=True))
        for column, step in enumerate(steps):
            expected = wanted(series, step)
            raw = found[row : row + 1, column : column + 1]
            value = float("nan") if expected is None else float(raw[0, 0])
            absent = int(raw.copy().view(np.uint64)[0, 0]) == ABSENT_BITS
            assert absent == (expected is None), (row, step, expected, raw)
            assert absent or same(value, expected), (row, step, expected, value)


@pytest.mark.parametrize("semantics", list(Semantics))
@pytest.mark.parametrize("name", PLAIN)
@given(data=blocks(), steps=STEPS, span=SPANS)
@settings(max_examples=60, deadline=None)
def test_kernel_equals_the_naive_window(
    name: str, semantics: Semantics, data: tuple[list[int], Rows], steps: list[int], span: int
) -> None:
    times, rows = data
    closed = semantics is Semantics.PROMETHEUS_2
    found = getattr(windows, name)(block(times, rows), np.array(steps, dtype=np.int64), span, semantics=semantics)
    function = getattr(naive, name)
    check(found, times, rows, steps, lambda series, step: function(naive.select(series, step, span, closed=closed)))


@given(data=blocks(), steps=STEPS, span=SPANS, q=st.sampled_from([0.0, 0.25, 0.5, 0.9, 0.99, 1.0, -1.0, 2.0, math.nan]))
@settings(max_examples=100, deadline=None)
def test_quantile_over_time_equals_the_naive_window(
    data: tuple[list[int], Rows], steps: list[int], span: int, q: float
) -> None:
    times, rows = data
    found = windows.quantile_over_time(q, block(times, rows), np.array(steps, dtype=np.int64), span)
    check(
        found,
        times,
        rows,
        steps,
        lambda series, step: naive.quantile_over_time(q, naive.select(series, step, span, closed=False)),
    )


@given(data=blocks(), steps=STEPS, span=SPANS)
@settings(max_examples=100, deadline=None)
def test_predict_linear_equals_the_naive_window(data: tuple[list[int], Rows], steps: list[int], span: int) -> None:
    times, rows = data
    found = windows.predict_linear(block(times, rows), np.array(steps, dtype=np.int64), span, 3600.0)
    check(
        found,
        times,
        rows,
        steps,
        lambda series, step: naive.predict_linear(3600.0, naive.select(series, step, span, closed=False)),
    )


@pytest.mark.parametrize("semantics", list(Semantics))
@given(data=blocks(), steps=STEPS, span=SPANS)
@settings(max_examples=100, deadline=None)
def test_instant_equals_the_naive_lookback(
    semantics: Semantics, data: tuple[list[int], Rows], steps: list[int], span: int
) -> None:
    times, rows = data
    closed = semantics is Semantics.PROMETHEUS_2
    found = windows.instant(block(times, rows), np.array(steps, dtype=np.int64), span, semantics=semantics)
    check(found, times, rows, steps, lambda series, step: naive.instant(series, step, span, closed=closed))


@pytest.mark.parametrize("semantics", list(Semantics))
@given(data=blocks(), steps=STEPS, span=SPANS)
@settings(max_examples=100, deadline=None)
def test_instant_at_one_step_is_that_step_among_others(
    semantics: Semantics, data: tuple[list[int], Rows], steps: list[int], span: int
) -> None:
    whole, moments = block(*data), np.array(steps, dtype=np.int64)
    found = windows.instant(whole, np.append(moments, moments[-1:]), span, semantics=semantics).view(np.uint64)
    for column in range(moments.size):
        alone = windows.instant(whole, moments[column : column + 1], span, semantics=semantics)
        assert alone.view(np.uint64).tolist() == found[:, column : column + 1].tolist()


@given(data=blocks(), steps=STEPS, q=st.sampled_from([0.0, 0.3, 0.5, 1.0, -0.5, math.nan]))
@settings(max_examples=60, deadline=None)
def test_quantile_over_series_equals_the_naive_one(data: tuple[list[int], Rows], steps: list[int], q: float) -> None:
    times, rows = data
    at = np.array(steps, dtype=np.int64)
    found = windows.quantile(q, windows.instant(block(times, rows), at))
    for column, step in enumerate(steps):
        each = [naive.instant(list(zip(times, row, strict=True)), step, 300_000, closed=False) for row in rows]
        values = [value for value in each if value is not None]
        assert same(float(found[column]), naive.quantile(q, values)) if values else not windows.has_value(found)[column]


def test_instant_sees_a_stale_marker_as_the_end() -> None:
    found = windows.instant(
        block([START, START + 15_000], [[as_bits(7.0), STALE_BITS]]),
        np.array([START - 1, START, START + 14_999, START + 15_000, START + 20_000]),
    )
    assert windows.has_value(found).tolist() == [[False, True, True, False, False]]


def test_instant_looks_back_five_minutes_and_not_to_their_start() -> None:
    one = block([START], [[as_bits(7.0)]])
    at = np.array([START + 299_999, START + 300_000])
    assert windows.has_value(windows.instant(one, at)).tolist() == [[True, False]]
    both = windows.instant(one, at, semantics=Semantics.PROMETHEUS_2)
    assert windows.has_value(both).tolist() == [[True, True]]


def test_a_hole_is_not_the_end_of_a_series() -> None:
    holed = block([START, START + 15_000], [[as_bits(7.0), ABSENT_BITS]])
    assert windows.instant(holed, np.array([START + 20_000])).tolist() == [[7.0]]


def test_instant_seconds_is_the_time_of_the_sample() -> None:
    holed = block([START, START + 15_000], [[as_bits(7.0), ABSENT_BITS], [as_bits(1.0), STALE_BITS]])
    found = windows.instant_seconds(holed, np.array([START + 20_000]))
    assert found[0, 0] == START / 1000
    assert not windows.has_value(found)[1, 0]


def test_ordinary_nan_is_a_value() -> None:
    found = windows.instant(block([START], [[NAN_BITS]]), np.array([START]))
    assert math.isnan(found[0, 0]) and windows.has_value(found).all()


def test_no_series_and_no_steps_give_empty_answers() -> None:
    none = block([START], [])
    assert windows.rate(none, np.array([START]), 60_000).shape == (0, 1)
    assert windows.rate(block([START], [[0]]), np.array([], dtype=np.int64), 60_000).shape == (1, 0)


def test_a_small_window_after_a_huge_value_keeps_its_digits() -> None:
    times = [START + 1000 * n for n in range(6)]
    rows = [[as_bits(value) for value in (1e300, -1e300, 0.1, 0.2, 0.3, 1e-20)]]
    found = windows.sum_over_time(block(times, rows), np.array([times[4], times[5]]), 3000)
    assert found[0, 0] == math.fsum([0.1, 0.2, 0.3])
    assert found[0, 1] == math.fsum([0.2, 0.3, 1e-20])


def test_an_overflow_elsewhere_does_not_reach_a_window() -> None:
    times = [START + 1000 * n for n in range(4)]
    rows = [[as_bits(value) for value in (1.0, 1.7e308, 1.7e308, 1.0)]]
    at = np.array([times[1], times[2], times[3]])
    assert windows.sum_over_time(block(times, rows), at, 2000).tolist() == [[1.7e308, math.inf, 1.7e308]]
    assert windows.avg_over_time(block(times, rows), at, 2000).tolist() == [[0.85e308, 1.7e308, 0.85e308]]


def test_an_overflow_before_an_infinity_is_met_first() -> None:
    times = [START + 1000 * n for n in range(3)]
    rows = [[as_bits(value) for value in (1e308, 1e308, -math.inf)]]
    assert np.isnan(windows.sum_over_time(block(times, rows), np.array(times[2:]), 5000)).all()


def test_join_puts_the_parts_of_a_series_together() -> None:
    first = block([START, START + 1000], [[as_bits(1.0), as_bits(2.0)]])
    second = block([START + 2000], [[as_bits(3.0)], [as_bits(9.0)]])
    apart = Block(((("other", "x"),),), np.array([START]), np.array([[5.0]]), dense=True)
    joined = windows.join([first, apart, second])
    assert len(joined) == 2
    whole = next(part for part in joined if len(part.series) == 2)
    assert whole.timestamps_ms.tolist() == [START, START + 1000, START + 2000]
    assert whole.values[0].tolist() == [1.0, 2.0, 3.0]
    assert windows.has_value(whole.values)[1].tolist() == [False, False, True]
    assert not whole.dense


def test_many_series_are_worked_through_in_pieces() -> None:
    times = np.arange(2000, dtype=np.int64) * 15_000 + START
    values = np.cumsum(np.random.default_rng(3).integers(0, 9, (400, 2000)), axis=1).astype(np.float64)
    values.view(np.uint64)[7, 900:910] = ABSENT_BITS
    series = tuple((("row", str(row)),) for row in range(400))
    steps = times[::50]
    whole = windows.rate(Block(series, times, values, dense=False), steps, 300_000)
    single = [
        windows.rate(Block(series[n : n + 1], times, values[n : n + 1], False), steps, 300_000) for n in (0, 7, 399)
    ]
    for row, alone in zip((0, 7, 399), single, strict=True):
        assert (whole[row].view(np.uint64) == alone[0].view(np.uint64)).all()


LONG: list[Callable[[Block, Any], Any]] = [
    lambda data, steps: windows.quantile_over_time(0.5, data, steps, 60_000),
    lambda data, steps: windows.mad_over_time(data, steps, 60_000),
    lambda data, steps: windows.deriv(data, steps, 60_000),
    lambda data, steps: windows.predict_linear(data, steps, 60_000, 1.0),
    lambda data, steps: windows.stddev_over_time(data, steps, 60_000),
    lambda data, steps: windows.double_exponential_smoothing(data, steps, 60_000, 0.5, 0.5),
]


@pytest.mark.parametrize("kernel", LONG)
def test_kernels_that_look_at_every_sample_can_be_ended(kernel: Callable[[Block, Any], Any]) -> None:
    data = block([START, START + 15_000, START + 30_000], [[as_bits(1.0), as_bits(3.0), as_bits(2.0)]])

    def nobody_waits() -> None:
        raise TimeoutError

    with interruptible(nobody_waits), pytest.raises(TimeoutError):
        kernel(data, np.array([START + 30_000]))
    assert kernel(data, np.array([START + 30_000])).shape == (1, 1)
