"""How log lines look to people."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.cli.logs import said


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("INFO: started", "INFO: started"),
        ('{"message": "started", "level": "INFO", "timestamp": "2026-01-02T03:04:05"}', "started"),
        ('{"msg": "slow \\u001b[31mquery\\u001b[0m", "ms": 12, "who": "a b"}', 'slow query  ms=12 who="a b"'),
        ('{"ts": 1, "level": "info", "event": "done", "fields": {"a": 1}}', 'done  fields={"a": 1}'),
        ('{"message": 5}', '{"message": 5}'),
        ('{"cut": "of', '{"cut": "of'),
        ("{" * 5000, "{" * 5000),
    ],
)
def test_a_line_of_json_is_its_message_and_what_else_it_says(line: str, shown: str) -> None:
    assert said(line) == shown


@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=8)))
def test_no_field_is_lost_but_what_stands_before_the_text(fields: dict[str, object]) -> None:
    shown = said(json.dumps({**fields, "message": "it happened"}))
    assert shown.startswith("it happened")
    for key, value in fields.items():
        if isinstance(value, int) and key not in (
            "time",
            "timestamp",
            "ts",
            "asctime",
            "level",
            "levelname",
            "severity",
        ):
            assert f"{key}={value}" in shown or key == "message"
