"""What vLLM's versions call things differently lands in the same canonical series with the same meaning."""

from __future__ import annotations

import pytest

from inferdeck.model.labels import Labels, get, metric_name
from inferdeck.sources import catalog
from inferdeck.sources.buckets import LADDERS
from tests.unit.sources.replaying import canonical, reading, replaying, sample, types

VERSIONS = ("0.6.6.post1", "0.8.5", "0.10.2", "0.12.0", "0.16.0", "0.20.2", "0.27.1", "0.33.0")
OLD_ENGINE = "0.6.6.post1"
"""The V0 engine, which counts no prefix cache."""
GAUGES = ("requests_running", "requests_waiting", "kv_cache_usage_ratio")
COUNTERS = ("prompt_tokens_total", "generation_tokens_total", "preemptions_total")
CACHE = ("prefix_cache_hits_total", "prefix_cache_queries_total")
HISTOGRAMS = (
    "time_to_first_token_seconds",
    "inter_token_latency_seconds",
    "e2e_latency_seconds",
    "queue_time_seconds",
    "iteration_tokens",
)
BLOCK_TOKENS = 16
OLDER = {
    "vllm:kv_cache_usage_perc": "vllm:gpu_cache_usage_perc",
    "vllm:inter_token_latency_seconds": "vllm:time_per_output_token_seconds",
    "vllm:prefix_cache_hits_total": "vllm:gpu_prefix_cache_hits_total",
    "vllm:prefix_cache_queries_total": "vllm:gpu_prefix_cache_queries_total",
}
NATIVE = {
    "requests_running": "vllm:num_requests_running",
    "requests_waiting": "vllm:num_requests_waiting",
    "kv_cache_usage_ratio": "vllm:kv_cache_usage_perc",
    "prompt_tokens_total": "vllm:prompt_tokens_total",
    "generation_tokens_total": "vllm:generation_tokens_total",
    "preemptions_total": "vllm:num_preemptions_total",
    "prefix_cache_hits_total": "vllm:prefix_cache_hits_total",
    "prefix_cache_queries_total": "vllm:prefix_cache_queries_total",
    "time_to_first_token_seconds": "vllm:time_to_first_token_seconds",
    "inter_token_latency_seconds": "vllm:inter_token_latency_seconds",
    "e2e_latency_seconds": "vllm:e2e_request_latency_seconds",
    "queue_time_seconds": "vllm:request_queue_time_seconds",
    "iteration_tokens": "vllm:iteration_tokens_total",
}


def body(version: str) -> bytes:
    return sample("vllm", f"{version}-families.txt.gz")


async def of(version: str) -> dict[Labels, float]:
    """Return the canonical series of a version's exposition."""
    answers = {"/metrics": (200, body(version))}
    async with replaying(answers) as server, reading("vllm", server.url) as ours:
        return canonical("vllm", await ours.collect(0.0))


def value(text: bytes, name: str) -> float:
    """Return the one sample of a name, read off the exposition's lines."""
    [line] = [line for line in text.decode().splitlines() if line.startswith(f"{name}{{")]
    return float(line.rpartition(" ")[2])


def families(found: dict[Labels, float]) -> set[str]:
    names = {metric_name(series).removeprefix("llm_engine_") for series in found}
    parts = ("_bucket", "_sum", "_count")
    return {next((name.removesuffix(part) for part in parts if name.endswith(part)), name) for name in names}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_version_fills_every_canonical_family_that_it_can(version: str) -> None:
    cache = () if version == OLD_ENGINE else CACHE
    assert families(await of(version)) == {*GAUGES, *COUNTERS, *HISTOGRAMS, *cache}


@pytest.mark.parametrize("version", VERSIONS[2:])
async def test_versions_land_in_the_same_series(version: str) -> None:
    assert (await of(version)).keys() == (await of("0.8.5")).keys()


async def test_the_old_engine_lands_in_the_same_series() -> None:
    older, newer = await of(OLD_ENGINE), await of("0.33.0")
    apart = {metric_name(series) for series in newer.keys() - older.keys()}
    assert not older.keys() - newer.keys()
    # Its own steps end at 2048 tokens or so, and it counts no prefix cache.
    assert apart <= {*(f"llm_engine_{name}" for name in CACHE), "llm_engine_iteration_tokens_bucket"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_figures_are_those_of_the_exposition(version: str) -> None:
    text, found = body(version), await of(version)
    for series, seen in found.items():
        name = metric_name(series).removeprefix("llm_engine_")
        part = next((part for part in ("_count", "_sum") if name.removesuffix(part) in HISTOGRAMS), "")
        if name.endswith("_bucket"):
            continue
        native = NATIVE[name.removesuffix(part) if part else name]
        if f"\n{native}{part}{{".encode() not in text:
            native = OLDER[native]
        blocks = b"in terms of number of queried blocks" in text and name in CACHE
        assert seen == value(text, f"{native}{part}") * (BLOCK_TOKENS if blocks else 1), name
        assert (get(series, "engine"), get(series, "model")) == ("vllm", "tiny-llama")


@pytest.mark.parametrize("version", VERSIONS[1:])
async def test_buckets_are_carried_over_as_they_are(version: str) -> None:
    text, found = body(version).decode(), await of(version)
    newer, older = "vllm:inter_token_latency_seconds_bucket", "vllm:time_per_output_token_seconds_bucket"
    native = newer if newer in text else older
    whole = "llm_engine_inter_token_latency_seconds_bucket"
    compared = 0
    for series, seen in found.items():
        if metric_name(series) == whole:
            le = f'le="{get(series, "le")}"'
            [line] = [line for line in text.splitlines() if line.startswith(native) and le in line]
            assert seen == float(line.rpartition(" ")[2])
            compared += 1
    assert compared == len(LADDERS["llm_engine_inter_token_latency_seconds"]) + 1


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_family_is_there_in_the_versions_that_the_catalog_says(version: str) -> None:
    known = catalog.load("vllm")
    wrong = []
    for name in types(body(version)):
        metric = known.claim(name).metric
        if metric is None or not name.startswith("vllm:"):
            continue
        since, until = metric.since or VERSIONS[0], metric.until or VERSIONS[-1]
        if not number(since) <= number(version) <= number(until):
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_family_has_the_type_that_the_catalog_says(version: str) -> None:
    known = catalog.load("vllm")
    found = {name: kind for name, kind in types(body(version)).items() if name.startswith("vllm:")}
    said = {name: str(metric.descriptor.type) for name in found if (metric := known.claim(name).metric) is not None}
    assert found == said
