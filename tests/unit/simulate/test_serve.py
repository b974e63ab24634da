"""A world on loopback: what a client meets at each program, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from inferdeck.errors import UnavailableError
from inferdeck.model.clock import SystemClock
from inferdeck.simulate import actions, changes, place
from inferdeck.simulate.events import Answered, AttemptEnded, Event, Fault, Left
from inferdeck.simulate.fleet import Engine, EngineModel, Fleet, Spread
from inferdeck.simulate.pace import Pace
from inferdeck.simulate.serve import Site, serving
from inferdeck.simulate.servers.docker import Docker
from inferdeck.simulate.servers.redis import Redis
from inferdeck.simulate.targets import MASTER_KEY
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small

KEY = {"Authorization": f"Bearer {MASTER_KEY}"}
PATHS = {"litellm": "/health/liveliness", "vllm-a": "/metrics", "gpu-1/node": "/metrics", "gpu-1/dcgm": "/metrics"}
CHAT = {"model": "llama", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4000}


def fleet() -> Fleet:
    """The small fleet, with an engine whose port is closed while it loads, and slow answers."""
    found = small(60.0)
    tgi = Engine("tgi", "tgi", "3.3.7", EngineModel("tiny", 1e9, 1e9), host="app-1", load_seconds={"weights": 30.0})
    slow = replace(found.providers[0], decode_speed=Spread(0.5, 0.0, 0.1))
    engines = tuple(replace(one, decode_speed=0.5) if one.name == "vllm-a" else one for one in found.engines)
    return replace(found, engines=(*engines, tgi), providers=(slow,))


class Bench:
    """A site whose time is moved by hand, and a client."""

    def __init__(self, site: Site, pace: Pace, client: aiohttp.ClientSession) -> None:
        self.site, self.pace, self.client = site, pace, client
        self.log: list[Event] = []
        site.world.kernel.watch(self.log.append)

    async def do(self, action: actions.Action) -> changes.Undo:
        undo = changes.apply(action, self.site.world)
        await self.site.refresh()
        return undo

    async def move(self, seconds: float) -> None:
        self.pace.move(seconds)
        await self.site.refresh()

    async def status(self, name: str) -> int:
        async with self.client.get(self.site.urls()[name] + PATHS.get(name, "/health")) as answer:
            await answer.read()
            return answer.status

    async def ping(self) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.site.places["redis"].port)
        try:
            writer.write(b"PING\r\n")
            return await reader.readuntil(b"\n")
        finally:
            writer.close()
            await writer.wait_closed()


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    pace = Pace(SystemClock(), speed=0.0, at=MONDAY_TEN)
    world = World(fleet(), seed=1, start=MONDAY_TEN, pace=pace)
    site = Site(world, tmp_path)
    await site.start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as client:
            yield Bench(site, pace, client)
    finally:
        await site.stop()


@pytest.mark.parametrize("name", ["litellm", "vllm-a", "gpu-1/node", "gpu-1/dcgm", "tgi"])
async def test_each_program_answers(bench: Bench, name: str) -> None:
    assert await bench.status(name) == 200


async def test_a_program_that_ended_is_refused_and_comes_back_at_its_port(bench: Bench) -> None:
    url = bench.site.urls()["litellm"]
    assert await bench.status("litellm") == 200
    await bench.do(actions.Restart("litellm", 5.0))
    with pytest.raises(aiohttp.ClientConnectorError):
        await bench.status("litellm")
    await bench.move(6.0)
    assert bench.site.urls()["litellm"] == url and await bench.status("litellm") == 200


async def test_redis_is_refused_and_comes_back_at_its_port_and_drops_its_clients(bench: Bench) -> None:
    port = bench.site.places["redis"].port
    assert await bench.ping() == b"+PONG\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PING\r\n")
    assert await reader.readline() == b"+PONG\r\n"
    await bench.do(actions.Restart("redis", 5.0))
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await bench.ping()
    await bench.move(6.0)
    assert await bench.ping() == b"+PONG\r\n" and bench.site.places["redis"].port == port


async def test_one_that_restarts_between_two_looks_has_dropped_its_connections_too(bench: Bench) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.site.places["redis"].port)
    writer.write(b"PING\r\n")
    assert await reader.readline() == b"+PONG\r\n"
    changes.apply(actions.Restart("redis", 1.0), bench.site.world)
    await bench.move(60.0)
    assert await reader.read() == b""
    writer.close()
    assert await bench.ping() == b"+PONG\r\n"


async def test_a_port_is_closed_while_its_engine_loads(bench: Bench) -> None:
    await bench.do(actions.Restart("tgi", 1.0))
    await bench.move(10.0)
    assert bench.site.world.processes.all["tgi"].up
    with pytest.raises(aiohttp.ClientConnectorError):
        await bench.status("tgi")
    await bench.move(30.0)
    assert await bench.status("tgi") == 200


async def test_refused_means_that_nobody_listens(bench: Bench) -> None:
    undo = await bench.do(actions.Reachable("refused"))
    for name in PATHS:
        with pytest.raises(aiohttp.ClientConnectorError):
            await bench.status(name)
    with pytest.raises(ConnectionRefusedError):
        await bench.ping()
    assert undo is not None
    undo()
    await bench.site.refresh()
    assert await bench.status("litellm") == 200 and await bench.ping() == b"+PONG\r\n"


async def test_hanging_means_that_no_answer_comes(bench: Bench) -> None:
    await bench.do(actions.Reachable("hanging"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bench.status("litellm"), 0.3)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bench.ping(), 0.3)


async def test_garbage_is_no_answer_of_that_program(bench: Bench) -> None:
    await bench.do(actions.Reachable("garbage"))
    async with bench.client.get(bench.site.urls()["litellm"] + "/metrics/", headers=KEY) as answer:
        assert answer.status == 200 and await answer.read() == place.GARBAGE
    assert not (await bench.ping()).startswith(b"+")


async def test_an_error_is_a_500(bench: Bench) -> None:
    await bench.do(actions.Reachable("error"))
    assert [await bench.status(name) for name in PATHS] == [500] * len(PATHS)


async def test_slow_is_late_and_right(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "SLOW_SECONDS", 0.3)
    await bench.do(actions.Reachable("slow"))
    begun = time.monotonic()
    assert await bench.status("litellm") == 200
    middle = time.monotonic()
    assert await bench.ping() == b"+PONG\r\n"
    assert middle - begun >= 0.3 and time.monotonic() - middle >= 0.3


async def test_a_world_that_stands_still_refuses_what_needs_time(bench: Bench) -> None:
    urls = bench.site.urls()
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"{urls['litellm']}/v1/chat/completions", CHAT),
        (f"{urls['litellm']}/v1/chat/completions", CHAT | {"stream": True}),
        (f"{urls['vllm-a']}/v1/chat/completions", CHAT | {"model": "llama-3.3-70b", "stream": True}),
        (f"{urls['llamacpp']}/completion", {"prompt": "Hello"}),
        (f"{urls['tgi']}/generate", {"inputs": "Hello"}),
        (f"{urls['tgi']}/generate_stream", {"inputs": "Hello"}),
    ]
    for url, body in asked:
        async with bench.client.post(url, json=body, headers=KEY) as answer:
            assert answer.status == 503, url
            assert "stands still at 2026-11-23T10:00:00Z" in (await answer.json())["error"]["message"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("name", "model"), [("litellm", "llama"), ("litellm", "qwen"), ("vllm-b", "llama-3.3-70b")])
async def test_a_real_client_is_answered_and_counted(bench: Bench, name: str, model: str, stream: bool) -> None:
    bench.pace.set_speed(20.0)
    options = {"stream_options": {"include_usage": True}} if stream else {}
    body = CHAT | {"model": model, "max_tokens": 30, "stream": stream} | options
    async with bench.client.post(bench.site.urls()[name] + "/v1/chat/completions", json=body, headers=KEY) as answer:
        text = await answer.text()
    assert answer.status == 200
    parts = (
        [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
        if stream
        else [json.loads(text)]
    )
    assert parts[-1]["usage"]["completion_tokens"] == 30
    if name == "litellm":
        own = [one for one in bench.log if isinstance(one, Answered) and one.request.outside]
        assert [(one.fault, one.usage.output, one.finish) for one in own] == [(None, 30, "length")]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["litellm", "vllm-a", "tgi"])
async def test_a_client_that_goes_away_gives_its_request_up(bench: Bench, name: str, stream: bool) -> None:
    await bench.move(1.0)
    bench.pace.set_speed(1.0)
    path, body = "/v1/chat/completions", CHAT | {"stream": stream}
    if name == "vllm-a":
        body |= {"model": "llama-3.3-70b"}
    elif name == "tgi":
        path, body = f"/generate{'_stream' * stream}", {"inputs": "Hello", "parameters": {"max_new_tokens": 4000}}

    async def ask() -> None:
        async with bench.client.post(bench.site.urls()[name] + path, json=body, headers=KEY) as answer:
            await answer.read()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask(), 1.5)
    for _ in range(100):
        await asyncio.sleep(0.05)
        if name == "litellm":
            gone = [one for one in bench.log if isinstance(one, Answered) and one.request.outside]
            if gone:
                assert [(one.fault, one.usage.cost) for one in gone] == [(Fault.ABORTED, 0.0)]
                ended = [one for one in bench.log if isinstance(one, AttemptEnded) and one.request.outside]
                assert [one.fault for one in ended] == [Fault.ABORTED]
                return
        elif [one for one in bench.log if isinstance(one, Left) and one.engine == name and one.finish == "abort"]:
            return
    pytest.fail("the request went on")


async def test_dockers_know_the_ports_and_a_redis_memory_and_answer_on_their_sockets(bench: Bench) -> None:
    site = bench.site
    docker = site.programs["app-1/docker"]
    cache = site.programs["redis"]
    assert isinstance(docker, Docker) and isinstance(cache, Redis)
    assert docker.published["litellm"] == site.places["litellm"].port
    assert docker.resident["redis"]() == cache.resident_bytes() > 0
    path = site.urls()["app-1/docker"].removeprefix("unix://")
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as client,
        client.get("http://docker/containers/json") as answer,
    ):
        found = {port["PublicPort"] for one in await answer.json() for port in one["Ports"]}
    assert site.places["litellm"].port in found


async def test_logs_grow_as_time_goes_on(bench: Bench, tmp_path: Path) -> None:
    await bench.move(120.0)
    file = tmp_path / "logs" / "litellm.log"
    size = file.stat().st_size
    await bench.move(120.0)
    assert file.stat().st_size > size > 0


async def test_a_configuration_file_is_there_changes_and_is_read_anew(bench: Bench, tmp_path: Path) -> None:
    assert bench.site.configuration is not None
    file = bench.site.configuration.path("litellm")
    assert file.parent == tmp_path / "config" and file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()

    async def retries() -> int:
        async with bench.client.get(bench.site.urls()["litellm"] + "/router/settings", headers=KEY) as answer:
            found: int = (await answer.json())["current_values"]["num_retries"]
        return found

    undo = await bench.do(actions.GatewayChange("litellm", "x", retries=6, file_only=True))
    assert "num_retries: 6\n" in file.read_text() and await retries() == 1
    await bench.do(actions.Restart("litellm", 5.0))
    assert "num_retries: 6\n" in file.read_text()
    await bench.move(6.0)
    assert await retries() == 6
    assert undo is not None
    undo()
    await bench.site.refresh()
    assert file.read_text() == before and await retries() == 6


def still() -> World:
    """A world that stands at its beginning, where all are up."""
    return World(small(), seed=1, start=MONDAY_TEN, pace=Pace(SystemClock(), speed=0.0, at=MONDAY_TEN))


async def test_ports_can_be_chosen_and_a_taken_one_is_an_error(tmp_path: Path) -> None:
    base = 28_700
    async with serving(still(), port=base) as site:
        ports = [one.port for one in site.places.values()]
        assert ports == list(range(base, base + len(ports)))
        assert not any(name.endswith("/docker") for name in site.places) and site.logs is None
        assert site.configuration is None
        changes.apply(actions.Reachable("refused", (next(iter(site.places)),)), site.world)
        await site.refresh()
        # One that nobody listens at right now is taken all the same.
        with pytest.raises(UnavailableError, match=f"port {base} of 127.0.0.1"):
            async with serving(still(), port=base):
                pass
        with pytest.raises(UnavailableError, match=f"port {base + 1} of 127.0.0.1"):
            async with serving(still(), port=base + 1):
                pass
        async with aiohttp.ClientSession() as client, client.get(site.urls()["vllm-a"] + "/metrics") as answer:
            assert answer.status == 200
    async with serving(still(), tmp_path, port=base) as site:
        assert site.places["litellm"].port == base


async def test_nothing_is_left_when_it_stops(tmp_path: Path) -> None:
    async with serving(still(), tmp_path, logs=False) as site:
        assert list(tmp_path.glob("*.sock")) and list(tmp_path.glob("config/litellm.yaml"))
        port = site.places["litellm"].port
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_folder_is_made_and_one_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    async with serving(still(), tmp_path / "some" / "where") as site:
        assert site.urls()["app-1/docker"].startswith(f"unix://{tmp_path}/some/where/docker-")
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="not a directory"):
        async with serving(still(), tmp_path / "file" / "below"):
            pass
    with pytest.raises(UnavailableError, match="at most 107 bytes"):
        async with serving(still(), tmp_path / ("long" * 30)):
            pass


async def test_what_keeps_time_from_going_on_is_said(tmp_path: Path) -> None:
    async with serving(
        World(small(600.0), seed=1, start=MONDAY_TEN, pace=Pace(SystemClock(), speed=50.0, at=MONDAY_TEN)), tmp_path
    ) as site:
        assert site.logs is not None
        # A file that cannot be written: it is a folder.
        site.logs.path("litellm").unlink(missing_ok=True)
        site.logs.path("litellm").mkdir(parents=True)
        with pytest.raises(IsADirectoryError):
            await asyncio.wait_for(site.going(), 30)
