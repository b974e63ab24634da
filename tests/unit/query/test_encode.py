"""Results are written text for text as Prometheus writes them."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.labels import labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query import encode
from inferdeck.query.promql.result import Result, ResultType

# What Go's strconv gives for these ('f', and 'e' outside of 1e-6 to 1e21), as util/jsonutil/marshal.go asks for it.
GO_TEXTS = [
    (0.0, "0"),
    (-0.0, "-0"),
    (1.0, "1"),
    (-17.25, "-17.25"),
    (0.1 + 0.2, "0.30000000000000004"),
    (1e-6, "0.000001"),
    (9.99e-7, "9.99e-07"),
    (1e-7, "1e-07"),
    (5e-324, "5e-324"),
    (0.00001, "0.00001"),
    (1e15, "1000000000000000"),
    (1e16, "10000000000000000"),
    (123456789012345680000.0, "123456789012345680000"),
    (1e21, "1e+21"),
    (1.5e300, "1.5e+300"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (math.inf, "+Inf"),
    (-math.inf, "-Inf"),
    (math.nan, "NaN"),
]


@pytest.mark.parametrize(("value", "text"), GO_TEXTS)
def test_numbers_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert encode.number(value) == text
    assert encode.tokens(np.array([1.5, value, 2.0])) == [b"1.5", text.encode(), b"2"]


@given(st.lists(st.floats(), min_size=1))
def test_a_row_is_its_numbers_one_by_one(values: list[float]) -> None:
    assert encode.tokens(np.array(values)) == [encode.number(value).encode() for value in values]
    for value in values:
        back = float(encode.number(value))
        assert struct.pack("<d", back) == struct.pack("<d", value) or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0"), (1500, "1.500"), (1_795_226_511_007, "1795226511.007"), (60_000, "60"), (-1, "-0.001"), (-2000, "-2")],
)
def test_times_have_three_decimals_or_none(milliseconds: int, text: str) -> None:
    assert encode.timestamp(milliseconds) == text


def test_a_matrix_leaves_out_holes_and_empty_series() -> None:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    values.view(np.uint64)[1, 1] = ABSENT_BITS
    values.view(np.uint64)[2] = ABSENT_BITS
    series = tuple(labels({"row": str(row)}, "m") for row in range(3))
    found = Result(ResultType.MATRIX, series, np.array([1000, 1500, 2000]), values)
    assert b"".join(encode.result(found)) == (
        b'{"resultType":"matrix","result":['
        b'{"metric":{"__name__":"m","row":"0"},"values":[[1,"1"],[1.500,"2"],[2,"3"]]},'
        b'{"metric":{"__name__":"m","row":"1"},"values":[[1,"4"],[2,"6"]]}]'
    )


def test_vector_scalar_and_string() -> None:
    moment = np.array([1_795_226_511_796])
    series = (labels({"a": 'quote " and \\ and \n'}, "m"),)
    vector = Result(ResultType.VECTOR, series, moment, np.array([[1.5]]))
    assert json.loads(b"".join(encode.result(vector)) + b"}") == {
        "resultType": "vector",
        "result": [{"metric": dict(series[0]), "value": [1795226511.796, "1.5"]}],
    }
    scalar = Result(ResultType.SCALAR, ((),), moment, np.array([[2.0]]))
    assert b"".join(encode.result(scalar)) == b'{"resultType":"scalar","result":[1795226511.796,"2"]'
    text = Result(ResultType.STRING, (), moment, np.empty((0, 1)), text="é")
    assert b"".join(encode.result(text)) == '{"resultType":"string","result":[1795226511.796,"é"]'.encode()


def test_labels_that_are_not_unicode_are_still_json() -> None:
    assert json.loads(encode.metric((("a", "\ud800"),))) == {"a": "?"}
