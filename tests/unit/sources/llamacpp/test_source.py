"""What the source makes of answers that a real llama-server gives rarely: it is loading, it is a router, it is old."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from inferdeck.errors import StatusError
from inferdeck.model.clock import Clock, ManualClock
from inferdeck.model.labels import get, labels, metric_name
from inferdeck.model.target import TargetKey
from inferdeck.sources import catalog
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected
from inferdeck.sources.llamacpp.config import LlamacppConfig
from inferdeck.sources.llamacpp.source import LlamacppSource, make

SAMPLES = Path(catalog.FOLDER) / "llamacpp/samples"
ROUTER = b'{"error":{"message":"model name is missing from the request","type":"invalid_request_error","code":400}}'


@dataclass(slots=True)
class Replay:
    """An HTTP server that says captured bodies: path to status and body; and what it was asked."""

    answers: dict[str, tuple[int, bytes]]
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(request.path_qs)
        status, body = self.answers.get(request.path, (404, b"{}"))
        kind = "text/plain" if request.path == "/metrics" and status == 200 else "application/json"
        return web.Response(status=status, body=body, content_type=kind)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


LOADING = {path: (503, sample("health-loading.json")) for path in ("/health", "/metrics", "/props", "/slots")}
READY = {
    "/health": (200, b'{"status":"ok"}'),
    "/metrics": (200, sample("b11434-metrics-busy.txt")),
    "/props": (200, sample("b11434-props.json")),
    "/slots": (200, sample("b11434-slots-busy.json")),
    "/v1/models": (200, sample("b11434-models.json")),
}


@asynccontextmanager
async def replaying(answers: dict[str, tuple[int, bytes]]) -> AsyncIterator[Replay]:
    replay = Replay(dict(answers))
    runner = web.ServerRunner(web.Server(replay))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    replay.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield replay
    finally:
        await runner.cleanup()


@asynccontextmanager
async def reading(config: LlamacppConfig, clock: Clock | None = None) -> AsyncIterator[LlamacppSource]:
    http = HttpClient()
    target = TargetKey("llamacpp", "here:1", "tests")
    try:
        yield make(
            config, http, clock or ManualClock(), target, labels({"job": target.job, "instance": target.instance})
        )
    finally:
        await http.aclose()


def status(collected: Collected) -> str:
    pairs = zip(collected.layout.series, collected.values.tolist(), strict=True)
    [active] = [key for key, value in pairs if metric_name(key) == "llm_model_status" and value == 1]
    return get(active, "status")


def names(collected: Collected) -> set[str]:
    return {metric_name(series) for series in collected.layout.series}


async def test_a_server_that_loads_its_model_is_up_and_loading() -> None:
    async with replaying(LOADING) as server, reading(LlamacppConfig(url=server.url)) as ours:
        loading = await ours.collect(0.0)
        server.answers = dict(READY)
        ready = await ours.collect(15.0)
    assert (status(loading), status(ready)) == ("loading", "available")
    assert loading.warnings == ("loading its model: no metrics yet",)
    assert not [name for name in names(loading) if name.startswith("llamacpp:")]
    assert ready.version == "b0-unknown"


async def test_a_check_of_a_loading_server_asks_nothing_else() -> None:
    async with replaying(LOADING) as server, reading(LlamacppConfig(url=server.url)) as ours:
        [service] = await ours.check()
    assert service.facts["status"] == "loading"
    assert server.asked == ["/health"]


async def test_a_router_is_told_to_name_a_model() -> None:
    answers = {**READY, "/metrics": (400, ROUTER)}
    async with replaying(answers) as server, reading(LlamacppConfig(url=server.url)) as ours:
        with pytest.raises(StatusError, match="needs `model` under"):
            await ours.collect(0.0)


async def test_a_routers_model_is_never_loaded_by_reading_it() -> None:
    async with replaying(READY) as server, reading(LlamacppConfig(url=server.url, model="big", slots=True)) as ours:
        await ours.collect(0.0)
    assert {path.partition("?")[2] for path in server.asked} == {"model=big&autoload=false"}
    assert [path.partition("?")[0] for path in server.asked] == ["/props", "/metrics", "/props", "/slots"]


async def test_a_sleeping_server_is_not_asked_for_slots_while_it_says_busy() -> None:
    asleep = sample("b11434-props.json").replace(b'"is_sleeping":false', b'"is_sleeping":true')
    answers = {**READY, "/props": (200, asleep)}
    async with replaying(answers) as server, reading(LlamacppConfig(url=server.url, slots=True)) as ours:
        collected = await ours.collect(0.0)
    assert "/slots" not in server.asked
    assert "llm_engine_kv_cache_usage_ratio" not in names(collected)


async def test_slots_are_off_unless_switched_on() -> None:
    async with replaying(READY) as server, reading(LlamacppConfig(url=server.url)) as ours:
        await ours.collect(0.0)
    assert "/slots" not in server.asked
    [probe] = [probe for probe in ours.probes if probe.name == "slots"]
    assert (probe.effect, probe.enabled_by) == ("wakes_model", "slots")


async def test_an_old_build_that_says_the_ratio_itself_is_not_asked_for_slots() -> None:
    old = b"# TYPE llamacpp:kv_cache_usage_ratio gauge\nllamacpp:kv_cache_usage_ratio 0.5\n"
    answers = {**READY, "/metrics": (200, sample("b11434-metrics-busy.txt") + old)}
    async with replaying(answers) as server, reading(LlamacppConfig(url=server.url, slots=True)) as ours:
        await ours.collect(0.0)
    assert "/slots" not in server.asked


async def test_without_props_the_model_comes_from_the_list_of_models() -> None:
    answers = {path: answer for path, answer in READY.items() if path != "/props"}
    answers["/props"] = (200, b"{}")
    async with replaying(answers) as server, reading(LlamacppConfig(url=server.url)) as ours:
        collected = await ours.collect(0.0)
    assert {get(series, "model") for series in collected.layout.series} == {"tiny"}


async def test_a_server_that_refuses_props_is_read_without_a_model() -> None:
    answers = {**READY, "/props": (404, b"{}")}
    async with replaying(answers) as server, reading(LlamacppConfig(url=server.url)) as ours:
        collected = await ours.collect(0.0)
    assert "llamacpp:requests_processing" in names(collected)
    assert collected.warnings[0].startswith("model unknown: ")


async def test_another_model_gives_another_layout() -> None:
    clock = ManualClock()
    async with replaying(READY) as server, reading(LlamacppConfig(url=server.url), clock) as ours:
        first = await ours.collect(0.0)
        server.answers["/props"] = (200, sample("b11434-props.json").replace(b'"tiny"', b'"other"'))
        await clock.advance(60.0)
        second = await ours.collect(15.0)
    assert {get(series, "model") for series in first.layout.series} == {"tiny"}
    assert {get(series, "model") for series in second.layout.series} == {"other"}
