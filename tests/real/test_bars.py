"""A real tmux draws our status line and a real watch(1) our widget, as the text that was meant and not a sign more.

Both run in a pane of another tmux, which is read as a terminal would show it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from inferdeck.model.widget import Frame
from inferdeck.render.hosts import HOSTS
from inferdeck.render.hosts.bar import bar
from inferdeck.render.hosts.layout import block
from inferdeck.render.hosts.spans import plain
from tests.real.daemon import COMMAND, Place
from tests.real.programs import AbsentError
from tests.unit.render.hosts.hostile import WORST
from tests.unit.render.hosts.samples import WIDGETS, named

pytestmark = pytest.mark.real

WIDE, LINES, NAME_CELLS = 480, 5, 50
WAIT_SECONDS = 30.0


class Pane:
    """A terminal of a given size in which one program runs; gone with its server when it is closed."""

    def __init__(self, folder: Path, command: str, width: int, height: int, environment: Mapping[str, str]) -> None:
        program = shutil.which("tmux")
        if program is None:
            raise AbsentError("tmux is not installed: apt-get install tmux")
        self._tmux = [program, "-u", "-S", str(folder / "outer"), "-f", "/dev/null"]
        self._environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **environment}
        self._environment.pop("TMUX", None)
        size = ["-x", str(width), "-y", str(height)]
        # Without a status line of its own, the pane has the whole window; it outlives a program that ends in it.
        options = ["set", "-g", "status", "off", ";", "set", "-g", "remain-on-exit", "on"]
        self.run("new-session", "-d", *size, "sleep 60", ";", *options)
        self.run("respawn-window", "-k", command)

    def run(self, *arguments: str) -> str:
        """Run a command of tmux."""
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, env=self._environment, timeout=30, check=False
        )
        return done.stdout.decode()

    def lines(self) -> list[str]:
        """Return what is shown, without blanks at the ends."""
        return [line.rstrip() for line in self.run("capture-pane", "-p", "-t", ":").split("\n")]

    def until(self, seen: Callable[[list[str]], bool]) -> list[str]:
        """Return what is shown as soon as that is so, at the latest after a while."""
        end = time.monotonic() + WAIT_SECONDS
        while not seen(self.lines()) and time.monotonic() < end:
            time.sleep(0.1)
        return self.lines()

    def close(self) -> None:
        """End all of it."""
        self.run("kill-server")


class Panes(Protocol):
    """Starts a program in a pane."""

    def __call__(self, command: str, width: int, height: int, **environment: str) -> Pane: ...


@pytest.fixture
def panes(tmp_path: Path) -> Iterator[Panes]:
    opened: list[Pane] = []

    def start(command: str, width: int, height: int, **environment: str) -> Pane:
        opened.append(Pane(tmp_path, command, width, height, environment))
        return opened[-1]

    yield start
    for pane in opened:
        pane.close()


def inner(folder: Path, options: list[str]) -> str:
    """Return the command that runs a tmux with these options, read from its file."""
    (folder / "tmux.conf").write_text("".join(f"{line}\n" for line in options))
    return f"env -u TMUX -u TMUX_PANE tmux -u -S {folder}/inner -f {folder}/tmux.conf new-session cat"


def ask_inner(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["tmux", "-S", f"{folder}/inner", *arguments], capture_output=True, timeout=30, check=False)
    return done.stdout.decode()


def test_tmux_draws_hostile_names_as_text(tmp_path: Path, panes: Panes) -> None:
    frame = Frame(NAME_CELLS, icons="words", colour=True)
    per_line = -(-len(WORST) // LINES)
    options = [f"set -g status {LINES}", "set -g status-interval 1", "set -g default-terminal screen-256color"]
    wanted = []
    for line in range(LINES):
        names = WORST[line * per_line : (line + 1) * per_line]
        pieces = []
        for place, name in enumerate(names):
            (tmp_path / f"{line}-{place}").write_bytes(HOSTS["tmux"].draw(named(name), frame).encode())
            pieces.append(f"<#(cat {tmp_path}/{line}-{place})>")
        options.append(f'set -g status-format[{line}] "{"".join(pieces)}"')
        wanted.append("".join(f"<{plain(bar(named(name), frame))}>" for name in names))
    pane = panes(inner(tmp_path, options), WIDE, LINES + 2)
    try:
        shown = pane.until(lambda lines: all(line in lines for line in wanted))
        assert [line for line in shown if line.startswith("<")] == wanted
    finally:
        ask_inner(tmp_path, "kill-server")


@pytest.mark.parametrize("widget", ["health", "metrics"])
def test_tmux_draws_a_widget_in_its_status_line(widget: str, tmp_path: Path, panes: Panes) -> None:
    frame = Frame(icons="words", colour=True)
    (tmp_path / "drawn").write_bytes(HOSTS["tmux"].draw(WIDGETS[widget], frame).encode())
    options = [
        "set -g status-interval 1",
        "set -g status-right-length 80",
        f'set -g status-right "[#(cat {tmp_path}/drawn)]"',
        'set -g status-left ""',
        'set -g window-status-current-format ""',
    ]
    text = f"[{plain(bar(WIDGETS[widget], frame))}]"
    pane = panes(inner(tmp_path, options), 100, 5)
    try:
        shown = pane.until(lambda lines: any(text in line for line in lines))
        assert shown[4].strip() == text
        coloured = pane.run("capture-pane", "-p", "-e", "-t", ":")
        # The state has its colour, on the green that tmux gives its status line.
        assert f"[\x1b[{33 if widget == 'health' else 32}m{text.split(' ·')[0][1:]}" in coloured
    finally:
        ask_inner(tmp_path, "kill-server")


@pytest.mark.parametrize("host", ["text", "ansi"])
@pytest.mark.parametrize("name", ["health", "models", "providers"])
def test_watch_shows_the_widget(host: str, name: str, tmp_path: Path, panes: Panes) -> None:
    if shutil.which("watch") is None:
        raise AbsentError("watch is not installed: apt-get install procps")
    frame = Frame(44, 9, HOSTS[host].icons, HOSTS[host].colour)
    (tmp_path / "drawn").write_bytes(HOSTS[host].draw(WIDGETS[name], frame).encode())
    colour = "-c " if host == "ansi" else ""
    pane = panes(f"watch {colour}-t -n 1 cat {tmp_path}/drawn", 44, 9)
    wanted = [plain(line) for line in block(WIDGETS[name], frame)]
    shown = pane.until(lambda lines: lines[: len(wanted)] == wanted)
    assert shown[: len(wanted)] == wanted


def test_the_command_finds_out_where_it_runs(tmp_path: Path, panes: Panes) -> None:
    place = Place.of(tmp_path / "daemon", "redis: {url: 'redis://127.0.0.1:9', interval: {interval}}")
    known = {key: value for key, value in place.environment.items() if value is not None}
    shown = "warn 0/1 up · 127.0.0.1:9 down"
    options = [
        "set -g status-interval 1",
        "set -g status-right-length 60",
        f'set -g status-right "[#({COMMAND} widget health --timeout 20000)]"',
        'set -g status-left ""',
        'set -g window-status-current-format ""',
    ]
    with place.up():
        place.status_when(lambda status: any(one["health"] == "down" for one in status["services"]))
        pane = panes(inner(tmp_path, options), 80, 5, **known)
        try:
            assert pane.until(lambda lines: lines[4].strip() == f"[{shown}]")[4].strip() == f"[{shown}]"
        finally:
            ask_inner(tmp_path, "kill-server")
        pane.run("respawn-window", "-k", f"watch -t -x -n 1 {COMMAND} widget health --timeout 20000")
        found = pane.until(lambda lines: any("DOWN" in line for line in lines))
        assert found[0] == "Service Health Status"
        assert found[2].split() == ["⚠", "127.0.0.1:9", "(9)", "DOWN", "–"]
