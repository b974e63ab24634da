"""How the view looks where a terminal has few colours or signs, themes of one's own, and what is typed ahead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot

from inferdeck.cli import themes as files
from inferdeck.errors import UsageError
from inferdeck.faces.terminal.app import Options, Terminal
from inferdeck.faces.terminal.drawing.glyphs import ASCII, BRAILLE, Look
from inferdeck.faces.terminal.screens.prompt import Prompt
from inferdeck.faces.terminal.span import Span
from tests.unit.api.place import Place, served
from tests.unit.faces.terminal.app.daemon import answered, app_of, client, press, says, shown, top, until

NO_COLOUR = Look(BRAILLE, colour=False)
HOUR = 3600.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("daemon")) as found:
        yield found


def typed(pilot: Pilot[int], text: str) -> None:
    """Type faster than anything is drawn."""
    for letter in text:
        name = {"\r": "enter", ":": "colon", "/": "slash"}.get(letter, letter)
        pilot.app.post_message(Key(name, letter))


async def test_without_colours_the_terminals_own_are_left() -> None:
    async with top(lambda: None, look=NO_COLOUR, theme="nord") as pilot:
        assert pilot.app.theme == "ansi-dark"
        await press(pilot, "ctrl+t")
        assert pilot.app.theme == "ansi-light"
        await press(pilot, "ctrl+t")
        assert pilot.app.theme == "ansi-dark"
        strip = app_of(pilot).view._head.render_line(0)  # type: ignore[union-attr]
        assert all(
            segment.style is None
            or segment.style.color is None
            or segment.style.color.is_default
            or segment.style.color.triplet is None
            for segment in strip
        )


async def test_ascii_is_all_that_is_drawn(place: Place) -> None:
    async with top(lambda: client(place), "overview", look=Look(ASCII)) as pilot:
        await answered(pilot)
        screens = [shown(pilot)]
        await press(pilot, "question_mark")
        screens.append(shown(pilot))
        await press(pilot, "escape", "ctrl+p")
        await until(pilot, lambda: "Search" in shown(pilot))
        screens.append(shown(pilot))
        await press(pilot, "escape")
        for name in ("models", "routes", "settings"):
            app_of(pilot).go(name)
            await answered(pilot)
            screens.append(shown(pilot))
        assert all(one.isascii() for one in screens)


async def test_themes_of_ones_own_stand_in_settings_and_palette(place: Place, tmp_path: Path) -> None:
    (tmp_path / "dusk.yaml").write_text("primary: '#ff8800'\nbackground: '#201020'\n")
    (tmp_path / "wrong.yaml").write_text("primary: '#ff8800'\nbackgrund: '#201020'\n")
    own = files.read(tmp_path)
    async with top(lambda: client(place), "settings", theme="dusk", own_themes=own, size=(160, 60)) as pilot:
        await answered(pilot)
        assert pilot.app.theme == "dusk" and pilot.app.current_theme.background == "#201020"
        await press(pilot, "G")
        page = await says(pilot, "wrong.yaml:2: backgrund: unknown key")
        assert f"dusk                  {tmp_path / 'dusk.yaml'}" in page and "nord                  built in" in page
        commands = {one.title: one for one in pilot.app.get_system_commands(pilot.app.screen)}
        commands["Theme nord"].callback()
        assert pilot.app.theme == "nord"
        await press(pilot, "ctrl+p", *"dusk")
        await until(pilot, lambda: "Theme dusk" in shown(pilot))


def test_a_theme_that_is_none_is_refused_before_anything_starts() -> None:
    with pytest.raises(UsageError, match="there is no theme 'nrod'"):
        Terminal(lambda: None, Options(theme="nrod"))


async def test_the_history_bounds_ranges_and_the_way_back(place: Place) -> None:
    async with top(lambda: client(place), "overview", range_seconds=HOUR, history_seconds=2 * HOUR) as pilot:
        await answered(pilot)
        app = app_of(pilot)
        await press(pilot, "less_than_sign", "less_than_sign")
        assert app.span == Span(2 * HOUR, None, 2 * HOUR)
        await press(pilot, "t")
        prompt = app.screen
        assert isinstance(prompt, Prompt) and prompt._names[-1] == "2 h"
        await press(pilot, "escape", "greater_than_sign")
        for _ in range(5):
            await press(pilot, "left_square_bracket")
        assert app.span.until is not None and 3500 <= app.now() - app.span.until <= 3700


async def test_what_is_typed_ahead_is_meant_for_the_line(place: Place) -> None:
    async with top(lambda: client(place), "services") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        # A q and an r among them, which mean something in a view.
        for name in ("requests", "models", "providers"):
            typed(pilot, f":{name}\r")
            await until(pilot, lambda name=name: app._place == name)  # type: ignore[misc]
            await until(pilot, lambda: not isinstance(app.screen, Prompt))
        assert app.environment == "" and app.is_running


async def test_a_second_enter_is_none(place: Place) -> None:
    async with top(lambda: client(place), "services") as pilot:
        await answered(pilot)
        await press(pilot, "colon")
        typed(pilot, "models\r\r\r")
        await until(pilot, lambda: app_of(pilot)._place.startswith("model"))
        await until(pilot, lambda: not isinstance(pilot.app.screen, Prompt))
        assert pilot.app.is_running


async def test_a_daemon_of_another_version_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inferdeck.faces.terminal.app.__version__", "9.9")
    async with top(lambda: client(place), "services") as pilot:
        await says(pilot, "and this is 9.9: start it")
