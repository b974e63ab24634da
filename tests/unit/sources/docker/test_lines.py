"""Questions about containers' logs: what they cost the daemon and the event loop, and when they end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import labels
from inferdeck.model.log_lines import LogQuery
from inferdeck.model.target import TargetKey
from inferdeck.simulate.servers.docker import build
from inferdeck.simulate.world import World
from inferdeck.sources.docker import lines
from inferdeck.sources.docker.config import DockerConfig
from inferdeck.sources.docker.source import DockerSource, make
from inferdeck.sources.http import HttpClient
from tests.unit.simulate.fleets import MONDAY_TEN, small


class Watched:
    """A simulated machine's containers, its daemon's logs requests by container, and the source that reads it."""

    def __init__(self, source: DockerSource, clock: ManualClock) -> None:
        self.source = source
        self.clock = clock
        self.asked: Counter[str] = Counter()
        self.silent: set[str] = set()
        """Ids of containers whose logs never come."""

    @web.middleware
    async def note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.endswith("/logs"):
            container = request.path.split("/")[-2]
            self.asked[container] += 1
            if container[:12] in self.silent:
                await asyncio.sleep(1000)
        answer: web.StreamResponse = await handler(request)
        return answer


@contextlib.asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Watched]:
    fleet = small(60.0)
    world = World(fleet, seed=3, start=MONDAY_TEN)
    program = build(next(one for one in fleet.hosts if one.name == "gpu-1"), fleet, world)
    world.subscribe(program.handlers())
    world.run_until(MONDAY_TEN + 300)
    http, clock = HttpClient(), ManualClock(world.now)
    config = DockerConfig(url=f"unix://{folder / 'd.sock'}", load_timeline=False)
    source = make(config, http, clock, TargetKey("docker", "here", "tests"), labels({"job": "docker"}))
    watched = Watched(source, clock)
    application = web.Application(middlewares=[watched.note])
    application.add_routes(program.routes())
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "d.sock")).start()
    try:
        await source.collect(world.now)
        watched.asked.clear()
        yield watched
    finally:
        await source.aclose()
        await http.aclose()
        await runner.cleanup()


async def test_followers_share_their_readings(tmp_path: Path) -> None:
    async with watching(tmp_path) as one:
        first = await one.source.read(LogQuery(limit=100))
        followed = {name for name, place in first.newer.items() if place}
        assert len(followed) >= 2
        one.asked.clear()
        places = [first.newer] * 3
        for _ in range(30):
            pages = await asyncio.gather(*(one.source.read(LogQuery(newer=place)) for place in places))
            places = [page.newer for page in pages]
            await one.clock.advance(1.0)
        # Three viewers, thirty polls: alone each would have asked thirty times.
        assert set(one.asked.values()) <= set(range(5, 12))
        assert len(one.asked) == len(followed)


async def test_one_deadline_holds_for_all_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "READ_SECONDS", 1.0)
    monkeypatch.setattr(lines, "PARALLEL", 1)
    async with watching(tmp_path) as one:
        streams = one.source.streams()
        before = await one.source.read(LogQuery())
        one.silent = {stream.place for stream in streams}
        page = await one.source.read(LogQuery(newer=before.newer))
        # One warning for all, also for those whose turn never came.
        names = ", ".join(sorted(before.newer))
        assert page.warnings == (f"the daemon did not give these logs within 1 s: {names}",)
        assert page.newer == before.newer


async def test_lines_are_not_looked_at_on_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    original = lines._entries

    def noting(found: Any) -> Any:
        seen.add(threading.get_ident())
        return original(found)

    monkeypatch.setattr(lines, "_entries", noting)
    async with watching(tmp_path) as one:
        page = await one.source.read(LogQuery(limit=20))
        await one.source.read(LogQuery(limit=20, newer=page.newer))
        await one.source.read(LogQuery(around=page.lines[5].time))
        await one.source.read(LogQuery(until=page.lines[5].time))
    assert seen
    assert threading.get_ident() not in seen
