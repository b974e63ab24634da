"""The harness itself: programs start on free ports, end with their block, and say why they did not start."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

import pytest

from tests.real import programs, tiny_gguf

pytestmark = pytest.mark.real


def _status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as response:
        return int(response.status)


def test_light_programs_start_answer_and_end(tmp_path: Path) -> None:
    with (
        programs.redis_server(tmp_path / "redis") as redis,
        programs.redis_exporter(tmp_path / "exporter", redis.url) as exporter,
        programs.node_exporter(tmp_path / "node") as node,
        programs.prometheus(tmp_path / "prometheus") as prometheus,
    ):
        assert programs.pongs(redis.port)
        assert _status(f"{exporter.url}/metrics") == 200
        assert _status(f"{node.url}/metrics") == 200
        assert _status(f"{prometheus.url}/-/healthy") == 200
        started = [redis, exporter, node, prometheus]
    assert all(program.process.poll() is not None for program in started)
    assert not programs.pongs(redis.port)


def test_valkey_starts(tmp_path: Path) -> None:
    with programs.valkey_server(tmp_path) as valkey:
        assert programs.pongs(valkey.port)


def test_promtool_checks_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text("global: {scrape_interval: 15s}\n")
    assert programs.promtool("check", "config", str(file)).returncode == 0


def test_a_program_that_does_not_start_fails_with_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such model'); raise SystemExit(3)"]
    with (
        pytest.raises(programs.NotStartedError, match=r"(?s)broken ended with status 3.*no such model"),
        programs.running("broken", command, tmp_path, port=1, ready=lambda _: False),
    ):
        pass


def test_an_absent_program_names_the_command_that_installs_it() -> None:
    with pytest.raises(programs.AbsentError, match="no-such-program is not installed: run scripts/real light"):
        programs.executable("no-such-program")


@pytest.mark.heavy
def test_llama_server_serves_the_tiny_model(tmp_path: Path) -> None:
    model = tiny_gguf.write(tmp_path / "tiny.gguf")
    with programs.llama_server(tmp_path, model) as llama:
        assert _status(f"{llama.url}/metrics") == 200
