"""A small fleet's gateway after some time of traffic, with the log of what happened; and the same, served over HTTP."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families

from inferdeck.simulate.events import Answered, Event
from inferdeck.simulate.servers.litellm import Litellm, build
from inferdeck.simulate.servers.litellm.identity import MASTER_KEY
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small

MASTER = {"Authorization": f"Bearer {MASTER_KEY}"}
Labels = dict[str, str]


@dataclass(slots=True)
class Scene:
    """A proxy, its world, and all that happened at it."""

    program: Litellm
    world: World
    log: list[Event]

    @property
    def answers(self) -> list[Answered]:
        return [event for event in self.log if isinstance(event, Answered)]

    def text(self, worker: int = 0) -> str:
        return self.program.tables[worker].text()


def rich(**gateway: Any) -> Scene:
    """Return a scene with failures, limits and reasoning, and a limited team, so that nearly everything is counted."""
    limited = tuple(
        replace(one, requests_per_minute=5000, tokens_per_minute=10_000_000) for one in small().gateways[0].deployments
    )
    return scene(error_share=0.4, reasoning=0.2, team_requests=3, **{"deployments": limited, **gateway})


def scene(
    seconds: float = 600.0,
    requests_per_minute: float = 60.0,
    error_share: float = 0.001,
    reasoning: float = 0.0,
    team_requests: int = 120,
    **gateway: Any,
) -> Scene:
    fleet = small(requests_per_minute)
    proxy = replace(fleet.gateways[0], **gateway)
    clouds = tuple(replace(provider, error_share=error_share) for provider in fleet.providers)
    teams = (fleet.teams[0], replace(fleet.teams[1], requests_per_minute=team_requests))
    uses = tuple(replace(use, reasoning=reasoning) for use in fleet.use_cases)
    fleet = replace(fleet, gateways=(proxy,), providers=clouds, use_cases=uses, teams=teams)
    world = World(fleet, seed=3, start=MONDAY_TEN)
    program = build(proxy, fleet, world)
    log: list[Event] = []
    world.subscribe(program.handlers())
    world.kernel.watch(log.append)
    world.run_until(MONDAY_TEN + seconds)
    return Scene(program, world, log)


@asynccontextmanager
async def served(found: Scene, *, live: bool = False) -> AsyncIterator[tuple[ClientSession, str]]:
    """Serve a scene's proxy; the world stands still, or (`live`) runs at a hundred times the speed of the clock."""
    app = web.Application()
    app.add_routes(found.program.routes())
    server = TestServer(app)
    await server.start_server()
    clock = asyncio.get_running_loop().create_task(_run(found.world if live else None))
    try:
        async with ClientSession() as session:
            yield session, str(server.make_url("")).rstrip("/")
    finally:
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        await server.close()


async def _run(world: World | None) -> None:
    while world is not None:
        await asyncio.sleep(0.01)
        world.run_until(world.now + 1.0)


def captured(name: str) -> str:
    """Return a captured body of the real proxy."""
    body = (files("inferdeck.sources.litellm") / "samples" / name).read_bytes()
    return (gzip.decompress(body) if name.endswith(".gz") else body).decode()


def headers(text: str) -> list[tuple[str, str, str]]:
    """Return (name, type, help) of all families but `_created` ones, in their order."""
    kinds: dict[str, str] = {}
    texts: dict[str, str] = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "#":
            what, name, value = rest.split(" ", 2)
            (kinds if what == "TYPE" else texts)[name] = value
    return [(name, kinds[name], texts[name]) for name in kinds if not name.endswith("_created")]


def samples(text: str) -> dict[str, list[tuple[Labels, float]]]:
    """Return the samples by name, as Prometheus' own Python client reads them."""
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found.setdefault(one.name, []).append((one.labels, one.value))
    return found


def total(text: str, name: str, **labels: str) -> float:
    """Return the sum over all children with these labels."""
    chosen = [value for have, value in samples(text).get(name, []) if labels.items() <= have.items()]
    return sum(chosen)
