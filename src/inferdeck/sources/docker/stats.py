"""From one answer of /containers/{id}/stats to cAdvisor's families; cgroup v1 and v2 differ in memory and block I/O.

Names and meanings: https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md; what is subtracted for
the working set: cAdvisor's setMemoryStats (container/libcontainer/handler.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inferdeck.sources.columns import Pairs, Sample
from inferdeck.sources.docker.answers import items, number, pairs, text, whole

_NETWORK = (
    ("rx_bytes", "container_network_receive_bytes_total"),
    ("rx_packets", "container_network_receive_packets_total"),
    ("rx_errors", "container_network_receive_errors_total"),
    ("rx_dropped", "container_network_receive_packets_dropped_total"),
    ("tx_bytes", "container_network_transmit_bytes_total"),
    ("tx_packets", "container_network_transmit_packets_total"),
    ("tx_errors", "container_network_transmit_errors_total"),
    ("tx_dropped", "container_network_transmit_packets_dropped_total"),
)
_MEMORY = (
    (("total_rss", "rss", "anon"), "container_memory_rss"),
    (("total_cache", "cache", "file"), "container_memory_cache"),
    (("total_mapped_file", "mapped_file", "file_mapped"), "container_memory_mapped_file"),
)
_INACTIVE = ("total_inactive_file", "inactive_file")
_NANOSECONDS = 1e9


def samples(stats: Any, own: Pairs) -> list[Sample]:
    """Return the samples of a running container; none where it does not run, which the daemon answers with zeros."""
    if number(stats, "memory_stats", "usage") is None and not whole(stats, "cpu_stats", "system_cpu_usage"):
        return []
    return [*_cpu(stats, own), *_memory(stats, own), *_network(stats, own), *_disks(stats, own), *_threads(stats, own)]


def _cpu(stats: Any, own: Pairs) -> Iterator[Sample]:
    usage = (("total_usage", "usage", (("cpu", "total"),)), ("usage_in_usermode", "user", ()))
    for key, name, more in (*usage, ("usage_in_kernelmode", "system", ())):
        value = number(stats, "cpu_stats", "cpu_usage", key)
        if value is not None:
            yield f"container_cpu_{name}_seconds_total", (*own, *more), value / _NANOSECONDS
    periods = whole(stats, "cpu_stats", "throttling_data", "periods")
    if periods:
        throttled = whole(stats, "cpu_stats", "throttling_data", "throttled_periods")
        seconds = whole(stats, "cpu_stats", "throttling_data", "throttled_time") / _NANOSECONDS
        yield "container_cpu_cfs_periods_total", own, float(periods)
        yield "container_cpu_cfs_throttled_periods_total", own, float(throttled)
        yield "container_cpu_cfs_throttled_seconds_total", own, seconds


def _memory(stats: Any, own: Pairs) -> Iterator[Sample]:
    usage = number(stats, "memory_stats", "usage")
    if usage is None:
        return
    yield "container_memory_usage_bytes", own, usage
    kinds = dict(pairs(stats, "memory_stats", "stats"))
    inactive = _first(kinds, _INACTIVE)
    if inactive is not None:
        yield "container_memory_working_set_bytes", own, max(0.0, usage - inactive)
    for keys, name in _MEMORY:
        value = _first(kinds, keys)
        if value is not None:
            yield name, own, value
    for key, name in (("max_usage", "container_memory_max_usage_bytes"), ("failcnt", "container_memory_failcnt")):
        value = number(stats, "memory_stats", key)
        if value is not None:
            yield name, own, value


def _network(stats: Any, own: Pairs) -> Iterator[Sample]:
    for interface, counted in pairs(stats, "networks"):
        for key, name in _NETWORK:
            value = number(counted, key)
            if value is not None:
                yield name, (*own, ("interface", interface)), value


def _disks(stats: Any, own: Pairs) -> Iterator[Sample]:
    names = {"read": "container_fs_reads_bytes_total", "write": "container_fs_writes_bytes_total"}
    for one in items(stats, "blkio_stats", "io_service_bytes_recursive"):
        name, value = names.get(text(one, "op").lower()), number(one, "value")
        if name is not None and value is not None:
            device = f"{whole(one, 'major')}:{whole(one, 'minor')}"
            yield name, (*own, ("device", device)), value


def _threads(stats: Any, own: Pairs) -> Iterator[Sample]:
    current, limit = number(stats, "pids_stats", "current"), number(stats, "pids_stats", "limit")
    if current is not None:
        yield "container_threads", own, current
    # The kernel's "max" comes as the largest number there is.
    if limit is not None and 0 < limit < 2**62:
        yield "container_threads_max", own, limit


def _first(kinds: dict[str, Any], names: tuple[str, ...]) -> float | None:
    return next((value for name in names if (value := number(kinds, name)) is not None), None)
