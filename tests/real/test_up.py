"""`inferdeck up` as a user runs it, beside a real Redis and a real Prometheus."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real import programs
from tests.real.daemon import Place, all_up, service

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The `sources` of a daemon beside a Redis and a Prometheus."""
    directory = tmp_path_factory.mktemp("stack")
    with (
        programs.redis_server(directory / "redis", "--maxmemory", "64mb") as redis,
        programs.prometheus(directory / "prometheus") as prometheus,
    ):
        yield (
            "host: {interval: {interval}}\n"
            f"redis: {{url: {redis.url}, interval: {{interval}}}}\n"
            f"prometheus: {{url: {prometheus.url}, interval: {{interval}}}}"
        )


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.loads(response.read())


def test_status_shows_each_service_up(tmp_path: Path, stack: str) -> None:
    place = Place.of(tmp_path, stack)
    with place.up():
        # Processor time is a rate: it takes two collections.
        status = place.status_when(lambda found: all_up(found) and found["hosts"][0]["cpu"]["value"] is not None)
        text = place.run("status")
    assert {found["kind"] for found in status["services"]} == {"host", "redis", "prometheus"}
    assert service(status, "redis")["version"] == "Redis 7.0.15"
    assert service(status, "redis")["latency"]["value"] > 0
    assert status["caches"][0]["memory_limit"]["value"] == 64 * 2**20
    assert status["caches"][0]["keys"]["value"] == 0
    assert status["hosts"][0]["cores"]["value"] >= 1
    assert status["gateways"] == []
    assert text.returncode == 0
    assert "redis" in text.stdout
    assert "\x1b" not in text.stdout


def test_the_api_gives_what_status_shows(tmp_path: Path, stack: str) -> None:
    place = Place.of(tmp_path, stack)
    with place.up() as daemon:
        shown = place.status_when(all_up)
        given = _get(f"{daemon.url}/api/status")
    assert {found["id"] for found in given["services"]} == {found["id"] for found in shown["services"]}


def test_a_second_up_says_that_one_runs_and_shows_its_status(tmp_path: Path, stack: str) -> None:
    place = Place.of(tmp_path, stack)
    with place.up() as daemon:
        place.status_when(all_up)
        second = place.run("up")
        assert daemon.process.poll() is None
    assert second.returncode == 0, second.stderr
    assert daemon.address in second.stdout + second.stderr
    assert "redis" in second.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, stack: str, number: signal.Signals) -> None:
    place = Place.of(tmp_path, stack)
    with place.up() as daemon:
        place.status_when(all_up)
        daemon.process.send_signal(number)
        assert daemon.process.wait(60) == 0, daemon.log()
        assert "Traceback" not in daemon.log(1000)
    after = place.run("status")
    assert after.returncode == 3
    assert "inferdeck up" in after.stderr


def test_kill_9_loses_no_history(tmp_path: Path, stack: str) -> None:
    place = Place.of(tmp_path, stack)
    with place.up() as daemon:
        place.status_when(lambda status: all_up(status) and status["store"]["samples"]["value"] > 2000)
        before = place.status()
        daemon.process.kill()
        daemon.process.wait(60)
    time.sleep(2.0)
    with place.up():
        after = place.status_when(all_up)
    # What the daemon says of its store is some seconds old.
    assert after["time"] - after["store"]["oldest"]["value"] < before["time"] - 2.0
    assert after["store"]["samples"]["value"] >= before["store"]["samples"]["value"]
    assert after["store"]["quarantined"]["value"] == 0


def test_a_source_that_dies_is_shown_down_with_its_cause_and_the_others_go_on(tmp_path: Path, stack: str) -> None:
    with programs.valkey_server(tmp_path / "valkey") as valkey:
        place = Place.of(tmp_path / "daemon", f"{stack}\nlitellm: {{url: {valkey.url.replace('redis', 'http')}}}")
        with place.up():
            status = place.status_when(lambda found: service(found, "litellm").get("health") == "down")
            fine = place.status_when(lambda found: service(found, "redis").get("health") == "up")
    assert valkey.address in service(status, "litellm")["error"]
    assert service(fine, "host")["health"] == "up"
