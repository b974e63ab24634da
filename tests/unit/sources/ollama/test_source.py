"""The source before documented bodies, before the simulated Ollama, and beside the official client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ollama
import pytest
from aiohttp import web

from inferdeck.errors import AuthError, MalformedError, StatusError
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import get, labels, metric_name
from inferdeck.model.target import Fact, TargetKey
from inferdeck.simulate.fleet import Engine
from inferdeck.sources import catalog
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected
from inferdeck.sources.ollama.config import OllamaConfig
from inferdeck.sources.ollama.source import ASK_AGAIN_SECONDS, OllamaSource, make
from tests.unit.simulate.servers.one_engine import ENGINE, MODEL, OneEngine, served

SAMPLES = Path(catalog.FOLDER) / "ollama/samples"
NOW = 1_795_258_800.0
READING = {"/api/version", "/api/tags", "/api/ps", "/api/show"}


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


@dataclass(slots=True)
class Replay:
    """An Ollama that says documented bodies, and what it was asked."""

    answers: dict[str, tuple[int, bytes]]
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    url: str = ""

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.asked.append((request.method, request.path, await request.read()))
        self.keys.add(request.headers.get("Authorization", ""))
        status, body = self.answers.get(request.path, (404, b"404 page not found"))
        return web.Response(status=status, body=body, content_type="application/json")

    def times(self, path: str) -> int:
        return [asked for _, asked, _ in self.asked].count(path)


ANSWERS = {
    "/api/version": (200, b'{"version":"0.32.1"}'),
    "/api/tags": (200, sample("tags.json")),
    "/api/ps": (200, sample("ps.json")),
    "/api/show": (200, sample("show.json")),
}


@asynccontextmanager
async def replaying(**changed: tuple[int, bytes]) -> AsyncIterator[Replay]:
    replay = Replay(ANSWERS | {f"/api/{name}": answer for name, answer in changed.items()})
    runner = web.ServerRunner(web.Server(replay))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    replay.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield replay
    finally:
        await runner.cleanup()


@asynccontextmanager
async def reading(url: str, clock: ManualClock | None = None, **settings: object) -> AsyncIterator[OllamaSource]:
    http = HttpClient()
    config = OllamaConfig.model_validate({"url": url, **settings})
    target = TargetKey("ollama", "here:1", "tests")
    extra = labels({"job": target.job, "instance": target.instance})
    try:
        yield make(config, http, clock or ManualClock(NOW), target, extra)
    finally:
        await http.aclose()


def series(found: Collected, name: str) -> dict[str, float]:
    """Return a family's values by model."""
    pairs = zip(found.layout.series, found.values.tolist(), strict=True)
    return {get(one, "model"): value for one, value in pairs if metric_name(one) == name}


def statuses(found: Collected) -> dict[str, str]:
    pairs = zip(found.layout.series, found.values.tolist(), strict=True)
    return {get(s, "model"): get(s, "status") for s, v in pairs if metric_name(s) == "llm_model_status" and v == 1}


def models(found: Collected) -> dict[str, Fact]:
    return {fact.name: fact for fact in found.inventory if fact.kind == "model"}


async def test_every_family_is_in_the_catalog_and_every_family_of_it_is_written() -> None:
    async with replaying() as server, reading(server.url) as ours:
        found = await ours.collect(NOW)
    known = catalog.load("ollama")
    names = {metric_name(one) for one in found.layout.series}
    listed = {metric.descriptor.name for metric in known.metrics}
    assert names == {name for name in listed if name.startswith(("ollama_", "llm_"))}
    for one in found.layout.series:
        own = {name for name, _ in one} - {"__name__", "job", "instance"}
        metric, _ = known.sample(metric_name(one))
        assert metric is not None and own <= set(metric.descriptor.labels), one


async def test_models_on_the_disk_in_memory_and_in_the_cloud() -> None:
    async with replaying() as server, reading(server.url) as ours:
        found = await ours.collect(NOW)
    llama, cloud = "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", "gpt-oss:120b-cloud"
    assert statuses(found) == {
        "qwen3:8b": "available", llama: "available", "nomic-embed-text:latest": "available", cloud: "unknown",
    }  # fmt: skip
    assert series(found, "ollama_model_loaded") == {"qwen3:8b": 1, llama: 0, "nomic-embed-text:latest": 1}
    assert set(series(found, "ollama_model_size_bytes")) == {"qwen3:8b", llama, "nomic-embed-text:latest"}
    assert series(found, "ollama_model_vram_bytes")["qwen3:8b"] == 4_991_176_704
    assert series(found, "ollama_model_expires_timestamp_seconds") == {"qwen3:8b": NOW + 270.5}
    assert series(found, "ollama_models")[""] == 4
    assert set(series(found, "llm_engine_info")) == {"qwen3:8b", "nomic-embed-text:latest"}
    facts = models(found)
    assert facts["qwen3:8b"].facts == {
        "status": "available", "type": "LLM", "parameters": "8190735360", "quantization": "Q4_K_M", "context": "4096",
        "context_limit": "40960", "family": "qwen3", "format": "gguf", "licence": "apache-2.0",
        "capabilities": "completion,tools,thinking", "digest": "500a1f067a9f", "size_bytes": "5225388164",
        "sleeping": "false", "memory_bytes": "6654289920", "vram_bytes": "4991176704", "expires": "1795259070",
    }  # fmt: skip
    assert facts["nomic-embed-text:latest"].facts["type"] == "Embedding"
    assert facts["nomic-embed-text:latest"].facts["expires"] == "never"
    assert (facts[llama].facts["root"], facts[llama].facts["sleeping"]) == (
        "bartowski/Llama-3.2-1B-Instruct-GGUF", "true",
    )  # fmt: skip
    assert facts[cloud].facts["remote"] == "ollama.com:443"
    assert not {"size_bytes", "memory_bytes", "sleeping"} & facts[cloud].facts.keys()


async def test_a_model_that_loads_is_loading() -> None:
    async with replaying(ps=(200, sample("ps-loading.json"))) as server, reading(server.url) as ours:
        found = await ours.collect(NOW)
    assert statuses(found)["qwen3:8b"] == "loading"
    assert series(found, "ollama_model_expires_timestamp_seconds") == {}
    assert series(found, "ollama_model_context_tokens") == {}
    assert series(found, "ollama_model_loaded")["qwen3:8b"] == 1


async def test_only_harmless_questions_and_few_of_them() -> None:
    clock = ManualClock(NOW)
    async with replaying() as server, reading(server.url, clock) as ours:
        for _ in range(9):
            await ours.collect(clock.now())
            await clock.advance(15.0)
        asked = [(method, path, body) for method, path, body in server.asked]
    assert {path for _, path, _ in asked} <= READING
    assert all(method == "GET" for method, path, _ in asked if path != "/api/show")
    # Two of the four: the embedding model's entry told everything, the cloud's model is left alone.
    shown = [json.loads(body) for _, path, body in asked if path == "/api/show"]
    assert [one["model"] for one in shown] == ["qwen3:8b", "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M"]
    assert (server.times("/api/ps"), server.times("/api/tags"), server.times("/api/version")) == (9, 3, 3)
    assert [probe.name for probe in ours.probes if probe.never] == ["use", "change"]


async def test_a_model_under_a_known_name_with_another_digest_is_asked_for_anew() -> None:
    clock = ManualClock(NOW)
    async with replaying() as server, reading(server.url, clock, poll_models=10) as ours:
        await ours.collect(NOW)
        body = server.answers["/api/tags"][1].replace(b"500a1f067a9f", b"600a1f067a9f")
        server.answers["/api/tags"] = (200, body)
        await clock.advance(15.0)
        await ours.collect(clock.now())
        assert server.times("/api/show") == 3


async def test_refused_details_are_a_note_and_are_asked_for_later() -> None:
    clock = ManualClock(NOW)
    refused = (500, b'{"error":"disk"}')
    async with replaying(show=refused) as server, reading(server.url, clock) as ours:
        for _ in range(3):
            await ours.collect(clock.now())
            await clock.advance(15.0)
        assert server.times("/api/show") == 2, "once for each model"
        found = await ours.collect(clock.now())
        assert "details of" in found.warnings[0]
        assert "capabilities" not in models(found)["qwen3:8b"].facts
        assert models(found)["qwen3:8b"].facts["parameters"] == "8200000000"
        server.answers["/api/show"] = ANSWERS["/api/show"]
        await clock.advance(ASK_AGAIN_SECONDS)
        found = await ours.collect(clock.now())
        assert models(found)["qwen3:8b"].facts["licence"] == "apache-2.0"
        assert found.warnings == ()


async def test_show_can_be_switched_off() -> None:
    async with replaying() as server, reading(server.url, show=False) as ours:
        await ours.collect(NOW)
        assert server.times("/api/show") == 0


async def test_the_list_of_the_last_time_stays_while_it_cannot_be_had() -> None:
    clock = ManualClock(NOW)
    async with replaying() as server, reading(server.url, clock, poll_models=10) as ours:
        first = await ours.collect(NOW)
        server.answers["/api/tags"] = (500, b"")
        await clock.advance(15.0)
        second = await ours.collect(clock.now())
    assert series(second, "ollama_models") == series(first, "ollama_models")
    assert second.warnings[0].startswith("models on the disk as of before")


async def test_another_program_is_no_ollama() -> None:
    async with replaying(ps=(200, b"<html>")) as server, reading(server.url) as ours:
        with pytest.raises(MalformedError, match="does an Ollama answer there"):
            await ours.collect(NOW)
    async with replaying(ps=(500, b"")) as server, reading(server.url) as ours:
        with pytest.raises(StatusError):
            await ours.collect(NOW)


async def test_the_cloud_lists_remote_models_and_gets_its_key_and_little_else() -> None:
    clock = ManualClock(NOW)
    async with replaying() as server, reading(server.url, clock, cloud=True, key="sk-planted") as ours:
        found = [await ours.collect(clock.now()) for _ in range(3)][-1]
        assert {path for _, path, _ in server.asked} == {"/api/tags", "/api/version"}
        assert (len(server.asked), server.keys) == (2, {"Bearer sk-planted"})
        server.answers["/api/tags"] = (401, b'{"error":"unauthorized"}')
        await clock.advance(100)
        with pytest.raises(AuthError, match="check `key`"):
            await ours.collect(clock.now())
    names = {metric_name(one) for one in found.layout.series}
    assert names == {"llm_model_status", "llm_engine_info", "ollama_models"}
    assert set(statuses(found).values()) == {"unknown"}
    assert all(fact.facts["remote"] for fact in models(found).values())
    assert "sk-planted" not in repr(found)


@pytest.mark.parametrize(
    ("url", "cloud"),
    [("https://ollama.com", True), ("https://eu.ollama.com/x", True), ("http://ollama:11434", False),
     ("http://notollama.com", False)],
)  # fmt: skip
def test_the_cloud_is_known_by_its_name(url: str, cloud: bool) -> None:
    assert OllamaConfig(url=url).is_cloud is cloud
    assert OllamaConfig(url=url, cloud=not cloud).is_cloud is not cloud


def engine(sleep: float | None) -> Engine:
    model = replace(MODEL, name="qwen3:8b")
    return replace(ENGINE, kind="ollama", version="0.32.1", model=model, sleep_after_seconds=sleep)


async def test_what_the_simulated_ollama_says_is_what_its_official_client_reads() -> None:
    one = OneEngine(engine(sleep=60.0))
    async with served(one) as url, ollama.AsyncClient(url) as client, reading(url) as ours:
        found = await ours.collect(one.now)
        listed, memory = (await client.list()).models[0], (await client.ps()).models[0]
        shown = await client.show("qwen3:8b")
        facts = models(found)["qwen3:8b"].facts
        assert found.version == "0.32.1"
        assert facts["size_bytes"] == str(listed.size)
        assert listed.details is not None and facts["quantization"] == listed.details.quantization_level
        assert facts["capabilities"] == ",".join(shown.capabilities or ())
        assert shown.modelinfo is not None
        assert facts["parameters"] == str(shown.modelinfo["general.parameter_count"])
        assert facts["vram_bytes"] == str(memory.size_vram)
        assert facts["context"] == str(memory.context_length)
        assert memory.expires_at is not None
        left = series(found, "ollama_model_expires_timestamp_seconds")["qwen3:8b"] - memory.expires_at.timestamp()
        assert abs(left) < 0.001
        one.run(120)
        gone = await ours.collect(one.now)
        assert (await client.ps()).models == []
    assert series(gone, "ollama_model_loaded") == {"qwen3:8b": 0}
    assert series(gone, "llm_engine_info") == {"": 1}
    assert statuses(gone) == {"qwen3:8b": "available"}
    assert models(gone)["qwen3:8b"].facts["sleeping"] == "true"


async def test_watching_neither_loads_a_model_nor_keeps_it_in_memory() -> None:
    one = OneEngine(engine(sleep=60.0))
    async with served(one) as url, reading(url) as ours:
        loaded: list[Any] = []
        for _ in range(12):
            loaded.append(series(await ours.collect(one.now), "ollama_models_loaded")[""])
            one.run(15)
    assert loaded[0] == 1
    assert loaded[-1] == 0
    assert loaded == sorted(loaded, reverse=True)
