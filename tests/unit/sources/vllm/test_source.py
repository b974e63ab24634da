"""What the source makes of a vLLM's answers: the captured ones, and those that a server on a processor gives rarely."""

from __future__ import annotations

import pytest

from inferdeck.errors import ConnectError, MetricsOffError
from inferdeck.model.clock import ManualClock
from inferdeck.model.metric import SideEffect
from tests.unit.sources.replaying import facts, named, reading, replaying, sample, status, stored, told

METRICS = sample("vllm", "0.32.0-metrics-busy.txt.gz")
READY = {
    "/metrics": (200, METRICS),
    "/version": (200, sample("vllm", "0.32.0-version.json")),
    "/health": (200, b""),
    "/v1/models": (200, sample("vllm", "0.32.0-v1_models.json")),
}
LOOK = ["/version", "/health", "/v1/models"]


async def test_a_server_is_told_with_its_version_and_its_model() -> None:
    async with replaying(READY) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    assert found.version == "0.32.0"
    assert facts(found, "service") == {"here:1": {"version": "0.32.0", "status": "available"}}
    model = {"status": "available", "sleeping": "false", "root": "tiny", "context": "512"}
    assert facts(found, "model") == {"tiny-llama": model}
    about = {"engine": "vllm", "model": "tiny-llama", "version": "0.32.0", "context": "512"}
    assert named(found, "llm_engine_info") == [about]
    assert status(found) == {"tiny-llama": "available"}
    assert (found.withheld, found.warnings, found.requests) == (None, (), 4)


async def test_beside_its_metrics_a_server_is_asked_once_a_minute() -> None:
    clock = ManualClock()
    async with replaying(READY) as server, reading("vllm", server.url, clock) as ours:
        first = await ours.collect(0.0)
        assert server.asked == ["/metrics", *LOOK]
        again = await ours.collect(15.0)
        assert server.asked == ["/metrics", *LOOK, "/metrics"]
        await clock.advance(60.0)
        await ours.collect(60.0)
    assert server.asked[5:] == ["/metrics", *LOOK]
    assert again.layout is first.layout


async def test_another_process_behind_the_port_is_asked_what_it_is_at_once() -> None:
    later = METRICS.replace(b"process_start_time_seconds 1.7952289153e+09", b"process_start_time_seconds 1.8e+09")
    assert later != METRICS
    async with replaying(READY) as server, reading("vllm", server.url) as ours:
        before = await ours.collect(0.0)
        server.answers |= {"/metrics": (200, later), "/version": told({"version": "0.33.0"})}
        after = await ours.collect(15.0)
    assert (before.version, after.version) == ("0.32.0", "0.33.0")


async def test_a_server_that_went_away_is_asked_again_when_it_is_back() -> None:
    async with reading("vllm", "http://127.0.0.1:1") as ours:
        with pytest.raises(ConnectError, match="connection refused"):
            await ours.collect(0.0)
    async with replaying(READY) as server, reading("vllm", server.url) as ours:
        await ours.collect(0.0)
        server.answers["/metrics"] = (500, b"")
        with pytest.raises(Exception, match="HTTP 500"):
            await ours.collect(15.0)
        server.answers["/metrics"] = (200, METRICS)
        await ours.collect(30.0)
    assert server.asked == ["/metrics", *LOOK, "/metrics", "/metrics", *LOOK]


async def test_an_engine_that_died_behind_its_server_is_an_error() -> None:
    async with replaying({**READY, "/health": (503, b"")}) as server, reading("vllm", server.url) as ours:
        dead = await ours.collect(0.0)
        server.answers["/health"] = (200, b"")
        back = await ours.collect(15.0)
    assert (status(dead), status(back)) == ({"tiny-llama": "error"}, {"tiny-llama": "available"})


async def test_a_server_that_is_not_ready_is_up_and_loading() -> None:
    async with replaying({**READY, "/metrics": (503, b"")}) as server, reading("vllm", server.url) as ours:
        loading = await ours.collect(0.0)
        server.answers["/metrics"] = (200, METRICS)
        ready = await ours.collect(15.0)
    assert (status(loading), status(ready)) == ({"tiny-llama": "loading"}, {"tiny-llama": "available"})
    assert loading.warnings == ("loading its model: no metrics yet",)


async def test_a_server_without_statistics_is_up_with_the_reason() -> None:
    without = b"\n".join(line for line in METRICS.splitlines() if b"vllm:" not in line) + b"\n"
    async with replaying({**READY, "/metrics": (200, without)}) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    assert isinstance(found.withheld, MetricsOffError)
    assert "--disable-log-stats" in str(found.withheld)
    assert named(found, "process_start_time_seconds")
    assert status(found) == {"tiny-llama": "available"}


async def test_a_server_without_the_page_is_up_with_the_reason() -> None:
    answers = {path: answer for path, answer in READY.items() if path != "/metrics"}
    async with replaying(answers) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    assert isinstance(found.withheld, MetricsOffError)
    assert facts(found, "model")["tiny-llama"]["root"] == "tiny"


async def test_a_server_that_wants_a_key_for_its_models_is_read_all_the_same() -> None:
    async with replaying({**READY, "/v1/models": (401, b"{}")}) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    assert facts(found, "model") == {"tiny-llama": {"status": "available", "sleeping": "false"}}
    assert named(found, "vllm:num_requests_running")
    [warning] = found.warnings
    assert "needs a key" in warning


async def test_a_question_that_failed_for_now_is_asked_again_and_one_that_is_refused_later() -> None:
    async with replaying({**READY, "/version": (500, b"")}) as server, reading("vllm", server.url) as ours:
        await ours.collect(0.0)
        server.answers["/version"] = READY["/version"]
        found = await ours.collect(15.0)
    assert found.version == "0.32.0"
    async with replaying({**READY, "/v1/models": (401, b"")}) as server, reading("vllm", server.url) as ours:
        await ours.collect(0.0)
        await ours.collect(15.0)
    assert server.asked.count("/v1/models") == 1


@pytest.mark.parametrize("answer", [(500, b"oops"), (200, b"<html>"), (200, b"[1]"), (200, b'{"version": 7}')])
async def test_what_is_no_answer_leaves_only_its_part_unknown(answer: tuple[int, bytes]) -> None:
    async with replaying({**READY, "/version": answer}) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    assert found.version == ""
    assert "version" not in facts(found, "service")["here:1"]
    assert facts(found, "model")["tiny-llama"]["root"] == "tiny"


async def test_adapters_are_models_that_name_their_base() -> None:
    cards = [
        {"id": "base", "root": "Qwen/Qwen3-8B", "parent": None, "max_model_len": 4096},
        {"id": "sql", "root": "/adapters/sql", "parent": "base", "max_model_len": None},
    ]
    async with replaying({**READY, "/v1/models": told({"data": cards})}) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    adapter = {"status": "available", "sleeping": "false", "root": "/adapters/sql", "adapter_of": "base"}
    assert facts(found, "model")["sql"] == adapter
    assert status(found) == {"base": "available", "sql": "available"}
    assert [info["model"] for info in named(found, "llm_engine_info")] == ["base"]


async def test_more_adapters_than_can_be_told_are_counted() -> None:
    cards = [{"id": f"a{number}", "parent": "base"} for number in range(300)]
    async with replaying({**READY, "/v1/models": told({"data": cards})}) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    assert len(facts(found, "model")) == 200
    assert found.warnings == ("100 further models and adapters are not told",)


async def test_a_model_that_sleeps_is_told_to() -> None:
    asleep = METRICS.replace(b'sleep_state="awake"} 1.0', b'sleep_state="awake"} 0.0')
    assert asleep != METRICS
    async with replaying({**READY, "/metrics": (200, asleep)}) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    assert facts(found, "model")["tiny-llama"]["sleeping"] == "true"


async def test_of_several_engines_in_one_server_requests_are_summed_and_the_fullest_cache_counts() -> None:
    lines = []
    for name, values in (("num_requests_running", (3, 4)), ("kv_cache_usage_perc", (0.25, 0.75))):
        lines.append(f"# TYPE vllm:{name} gauge")
        lines += [f'vllm:{name}{{model_name="m",engine="{rank}"}} {value}' for rank, value in enumerate(values)]
    body = ("\n".join(lines) + "\n").encode()
    async with replaying({**READY, "/metrics": (200, body)}) as server, reading("vllm", server.url) as ours:
        found = {dict(key)["__name__"]: value for key, value in stored("vllm", await ours.collect(0.0)).items()}
    assert found["llm_engine_requests_running"] == 7.0
    assert found["llm_engine_kv_cache_usage_ratio"] == 0.75


async def test_a_list_of_models_full_of_nonsense_names_none() -> None:
    answer = {"data": [1, {"id": 5}, {"id": ""}, {"id": "m", "root": 3, "max_model_len": True, "parent": []}]}
    async with replaying({**READY, "/v1/models": told(answer)}) as server, reading("vllm", server.url) as ours:
        found = await ours.collect(0.0)
    assert facts(found, "model") == {"m": {"status": "available", "sleeping": "false"}}


async def test_what_its_own_requests_count_as_is_said() -> None:
    async with reading("vllm", "http://127.0.0.1:1") as ours:
        [models] = [probe for probe in ours.probes if probe.name == "models"]
    assert (models.effect, models.required) == (SideEffect.POLLUTES_COUNTERS, True)
