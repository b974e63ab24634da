"""What psutil can say where there is no /proc, under the names that node_exporter has there (collector/*_darwin.go)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil

from inferdeck.sources.columns import Sample
from inferdeck.sources.host.mounts import Mount

_MEMORY = ("total", "free", "active", "inactive", "wired", "available")
_DISK = {
    "read_count": "reads_completed_total",
    "write_count": "writes_completed_total",
    "read_bytes": "read_bytes_total",
    "write_bytes": "written_bytes_total",
}
_NETWORK = {
    "bytes_recv": "receive_bytes_total",
    "packets_recv": "receive_packets_total",
    "errin": "receive_errs_total",
    "dropin": "receive_drop_total",
    "bytes_sent": "transmit_bytes_total",
    "packets_sent": "transmit_packets_total",
    "errout": "transmit_errs_total",
    "dropout": "transmit_drop_total",
}


def samples() -> Iterator[Sample]:
    """Yield CPU, load, memory, disk and network samples; what the platform lacks is left out."""
    yield "node_boot_time_seconds", (), float(psutil.boot_time())
    for cpu, times in enumerate(psutil.cpu_times(percpu=True)):
        for mode in ("user", "nice", "system", "idle"):
            yield "node_cpu_seconds_total", (("cpu", str(cpu)), ("mode", mode)), float(getattr(times, mode, 0.0))
    for minutes, load in zip((1, 5, 15), os.getloadavg(), strict=True):
        yield f"node_load{minutes}", (), load
    memory = psutil.virtual_memory()
    for name in _MEMORY:
        if hasattr(memory, name):
            yield f"node_memory_{name}_bytes", (), float(getattr(memory, name))
    swap = psutil.swap_memory()
    yield "node_memory_swap_total_bytes", (), float(swap.total)
    yield "node_memory_swap_used_bytes", (), float(swap.used)
    for disk, disk_counts in (psutil.disk_io_counters(perdisk=True) or {}).items():
        for field, name in _DISK.items():
            yield f"node_disk_{name}", (("device", disk),), float(getattr(disk_counts, field))
    for device, network_counts in psutil.net_io_counters(pernic=True).items():
        for field, name in _NETWORK.items():
            yield f"node_network_{name}", (("device", device),), float(getattr(network_counts, field))


def mounts() -> list[Mount]:
    """Return the mounted local file systems."""
    return [
        Mount(part.device, part.mountpoint, part.fstype, "ro" in part.opts.split(","))
        for part in psutil.disk_partitions(all=False)
    ]
