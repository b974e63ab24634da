"""Applications of the user's own: their families and labels, and numbers that are what was told to have happened."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inferdeck.simulate.events import (
    FAULTS,
    Answered,
    Arrived,
    Attempted,
    AttemptEnded,
    CacheAsked,
    CacheFlushed,
    Ended,
    Event,
    Missed,
    Started,
)
from inferdeck.simulate.fleet import Application
from inferdeck.simulate.servers.applications import Counting, build
from inferdeck.simulate.world import World
from tests.unit.simulate.servers.serving import ask, serving
from tests.unit.simulate.servers.told_requests import FLEET, NOON, OPENAI, StillWorld, play, request, spent, story

USAGE_LABELS = {
    "llm_requests": {"agent_id", "model", "provider", "status"},
    "llm_tokens_used": {"agent_id", "model", "provider", "token_type"},
    "llm_cache_hits": {"agent_id", "model"},
    "llm_cache_misses": {"agent_id", "model"},
    "llm_errors": {"agent_id", "model", "provider", "error_type"},
    "llm_cost": {"agent_id", "model", "provider"},
    "llm_request_duration_seconds": {"agent_id", "model", "provider"},
    "llm_active_requests": {"agent_id", "provider"},
    "llm_cache_size": {"tenant_id"},
}
EDGE = "llm_gateway_llm_gateway_"
EDGE_LABELS = {
    f"{EDGE}requests": {"model", "provider", "status", "streaming"},
    f"{EDGE}request_duration_seconds": {"model", "provider", "streaming"},
    f"{EDGE}tokens": {"model", "provider", "type"},
    f"{EDGE}active_requests": {"provider"},
    f"{EDGE}provider_health": {"provider"},
    f"{EDGE}errors": {"provider", "error_type"},
    f"{EDGE}circuit_breaker_state": {"provider"},
    f"{EDGE}rate_limit_hits": {"tenant", "limit_type"},
    f"{EDGE}cache_operations": {"operation", "result"},
    f"{EDGE}ttft_seconds": {"model", "provider"},
    f"{EDGE}tokens_per_second": {"model", "provider"},
}


def told(name: str) -> Counting:
    (application,) = [one for one in FLEET.applications if one.name == name]
    program = build(application, FLEET, StillWorld())
    play(program, story())
    return program


def text(program: Counting, now: float = NOON + 3600) -> str:
    program.refresh(now)
    return program.tables[0].text()


def samples(program: Counting, name: str, now: float = NOON + 3600) -> dict[tuple[str, ...], float]:
    """Return a family's samples of that name by their label values in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text(program, now))
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize(("name", "families"), [("usage-app", USAGE_LABELS), ("edge-gateway", EDGE_LABELS)])
def test_the_families_are_those_of_the_dashboards_with_their_labels(
    name: str, families: Mapping[str, set[str]]
) -> None:
    found = {
        family.name: {label for sample in family.samples for label in sample.labels if label != "le"}
        for family in text_string_to_metric_families(text(told(name)))
    }
    assert found.pop("process_start_time_seconds") == set()
    assert found == families


@pytest.mark.parametrize("name", ["usage-app", "edge-gateway"])
def test_promtool_finds_nothing_wrong(name: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    ran = subprocess.run(
        [promtool, "check", "metrics"], input=text(told(name)), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_application_counts_what_happened() -> None:
    program = told("usage-app")
    assert samples(program, "llm_requests_total") == {
        ("writer", "gpt-4o", "openai", "success"): 1,
        ("writer", "gpt-4o", "azure", "success"): 1,
        ("writer", "gpt-4o", "cache", "success"): 1,
        ("writer", "gpt-4o", "none", "error"): 1,
        ("coder", "qwen", "openai", "error"): 1,
        ("coder", "qwen", "vllm", "success"): 1,
    }
    assert samples(program, "llm_errors_total") == {
        ("writer", "RouterRateLimitError", "gpt-4o", "none"): 1,
        ("coder", "RateLimitError", "qwen", "openai"): 1,
    }
    assert sum(samples(program, "llm_tokens_used_total").values()) == 4 * 1300
    assert sum(samples(program, "llm_cost_total").values()) == pytest.approx(spent(OPENAI).cost + 0.0066)
    assert samples(program, "llm_cache_hits_total") == {("writer", "gpt-4o"): 1}
    assert samples(program, "llm_cache_misses_total") == {("writer", "gpt-4o"): 3, ("coder", "qwen"): 2}
    active = samples(program, "llm_active_requests")
    assert {labels for labels, value in active.items() if value} == {("writer", "openai")}
    assert sum(samples(program, "llm_request_duration_seconds_count").values()) == 6
    assert samples(program, "llm_request_duration_seconds_sum")["coder", "qwen", "vllm"] == 5.0


def test_responses_in_the_cache_run_out_and_are_flushed() -> None:
    program = told("usage-app")
    # Made at 12:00:02, 12:10:04 and 12:50:05, for ten minutes each.
    assert samples(program, "llm_cache_size", NOON + 3599) == {("red",): 0, ("blue",): 1}
    program = build(FLEET.applications[0], FLEET, StillWorld())
    play(program, story()[:9])
    assert samples(program, "llm_cache_size", NOON + 30) == {("red",): 1}
    play(program, [CacheFlushed(NOON + 31, "redis-1")])
    assert samples(program, "llm_cache_size", NOON + 32) == {("red",): 0}


def test_an_application_counts_its_own_agents_only() -> None:
    assert {labels[0] for labels in samples(told("writer-app"), "llm_requests_total")} == {"writer"}


def test_a_gateway_that_is_down_is_an_error_of_the_application() -> None:
    for name, family in (("usage-app", "llm_errors_total"), ("edge-gateway", f"{EDGE}errors_total")):
        program = told(name)
        before = sum(samples(program, family).values())
        play(program, [Missed(NOON + 3600, request(20, NOON + 3600))])
        after = samples(program, family)
        assert sum(after.values()) == before + 1
        assert any("APIConnectionError" in labels for labels in after)


def test_a_restart_begins_at_zero_and_forgets_what_was_under_way() -> None:
    program = told("usage-app")
    old = program.tables[0]
    play(program, [Ended(NOON + 3590, "usage-app", 137, "killed")])
    lost = request(30, NOON + 3595)
    play(program, [Arrived(lost.time, lost, 0), Started(NOON + 3600, "usage-app", "1", 7, "restart")])
    waiting = story()[-1]
    assert isinstance(waiting, Attempted)
    ended = AttemptEnded(
        NOON + 3601,
        waiting.request,
        17,
        0,
        "gpt-4o",
        "d-openai",
        waiting.time,
        None,
        0,
        0,
        0,
        spent(OPENAI),
        None,
        "stop",
    )
    play(program, [ended])
    assert program.tables[0] is not old
    assert samples(program, "llm_requests_total") == samples(program, "llm_active_requests") == {}
    assert samples(program, "process_start_time_seconds") == {(): NOON + 3600}


def test_the_edge_gateway_counts_what_happened() -> None:
    program = told("edge-gateway")
    assert samples(program, f"{EDGE}requests_total")["gpt-4o", "openai", "success", "true"] == 1
    assert sum(samples(program, f"{EDGE}requests_total").values()) == 6
    assert samples(program, f"{EDGE}errors_total") == {
        ("ServiceUnavailableError", "openai"): 1,
        ("Timeout", "vllm"): 1,
        ("RateLimitError", "openai"): 1,
        ("RouterRateLimitError", "none"): 1,
    }
    assert samples(program, f"{EDGE}rate_limit_hits_total") == {("tokens", "red"): 1}
    assert samples(program, f"{EDGE}cache_operations_total") == {
        ("get", "miss"): 5,
        ("get", "hit"): 1,
        ("set", "ok"): 3,
    }
    assert samples(program, f"{EDGE}ttft_seconds_sum") == {("gpt-4o", "openai"): 0.5, ("gpt-4o", "azure"): 0.75}
    assert samples(program, f"{EDGE}tokens_per_second")["gpt-4o", "openai"] == pytest.approx(300 / 1.5)
    assert samples(program, f"{EDGE}active_requests") == {("openai",): 1, ("azure",): 0, ("vllm",): 0}
    assert sum(samples(program, f"{EDGE}tokens_total").values()) == 4 * 1300


def test_a_breaker_opens_half_opens_and_closes() -> None:
    """The provider failed at 12:10:01 and is left alone for half a minute."""
    program = build(FLEET.applications[1], FLEET, StillWorld())
    events = story()

    def state(now: float) -> tuple[float, float]:
        name = ("openai",)
        states = samples(program, f"{EDGE}circuit_breaker_state", now)
        return states[name], samples(program, f"{EDGE}provider_health", now)[name]

    play(program, [event for event in events if event.time <= NOON + 599])
    assert state(NOON + 599) == (0.0, 1.0)
    play(program, [event for event in events if NOON + 599 < event.time <= NOON + 610])
    assert state(NOON + 610) == (1.0, 0.0)
    assert state(NOON + 630) == (1.0, 0.0)
    assert state(NOON + 632) == (2.0, 1.0)
    asked = request(40, NOON + 640)
    answer = AttemptEnded(
        NOON + 641,
        asked,
        40,
        0,
        "gpt-4o",
        "d-openai",
        asked.time,
        NOON + 640.5,
        0,
        0.5,
        0.5,
        spent(OPENAI),
        None,
        "stop",
    )
    play(program, [Arrived(asked.time, asked, 0), Attempted(asked.time, asked, 40, 0, "gpt-4o", "d-openai"), answer])
    assert state(NOON + 642) == (0.0, 1.0)


def test_it_is_served_at_metrics() -> None:
    with serving(told("usage-app")) as url:
        answer = ask(f"{url}/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "llm_requests_total{" in answer.text


def test_families_that_are_not_known_are_an_error() -> None:
    with pytest.raises(ValueError, match="none of llm, llm_gateway"):
        build(Application("x", "other"), FLEET, StillWorld())


@pytest.mark.parametrize("seed", [1, 2])
def test_a_real_world_is_counted_as_a_slow_count_of_its_events_has_it(seed: int) -> None:
    world = World(FLEET, seed=seed, start=NOON)
    events: list[Event] = []
    kinds = (Arrived, Answered, AttemptEnded, Attempted, CacheAsked)
    programs = [build(application, FLEET, world) for application in FLEET.applications[:2]]
    for program in programs:
        world.subscribe(program.handlers())
    world.subscribe({(kind, ""): events.append for kind in kinds})
    world.run_until(NOON + 3600)
    usage, edge = programs
    seen = Counter(type(event) for event in events)
    ended = [event for event in events if isinstance(event, Answered)]
    good = [event for event in ended if event.fault is None]
    assert len(good) > 100
    assert sum(samples(usage, "llm_requests_total").values()) == len(ended)
    assert sum(samples(edge, f"{EDGE}requests_total").values()) == len(ended)
    assert sum(samples(usage, "llm_active_requests").values()) == seen[Attempted] - seen[AttemptEnded]
    assert seen[Arrived] - len(ended) == len(usage.open)
    tokens = sum(event.usage.input + event.usage.output for event in good)
    assert sum(samples(usage, "llm_tokens_used_total").values()) == tokens
    assert sum(samples(edge, f"{EDGE}tokens_total").values()) == tokens
    cost = sum(event.usage.cost for event in ended)
    assert sum(samples(usage, "llm_cost_total").values()) == pytest.approx(cost, rel=1e-12)
    errors = Counter(FAULTS[event.fault][0] for event in ended if event.fault)
    by_type: dict[str, float] = defaultdict(float)
    for labels, value in samples(usage, "llm_errors_total").items():
        by_type[labels[1]] += value
    assert by_type == errors
