"""Answers survive JSON, and what is not known never becomes a number."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model import json_form
from inferdeck.model.answers import Diagnosis, Engine, Finding, Gateway, Number, Trial, number
from inferdeck.model.page import Page


@given(st.one_of(st.none(), st.floats()))
def test_a_number_is_finite_or_missing(value: float | None) -> None:
    found = number(value, "seconds")
    again = json_form.build(Number, json.loads(json_form.dumps(found)))
    assert again == found
    assert (again.value is None) == (again.quality == "missing")


@given(st.from_type(Diagnosis))
def test_findings_survive_json(found: Diagnosis) -> None:
    assert json_form.build(Diagnosis, json.loads(json_form.dumps(found))) == found


def test_pages_survive_json_with_the_type_of_their_items() -> None:
    found = Page((number(1.0, "bytes"), number(None, "count")), 7, 2, 2)
    assert json_form.build(Page[Number], json.loads(json_form.dumps(found))) == found


def test_dictionaries_of_numbers_survive_json() -> None:
    n = number(1.0, "tokens/s")
    tokens = {"input": n, "output": number(None, "tokens/s")}
    found = Gateway("a:1", "litellm", "prod", n, n, n, n, n, tokens, n, n, n, n)
    assert json_form.build(Gateway, json.loads(json_form.dumps(found))) == found


def test_a_newer_daemons_keys_are_skipped_and_absent_ones_take_their_default() -> None:
    assert json_form.build(Trial, {"kind": "redis", "url": "u", "ok": True, "message": "", "later": 1}).warnings == ()


@pytest.mark.parametrize("data", [[], {"id": 1}, {"id": "a", "severity": True, "subject": "", "message": ""}, None])
def test_a_wrong_form_is_an_error(data: object) -> None:
    with pytest.raises(ValueError, match=r"where|without"):
        json_form.build(Finding, data)


def test_missing_fields_are_named() -> None:
    with pytest.raises(ValueError, match="Engine without name"):
        json_form.build(Engine, {})
