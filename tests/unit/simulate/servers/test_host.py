"""node_exporter and dcgm-exporter of simulated hosts: exact integrals of what the events say, in the captured form."""

from __future__ import annotations

import gzip
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import inferdeck.sources.host as source
from inferdeck.simulate.events import (
    Answered,
    Attempted,
    AttemptEnded,
    BatchChanged,
    ClockShifted,
    Ended,
    Event,
    GpuChanged,
    Left,
    Started,
)
from inferdeck.simulate.fleet import Engine, EngineModel, Fleet, Gpu, Host
from inferdeck.simulate.servers import dcgm, node, physics
from inferdeck.simulate.servers.dcgm import BLANK
from inferdeck.simulate.servers.machine import Machine
from inferdeck.simulate.table import Table
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small

CAPTURED = gzip.decompress((Path(source.__file__).parent / "samples/node_exporter-1.5.0-metrics.txt.gz").read_bytes())


class Still:
    """A world that only has a time."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def present(self) -> float:
        return self.now

    def ask_gateway(self, gateway: str, question: object) -> None:
        raise NotImplementedError

    def ask_engine(self, engine: str, question: object) -> None:
        raise NotImplementedError


def _value(table: Table, name: str, **labels: str) -> float:
    found = [
        value
        for series, value in zip(table.series, table.values, strict=True)
        if dict(series)["__name__"] == name and labels.items() <= dict(series).items()
    ]
    return math.fsum(found)


def _families(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)


def test_families_help_and_order_are_the_captured_ones() -> None:
    fleet = small()
    world = World(fleet, seed=1, start=MONDAY_TEN)
    program = node.build(fleet.hosts[0], fleet, world)
    world.subscribe(program.handlers())
    world.run_until(MONDAY_TEN + 60)
    program.refresh(world.now)
    text, captured = program.tables[0].text(), CAPTURED.decode()
    families = _families(text)
    assert families == [one for one in _families(captured) if one in set(families)]
    for line in text.splitlines():
        if line.startswith("# HELP"):
            assert line in captured
    labels = {name: _labels(captured, name) for name, _ in families}
    assert {name: _labels(text, name) for name, _ in families} == labels


def _labels(text: str, name: str) -> list[str]:
    found = re.search(rf"^{name}\{{(.*)\}} ", text, re.MULTILINE)
    return re.findall(r'(\w+)="', found[1]) if found else []


def test_processor_seconds_add_up_to_the_uptime() -> None:
    fleet = small(60.0)
    world = World(fleet, seed=1, start=MONDAY_TEN)
    programs = [node.build(host, fleet, world) for host in fleet.hosts]
    for program in programs:
        world.subscribe(program.handlers())
    before = [0.0, 0.0]
    for step in range(1, 8):
        world.run_until(MONDAY_TEN + 40 * step)
        for place, program in enumerate(programs):
            program.refresh(world.now)
            table, machine = program.tables[0], program.machine
            uptime = world.now - (machine.booted or 0.0)
            # Each mode of each processor is counted in whole hundredths of a second.
            cut = 0.01 * 8 * machine.host.cores
            assert _value(table, "node_cpu_seconds_total") == pytest.approx(uptime * machine.host.cores, abs=cut)
            busy = machine.totals.busy
            assert busy >= before[place]
            assert sum(map(machine.cpu_seconds, machine.processes.values())) <= busy
            before[place] = busy


def test_traffic_logs_and_use_are_those_of_the_log() -> None:
    fleet = small(60.0)
    world = World(fleet, seed=2, start=MONDAY_TEN)
    program = node.build(fleet.hosts[1], fleet, world)
    world.subscribe(program.handlers())
    events: list[Event] = []
    world.kernel.watch(events.append)
    world.run_until(MONDAY_TEN + 300)
    program.refresh(world.now)
    answered = [event for event in events if isinstance(event, Answered)]
    failed = sum(isinstance(event, AttemptEnded) and event.fault is not None for event in events)
    table = program.tables[0]
    logs = len(answered) * physics.GATEWAY_LOG_BYTES + failed * physics.GATEWAY_ERROR_LOG_BYTES
    assert _value(table, "node_disk_written_bytes_total") == logs
    host = fleet.hosts[1]
    assert _value(table, "node_filesystem_free_bytes") == host.disk_bytes - host.disk_used_bytes - logs
    sent = sum(physics.answer_bytes(event.usage.output, event.request.stream) for event in answered)
    questions = sum(
        physics.question_bytes(event.request.prompt_tokens) for event in events if isinstance(event, Attempted)
    )
    assert _value(table, "node_network_transmit_bytes_total") == sent + questions
    used = _value(table, "node_memory_MemTotal_bytes") - _value(table, "node_memory_MemAvailable_bytes")
    assert used == program.machine.memory_bytes()


_MODEL = EngineModel("tiny", 1e9, 1e9)
_ALONE = Fleet("alone", hosts=(Host("box", 4),), engines=(Engine("one", "vllm", "1", _MODEL, ("g",), "box"),))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0.001, 50), st.integers(0, 400)), min_size=1, max_size=20))
def test_shares_are_exact_also_where_more_is_wanted_than_there_is(changes: Sequence[tuple[float, int]]) -> None:
    machine = Machine(_ALONE.hosts[0], _ALONE)
    handlers = machine.handlers()
    handlers[Started, "one"](Started(100.0, "one", "1", 7, "start"))
    now, running, busy, own = 100.0, -1, physics.SYSTEM_CORES * physics.BOOTED_BEFORE_SECONDS, 0.0
    idle = physics.IDLE_CORES["engine"]
    for wait, count in changes:
        cores = idle if running < 0 else physics.engine_cores(_ALONE.engines[0], running)
        wanted = cores + physics.SYSTEM_CORES
        part = min(1.0, 4 / wanted)
        busy, own = busy + wait * wanted * part, own + wait * cores * part
        now, running = now + wait, count
        handlers[BatchChanged, "one"](BatchChanged(now, "one", 0, count, count, 0.0, 0.0, 1.0))
    assert machine.totals.busy == pytest.approx(busy)
    assert machine.cpu_seconds(machine.processes["one"]) == pytest.approx(own)
    assert machine.totals.busy <= (now - (machine.booted or 0.0)) * 4 + 1e-6


def test_a_full_disk_takes_no_more_and_a_killed_process_is_counted() -> None:
    fleet = Fleet("f", hosts=(Host("box", 4, disk_bytes=1000.0, disk_used_bytes=900.0),), engines=_ALONE.engines)
    program = node.build(fleet.hosts[0], fleet, Still())  # type: ignore[arg-type]
    handlers = program.handlers()
    handlers[Started, "box/node"](Started(10.0, "box/node", "1.8.2", 5, "start"))
    handlers[Started, "one"](Started(10.0, "one", "1", 6, "start"))
    for number in range(9):
        handlers[Left, "one"](Left(11.0, "one", number, "stop", 10.0, 10.0, 10.5, 5, 0, 5, 9, 0.1, 0.4, 0))
    handlers[Ended, "one"](Ended(12.0, "one", 137, "crash"))
    handlers[ClockShifted, "box"](ClockShifted(12.0, "box", 3600.0))
    program.refresh(20.0)
    table = program.tables[0]
    assert _value(table, "node_filesystem_free_bytes") == 0.0
    assert _value(table, "node_filesystem_avail_bytes") == 0.0
    assert _value(table, "node_vmstat_oom_kill") == 1.0
    assert _value(table, "node_time_seconds") == 3620.0
    assert _value(table, "node_timex_sync_status") == 0.0
    handlers[Started, "box/node"](Started(30.0, "box/node", "1.8.2", 9, "restart"))
    program.refresh(31.0)
    assert program.tables[0] is not table
    assert _value(program.tables[0], "node_vmstat_oom_kill") == 1.0


def test_energy_is_the_integral_of_power_and_heat_follows_its_law() -> None:
    gpu = Gpu("g", "box", 0)
    fleet = Fleet("f", hosts=(Host("box"),), gpus=(gpu,), engines=_ALONE.engines)
    program = dcgm.build(fleet.hosts[0], fleet, Still())  # type: ignore[arg-type]
    handlers = program.handlers()
    handlers[Started, "box/dcgm"](Started(0.0, "box/dcgm", "4.5.1", 5, "start"))
    changed = handlers[GpuChanged, "g"]
    changed(GpuChanged(0.0, "g", 0.0, 70.0, 1980.0, 34.0, 34.0, 1e9, ""))
    changed(GpuChanged(100.0, "g", 1.0, 700.0, 1980.0, 34.0, 90.0, 60e9, ""))
    changed(GpuChanged(160.0, "g", 1.0, 500.0, 1400.0, 70.0, 60.0, 60e9, "thermal"))
    program.refresh(190.0)
    table = program.tables[0]
    assert _value(table, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION") == 1000 * (70 * 100 + 700 * 60 + 500 * 30)
    assert _value(table, "DCGM_FI_DEV_THERMAL_VIOLATION") == 30e6
    assert _value(table, "DCGM_FI_DEV_POWER_VIOLATION") == 0.0
    assert _value(table, "DCGM_FI_DEV_GPU_TEMP") == math.floor(60 + 10 * math.exp(-30 / gpu.heat_seconds))
    assert _value(table, "DCGM_FI_DEV_SM_CLOCK") == 1400.0
    total = sum(_value(table, f"DCGM_FI_DEV_FB_{part}") for part in ("FREE", "USED", "RESERVED"))
    assert total == gpu.memory_bytes / 2**20
    assert _value(table, "DCGM_FI_DEV_XID_ERRORS") == 0.0
    handlers[Ended, "one"](Ended(191.0, "one", 134, "crash"))
    program.refresh(192.0)
    assert _value(program.tables[0], "DCGM_FI_DEV_XID_ERRORS") == 31.0
    handlers[Started, "box/dcgm"](Started(193.0, "box/dcgm", "4.5.1", 6, "restart"))
    program.refresh(193.0)
    assert _value(program.tables[0], "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION") > 64e6


def test_a_card_without_a_sensor_shows_dcgms_blank() -> None:
    fleet = Fleet("f", hosts=(Host("box"),), gpus=(Gpu("g", "box", 0, "NVIDIA L4", 24 * 2.0**30),))
    program = dcgm.build(fleet.hosts[0], fleet, Still())  # type: ignore[arg-type]
    handlers = program.handlers()
    handlers[Started, "box/dcgm"](Started(0.0, "box/dcgm", "4.5.1", 5, "start"))
    handlers[GpuChanged, "g"](GpuChanged(0.0, "g", 0.5, 60.0, 2040.0, 50.0, 50.0, 1e9, "power"))
    program.refresh(1.0)
    assert _value(program.tables[0], "DCGM_FI_DEV_MEMORY_TEMP") == BLANK > 2**62


def test_energy_in_a_world_never_falls_and_agrees_with_its_events() -> None:
    fleet = small(60.0)
    world = World(fleet, seed=5, start=MONDAY_TEN)
    program = dcgm.build(fleet.hosts[0], fleet, world)
    world.subscribe(program.handlers())
    changes: dict[str, list[GpuChanged]] = defaultdict(list)
    world.kernel.watch(lambda event: changes[event.gpu].append(event) if isinstance(event, GpuChanged) else None)
    world.run_until(MONDAY_TEN + 300)
    program.refresh(world.now)
    for gpu in fleet.gpus:
        own = changes[gpu.name]
        ends = [event.time for event in own[1:]] + [world.now]
        joules = math.fsum(event.watts * (end - event.time) for event, end in zip(own, ends, strict=True))
        shown = _value(program.tables[0], "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", gpu=str(gpu.index))
        assert shown == pytest.approx(1000 * joules, abs=2)
