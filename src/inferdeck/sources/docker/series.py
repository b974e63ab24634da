"""The series of one container that need no statistics: cAdvisor's names, and docker_state_exporter's for its state.

https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md, https://github.com/karugaru/docker_state_exporter
"""

from __future__ import annotations

from collections.abc import Iterator

from inferdeck.sources.columns import Pairs, Sample
from inferdeck.sources.docker.container import HEALTHS, STATES, Container


def identity(one: Container) -> Pairs:
    """Return cAdvisor's labels."""
    return (("id", f"/docker/{one.id}"), ("image", one.image), ("name", one.name))


def facts(one: Container) -> Pairs:
    """Return the labels of `container_info`."""
    known = one.facts()
    names = ("image_tag", "engine", "engine_version", "version", "cuda_version", "model", "gpus", "gpu_count")
    return tuple((key, known[key]) for key in (*names, "project", "service", "network_mode") if key in known)


def state(one: Container, own: Pairs) -> Iterator[Sample]:
    """Yield what docker_state_exporter says of a container."""
    for name in STATES:
        yield "container_state_status", (*own, ("status", name)), float(one.state == name)
    if one.health:
        for health in HEALTHS:
            yield "container_state_health_status", (*own, ("status", health)), float(one.health == health)
    yield "container_state_oomkilled", own, float(one.oom_killed)
    yield "container_restartcount", own, float(one.restarts)
    if one.started is not None:
        yield "container_state_startedat", own, one.started
        if one.running:
            yield "container_start_time_seconds", own, one.started
    if one.finished is not None:
        yield "container_state_finishedat", own, one.finished


def spec(one: Container, own: Pairs) -> Iterator[Sample]:
    """Yield what a container may use, as cAdvisor says it: a memory limit of 0 is none."""
    if one.memory_limit is not None:
        yield "container_spec_memory_limit_bytes", own, one.memory_limit
    if one.cpu_shares:
        yield "container_spec_cpu_shares", own, one.cpu_shares
    if one.cpu_quota and one.cpu_quota > 0:
        yield "container_spec_cpu_quota", own, one.cpu_quota
        yield "container_spec_cpu_period", own, one.cpu_period or 100_000.0
