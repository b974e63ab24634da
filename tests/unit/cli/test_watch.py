"""`status` against a served daemon: once, piped, and redrawn in place on a real pseudo-terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferdeck.model.answers import Status
from inferdeck.model.json_form import build
from tests.unit.api.place import Place, questions, served

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("place"), viewer="look") as found:
        yield found


def environment(**changes: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("INFERDECK", "NO_COLOR"))}
    return {**clean, "TERM": "xterm-256color", **changes}


def piped(place: Place, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inferdeck", *words, "--url", place.url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment(**changes))


def test_a_token_comes_from_the_environment_or_a_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("look\n")
    assert piped(place, "status").returncode == 4
    assert piped(place, "status", INFERDECK_TOKEN="wrong").returncode == 4
    assert piped(place, "status", INFERDECK_TOKEN="look").returncode == 0
    assert piped(place, "status", INFERDECK_TOKEN_FILE=str(tmp_path / "token")).returncode == 0
    assert piped(place, "status", INFERDECK_TOKEN_FILE=str(tmp_path / "none")).returncode == 2


def test_json_is_the_whole_answer(place: Place) -> None:
    found = piped(place, "status", "--json", INFERDECK_TOKEN="look")
    assert build(Status, json.loads(found.stdout)) == questions().status()


def test_piped_output_is_plain(place: Place) -> None:
    for words in (("status",), ("sources", "list"), ("sources", "explain", "gate"), ("doctor",)):
        found = piped(place, *words, INFERDECK_TOKEN="look")
        assert "\x1b" not in found.stdout
        assert found.stdout


@contextlib.contextmanager
def on_terminal(place: Place, **changes: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (60, 100))
    command = [sys.executable, "-m", "inferdeck", "status", "--watch", "-n", "0.2", "--url", place.url]
    settings: dict[str, Any] = {"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True}
    # A shell starts what runs in its background with Ctrl-C ignored, and children inherit that.
    settings["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, env=environment(INFERDECK_TOKEN="look", **changes), **settings)
    try:
        yield process, master
    finally:
        process.kill()
        process.wait(20)
        os.close(master)
        os.close(slave)


def read_until(master: int, wanted: bytes, so_far: bytes = b"") -> bytes:
    end = time.monotonic() + 30
    while wanted not in so_far and time.monotonic() < end:
        so_far += os.read(master, 65536)
    assert wanted in so_far
    return so_far


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_the_terminal_is_given_back(place: Place, number: signal.Signals, code: int) -> None:
    with on_terminal(place) as (process, master):
        before = termios.tcgetattr(master)
        shown = read_until(master, b"INFERDECK")
        assert ENTER in shown
        assert b"\x1b[3" in shown
        assert b"\x1b[2J" not in shown
        assert termios.tcgetattr(master)[3] & termios.ECHO == 0
        process.send_signal(number)
        rest = read_until(master, LEAVE)
        assert process.wait(20) == code
        assert b"\x1b[?25h" in rest
        assert b"Traceback" not in rest
        assert termios.tcgetattr(master)[3] == before[3] or termios.tcgetattr(master)[3] & termios.ECHO


def test_q_ends_the_view_and_no_color_is_heeded(place: Place) -> None:
    with on_terminal(place, NO_COLOR="1") as (process, master):
        shown = read_until(master, b"INFERDECK")
        assert b"\x1b[3" not in shown
        os.write(master, b"q")
        read_until(master, LEAVE)
        assert process.wait(20) == 130
