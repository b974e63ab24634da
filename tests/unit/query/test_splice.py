"""Results cut and put together again read as if they had been computed and written whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.labels import labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query import encode, splice
from inferdeck.query.promql.result import Result, ResultType
from inferdeck.query.windows import has_value

CELLS = st.sampled_from([None, 0.0, -1.5, 1e-9, 1e30, float("nan"), float("inf"), float("-inf"), 123456.789])


def matrix(rows: list[list[float | None]], first: int = 0) -> Result:
    """Return the rows that have a value as a result with half-second steps."""
    values = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=np.float64)
    holes = np.array([[cell is None for cell in row] for row in rows], dtype=np.bool_)
    values.view(np.uint64)[holes] = ABSENT_BITS
    living = np.flatnonzero(~holes.all(axis=1))
    series = tuple(labels({"row": f"{row:02}"}, "m") for row in living.tolist())
    steps = (first + np.arange(values.shape[1], dtype=np.int64)) * 500
    return Result(ResultType.MATRIX, series, steps, values[living])


def text(result: Result) -> bytes:
    return b"".join(encode.result(result))


def as_made_anew(result: Result) -> bool:
    assert result.points is not None
    assert has_value(result.values).any(axis=1).all()
    return result.points == tuple(encode.points(result.steps_ms, result.values))


@given(st.data(), st.integers(1, 5), st.integers(1, 90))
def test_cut_and_joined_is_whole(data: st.DataObject, height: int, width: int) -> None:
    row = st.lists(CELLS, min_size=width, max_size=width)
    rows = data.draw(st.lists(row, min_size=height, max_size=height))
    low, edge, high = sorted(data.draw(st.lists(st.integers(0, width), min_size=3, max_size=3)))
    held = splice.written(matrix([row[:edge] for row in rows]))
    fresh = matrix([row[edge:high] for row in rows], edge)
    found = splice.refreshed(held, low * 500, edge * 500 - 1, fresh)
    wanted = matrix([row[low:high] for row in rows], low)
    assert found.series == wanted.series
    assert found.steps_ms.tolist() == wanted.steps_ms.tolist()
    assert np.array_equal(found.values.view(np.uint64), wanted.values.view(np.uint64))
    assert text(found) == text(wanted)
    assert found.points is None or as_made_anew(found)


@pytest.mark.parametrize(("cut", "has_text"), [(64, True), (65, False)])
def test_few_steps_are_cut_off_the_text(cut: int, has_text: bool) -> None:
    whole = splice.written(matrix([[float(i) for i in range(200)], [None] * 190 + [1.0] * 10]))
    for part in (splice.cut(whole, cut * 500, 10**6), splice.cut(whole, 0, (199 - cut) * 500)):
        assert part.steps_ms.size == 200 - cut
        assert (part.points is not None) is has_text
        assert not has_text or as_made_anew(part)


def test_what_is_no_matrix_has_no_such_text() -> None:
    vector = Result(ResultType.VECTOR, ((),), np.array([1]), np.array([[1.0]]))
    assert splice.written(vector) is vector
