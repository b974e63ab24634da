"""Classic buckets: quantiles against the naive implementation, fractions against Prometheus' own test script."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.model.labels import labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query import windows
from tests.unit.query import naive_windows as naive

INF = math.inf
BOUNDS = st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.1, 0.5, 1.0, 1.0, 2.5, 10.0, INF, INF]), min_size=1, max_size=8)
COUNT = st.one_of(
    st.integers(0, 30).map(float),
    st.sampled_from([0.0, 7.0, 7.000000000001, 7 * (1 - 1e-13), math.nan]),
    st.none(),
)


@given(
    data=BOUNDS.flatmap(
        lambda bounds: st.tuples(
            st.just(sorted(bounds)),
            st.lists(st.lists(COUNT, min_size=len(bounds), max_size=len(bounds)), min_size=1, max_size=5),
        )
    ),
    rising=st.booleans(),
    q=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0, -0.1, 1.1, math.nan]),
)
@settings(max_examples=400, deadline=None)
def test_histogram_quantile_equals_the_naive_one(
    data: tuple[list[float], list[list[float | None]]], rising: bool, q: float
) -> None:
    bounds, steps = data
    if rising:
        steps = [accumulate(step) for step in steps]
    counts = np.array([[math.nan if count is None else count for count in step] for step in steps]).T
    hole = np.array([[count is None for count in step] for step in steps]).T
    counts = np.where(hole, 0.0, counts)
    raw = counts.view(np.uint64)
    raw[hole] = ABSENT_BITS
    found, forced = windows.histogram_quantile(q, np.array(bounds), raw.view(np.float64))
    for column, step in enumerate(steps):
        buckets = [(bound, count) for bound, count in zip(bounds, step, strict=True) if count is not None]
        if not buckets:
            assert not windows.has_value(found)[column]
            continue
        wanted, repaired = naive.histogram_quantile(q, buckets)
        value = float(found[column])
        assert (math.isnan(value) and math.isnan(wanted)) or value == pytest.approx(wanted, rel=1e-12, abs=0), buckets
        assert bool(forced[column]) == repaired


def accumulate(step: list[float | None]) -> list[float | None]:
    total, found = 0.0, list[float | None]()
    for count in step:
        total += 0.0 if count is None or math.isnan(count) else count
        found.append(None if count is None else total)
    return found


POSITIVE = ([1.0, 2.0, 3.0, INF], [1.0, 3.0, 6.0, 100.0])
NEGATIVE = ([-3.0, -2.0, -1.0, INF], [10.0, 12.0, 15.0, 100.0])


# The cases of histograms.test in Prometheus' promql/promqltest/testdata.
@pytest.mark.parametrize(
    ("lower", "upper", "histogram", "wanted"),
    [
        (0, 1.5, POSITIVE, 0.02),
        (-4, -2, NEGATIVE, 0.02),
        (-INF, -1.5, NEGATIVE, 0.135),
        (-INF, INF, POSITIVE, 1.0),
        (-INF, INF, NEGATIVE, 1.0),
        (4, 5, POSITIVE, 0.0),
        (0, 1, NEGATIVE, 0.0),
        (2, 5, POSITIVE, 0.03),
        (400, INF, POSITIVE, 0.94),
        (2, 2, POSITIVE, 0.0),
        (3, 2, POSITIVE, 0.0),
        (0, 1, ([INF], [100.0]), 0.0),
        (0, 5, ([1.0, 2.0, 3.0, INF], [0.0, 0.0, 0.0, 0.0]), math.nan),
        (2, 3.5, POSITIVE, 0.03),
        (0.5, 2, POSITIVE, 0.025),
        (1, 3, POSITIVE, 0.05),
        (0.1, 0.75, ([0.5, 1.0, INF], [2.5, 7.5, 100.0]), 0.045),
        (-1, 1, ([-2.0, -1.0, 0.0, 1.0, INF], [5.0, 10.0, 15.0, 20.0, 100.0]), 0.1),
        (math.nan, 1, POSITIVE, math.nan),
        (0, math.nan, POSITIVE, math.nan),
        (-10, -5, POSITIVE, 0.0),
        (5, 10, POSITIVE, 0.0),
        (0, 1, ([1.0, 2.0], [1.0, 2.0]), math.nan),
    ],
)
def test_histogram_fraction_equals_prometheus_own_cases(
    lower: float, upper: float, histogram: tuple[list[float], list[float]], wanted: float
) -> None:
    bounds, counts = np.array(histogram[0]), np.array(histogram[1])[:, None]
    assert windows.histogram_fraction(lower, upper, bounds, counts)[0] == pytest.approx(wanted, nan_ok=True)


def test_a_quantile_in_the_highest_bucket_is_the_bound_below_it() -> None:
    found, forced = windows.histogram_quantile(0.99, np.array([1.0, 5.0, INF]), np.array([[1.0], [2.0], [100.0]]))
    assert found.tolist() == [5.0] and not forced.any()


def test_the_lowest_bucket_starts_at_zero_only_above_zero() -> None:
    counts = np.array([[10.0], [20.0]])
    assert windows.histogram_quantile(0.25, np.array([2.0, INF]), counts)[0].tolist() == [1.0]
    assert windows.histogram_quantile(0.25, np.array([-2.0, INF]), counts)[0].tolist() == [-2.0]


def test_a_repair_is_reported_and_noise_is_not() -> None:
    bounds = np.array([1.0, 2.0, INF])
    counts = np.array([[10.0, 10.0], [7.0, 10.0 * (1 - 1e-14)], [20.0, 20.0]])
    assert windows.histogram_quantile(0.5, bounds, counts)[1].tolist() == [True, False]


def test_each_step_may_have_its_own_quantile() -> None:
    counts = np.array([[10.0, 10.0], [20.0, 20.0]])
    assert windows.histogram_quantile(np.array([0.25, 0.5]), np.array([2.0, INF]), counts)[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("0.005", 0.005),
        ("1", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e-05", 1e-05),
        ("+Inf", INF),
        ("Inf", INF),
        ("-inf", -INF),
        ("infinity", INF),
        ("0x1p-2", 0.25),
        ("1_000", None),
        (" 1", None),
        ("1 ", None),
        ("", None),
        ("NaN", None),
        ("1e400", None),
        ("0x1p99999", None),
        ("٣", None),
    ],
)
def test_le_is_read_as_go_reads_it(text: str, bound: float | None) -> None:
    assert windows.parse_le(text) == bound


def test_buckets_are_grouped_by_their_other_labels() -> None:
    series = [
        labels({"le": "+Inf", "model": "a"}, "x_bucket"),
        labels({"le": "1", "model": "b"}, "x_bucket"),
        labels({"le": "0.5", "model": "a"}, "x_bucket"),
        labels({"le": "many", "model": "a"}, "x_bucket"),
        labels({"model": "a"}, "x_bucket"),
    ]
    groups, bad = windows.group_buckets(series)
    assert bad == [3, 4]
    assert [(group.labels, group.bounds.tolist(), group.rows.tolist()) for group in groups] == [
        (labels({"model": "a"}, "x_bucket"), [0.5, INF], [2, 0]),
        (labels({"model": "b"}, "x_bucket"), [1.0], [1]),
    ]
