"""`inferdeck probe routing` as a program: what it asks whom, its exit codes, its output, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from inferdeck.simulate.servers.litellm.identity import MASTER_KEY
from tests.probing.simulated import ROUTES, SPEED, scenario_file
from tests.real.daemon import Place

COMMAND = str(Path(sys.executable).parent / "inferdeck")
WRONG = """
litellm: {fallbacks: {gpt-4o: [llama-70b, claude-sonnet-4], claude-sonnet-4: [gpt-4o]}}
llama-west: {weight: 0.02}
"""
LITELLM = "litellm"


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "INFERDECK_DATA_DIR": str(folder / "none"), **more}


def probe(folder: Path, *options: str, **more: str) -> Outcome:
    command = [COMMAND, "probe", "routing", *options]
    done = subprocess.run(
        command, cwd=folder, env=environ(folder, **more), capture_output=True, text=True, timeout=120, check=False
    )
    assert MASTER_KEY not in done.stdout + done.stderr
    return Outcome(done.returncode, done.stdout, done.stderr)


@contextmanager
def fleet(folder: Path, change: str = "", timeline: str = "", speed: float = SPEED) -> Iterator[dict[str, Any]]:
    """Run `inferdeck simulate serve` on a scenario over fleet.yaml; gives what it prints with --json."""
    file = scenario_file(folder, change, timeline)
    command = [COMMAND, "simulate", "serve", str(file), "--json", "--speed", str(speed), "--folder", str(folder / "f")]
    process = subprocess.Popen(
        command, cwd=folder, env=environ(folder), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "}\n":
                break
        yield json.loads("".join(lines))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def url(served: dict[str, Any]) -> str:
    return str(next(one["url"] for one in served["programs"] if one["kind"] == LITELLM))


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with fleet(tmp_path_factory.mktemp("wrong"), WRONG) as served:
        yield served


def failed(outcome: Outcome) -> dict[str, str]:
    results = json.loads(outcome.out)["results"]
    return {one["id"]: one["cause"] for one in results if one["state"] == "failed"}


def test_the_gateway_of_inferdeck_yaml_is_probed_without_a_daemon(wrong: dict[str, Any], tmp_path: Path) -> None:
    """Its own settings are what it follows, so that only what they contradict is found: nothing."""
    litellm = wrong["sources"][LITELLM]
    (tmp_path / "inferdeck.yaml").write_text(json.dumps({"sources": {LITELLM: litellm}}), encoding="utf-8")
    found = probe(tmp_path, "--format", "json", "--kind", "direct", INFERDECK_CONFIG=str(tmp_path / "inferdeck.yaml"))
    assert found.code == 0, found.err
    assert json.loads(found.out)["simulated"] is True
    assert "(the simulator)" in found.err
    assert "nobody pays" in found.err


def test_a_file_of_routes_finds_both_faults(wrong: dict[str, Any], tmp_path: Path) -> None:
    found = probe(
        tmp_path, "--config", str(ROUTES), "--gateway", url(wrong), "--format", "json", LITELLM_API_KEY=MASTER_KEY
    )
    assert found.code == 1, found.err
    assert failed(found) == {"fallback:gpt-4o": "wrong order", "pool:llama-70b": "starved pool member"}
    assert "requests  ✗ fallback:gpt-4o" in found.err


def test_junit_and_text_go_to_standard_output(wrong: dict[str, Any], tmp_path: Path) -> None:
    options = ("--gateway", url(wrong), "--model", "gpt-4o", "--kind", "direct")
    text = probe(tmp_path, *options, LITELLM_API_KEY=MASTER_KEY)
    assert (text.code, text.out.splitlines()[0]) == (0, "✓ direct:gpt-4o  answered by gpt")
    junit = probe(tmp_path, *options, "--format", "junit", LITELLM_API_KEY=MASTER_KEY)
    assert ElementTree.fromstring(junit.out).get("tests") == "1"


def test_what_the_daemon_knows_makes_the_cases(wrong: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "model-mappings.yaml").write_text(ROUTES.read_text(encoding="utf-8"), encoding="utf-8")
    place = Place.of(tmp_path / "daemon", f"{LITELLM}: {json.dumps(wrong['sources'][LITELLM])}")
    with place.config.open("a", encoding="utf-8") as file:
        file.write(f"config_files: [{{path: {tmp_path / 'model-mappings.yaml'}}}]\n")
    with place.up():
        _until_routes(place)
        found = probe(tmp_path, "--format", "json", INFERDECK_CONFIG=str(place.config), INFERDECK_DATA_DIR="")
    assert found.code == 1, found.err
    assert failed(found) == {"fallback:gpt-4o": "wrong order", "pool:llama-70b": "starved pool member"}
    source = {one["id"]: one["source"] for one in json.loads(found.out)["results"]}
    assert source["fallback:gpt-4o"] == "model-mappings.yaml"
    assert "capability:vision/gpt-4o" in source


def _until_routes(place: Place) -> None:
    """Wait until the daemon has read both the gateway and the file."""
    origins: set[str] = set()
    for _ in range(600):
        done = subprocess.run(
            [COMMAND, "routes", "--json"],
            env=environ(place.directory, INFERDECK_CONFIG=str(place.config), INFERDECK_DATA_DIR=""),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        origins = {one["origin"] for one in json.loads(done.stdout)["items"]} if done.returncode == 0 else set()
        if len(origins) == 2:
            return
        time.sleep(0.2)
    raise AssertionError(f"the daemon tells routes of {origins} alone")


def test_ctrl_c_ends_it_with_what_was_found(tmp_path: Path) -> None:
    """The world hardly goes on, so that answers never come."""
    with fleet(tmp_path, speed=0.001) as served:
        command = [COMMAND, "probe", "routing", "--gateway", url(served), "--format", "json"]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environ(tmp_path, LITELLM_API_KEY=MASTER_KEY),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Cost:"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    found = json.loads(out)
    assert found["interrupted"] is True
    assert {one["summary"] for one in found["results"] if one["state"] == "skipped"} >= {"interrupted"}
    assert "Traceback" not in err


def test_a_gateway_that_answers_too_late_fails_its_cases(tmp_path: Path) -> None:
    with fleet(tmp_path, speed=0.001) as served:
        options = ("--gateway", url(served), "--kind", "direct", "--format", "json", "--timeout", "0.5")
        found = probe(tmp_path, *options, LITELLM_API_KEY=MASTER_KEY)
    assert found.code == 1, found.err
    assert set(failed(found).values()) == {"no answer in time"}


@contextmanager
def stranger(answer: bytes) -> Iterator[str]:
    """Answer every connection with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_nothing_and_strangers_are_no_gateway(tmp_path: Path) -> None:
    down = probe(tmp_path, "--gateway", "http://127.0.0.1:9")
    assert (down.code, down.out) == (3, "")
    assert "no gateway answers at http://127.0.0.1:9" in down.err
    with stranger(b"220 mail.example ESMTP\r\n") as address:
        odd = probe(tmp_path, "--gateway", address)
    assert (odd.code, odd.out) == (3, "")
    assert "is this a gateway?" in odd.err


def test_wrong_use_is_told(tmp_path: Path) -> None:
    nobody = probe(tmp_path)
    assert nobody.code == 3
    assert "no daemon is running" in nobody.err
    (tmp_path / "cases.yaml").write_text("cases:\n  - {direkt: a}\n", encoding="utf-8")
    wrong = probe(tmp_path, "--config", "cases.yaml", "--gateway", "http://127.0.0.1:9")
    assert wrong.code == 2
    assert 'cases.yaml:2: cases[0].direkt: unknown key, did you mean "direct"?' in wrong.err
    assert probe(tmp_path, "--gateway", "ftp//x").code in (2, 3)
    assert probe(tmp_path, "--timeout", "0").code == 2
