"""The board under its keys, the mouse and windows of many sizes, with real commands."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
from textual import events
from textual.pilot import Pilot

from inferdeck.config import board_file
from inferdeck.faces.board import picture
from inferdeck.faces.board.app import HINTS, SETTLE_SECONDS, BoardApp, run
from inferdeck.faces.board.commands import Commands
from inferdeck.faces.board.help import KEYS, HelpScreen
from inferdeck.faces.board.pace import Pace
from inferdeck.faces.board.processes import Outcome
from inferdeck.faces.board.sticker import StickerView
from inferdeck.model.board import Board, Box, Sticker
from tests.unit.faces.board.daemon import daemon

ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "LITELLM_LOG_SOURCE")}
HOSTILE = (
    r"printf '\033]0;title\007\033[2J\033[31mred\033[0m [b]bold[/b] [@click=app.quit]x[/] \033]8;;http://e\033\\link"
    r"\033[6n\033[?1049l\n\342\200\256reversed\n'"
)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def row(*stickers: Sticker) -> Board:
    return Board((Box(stickers),), "small")


def column(*stickers: Sticker) -> Board:
    return Board((Box(stickers, horizontal=False),), "small")


def sticker(command: str, refresh_seconds: float = 3600.0, title: str = "", *, tail: bool = False) -> Sticker:
    return Sticker(command, title, refresh_seconds, tail=tail)


@contextlib.asynccontextmanager
async def showing(board: Board, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[BoardApp, Pilot[str]]]:
    """Show a board until every command has run once."""
    app = BoardApp(board, Commands(ENVIRONMENT, lambda: None, scripts="/none"))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: all(pace.rounds for pace in paces(app)))
        await until(pilot, lambda: not app._outcomes)
        yield app, pilot


def paces(app: BoardApp) -> list[Pace]:
    return list(app._paces.values())


def views(app: BoardApp) -> list[StickerView]:
    return list(app.screen_stack[0].query(StickerView))


async def until(pilot: Pilot[str], wanted: Callable[[], bool]) -> None:
    while not wanted():
        await pilot.pause(0.01)
    await pilot.pause()


def rounds(app: BoardApp) -> list[int]:
    return [pace.rounds for pace in paces(app)]


async def test_outputs_stand_in_their_places_with_their_names() -> None:
    board = row(sticker("echo one", title="First"), sticker("echo two", 90.0))
    async with showing(board, (60, 8)) as (app, _):
        lines = picture.text(app).splitlines()
    assert "First" in lines[0] and "echo two" in lines[0]
    assert "one" in lines[1] and lines[1].index("two") == 31
    assert "every 1 h" in lines[6] and "every 90 s" in lines[6]
    assert lines[7].startswith("small · 2 stickers")


async def test_r_runs_all_commands_now(tmp_path: Path) -> None:
    count = f"echo x >> {tmp_path}/n; wc -l < {tmp_path}/n"
    async with showing(row(sticker(count), sticker("echo same"))) as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: rounds(app) == [2, 2] and not app._outcomes)
        assert picture.text(app).splitlines()[1][1] == "2"


async def test_p_stops_starts_and_goes_on(tmp_path: Path) -> None:
    async with showing(row(sticker(f"echo x >> {tmp_path}/n", 0.01))) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: not paces(app)[0].running)
        stopped = rounds(app)
        await pilot.pause(0.2)
        assert rounds(app) == stopped
        assert "PAUSED" in picture.text(app)
        await pilot.press("r")
        await until(pilot, lambda: rounds(app) == [stopped[0] + 1])
        await pilot.press("p")
        await until(pilot, lambda: rounds(app)[0] > stopped[0] + 2)
        assert "PAUSED" not in picture.text(app)


async def test_tab_goes_from_sticker_to_sticker() -> None:
    async with showing(row(sticker("echo a"), sticker("echo b"), sticker("echo c"))) as (app, pilot):
        seen = [app.focused]
        for _ in range(3):
            await pilot.press("tab")
            seen.append(app.focused)
        assert seen == [*views(app), views(app)[0]]
        await pilot.press("shift+tab")
        assert app.focused is views(app)[2]


@pytest.mark.parametrize("back", ["m", "escape", "enter"])
async def test_m_shows_one_alone_and_all_again(back: str) -> None:
    async with showing(row(sticker("echo a", 0.05), sticker("echo b"), sticker("echo c"))) as (app, pilot):
        before = [view.region for view in views(app)]
        await pilot.press("tab", "m")
        await pilot.pause()
        assert [view.display for view in views(app)] == [False, True, False]
        assert views(app)[1].region.size == (80, 23)
        await until(pilot, lambda: not paces(app)[0].running)
        hidden = rounds(app)[0]
        await pilot.pause(0.2)
        assert rounds(app)[0] == hidden, "what nobody sees is not run"
        await pilot.press(back)
        await pilot.pause()
        assert [view.region for view in views(app)] == before
        await until(pilot, lambda: rounds(app)[0] > hidden)


async def test_arrows_scroll_the_sticker_in_focus() -> None:
    wide = "seq -f %0100g 1 60"
    async with showing(row(sticker(wide), sticker("echo still"))) as (app, pilot):
        view = views(app)[0]
        for key, wanted in {
            "down": (0, 1),
            "right": (1, 1),
            "left": (0, 1),
            "up": (0, 0),
            "pagedown": (0, view.room[1]),
            "end": (0, 60 - view.room[1]),
            "home": (0, 0),
        }.items():
            await pilot.press(key)
            await until(pilot, lambda wanted=wanted: tuple(view.scroll_offset) == wanted)  # type: ignore[misc]
        assert views(app)[1].scroll_offset == (0, 0)


async def test_the_wheel_and_two_clicks() -> None:
    async with showing(row(sticker("seq 1 60"), sticker("echo b"))) as (app, pilot):
        left, right = views(app)
        await pilot.click(StickerView, offset=(60, 5))
        assert app.focused in (left, right)
        await pilot.click(offset=(60, 5))
        assert app.focused is right
        await pilot.click(offset=(5, 5), times=2)
        await until(pilot, lambda: not right.display)
        await pilot.click(offset=(5, 5), times=2)
        await until(pilot, lambda: right.display)
        await pilot._post_mouse_events([events.MouseScrollDown], offset=(5, 5))
        await until(pilot, lambda: left.scroll_offset.y > 0)


async def test_a_scrolled_sticker_stays_where_it_is_and_a_tail_follows(tmp_path: Path) -> None:
    growing = f"echo x >> {tmp_path}/n; seq 1 $((60 + 5 * $(wc -l < {tmp_path}/n)))"
    async with showing(row(sticker("seq 1 60"), sticker(growing, tail=True))) as (app, pilot):
        head, tail = views(app)
        assert (head.scroll_offset.y, tail.scroll_offset.y) == (0, tail.max_scroll_y)
        head.scroll_to(y=7, animate=False)
        await pilot.pause()
        await pilot.press("r")
        await until(pilot, lambda: rounds(app) == [2, 2])
        await until(pilot, lambda: "70" in picture.text(app))
        assert (head.scroll_offset.y, tail.scroll_offset.y) == (7, tail.max_scroll_y)


@pytest.mark.parametrize("key", ["question_mark", "h", "f1"])
async def test_help_names_every_key_and_closes(key: str) -> None:
    async with showing(row(sticker("echo a"))) as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        shown = picture.text(app)
        for name, _ in KEYS:
            assert f"{name} " in shown
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, HelpScreen)


async def test_the_board_goes_on_behind_the_help(tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    async with showing(row(sticker(f"test ! -e {flag}", 0.05))) as (app, pilot):
        await pilot.press("question_mark")
        flag.touch()
        await until(pilot, lambda: views(app)[0].failing)
        await pilot.press("escape")
        await pilot.pause()
        assert "1 failing" in picture.text(app)


class Broken(Commands):
    """Commands with a mistake of ours in them."""

    async def run(self, sticker: Sticker, width: int, height: int, *, whole: bool = False) -> Outcome:
        raise ZeroDivisionError(sticker.command)


def test_a_mistake_of_ours_ends_the_board_with_its_error_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    app = BoardApp(row(sticker("echo a")), Broken(ENVIRONMENT, lambda: None, scripts="/none"), once=picture.text)
    with pytest.raises(ZeroDivisionError, match="echo a"):
        run(app, size=(60, 8))
    assert "Traceback" not in "".join(capsys.readouterr())


async def test_a_widget_is_drawn_anew_for_another_room_and_whole_where_it_is_alone(tmp_path: Path) -> None:
    with daemon(tmp_path) as place:
        commands = Commands(ENVIRONMENT, lambda: place.client, scripts="/none")
        app = BoardApp(row(sticker("health-status.sh"), sticker("cache-performance.sh")), commands)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "LiteLLM UP health" in picture.text(app))
            await pilot.pause(2 * SETTLE_SECONDS)
            assert [name for name, _ in place.questions.asked] == ["health", "cache"]
            await pilot.press("m")
            await until(pilot, lambda: rounds(app) == [2, 1])
            await pilot.press("m")
            await until(pilot, lambda: rounds(app)[0] == 3)
            await pilot.resize_terminal(100, 30)
            await until(pilot, lambda: rounds(app) == [4, 2])


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
@pytest.mark.parametrize("on_help", [False, True])
async def test_q_leaves_from_anywhere_and_nothing_is_left(key: str, *, on_help: bool) -> None:
    mark = f"36{len(key)}{int(on_help)}7"
    board = row(sticker("echo a"), sticker(f"sleep {mark} & sleep {mark}"))
    app = BoardApp(board, Commands(ENVIRONMENT, lambda: None, scripts="/none"))
    async with app.run_test() as pilot:
        await until(pilot, lambda: len(alive(f"sleep {mark}")) >= 2)
        if on_help:
            await pilot.press("question_mark")
        await pilot.press(key)
        await until(pilot, lambda: not app.is_running or app._exit)
    assert app.return_code == 0
    assert not alive(f"sleep {mark}")


def alive(mark: str) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if " ".join(process.info["cmdline"] or ()) == mark and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


async def test_a_command_that_begins_to_fail_keeps_its_last_output_and_says_how_old_it_is(tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    command = f"if [ -e {flag} ]; then echo 'curl: (7) refused' >&2; exit 7; fi; echo the last good"
    async with showing(row(sticker(command, title="t")), (60, 8)) as (app, pilot):
        flag.touch()
        await pilot.press("r")
        await until(pilot, lambda: views(app)[0].failing)
        shown = picture.text(app)
        assert "the last good" in shown and "curl: (7) refused" in shown
        assert "exit 7; output of " in shown and "1 failing" in shown
        flag.unlink()
        await pilot.press("r")
        await until(pilot, lambda: not views(app)[0].failing)
        assert "exit 7" not in picture.text(app) and "failing" not in picture.text(app)


async def test_a_command_that_fails_with_an_output_shows_that_output() -> None:
    async with showing(row(sticker("echo LiteLLM is down; exit 1", title="t")), (60, 8)) as (app, _):
        shown = picture.text(app)
    assert "LiteLLM is down" in shown and "exit 1, " in shown


async def test_a_slow_command_says_so_and_holds_nobody_up() -> None:
    board = row(sticker("sleep 3777", title="slow"), sticker("echo quick", 0.05))
    app = BoardApp(board, Commands(ENVIRONMENT, lambda: None, scripts="/none"))
    async with app.run_test(size=(60, 8)) as pilot:
        await until(pilot, lambda: len(paces(app)) == 2 and rounds(app)[1] >= 3)
        app._tell()
        await pilot.pause()
        assert rounds(app)[0] == 0
        assert "first run" in picture.text(app) and "quick" in picture.text(app)


@pytest.mark.parametrize("size", [(20, 5), (21, 6), (30, 10), (80, 24), (200, 60), (5, 3)])
async def test_every_window_shows_something_and_no_line_is_longer_than_it(size: tuple[int, int]) -> None:
    text = (
        "layout: [{type: horizontal, stickers: [{command: seq 1 9}, {command: 'false', title: " + "long " * 30 + "}]}]"
    )
    async with showing(board_file.parse(text.encode(), "b.yaml"), size) as (app, pilot):
        lines = picture.text(app).splitlines()
        assert max(map(len, lines)) <= size[0] and len(lines) <= size[1]
        await pilot.press("m", "question_mark")
        await pilot.pause()
        await pilot.resize_terminal(100, 30)
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert [view.display for view in views(app)] == [True, True]
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert max(map(len, picture.text(app).splitlines())) <= size[0]


async def test_focus_scrolls_a_board_that_is_higher_than_the_window() -> None:
    stickers = [sticker(f"echo number {number}") for number in range(12)]
    async with showing(column(*stickers), (40, 12)) as (app, pilot):
        assert "number 11" not in picture.text(app)
        await pilot.press("shift+tab")
        await until(pilot, lambda: "number 11" in picture.text(app))


async def test_fifty_stickers_run_and_are_shown() -> None:
    stickers = tuple(sticker(f"echo number {number}") for number in range(50))
    boxes = tuple(Box(stickers[start : start + 5]) for start in range(0, 50, 5))
    async with showing(Board(boxes, "fifty"), (200, 60)) as (app, _):
        shown = picture.text(app)
    assert all(f"│number {number} " in shown.replace("┃", "│") for number in range(50))
    assert "50 stickers" in shown


async def test_what_a_hostile_command_prints_stays_text() -> None:
    async with showing(row(sticker(HOSTILE, title="\x1b[31m[red]name[/red]")), (60, 8)) as (app, pilot):
        shown = picture.text(app)
        assert "[red]name[/red]" in shown
        assert "red [b]bold[/b] [@click=app.quit]x[/] link" in shown
        assert "reversed" in shown
        assert all(letter.isprintable() or letter == "\n" for letter in shown)
        await pilot.click(offset=(20, 1))
        assert app.is_running


async def test_colours_reach_the_screen_and_no_color_takes_them_away(monkeypatch: pytest.MonkeyPatch) -> None:
    board = row(sticker(r"printf '\033[31mred'"))
    async with showing(board) as (app, _):
        coloured = picture.svg(app)
    monkeypatch.setenv("NO_COLOR", "1")
    async with showing(board) as (app, _):
        plain = picture.svg(app)
    assert len(colours(coloured)) > 3
    # Those of the picture itself, where the terminal would use its own, plain and dim.
    assert colours(plain) == {"c5c8c6", "868887"}


def colours(svg: str) -> set[str]:
    """Return the colours of a picture's text."""
    return set(re.findall(r"\.board-r\d+ \{ fill: #([0-9a-f]{6})", svg))


async def test_a_picture_loads_nothing_from_elsewhere() -> None:
    async with showing(row(sticker("echo '<script>&'"))) as (app, _):
        image = picture.svg(app)
    assert "&lt;script&gt;&amp;" in image.replace("&#160;", " ")
    assert "https://cdn" not in image and "@font-face" not in image and "url(http" not in image


def test_the_hints_name_keys_that_exist() -> None:
    bound = {key for binding in BoardApp.BINDINGS for key in binding.key.split(",")}  # type: ignore[union-attr]
    for hint in HINTS.split("  "):
        assert hint[0].replace("?", "question_mark") in bound


async def test_once_gives_the_picture_when_all_have_run() -> None:
    board = row(sticker("sleep 0.3; echo late", title="a"), sticker("exit 3", title="b"))
    app = BoardApp(board, Commands(ENVIRONMENT, lambda: None, scripts="/none"), once=picture.text)
    found = await asyncio.wait_for(app.run_async(headless=True, size=(60, 8)), 60)
    assert found is not None
    assert "late" in found and "exit 3" in found and "┏" not in found
