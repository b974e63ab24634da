"""CSV whose texts come from anywhere."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.csv_form import Writer, safe


def written(*rows: Sequence[str | float]) -> str:
    out = io.StringIO()
    writer = Writer(out)
    for row in rows:
        writer.row(row)
    return out.getvalue()


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "=", "-", "-1-1", "+1 x"],
)
def test_no_text_is_a_formula(text: str) -> None:
    assert safe(text).startswith("'")


@pytest.mark.parametrize("text", ["-1", "+1", "-1.5e-7", "1", "NaN", "-Inf", "+Inf", "a=b", "", "a-b", "1 - 2", "'x"])
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    assert safe(text) == text


def test_numbers_are_written_as_they_are_kept() -> None:
    assert written([-1.0, 0.1 + 0.2, 7, "x"]) == "-1.0,0.30000000000000004,7,x\n"


def test_what_a_terminal_would_obey_or_turn_round_is_taken_out() -> None:
    assert safe("a\x1b[31mb\x07\x9bc\u202ed\u2066e") == "a␛[31mb␇�cde"


@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_texts_are_read_back(rows: list[list[str]]) -> None:
    text = written(*rows)
    assert [[*row] for row in csv.reader(io.StringIO(text, newline=""))] == [[safe(one) for one in row] for row in rows]
    assert not [one for one in text if unicodedata.category(one) == "Cc" and one not in "\t\n"]
