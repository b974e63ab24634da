"""`inferdeck top` in a real tmux: it draws, leaves when told, and goes with its terminal."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.real.daemon import COMMAND
from tests.real.test_board import Pane, pane
from tests.unit.api.place import served

pytestmark = pytest.mark.real
SECONDS = 60.0


@contextlib.contextmanager
def top(folder: Path, variables: str = "") -> Iterator[Pane]:
    """Run it beside a real API; the services stand on the screen."""
    (folder / "served").mkdir()
    with (
        served(folder / "served") as place,
        pane(folder, f"env {variables} {COMMAND} top --screen services --url {place.url}") as screen,
    ):
        yield screen


def programs(folder: Path) -> list[psutil.Process]:
    """Return the views that were started in a folder."""
    found = [one for one in psutil.process_iter(["cmdline", "cwd"]) if one.info["cwd"] == str(folder)]
    return [one for one in found if (one.info["cmdline"] or [])[-2:-1] == ["--url"] and "sh" not in one.name()]


def drawn(text: str) -> bool:
    return "10.0.0.7:8000" in text and "3/3 up" in text


@pytest.mark.parametrize("variables", ["", "LC_ALL=C", "TERM=linux", "NO_COLOR=1"])
def test_it_draws_and_q_leaves(tmp_path: Path, variables: str) -> None:
    with top(tmp_path, variables) as screen:
        screen.when(drawn)
        screen.press("?")
        screen.when(lambda text: "in tables" in text)
        screen.press("Escape")
        screen.when(drawn)
        screen.tmux("resize-window", "-x", "20", "-y", "5")
        screen.when(lambda text: len(text.splitlines()) == 5 and "inferdeck" in text)
        screen.tmux("resize-window", "-x", "100", "-y", "30")
        screen.when(drawn)
        screen.press("q")
        screen.when(lambda text: "left with 0\n1\n" in text)


def test_a_dumb_terminal_is_told(tmp_path: Path) -> None:
    with top(tmp_path, "TERM=dumb") as screen:
        told = screen.when(lambda text: "left with 2" in text)
        assert "TERM is dumb" in told and "Traceback" not in told


def test_a_signal_ends_it(tmp_path: Path) -> None:
    with top(tmp_path) as screen:
        screen.when(drawn)
        (program,) = programs(tmp_path)
        program.send_signal(signal.SIGTERM)
        screen.when(lambda text: "left with 0\n1\n" in text)


def test_a_terminal_that_is_closed_takes_it_along(tmp_path: Path) -> None:
    with top(tmp_path) as screen:
        screen.when(drawn)
        (program,) = programs(tmp_path)
    program.wait(SECONDS)
