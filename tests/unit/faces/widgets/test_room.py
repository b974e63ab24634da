"""The host and its size, guessed from what hosts set in the environment."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.faces.widgets import room
from inferdeck.faces.widgets.wish import LARGEST_SIZE, Wish
from inferdeck.model.widget import HOSTS

VARIABLES = (
    *("NO_COLOR", "CLICOLOR_FORCE", "TERM", "SWIFTBAR", "XBARDarkMode", "ARGOS_VERSION", "WTF_WIDGET_WIDTH", "COLUMNS"),
    *("WTF_WIDGET_HEIGHT", "HEIGHT", "LINES", "TMUX", "TMUX_PANE", "WAYBAR_OUTPUT_NAME"),
)


@pytest.fixture(scope="module")
def pipe() -> Iterator[int]:
    reader, writer = os.pipe()
    yield writer
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    ("environ", "terminal", "host"),
    [
        ({}, False, "text"),
        ({}, True, "ansi"),
        ({"NO_COLOR": "1"}, True, "text"),
        ({"TERM": "dumb"}, True, "text"),
        ({"CLICOLOR_FORCE": "1"}, False, "ansi"),
        ({"CLICOLOR_FORCE": "0"}, False, "text"),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, "text"),
        ({"SWIFTBAR": "1"}, False, "xbar"),
        ({"XBARDarkMode": "false"}, False, "xbar"),
        ({"ARGOS_VERSION": "2"}, False, "xbar"),
        ({"WTF_WIDGET_WIDTH": "40"}, False, "sampler"),
        ({"COLUMNS": "-4", "HEIGHT": "-4"}, False, "wth"),
        ({"COLUMNS": "80", "LINES": "24"}, False, "text"),
        ({"TMUX": "/tmp/tmux-0/default,1,0"}, False, "tmux"),
        ({"TMUX": "/tmp/tmux-0/default,1,0", "TMUX_PANE": "%1"}, False, "text"),
        ({"TMUX": "/tmp/tmux-0/default,1,0", "TMUX_PANE": "%1"}, True, "ansi"),
        ({"WAYBAR_OUTPUT_NAME": "DP-2"}, False, "waybar"),
    ],
)
def test_the_host_is_guessed(environ: dict[str, str], terminal: bool, host: str) -> None:
    assert room.host(environ, terminal=terminal) == host


@pytest.mark.parametrize(
    ("environ", "width", "height"),
    [
        ({"COLUMNS": "60", "HEIGHT": "9"}, 58, 9),
        ({"COLUMNS": "-4", "HEIGHT": "-4"}, None, None),
        ({"COLUMNS": "2", "HEIGHT": "1"}, None, 1),
        ({"COLUMNS": "80", "LINES": "24"}, 80, 24),
        ({"COLUMNS": "80; rm -rf", "LINES": "²"}, None, None),
        ({"COLUMNS": "99999999999999999999", "LINES": "0"}, None, None),
        ({"WTF_WIDGET_WIDTH": "40", "WTF_WIDGET_HEIGHT": "7", "COLUMNS": "200"}, 40, 7),
    ],
)
def test_the_size_is_what_the_host_gives(pipe: int, environ: dict[str, str], width: int, height: int) -> None:
    wish = Wish("health")
    room.fill(wish, environ, pipe)
    assert (wish.width, wish.height) == (width, height)


def test_a_terminal_says_its_own_width() -> None:
    outer, inner = pty.openpty()
    try:
        wish = Wish("health")
        os.set_blocking(outer, False)
        import fcntl
        import struct
        import termios

        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 33, 77, 0, 0))
        room.fill(wish, {"COLUMNS": "10"}, inner)
        assert (wish.host, wish.width, wish.height) == ("ansi", 77, None)
    finally:
        os.close(outer)
        os.close(inner)


@given(st.dictionaries(st.sampled_from(VARIABLES), st.text(max_size=8)))
def test_no_environment_breaks_it(environ: dict[str, str]) -> None:
    wish = Wish("health")
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        room.fill(wish, environ, null)
    finally:
        os.close(null)
    assert wish.host in HOSTS
    assert all(size is None or 1 <= size <= LARGEST_SIZE for size in (wish.width, wish.height))


def test_what_is_named_stays(pipe: int) -> None:
    wish = Wish("health")
    wish.host, wish.width, wish.height = "text", 33, 4
    room.fill(wish, {"COLUMNS": "60", "HEIGHT": "9", "SWIFTBAR": "1"}, pipe)
    assert (wish.host, wish.width, wish.height) == ("text", 33, 4)
