"""What is known of one unit, from the properties that its manager gives and from its processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from inferdeck.model.masking import mask
from inferdeck.model.target import Fact
from inferdeck.sources.columns import Sample
from inferdeck.sources.systemd import revision
from inferdeck.sources.systemd.revision import Revision

STATES = ("activating", "active", "deactivating", "failed", "inactive")
_UNSET = 2**64 - 1
"""How systemd says that it does not count something."""


@dataclass(frozen=True, slots=True)
class UnitState:
    """One unit at one moment; None where a figure is not known, times in Unix seconds."""

    name: str
    manager: str
    state: str
    sub: str
    type: str
    path: str
    description: str
    result: str
    pid: int | None = None
    started: float | None = None
    restarts: int | None = None
    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    tasks: int | None = None
    connections: int | None = None
    revision: Revision | None = None
    processes: tuple[int, ...] = ()

    @property
    def changed(self) -> float | None:
        """When its configuration was changed, where that was after it started."""
        if self.revision is None or self.started is None or self.revision.changed <= self.started:
            return None
        return self.revision.changed


def read(name: str, manager: str, unit: dict[str, Any], service: dict[str, Any], processes: Sequence[int]) -> UnitState:
    """Return a unit's state; reads its files and /proc, so it is called in a thread."""
    pid = int(service.get("MainPID") or 0) or None
    running = unit.get("ActiveState") in ("active", "activating", "deactivating", "reloading")
    started = int(service.get("ExecMainStartTimestamp") or 0) or int(unit.get("ActiveEnterTimestamp") or 0)
    pids = tuple(sorted({*processes, *([pid] if pid else [])}))
    cpu = _number(service.get("CPUUsageNSec"))
    memory = _number(service.get("MemoryCurrent"))
    return UnitState(
        name=name,
        manager=manager,
        state=str(unit.get("ActiveState", "")),
        sub=str(unit.get("SubState", "")),
        type=str(service.get("Type", "")),
        path=str(unit.get("FragmentPath", "")),
        description=mask(str(unit.get("Description", "")))[:200],
        result=str(service.get("Result", "")),
        pid=pid,
        started=started / 1e6 if started and running else None,
        restarts=int(service["NRestarts"]) if "NRestarts" in service else None,
        cpu_seconds=cpu / 1e9 if cpu is not None else _cpu(pids) if running else None,
        memory_bytes=memory if memory is not None else _memory(pids) if running else None,
        tasks=_number(service.get("TasksCurrent")),
        connections=_connections(pids) if running else None,
        revision=revision.revision(revision.files(unit, service)),
        processes=pids,
    )


def samples(one: UnitState) -> Iterator[Sample]:
    """Yield node_exporter's families of a unit, and our own for what it has not."""
    own = (("name", one.name), ("manager", one.manager))
    for state in STATES:
        yield "node_systemd_unit_state", (*own, ("state", state), ("type", one.type)), float(one.state == state)
    figures = (
        ("node_systemd_unit_start_time_seconds", one.started),
        ("node_systemd_service_restart_total", one.restarts),
        ("node_systemd_unit_tasks_current", one.tasks),
        ("inferdeck_unit_cpu_seconds_total", one.cpu_seconds),
        ("inferdeck_unit_memory_bytes", one.memory_bytes),
        ("inferdeck_unit_connections", one.connections),
        ("inferdeck_unit_config_changed_timestamp_seconds", one.changed),
    )
    for name, value in figures:
        if value is not None:
            yield name, own, float(value)
    if one.revision is not None and one.started is not None:
        yield "inferdeck_unit_config_changed", own, float(one.changed is not None)


def fact(one: UnitState) -> Fact:
    """Return the unit as the inventory has it."""
    known: dict[str, str | float | None] = {
        "manager": one.manager,
        "state": one.state,
        "sub": one.sub,
        "type": one.type,
        "result": one.result,
        "path": one.path,
        "description": one.description,
        "pid": one.pid,
        "processes": ",".join(map(str, one.processes[:100])),
        "started": one.started,
        "restarts": one.restarts,
        "cpu_seconds": one.cpu_seconds,
        "memory_bytes": one.memory_bytes,
        "tasks": one.tasks,
        "connections": one.connections,
        "config_hash": one.revision.hash if one.revision else "",
        "config_changed": one.changed,
    }
    return Fact("unit", one.name, {key: _text(value) for key, value in known.items() if value not in (None, "")})


def _text(value: str | float | None) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and value != _UNSET else None


def _cpu(pids: Sequence[int]) -> float | None:
    """CPU seconds of the processes, and of their children that have ended."""
    found = 0.0
    try:
        for pid in pids:
            times = psutil.Process(pid).cpu_times()
            found += times.user + times.system + times.children_user + times.children_system
    except (psutil.Error, OSError):
        return None
    return found if pids else None


def _memory(pids: Sequence[int]) -> int | None:
    try:
        return sum(psutil.Process(pid).memory_info().rss for pid in pids) if pids else None
    except (psutil.Error, OSError):
        return None


def _connections(pids: Sequence[int]) -> int | None:
    """Established TCP connections; None where one of the processes may not be looked at."""
    try:
        found = [one for pid in pids for one in psutil.Process(pid).net_connections("tcp")]
    except (psutil.Error, OSError):
        return None
    return sum(one.status == psutil.CONN_ESTABLISHED for one in found) if pids else None
