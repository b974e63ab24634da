"""`inferdeck simulate serve` as a user runs it: in a process of its own, asked over the network, ended by a signal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferdeck.cli.simulate_serve import world_of
from inferdeck.config.load import load
from inferdeck.errors import UsageError
from inferdeck.model.clock import ManualClock
from inferdeck.simulate import scenario
from inferdeck.simulate.targets import targets
from inferdeck.sources.registry import config_classes
from tests.real.programs import free_port
from tests.unit.cli.test_commands import run

NOW = 1_795_428_000.0


@contextlib.contextmanager
def serving(tmp_path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start it with a folder for temporary files of its own, whose name is short; end it, if it still runs."""
    (tmp_path / "t").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "inferdeck", "simulate", "serve", *words],
        env={**os.environ, "TMPDIR": str(tmp_path / "t"), "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def printed(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read what it prints as JSON, which ends with a brace in the first column."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    found: dict[str, Any] = json.loads(text)
    return found


def ask(url: str, key: str = "", body: dict[str, Any] | None = None) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    if body is not None:
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_fleet_stands_still_is_read_and_refuses_what_needs_time(tmp_path: Path) -> None:
    with serving(tmp_path, "calm-day", "--frozen", "--at", "5m", "--json") as process:
        found = printed(process)
        assert (found["scenario"], found["speed"]) == ("calm-day", 0.0)
        assert found["now"] == found["start"] + 300
        by_name = {one["name"]: one for one in found["programs"]}
        (file,) = found["config_files"]
        assert (file["kind"], file["gateway"]) == ("litellm", "litellm")
        assert Path(file["path"]).is_relative_to(tmp_path / "t") and Path(file["path"]).stat().st_mode & 0o777 == 0o600
        assert set(by_name) == {one.process for one in targets(scenario.named("calm-day").fleet)}
        gateway, engine = by_name["litellm"], by_name["vllm-a"]
        metrics = [ask(f"{gateway['url']}/metrics/", gateway["key"])[1] for _ in range(2)]
        assert metrics[0] == metrics[1] and "litellm_proxy_total_requests_metric_total" in metrics[0]
        chat = {"model": "llama-3.3-70b", "messages": [{"role": "user", "content": "Hello"}]}
        for one in (gateway, engine):
            status, text = ask(f"{one['url']}/v1/chat/completions", one["key"], chat | {"stream": one is engine})
            assert status == 503 or "does not exist" in text or "Invalid model" in text, text
        status, text = ask(f"{gateway['url']}/v1/chat/completions", gateway["key"], chat | {"model": "gpt-4o-mini"})
        assert status == 503 and "stands still at 2026-" in text
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert list((tmp_path / "t").iterdir()) == []


def test_what_it_prints_is_the_configuration_that_watches_it(tmp_path: Path) -> None:
    with serving(tmp_path, "hostile-names", "--frozen", "--at", "1m") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("# inferdeck simulate serve: hostile-names")
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(20) == 0
    file = tmp_path / "inferdeck.yaml"
    file.write_text(rest)
    settings = load(path=file, environ={}, kinds=config_classes())
    fleet = scenario.named("hostile-names").fleet
    shown = {entry.name for kind in settings.sources.values() for entry in kind}
    assert shown == {one.process for one in targets(fleet) if one.source}
    assert all(one.kind in rest for one in targets(fleet))
    assert [one.gateway for one in settings.config_files] == [one.name for one in fleet.gateways]


def test_what_a_killed_one_left_is_swept_up_and_that_of_others_is_not(tmp_path: Path) -> None:
    with serving(tmp_path, "two-workers", "--json") as process:
        printed(process)
        (left,) = (tmp_path / "t").iterdir()
    (tmp_path / "t" / "inferdeck-serve-made-now").mkdir()
    (tmp_path / "t" / "inferdeck-other").mkdir()
    with serving(tmp_path, "two-workers", "--json") as process:
        printed(process)
        found = {one.name for one in (tmp_path / "t").iterdir()}
        assert left.name not in found
        assert len(found) == 3
        process.terminate()
        process.communicate(timeout=60)
        assert {one.name for one in (tmp_path / "t").iterdir()} == {"inferdeck-other", "inferdeck-serve-made-now"}


def test_ports_are_consecutive_and_a_taken_one_is_said(tmp_path: Path) -> None:
    base = free_port(40)
    with serving(tmp_path, "two-workers", "--port", str(base), "--folder", str(tmp_path / "made"), "--json") as process:
        found = printed(process)
        ports = [int(one["url"].rpartition(":")[2]) for one in found["programs"] if one["kind"] != "docker"]
        assert sorted(ports) == list(range(base, base + len(ports)))
        second = run(tmp_path, "simulate", "serve", "two-workers", "--port", str(base))
        assert second.returncode == 3 and f"port {base} of 127.0.0.1: address already in use" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert any(file.suffix == ".log" for file in (tmp_path / "made" / "logs").iterdir())
    with socket.socket() as free:
        free.bind(("127.0.0.1", base))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--speed", "2", "--frozen"), "not both"),
        (("--speed", "0"), "--frozen lets time stand still"),
        (("--speed", "nan"), "expected a number above 0"),
        (("--at", "soon"), "expected a duration such as 20m"),
        (("--at", "2020-01-01T00:00:00Z"), "when calm-day begins"),
        (("--port", "65530"), "there must be"),
        (("calm",), 'did you mean "calm-day"'),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    shown = run(tmp_path, "simulate", "serve", *words)
    assert shown.returncode == 2 and why in shown.stderr


def test_a_world_begins_where_it_is_asked_to() -> None:
    found, clock = scenario.named("calm-day"), ManualClock(NOW)
    live = world_of(found, clock, speed=2.0, at="20m", frozen=False)
    assert live.start == NOW - 1200
    still = world_of(found, clock, speed=1.0, at=None, frozen=True)
    assert (still.start, still.present()) == (found.start, found.start + found.duration)
    moment = world_of(found, clock, speed=1.0, at="2026-03-04T00:20:00Z", frozen=True)
    assert moment.present() == moment.start + 1200 == found.start + 1200
    fresh = world_of(found, clock, speed=1.0, at=None, frozen=False)
    assert fresh.present() == fresh.start == NOW


def test_a_time_before_the_beginning_is_none() -> None:
    with pytest.raises(UsageError, match="before 2026-03-04"):
        world_of(scenario.named("calm-day"), ManualClock(NOW), speed=1.0, at="2026-03-01T00:00:00Z", frozen=True)
