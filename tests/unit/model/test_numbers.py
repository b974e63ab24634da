"""What every face shows for a number, held by data that the browser's code will share."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import inferdeck.model
from inferdeck.model import numbers

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(inferdeck.model.__file__).parent / "number_vectors.json").read_text(encoding="utf-8")
)
SPECIAL = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf}
UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}


def number(value: Any) -> float | None:
    return SPECIAL[value] if isinstance(value, str) else value


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['kind']}-{v['value']}-{v['text']}")
def test_vector(vector: dict[str, Any]) -> None:
    assert numbers.text(vector["kind"], number(vector["value"]), vector["options"]) == vector["text"]


def test_vectors_cover_every_kind_with_missing_nan_and_infinity() -> None:
    for kind in numbers.KINDS:
        values = [vector["value"] for vector in VECTORS if vector["kind"] == kind]
        assert {None, "NaN", "+Inf", "-Inf", 0} <= set(values), kind


@pytest.mark.parametrize("kind", sorted(numbers.KINDS))
def test_missing_is_never_shown_as_zero(kind: str) -> None:
    assert numbers.text(kind, None) == "–"
    assert numbers.text(kind, 0.0) != "–"


@given(st.sampled_from(sorted(numbers.KINDS)), st.floats())
@example("seconds", sys.float_info.max)
@example("percent", sys.float_info.max)
@example("money", sys.float_info.max)
@example("rate", 5e-324)
def test_every_float_has_one_short_line(kind: str, value: float) -> None:
    shown = numbers.text(kind, value)
    assert 0 < len(shown) <= 320 if kind == "age" else 0 < len(shown) <= 24
    assert "\n" not in shown


@given(st.floats(min_value=1e-6, max_value=1e20))
def test_count_is_within_half_a_unit_of_the_third_digit(value: float) -> None:
    mantissa, _, unit = numbers.count(value).partition(" ")
    assert math.isclose(float(mantissa) * UNITS[unit], value, rel_tol=0.00501)


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_sign_is_the_only_difference_of_a_negative_amount(value: float) -> None:
    assert numbers.money(-value) == f"-{numbers.money(value)}"


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True), st.integers(0, 3))
def test_a_part_is_never_shown_as_nothing_or_all(value: float, decimals: int) -> None:
    shown = numbers.percent(value, decimals=decimals)
    assert shown not in {"0 %", "100 %"}


@given(st.floats(min_value=0, max_value=1e9), st.floats(min_value=0, max_value=1e9))
def test_equal_texts_never_hide_a_doubled_count(one: float, other: float) -> None:
    if numbers.count(one) == numbers.count(other) and max(one, other) > 0:
        assert max(one, other) < 2 * min(one, other)


@pytest.mark.parametrize(
    ("kind", "values", "texts"),
    [
        ("count", [-4.0, -2.0, 0.0, 2.0], ("-4", "-2", "0", "2")),
        ("money", [-0.5, 0.0, 0.25], ("-$0.50", "0", "$0.25")),
        ("rate", [0.0, 0.5, 1.0], ("0", "0.5 /s", "1.0 /s")),
        ("rate", [10000.0, 20000.0], ("10 k/s", "20 k/s")),
        ("count", [1e-9, 2e-9], ("1e-09", "2e-09")),
        ("seconds", [], ()),
    ],
)
def test_numbers_of_one_axis_are_alike(kind: str, values: list[float], texts: tuple[str, ...]) -> None:
    assert numbers.alike(kind, values) == texts


def test_numbers_of_an_unknown_kind_have_no_text() -> None:
    with pytest.raises(KeyError):
        numbers.alike("furlongs", [1.0])
