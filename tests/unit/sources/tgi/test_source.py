"""What the source makes of a TGI's answers, in the form of its router's sources, since none runs here."""

from __future__ import annotations

from inferdeck.errors import MetricsOffError
from inferdeck.model.labels import get, metric_name
from inferdeck.model.metric import SideEffect
from tests.unit.sources.replaying import canonical, facts, named, reading, replaying, sample, status, stored, told

METRICS = sample("tgi", "simulated-metrics.txt.gz")
INFO = {
    "model_id": "Qwen/Qwen3-8B",
    "model_sha": "9c925d64",
    "model_pipeline_tag": "text-generation",
    "max_input_tokens": 4095,
    "max_total_tokens": 4096,
    "version": "3.3.6",
    "router": "text-generation-router",
}
READY = {"/metrics": (200, METRICS), "/info": told(INFO), "/health": (200, b"")}
MODEL = "Qwen/Qwen3-8B"
SIZE = "tgi_batch_next_size"


async def test_a_router_is_told_with_its_version_and_its_model() -> None:
    async with replaying(READY) as server, reading("tgi", server.url) as ours:
        found = await ours.collect(0.0)
    assert found.version == "3.3.6"
    assert facts(found, "model") == {MODEL: {"status": "available", "root": MODEL, "type": "LLM", "context": "4096"}}
    about = {"engine": "tgi", "model": MODEL, "version": "3.3.6", "context": "4096"}
    assert named(found, "llm_engine_info") == [about]
    assert (found.withheld, found.warnings) == (None, ())


async def test_its_series_carry_the_model_from_the_first_collection_on() -> None:
    async with replaying(READY) as server, reading("tgi", server.url) as ours:
        found = await ours.collect(0.0)
        again = await ours.collect(15.0)
    assert named(found, "tgi_request_count") == [{"model": MODEL}]
    assert again.layout is found.layout


async def test_tokens_are_the_sums_of_their_lengths() -> None:
    async with replaying(READY) as server, reading("tgi", server.url) as ours:
        found = canonical("tgi", await ours.collect(0.0))
    by_name = {metric_name(series): value for series, value in found.items()}
    native = dict(line.split(" ") for line in METRICS.decode().splitlines() if line.count(" ") == 1)
    assert by_name["llm_engine_prompt_tokens_total"] == float(native["tgi_request_input_length_sum"])
    assert by_name["llm_engine_generation_tokens_total"] == float(native["tgi_request_generated_tokens_sum"])
    assert by_name["llm_engine_requests_running"] == float(native["tgi_batch_current_size"])
    assert by_name["llm_engine_e2e_latency_seconds_count"] == float(native["tgi_request_duration_count"])
    assert by_name["llm_engine_queue_time_seconds_sum"] == float(native["tgi_request_queue_duration_sum"])


async def test_of_a_bucket_for_each_batch_size_the_powers_of_two_are_kept() -> None:
    async with replaying(READY) as server, reading("tgi", server.url) as ours:
        found = stored("tgi", await ours.collect(0.0))
    kept = {get(series, "le"): value for series, value in found.items() if metric_name(series) == f"{SIZE}_bucket"}
    native = dict(line.split(" ") for line in METRICS.decode().splitlines() if line.count(" ") == 1)
    bounds = [*(str(float(2**power)) for power in range(11)), "+Inf"]
    assert kept == {le: float(native[f'{SIZE}_bucket{{le="{le}"}}']) for le in bounds}
    assert len([name for name in native if name.startswith(f"{SIZE}_bucket")]) == 1025


async def test_a_health_that_may_generate_a_token_is_off_unless_switched_on() -> None:
    failing = {**READY, "/health": (503, b"")}
    async with replaying(failing) as server, reading("tgi", server.url) as ours:
        off = await ours.collect(0.0)
        assert server.asked == ["/metrics", "/info"]
    async with replaying(failing) as server, reading("tgi", server.url, health=True) as ours:
        on = await ours.collect(0.0)
        assert server.asked == ["/metrics", "/info", "/health"]
    assert (status(off), status(on)) == ({MODEL: "available"}, {MODEL: "error"})
    [health] = [probe for probe in ours.probes if probe.name == "health"]
    assert (health.effect, health.enabled_by) == (SideEffect.COSTS_MONEY, "health")


async def test_a_router_that_has_counted_nothing_yet_is_up() -> None:
    async with replaying({**READY, "/metrics": (200, b"")}) as server, reading("tgi", server.url) as ours:
        found = await ours.collect(0.0)
    assert (found.withheld, found.warnings) == (None, ())
    assert status(found) == {MODEL: "available"}


async def test_a_router_that_does_not_say_what_it_serves_is_read_without_a_model() -> None:
    async with replaying({"/metrics": (200, METRICS)}) as server, reading("tgi", server.url) as ours:
        found = await ours.collect(0.0)
    assert named(found, "tgi_request_count") == [{}]
    assert facts(found, "service") == {"here:1": {"status": "available"}}
    assert [warning for warning in found.warnings if "HTTP 404" in warning]


async def test_a_page_that_is_none_is_up_with_the_reason() -> None:
    async with replaying({"/info": told(INFO)}) as server, reading("tgi", server.url) as ours:
        found = await ours.collect(0.0)
    assert isinstance(found.withheld, MetricsOffError)
    assert found.version == "3.3.6"


async def test_an_older_router_says_the_type_of_its_weights() -> None:
    older = {**INFO, "model_dtype": "torch.float16", "version": "1.4.0"}
    async with replaying({**READY, "/info": told(older)}) as server, reading("tgi", server.url) as ours:
        found = await ours.collect(0.0)
    assert named(found, "llm_engine_info")[0]["dtype"] == "float16"
