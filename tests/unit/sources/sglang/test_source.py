"""What the source makes of an SGLang's answers: whose they are is read off its own sources, since none runs here."""

from __future__ import annotations

from typing import Any

import pytest

from inferdeck.errors import MetricsOffError, StatusError
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import get, metric_name
from inferdeck.sources import catalog
from tests.unit.sources.replaying import (
    canonical,
    facts,
    named,
    reading,
    replaying,
    sample,
    status,
    stored,
    told,
    types,
)

VERSIONS = ("0.4.6", "0.5.5", "0.5.23")
SECRETS = {
    "api_key": "sk-served-5e1f",
    "admin_api_key": "sk-admin-77aa",
    "ssl_keyfile_password": "hunter2-keyfile",
    "launch_command": "python -m sglang.launch_server --api-key sk-served-5e1f",
    "internal_states": [{"kv_transfer_token": "tok-9d"}],
}
PLANTED = ("sk-served-5e1f", "sk-admin-77aa", "hunter2-keyfile", "tok-9d", "launch_server")
MODEL: dict[str, Any] = {
    "model_path": "Qwen/Qwen3-8B",
    "served_model_name": "qwen3-8b",
    "is_generation": True,
    "has_image_understanding": True,
    "tool_call_parser": "qwen25",
    "reasoning_parser": None,
}
SERVER: dict[str, Any] = {"version": "0.5.23", "quantization": "fp8", "context_length": None, **SECRETS}
CARDS = {"data": [{"id": "qwen3-8b", "root": "qwen3-8b", "parent": None, "max_model_len": 40960}]}
READY = {
    "/metrics": (200, sample("sglang", "0.5.23-families.txt.gz")),
    "/ready": (200, b""),
    "/model_info": told(MODEL),
    "/server_info": told(SERVER),
    "/v1/models": told(CARDS),
}


async def test_a_server_is_told_with_its_version_and_its_model() -> None:
    async with replaying(READY) as server, reading("sglang", server.url) as ours:
        found = await ours.collect(0.0)
    assert found.version == "0.5.23"
    assert facts(found, "model") == {
        "qwen3-8b": {
            "status": "available",
            "root": "Qwen/Qwen3-8B",
            "type": "LLM",
            "quantization": "fp8",
            "context": "40960",
            "capabilities": "vision,tools",
        }
    }
    about = {"engine": "sglang", "model": "qwen3-8b", "version": "0.5.23", "context": "40960", "quantization": "fp8"}
    assert named(found, "llm_engine_info") == [about]
    assert (found.withheld, found.warnings) == (None, ())


async def test_a_health_that_costs_a_generation_is_never_asked_for() -> None:
    async with replaying(READY) as server, reading("sglang", server.url) as ours:
        for now in range(3):
            await ours.collect(15.0 * now)
        never = {probe.request for probe in ours.probes if probe.never}
    assert sorted(set(server.asked)) == ["/metrics", "/model_info", "/ready", "/server_info", "/v1/models"]
    assert never == {"GET /health", "GET /health_generate"}


async def test_keys_in_the_servers_settings_leave_the_answer_nowhere() -> None:
    async with replaying(READY) as server, reading("sglang", server.url) as ours:
        found = await ours.collect(0.0)
    everything = repr((found.inventory, found.layout.series, found.families, found.warnings, found.version))
    assert not [secret for secret in PLANTED if secret in everything]
    assert not [secret for secret in PLANTED if secret in repr(vars(ours))]


async def test_settings_are_asked_for_once_in_a_process_s_life() -> None:
    clock = ManualClock()
    async with replaying(READY) as server, reading("sglang", server.url, clock) as ours:
        for _ in range(2):
            await ours.collect(0.0)
            await clock.advance(60.0)
        found = await ours.collect(0.0)
        assert server.asked.count("/server_info") == 1
        assert server.asked.count("/model_info") == 3
        assert facts(found, "model")["qwen3-8b"]["quantization"] == "fp8"
        server.answers["/metrics"] = (500, b"")
        with pytest.raises(StatusError):
            await ours.collect(0.0)
        server.answers |= {"/metrics": READY["/metrics"], "/server_info": told({**SERVER, "version": "0.6.0"})}
        assert (await ours.collect(0.0)).version == "0.6.0"
    assert server.asked.count("/server_info") == 2


async def test_an_older_server_is_asked_under_the_older_paths() -> None:
    older = {
        "/metrics": (200, sample("sglang", "0.4.6-families.txt.gz")),
        "/get_model_info": told({"model_path": "/models/q", "is_generation": False}),
        "/get_server_info": told({"version": "0.4.6", "served_model_name": "q", "context_length": 2048}),
    }
    async with replaying(older) as server, reading("sglang", server.url) as ours:
        found = await ours.collect(0.0)
    assert found.version == "0.4.6"
    assert facts(found, "model") == {
        "q": {"status": "available", "root": "/models/q", "type": "Embedding", "context": "2048"}
    }


async def test_a_server_that_warms_up_is_loading_and_is_asked_again() -> None:
    async with replaying({**READY, "/ready": (503, b"")}) as server, reading("sglang", server.url) as ours:
        loading = await ours.collect(0.0)
        server.answers["/ready"] = (200, b"")
        ready = await ours.collect(15.0)
    assert (status(loading), status(ready)) == ({"qwen3-8b": "loading"}, {"qwen3-8b": "available"})


async def test_a_server_without_metrics_is_up_with_the_reason() -> None:
    answers = {path: answer for path, answer in READY.items() if path != "/metrics"}
    async with replaying(answers) as server, reading("sglang", server.url) as ours:
        found = await ours.collect(0.0)
    assert isinstance(found.withheld, MetricsOffError)
    assert "start SGLang with --enable-metrics" in str(found.withheld)
    assert facts(found, "model")["qwen3-8b"]["root"] == "Qwen/Qwen3-8B"


async def test_a_server_that_has_counted_nothing_yet_has_no_families_and_is_up() -> None:
    async with replaying({**READY, "/metrics": (200, b"")}) as server, reading("sglang", server.url) as ours:
        found = await ours.collect(0.0)
    assert (found.withheld, found.warnings) == (None, ())
    assert status(found) == {"qwen3-8b": "available"}


async def test_an_adapter_keeps_its_own_root() -> None:
    cards = [*CARDS["data"], {"id": "sql", "root": "/adapters/sql", "parent": "qwen3-8b", "max_model_len": None}]
    answers = {**READY, "/v1/models": told({"data": cards})}
    async with replaying(answers) as server, reading("sglang", server.url) as ours:
        found = await ours.collect(0.0)
    assert facts(found, "model")["sql"] == {"status": "available", "root": "/adapters/sql", "adapter_of": "qwen3-8b"}


async def test_with_priorities_only_the_totals_are_summed() -> None:
    rows = "".join(
        f'sglang:num_queue_reqs{{model_name="m",priority="{name}"}} {value}\n'
        for name, value in (("", 5), ("0", 2), ("1", 3))
    )
    body = f"# TYPE sglang:num_queue_reqs gauge\n{rows}".encode()
    async with replaying({**READY, "/metrics": (200, body)}) as server, reading("sglang", server.url) as ours:
        found = stored("sglang", await ours.collect(0.0))
    assert [value for series, value in found.items() if metric_name(series) == "llm_engine_requests_waiting"] == [5.0]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_version_fills_every_canonical_family_that_it_can(version: str) -> None:
    body = sample("sglang", f"{version}-families.txt.gz")
    async with replaying({**READY, "/metrics": (200, body)}) as server, reading("sglang", server.url) as ours:
        found = canonical("sglang", await ours.collect(0.0))
    names = {metric_name(series).removeprefix("llm_engine_") for series in found}
    always = {"requests_running", "requests_waiting", "kv_cache_usage_ratio", "prompt_tokens_total"}
    always |= {"generation_tokens_total", "prefix_cache_hits_total", "prefix_cache_queries_total"}
    histograms = {"time_to_first_token_seconds", "inter_token_latency_seconds", "e2e_latency_seconds"}
    histograms |= {"queue_time_seconds"} if version != "0.4.6" else set()
    wanted = always | {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    assert names == wanted | ({"preemptions_total"} if version == "0.5.23" else set())
    assert {(get(series, "engine"), get(series, "model")) for series in found} == {("sglang", "tiny-llama")}
    ratios = [value for series, value in found.items() if metric_name(series).endswith("usage_ratio")]
    assert ratios == [0.25]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_family_is_there_in_the_versions_that_the_catalog_says(version: str) -> None:
    known, place = catalog.load("sglang"), VERSIONS.index(version)
    wrong = []
    for name in types(sample("sglang", f"{version}-families.txt.gz")):
        metric = known.claim(name).metric
        if metric is None or not name.startswith("sglang:"):
            continue
        since, until = VERSIONS.index(metric.since or VERSIONS[0]), VERSIONS.index(metric.until or VERSIONS[-1])
        if not since <= place <= until:
            wrong.append(name)
    assert wrong == []
