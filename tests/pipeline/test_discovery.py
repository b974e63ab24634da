"""Every program of every simulated fleet is known without configuration, in all versions, and harmed by none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.model.clock import ManualClock
from inferdeck.simulate import scenario
from inferdeck.simulate.targets import targets
from inferdeck.sources.discovery import Discovery
from inferdeck.sources.listening import Candidate
from tests.pipeline.collecting import stage

SCENARIOS = (
    "calm-day", "gateway-without-database", "two-workers", "hostile-names", "engine-upgraded", "half-unreachable",
)  # fmt: skip
BY_THEIR_PAGE = {"node": "prometheus", "llm": "prometheus", "llm_gateway": "prometheus", "hub": ""}
"""What a program is found as where its kind is no kind of source; the Hub is nobody's."""


@pytest.mark.parametrize("name", SCENARIOS)
async def test_every_program_is_known_by_its_kind(name: str, tmp_path: Path) -> None:
    async with stage(scenario.named(name), tmp_path) as staged:
        await staged.go(60.0)
        places = staged.site.places
        ports = {process: place for process, place in places.items() if place.port}
        sockets = [place.url.removeprefix("unix://") for place in places.values() if not place.port]
        candidates = [Candidate("127.0.0.1", place.port, inode=place.port) for place in ports.values()]
        discovery = Discovery(ManualClock(1e9), lambda: candidates, sockets=lambda: sockets)
        found = {one.url: one.kind for one in await discovery.look()}
        wanted = {}
        for target in targets(staged.scenario.fleet):
            place = places[target.process]
            kind = BY_THEIR_PAGE.get(target.kind, target.kind)
            if kind and place.up and place.mode == "ok":
                wanted[place.url] = kind
    assert wanted
    assert found == wanted


async def test_what_answers_garbage_or_hangs_gets_no_name(tmp_path: Path) -> None:
    async with stage(scenario.named("calm-day"), tmp_path) as staged:
        await staged.go(60.0)
        places = {name: place for name, place in staged.site.places.items() if place.port}
        for number, name in enumerate(places):
            staged.world.processes.reach(name, ("hanging", "garbage", "error", "slow")[number % 4])
        await staged.site.refresh()
        candidates = [Candidate("127.0.0.1", place.port, inode=place.port) for place in places.values()]
        discovery = Discovery(ManualClock(1e9), lambda: candidates)
        assert await discovery.look() == []
        assert {one.note for one in discovery.answers(())} == {"an unknown HTTP service"}
        for name in places:
            staged.world.processes.reach(name, "ok")
        await staged.site.refresh()
