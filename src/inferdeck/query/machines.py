"""Hosts (node_exporter's names) and caches (redis_exporter's names), one row per instance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from inferdeck.model.answers import Cache, Host, Number
from inferdeck.model.target import TargetState
from inferdeck.query.figures import Figures, ratio, total
from inferdeck.query.rows import Group

BY = ("environment", "instance")
HOST_METRICS = (
    "node_cpu_seconds_total",
    "node_memory_MemTotal_bytes",
    "node_memory_MemAvailable_bytes",
    "node_filesystem_size_bytes",
    "node_filesystem_avail_bytes",
    "node_filesystem_free_bytes",
    "node_network_receive_bytes_total",
    "node_network_transmit_bytes_total",
    "node_load1",
)
CACHE_METRICS = (
    "redis_memory_used_bytes",
    "redis_memory_max_bytes",
    "redis_db_keys",
    "redis_db_keys_expiring",
    "redis_db_avg_ttl_seconds",
    "redis_keyspace_hits_total",
    "redis_keyspace_misses_total",
    "redis_evicted_keys_total",
    "redis_connected_clients",
    "redis_mem_fragmentation_ratio",
)
HOST_KINDS = ("host", "prometheus")
"""A node_exporter is read as any exposition."""
CACHE_KINDS = ("redis",)
_USED = "redis_memory_used_bytes"
_TTL, _ENDS = "redis_db_avg_ttl_seconds", "redis_db_keys_expiring"
# Devices whose traffic passes another device too, or never leaves the machine: bridges, containers, tunnels, VLANs,
# and what bundles several cards (the cards themselves count).
VIRTUAL_DEVICES = re.compile(
    r"lo|(veth|docker|br-|virbr|vnet|vmnet|cni|flannel|cali|cilium|lxc|lxd|kube-|nodelocaldns|podman|tun|tap|wg|zt"
    r"|tailscale|dummy|ifb|sit|gre|ip6|ipip|vxlan|macvtap|macvlan|bonding_masters).*"
    r"|(br|bond|team|vlan)[0-9]+|.+\.[0-9]+"
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


def names(states: Iterable[TargetState]) -> dict[Group, str]:
    """Return what targets are called in the configuration, where that says more than where they are."""
    return {
        (state.key.environment, state.key.instance): state.name
        for state in states
        if state.name not in ("", state.key.instance) and state.source_kind in (*HOST_KINDS, *CACHE_KINDS)
    }


def caches(figures: Figures, called: Mapping[Group, str]) -> tuple[Cache, ...]:
    """Return every Redis or Valkey that has series; hit rate and evictions are over the window."""
    used = total(figures.last("redis_memory_used_bytes"), BY)
    limit = total(figures.last("redis_memory_max_bytes"), BY)
    keys = total(figures.last("redis_db_keys"), BY)
    clients = total(figures.last("redis_connected_clients"), BY)
    hits = total(figures.increase("redis_keyspace_hits_total"), BY)
    misses = total(figures.increase("redis_keyspace_misses_total"), BY)
    evicted = total(figures.increase("redis_evicted_keys_total"), BY)
    expiring = total(figures.last("redis_db_keys_expiring"), BY)
    lives = _lives(figures)
    return tuple(
        Cache(
            name=called.get(key, key[1]),
            environment=key[0],
            memory=figures.number(used.get(key), "bytes", "redis_memory_used_bytes", BY, key),
            memory_limit=_limit(figures, limit.get(key), key),
            # An empty server lists no database at all, so that no series then means no keys.
            keys=figures.number(keys.get(key, 0.0), "count", "redis_db_keys" if key in keys else _USED, BY, key),
            hits=figures.number(_share(hits.get(key), misses.get(key)), "ratio", "redis_keyspace_hits_total", BY, key),
            evicted=figures.number(evicted.get(key), "count", "redis_evicted_keys_total", BY, key),
            clients=figures.number(clients.get(key), "count", "redis_connected_clients", BY, key),
            ttl=figures.number(ratio(lives.get(key, 0.0), expiring.get(key)), "seconds", _TTL, BY, key),
            expiring=figures.number(_part(expiring.get(key), keys.get(key)), "ratio", _ENDS, BY, key),
        )
        for key in sorted(used)
    )


def _lives(figures: Figures) -> dict[Group, float]:
    """Return, of all keys with an end together, how long they live on: each database tells a mean of its own."""
    by = (*BY, "db")
    means, counts = total(figures.last(_TTL), by), total(figures.last(_ENDS), by)
    found: dict[Group, float] = {}
    for key, mean in means.items():
        found[key[:2]] = found.get(key[:2], 0.0) + mean * counts.get(key, 0.0)
    return found


def _part(part: float | None, whole: float | None) -> float | None:
    return None if part is None else ratio(part, whole)


def _limit(figures: Figures, value: float | None, key: Group) -> Number:
    if value == 0:
        return Number(None, "bytes", "unlimited", None, "redis_memory_max_bytes")
    return figures.number(value, "bytes", "redis_memory_max_bytes", BY, key)


def _share(part: float | None, rest: float | None) -> float | None:
    return None if part is None or rest is None else ratio(part, part + rest)


def hosts(figures: Figures, called: Mapping[Group, str]) -> tuple[Host, ...]:
    """Return every machine that has series; its disk is the fullest real one, its network that of its cards."""
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
                name=called.get(key, key[1]),
                environment=key[0],
                cpu=figures.number(cpu.get(key), "ratio", "node_cpu_seconds_total", BY, key),
                memory=figures.number(used, "ratio", "node_memory_MemAvailable_bytes", BY, key),
                memory_total=figures.number(whole, "bytes", "node_memory_MemTotal_bytes", BY, key),
                disk=figures.number(fullness, "ratio", "node_filesystem_avail_bytes", BY, key),
                disk_mount=mount,
                network_in=figures.number(received.get(key), "bytes/s", "node_network_receive_bytes_total", BY, key),
                network_out=figures.number(sent.get(key), "bytes/s", "node_network_transmit_bytes_total", BY, key),
                load=figures.number(load.get(key), "load", "node_load1", BY, key),
                cores=figures.number(cores.get(key), "count", "node_cpu_seconds_total", BY, key),
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
    processors = total(figures.last("node_cpu_seconds_total"), (*BY, "cpu"))
    cores: dict[Group, float] = {}
    for environment, instance, _ in processors:
        cores[environment, instance] = cores.get((environment, instance), 0.0) + 1.0
    return busy, cores


def _disks(figures: Figures) -> dict[Group, tuple[str, float]]:
    """Return mount point and used share of each machine's fullest real file system, as df counts it.

    What is reserved for root is neither used nor available; a source that does not tell it counts it as used.
    """
    by = (*BY, "mountpoint", "device", "fstype")
    sizes = total(figures.last("node_filesystem_size_bytes"), by)
    available = total(figures.last("node_filesystem_avail_bytes"), by)
    free = total(figures.last("node_filesystem_free_bytes"), by)
    found: dict[Group, tuple[str, float]] = {}
    for key, size in sizes.items():
        environment, instance, mount, _, fstype = key
        if fstype in PSEUDO_FILESYSTEMS and mount != "/":
            continue
        if key not in available:
            continue
        used = size - free.get(key, available[key])
        share = ratio(used, used + available[key])
        if share is not None and share > found.get((environment, instance), ("", -1.0))[1]:
            found[environment, instance] = (mount, share)
    return found


def _network(figures: Figures, name: str) -> dict[Group, float]:
    """Return the traffic of each machine's cards; where it shows none (a container), that of its busiest device."""
    rows = [row for row in figures.rate(name) if row.labels.get("device") != "lo"]
    cards = total([row for row in rows if not VIRTUAL_DEVICES.fullmatch(row.labels.get("device", ""))], BY)
    for row in rows:
        key = row.named.group(BY)
        if VIRTUAL_DEVICES.fullmatch(row.labels.get("device", "")) and key not in cards:
            others = [other.value for other in rows if other.named.group(BY) == key]
            cards[key] = max(others)
    return cards
