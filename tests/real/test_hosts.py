"""tmux and watch(1), the real ones, with the files that inferdeck hosts writes, against a running daemon."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from inferdeck.faces.hosts.wanted import LAYOUTS
from tests.real.daemon import COMMAND, Place

pytestmark = pytest.mark.real
SECONDS = 120.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place.of(tmp_path_factory.mktemp("hosts"), "redis: {url: 'redis://127.0.0.1:9', interval: {interval}}")
    with found.up():
        found.status_when(lambda status: any(one["health"] == "down" for one in status["services"]))
        yield found


class Tmux:
    """A tmux of its own, which sees nothing of the user's; its terminal is 200 by 50."""

    def __init__(self, place: Place, folder: Path) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("tmux is not installed")
        known = {**os.environ, **place.environment, "TMUX": None, "TMUX_TMPDIR": str(folder), "TERM": "xterm-256color"}
        self.environment = {name: value for name, value in known.items() if value is not None}
        self.environment["LC_ALL"] = "C.UTF-8"

    @contextlib.contextmanager
    def shown(self, lines: int) -> Iterator[Callable[[], str]]:
        """Attach to it from a second tmux, whose pane is its terminal, and return what stands there."""
        # A status line is drawn for a client alone.
        attach = "env -u TMUX -u TMUX_PANE tmux -L default attach"
        outer = ("-L", "outer")
        self(*outer, "-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", str(lines), attach)
        try:
            yield lambda: self(*outer, "capture-pane", "-p")
        finally:
            self(*outer, "kill-server")

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", *words], env=self.environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def tmux(place: Place, tmp_path: Path) -> Iterator[Tmux]:
    # A socket's path may be 107 bytes long.
    folder = Path("/tmp") / f"inferdeck-tmux-{os.getpid()}"
    folder.mkdir(mode=0o700)
    found = Tmux(place, folder)
    try:
        yield found
    finally:
        subprocess.run(
            ["tmux", "kill-server"], env=found.environment, capture_output=True, timeout=SECONDS, check=False
        )
        shutil.rmtree(folder, ignore_errors=True)


def until(look: Callable[[], str], wanted: str) -> str:
    """Return what is seen as soon as the wanted text is in it; AssertionError with the last of it where it never is."""
    end = time.monotonic() + SECONDS
    while wanted not in (seen := look()):
        assert time.monotonic() < end, seen
        time.sleep(0.1)
    return seen


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tmux_reads_the_file_and_shows_the_second_line(place: Place, tmux: Tmux, tmp_path: Path, layout: str) -> None:
    assert place.run("hosts", "write", "tmux", "--layout", layout, "--out", str(tmp_path)).returncode == 0
    tmux("-f", "/dev/null", "new-session", "-d", "-s", "inner", "-x", "200", "-y", "20")
    mine = tmux("show-options", "-gv", "status-right")
    tmux("source-file", str(tmp_path / "inferdeck.tmux.conf"))
    assert tmux("show-options", "-gv", "status-right") == mine
    assert tmux("show-options", "-gv", "status") == "2\n"
    with tmux.shown(24) as look:
        seen = until(look, "127.0.0.1:9 down")
    line = next(line for line in seen.splitlines() if "127.0.0.1:9 down" in line)
    # Two lines of status: ours stands below the user's own.
    assert "inner" in seen
    assert "#[" not in line
    assert "\\x1b" not in line


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sessions_open_once_with_their_panes(place: Place, tmux: Tmux, tmp_path: Path, layout: str) -> None:
    # The panes' programs are those of the user; here it is enough that they are started as they are written.
    program = tmp_path / "bin" / "in ferdeck"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "started: $*"\n')
    program.chmod(0o755)
    out = ("--program", str(program), "--out", str(tmp_path))
    assert place.run("hosts", "write", "tmux", "--layout", layout, *out).returncode == 0
    script = tmp_path / f"inferdeck-tmux-{layout}.sh"
    for _ in range(2):
        subprocess.run([script, "-d"], env=tmux.environment, timeout=SECONDS, check=True)
    names = tmux("list-sessions", "-F", "#{session_name}").split()
    assert len(names) == 1
    panes = tmux("list-panes", "-s", "-t", names[0], "-F", "#{pane_id}").split()
    # With what has left a low pane at its top: the words of a command may be longer than the pane.
    look = ("capture-pane", "-p", "-S", "-")
    started = [until(partial(tmux, *look, "-t", pane), "started: ") for pane in panes]
    wanted = {"development": 2, "production": 1, "incident": 4}[layout]
    assert len(panes) == wanted
    assert any("started: board" in text for text in started)


def test_the_host_is_guessed_in_tmuxs_status_line(place: Place, tmux: Tmux) -> None:
    tmux("-f", "/dev/null", "new-session", "-d", "-s", "inner", "-x", "100", "-y", "10")
    tmux("set", "-g", "status-right", f"#({COMMAND} widget health)")
    tmux("set", "-g", "status-right-length", "90")
    with tmux.shown(12) as look:
        seen = until(look, "127.0.0.1:9 down")
    assert "#[" not in seen


def test_watch_shows_a_widget_in_its_own_size(place: Place, tmp_path: Path) -> None:
    if shutil.which("watch") is None:
        pytest.skip("watch is not installed")
    assert place.run("hosts", "write", "watch", "--out", str(tmp_path)).returncode == 0
    outer, inner = pty.openpty()
    known = {
        **os.environ,
        **place.environment,
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": None,
        "LINES": None,
    }
    environ = {name: value for name, value in known.items() if value is not None}
    import fcntl
    import struct
    import termios

    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 12, 44, 0, 0))
    run = subprocess.Popen(
        [tmp_path / "inferdeck-watch.sh", "health", "1"], env=environ, stdin=inner, stdout=inner, stderr=inner,
        start_new_session=True,
    )  # fmt: skip
    seen = b""
    try:
        end = time.monotonic() + SECONDS
        while b"DOWN" not in seen and time.monotonic() < end:
            if select.select([outer], [], [], 0.2)[0]:
                seen += os.read(outer, 65536)
    finally:
        run.terminate()
        run.wait(SECONDS)
        os.close(outer)
        os.close(inner)
    text = seen.decode()
    assert "Service Health Status" in text
    assert "DOWN" in text
    # Its colours are drawn by watch as its own, not shown as text.
    assert "^[" not in text
