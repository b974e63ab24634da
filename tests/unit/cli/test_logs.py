"""How log lines look to people."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.cli.logs import of_clock, said


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


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_the_clock_is_the_last_one(hour: int, minute: int) -> None:
    found = of_clock(f"{hour}:{minute:02}")
    assert found is not None
    moment = int(found)
    assert time.time() - 25 * 3600 <= moment <= time.time()
    assert time.localtime(moment)[3:6] == (hour, minute, 0)


@pytest.mark.parametrize("text", [None, "15m", "1795228805", "2026-11-21T02:40:05Z", "25:00", "12:60", "now"])
def test_other_times_are_left_to_the_daemon(text: str | None) -> None:
    assert of_clock(text) == text
