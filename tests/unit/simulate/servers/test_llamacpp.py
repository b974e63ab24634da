"""The simulated llama-server beside the captured one: metrics that a scrape sets back, slots, sleep."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from importlib import resources
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from inferdeck.simulate.servers.engines.llamacpp.program import LlamaCpp
from tests.unit.simulate.servers.one_engine import ENGINE, OneEngine, served

LLAMA = replace(ENGINE, kind="llamacpp", version="b11434", max_sequences=2)


def captured(name: str) -> str:
    return (resources.files("inferdeck.sources.llamacpp") / "samples" / f"b11434-{name}").read_text()


def llama(**more: Any) -> tuple[OneEngine, LlamaCpp]:
    one = OneEngine(replace(LLAMA, **more))
    assert isinstance(one.program, LlamaCpp)
    return one, one.program


def heads(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#")]


def values(text: str) -> dict[str, float]:
    return {
        sample.name.removeprefix("llamacpp:"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def shape(value: Any) -> Any:
    """Return a JSON body with its values replaced by their kinds."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


async def get(client: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with client.get(path) as response:
        assert response.status == status, path
        text = await response.text()
        return text if path == "/metrics" else json.loads(text)


async def test_metrics_are_word_for_word_those_of_an_idle_captured_one() -> None:
    one, _ = llama()
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        assert await get(client, "/metrics") == captured("metrics-idle.txt")


async def test_values_agree_with_what_happened_and_with_each_other() -> None:
    one, _ = llama()
    chance = random.Random(2)
    for _ in range(30):
        one.send(chance.randrange(10, 900), chance.randrange(1, 200))
        one.run(chance.random() * 4)
    one.run(500)
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        text = await get(client, "/metrics")
    assert heads(text) == heads(captured("metrics-after.txt"))
    for found in (values(text), values(captured("metrics-after.txt"))):
        slots = found["n_busy_slots_per_decode"] * found["n_decode_total"]
        assert slots == pytest.approx(found["tokens_predicted_total"], rel=1e-4)
    found = values(text)
    assert found["tokens_predicted_total"] == sum(left.output_tokens for left in one.lefts)
    prompt = found["prompt_tokens_total"] + found["prompt_tokens_cached_total"]
    assert prompt == sum(left.prompt_tokens for left in one.lefts)
    seconds = sum(left.decode_seconds for left in one.lefts)
    assert found["tokens_predicted_seconds_total"] == pytest.approx(seconds, rel=1e-5)
    longest = max(left.prompt_tokens + left.output_tokens for left in one.lefts)
    assert f"\nllamacpp:n_tokens_max {longest - 1}\n" in text


async def test_each_scrape_sets_the_averages_back() -> None:
    one, _ = llama()
    one.send(300, 60)
    one.run(60)
    left = one.lefts[0]
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        first, again = values(await get(client, "/metrics")), values(await get(client, "/metrics"))
        assert first["predicted_tokens_seconds"] == pytest.approx(60 / left.decode_seconds, rel=1e-5)
        assert first["prompt_tokens_seconds"] == pytest.approx(300 / left.prefill_seconds, rel=1e-5)
        assert again["predicted_tokens_seconds"] == again["prompt_tokens_seconds"] == 0
        assert again["tokens_predicted_total"] == first["tokens_predicted_total"] == 60


async def test_slots_are_shaped_as_captured_idle_busy_and_after() -> None:
    one, _ = llama()
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        assert shape(await get(client, "/slots")) == shape(json.loads(captured("slots-idle.json")))
        one.send(150, 900)
        one.send(90, 900)
        one.run(2)
        slots = await get(client, "/slots")
        assert shape(slots) == shape(json.loads(captured("slots-busy.json")))
        assert [slot["is_processing"] for slot in slots] == [True, True]
        assert all(slot["next_token"][0]["n_decoded"] > 10 for slot in slots)
        assert slots[0]["n_prompt_tokens"] == 150 + slots[0]["next_token"][0]["n_decoded"]
        body = await get(client, "/slots?fail_on_no_slot=1", 503)
        assert body == {"error": {"code": 503, "message": "no slot available", "type": "unavailable_error"}}
        one.run(500)
        assert (await get(client, "/slots"))[0]["n_prompt_tokens"] == 150 + 900 - 1


async def test_props_and_models_are_shaped_as_captured() -> None:
    one, _ = llama()
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        assert shape(await get(client, "/props")) == shape(json.loads(captured("props.json")))
        assert shape(await get(client, "/v1/models")) == shape(json.loads(captured("models.json")))


async def test_everything_says_503_while_the_model_loads() -> None:
    one, _ = llama()
    wanted = json.loads((resources.files("inferdeck.sources.llamacpp") / "samples" / "health-loading.json").read_text())
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        one.restart()
        for path in ("/health", "/metrics", "/slots", "/props", "/v1/models"):
            async with client.get(path) as response:
                assert (response.status, await response.json()) == (503, wanted)
        one.run(10)
        assert await get(client, "/health") == {"status": "ok"}


async def test_only_slots_wakes_a_model_that_sleeps() -> None:
    one, program = llama(sleep_after_seconds=30.0)
    one.send(100, 20)
    one.run(60)
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        for path in ("/health", "/metrics", "/v1/models", "/props"):
            await get(client, path)
            one.run(1)
        assert (await get(client, "/props"))["is_sleeping"] is True
        await get(client, "/slots")
        one.run(5)
        assert program.phase == "ready"
        assert (await get(client, "/props"))["is_sleeping"] is False


async def test_errors_are_those_of_the_captured_one() -> None:
    one, _ = llama()
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        body = await get(client, "/api/tags", 404)
        assert body == {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}
        async with client.post("/v1/completions", json={"prompt": "abcd" * 5019}) as response:
            text = "request (5019 tokens) exceeds the available context size (4096 tokens), try increasing it"
            error = {"code": 400, "message": text, "type": "exceed_context_size_error"}
            assert (await response.json())["error"] == error | {"n_prompt_tokens": 5019, "n_ctx": 4096}
        async with client.post("/v1/embeddings", json={"input": "x"}) as response:
            assert response.status == 501
        async with client.post("/v1/chat/completions", data='{"a"') as response:
            assert response.status == 400
            message = (await response.json())["error"]["message"]
            assert message.endswith("parsing object separator - unexpected end of input; expected ':'")
