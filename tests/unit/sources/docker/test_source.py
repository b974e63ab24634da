"""The whole source over a simulated daemon (cgroup v2, GPUs, engines), and over one that is full of secrets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inferdeck.errors import CollectError, ConnectError
from inferdeck.model.clock import ManualClock, SystemClock
from inferdeck.model.happening import Happening
from inferdeck.model.labels import labels, metric_name
from inferdeck.model.target import Fact, TargetKey
from inferdeck.simulate.servers.docker import Docker, build
from inferdeck.simulate.world import World
from inferdeck.sources import catalog
from inferdeck.sources.docker.config import DockerConfig
from inferdeck.sources.docker.probes import PROBES
from inferdeck.sources.docker.source import DockerSource, make
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected
from tests.unit.simulate.fleets import MONDAY_TEN, small
from tests.unit.sources.secretive_docker import KEY, PASSWORD, TOKEN, Secretive


class Asked:
    """What a daemon was asked: (method, path without the API version and the container) -> how often."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.refuse: dict[str, int] = {}

    @web.middleware
    async def note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part and not re.fullmatch(r"v\d+\.\d+", part)]
        path = "/".join("ID" if len(part) == 64 else part for part in parts)
        self.requests[request.method, path] += 1
        for ending, status in self.refuse.items():
            if path.endswith(ending):
                return web.json_response({"message": "refused"}, status=status)
        answer: web.StreamResponse = await handler(request)
        return answer


@contextlib.asynccontextmanager
async def served(routes: Any, folder: Path) -> AsyncIterator[tuple[Asked, str]]:
    asked = Asked()
    application = web.Application(middlewares=[asked.note])
    application.add_routes(routes)
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "d.sock")).start()
    try:
        yield asked, f"unix://{folder / 'd.sock'}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def reading(url: str, **settings: Any) -> AsyncIterator[DockerSource]:
    http = HttpClient()
    config = DockerConfig(url=url, **{"stats_interval": 0.001, **settings})
    source = make(config, http, SystemClock(), TargetKey("docker", "here", "tests"), labels({"job": "docker"}))
    try:
        yield source
    finally:
        await source.aclose()
        await http.aclose()


def simulated(host: str) -> tuple[World, Docker]:
    fleet = small(60.0)
    world = World(fleet, seed=3, start=MONDAY_TEN)
    program = build(next(one for one in fleet.hosts if one.name == host), fleet, world)
    world.subscribe(program.handlers())
    world.run_until(MONDAY_TEN + 300)
    program.published.update({"vllm-a": 18000, "vllm-b": 18001})
    return world, program


def containers(found: Collected) -> dict[str, Fact]:
    return {one.name: one for one in found.inventory if one.kind == "container"}


def values(found: Collected, metric: str) -> dict[str, float]:
    pairs = zip(found.layout.series, found.values.tolist(), strict=True)
    return {dict(series)["name"]: value for series, value in pairs if metric_name(series) == metric}


async def test_engines_of_a_simulated_host(tmp_path: Path) -> None:
    world, program = simulated("gpu-1")
    async with served(program.routes(), tmp_path) as (asked, url), reading(url) as source:
        found = await source.collect(world.now)
        facts = containers(found)["vllm-a"].facts
        assert (facts["engine"], facts["engine_version"], facts["cuda_version"]) == ("vllm", "0.33.0", "12.8.1")
        assert (facts["gpus"], facts["gpu_count"], facts["ports"]) == ("0", "1", "18000->8000/tcp")
        assert facts["model"] == world.fleet.engines[0].model.name
        assert facts["state"] == "running"
        assert set(values(found, "container_memory_working_set_bytes")) == set(containers(found))
        assert found.warnings == ()
        assert containers(found)["llamacpp"].facts["engine_version"] == "b11434"
        known = {metric.descriptor.name for metric in catalog.load("docker").metrics}
        assert {metric_name(series) for series in found.layout.series} <= known
        again = await source.collect(world.now)
        assert again.layout is found.layout
        assert {method for method, _ in asked.requests} == {"GET"}


async def test_only_what_is_declared_is_asked_and_seldom(tmp_path: Path) -> None:
    world, program = simulated("gpu-1")
    async with served(program.routes(), tmp_path) as (asked, url), reading(url, stats_interval=1000) as source:
        every = [await source.collect(world.now) for _ in range(4)]
        assert sum(one.requests for one in every) == asked.requests.total()
        assert all(one.response_bytes > 1000 for one in every)
        found = every[-1]
        count = len(containers(found))
        declared = {probe.request.partition("?")[0].removeprefix("GET ").lstrip("/") for probe in PROBES}
        assert {path for _, path in asked.requests} <= declared
        assert asked.requests["GET", "containers/json"] == 4
        assert asked.requests["GET", "containers/ID/json"] == count
        assert asked.requests["GET", "containers/ID/stats"] == count
        assert asked.requests["GET", "events"] == 1
        assert asked.requests["GET", "version"] == 1


async def test_the_phases_of_engines_are_the_worlds(tmp_path: Path) -> None:
    world, program = simulated("gpu-1")
    async with served(program.routes(), tmp_path) as (_, url), reading(url) as source:
        found = await source.collect(world.now)
        loads = {one.name: one.facts for one in found.inventory if one.kind == "load"}
        engine = next(one for one in world.fleet.engines if one.name == "vllm-a")
        assert loads["vllm-a"]["phase"] == "ready"
        took = float(loads["vllm-a"]["compile"]) - float(loads["vllm-a"]["weights"])
        assert took == pytest.approx(engine.load_seconds["weights"], abs=0.01)


@pytest.mark.parametrize("refused", ["stats", "events", "logs", "version", "info"])
async def test_a_proxy_that_hides_a_part_hides_that_part_alone(tmp_path: Path, refused: str) -> None:
    world, program = simulated("gpu-1")
    async with served(program.routes(), tmp_path) as (asked, url), reading(url) as source:
        asked.refuse[refused] = 403
        found = [await source.collect(world.now) for _ in range(2)][-1]
        assert containers(found)["vllm-a"].facts["gpus"] == "0"
        assert bool(found.warnings) == (refused in ("stats", "events"))


async def test_a_list_that_is_refused_is_a_failure_that_says_so(tmp_path: Path) -> None:
    _, program = simulated("app-1")
    async with served(program.routes(), tmp_path) as (asked, url), reading(url) as source:
        asked.refuse["containers/json"] = 500
        with pytest.raises(CollectError, match="HTTP 500"):
            await source.collect(1.0)
        asked.refuse.clear()
        assert containers(await source.collect(2.0))


async def test_no_daemon_is_said_with_what_to_do(tmp_path: Path) -> None:
    async with reading(f"unix://{tmp_path / 'none.sock'}") as source:
        with pytest.raises(ConnectError, match=r"none\.sock"):
            await source.collect(1.0)


async def test_secrets_in_every_free_text_stay_where_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[Happening] = []
    async with served(Secretive().routes(), tmp_path) as (_, url), reading(url) as source:
        while len(told) < 3:
            found = await source.collect(1795227149.0)
            told += found.happenings
            await asyncio.sleep(0.05)
        found = await source.collect(1795227149.0)
    assert containers(found)["engine"].facts["engine"] == "vllm"
    assert {one.kind for one in told} >= {"start", "die", "load_phase"}
    shown = repr((found.inventory, told, found.warnings, found.layout.series, found.version)) + caplog.text
    for secret in (KEY, TOKEN, PASSWORD):
        assert secret not in shown
    assert found.warnings, "that the statistics cannot be read is said"


async def test_statistics_wait_for_their_interval(tmp_path: Path) -> None:
    world, program = simulated("app-1")
    clock = ManualClock()
    http = HttpClient()
    async with served(program.routes(), tmp_path) as (asked, url):
        config = DockerConfig(url=url, stats_interval=30)
        source = make(config, http, clock, TargetKey("docker", "here", "tests"), labels({}))
        count = len(containers(await source.collect(world.now)))
        for expected in (count, 2 * count):
            await clock.advance(15)
            await source.collect(world.now)
            assert asked.requests["GET", "containers/ID/stats"] == expected
        await source.aclose()
        await http.aclose()
