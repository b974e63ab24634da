"""The board in a real tmux: what stands on the screen, keys, sizes, and what is left when it has gone."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.real.daemon import COMMAND
from tests.real.programs import executable

pytestmark = pytest.mark.real
SECONDS = 60.0
HOSTILE = r"printf '\033]0;stolen\007\033[2J\033[31mred\033[0m [b]x[/b]\033[?1049l #(touch pwned) \033[6n\n'"
FILE = """
layout:
  - type: horizontal
    stickers:
      - {{command: {hostile}, title: hostile, refresh: 1s}}
      - {{command: "sleep {mark} & sleep {mark}", title: slow, refresh: 1s}}
  - type: vertical
    stickers:
      - {{command: "seq 1 50", title: numbers, refresh: 1s}}
"""


class Pane:
    """A pane of a tmux server of its own."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def tmux(self, *words: str) -> str:
        run = subprocess.run(
            [executable("tmux", "apt-get install tmux"), "-S", str(self.socket), "-f", "/dev/null", *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return run.stdout

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    def when(self, wanted: Callable[[str], bool]) -> str:
        """Return the screen as soon as it is as wanted."""
        end = time.monotonic() + SECONDS
        while not wanted(shown := self.text()):
            assert time.monotonic() < end, shown
            time.sleep(0.05)
        return shown


@contextlib.contextmanager
def pane(folder: Path, command: str, width: int = 100, height: int = 30, **variables: str) -> Iterator[Pane]:
    found = Pane(folder / "tmux")
    own = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "NO_COLOR": "", **variables}
    settings = [word for key, value in own.items() for word in ("-e", f"{key}={value}")]
    size = ["-x", str(width), "-y", str(height)]
    done = f"cd {shlex.quote(str(folder))}; {command}; echo left with $?; stty -a | grep -c ' echo '; exec sleep 1000"
    found.tmux("-u", "new-session", "-d", *size, *settings, f"sh -c {shlex.quote(done)}")
    try:
        found.tmux("set", "-g", "status", "off")
        found.tmux("resize-window", *size)
        yield found
    finally:
        found.tmux("kill-server")


@pytest.fixture
def mark() -> str:
    """Seconds that nobody else sleeps, so that what is left behind can be told from others."""
    return f"9{os.getpid()}.5"


@pytest.fixture
def file(tmp_path: Path, mark: str) -> str:
    (tmp_path / "b.yaml").write_text(FILE.format(hostile="'" + HOSTILE.replace("'", "''") + "'", mark=mark))
    return f"{COMMAND} board b.yaml"


def asleep(mark: str) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["cmdline"] == ["sleep", mark] and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def boards(folder: Path) -> list[psutil.Process]:
    """Return the boards that were started in a folder."""
    found = [one for one in psutil.process_iter(["cmdline", "cwd"]) if one.info["cwd"] == str(folder)]
    return [one for one in found if (one.info["cmdline"] or [])[-2:] == ["board", "b.yaml"]]


def drawn(shown: str) -> bool:
    return "[b]x[/b]" in shown and "first run" in shown and "\n│1 " in shown.replace("┃", "│")


def gone(mark: str) -> None:
    end = time.monotonic() + SECONDS
    while asleep(mark):
        assert time.monotonic() < end, "a command outlived its board"
        time.sleep(0.05)


def test_the_screen_shows_every_sticker_and_keeps_hostile_output_as_text(tmp_path: Path, file: str, mark: str) -> None:
    with pane(tmp_path, file) as screen:
        shown = screen.when(drawn)
        lines = shown.splitlines()
        assert "red [b]x[/b] #(touch pwned)" in shown
        assert re.fullmatch("┏┃+┗╭│+╰", "".join(line[0] for line in lines[:-1]))
        assert (len(lines), {len(line) for line in lines[:-1]}) == (30, {100})
        assert lines[-1].startswith("b · 3 stickers") and lines[-1].endswith("m maximise")
        assert "stolen" not in screen.tmux("display-message", "-p", "#{pane_title}")
        coloured = screen.tmux("capture-pane", "-p", "-e")
        assert re.search(r"\x1b\[[0-9;]*38;[0-9;]*mred", coloured)
        screen.press("q")
        screen.when(lambda text: "left with 0\n1\n" in text)
    assert not (tmp_path / "pwned").exists()
    gone(mark)


def test_keys_work_in_a_terminal(tmp_path: Path, file: str) -> None:
    with pane(tmp_path, file) as screen:
        screen.when(drawn)
        screen.press("Tab", "Tab", "m")
        screen.when(lambda text: "hostile" not in text and "\n┃27" in text)
        screen.press("Down", "Down")
        screen.when(lambda text: "\n┃29" in text)
        screen.press("Escape")
        screen.when(lambda text: "hostile" in text)
        screen.press("p")
        screen.when(lambda text: "PAUSED" in text)
        screen.press("?")
        screen.when(lambda text: "leave; so does Ctrl-C" in text)
        screen.press("q")
        screen.when(lambda text: "left with 0" in text)


def test_the_window_may_shrink_to_20_by_5_and_grow_again(tmp_path: Path, file: str) -> None:
    with pane(tmp_path, file) as screen:
        screen.when(drawn)
        screen.tmux("resize-window", "-x", "20", "-y", "5")
        small = screen.when(lambda text: len(text.splitlines()) == 5 and "b · 3" in text)
        assert all(len(line) <= 20 for line in small.splitlines())
        screen.tmux("resize-window", "-x", "100", "-y", "30")
        screen.when(drawn)
        screen.press("C-c")
        screen.when(lambda text: "left with 0" in text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_board_and_its_commands(number: int, tmp_path: Path, file: str, mark: str) -> None:
    with pane(tmp_path, file) as screen:
        screen.when(drawn)
        (board,) = boards(tmp_path)
        assert asleep(mark)
        board.send_signal(number)
        screen.when(lambda text: "left with 0\n1\n" in text)
    gone(mark)


def test_no_color_leaves_the_terminals_own(tmp_path: Path, file: str) -> None:
    with pane(tmp_path, file, NO_COLOR="1") as screen:
        screen.when(drawn)
        coloured = screen.tmux("capture-pane", "-p", "-e")
        codes = {code for part in re.findall(r"\x1b\[([0-9;]*)m", coloured) for code in part.split(";")}
        assert codes <= {"", "0", "1", "2", "4", "7", "39", "49"}


def test_a_terminal_that_is_closed_takes_the_board_and_its_commands_with_it(
    tmp_path: Path, file: str, mark: str
) -> None:
    with pane(tmp_path, file) as screen:
        screen.when(drawn)
        assert asleep(mark)
        (board,) = boards(tmp_path)
    board.wait(SECONDS)
    gone(mark)
