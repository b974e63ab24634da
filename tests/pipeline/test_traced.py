"""What was traced, and which model an Ollama holds in memory: gauges of a moment, beside the ledger and the world."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from inferdeck.simulate import scenario
from tests.pipeline.collecting import Stage, stage
from tests.pipeline.counters import stored

STEP_SECONDS = 120.0
MOMENTS = 26
"""Less than an hour: everything that has happened lies in its last hour."""
NINE_O_CLOCK = 9 * 3600.0


def gauge(found: Stage, process: str, family: str, **where: str) -> dict[int, float]:
    """Return a family's one series by time in ms."""
    ((_, values),) = stored(found, found.watched[process], family, where.items())
    return values


async def test_langfuse_tells_the_last_hour_of_the_ledger(tmp_path: Path) -> None:
    wanted: dict[int, tuple[int, float, int]] = {}
    async with stage(scenario.named("calm-day"), tmp_path) as found:
        (langfuse,) = (one.name for one in found.scenario.fleet.langfuse)
        for moment in range(MOMENTS):
            await found.go(moment * STEP_SECONDS)
            answers = found.ledger.answers.events
            # An answer from the gateway's cache is reported with its tokens, and costs nothing.
            tokens = sum(one.usage.input + one.usage.output for one in answers)
            cost = math.fsum(one.usage.cost for one in answers if not one.cached)
            wanted[round(found.clock.now() * 1000)] = (len(answers), cost, tokens)
        ends = gauge(found, langfuse, "langfuse_last_hour_end_timestamp_seconds")
        told = [gauge(found, langfuse, f"langfuse_last_hour_{name}") for name in ("traces", "cost_usd", "total_tokens")]
        daily = gauge(found, langfuse, "langfuse_last_day_traces")
    compared = 0
    for stamp, end in ends.items():
        # Totals stay until they are renewed: what they tell is of the moment at which they end.
        traces, cost, tokens = wanted[round(end * 1000)]
        assert [values[stamp] for values in told] == [traces, pytest.approx(cost, rel=1e-9), tokens]
        compared += end * 1000 == stamp
    assert compared >= MOMENTS - 5
    assert wanted[max(wanted)][0] > 100 and wanted[max(wanted)][1] > 0
    assert daily and set(daily.values()) <= {traces for traces, _, _ in wanted.values()}


async def test_an_ollama_holds_in_memory_what_the_world_says(tmp_path: Path) -> None:
    wanted: dict[int, str] = {}
    async with stage(scenario.named("calm-day"), tmp_path) as found:
        (engine,) = (one for one in found.scenario.fleet.engines if one.kind == "ollama")
        for moment in range(MOMENTS):
            await found.go(NINE_O_CLOCK + moment * STEP_SECONDS)
            wanted[round(found.clock.now() * 1000)] = found.world.servers[engine.name].state
        loaded = gauge(found, engine.name, "ollama_model_loaded")
        status = {word: gauge(found, engine.name, "llm_model_status", status=word) for word in ("available", "loading")}
        sizes = gauge(found, engine.name, "ollama_model_size_bytes")
    assert set(wanted.values()) >= {"ready", "sleeping"}, set(wanted.values())
    for stamp, state in wanted.items():
        assert loaded[stamp] == (state != "sleeping"), state
        assert status["available"][stamp] == (state in ("ready", "sleeping")), state
        assert status["loading"][stamp] == (state not in ("ready", "sleeping")), state
        assert sizes[stamp] == int(engine.model.weights_bytes)
