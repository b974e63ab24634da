"""The llama.cpp source on the real llama-server, with an access log in between: what it asks, and what it says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from inferdeck.errors import AuthError, StatusError
from inferdeck.model.labels import get, labels, metric_name
from inferdeck.model.target import ANOTHER_READER
from inferdeck.sources import catalog
from inferdeck.sources.interface import Collected, Source
from inferdeck.sources.llamacpp.config import LlamacppConfig
from inferdeck.sources.llamacpp.source import LlamacppSource
from inferdeck.sources.mapping import Mapper
from inferdeck.sources.repair import Repair
from tests.real import tiny_gguf
from tests.real.access import AccessLog, access_log
from tests.real.programs import Running, answers, free_port, llama_server, llama_server_executable, running
from tests.real.sources.reading import Series, families, series, source

pytestmark = pytest.mark.heavy

RESETTING = {"llamacpp:prompt_tokens_seconds", "llamacpp:predicted_tokens_seconds"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("model") / "tiny.gguf")


@pytest.fixture
def server(tmp_path: Path, model: Path) -> Iterator[Running]:
    with llama_server(tmp_path, model, "--alias", "tiny", "--parallel", "2") as found:
        yield found


@pytest.fixture
def drowsy(tmp_path: Path, model: Path) -> Iterator[Running]:
    with llama_server(tmp_path, model, "--alias", "tiny", "--sleep-idle-seconds", "1") as found:
        yield found


@pytest.fixture
async def log(server: Running) -> AsyncIterator[AccessLog]:
    async with access_log(server.url) as found:
        yield found


async def chat(url: str, text: str, tokens: int = 20) -> dict[str, Any]:
    """Send one chat and return the answer, whose usage and timings are the server's own account of it."""
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": tokens, "ignore_eos": True}
    async with aiohttp.ClientSession() as session, session.post(f"{url}/v1/chat/completions", json=body) as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


async def props(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/props") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def asleep(url: str) -> None:
    """Wait until the server says that it sleeps."""
    while not (await props(url))["is_sleeping"]:
        await asyncio.sleep(0.1)


def passed_on(collected: Collected) -> Series:
    """Return what the store would get: repaired and mapped."""
    known = catalog.load("llamacpp")
    repaired = Repair(known, None).apply(collected.layout, collected.values)
    mapped = Mapper(known, {}).apply(repaired.layout, repaired.values)
    return dict(zip(mapped.layout.series, mapped.values.tolist(), strict=True))


def value(found: Series, name: str) -> float:
    """Return the only value of a family."""
    [only] = [number for key, number in found.items() if metric_name(key) == name]
    return only


async def test_one_metrics_request_per_collection_and_props_once_a_minute(log: AccessLog) -> None:
    async with source("llamacpp", LlamacppConfig(url=log.url)) as ours:
        sent = [(await ours.collect(0.0)).requests for _ in range(5)]
    assert Counter(entry.path for entry in log.entries) == {"/metrics": 5, "/props": 1}
    assert sent == [2, 1, 1, 1, 1]
    assert all(entry.status == 200 and entry.method == "GET" for entry in log.entries)


async def test_a_check_reads_no_metrics_and_no_slots(log: AccessLog) -> None:
    async with source("llamacpp", LlamacppConfig(url=log.url, slots=True)) as ours:
        assert isinstance(ours, LlamacppSource)
        facts = await ours.check()
    assert log.paths() <= {"/health", "/props", "/v1/models"}
    assert [fact.name for fact in facts if fact.kind == "model"] == ["tiny"]


async def test_counters_equal_the_servers_own_account_of_each_request(server: Running) -> None:
    async with source("llamacpp", LlamacppConfig(url=server.url)) as ours:
        await ours.collect(0.0)
        replies = [await chat(server.url, f"hello number {number}", 5 + number) for number in range(8)]
        replies += await asyncio.gather(*(chat(server.url, f"at once {number}", 30) for number in range(4)))
        found = series(collected := await ours.collect(0.0))
    expected = {
        "llamacpp:prompt_tokens_total": sum(answer["timings"]["prompt_n"] for answer in replies),
        "llamacpp:prompt_tokens_cached_total": sum(answer["timings"]["cache_n"] for answer in replies),
        "llamacpp:tokens_predicted_total": sum(answer["timings"]["predicted_n"] for answer in replies),
    }
    own = {"model": "tiny"}
    assert {name: found[labels(own, name)] for name in expected} == expected
    usage = [answer["usage"] for answer in replies]
    kept = passed_on(collected)
    assert value(kept, "llm_engine_generation_tokens_total") == sum(one["completion_tokens"] for one in usage)
    assert value(kept, "llm_engine_prefix_cache_hits_total") == sum(
        one["prompt_tokens_details"]["cached_tokens"] for one in usage
    )
    assert value(kept, "llm_engine_prefix_cache_queries_total") == sum(one["prompt_tokens"] for one in usage)


async def test_the_resetting_gauges_are_read_and_never_kept(server: Running) -> None:
    async with source("llamacpp", LlamacppConfig(url=server.url)) as ours:
        await chat(server.url, "hello")
        collected = await ours.collect(0.0)
    assert families(series(collected)) >= RESETTING
    assert families(passed_on(collected)).isdisjoint(RESETTING)
    [effect] = [probe for probe in ours.probes if probe.request == "GET /metrics"]
    assert (effect.effect, effect.required) == ("resets_gauge", True)


async def test_canonical_series_name_engine_and_model(server: Running) -> None:
    async with source("llamacpp", LlamacppConfig(url=server.url)) as ours:
        collected = await ours.collect(0.0)
    canonical = [key for key in passed_on(collected) if metric_name(key).startswith("llm_")]
    assert {"llm_engine_requests_running", "llm_engine_requests_waiting", "llm_engine_info", "llm_model_status"} <= {
        metric_name(key) for key in canonical
    }
    assert {(get(key, "engine"), get(key, "model")) for key in canonical} == {("llamacpp", "tiny")}
    assert collected.version == (await props(server.url))["build_info"]
    assert _status(series(collected)) == "available"


def _status(found: Series) -> str:
    [active] = [key for key, number in found.items() if metric_name(key) == "llm_model_status" and number == 1]
    return get(active, "status")


async def test_the_layout_stays_the_same_object(server: Running) -> None:
    async with source("llamacpp", LlamacppConfig(url=server.url)) as ours:
        first = await ours.collect(0.0)
        await chat(server.url, "hello")
        assert (await ours.collect(0.0)).layout is first.layout


async def test_slots_are_asked_only_after_props_and_only_while_requests_run(log: AccessLog) -> None:
    async with source("llamacpp", LlamacppConfig(url=log.url, slots=True)) as ours:
        idle = series(await ours.collect(0.0))
        assert "/slots" not in log.paths()
        assert "llm_engine_kv_cache_usage_ratio" not in families(idle)
        busy = await _while_running(ours, log.url)
    ratio = value(busy, "llm_engine_kv_cache_usage_ratio")
    assert 0 < ratio < 1
    quality = labels(
        {
            "family": "llm_engine_kv_cache_usage_ratio",
            "engine": "llamacpp",
            "model": "tiny",
            "quality": "estimated",
            "reason": "slots",
        },
        "inferdeck_quality",
    )
    assert busy[quality] == 1
    order = [entry.path for entry in log.entries if entry.path in ("/props", "/slots")]
    assert all(order[position - 1] == "/props" for position, path in enumerate(order) if path == "/slots")


async def _while_running(ours: Source, url: str) -> Series:
    """Return a collection made while a long request runs (or right after it, which counts as well)."""
    request = asyncio.create_task(chat(url, "a long story", 900))
    await asyncio.sleep(0.05)
    found = series(await ours.collect(0.0))
    await request
    return found if "llm_engine_kv_cache_usage_ratio" in families(found) else series(await ours.collect(0.0))


async def test_a_sleeping_model_is_never_woken(drowsy: Running) -> None:
    async with access_log(drowsy.url) as log, source("llamacpp", LlamacppConfig(url=log.url, slots=True)) as ours:
        await ours.collect(0.0)
        await chat(drowsy.url, "hello")
        await asleep(drowsy.url)
        # The counters have moved since the last collection, so only the sleep keeps /slots away.
        for _ in range(3):
            await ours.collect(0.0)
        assert (await props(drowsy.url))["is_sleeping"]
    assert "/slots" not in log.paths()


async def test_watching_an_idle_server_does_not_keep_it_awake(drowsy: Running) -> None:
    async with source("llamacpp", LlamacppConfig(url=drowsy.url, slots=True, props_interval=0.2)) as ours:
        while not (await props(drowsy.url))["is_sleeping"]:
            collected = await ours.collect(0.0)
            await asyncio.sleep(0.25)
        collected = await ours.collect(0.0)
    [served] = [fact for fact in collected.inventory if fact.kind == "model"]
    assert served.facts["sleeping"] == "true"


async def test_the_declared_effect_of_slots_is_real(drowsy: Running) -> None:
    await asleep(drowsy.url)
    async with aiohttp.ClientSession() as session, session.get(f"{drowsy.url}/slots") as answer:
        assert answer.status == 200
    assert not (await props(drowsy.url))["is_sleeping"], "/slots wakes no model any more: say so in the catalog"


async def test_a_server_without_metrics_is_told_what_to_add(tmp_path: Path, model: Path) -> None:
    port = free_port()
    command = [str(llama_server_executable()), "-m", str(model), "--host", "127.0.0.1", "--port", str(port)]
    with running("llama-server", command, tmp_path, port=port, ready=answers("/health")) as bare:
        async with source("llamacpp", LlamacppConfig(url=bare.url)) as ours:
            with pytest.raises(StatusError, match="start llama-server with --metrics"):
                await ours.collect(0.0)


async def test_a_key_is_needed_and_works(tmp_path: Path, model: Path) -> None:
    with llama_server(tmp_path, model, "--api-key", "key-of-the-server") as locked:
        async with source("llamacpp", LlamacppConfig(url=locked.url)) as ours:
            with pytest.raises(AuthError, match="needs a key"):
                await ours.collect(0.0)
        config = LlamacppConfig(url=locked.url, key=SecretStr("key-of-the-server"))
        async with source("llamacpp", config) as ours:
            assert "llamacpp:requests_processing" in families(series(await ours.collect(0.0)))


async def test_another_reader_is_noticed_and_none_is_imagined(server: Running) -> None:
    async with source("llamacpp", LlamacppConfig(url=server.url)) as ours:
        warned: list[str] = []
        for number in range(12):
            # Idle intervals, one request, several at once, one that runs on while we read.
            await asyncio.gather(*(chat(server.url, f"question {number} {one}", 30) for one in range(number % 3)))
            running = asyncio.create_task(chat(server.url, "a long story", 300)) if number % 4 == 1 else None
            warned += (await ours.collect(0.0)).warnings
            if running is not None:
                await running
        assert warned == []
        async with aiohttp.ClientSession() as session:
            await chat(server.url, "hello", 40)
            async with session.get(f"{server.url}/metrics") as answer:
                assert answer.status == 200
        [warning] = (await ours.collect(0.0)).warnings
    assert warning.startswith(ANOTHER_READER)
    assert "let only one program read it" in warning
