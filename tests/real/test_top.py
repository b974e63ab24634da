"""`inferdeck top` in a real tmux beside a real daemon: keys, mouse, sizes, locales, and a daemon that dies or lies."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from inferdeck import __version__
from tests.real.daemon import COMMAND, Place
from tests.real.programs import Running
from tests.real.relay import Mode, Relay
from tests.real.test_board import Pane, pane
from tests.unit.faces.terminal.test_plain import CONSOLE

pytestmark = pytest.mark.real
SECONDS = 60.0
NAMES = tuple(f"cache-{number:02}" for number in range(1, 13))
OWN = re.compile("left with 0\n1\n")
"""The program has ended well, and the terminal says again what is typed."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A daemon that watches a dozen caches, all of them down."""
    folder = tmp_path_factory.mktemp("home")
    entries = "".join(f"\n  - {{url: 'redis://127.0.0.1:{n}', name: {name}}}" for n, name in enumerate(NAMES, 1))
    place = Place.of(folder, f"redis:{entries}")
    with place.up():
        place.status_when(lambda status: all(one["health"] == "down" for one in status["services"]))
        yield place


def variables(place: Place, **more: str) -> dict[str, str]:
    known = {key: value for key, value in place.environment.items() if value is not None}
    return {**known, "INFERDECK_URL": "", "NO_COLOR": "", "LC_ALL": "C.UTF-8", "TERM": "tmux-256color", **more}


class Top:
    """The view in a pane; nothing that it ever shows may be a traceback."""

    def __init__(self, screen: Pane) -> None:
        self.screen = screen
        self.press = screen.press

    def when(self, wanted: Callable[[str], object]) -> str:
        shown = self.screen.when(lambda text: bool(wanted(text)) or "Traceback" in text)
        assert "Traceback" not in shown, shown
        return shown

    def says(self, *words: str) -> str:
        return self.when(lambda text: all(word in text for word in words))

    def type(self, text: str) -> None:
        self.screen.tmux("send-keys", "-l", text)

    def size(self, width: int, height: int) -> None:
        self.screen.tmux("resize-window", "-x", str(width), "-y", str(height))

    def modes(self) -> str:
        """Return which modes of the terminal are on: other screen, mouse, SGR mouse, visible cursor."""
        names = ("alternate_on", "mouse_any_flag", "mouse_sgr_flag", "cursor_flag")
        return self.screen.tmux("display-message", "-p", " ".join(f"#{{{name}}}" for name in names)).strip()

    def ended(self) -> str:
        """Wait until it has ended well and has left nothing behind; returns what the terminal shows then."""
        shown = self.when(OWN.search)
        assert self.modes() == "0 0 0 1"
        return shown


@contextlib.contextmanager
def top(
    folder: Path, place: Place, words: str = "--screen services", size: tuple[int, int] = (100, 30), **more: str
) -> Iterator[Top]:
    # tmux has its own idea of TERM.
    own = " ".join(f"{key}={shlex.quote(value)}" for key, value in variables(place, **more).items())
    with pane(folder, f"env {own} {COMMAND} top {words}", *size) as screen:
        yield Top(screen)


def drawn(text: str) -> bool:
    return "0/12 up" in text and all(name in text for name in NAMES[:3]) and "Quit" in text


def programs(folder: Path) -> list[psutil.Process]:
    """Return the views that were started in a folder."""
    found = [one for one in psutil.process_iter(["cmdline", "cwd"]) if one.info["cwd"] == str(folder)]
    return [one for one in found if (one.info["cmdline"] or [])[1:3] == [COMMAND, "top"]]


@pytest.mark.parametrize(
    ("more", "signs"),
    [
        ({}, None),
        ({"LC_ALL": "C"}, {chr(code) for code in range(32, 127)}),
        ({"LC_ALL": "", "LC_CTYPE": "", "LANG": "POSIX"}, {chr(code) for code in range(32, 127)}),
        ({"TERM": "linux"}, CONSOLE),
        ({"NO_COLOR": "1"}, None),
    ],
    ids=["plain", "C", "POSIX", "linux", "NO_COLOR"],
)
def test_it_draws_answers_keys_shrinks_and_leaves(
    more: dict[str, str], signs: set[str] | None, tmp_path: Path, home: Place
) -> None:
    with top(tmp_path, home, "--screen services", (100, 30), **more) as view:
        shown = view.when(drawn)
        assert view.modes() == "1 1 1 0"
        coloured = view.screen.tmux("capture-pane", "-p", "-e")
        codes = {code for part in re.findall(r"\x1b\[([0-9;]*)m", coloured) for code in part.split(";")}
        if "NO_COLOR" in more:
            assert codes <= {"", "0", "1", "2", "4", "7", "39", "49"}
        else:
            # The sixteen colours of a console are its own: a red is one.
            assert ("31" in codes and not codes & {"38", "48"}) if "TERM" in more else "38" in codes
        view.press("?")
        shown += view.says("everywhere")
        view.press("Escape")
        view.when(drawn)
        view.type(":overview")
        view.press("Enter")
        shown += view.says("Services up", "Services down")
        view.size(20, 5)
        view.when(lambda text: len(text.splitlines()) == 5 and "inferdeck" in text)
        view.press("?")
        view.says("help")
        # Escape and a key at once would be one with alt.
        view.press("Escape")
        view.when(lambda text: "help" not in text)
        view.press("Down", "Tab")
        view.size(100, 30)
        shown += view.says("Services up", "Services down")
        view.press("q")
        view.ended()
        assert signs is None or set(shown) - {"\n"} <= signs, set(shown) - signs


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(number: int, tmp_path: Path, home: Place) -> None:
    with top(tmp_path, home) as view:
        view.when(drawn)
        (program,) = programs(tmp_path)
        program.send_signal(number)
        view.ended()


def test_a_terminal_that_is_closed_takes_it_along(tmp_path: Path, home: Place) -> None:
    with top(tmp_path, home) as view:
        view.when(drawn)
        (program,) = programs(tmp_path)
    program.wait(SECONDS)
    assert home.status()["services"]


def test_the_mouse_selects_opens_and_scrolls(tmp_path: Path, home: Place) -> None:
    with top(tmp_path, home, size=(100, 9)) as view:
        shown = view.says("0/12 up", NAMES[2]).splitlines()
        row = next(number for number, line in enumerate(shown) if NAMES[2] in line)
        view.type(f"\x1b[<0;10;{row + 1}M\x1b[<0;10;{row + 1}m")
        view.press("Enter")
        view.when(lambda text: NAMES[2] in text and NAMES[3] not in text)
        view.press("Escape")
        view.says(NAMES[3])
        for _ in range(4):
            view.type(f"\x1b[<65;10;{row + 1}M")
        view.when(lambda text: NAMES[0] not in text and NAMES[8] in text)
        for _ in range(4):
            view.type(f"\x1b[<64;10;{row + 1}M")
        view.says(NAMES[0])
        view.press("q")
        view.ended()


def test_a_killed_daemon_leaves_its_answers_and_is_found_again(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "own", "redis: {url: 'redis://127.0.0.1:9', name: alone}")
    with contextlib.ExitStack() as left:
        with place.up() as daemon:
            place.status_when(lambda status: status["services"][0]["health"] == "down")
            view = left.enter_context(top(tmp_path, place, "--screen services --interval 2s"))
            view.says("0/1 up", "alone", "Quit")
            kill(daemon)
            told = view.says("tried again in", "no daemon answers")
            assert "0/1 up" in told and "alone" in told
            # What is shown has an age, which grows.
            view.when(lambda text: re.search(r"(7|8|9|1\d) s ago", text.splitlines()[0]))
        with place.up():
            view.press("r")
            view.when(lambda text: "tried again in" not in text and "0/1 up" in text and "Quit" in text)
            view.press("q")
            view.ended()


def test_a_stopped_daemon_is_told_while_it_is_waited_for(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "own", "redis: {url: 'redis://127.0.0.1:9', name: alone}")
    with place.up() as daemon:
        place.status_when(lambda status: status["services"][0]["health"] == "down")
        with top(tmp_path, place, "--screen services --interval 2s") as view:
            view.says("0/1 up", "alone", "Quit")
            daemon.process.send_signal(signal.SIGSTOP)
            try:
                told = view.says("given up in", "the daemon has not answered for")
            finally:
                daemon.process.send_signal(signal.SIGCONT)
            assert "0/1 up" in told and "alone" in told
            view.when(lambda text: "not answered" not in text and "0/1 up" in text and "Quit" in text)
            # Keys that come at once are done one after the other.
            view.type(":models\r:logs\r:services\r/alone\rq")
            view.ended()


def kill(daemon: Running) -> None:
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait(SECONDS)


def test_answers_that_are_late_or_nonsense(tmp_path: Path, home: Place) -> None:
    relay = Relay(tmp_path / "relay.sock", str(home.socket))
    words = f"--screen services --interval 2s --url {relay.url}"
    with relay.open(), top(tmp_path, home, words) as view:
        view.when(drawn)
        relay.mode = Mode.GARBAGE
        told = view.says("tried again in", str(relay.path))
        assert NAMES[0] in told
        # Every piece of nonsense has been answered once.
        before = relay.asked
        while relay.asked - before < len(relay.garbage):
            view.press("r")
            view.says("tried again in")
        assert "a bug in" not in view.says("tried again in", NAMES[0])
        relay.delay_seconds, relay.mode = 10.0, Mode.SLOW
        view.press("r")
        view.press("?")
        view.says("everywhere")
        view.press("Escape")
        view.when(lambda text: "everywhere" not in text)
        view.type(":models")
        view.press("Enter")
        # Held for ten seconds, and drawn then.
        view.says("Models", "loading")
        view.when(lambda text: "loading" not in text and "tried again in" not in text)
        view.type(":services")
        view.press("Enter")
        view.says("Services")
        view.press("q")
        view.ended()


def test_a_daemon_is_started_where_none_runs(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "own", "redis: {url: 'redis://127.0.0.1:9', name: alone}")
    with top(tmp_path, place) as view:
        view.says("no daemon runs; starting one: inferdeck up")
        view.says("alone", "a daemon was started")
        marker = json.loads((place.directory / "data" / "daemon.json").read_text())
        daemon = psutil.Process(marker["pid"])
        try:
            view.press("q")
            told = view.ended()
            assert f"it goes on after this view ends; to stop it: kill {daemon.pid}" in " ".join(told.split())
            assert daemon.is_running() and place.status()["services"]
            assert "Traceback" not in (place.directory / "data" / "up.log").read_text()
        finally:
            daemon.kill()
            daemon.wait(SECONDS)


def told(place: Place, *words: str, **more: str) -> tuple[int, str]:
    """Run it on a bare terminal, for what it says where it does not begin; returns its exit code and its words."""
    ours, its = pty.openpty()
    program = subprocess.Popen(
        [COMMAND, "top", *words],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**os.environ, **variables(place, **more)},
        cwd=place.directory,
        start_new_session=True,
    )
    os.close(its)
    said, end = b"", time.monotonic() + SECONDS
    try:
        while time.monotonic() < end and select.select([ours], [], [], SECONDS)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:
                break
            said += data
        return program.wait(SECONDS), said.decode().replace("\r\n", "\n")
    finally:
        program.kill()
        os.close(ours)


def test_what_will_not_pass_by_itself_is_told_in_one_line(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "own", "redis: {url: 'redis://127.0.0.1:9', name: alone}")
    themes = place.directory / "themes"
    themes.mkdir()
    (themes / "dusk.yaml").write_text("primary: '#fff'\nbackgrund: '#000'\n")
    other = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\ninferdeck 9.9.9"
    with (
        Relay(tmp_path / "html", mode=Mode.GARBAGE, garbage=GARBAGE_PAGE).open() as page,
        Relay(tmp_path / "other", mode=Mode.GARBAGE, garbage=(other, other)).open() as stranger,
    ):
        cases = [
            (("--url", "localhost"), {}, 2, "localhost: not a URL; write http://HOST:PORT or unix:///PATH"),
            (("--url", "ftp://x"), {}, 2, "ftp://x: not a URL; write http://HOST:PORT"),
            (("--url", page.url), {}, 3, f"{page.path}: the answer is not that of an inferdeck daemon"),
            (("--url", stranger.url), {}, 3, f"inferdeck 9.9.9 runs there, and this is {__version__}"),
            (("--theme", "nrod"), {}, 2, "there is no theme 'nrod'; there are: ansi-dark"),
            (("--theme", "dusk"), {}, 2, 'themes/dusk.yaml:2: backgrund: unknown key, did you mean "background"?'),
            ((), {"INFERDECK_TERMINAL__GLYPHS": "x"}, 2, "INFERDECK_TERMINAL__GLYPHS: terminal.glyphs: expected"),
            ((), {"TERM": "dumb"}, 2, "TERM is dumb or not set; print it once with: inferdeck top --once"),
        ]
        for words, more, code, sentence in cases:
            found, said = told(place, *words, **more)
            assert (found, said.count("\n")) == (code, 1) and sentence in said, said
    assert not (place.directory / "data").exists()


GARBAGE_PAGE = (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",)


def test_a_wrong_token_is_told(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "own", "redis: {url: 'redis://127.0.0.1:9', name: alone}")
    place.config.write_text(place.config.read_text() + "auth: {viewer_token: {env: VIEWER}}\n")
    place = Place(place.directory, place.port, {"VIEWER": "0123456789abcdef-right"})
    url = f"http://127.0.0.1:{place.port}"
    with place.up():
        for token in ("", "0123456789abcdef-wrong"):
            code, said = told(place, "--url", url, INFERDECK_TOKEN=token)
            assert code == 4 and "token" in said and said.count("\n") == 1, said
        with top(tmp_path, place, f"--screen services --url {url}", INFERDECK_TOKEN="0123456789abcdef-right") as view:
            view.says("0/1 up", "alone")
            view.press("q")
            view.ended()


def test_a_daemon_that_cannot_start_says_why(tmp_path: Path) -> None:
    place = Place.of(tmp_path / "own", "redis: {url: 'redis://127.0.0.1:9', name: alone}")
    (place.directory / "data").write_text("a file, not a folder")
    code, said = told(place)
    assert code != 0 and "Traceback" not in said
    assert str(place.directory / "data") in said and said.startswith("no daemon runs; starting one"), said
