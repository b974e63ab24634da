"""Every function, @, offset, subqueries and operators against the evaluator that takes one moment at a time.

The series have gaps, resets, stale markers, NaN, infinities, samples that came twice, and lie in several blocks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import NAME, Labels, labels, without
from inferdeck.model.scrape import NAN_BITS, STALE_BITS
from inferdeck.query.promql.engine import Engine
from inferdeck.query.promql.functions import AGGREGATORS, FUNCTIONS
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.result import Result
from inferdeck.query.windows import has_value
from inferdeck.store.interface import Block, Matcher
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.promql import naive_functions as functions
from tests.unit.promql.naive_promql import WINDOWS, Naive, Points
from tests.unit.promql.naive_vectors import Vector

Samples = dict[Labels, Points]
START, STEP, STEPS = 1_200_000, 45_000, 7
END = START + (STEPS - 1) * STEP


def _bits(value: float) -> int:
    return NAN_BITS if math.isnan(value) else int(np.float64(value).view(np.uint64))


GAUGE = st.one_of(
    st.integers(-8, 40).map(lambda n: n / 4), st.integers(0, 3).map(float), st.sampled_from([math.nan, math.inf, -0.0])
)
PLAIN = st.integers(-40, 400).map(lambda n: n / 8)
COUNT = st.integers(0, 50).map(float)
MOMENT = st.one_of(st.integers(-62_000_000_000, 253_000_000_000).map(float), st.floats(-1e7, 2e9))
GAPS = st.sampled_from([7_000, 15_000, 15_000, 15_000, 61_000, 330_000])
VALUES = {"x": GAUGE, "y": GAUGE, "plain": PLAIN, "c_total": COUNT, "moments": MOMENT}


@st.composite
def points(draw: DrawFn, values: st.SearchStrategy[float]) -> Points:
    gaps = draw(st.lists(GAPS, min_size=1, max_size=14))
    cells = st.one_of(values.map(_bits), values.map(_bits), values.map(_bits), st.just(STALE_BITS))
    begin = draw(st.sampled_from([START - 400_000, START - 100_000, START - 60_000, START]))
    times = itertools.accumulate(gaps, initial=begin)
    return [(time, draw(cells)) for time in itertools.islice(times, len(gaps))]


@st.composite
def metrics(draw: DrawFn, *names: str) -> Samples:
    found: Samples = {}
    for name in names:
        pairs = st.fixed_dictionaries({"a": st.sampled_from(["", "1", "2", "10"]), "b": st.sampled_from(["", "x:y"])})
        for given_labels in draw(st.lists(pairs, max_size=4, unique_by=str)):
            found[labels(given_labels, name)] = draw(points(VALUES[name]))
    return found


@st.composite
def stacks(draw: DrawFn) -> Samples:
    """Series of instances, and info series beside some of them."""
    found: Samples = {}
    for name in ("x", "build_info", "target_info"):
        keys = ["instance", "job", "a"] if name == "x" else ["instance", "job", "version", "a", "zone"]
        one = st.fixed_dictionaries({key: st.sampled_from(["", "1", "1", "2"]) for key in keys})
        for given_labels in draw(st.lists(one, max_size=3, unique_by=str)):
            found[labels(given_labels, name)] = draw(points(COUNT))
    return found


class Pieces:
    """A reader whose series lie in two blocks each, with a sample that both have."""

    def __init__(self, samples: Samples) -> None:
        self._memory = MemoryStore()
        for series, rows in samples.items():
            times = np.array([time for time, _ in rows], dtype=np.int64)
            self._memory.append_series(series, times, np.array([b for _, b in rows], dtype=np.uint64).view(np.float64))

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        found = []
        for block in self._memory.select(matchers, start_ms, end_ms, max_samples=max_samples):
            half = block.timestamps_ms.size // 2
            pieces = (slice(0, half + 1), slice(half, None))
            found += [Block(block.series, block.timestamps_ms[p], block.values[:, p], dense=True) for p in pieces]
        return found

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        return self._memory.series(matchers, start_ms, end_ms)

    def label_names(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        return self._memory.label_names(matchers, start_ms, end_ms)

    def label_values(self, name: str, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        return self._memory.label_values(name, matchers, start_ms, end_ms)


def alike(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def at_step(result: Result, step: int) -> Vector:
    column = np.ascontiguousarray(result.values[:, step])
    there = has_value(column)
    return {series: float(column[row]) for row, series in enumerate(result.series) if there[row]}


def compare(samples: Samples, query: str) -> None:
    """Ask both on all steps; where one moment fails, the whole query does."""
    naive, expr = Naive(samples, START, END, STEP), parse(query)
    try:
        wanted = [naive.vector(expr, at) for at in range(START, END + 1, STEP)]
    except ValueError:
        with pytest.raises(EvaluationError):
            Engine(Pieces(samples)).range(query, START, END, STEP)
        return
    result = Engine(Pieces(samples)).range(query, START, END, STEP)
    for step, vector in enumerate(wanted):
        found = at_step(result, step)
        assert found.keys() == vector.keys(), (step, found, vector)
        assert all(alike(found[key], vector[key]) for key in vector), (step, found, vector)


OF_VALUES = [
    *(f"{name}(x)" for name in functions.OF_ONE),
    *("round(x)", "round(x, 0.25)", "round(x, time() % 2)", "round(x, -3)"),
    *("clamp(x, 0, 2.5)", "clamp(x, 3, scalar(y))", "clamp(x, NaN, 1)", "clamp_min(x, 1)", "clamp_max(x, scalar(y))"),
    *("timestamp(x)", "timestamp((x))", "timestamp(x offset 30s)", "timestamp(x + 1)", "timestamp(x @ end())"),
    *("vector(time())", "vector(scalar(x))", "time() + 1", "start() + end() * step() - range()", "vector(pi())"),
    *("vector(min_of(scalar(x), 2))", "vector(max_of(scalar(x), scalar(y)))"),
    *("-x", "+x", "absent(x)", "absent(x > 1)", "sort(x)", "sort_desc(x)", 'sort_by_label(x, "a")'),
    'sort_by_label_desc(x, "a")',
]
OF_LABELS = [
    'label_replace(x, "host", "$1", "b", "(.*):.*")',
    'label_replace(x, "a", "", "b", ".*")',
    'label_replace(x, "a", "n${1}-$$1", "a", "(.)(.*)")',
    'label_replace(rate(c_total[1m]), "c", "$2$1$3", "a", "(.)(.?)")',
    'label_replace(x, "c", "none", "nothing", "")',
    'label_join(x, "c", "/", "a", "nothing", "b")',
    'label_join(x, "b", "", "a")',
    'label_join(x, "c", "-")',
    'count_values("v", x)',
    'count_values by (a) ("v", x)',
    'count_values without (b) ("a", x)',
    'count_values by (a) ("a", y) + 0',
]
FIXED = [
    *("x @ 1240", "x @ 1240 offset 1m", "x offset -1m", "x offset 1m @ start()", "x - x @ end()", "x @ 0.5"),
    *("rate(c_total[2m] @ 1300)", "sum_over_time(plain[1m] @ start())", "c_total @ end() offset 20s"),
    *("predict_linear(plain[2m] @ 1300, 60)", "quantile_over_time(0.5, plain[2m] @ end() offset 1m)"),
    *("sum by (a) (c_total @ start())", "timestamp(x @ 1240)", "max_over_time((x @ 1240)[1m:15s])"),
    *(
        "max_over_time(x[2m:30s] @ 1300)",
        "sum_over_time(vector(time())[1m:10s] @ end())",
        "absent_over_time(x[1m] @ 1240)",
    ),
]
PARAMETERS = [
    *("quantile_over_time(0.3, x{0})", "quantile_over_time(scalar(y), plain{0})", "quantile_over_time(-1, plain{0})"),
    *("predict_linear(plain{0}, 90)", "predict_linear(plain{0}, scalar(plain))"),
    *("double_exponential_smoothing(plain{0}, 0.4, 0.7)", "absent_over_time(x{0})"),
]
RANGES = ["[2m]", "[50s:10s]", "[3m:]", "[2m:25s] offset 40s"]
NESTED = [
    "max_over_time(sum_over_time(plain[1m:15s])[2m:30s])",
    "sum_over_time((x > 1)[2m:20s])",
    "count_over_time(sum by (a) (rate(c_total[1m]))[3m:30s])",
    "last_over_time((x or y)[1m:20s])",
    "avg_over_time(timestamp(x)[2m:30s])",
    "changes(count_values('v', x)[2m:20s])",
    "sum_over_time(vector(time())[1m:7s] offset -30s)",
    "min_over_time((-plain)[90s:30s]) + on (a, b) max_over_time(plain[90s:30s])",
]
OPERATIONS = [f"x {sign} y" for sign in ("+", "-", "*", "/", "%", "^", "atan2")] + [
    *(f"x {sign} bool on (a, b) y" for sign in ("==", "!=", ">", "<", ">=", "<=")),
    *(f"x {sign} 1" for sign in ("+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "> bool")),
    *(f"2 {sign} x" for sign in ("-", "/", "%", "^", "atan2", "==", ">", "<= bool")),
    *("x * on (a) group_left () sum by (a) (y)", "sum by (a) (y) - on (a) group_right (c) x", "x and on (a) y"),
    *("x or ignoring (a) y", "x unless y", "1 + 2 * 3 ^ 2 % 7 == bool scalar(x)"),
]
AGGREGATIONS = [
    f"{text} (x)"
    for name in ("sum", "avg", "min", "max", "count", "group")
    for text in (name, f"{name} by (a)", f"{name} without (a)")
] + [
    *("stdvar by (a) (plain)", "stddev (plain)", "quantile by (a) (0.3, x)", "quantile (scalar(plain) / 50, plain)"),
    *(
        "limitk (2, x)",
        "limitk by (a) (1, x)",
        "topk (1, plain)",
        "bottomk by (b) (scalar(count(x) or vector(1)) - 1, plain)",
    ),
]
INFO = [
    *("info(x)", 'info(x, {version="1"})', 'info(x, {version=~".*"})', 'info(x, {zone!="1", version=~"1|2"})'),
    *('info(x, {__name__="build_info"})', 'info(x, {__name__=~".*_info", zone=~".+"})', 'info({a="1"})'),
    *("info(rate(x[2m]))", 'info(build_info, {version=""})'),
]


@pytest.mark.parametrize("query", [*OF_VALUES, *OF_LABELS, *FIXED, *NESTED, *OPERATIONS, *AGGREGATIONS])
@given(samples=metrics("x", "y", "plain", "c_total"))
@settings(max_examples=8)
def test_a_query_equals_one_moment_at_a_time(query: str, samples: Samples) -> None:
    compare(samples, query)


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("form", [*(f"{name}(plain{{0}})" for name in WINDOWS), *PARAMETERS])
@given(samples=metrics("x", "y", "plain"))
@settings(max_examples=5)
def test_functions_over_ranges_and_subqueries(form: str, span: str, samples: Samples) -> None:
    compare(samples, form.format(span))


@pytest.mark.parametrize("name", functions.DATES)
@given(samples=metrics("moments"))
@settings(max_examples=25)
def test_dates(name: str, samples: Samples) -> None:
    compare(samples, f"{name}(moments)")
    compare(samples, f"{name}()")


@pytest.mark.parametrize("query", INFO)
@given(samples=stacks())
@settings(max_examples=25)
def test_info(query: str, samples: Samples) -> None:
    compare(samples, query)


@pytest.mark.parametrize("descending", [False, True])
@given(samples=metrics("x"))
@settings(max_examples=30)
def test_sorting(descending: bool, samples: Samples) -> None:
    end = "_desc" if descending else ""
    vector = Naive(samples, END, END, 0).vector(parse("x"), END)
    numbers = sorted((value for value in vector.values() if not math.isnan(value)), reverse=descending)
    found = Engine(Pieces(samples)).instant(f"sort{end}(x)", END)
    assert set(found.series) == vector.keys()
    assert found.values[: len(numbers), 0].tolist() == numbers
    assert np.isnan(found.values[len(numbers) :, 0]).all()
    named = Engine(Pieces(samples)).instant(f'sort_by_label{end}(x, "b", "a")', END).series

    def key(series: Labels) -> tuple[object, ...]:
        pairs = dict(series)
        return functions.natural(pairs.get("b", "")), functions.natural(pairs.get("a", "")), series

    assert list(named) == sorted(vector, key=key, reverse=descending)


@given(samples=metrics("x", "y"), percent=st.integers(0, 100))
@settings(max_examples=60)
def test_a_ratio_and_its_complement_are_all_series_once(samples: Samples, percent: int) -> None:
    ratio = percent / 100
    engine = Engine(Pieces(samples))
    whole = engine.range('{__name__=~"x|y"}', START, END, STEP)
    chosen = engine.range(f'limit_ratio({ratio}, {{__name__=~"x|y"}})', START, END, STEP)
    left = engine.range(f'limit_ratio({ratio - 1}, {{__name__=~"x|y"}})', START, END, STEP)
    assert sorted([*chosen.series, *left.series]) == list(whole.series)


BOUNDS = [-2.0, -0.5, 0.0, 0.5, 1.0, 4.0, math.inf]


@given(
    bounds=st.sets(st.sampled_from(BOUNDS[:-1]), min_size=1),
    counts=st.lists(st.integers(0, 5), min_size=len(BOUNDS), max_size=len(BOUNDS)),
    ends=st.tuples(*[st.one_of(st.sampled_from([-math.inf, *BOUNDS, math.nan]), st.floats(-4, 6))] * 2),
)
@settings(max_examples=200)
def test_fractions_of_classic_histograms(bounds: set[float], counts: list[int], ends: tuple[float, float]) -> None:
    edges = [*sorted(bounds), math.inf]
    totals = list(itertools.accumulate(map(float, counts)))[: len(edges)]
    samples: Samples = {
        labels({"le": "+Inf" if edge == math.inf else str(edge)}, "h_bucket"): [(END, _bits(total))]
        for edge, total in zip(edges, totals, strict=True)
    }
    engine = Engine(Pieces(samples))
    lower, upper = (str(end).replace("inf", "Inf").replace("nan", "NaN") for end in ends)
    found = engine.instant(f"histogram_fraction({lower}, {upper}, h_bucket)", END).values[0, 0]
    assert alike(found, functions.histogram_fraction(*ends, list(zip(edges, totals, strict=True))))
    both = engine.instant('histogram_quantiles(h_bucket, "q", 0.3, 0.75)', END)
    for text in ("0.3", "0.75"):
        one = engine.instant(f"histogram_quantile({text}, h_bucket)", END)
        of_both = dict(zip(both.series, both.values[:, 0].tolist(), strict=True))
        assert alike(of_both[labels({"q": text})], one.values[0, 0])


def test_every_function_has_a_slow_witness() -> None:
    asked = " ".join([*OF_VALUES, *OF_LABELS, *FIXED, *NESTED, *AGGREGATIONS, *INFO, *PARAMETERS, *WINDOWS])
    others = {
        # Here, above.
        *functions.DATES,
        *("limit_ratio", "histogram_fraction", "histogram_quantiles"),
        # tests/unit/query/test_window_histograms.py
        "histogram_quantile",
        # For native histograms alone.
        *("histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev", "histogram_stdvar"),
        # Not evaluated yet.
        "integral",
    }
    assert {name for name in {*FUNCTIONS, *AGGREGATORS} if f"{name}" not in asked} <= others


def test_names_go_where_the_documentation_says() -> None:
    samples: Samples = {labels({"a": "1"}, "x"): [(START, _bits(1.0))]}
    kept = Engine(Pieces(samples)).instant("last_over_time(x[1m])", START).series
    assert [dict(series)[NAME] for series in kept] == ["x"]
    assert Engine(Pieces(samples)).instant("abs(x)", START).series == tuple(without(series, NAME) for series in kept)
