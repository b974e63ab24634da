"""The nvidia source beside the driver's own nvidia-smi, on a machine that has a card."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable, Iterator
from io import StringIO

import pytest

from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import get, metric_name
from inferdeck.model.target import TargetKey
from inferdeck.sources.interface import Collected
from inferdeck.sources.nvidia.config import NvidiaConfig
from inferdeck.sources.nvidia.presence import present
from inferdeck.sources.nvidia.source import NvidiaSource, make

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (present() and shutil.which("nvidia-smi")), reason="no NVIDIA card here"),
]

MIB = 2**20
# Our family -> nvidia-smi's field, and how far a value may lie outside of what it says before and after ours.
STEADY = {
    "DCGM_FI_DEV_FB_TOTAL": ("memory.total", 1),
    "DCGM_FI_DEV_FB_RESERVED": ("memory.reserved", 1),
    "DCGM_FI_DEV_POWER_MGMT_LIMIT": ("power.limit", 0),
    "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": ("enforced.power.limit", 0),
    "DCGM_FI_DEV_MAX_SM_CLOCK": ("clocks.max.sm", 0),
    "DCGM_FI_DEV_MAX_MEM_CLOCK": ("clocks.max.memory", 0),
    "DCGM_FI_DEV_FAN_SPEED": ("fan.speed", 2),
    "DCGM_FI_DEV_PCIE_LINK_WIDTH": ("pcie.link.width.current", 0),
    "DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH": ("pcie.link.width.max", 0),
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": ("ecc.errors.corrected.volatile.total", 0),
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": ("ecc.errors.uncorrected.volatile.total", 0),
    "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL": ("ecc.errors.corrected.aggregate.total", 0),
    "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL": ("ecc.errors.uncorrected.aggregate.total", 0),
}
MOVING = {
    "DCGM_FI_DEV_GPU_UTIL": ("utilization.gpu", 10),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("utilization.memory", 10),
    "DCGM_FI_DEV_ENC_UTIL": ("utilization.encoder", 5),
    "DCGM_FI_DEV_DEC_UTIL": ("utilization.decoder", 5),
    "DCGM_FI_DEV_FB_USED": ("memory.used", 1),
    "DCGM_FI_DEV_FB_FREE": ("memory.free", 1),
    "DCGM_FI_DEV_GPU_TEMP": ("temperature.gpu", 2),
    "DCGM_FI_DEV_MEMORY_TEMP": ("temperature.memory", 2),
    "DCGM_FI_DEV_POWER_USAGE": ("power.draw", 25),
    "DCGM_FI_DEV_SM_CLOCK": ("clocks.sm", 60),
    "DCGM_FI_DEV_MEM_CLOCK": ("clocks.mem", 0),
    "DCGM_FI_DEV_VIDEO_CLOCK": ("clocks.video", 60),
}
# Reason -> nvidia-smi's counter in microseconds.
EVENTS = {
    "power_cap": "sw_power_cap",
    "sync_boost": "sync_boost",
    "sw_thermal": "sw_thermal_slowdown",
    "hw_thermal": "hw_thermal_slowdown",
    "hw_power_brake": "hw_power_brake_slowdown",
}
TRIES = 5
Card = dict[str, str]


def smi(what: str, fields: list[str]) -> list[Card]:
    """Return what nvidia-smi says: one row per card or process, field -> text."""
    command = ["nvidia-smi", f"--query-{what}={','.join(fields)}", "--format=csv,noheader,nounits"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return [dict(zip(fields, row, strict=True)) for row in csv.reader(StringIO(text), skipinitialspace=True) if row]


def known_fields(wanted: list[str]) -> list[str]:
    """Return those that this nvidia-smi knows."""
    text = subprocess.run(["nvidia-smi", "--help-query-gpu"], capture_output=True, text=True, timeout=60).stdout
    return [field for field in wanted if f'"{field}"' in text]


def number(text: str) -> float | None:
    """Return a number, None where nvidia-smi has none ("[N/A]")."""
    try:
        return float(text)
    except ValueError:
        return None


def source() -> NvidiaSource:
    return make(NvidiaConfig(), None, SystemClock(), TargetKey("nvidia", "here", "tests"), ())


def by_card(found: Collected, name: str) -> dict[str, float]:
    """Return the values of a family by UUID."""
    pairs = zip(found.layout.series, found.values.tolist(), strict=True)
    return {get(series, "UUID"): value for series, value in pairs if metric_name(series) == name}


async def between(read: Callable[[], list[Card]]) -> tuple[dict[str, Card], Collected, dict[str, Card]]:
    """Return nvidia-smi's answer, ours, and nvidia-smi's again, by UUID."""
    reader = source()
    try:
        await reader.collect(0.0)
        before = {card["uuid"]: card for card in read()}
        ours = await reader.collect(0.0)
        return before, ours, {card["uuid"]: card for card in read()}
    finally:
        await reader.aclose()


def outside(
    families: dict[str, tuple[str, int]], before: dict[str, Card], ours: Collected, after: dict[str, Card]
) -> Iterator[str]:
    """Yield what lies outside of nvidia-smi's two answers, or is there for one of the two alone."""
    for name, (field, margin) in families.items():
        found = by_card(ours, name)
        for uuid, card in before.items():
            if field not in card:
                continue
            bounds = [value for answer in (card, after[uuid]) if (value := number(answer[field])) is not None]
            value = found.get(uuid)
            if value is None or not bounds:
                if value is not None or bounds:
                    yield f"{name}: ours {value}, nvidia-smi {card[field]}"
            elif not min(bounds) - margin - 0.01 <= value <= max(bounds) + margin + 0.01:
                yield f"{name}: ours {value}, nvidia-smi {bounds}"


async def test_every_value_is_what_nvidia_smi_says() -> None:
    fields = ["uuid", *known_fields([field for field, _ in {**STEADY, **MOVING}.values()])]
    wrong: list[str] = []
    for _ in range(TRIES):
        before, ours, after = await between(lambda: smi("gpu", fields))
        assert list(outside(STEADY, before, ours, after)) == []
        wrong = list(outside(MOVING, before, ours, after))
        if not wrong:
            break
    assert wrong == []


async def test_identity_is_what_nvidia_smi_says() -> None:
    fields = ["uuid", "index", "name", "pci.bus_id", "driver_version"]
    before, ours, _ = await between(lambda: smi("gpu", fields))

    shown = {
        get(series, "UUID"): {
            "uuid": get(series, "UUID"),
            "index": get(series, "gpu"),
            "name": get(series, "modelName"),
            "pci.bus_id": get(series, "pci_bus_id"),
            "driver_version": get(series, "DCGM_FI_DRIVER_VERSION"),
        }
        for series in ours.layout.series
        if metric_name(series) == "gpu_info"
    }
    assert shown == before


async def test_reasons_of_clock_events_and_their_times_are_what_nvidia_smi_says() -> None:
    counters = {reason: f"clocks_event_reasons_counters.{name}" for reason, name in EVENTS.items()}
    fields = ["uuid", *known_fields(["clocks_event_reasons.active", *counters.values()])]
    before, ours, after = await between(lambda: smi("gpu", fields))

    for uuid, card in before.items():
        masks = {int(answer["clocks_event_reasons.active"], 16) for answer in (card, after[uuid])}
        if len(masks) == 1:
            assert by_card(ours, "DCGM_FI_DEV_CLOCKS_EVENT_REASONS")[uuid] in masks
        seconds = {
            get(series, "clock_event"): value
            for series, value in zip(ours.layout.series, ours.values.tolist(), strict=True)
            if metric_name(series) == "gpu_clock_event_seconds_total" and get(series, "UUID") == uuid
        }
        for reason, field in counters.items():
            low, high = number(card.get(field, "")), number(after[uuid].get(field, ""))
            if low is not None and high is not None:
                assert low / 1e6 - 0.001 <= seconds[reason] <= high / 1e6 + 0.001, reason


async def test_processes_are_those_of_nvidia_smi() -> None:
    def held() -> dict[str, int]:
        rows = smi("compute-apps", ["gpu_uuid", "pid", "used_memory"])
        return {f"{row['gpu_uuid']}/{row['pid']}": int(row["used_memory"]) for row in rows}

    ours: dict[str, int] = {}
    before: dict[str, int] = {}
    for _ in range(TRIES):
        before = held()
        _, found, _ = await between(list)
        ours = {
            fact.name: int(fact.facts["memory_bytes"]) // MIB
            for fact in found.inventory
            if fact.kind == "gpu_process" and "memory_bytes" in fact.facts
        }
        if held() == before:
            break
    assert before.items() <= ours.items()
