"""The kernels of anchored and smoothed selectors, against one window at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query import windows
from inferdeck.store.interface import Block
from tests.unit.query import naive_extended
from tests.unit.query import naive_windows as naive
from tests.unit.query.test_windows import SPANS, START, STEPS, Rows, as_bits, block, blocks, check, same

LOOKBACKS = st.sampled_from([1000, 30_000, 300_000])
CASES = [(extension, name) for extension, names in windows.EXTENDED.items() for name in names]


def around(series: list[tuple[int, int]], step: int, span: int, lookback: int, extension: str) -> naive.Samples:
    """Return the samples that a window ending at the step may use."""
    ahead = lookback if extension == "smoothed" else 0
    return naive.select(series, step + ahead, span + lookback + ahead, closed=False).samples


@pytest.mark.parametrize(("extension", "name"), CASES)
@given(data=blocks(), steps=STEPS, span=SPANS, lookback=LOOKBACKS)
@settings(max_examples=80, deadline=None)
def test_kernel_equals_the_naive_window(
    extension: str, name: str, data: tuple[list[int], Rows], steps: list[int], span: int, lookback: int
) -> None:
    times, rows = data
    found = windows.extended(name, extension, block(times, rows), np.array(steps, dtype=np.int64), span, lookback)

    def wanted(series: list[tuple[int, int]], step: int) -> float | None:
        window = naive.Window([], step - span, step, closed=False)
        samples = around(series, step, span, lookback, extension)
        if name in ("changes", "resets"):
            return naive_extended.count_family(name, samples, window)
        return naive_extended.rate_family(name, extension, samples, window)

    check(found, times, rows, steps, wanted)


@given(data=blocks(), steps=STEPS, lookback=LOOKBACKS)
@settings(max_examples=80, deadline=None)
def test_a_smoothed_instant_equals_the_naive_line(
    data: tuple[list[int], Rows], steps: list[int], lookback: int
) -> None:
    times, rows = data
    found = windows.smoothed_instant(block(times, rows), np.array(steps, dtype=np.int64), lookback)
    check(
        found,
        times,
        rows,
        steps,
        lambda series, step: naive_extended.smoothed_instant(around(series, step, 0, lookback, "smoothed"), step),
    )


@pytest.mark.parametrize("extension", list(windows.EXTENDED))
@given(data=blocks(), step=st.integers(-20, 200).map(lambda n: START + n * 7500), span=SPANS, lookback=LOOKBACKS)
@settings(max_examples=80, deadline=None)
def test_the_points_of_a_window_equal_the_naive_ones(
    extension: str, data: tuple[list[int], Rows], step: int, span: int, lookback: int
) -> None:
    times, rows = data
    found = windows.extended_block(block(times, rows), step - span, step, lookback, extension)
    for row, cells in enumerate(rows):
        samples = around(list(zip(times, cells, strict=True)), step, span, lookback, extension)
        wanted = naive_extended.points(samples, step - span, step, extension, counter=False)
        there = np.flatnonzero(windows.has_value(found.values[row]))
        assert found.timestamps_ms[there].tolist() == [time for time, _ in wanted]
        for place, (_, value) in zip(there.tolist(), wanted, strict=True):
            assert same(float(found.values[row, place]), value)


def test_many_series_with_holes_are_worked_through_in_pieces() -> None:
    times = np.arange(2000, dtype=np.int64) * 15_000 + START
    values = np.cumsum(np.random.default_rng(3).integers(0, 9, (400, 2000)), axis=1).astype(np.float64)
    values.view(np.uint64)[7, 900:910] = ABSENT_BITS
    series = tuple((("row", str(row)),) for row in range(400))
    steps = times[::50] + 4000
    for extension in windows.EXTENDED:
        whole = windows.extended("rate", extension, Block(series, times, values, False), steps, 300_000, 300_000)
        for row in (0, 7, 399):
            part = Block(series[row : row + 1], times, values[row : row + 1], False)
            alone = windows.extended("rate", extension, part, steps, 300_000, 300_000)
            assert (whole[row].view(np.uint64) == alone[0].view(np.uint64)).all()


def test_a_counter_that_fell_beside_the_window_began_at_zero() -> None:
    rows = [[as_bits(100.0), as_bits(10.0)]]
    found = windows.extended("increase", "smoothed", block([0, 15_000], rows), np.array([12_000]), 10_000, 300_000)
    assert found[0, 0] == pytest.approx(10 * (12 - 2) / 15)
