"""What /containers/{id}/stats answers: cgroup v1 as captured from dockerd 20.10, v2 as its API documents it."""

from __future__ import annotations

from typing import Any

from inferdeck.simulate.servers import physics
from inferdeck.simulate.servers.docker.containers import Container
from inferdeck.simulate.servers.docker.times import NEVER, rfc3339
from inferdeck.simulate.servers.machine import Machine, Process

_NO_CPU: dict[str, Any] = {
    "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
    "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
}
_BLOCK = ("io_serviced", "io_queue", "io_service_time", "io_wait_time", "io_merged", "io_time")
_DISK = (259, 0)


def stats(
    container: Container, machine: Machine, before: dict[str, Any] | None, unified: bool, memory: float
) -> dict[str, Any]:
    """Return one sample; `before` is the one before it, None where there is none."""
    if not container.running:
        return _stopped(container)
    process = machine.processes[container.facts.process]
    cpu = _cpu(machine, process, unified)
    return {
        "read": rfc3339(machine.now + machine.clock_offset),
        "preread": before["read"] if before else NEVER,
        "pids_stats": {"current": physics.THREADS[process.kind]} | ({"limit": 629145} if unified else {}),
        "blkio_stats": _blocks(process, unified),
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": cpu,
        "precpu_stats": before["cpu_stats"] if before else _NO_CPU,
        "memory_stats": _memory(machine, process, unified, memory),
        "networks": {"eth0": _network(process)},
        "name": f"/{container.facts.name}",
        "id": container.id,
    }


def _stopped(container: Container) -> dict[str, Any]:
    blocks = {f"{name}_recursive": None for name in ("io_service_bytes", *_BLOCK)} | {"sectors_recursive": None}
    return {
        "read": NEVER,
        "preread": NEVER,
        "pids_stats": {},
        "blkio_stats": blocks,
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _NO_CPU,
        "precpu_stats": _NO_CPU,
        "memory_stats": {},
        "name": f"/{container.facts.name}",
        "id": container.id,
    }


def _cpu(machine: Machine, process: Process, unified: bool) -> dict[str, Any]:
    total = int(machine.cpu_seconds(process) * 1e9)
    cores = machine.host.cores
    kernel = int(total * physics.SYSTEM_SHARE)
    usage: dict[str, Any] = {"total_usage": total}
    if not unified:
        each, rest = divmod(total, cores)
        usage["percpu_usage"] = [each + (place < rest) for place in range(cores)]
        tick = 10_000_000
        usage |= {"usage_in_kernelmode": kernel // tick * tick, "usage_in_usermode": (total - kernel) // tick * tick}
    else:
        usage |= {"usage_in_kernelmode": kernel, "usage_in_usermode": total - kernel}
    uptime = machine.now - (machine.booted or machine.now)
    return {
        "cpu_usage": usage,
        "system_cpu_usage": int(uptime * cores * 100) * 10_000_000,
        "online_cpus": cores,
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }


def _memory(machine: Machine, process: Process, unified: bool, memory: float) -> dict[str, Any]:
    resident, cached = int(memory), min(process.read_bytes + process.written_bytes, int(machine.host.memory_bytes / 8))
    limit = int(machine.host.memory_bytes)
    if unified:
        names = ("kernel_stack", "slab", "sock", "shmem", "file_mapped", "file_dirty", "file_writeback", "unevictable")
        found = {"anon": resident, "file": cached, "inactive_anon": 0, "active_anon": resident}
        found |= {"inactive_file": cached, "active_file": 0} | dict.fromkeys(names, 0)
        return {"usage": resident + cached, "stats": found, "limit": limit}
    own = {
        "active_anon": 0,
        "active_file": 0,
        "cache": cached,
        "dirty": 0,
        "inactive_anon": resident,
        "inactive_file": cached,
        "mapped_file": 0,
        "pgfault": 0,
        "pgmajfault": 0,
        "pgpgin": 0,
        "pgpgout": 0,
        "rss": resident,
        "rss_huge": 0,
        "unevictable": 0,
        "writeback": 0,
    }
    every = {"hierarchical_memory_limit": limit, "hierarchical_memsw_limit": limit}
    totals = {f"total_{name}": value for name, value in own.items()}
    peak = int(max(process.peak_bytes, memory)) + cached
    return {
        "usage": resident + cached,
        "max_usage": peak,
        "stats": dict(sorted((own | every | totals).items())),
        "limit": limit,
    }


def _network(process: Process) -> dict[str, int]:
    received, sent = process.received_bytes, process.sent_bytes
    return {
        "rx_bytes": received,
        "rx_packets": received // physics.BYTES_PER_PACKET,
        "rx_errors": 0,
        "rx_dropped": 0,
        "tx_bytes": sent,
        "tx_packets": sent // physics.BYTES_PER_PACKET,
        "tx_errors": 0,
        "tx_dropped": 0,
    }


def _blocks(process: Process, unified: bool) -> dict[str, Any]:
    major, minor = _DISK
    names = ("read", "write") if unified else ("Read", "Write")
    sizes = (process.read_bytes, process.written_bytes)
    moved = [
        {"major": major, "minor": minor, "op": name, "value": size}
        for name, size in zip(names, sizes, strict=True)
        if size
    ]
    empty: list[Any] | None = None if unified else []
    return {
        "io_service_bytes_recursive": moved or empty,
        **{f"{name}_recursive": empty for name in _BLOCK},
        "sectors_recursive": empty,
    }
