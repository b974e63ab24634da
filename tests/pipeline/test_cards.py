"""The cards that inferdeck tells of, of every host of a fleet, are those of the world, with the world's figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.model.target import Fact
from inferdeck.simulate import scenario
from inferdeck.simulate.events import GpuChanged
from tests.pipeline.collecting import Stage, stage
from tests.pipeline.counters import stored

MIB = 2**20


def cards(found: Stage) -> dict[tuple[str, str], Fact]:
    """Return what was told of each card, by host and number."""
    facts = [fact for one in found.watched.values() for fact in one.inventory if fact.kind == "gpu"]
    return {(fact.facts["host"], fact.facts["index"]): fact for fact in facts}


def figures(found: Stage, family: str) -> dict[str, float]:
    """Return the values of a family that are stored of this moment, by UUID."""
    now = round(found.world.now * 1000)
    values: dict[str, float] = {}
    for one in found.watched.values():
        for series, samples in stored(found, one, family):
            if now in samples:
                values[dict(series)["UUID"]] = samples[now]
    return values


@pytest.mark.parametrize("name", ["calm-day", "kv-cache-full", "hostile-names"])
async def test_cards_are_those_of_the_world(name: str, tmp_path: Path) -> None:
    states: dict[str, GpuChanged] = {}

    def note(event: GpuChanged) -> None:
        states[event.gpu] = event

    async with stage(scenario.named(name), tmp_path) as found:
        gpus = found.scenario.fleet.gpus
        found.world.subscribe({(GpuChanged, gpu.name): note for gpu in gpus})
        for moment in (300.0, 600.0):
            await found.go(moment)
        told = cards(found)
        busy, used = figures(found, "DCGM_FI_DEV_GPU_UTIL"), figures(found, "DCGM_FI_DEV_FB_USED")
        watts, info = figures(found, "DCGM_FI_DEV_POWER_USAGE"), figures(found, "gpu_info")

    assert told.keys() == {(gpu.host, str(gpu.index)) for gpu in gpus}
    assert info == {fact.name: 1.0 for fact in told.values()}
    assert {gpu.name for gpu in gpus} == states.keys()
    for gpu in gpus:
        fact, state = told[gpu.host, str(gpu.index)], states[gpu.name]
        assert fact.facts["model"].removeprefix("NVIDIA ") == gpu.model.removeprefix("NVIDIA ")
        assert int(fact.facts["memory_total_bytes"]) == int(gpu.memory_bytes) // MIB * MIB
        assert busy[fact.name] == pytest.approx(100 * min(1.0, state.busy), abs=0.5)
        assert used[fact.name] == int(state.memory_bytes) // MIB
        assert watts[fact.name] == pytest.approx(state.watts, abs=0.001)
