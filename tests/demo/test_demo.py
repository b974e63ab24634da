"""`inferdeck demo` as a program: it answers, its past joins the present, and nothing is left after any way out."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from inferdeck.client.tiny import Address, Client

COMMAND = str(Path(sys.executable).parent / "inferdeck")
PATIENCE = 120.0


@dataclass(frozen=True)
class Running:
    """A demo on its way."""

    process: subprocess.Popen[str]
    cache: Path
    lines: list[str]

    def line(self, wanted: str) -> str:
        """Read what it says until a line holds this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if wanted in line:
                return line
        raise AssertionError(f"it never said {wanted!r}: {self.lines}")

    @property
    def client(self) -> Client:
        (socket,) = self.cache.glob("inferdeck/demo-*/inferdeck.sock")
        return Client(Address(socket_path=str(socket)), 30.0)

    def ask(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.prometheus("query", {"query": query})["data"]["result"]
        return found


@contextlib.contextmanager
def demo(cache: Path, *words: str) -> Iterator[Running]:
    # A path of a unix socket has at most 107 bytes.
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"}
    for name in ("INFERDECK_CONFIG", "INFERDECK_URL", "INFERDECK_TOKEN"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [COMMAND, "demo", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield Running(process, cache, [])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("c")


def eventually(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def processes_of(cache: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(cache) in " ".join(process.cmdline()) and "inferdeck" in " ".join(process.cmdline()):
                found.append(process)
    return found


def gone(cache: Path) -> bool:
    return not processes_of(cache) and not list(cache.glob("inferdeck/demo-*"))


def test_the_past_joins_the_present_and_all_of_it_says_that_it_is_simulated(cache: Path) -> None:
    with demo(cache, "--days", "0.1") as running:
        running.line("Ctrl-C stops")
        status = running.client.status()
        assert status.own.note.startswith("simulated fleet small-company")
        running.line("days of the past are there")
        eventually(lambda: _up(running) and len(running.ask("count_over_time(up[1m]) >= 3")) > 5, "collections")
        assert running.ask('count({simulated!="true", __name__=~".+"})') == []
        assert float(running.ask("count(up)")[0]["value"][1]) == len(running.client.status().services)
        # The played past ends where the fleet began to be watched; no counter knows of it.
        for counter in (
            "litellm_total_tokens_metric_total",
            "llm_requests_total",
            "llm_tokens_used_total",
            "vllm:generation_tokens_total",
            "node_cpu_seconds_total",
            "redis_commands_processed_total",
            "llamacpp:tokens_predicted_total",
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        ):
            # A family of its own may be quiet for an hour at night; what there is must not have been set back.
            assert running.ask(f"max(resets({{__name__='{counter}'}}[30m])) > 0") == [], counter
            assert running.ask(f"count(count_over_time({{__name__='{counter}'}}[30m]) > 60)"), counter
        # Nor does one of which the last digit would do.
        assert running.ask('resets({__name__=~".+_(total|count|sum)"}[30m]) > 0') == []
        assert running.ask("absent_over_time(up{job='litellm'}[1m] offset 110m)") == []
        # One line in a chart: what a source makes of labels is made of the past's too.
        for name in (
            "DCGM_FI_DEV_GPU_UTIL",
            "tgi_queue_size",
            "llamacpp:requests_processing",
            "vllm:num_requests_running",
        ):
            assert running.ask(f"{name} offset 30m"), name
            assert running.ask(f"{name} offset 30m unless {name}") == [], name
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 0
        eventually(lambda: gone(cache), "all of it is gone")


def _up(running: Running) -> bool:
    services = running.client.status().services
    return bool(services) and all(service.health == "up" for service in services)


def test_what_a_program_runs_by_and_writes_is_there_once(cache: Path) -> None:
    with demo(cache, "--days", "0") as running:
        running.line("Ctrl-C stops")

        def drifts() -> list[str]:
            return [one.drift.state for one in running.client.config_files().items]

        eventually(lambda: drifts() == ["same"], "the gateway's file, beside what it runs")
        (file,) = running.client.config_files().items
        assert Path(file.path).is_relative_to(cache) and Path(file.path).stat().st_mode & 0o777 == 0o600
        eventually(lambda: any(one.name == "litellm" for one in running.client.log_streams().streams), "its lines")
        assert [one.origin for one in running.client.log_streams().streams if "litellm" in one.name] == ["docker"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_however_it_ends(cache: Path, number: signal.Signals) -> None:
    with demo(cache, "--days", "3") as running:
        running.line("Ctrl-C stops")
        eventually(lambda: len(processes_of(cache)) >= 2, "the fleet and the past")
        running.process.send_signal(number)
        assert running.process.wait(60) == (0 if number is signal.SIGTERM else -number)
        eventually(lambda: gone(cache), "all of it is gone")


def test_what_a_killed_player_did_not_finish_is_played_again(cache: Path) -> None:
    with demo(cache, "--days", "0.05") as running:
        running.line("Ctrl-C stops")

        def players() -> list[psutil.Process]:
            return [one for one in processes_of(cache) if "inferdeck.demo.past" in one.cmdline()]

        eventually(lambda: bool(players()), "a player")
        players()[0].kill()
        assert "0.05 of 0.05 days" in running.line("days of the past are there")
        assert any("are played again" in line for line in running.lines)
        assert running.ask("count_over_time(up{job='litellm'}[30m] offset 10m) > 100")


def test_without_its_fleet_it_ends_and_says_so(cache: Path) -> None:
    with demo(cache, "--days", "0") as running:
        running.line("Ctrl-C stops")
        (fleet,) = (one for one in processes_of(cache) if "inferdeck.demo.fleet" in one.cmdline())
        fleet.kill()
        assert "ended by itself" in running.line("ended by itself")
        assert running.process.wait(60) == 3
        eventually(lambda: gone(cache), "all of it is gone")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--days", "-1"], "--days -1: takes 0 to 60"),
        (["--speed", "0"], "--speed 0: takes more than 0"),
        (["--port", "70000"], "--port 70000: takes 0"),
        (["--scenario", "calm-dya"], "calm-day"),
    ],
)
def test_what_cannot_be_is_told(cache: Path, words: list[str], told: str) -> None:
    with demo(cache, *words) as running:
        assert told in running.line("inferdeck:")
        assert running.process.wait(30) == 2


def test_a_port_that_is_taken_is_told_before_anything_begins(cache: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(cache, "--port", str(port)) as running:
            assert f"--port {port}: cannot be had" in running.line("inferdeck:")
            assert running.process.wait(30) == 3
    assert running.lines[0].startswith("inferdeck:")


def test_without_a_daemon_the_demos_that_run_are_named(cache: Path) -> None:
    def asked() -> str:
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "INFERDECK_DATA_DIR": str(cache / "none")}
        done = subprocess.run([COMMAND, "status"], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 3
        return done.stderr

    assert "a demo runs" not in asked()
    with demo(cache, "--days", "0") as running:
        running.line("Ctrl-C stops")
        (folder,) = cache.glob("inferdeck/demo-*")
        assert f"export INFERDECK_CONFIG={folder}/inferdeck.yaml" in asked()


def test_clean_says_what_it_did(cache: Path) -> None:
    left = cache / "inferdeck" / "demo-left"
    left.mkdir(parents=True)
    (left / "lock").touch()
    with demo(cache, "--clean") as running:
        running.line(f"removed {left}")
    with demo(cache, "--clean") as running:
        running.line("nothing was left behind")
    assert list((cache / "inferdeck").iterdir()) == []
