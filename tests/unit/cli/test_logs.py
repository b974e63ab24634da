"""How log lines look to people."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.cli import main
from inferdeck.cli.logs import Names, of_clock, said
from tests.unit.api.place import served


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


def test_a_container_of_one_name_on_several_machines_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as place:
        assert main(["logs", "--url", place.url]) == 0
        shown, _ = capsys.readouterr()
        names = [line[17:].split(":")[0].split()[-1] for line in shown.splitlines()]
        assert sorted(set(names)) == ["gpu-1/vllm", "gpu-2/vllm", "redis"]
        assert main(["logs", "--url", place.url, "redis"]) == 0
        assert " redis: r0" in capsys.readouterr().out


def test_where_no_line_matches_it_is_said_how_many_streams_were_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as place:
        assert main(["logs", "--url", place.url, "--grep", "nothing-like-it"]) == 0
        assert capsys.readouterr() == ("", "no line matches; 3 streams looked at\n")
        assert main(["logs", "--url", place.url, "--grep", "nothing-like-it", "redis"]) == 0
        assert capsys.readouterr() == ("", "no line matches; 1 stream looked at\n")


def test_the_least_that_tells_streams_apart_is_shown() -> None:
    names = Names()
    names.learn([("/var/log/a.log", "default/logs/here"), ("x", "default/docker/h:1"), ("x", "default/docker/h:2")])
    names.learn([("y", "default/docker/h"), ("y", "default/logs/h")])
    assert names.of("/var/log/a.log", "default/logs/here") == "a.log"
    assert names.of("x", "default/docker/h:2") == "h:2/x"
    assert names.of("y", "default/logs/h") == "default/logs/h/y"
    assert names.of("new", "default/logs/h") == "new"
