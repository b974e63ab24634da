"""Names that break careless programs on every screen: nothing overflows, and nothing is obeyed.

Very many of them are looked at beside the huge fleet that test_huge_fleet.py plays.
What is taken off the screen is held to it: each line has as many cells as the screen, and no control character.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.widgets import Input

from inferdeck.faces.terminal import places
from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.screens.prompt import Prompt
from inferdeck.model import cells
from tests.pipeline.playing import INTERVAL, Played, played
from tests.pipeline.screens import Watcher, watching
from tests.pipeline.snapshots import SIZES, taken
from tests.unit.faces.terminal.app.daemon import press, shown, until

TOUCHED = Path("/tmp/inferdeck-was-here")
"""What an engine's name would make, if somebody ran it."""
TYPED = "[bold]x[/] $(reboot) \u202e\u05d0\u05d1 \U0001f469\u200d\U0001f680 "
LISTS = ("providers", "models", "gpus", "containers", "config", "events", "services")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    moments = [600.0 + INTERVAL * number for number in range(9)]
    with played("hostile-names", moments, tmp_path_factory.mktemp("h")) as found:
        yield found


def every_place(found: Played, most: int = 8) -> list[str]:
    """Return all places, those that are about one thing once for each of its kind, `most` of them."""
    fleet, client = found.stage.scenario.fleet, found.client
    several = {
        "model": [f"{one.name} {one.environment}" for one in client.models().items[:6]],
        "compare": ["\t".join(f"{one.name} {one.environment}" for one in client.models().items[:4])],
        "card": [one.uuid for one in client.gpus().items[:1]],
        "container": [one.name for one in client.containers().items[:4]],
        "service": [one.service.name for one in client.services().items[:8]],
        "file": [one.path for one in client.config_files().items[:1]],
        "logs": ["", fleet.engines[0].name],
    }
    listed = places.every(client.dashboards())
    return [f"{place} {words}".strip() for place, _ in listed for words in several.get(place, [""])[:most]]


def begun(name: str) -> str:
    """Return the beginning of a name as a screen has it."""
    return cells.clean(name).strip()[:12]


def test_hostile_names_fit_every_screen(hostile: Played) -> None:
    fleet = hostile.stage.scenario.fleet
    seen = asyncio.run(through(hostile, every_place(hostile)))
    names = {
        "models": [one.model for one in fleet.gateways[0].deployments],
        "gpus": [gpu.host for gpu in fleet.gpus],
        "services": [fleet.engines[0].name, fleet.gateways[0].name, fleet.caches[0].name, fleet.langfuse[0].name],
        "routes": [one.model for one in fleet.gateways[0].deployments],
    }
    for place, wanted in names.items():
        for name in wanted:
            assert begun(name) in seen[place], (place, ascii(name))
    assert not TOUCHED.exists()


def test_hostile_names_can_be_worked_with(hostile: Played) -> None:
    """Sorted, filtered, opened, compared, copied and exported; a copy is one line, a picture runs nothing."""
    asyncio.run(work(hostile))
    assert not TOUCHED.exists()


async def check_screens(found: Played) -> None:
    """Hold every screen beside a huge fleet to what a screen must be; called from the loop that serves it."""
    seen = await through(found, await asyncio.to_thread(every_place, found, 1))
    models = {one.model for gateway in found.stage.scenario.fleet.gateways for one in gateway.deployments}
    assert f"Services {len(found.stage.watched)}" in seen["services"] and len(found.stage.watched) > 150
    assert f"Models {len(models)}" in seen["models"] and len(models) >= 500
    await scrolled(found, len(models))


async def through(found: Played, every: list[str]) -> dict[str, str]:
    """Go through the places, holding each to all sizes; returns them in the largest one."""
    seen: dict[str, str] = {}
    async with watching(found, SIZES[0], range_seconds=900.0) as watcher:
        for place in every:
            seen[place] = await watcher.show(place)
            for size in SIZES:
                await watcher.resize(size)
                taken(watcher)
            await watcher.resize(SIZES[0])
    return seen


async def scrolled(found: Played, models: int) -> None:
    async with watching(found, SIZES[1], range_seconds=900.0) as watcher:
        await watcher.show("models")
        for key in ("G", "pageup", "s", "S", "ctrl+d", "g", "right", "left"):
            await press(watcher.pilot, key)
            taken(watcher)
        view = watcher.app.view
        assert isinstance(view, ListingView) and view.table.total == models
        await press(watcher.pilot, "slash", *"499")
        await until(watcher.pilot, lambda: 0 < len(view.table.entries) < 10)


async def work(found: Played) -> None:
    async with watching(found, SIZES[1], range_seconds=900.0) as watcher:
        for place in LISTS:
            await watcher.show(place)
            view = watcher.app.view
            assert isinstance(view, ListingView)
            if not view.table.total:
                continue
            for key in ("down", "s", "S", "space", "up", "space", "right", "left"):
                await press(watcher.pilot, key)
                taken(watcher)
            await taken_away(watcher, view)
            await filtered(watcher, view)
        await typed(watcher)
        await watcher.show("models")
        await press(watcher.pilot, "space", "down", "space", "m")
        await until(watcher.pilot, lambda: "inferdeck Compare" in shown(watcher.pilot))
        await press(watcher.pilot, "escape")
        await until(watcher.pilot, lambda: "inferdeck Models" in shown(watcher.pilot))
        await press(watcher.pilot, "down", "enter")
        await until(watcher.pilot, lambda: "inferdeck Model " in shown(watcher.pilot))
        taken(watcher)


async def taken_away(watcher: Watcher, view: ListingView) -> None:
    """Copy and export: no command for a terminal, no second line for a shell, nothing that a picture runs."""
    await press(watcher.pilot, "y")
    assert watcher.app.clipboard.replace("\t", "").isprintable(), ascii(watcher.app.clipboard)
    taken(watcher)
    found = view.exported()
    rows = list(csv.reader(io.StringIO(found["csv"])))
    assert len(rows) == len(view.table.entries) + 1 and len({len(row) for row in rows}) == 1
    if "svg" in found:
        assert not {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(found["svg"]).iter()} & {
            "script",
            "image",
        }


async def filtered(watcher: Watcher, view: ListingView) -> None:
    """Filter with what looks like markup and commands: nothing has it, and it is shown as it is."""
    await press(watcher.pilot, "slash")
    await until(watcher.pilot, lambda: isinstance(watcher.app.screen, Prompt))
    watcher.app.screen.query_one(Input).value = TYPED
    await until(watcher.pilot, lambda: not view.table.entries)
    taken(watcher)
    await press(watcher.pilot, "enter")
    assert "[bold]x[/] $(reboot)" in shown(watcher.pilot)
    taken(watcher)
    await press(watcher.pilot, "escape")
    await until(watcher.pilot, lambda: view.table.entries)


async def typed(watcher: Watcher) -> None:
    """Go to a place and search the palette with the same words."""
    await press(watcher.pilot, "colon")
    await until(watcher.pilot, lambda: isinstance(watcher.app.screen, Prompt))
    watcher.app.screen.query_one(Input).value = TYPED
    await press(watcher.pilot, "enter")
    await until(watcher.pilot, lambda: "there is no view '[bold]x[/]" in shown(watcher.pilot))
    taken(watcher)
    await press(watcher.pilot, "ctrl+p")
    await until(watcher.pilot, lambda: bool(watcher.app.screen.query(Input)))
    watcher.app.screen.query_one(Input).value = "[bold]x[/] $(reboot)"
    await watcher.pilot.pause()
    taken(watcher)
    await press(watcher.pilot, "escape")
    await until(watcher.pilot, lambda: not watcher.app.screen.query(Input))
