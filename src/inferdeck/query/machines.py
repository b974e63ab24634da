"""Hosts (node_exporter's names) and caches (redis_exporter's names), one row per instance."""

from __future__ import annotations

from inferdeck.model.answers import Cache, Host, Number, number
from inferdeck.query.figures import Figures, Group, ratio, total

BY = ("environment", "instance")
HOST_METRICS = (
    "node_cpu_seconds_total",
    "node_memory_MemTotal_bytes",
    "node_memory_MemAvailable_bytes",
    "node_filesystem_size_bytes",
    "node_filesystem_avail_bytes",
    "node_network_receive_bytes_total",
    "node_network_transmit_bytes_total",
    "node_load1",
)
CACHE_METRICS = (
    "redis_memory_used_bytes",
    "redis_memory_max_bytes",
    "redis_db_keys",
    "redis_keyspace_hits_total",
    "redis_keyspace_misses_total",
    "redis_evicted_keys_total",
    "redis_connected_clients",
    "redis_mem_fragmentation_ratio",
)
# What the kernel or a container engine mounts by itself is never the disk that fills up.
PSEUDO_FILESYSTEMS = frozenset(
    [
        "tmpfs",
        "devtmpfs",
        "overlay",
        "squashfs",
        "proc",
        "sysfs",
        "ramfs",
        "autofs",
        "cgroup",
        "cgroup2",
        "fuse.lxcfs",
        "nsfs",
        "iso9660",
        "rootfs",
    ]
)


def caches(figures: Figures) -> tuple[Cache, ...]:
    """Return every Redis or Valkey that has series; hit rate and evictions are over the window."""
    used = total(figures.last("redis_memory_used_bytes"), BY)
    limit = total(figures.last("redis_memory_max_bytes"), BY)
    keys = total(figures.last("redis_db_keys"), BY)
    clients = total(figures.last("redis_connected_clients"), BY)
    hits = total(figures.increase("redis_keyspace_hits_total"), BY)
    misses = total(figures.increase("redis_keyspace_misses_total"), BY)
    evicted = total(figures.increase("redis_evicted_keys_total"), BY)
    return tuple(
        Cache(
            name=key[1],
            environment=key[0],
            memory=number(used.get(key), "bytes", source="redis_memory_used_bytes"),
            memory_limit=_limit(limit.get(key)),
            # An empty server lists no database at all, so that no series then means no keys.
            keys=number(keys.get(key, 0.0), "count", source="redis_db_keys"),
            hits=number(_share(hits.get(key), misses.get(key)), "ratio", source="redis_keyspace_hits_total"),
            evicted=number(evicted.get(key), "count", source="redis_evicted_keys_total"),
            clients=number(clients.get(key), "count", source="redis_connected_clients"),
        )
        for key in sorted(used)
    )


def _limit(value: float | None) -> Number:
    if value == 0:
        return Number(None, "bytes", "unlimited", None, "redis_memory_max_bytes")
    return number(value, "bytes", source="redis_memory_max_bytes")


def _share(part: float | None, rest: float | None) -> float | None:
    return None if part is None or rest is None else ratio(part, part + rest)


def hosts(figures: Figures) -> tuple[Host, ...]:
    """Return every machine that has series; its disk is the fullest real one, its network all but loopback."""
    memory = total(figures.last("node_memory_MemTotal_bytes"), BY)
    free = total(figures.last("node_memory_MemAvailable_bytes"), BY)
    load = total(figures.last("node_load1"), BY)
    cpu, cores = _cpu(figures)
    disks = _disks(figures)
    received = _network(figures, "node_network_receive_bytes_total")
    sent = _network(figures, "node_network_transmit_bytes_total")
    found = []
    for key in sorted({*memory, *cpu, *load}):
        whole, available = memory.get(key), free.get(key)
        used = None if whole is None or available is None else ratio(whole - available, whole)
        mount, fullness = disks.get(key, ("", None))
        found.append(
            Host(
                name=key[1],
                environment=key[0],
                cpu=number(cpu.get(key), "ratio", source="node_cpu_seconds_total"),
                memory=number(used, "ratio", source="node_memory_MemAvailable_bytes"),
                memory_total=number(whole, "bytes", source="node_memory_MemTotal_bytes"),
                disk=number(fullness, "ratio", source="node_filesystem_avail_bytes"),
                disk_mount=mount,
                network_in=number(received.get(key), "bytes/s", source="node_network_receive_bytes_total"),
                network_out=number(sent.get(key), "bytes/s", source="node_network_transmit_bytes_total"),
                load=number(load.get(key), "load", source="node_load1"),
                cores=number(cores.get(key), "count", source="node_cpu_seconds_total"),
            )
        )
    return tuple(found)


def _cpu(figures: Figures) -> tuple[dict[Group, float], dict[Group, float]]:
    """Return busy share and number of processors per machine; waiting for a disk is not busy."""
    rates = figures.rate("node_cpu_seconds_total")
    everything = total(rates, BY)
    idle, waiting = total(rates, BY, mode="idle"), total(rates, BY, mode="iowait")
    busy: dict[Group, float] = {}
    for key, whole in everything.items():
        share = ratio(whole - idle.get(key, 0.0) - waiting.get(key, 0.0), whole)
        if share is not None:
            busy[key] = min(1.0, max(0.0, share))
    processors = {(*(row.labels.get(name, "") for name in BY), row.labels.get("cpu", "")) for row in rates}
    cores: dict[Group, float] = {}
    for environment, instance, _ in processors:
        cores[environment, instance] = cores.get((environment, instance), 0.0) + 1.0
    return busy, cores


def _disks(figures: Figures) -> dict[Group, tuple[str, float]]:
    """Return mount point and used share of each machine's fullest real file system."""
    by = (*BY, "mountpoint", "device", "fstype")
    sizes = total(figures.last("node_filesystem_size_bytes"), by)
    available = total(figures.last("node_filesystem_avail_bytes"), by)
    found: dict[Group, tuple[str, float]] = {}
    for key, size in sizes.items():
        environment, instance, mount, _, fstype = key
        if fstype in PSEUDO_FILESYSTEMS and mount != "/":
            continue
        share = None if key not in available else ratio(size - available[key], size)
        if share is not None and share > found.get((environment, instance), ("", -1.0))[1]:
            found[environment, instance] = (mount, share)
    return found


def _network(figures: Figures, name: str) -> dict[Group, float]:
    return total([row for row in figures.rate(name) if row.labels.get("device") != "lo"], BY)
