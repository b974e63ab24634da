"""Every screen of the terminal view in every state, and what a key opens over one, as they are kept in files."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.widgets import Input

from inferdeck.faces.terminal import places
from inferdeck.simulate.servers.dcgm import uuid
from tests.pipeline.playing import Played
from tests.pipeline.screens import Silent, watching
from tests.pipeline.snapshots import FOLDER, SIZES, Drawn, differences, golden, sizes_and_themes, written
from tests.unit.faces.terminal.app.daemon import press, until

States = dict[tuple[str, tuple[int, int]], dict[str, Drawn]]
"""By place and size, and by the name of the state."""
LOST_SECONDS = 90.0
"""For how long the daemon has been gone when a screen is looked at that is stale."""
OPENED = {
    "help-of-a-board": ("overview", "question_mark"),
    "help-of-a-list": ("models", "question_mark"),
    "palette": ("services", "ctrl+p"),
    "go-to": ("services", "colon"),
    "filter": ("services", "slash"),
    "range": ("overview", "t"),
    "variable": ("gateway", "v"),
    "export": ("services", "x"),
    "around": ("logs", "a"),
}
"""What opens over a screen: its name, the place, and the keys."""


def same(states: States, request: pytest.FixtureRequest) -> None:
    """Compare screens with their files, or write these anew."""
    files = {golden(place, size): written(drawn) for (place, size), drawn in states.items()}
    if request.config.getoption("--write-golden"):
        FOLDER.mkdir(exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    wrong = [said for path, text in files.items() if (said := differences(path, text))]
    assert not wrong, "\n".join([*wrong[:8], f"{len(wrong)} files differ; --write-golden writes them anew"])


async def snapshots_of(
    found: Played, mine: Sequence[str], states: States, names: Sequence[str], *, range_seconds: float
) -> None:
    """Add these screens beside a fleet in these states."""
    async with watching(found, SIZES[0], range_seconds=range_seconds, there="error" not in names) as watcher:
        for place in mine:
            await watcher.show(place)
            for name in names:
                if name == "stale":
                    await watcher.lose(LOST_SECONDS)
                for size, drawn in (await sizes_and_themes(watcher)).items():
                    states[place, size][name] = drawn
            if "stale" in names:
                await watcher.find()


async def loading(found: Played, mine: Sequence[str], states: States, *, range_seconds: float) -> None:
    """Add these screens beside a daemon that does not answer yet."""
    silent = Silent(found.client.address, found.client.timeout_seconds)
    try:
        async with watching(found, SIZES[0], range_seconds=range_seconds, client=silent) as watcher:
            for place in mine:
                await watcher.begin(place)
                for size, drawn in (await sizes_and_themes(watcher)).items():
                    states[place, size]["loading"] = drawn
    finally:
        silent.over.set()


async def opened(found: Played, states: States, *, range_seconds: float) -> None:
    """Add what a key opens over a screen."""
    async with watching(found, SIZES[0], range_seconds=range_seconds) as watcher:
        for name, (place, *keys) in OPENED.items():
            await watcher.show(place)
            below = watcher.app.screen
            await press(watcher.pilot, *keys)
            await until(watcher.pilot, lambda below=below: watcher.app.screen is not below)  # type: ignore[misc]
            for line in watcher.app.screen.query(Input):
                line.cursor_blink = False
            await until(watcher.pilot, lambda: all(one.is_finished for one in watcher.app.workers))
            for size, drawn in (await sizes_and_themes(watcher)).items():
                states[name, size]["fresh"] = drawn
            await press(watcher.pilot, "escape")
            await until(watcher.pilot, lambda below=below: watcher.app.screen is below)  # type: ignore[misc]


def shown_places(found: Played) -> list[str]:
    """Return every place, with words where it needs some."""
    card = uuid(found.stage.scenario.fleet.gpus[0]) if found.stage.scenario.fleet.gpus else "none"
    words = {
        "model": "model gpt-4o demo",
        "compare": "compare gpt-4o demo\tllama-3.3-70b demo",
        "file": "file /tmp/inferdeck-played/litellm-0.yaml",
        "card": f"card {card}",
        "container": "container litellm",
        "service": "service litellm",
    }
    return [words.get(place, place) for place, _ in places.every(found.client.dashboards())]
