"""Checks over the stored samples and over the machine; doctor alone makes them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inferdeck.model import numbers
from inferdeck.model.answers import Finding
from inferdeck.query.evidence import Case
from inferdeck.query.rows import Row

METRICS = (
    "node_time_seconds",
    "redis_memory_used_bytes",
    "redis_memory_max_bytes",
    "redis_mem_fragmentation_ratio",
    "redis_instance_info",
    "inferdeck_quality",
)
FRAGMENTATION_FROM_BYTES = 100_000_000
"""Below this a small instance's fixed overhead looks like fragmentation (9.5 on an idle one of 1.3 MB)."""
FRAGMENTATION_RATIO = 1.5
SKEW_SECONDS = 5.0
DISK_LOW_RATIO = 0.05
NETWORK_FILESYSTEMS = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb2",
        "smb3",
        "9p",
        "ceph",
        "glusterfs",
        "fuse.sshfs",
        "lustre",
        "afs",
    ]
)
_OWN_NAMES = re.compile(r"llm_.*|inferdeck_.*|up|scrape_.*")
_SHOWN = 8


def unclaimed_families(case: Case) -> Iterator[Finding]:
    """A target exposes metrics that its catalog does not know."""
    for state in case.around.states:
        names = case.facts.names.get(state.key.id, ())
        unknown = [n for n in names if not _OWN_NAMES.fullmatch(n) and not case.facts.claimed(state.source_kind, n)]
        if unknown:
            more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
            yield Finding(
                id="families-unclaimed",
                severity="info",
                subject=state.key.id,
                message=f"{len(unknown)} metrics of {state.called} are not in its catalog",
                evidence=", ".join(sorted(unknown)[:_SHOWN]) + more,
                fix="they are stored and can be queried under their own names; please report them with the version",
            )


def version_unknown(case: Case) -> Iterator[Finding]:
    """A target's version lies outside of what its catalog was written for."""
    for state in case.around.states:
        span, version = case.facts.versions.get(state.source_kind), _numbers(state.version)
        if span is None or not version:
            continue
        oldest, newest = span
        if _numbers(oldest) <= version <= (*_numbers(newest), 10**9):
            continue
        yield Finding(
            id="version-unknown",
            severity="info",
            subject=state.key.id,
            message=f"{state.source_kind} {state.version} is outside of the versions that inferdeck knows",
            evidence=f"its catalog covers {oldest} to {newest}",
            fix="compare a few figures with the program's own; metrics may have been renamed",
        )


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\D*(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def estimated_workers(case: Case) -> Iterator[Finding]:
    """Several workers of a gateway answer in turn, so that its counters had to be put together."""
    rows = case.figures.last("inferdeck_quality")
    for instance in sorted({_at(row) for row in rows if row.labels.get("reason") == "workers_in_turn"}):
        yield Finding(
            id="workers-in-turn",
            severity="warning",
            subject=instance,
            message="several workers answer in turn; its counters are put together from their last answers",
            evidence="counters go back and forth between scrapes",
            fix="set PROMETHEUS_MULTIPROC_DIR for the proxy, so that every worker answers for all",
        )


def clock_skew(case: Case) -> Iterator[Finding]:
    """A machine's clock differs from ours."""
    for row in case.figures.last("node_time_seconds"):
        state = next((s for s in case.around.states if s.key.instance == row.labels.get("instance")), None)
        if state is None or not state.last_success_ms:
            continue
        skew = row.value - state.last_success_ms / 1000
        if abs(skew) > max(SKEW_SECONDS, 2 * state.last_duration_seconds):
            yield Finding(
                id="clock-skew",
                severity="warning",
                subject=state.key.id,
                message=f"its clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} ours",
                evidence=f"node_time_seconds against the time of the scrape: {skew:+.1f} s",
                fix="run chrony or systemd-timesyncd on both machines",
            )


def clock_jumped(case: Case) -> Iterator[Finding]:
    """Our own clock was moved within the last hour."""
    for ago, seconds in case.facts.clock_jumps:
        yield Finding(
            id="clock-jumped",
            severity="warning",
            subject="this machine",
            message=f"the clock was moved by {seconds:+.1f} s, {ago / 60:.0f} min ago",
            evidence="wall clock against the monotonic clock",
            fix="run chrony or systemd-timesyncd; samples keep the time that the clock showed",
        )


def redis_without_eviction(case: Case) -> Iterator[Finding]:
    """A Redis has a memory limit and nothing that makes room: at the limit it refuses writes."""
    limits = {_at(row): row.value for row in case.figures.last("redis_memory_max_bytes")}
    used = {_at(row): row.value for row in case.figures.last("redis_memory_used_bytes")}
    for row in case.figures.last("redis_instance_info"):
        limit = limits.get(_at(row), 0.0)
        if limit > 0 and row.labels.get("maxmemory_policy") == "noeviction":
            full = used.get(_at(row), 0.0) / limit
            yield Finding(
                id="redis-no-eviction",
                severity="error" if full > 0.9 else "warning",
                subject=_at(row),
                message="has maxmemory but no eviction policy: when full it refuses writes, and caching stops",
                evidence=f"maxmemory_policy noeviction, {numbers.percent(full)} of the limit used",
                fix="redis-cli CONFIG SET maxmemory-policy allkeys-lru",
            )


def redis_fragmented(case: Case) -> Iterator[Finding]:
    """A Redis holds far more memory than its data needs; small instances always do, and are left out."""
    used = {_at(row): row.value for row in case.figures.last("redis_memory_used_bytes")}
    for row in case.figures.last("redis_mem_fragmentation_ratio"):
        size = used.get(_at(row), 0.0)
        if row.value > FRAGMENTATION_RATIO and size >= FRAGMENTATION_FROM_BYTES:
            yield Finding(
                id="redis-fragmented",
                severity="warning",
                subject=_at(row),
                message=f"holds {row.value:.1f} times the memory that its data needs",
                evidence=f"mem_fragmentation_ratio {row.value:.2f} at {size / 1e6:.0f} MB",
                fix="redis-cli CONFIG SET activedefrag yes",
            )


def disk_low(case: Case) -> Iterator[Finding]:
    """The disk of the history is nearly full."""
    free, whole = case.facts.disk_free_bytes, case.facts.disk_total_bytes
    if free is not None and whole and free < whole * DISK_LOW_RATIO:
        yield Finding(
            id="disk-low",
            severity="warning",
            subject=case.facts.data_dir,
            message=f"only {free / 1e9:.1f} GB ({numbers.percent(free / whole)}) are free where the history is kept",
            evidence=f"{whole / 1e9:.0f} GB in all",
            fix="free space, or set store: {retention_size: 5GB}",
        )


def network_filesystem(case: Case) -> Iterator[Finding]:
    """The history lies on a network file system, where locks do not hold."""
    if case.facts.filesystem in NETWORK_FILESYSTEMS:
        yield Finding(
            id="data-dir-on-network",
            severity="error",
            subject=case.facts.data_dir,
            message=f"is on a network file system ({case.facts.filesystem}), where locks do not hold",
            evidence="file system type",
            fix="data_dir: /var/lib/inferdeck   (a local disk)",
        )


def config_readable(case: Case) -> Iterator[Finding]:
    """The configuration holds secrets as text and others may read it."""
    if case.facts.config_has_secrets and case.facts.config_readable_by_others:
        yield Finding(
            id="config-readable",
            severity="warning",
            subject=case.facts.config_file,
            message="holds a secret as text and can be read by every user of this machine",
            evidence="file mode",
            fix=f"chmod 600 {case.facts.config_file}   (or write the secret as {{env: NAME}})",
        )


def config_warned(case: Case) -> Iterator[Finding]:
    """What was noticed while the configuration was read."""
    for text in case.facts.config_warnings:
        yield Finding("config-warning", "warning", case.facts.config_file or "environment", text, "at start", "")


def off_loopback(case: Case) -> Iterator[Finding]:
    """Other machines can reach the daemon, in plain text."""
    if not case.facts.loopback:
        yield Finding(
            id="listens-off-loopback",
            severity="info",
            subject=case.facts.listen,
            message="other machines can reach inferdeck; tokens travel as plain text over HTTP",
            evidence=f"listens on {case.facts.listen}",
            fix="listen: {host: 127.0.0.1} behind a TLS proxy, with allowed_hosts: [its.name]",
        )


def _at(row: Row) -> str:
    parts = (row.labels.get("environment", ""), row.labels.get("job", ""), row.labels.get("instance", ""))
    return "/".join(parts)


CHECKS = (
    network_filesystem,
    disk_low,
    redis_without_eviction,
    redis_fragmented,
    config_readable,
    config_warned,
    clock_jumped,
    clock_skew,
    estimated_workers,
    unclaimed_families,
    version_unknown,
    off_loopback,
)
