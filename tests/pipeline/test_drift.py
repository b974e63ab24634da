"""A configuration file that somebody changes, beside a daemon: drift is told until the gateway restarts, no key ever.

The scenario is `latency-regression`; the world stands still while the daemon, a program of its own, looks at it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio

from inferdeck.client.tiny import Address, Client
from inferdeck.model.clock import SystemClock
from inferdeck.model.config_files import ConfigFile
from inferdeck.model.json_form import dumps
from inferdeck.simulate import changes, scenario
from inferdeck.simulate.pace import Pace
from inferdeck.simulate.serve import Site, serving
from inferdeck.simulate.servers.litellm.config_file import engine_key
from inferdeck.simulate.targets import MASTER_KEY, config_files, entries
from inferdeck.simulate.world import World
from tests.real.daemon import Place

NAME = "latency-regression"
SECONDS = 120.0
MOMENTS = {
    29 * 60: "same",
    32 * 60: "differs",
    36 * 60: "same",
    71 * 60: "differs",
    73 * 60: "same",
}
"""Moments of the scenario, and what its observer concludes of the file at them."""


@dataclass(slots=True)
class Beside:
    """The fleet, whose time is moved by hand, and the daemon."""

    site: Site
    pace: Pace
    place: Place
    begin: float

    @property
    def client(self) -> Client:
        return Client(Address(socket_path=str(self.place.socket)), 30.0)

    async def go(self, moment: float) -> None:
        self.pace.move(self.begin + moment - self.pace.now())
        await self.site.refresh()

    async def drift(self, wanted: str) -> ConfigFile:
        """Return the file as soon as it is told to be so."""
        end = time.monotonic() + SECONDS
        while True:
            (found,) = (await asyncio.to_thread(self.client.config_files)).items
            if found.drift.state == wanted:
                return found
            assert time.monotonic() < end, found
            await asyncio.sleep(0.3)

    async def said(self, *words: str) -> str:
        done = await asyncio.to_thread(self.place.run, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def shown(self, screen: str) -> str:
        return await self.said("top", "--once", "--screen", screen, "--size", "160x40")


@pytest_asyncio.fixture
async def beside(tmp_path: Path) -> AsyncIterator[Beside]:
    found = scenario.named(NAME)
    pace = Pace(SystemClock(), speed=0.0, at=found.start)
    world = World(found.fleet, seed=found.seed, start=found.start, pace=pace)
    changes.schedule(world, found.steps)
    async with serving(world, tmp_path / "fleet", logs=False) as site:
        assert site.configuration is not None
        [entry] = entries(found.fleet, site.urls())["litellm"]
        place = Place.of(tmp_path / "deck", f"litellm: {json.dumps([{**entry, 'interval': '1s', 'deadline': '10s'}])}")
        files = config_files(found.fleet, site.configuration.folder)
        with place.config.open("a") as config:
            config.write(f"environment: {found.fleet.environment}\nconfig_files: {json.dumps(files)}\n")
        with contextlib.ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, place.up())
            yield Beside(site, pace, place, found.start)


async def test_drift_is_told_from_the_change_to_the_restart_and_no_key_ever(beside: Beside) -> None:
    assert beside.site.configuration is not None
    file = beside.site.configuration.path("litellm")
    told: dict[str, str] = {}
    for moment, wanted in MOMENTS.items():
        assert wanted == concluded(moment)
        await beside.go(moment)
        found = await beside.drift(wanted)
        assert (found.path, found.gateway, found.state, found.problems) == (str(file), "litellm", "read", ())
        page = await asyncio.to_thread(beside.client.config_file, found.id)
        config = told[f"config at {moment}"] = await beside.shown("config")
        told[f"page at {moment}"] = dumps(page)
        if wanted == "differs":
            (one,) = found.drift.differences
            after, before = ("2", "1") if moment < 40 * 60 else ("1", "2")
            assert (one.key, one.file, one.running) == ("router_settings.num_retries", after, before)
            assert "1 unlike" in config
            text = told[f"file at {moment}"] = await beside.shown(f"file {file.name}")
            assert f"routing: {after} in the file, {before} runs" in text and f"{file.name}:{one.line}" in text
            assert "prompt-scan" in page.last_change
        else:
            assert "litellm  same   litellm" in config, config
    events: dict[str, Any] = json.loads(await beside.said("events", "--kind", "config_revision", "--json"))
    assert [one["subject"] for one in events["items"]] == [str(file)] * 2
    for words in (
        ("config", "files", file.name),
        ("config", "show"),
        ("routes",),
        ("events",),
        ("services",),
        ("widget", "status"),
    ):
        told[" ".join(words)] = await beside.said(*words)
    for path in (beside.place.directory / "data").rglob("*"):
        if path.is_file():
            told[str(path)] = path.read_bytes().decode("latin-1")
    keys = [MASTER_KEY, *(engine_key(one.name) for one in beside.site.world.fleet.engines)]
    assert all(key in file.read_text() for key in keys)
    assert "•••" in told["page at 1740"] and "os.environ/OPENAI_API_KEY" in told["page at 1740"]
    assert [name for name, text in told.items() if any(key in text for key in keys)] == []


def concluded(moment: float) -> str:
    """Return what the scenario's observer says of the file at a moment."""
    spans = [one for one in scenario.named(NAME).observer if one.conclude == "config_drift"]
    return "differs" if any(one.from_ <= moment < (one.until or 0.0) for one in spans) else "same"
