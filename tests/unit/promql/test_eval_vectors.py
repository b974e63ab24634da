"""Aggregations and vector matching against one vector at a time, on series with gaps and odd values."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import NAME, Labels, labels, without
from inferdeck.query.promql.engine import Engine
from inferdeck.query.promql.result import Result
from inferdeck.query.windows import has_value
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.promql import naive_vectors as naive
from tests.unit.promql.naive_vectors import Vector

STEP = 60_000
STEPS = 4
VALUES = st.one_of(
    st.integers(-3, 9).map(float), st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
)
LABELS = st.fixed_dictionaries(
    {"a": st.sampled_from(["", "1", "2"]), "b": st.sampled_from(["", "x", "y"]), "c": st.sampled_from(["", "p"])}
)
ROW = st.lists(st.one_of(st.none(), VALUES, VALUES), min_size=STEPS, max_size=STEPS)
METRIC = st.lists(st.tuples(LABELS, ROW), max_size=7)
CLAUSES = ["", "by (a)", "without (a)", "by (a, c)", "by ()", "without ()"]


def store(**metrics: list[tuple[dict[str, str], list[float | None]]]) -> MemoryStore:
    found = MemoryStore()
    for name, rows in metrics.items():
        for pairs, row in rows:
            there = [(at * STEP, value) for at, value in enumerate(row) if value is not None]
            times = np.array([at for at, _ in there], dtype=np.int64)
            found.append_series(labels(pairs, name), times, np.array([value for _, value in there]))
    return found


def vectors(memory: MemoryStore, name: str) -> list[Vector]:
    """Return what a selector of this metric gives at each step, by its definition."""
    found: list[Vector] = [{} for _ in range(STEPS)]
    for series, samples in memory._samples.items():
        if dict(series)[NAME] == name:
            for at, bits in samples.items():
                found[at // STEP][series] = float(np.array([bits], dtype=np.uint64).view(np.float64)[0])
    return found


def ask(memory: MemoryStore, query: str) -> Result:
    # A lookback of one step: each step sees its own sample only.
    return Engine(memory, lookback_ms=STEP).range(query, 0, (STEPS - 1) * STEP, STEP)


def at_step(result: Result, step: int) -> Vector:
    column = np.ascontiguousarray(result.values[:, step])
    there = has_value(column)
    return {series: float(column[row]) for row, series in enumerate(result.series) if there[row]}


def same(found: Vector, wanted: Vector) -> bool:
    def alike(a: float, b: float) -> bool:
        return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-3)

    return found.keys() == wanted.keys() and all(alike(found[key], wanted[key]) for key in found)


def names_of(clause: str) -> tuple[list[str], bool]:
    names = [name.strip() for name in clause[clause.find("(") + 1 : -1].split(",") if name.strip()]
    return names, clause.startswith("without")


@pytest.mark.parametrize("operator", ["sum", "avg", "min", "max", "count", "group", "stdvar"])
@given(rows=METRIC, clause=st.sampled_from(CLAUSES))
@settings(max_examples=60, deadline=None)
def test_aggregation_equals_one_vector_at_a_time(
    operator: str, rows: list[tuple[dict[str, str], list[float | None]]], clause: str
) -> None:
    memory = store(x=rows)
    result = ask(memory, f"{operator} {clause} (x)")
    names, exclude = names_of(clause)
    for step, vector in enumerate(vectors(memory, "x")):
        if operator == "stdvar" and any(abs(value) > 1e7 for value in vector.values()):
            continue
        assert same(at_step(result, step), naive.aggregate(operator, vector, names, exclude=exclude))


@pytest.mark.parametrize("operator", ["topk", "bottomk", "limitk", "quantile"])
@given(rows=METRIC, clause=st.sampled_from(CLAUSES), param=st.sampled_from([-1.0, 0.0, 0.3, 1.0, 2.0, 50.0]))
@settings(max_examples=60, deadline=None)
def test_aggregation_with_parameter_equals_one_vector_at_a_time(
    operator: str, rows: list[tuple[dict[str, str], list[float | None]]], clause: str, param: float
) -> None:
    memory = store(x=rows)
    result = ask(memory, f"{operator} {clause} ({param}, x)")
    names, exclude = names_of(clause)
    for step, vector in enumerate(vectors(memory, "x")):
        assert same(at_step(result, step), naive.aggregate(operator, vector, names, exclude=exclude, param=param))


@pytest.mark.parametrize("operator", ["and", "or", "unless"])
@given(left=METRIC, right=METRIC, clause=st.sampled_from(["", "on (a)", "ignoring (a)", "on ()", "on (a, b)"]))
@settings(max_examples=60, deadline=None)
def test_set_operation_equals_one_vector_at_a_time(
    operator: str,
    left: list[tuple[dict[str, str], list[float | None]]],
    right: list[tuple[dict[str, str], list[float | None]]],
    clause: str,
) -> None:
    memory = store(x=left, y=right)
    result = ask(memory, f"x {operator} {clause} y")
    names, on = names_of(clause)[0], clause.startswith("on")
    for step, (one, other) in enumerate(zip(vectors(memory, "x"), vectors(memory, "y"), strict=True)):
        assert same(at_step(result, step), naive.set_operation(operator, one, other, names, on=on))


CASES: list[tuple[str, list[str] | None]] = [
    ("", None),
    ("on (a)", None),
    ("ignoring (a)", None),
    ("on (a, b)", None),
    ("on (a) group_left ()", []),
    ("on (a, c) group_left (b)", ["b"]),
    ("ignoring (b, c) group_left (c)", ["c"]),
]


@pytest.mark.parametrize(("clause", "group_left"), CASES)
@given(left=METRIC, right=METRIC)
@settings(max_examples=100, deadline=None)
def test_matching_equals_one_vector_at_a_time(
    clause: str,
    group_left: list[str] | None,
    left: list[tuple[dict[str, str], list[float | None]]],
    right: list[tuple[dict[str, str], list[float | None]]],
) -> None:
    memory = store(x=left, y=right)
    matching = clause.split(" group_left")[0]
    names, on = names_of(matching)[0], clause.startswith("on")

    def wanted(one: Vector, other: Vector) -> Vector:
        return naive.arithmetic(one, other, names, lambda a, b: a - b, on=on, group_left=group_left)

    _compare(memory, f"x - {clause} y", wanted)


def _compare(memory: MemoryStore, query: str, wanted: Callable[[Vector, Vector], Vector]) -> None:
    try:
        expected = [wanted(*pair) for pair in zip(vectors(memory, "x"), vectors(memory, "y"), strict=True)]
    except ValueError:
        with pytest.raises(EvaluationError):
            ask(memory, query)
        return
    result = ask(memory, query)
    for step, vector in enumerate(expected):
        assert same(at_step(result, step), vector)


@given(left=METRIC, right=METRIC)
@settings(max_examples=100, deadline=None)
def test_fill_stands_in_for_the_missing_side(
    left: list[tuple[dict[str, str], list[float | None]]], right: list[tuple[dict[str, str], list[float | None]]]
) -> None:
    memory = store(x=left, y=right)

    def plain(vector: Vector) -> dict[Labels, float]:
        return {without(series, NAME): value for series, value in vector.items()}

    def wanted(one: Vector, other: Vector) -> Vector:
        first, second = plain(one), plain(other)
        return {key: first.get(key, 5.0) - second.get(key, 7.0) for key in first.keys() | second.keys()}

    _compare(memory, "x - fill_left(5) fill_right(7) y", wanted)
