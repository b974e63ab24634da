"""The simulated vLLM beside the captured one, and the names of its versions."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from importlib import resources

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from inferdeck.simulate.servers.engines.vllm.program import Vllm
from tests.unit.simulate.servers.one_engine import ENGINE, MODEL, OneEngine, served

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
CONTEXT = 512
"""Of the captured model."""


def captured(name: str) -> str:
    folder = resources.files("inferdeck.sources.vllm") / "samples"
    return gzip.decompress((folder / f"0.32.0-metrics-{name}.txt.gz").read_bytes()).decode()


def vllm(version: str = "0.33.0", context: int = CONTEXT) -> tuple[OneEngine, Vllm]:
    one = OneEngine(replace(ENGINE, version=version, model=replace(MODEL, name="tiny-llama", context=context)))
    assert isinstance(one.program, Vllm)
    return one, one.program


def families(text: str) -> dict[str, tuple[str, str]]:
    return {family.name: (family.type, family.documentation) for family in text_string_to_metric_families(text)}


def series(text: str) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def shapes(text: str) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Return the series but those of the processes' own labels and of handlers that only some clients ask."""
    handlers = {"/openapi.json", "none", "/v1/models", "/tokenize"}
    return {
        (name, labels)
        for name, labels in series(text)
        if name not in ("vllm:cache_config_info", "python_info") and dict(labels).get("handler") not in handlers
    }


def busy(one: OneEngine) -> None:
    chance = random.Random(5)
    for _ in range(60):
        one.send(chance.randrange(10, 250), chance.randrange(1, 200), shared_tokens=0)
        one.run(chance.random())
    one.run(600)


async def text(one: OneEngine) -> str:
    async with served(one) as url, aiohttp.ClientSession() as client, client.get(f"{url}/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=1.0.0; charset=utf-8"
        return await response.text()


async def test_idle_one_has_the_captured_families_types_help_and_series() -> None:
    one, _ = vllm()
    ours, theirs = await text(one), captured("idle")
    wanted = {name: told for name, told in families(theirs).items() if not _handled(name)}
    assert {name: told for name, told in families(ours).items() if not _handled(name)} == wanted
    assert shapes(ours) == shapes(theirs)


def _handled(name: str) -> bool:
    """Whether a family's series come with the first request; the real one prints its head before."""
    return name.startswith(
        ("http_requests", "http_request_size", "http_response_size", "http_request_duration_seconds")
    )


async def test_one_with_traffic_has_the_captured_families_and_label_sets() -> None:
    one, _ = vllm()
    busy(one)
    ours, theirs = await text(one), captured("after")
    assert families(ours) == families(theirs)
    only = {("handler", "/v1/completions")}
    assert shapes(ours) == {shape for shape in shapes(theirs) if not only & shape[1]} - {
        (name, labels) for name, labels in shapes(theirs) if ("status", "4xx") in labels
    }


async def test_configuration_has_the_captured_fields_and_the_fleets_memory() -> None:
    one, _ = vllm()
    theirs = next(dict(labels) for name, labels in series(captured("idle")) if name == "vllm:cache_config_info")
    ours = next(dict(labels) for name, labels in series(await text(one)) if name == "vllm:cache_config_info")
    assert set(ours) == set(theirs)
    assert int(ours["num_gpu_blocks"]) * int(ours["block_size"]) == one.engine.kv_tokens


async def test_values_agree_with_each_other_as_in_the_captured_one() -> None:
    one, _ = vllm()
    busy(one)
    for found in (_Totals(series(await text(one))), _Totals(series(captured("after")))):
        assert (
            found["iteration_tokens_total_sum"]
            == found.by("source", "local_compute") + found["generation_tokens_total"]
        )
        firsts = found["time_to_first_token_seconds_count"]
        assert found["inter_token_latency_seconds_count"] == found["generation_tokens_total"] - firsts
        assert found["prompt_tokens_total"] == found.by("source", "local_compute") + found.by(
            "source", "local_cache_hit"
        )
        assert found["prefix_cache_hits_total"] == found["prompt_tokens_cached_total"] == found.by("source", "device")
        parts = found["request_prefill_time_seconds_sum"] + found["request_decode_time_seconds_sum"]
        assert found["request_inference_time_seconds_sum"] == pytest.approx(parts)
        assert found["request_params_n_count"] == found["e2e_request_latency_seconds_count"]
    found = _Totals(series(await text(one)))
    lefts = one.lefts
    assert (
        found["generation_tokens_total"]
        == found["request_generation_tokens_sum"]
        == sum(x.output_tokens for x in lefts)
    )
    assert (
        found["prompt_tokens_total"] == found["request_prompt_tokens_sum"] == sum(left.prompt_tokens for left in lefts)
    )
    whole = found["request_queue_time_seconds_sum"] + found["request_inference_time_seconds_sum"]
    assert found["e2e_request_latency_seconds_sum"] == pytest.approx(whole)


class _Totals:
    def __init__(self, found: Series) -> None:
        self._found = found

    def __getitem__(self, name: str) -> float:
        return sum(value for (found, _), value in self._found.items() if found == f"vllm:{name}")

    def by(self, label: str, value: str) -> float:
        return sum(
            number
            for (name, labels), number in self._found.items()
            if (label, value) in labels and name.endswith("_total")
        )


def test_a_client_that_goes_away_counts_its_tokens_only() -> None:
    one, program = vllm()
    attempt = one.send(100, 200)
    one.run(1.0)
    one.drop(attempt)
    one.run(1.0)
    assert one.lefts[0].finish == "abort" and one.lefts[0].output_tokens > 0
    assert program.families.generation.get(program.families.key) == one.lefts[0].output_tokens
    assert program.families.whole.count == 0


def test_a_restart_begins_at_zero_with_the_names_of_its_version() -> None:
    one, program = vllm("0.8.5")
    busy(one)
    old = families(program.tables[0].text())
    assert "vllm:gpu_cache_usage_perc" in old and "vllm:time_per_output_token_seconds" in old
    assert "vllm:kv_cache_usage_perc" not in old and "vllm:inter_token_latency_seconds" not in old
    one.restart("0.20.2")
    before = program.listening
    one.run(10)
    assert (before, program.listening) == (False, True)
    middle = families(program.tables[0].text())
    assert "vllm:inter_token_latency_seconds" in middle and "vllm:request_num_preemptions" not in middle
    assert "vllm:num_requests_waiting_by_reason" in middle and "vllm:admission_rejections" not in middle
    assert program.families.generation.get(program.families.key) == 0
    one.restart("0.33.0")
    one.run(10)
    assert set(families(program.tables[0].text())) - set(middle) == {
        "vllm:admission_rejections",
        "vllm:admission_rejections_created",
        "vllm:prompt_tokens_cached_by_source",
        "vllm:prompt_tokens_cached_by_source_created",
        "vllm:request_num_preemptions",
        "vllm:request_num_preemptions_created",
    }


async def test_errors_are_those_of_the_captured_one() -> None:
    one, program = vllm()
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        chat = "/v1/chat/completions"
        async with client.post(chat, json={"model": "nope", "messages": []}) as response:
            assert response.status == 404 and response.headers["Server"] == "uvicorn"
            message = "The model `nope` does not exist. Valid aliases: tiny-llama."
            error = {"message": message, "type": "NotFoundError", "param": "model", "code": 404}
            assert await response.json() == {"error": error}
        async with client.post(chat, data='{"a"') as response:
            body = await response.json()
            assert response.status == 400 and body["error"]["param"] == "body.4"
            assert "'ctx': {'error': \"Expecting ':' delimiter\"}" in body["error"]["message"]
        async with client.post("/v1/completions", json={"model": "tiny-llama", "prompt": "x" * 3017}) as response:
            body = await response.json()
            assert response.status == 400 and body["error"]["param"] == "input_text"
            assert "your prompt contains 3017 characters (more than 2560 characters" in body["error"]["message"]
        for path in ("/v1/embeddings", "/is_sleeping"):
            async with client.get(path) as response:
                assert (response.status, await response.json()) == (404, {"detail": "Not Found"})
        async with client.get("/health") as response:
            assert (response.status, await response.read()) == (200, b"")
        async with client.get("/version") as response:
            assert await response.json() == {"version": "0.33.0"}
        async with client.get("/v1/models") as response:
            card = (await response.json())["data"][0]
            assert (card["root"], card["max_model_len"], card["owned_by"]) == ("Qwen/Qwen3-8B", 512, "vllm")
    totals = {
        labels: value
        for (name, labels), value in series(program.tables[0].text()).items()
        if name == "http_requests_total"
    }
    assert sum(totals.values()) == 6, "health and version are not counted"


async def test_while_it_loads_nothing_answers() -> None:
    one, program = vllm()
    async with served(one) as url, aiohttp.ClientSession(url) as client:
        one.restart()
        with pytest.raises(aiohttp.ClientError):
            await client.get("/health")
        one.run(10)
        async with client.get("/health") as response:
            assert response.status == 200
    assert program.loaded
