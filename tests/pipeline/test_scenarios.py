"""Every scenario through the whole pipeline: what inferdeck stored of each program is what the ledger says happened.

The world stands still while it is read, so that counters of two collections differ by exactly what happened between.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inferdeck.simulate import scenario
from inferdeck.simulate.actions import Step
from inferdeck.simulate.scenario import Scenario
from tests.pipeline.applications import ApplicationTruth
from tests.pipeline.caches import CacheTruth
from tests.pipeline.collecting import HUGE, Stage, stage
from tests.pipeline.counters import Claim, Outcome, compare, compare_turns, stored
from tests.pipeline.engines import EngineTruth
from tests.pipeline.gateways import GatewayTruth
from tests.pipeline.percentiles import of_engine, of_gateway

MARGIN_SECONDS = 200.0
INSTANTS = 22
SHORTEST_STEP = 15.0
CLOSE = (-11.0, 4.0, 19.0)
"""Collections near each change of the timeline, seconds from it."""
NINE_O_CLOCK = 9 * 3600.0

ALWAYS = ("llm_requests_total", "llm_tokens_used_total", "llm_cost_total", "llm_request_duration_seconds_count")
MUST = {
    "cache-stampede": ("llm_cache_hits_total", "redis_commands_total", "litellm_cache_misses_metric_total"),
    "cold-load": ("llm_fallbacks_total", "vllm:generation_tokens_total"),
    "counter-reset": ("llamacpp:tokens_predicted_total",),
    "crash-loop": ("llm_fallbacks_total", "sglang:generation_tokens_total"),
    "engine-upgraded": ("vllm:gpu_prefix_cache_queries_total", "vllm:prefix_cache_queries_total"),
    "gateway-without-database": ("llm_fallbacks_total", "vllm:gpu_prefix_cache_queries_total"),
    "hostile-names": ("llm_errors_total", "vllm:generation_tokens_total", "redis_commands_total"),
    "huge-fleet": ("llm_errors_total", "tgi_request_success"),
    "kv-cache-full": ("vllm:num_preemptions_total", "vllm:prefix_cache_hits_total"),
    "model-renamed": ("llm_errors_total",),
    "provider-degraded": ("llm_errors_total",),
    "provider-outage": ("llm_fallbacks_total", "llm_errors_total"),
    "rate-limit-storm": ("llm_fallbacks_total", "llm_errors_total"),
    "runaway-agent": ("llm_errors_total",),
}
"""Families of which something must have happened and been compared, beside ALWAYS."""
RESTARTED = {
    "cold-load": ("vllm-a", "vllm-b"),
    "counter-reset": ("litellm", "llamacpp-coder"),
    "crash-loop": ("sglang-qwen",),
    "engine-upgraded": ("vllm-a",),
    "gateway-without-database": ("vllm",),
    "latency-regression": ("litellm",),
    "two-workers": ("litellm",),
}
"""Programs of which some figures can only be bounded; those of all others are equal."""
HINDERED = {
    "half-unreachable": {
        "app-1/node": "connection refused",
        "vllm-a": "TimeoutError",
        "vllm-b": "no readable metric",
        "litellm": "HTTP 500",
    }
}
"""What some targets answer for a while; the others are read all the same."""


@dataclass(slots=True)
class Report:
    """What was compared in one scenario."""

    amounts: Counter[str] = field(default_factory=Counter)
    equal: int = 0
    bounded: Counter[str] = field(default_factory=Counter)
    percentiles: int = 0

    def add(self, process: str, claim: Claim, outcome: Outcome) -> None:
        self.amounts[claim.family] += outcome.amount  # type: ignore[assignment]
        self.equal += outcome.equal
        self.bounded[process] += outcome.bounded


def instants(found: Scenario) -> list[float]:
    """Return when everything is read: the interesting part of a scenario, closely where something changes."""
    edges = sorted({edge for step in found.steps for edge in (step.at, step.at + lasting(step))})
    begin, end = (edges[0] - MARGIN_SECONDS, edges[-1] + MARGIN_SECONDS) if edges else (0.0, found.duration)
    if not edges and found.duration > NINE_O_CLOCK:
        begin, end = NINE_O_CLOCK, NINE_O_CLOCK + 1800.0
    begin, end = max(0.0, begin), min(found.duration, end)
    step = max(SHORTEST_STEP, (end - begin) // INSTANTS)
    grid = {begin + step * place for place in range(int((end - begin) // step) + 1)}
    return sorted(grid | {edge + near for edge in edges for near in CLOSE if begin <= edge + near <= end})


def lasting(step: Step) -> float:
    """Return for how long a change is felt: its own time, that of being down, that of loading."""
    if step.seconds is not None:
        return step.seconds
    phases = ("down", "download", "weights", "compile", "warmup")
    return math.fsum(getattr(step.action, name, 0.0) for name in phases)


def claims(found: Stage) -> Iterator[tuple[str, Claim]]:
    """Yield every comparison that the fleet's programs allow, with the process that is compared."""
    fleet = found.scenario.fleet
    truths: list[tuple[str, GatewayTruth | EngineTruth | CacheTruth | ApplicationTruth]] = [
        *((one.name, GatewayTruth(found, one)) for one in fleet.gateways),
        *((one.name, EngineTruth(found, one)) for one in fleet.engines),
        *((one.name, CacheTruth(found, one)) for one in fleet.caches),
        *((one.name, ApplicationTruth(found, one)) for one in fleet.applications),
    ]
    for process, truth in truths:
        for claim in truth.claims():
            yield process, claim


def check_up(found: Stage, process: str) -> None:
    """`up` is 1 where a target was read and 0 where it was not, whatever the others did meanwhile."""
    one = found.watched[process]
    ((_, values),) = stored(found, one, "up")
    wanted = dict.fromkeys(one.read, 1.0) | dict.fromkeys(one.failed, 0.0)
    assert values == {round(time * 1000): value for time, value in wanted.items()}, process


def compared(found: Stage) -> Report:
    """Compare everything with the ledger."""
    report, fleet = Report(), found.scenario.fleet
    for process in found.watched:
        check_up(found, process)
    in_turn = {one.name for one in fleet.gateways if one.workers > 1}
    for process, claim in claims(found):
        report.add(process, claim, (compare_turns if process in in_turn else compare)(found, process, claim))
    for gateway in fleet.gateways:
        report.percentiles += of_gateway(found, gateway.name, GatewayTruth(found, gateway))
    for engine in fleet.engines:
        report.percentiles += of_engine(found, engine.name, engine.kind, EngineTruth(found, engine))
    return report


def check_stored(found: Stage, collections: int) -> None:
    """Compare everything with the ledger, and see to it that what a scenario is about was among it."""
    name, report = found.scenario.name, compared(found)
    unread = sum(len(one.failed) for one in found.watched.values())
    bounded = {process: count for process, count in report.bounded.items() if count}
    print(
        f"{name}: {collections} collections of {len(found.watched)} targets, {unread} failed; {report.equal} equal, "
        f"bounded {bounded}, {report.percentiles} percentiles"
    )
    assert report.equal >= (100 if name != "two-workers" else 0)
    assert set(bounded) == set(RESTARTED.get(name, ()))
    assert report.percentiles >= 6
    for process, mode in HINDERED.get(name, {}).items():
        assert any(mode in error for error in found.watched[process].errors), found.watched[process].errors
    for family in (*ALWAYS, *MUST.get(name, ())):
        assert report.amounts[family] > 0, f"nothing of {family} was compared"


@pytest.mark.parametrize("name", [name for name in scenario.available() if name not in ("empty-fleet", HUGE)])
async def test_what_is_stored_is_what_happened(name: str, tmp_path: Path) -> None:
    chosen = scenario.named(name)
    moments = instants(chosen)
    async with stage(chosen, tmp_path) as found:
        for moment in moments:
            await found.go(moment)
        check_stored(found, len(moments))


async def test_an_empty_fleet_has_no_target_and_no_series(tmp_path: Path) -> None:
    async with stage(scenario.named("empty-fleet"), tmp_path) as found:
        for moment in (0.0, 600.0, 1200.0):
            await found.go(moment)
        assert found.watched == {}
        assert found.database.series([], 0, 2**53) == []
        assert found.ledger.totals(float("-inf"), float("inf")).requests == 0


async def test_one_answer_more_or_less_in_the_ledger_is_noticed(tmp_path: Path) -> None:
    async with stage(scenario.named("hostile-names"), tmp_path) as found:
        for moment in (0.0, 300.0):
            await found.go(moment)
        process, answers = found.scenario.fleet.gateways[0].name, found.ledger.answers.events
        parts = ((("token_type", "cached_input"),), (("token_type", "reasoning"),))
        mine = [claim for name, claim in claims(found) if name == process and claim.family in ALWAYS]
        every = [claim for claim in mine if claim.where not in parts]
        for claim in every:
            compare(found, process, claim)
        place = next(place for place, one in enumerate(answers) if one.usage.cost > 0)
        taken = answers.pop(place)
        for claim in every:
            with pytest.raises(AssertionError, match="overstates"):
                compare(found, process, claim)
        answers[place:place] = [taken, taken]
        for claim in every:
            with pytest.raises(AssertionError, match="falls short"):
                compare(found, process, claim)
        names = found.database.label_values("__name__", [], 0, 2**53)
        assert "fake_metric" not in names
        assert process in found.database.label_values("gateway", [], 0, 2**53)
