"""Services that are asked without a daemon: real listeners, and what the daemon lists for it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from inferdeck.daemon import targets_file
from inferdeck.faces.widgets import alone
from inferdeck.model.target import TargetKey, TargetState
from tests.unit.faces.widgets.answering import Asked, listening


def state(kind: str, url: str, name: str = "", environment: str = "default") -> TargetState:
    return TargetState(TargetKey(kind, "h:1", environment), name, url, "configured")


def test_only_harmless_questions_are_listed() -> None:
    found = targets_file.targets(
        [
            state("redis", "redis://:secret@cache:6380/0"),
            state("litellm", "http://user:secret@gateway:4000?key=secret", "gateway"),
            state("sglang", "http://engine:30000"),
            state("vllm", "https://engine:8001"),
            state("vllm", "http://proxy/vllm", "behind"),
            state("docker", "unix:///run/docker.sock"),
            state("host", ""),
            state("huggingface", "https://huggingface.co"),
        ]
    )
    assert [(one["kind"], one["host"], one["port"], one["path"]) for one in found] == [
        ("litellm", "gateway", 4000, "/health/liveliness"),
        ("vllm", "engine", 8001, ""),
        ("vllm", "proxy", 80, ""),
        ("sglang", "engine", 30000, ""),
        ("redis", "cache", 6380, ""),
    ]
    assert "secret" not in json.dumps(found)


def test_kinds_that_are_listed_are_kinds_of_sources() -> None:
    from inferdeck.sources.registry import KINDS

    assert set(targets_file.HARMLESS) <= set(KINDS)


def test_environments_stand_before_names_where_there_are_several() -> None:
    found = targets_file.targets([state("redis", "redis://a:1"), state("redis", "redis://b:1", "b", "prod")])
    assert [one["name"] for one in found] == ["default redis", "prod b"]


def test_what_the_daemon_writes_is_what_a_widget_reads(tmp_path: Path) -> None:
    targets_file.write(tmp_path, targets_file.targets([state("litellm", "http://g:4000", "g")]))
    assert (tmp_path / alone.NAME).stat().st_mode & 0o077 == 0
    (found,) = alone.probes(str(tmp_path))
    assert (found.name, found.host, found.port, found.path) == ("g", "g", 4000, "/health/liveliness")
    assert alone.NAME == targets_file.NAME
    assert alone.MOST == targets_file.MOST_TARGETS


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"targets": 3}', '{"targets": [{}]}', '{"targets": [{"name": "a", "host": "h", "port": "x"}]}',
     '{"targets": [{"name": "a", "host": "h", "port": 0}]}',
     '{"targets": [{"name": "a", "host": "h", "port": 1, "path": "/ HTTP/1.0\\r\\nX: y"}]}'],
)  # fmt: skip
def test_a_broken_list_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / alone.NAME).write_text(content)
    assert alone.probes(str(tmp_path)) == []
    assert alone.probes("") == []


@pytest.mark.parametrize(
    ("answer", "path", "up"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "/health", True),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "/health", True),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "/health", False),
        (b"", "/health", False),
        (b"garbage", "/health", False),
        (b"", "", True),
    ],
)
def test_what_answers_is_up(answer: bytes, path: str, up: bool) -> None:
    bound = socket.create_server(("127.0.0.1", 0))
    probe = alone.Probe("name", "127.0.0.1", bound.getsockname()[1], path)
    with listening(bound, Asked().saying(answer)):
        alone.look([probe], time.monotonic() + 30)
    assert (probe.seconds is not None) is up


@pytest.mark.parametrize(
    ("services", "state"),
    [
        ([("gateway", "a", 1.0), ("engine", "a", 1.0), ("", "a", 1.0)], "ok"),
        ([("gateway", "a", 1.0), ("engine", "a", 1.0), ("", "a", None)], "warning"),
        ([("gateway", "a", 1.0), ("engine", "a", 1.0), ("engine", "a", None)], "warning"),
        ([("gateway", "a", None), ("engine", "a", 1.0)], "critical"),
        ([("gateway", "a", 1.0), ("engine", "a", 1.0), ("engine", "b", None)], "critical"),
    ],
)
def test_the_state_goes_by_what_is_down(services: list[tuple[str, str, float | None]], state: str) -> None:
    wanted = []
    for role, environment, seconds in services:
        probe = alone.Probe("name", "127.0.0.1", 9, "", role, environment)
        probe.seconds = seconds
        wanted.append(probe)
    assert alone.table(wanted, "no daemon")[1] == state


def test_who_hangs_delays_nobody() -> None:
    bound = socket.create_server(("127.0.0.1", 0))
    with socket.create_server(("127.0.0.1", 0)) as silent, listening(bound, Asked().saying(b"HTTP/1.1 200 OK\r\n\r\n")):
        quick = alone.Probe("quick", "127.0.0.1", bound.getsockname()[1], "/health")
        slow = alone.Probe("slow", "127.0.0.1", silent.getsockname()[1], "/health")
        alone.look([slow, quick], time.monotonic() + 1)
        lines, whole = alone.table([slow, quick], "no daemon")
    assert whole == "warning"
    assert lines[0] == "Health 1/2 up, no daemon"
    assert lines[1].endswith("DOWN -")
    assert "UP " in lines[2]
