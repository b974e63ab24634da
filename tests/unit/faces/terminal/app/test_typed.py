"""Keys that come faster than they are done: each goes to what those before it have made of the screen."""

from __future__ import annotations

from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from inferdeck.client.tiny import Client
from inferdeck.faces.terminal.screens.board import BoardView
from inferdeck.faces.terminal.screens.logs import LogsView
from inferdeck.faces.terminal.screens.prompt import Prompt
from tests.unit.faces.terminal.app.daemon import answered, app_of, press, says, top, until, view_of


def burst(pilot: Pilot[int], *keys: str) -> None:
    """Hand over all keys at once, as a terminal does what is pasted without brackets."""
    names = {":": "colon", "/": "slash", "-": "minus", " ": "space", "!": "exclamation_mark"}
    driver = pilot.app._driver
    assert driver is not None
    for key in keys:
        letter = key if len(key) == 1 else {"enter": "\r", "escape": "\x1b"}.get(key)
        event = Key(names.get(key, key), letter)
        event.set_sender(pilot.app)
        driver.send_message(event)


async def test_every_view_of_a_burst_is_gone_to(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        burst(pilot, *":models", "enter", *":logs", "enter", *":gpus", "enter")
        await until(pilot, lambda: app._place == "gpus")
        assert [place for place, _ in app._visited] == ["services", "models", "logs"]
        burst(pilot, "escape", "escape", *":mod gpt", "enter", *"/-4o", "enter", "p", "q")
        await until(pilot, lambda: not app.is_running)
    assert [place for place, _ in app._visited] == ["services", "models"]
    assert app._place == "mod gpt" and app.paused and app.return_value == 0


async def test_a_burst_on_a_dashboard(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        burst(pilot, *":overview", "enter", *":nope", "enter", *":services", "escape", "p")
        await until(pilot, lambda: app_of(pilot).paused)
        assert isinstance(view_of(pilot), BoardView) and not isinstance(app_of(pilot).screen, Prompt)


async def test_keys_are_heard_after_a_view_took_the_place_of_a_line(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        app.prompt(Prompt("open", "where", ["a"]))
        app.go("models")
        burst(pilot, "p")
        await until(pilot, lambda: app.paused and app._prompt is None)


async def test_what_is_typed_takes_the_place_of_the_moment(daemon: Client) -> None:
    async with top(lambda: daemon, "logs") as pilot:
        await answered(pilot)
        await says(pilot, "two1")
        await press(pilot, "a")
        line = app_of(pilot).screen.query_one(Input)
        assert line.value.startswith("20") and line.selected_text == line.value
        burst(pilot, *"2026-01-02 03", "enter")
        await until(pilot, lambda: not isinstance(app_of(pilot).screen, Prompt))
        view = view_of(pilot)
        assert isinstance(view, LogsView)
        await until(pilot, lambda: view._around is not None)
        await says(pilot, "around 03:00:00")
