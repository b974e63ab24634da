"""In every scenario Langfuse and the applications have recorded what happened, no more and no less."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inferdeck.simulate import scenario
from inferdeck.simulate.changes import schedule
from inferdeck.simulate.events import Answered, AttemptEnded, Event, Missed, Started
from inferdeck.simulate.fleet import Application, Langfuse
from inferdeck.simulate.servers import applications, langfuse
from inferdeck.simulate.world import World

SECONDS = 4200.0
SCENARIOS = [name for name in scenario.available() if name != "huge-fleet"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_recorded_is_what_happened(name: str) -> None:
    told = scenario.named(name)
    fleet = replace(
        told.fleet,
        langfuse=(Langfuse("the recorder"),),
        applications=(Application("the application", "llm"), Application("the gateway", "llm_gateway")),
    )
    world = World(fleet, seed=told.seed, start=told.start)
    recorder = langfuse.build(fleet.langfuse[0], fleet, world)
    counting = [applications.build(one, fleet, world) for one in fleet.applications]
    events: list[Event] = []
    world.subscribe(recorder.handlers())
    for program in counting:
        world.subscribe(program.handlers())
    world.subscribe({(kind, ""): events.append for kind in (Answered, AttemptEnded, Missed, Started)})
    schedule(world, told.steps)
    world.run_until(told.start + SECONDS)
    _recorded(recorder, events)
    for program in counting:
        starts = [e.time for e in events if isinstance(e, Started) and e.process == program.process]
        assert len(starts) == 1, "the bounds below are those of one life"
        program.refresh(world.now)
        _counted(program, events)


def _recorded(recorder: langfuse.LangfuseServer, events: list[Event]) -> None:
    finished = {event.request.id: event for event in events if isinstance(event, Answered)}
    used = [e.usage for e in events if isinstance(e, AttemptEnded) and e.request.id in finished]
    used += [event.usage for event in finished.values() if event.cached]
    traces = list(recorder.window.traces())
    rows = [row for trace in traces for row in trace.observations]
    assert len(traces) == len(finished) < recorder.window.size
    assert len(rows) == len(finished) + len(used)
    assert sum(row.total_tokens() for row in rows) == sum(usage.input + usage.output for usage in used)
    assert math.isclose(math.fsum(row.total_cost or 0.0 for row in rows), math.fsum(u.cost for u in used), abs_tol=1e-9)
    assert sum(row.root and row.level == "ERROR" for row in rows) == sum(e.fault is not None for e in finished.values())


def _counted(program: applications.Counting, events: list[Event]) -> None:
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(program.tables[0].text()):
        for sample in family.samples:
            found.setdefault(sample.name.removeprefix("llm_gateway_").removeprefix("llm_gateway_"), []).append(sample)
    prefix = "" if "requests_total" in found else "llm_"

    def total(name: str, **labels: str) -> float:
        fitting = (s for s in found.get(prefix + name, []) if labels.items() <= s.labels.items())
        return math.fsum(sample.value for sample in fitting)

    assert all(sample.value >= 0 for samples in found.values() for sample in samples)
    finished = [event for event in events if isinstance(event, Answered)]
    good = [event for event in finished if event.fault is None]
    missed = sum(isinstance(event, Missed) for event in events)
    assert total("requests_total") == len(finished) + missed
    assert total("requests_total", status="success") == len(good)
    assert total("request_duration_seconds_count") == len(finished)
    tokens = total("tokens_used_total") if prefix else total("tokens_total")
    assert tokens == sum(event.usage.input + event.usage.output for event in good)
    assert total("active_requests") == len(program.trying)
    if prefix:
        assert total("errors_total") == len(finished) - len(good) + missed
        assert math.isclose(total("cost_total"), math.fsum(event.usage.cost for event in good), abs_tol=1e-9)
        assert {s.labels["agent_id"] for s in found.get("llm_requests_total", [])} == {
            event.request.agent for event in events if isinstance(event, (Answered, Missed))
        }
