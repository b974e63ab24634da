"""Every key of the table of actions, and every key that moves, pressed where it works: something becomes another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from inferdeck.client.tiny import Client
from inferdeck.faces.terminal.actions import ACTIONS, BOARD, LIST, LOG, MARKS, MOVES, TEXT
from inferdeck.faces.terminal.screens.board import BoardView
from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.screens.logs import LogsView
from inferdeck.faces.terminal.widgets.lines import LinesView
from tests.unit.api.place import served
from tests.unit.faces.terminal.app.daemon import answered, app_of, client, press, shown, top, until, view_of

Measure = Callable[[Pilot[int]], Any]


def place(pilot: Pilot[int]) -> object:
    return app_of(pilot)._place


def screen(pilot: Pilot[int]) -> object:
    return type(app_of(pilot).screen).__name__


def paused(pilot: Pilot[int]) -> object:
    return app_of(pilot).paused


def interval(pilot: Pilot[int]) -> object:
    return app_of(pilot).interval


def moment(pilot: Pilot[int]) -> object:
    return app_of(pilot).span.until


def range_seconds(pilot: Pilot[int]) -> object:
    return app_of(pilot).span.range_seconds


def environment(pilot: Pilot[int]) -> object:
    return app_of(pilot).environment


def theme(pilot: Pilot[int]) -> object:
    return app_of(pilot).theme


def clipboard(pilot: Pilot[int]) -> object:
    return app_of(pilot).clipboard


def running(pilot: Pilot[int]) -> object:
    return app_of(pilot).is_running


def answers(pilot: Pilot[int]) -> object:
    return min(held.changes for held in view_of(pilot).held.values())


def board(pilot: Pilot[int]) -> BoardView:
    view = view_of(pilot)
    assert isinstance(view, BoardView)
    return view


def panel(pilot: Pilot[int]) -> object:
    return board(pilot)._panels.selected


def cursor(pilot: Pilot[int]) -> object:
    return board(pilot)._panels.cursor


def alone(pilot: Pilot[int]) -> object:
    return board(pilot)._alone


def listing(pilot: Pilot[int]) -> ListingView:
    view = view_of(pilot)
    assert isinstance(view, ListingView)
    return view


def row(pilot: Pilot[int]) -> object:
    return listing(pilot).table.place


def sideways(pilot: Pilot[int]) -> object:
    return listing(pilot).table.left


def order(pilot: Pilot[int]) -> object:
    return listing(pilot).table.order


def marked(pilot: Pilot[int]) -> object:
    return tuple(listing(pilot).marked)


def level(pilot: Pilot[int]) -> object:
    view = view_of(pilot)
    assert isinstance(view, LogsView)
    return view._level


def following(pilot: Pilot[int]) -> object:
    view = view_of(pilot)
    assert isinstance(view, LogsView)
    return view._following


def scrolled(pilot: Pilot[int]) -> object:
    return max(one.scroll_offset.y for one in view_of(pilot).query(LinesView))


def moving(measure: Measure) -> list[tuple[str, Measure]]:
    """Return all keys that move, each from where it has somewhere to go."""
    (up, k), (down, j), (above, ctrl_u), (below, ctrl_d), (home, g), (end, big_g) = MOVES
    pairs = ((down, up), (j, k), (below, above), (ctrl_d, ctrl_u), (end, home), (big_g, g))
    return [(key, measure) for pair in pairs for key in pair]


EVERYWHERE: list[tuple[str, Measure]] = [
    ("r", answers),
    *((key, interval) for key in ("minus", "minus", "plus", "equals_sign")),
    *((key, paused) for key in ("p", "p")),
    *((key, moment) for key in ("left_square_bracket", "right_square_bracket", "left_square_bracket", "n")),
    ("y", clipboard),
    ("e", environment),
    ("e", environment),
    ("ctrl+t", theme),
    *(
        (key, screen)
        for opener in ("t", "x", "question_mark", "ctrl+p", "colon", "slash")
        for key in (opener, "escape")
    ),
    *((key, place) for key in ("enter", "escape", "c", "escape", "alt+right", "escape")),
    ("q", running),
]
PRESSED: dict[str, tuple[str, tuple[int, int], list[tuple[str, Measure]]]] = {
    "": ("services", (120, 36), EVERYWHERE),
    BOARD: (
        "overview",
        (120, 36),
        [
            *((str(number), panel) for number in range(1, 10)),
            ("tab", panel),
            ("shift+tab", panel),
            *((key, cursor) for key in ("left", "h", "left", "right", "l")),
            ("m", alone),
            ("m", alone),
            ("greater_than_sign", range_seconds),
            ("less_than_sign", range_seconds),
            ("v", screen),
            ("escape", screen),
        ],
    ),
    "the other way out": ("services", (60, 12), [("ctrl+c", running)]),
    "moves of panels": ("overview", (60, 12), moving(scrolled)),
    LIST: ("models", (60, 12), [("s", order), ("S", order), ("home", row), *moving(row)]),
    "sideways": ("models", (60, 12), [(key, sideways) for key in ("right", "left", "l", "h")]),
    MARKS: ("models", (60, 12), [("home", row), ("space", marked), ("down", row), ("space", marked), ("m", place)]),
    LOG: ("logs", (120, 36), [("L", level), ("f", following), ("f", following), ("a", screen), ("escape", screen)]),
    TEXT: ("model gpt-4o", (60, 12), moving(scrolled)),
}
"""Where the keys of a scope are pressed, one after the other, and what each must change."""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served(tmp_path_factory.mktemp("daemon")) as found:
        yield client(found)


@pytest.mark.parametrize("scope", PRESSED)
async def test_every_key_changes_something(scope: str, daemon: Client) -> None:
    where, size, keys = PRESSED[scope]
    async with top(lambda: daemon, where, size=size, interval_seconds=15.0) as pilot:
        view = await answered(pilot)
        await until(
            pilot, lambda: all(held.value is not None or not view.can_ask(key) for key, held in view.held.items())
        )
        await pressed(pilot, keys)


async def pressed(pilot: Pilot[int], keys: Sequence[tuple[str, Measure]]) -> None:
    for number, (key, measure) in enumerate(keys):
        if measure is row and measure(pilot) == 0 and key == "home":
            continue
        print(key, before := measure(pilot))
        await press(pilot, key)
        if measure is running:
            assert app_of(pilot).return_code == 0
            break
        await until(pilot, lambda measure=measure, before=before: measure(pilot) != before)  # type: ignore[misc]
        assert app_of(pilot).is_running, (number, key, shown(pilot))


def test_no_key_is_forgotten() -> None:
    known = {scope: {key for key, _ in keys} for scope, (_, _, keys) in PRESSED.items()}
    known[""] |= known["the other way out"]
    assert {(one.id, key) for one in ACTIONS for key in one.keys if key not in known[one.scope]} == set()
    moves = {key for pair in MOVES for key in pair}
    assert moves <= known[LIST] and moves <= known[TEXT] and moves <= known["moves of panels"]
