"""Watched services, each with the process, the container or the unit behind it; and containers by themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial

from inferdeck.model.answers import Number, number
from inferdeck.model.stack import Link, LinkState, StackContainer, StackService
from inferdeck.model.target import Health, TargetState
from inferdeck.query import status
from inferdeck.query.stack.inventory import Container, Unit, real
from inferdeck.query.stack.joins import WATCHERS, Joined, Joins
from inferdeck.query.stack.trails import engine_kind
from inferdeck.query.stack.usage import Usage, first

_WORDS = ("error", "degraded", "loading", "available")
_REDIS = "redis"


def services(joins: Joins, states: Iterable[TargetState], usage: Usage, now: float) -> list[StackService]:
    """Return a row per target, in the order of `status`."""
    current = {state.key.id: state for state in states}
    ordered = status.in_order(current.values())
    return [_service(joins, state, usage, now) for state in ordered if state.key.id in joins.targets]


def _service(joins: Joins, state: TargetState, usage: Usage, now: float) -> StackService:
    one = joins.targets[state.key.id]
    trail = one.trail
    inside = trail.inside
    unit = joins.trails.unit(trail.host, trail.unit) if trail.unit else None
    started = _started(state, inside, unit, usage)
    uptime = number(now - started.value, "seconds", source=started.source) if started.value else _missing("seconds")
    return StackService(
        service=status.service(state, now),
        host=trail.host,
        container=trail.container,
        process=trail.process,
        unit=trail.unit,
        status=_status(joins, state, inside, unit),
        pid=trail.pid or None,
        cpu=_cpu(state, inside, unit, usage),
        memory=_memory(state, inside, unit, usage),
        connections=_connections(state, unit, usage),
        uptime=uptime,
        started=started,
        restarts=_restarts(inside, unit),
        config_hash=unit.facts.get("config_hash", "") if unit else "",
        config_changed=_told(unit, "config_changed", "unix"),
        models=joins.models(state),
    )


def _status(joins: Joins, state: TargetState, inside: Container | None, unit: Unit | None) -> str:
    """Return the service's own word, else its container's or its unit's, else whether it answers."""
    if state.health is Health.UP:
        if engine_kind(state):
            words = {fact.facts.get("status", "") for fact in joins.inventory.served.get(state.key.id, ())}
            if word := next((word for word in _WORDS if word in words), ""):
                return word
        own = joins.inventory.own.get(state.key.id)
        if own is not None and own.facts.get("status"):
            return own.facts["status"]
        return "up"
    if inside is not None and (word := inside.facts.get("state", "")) and word != "running":
        return word
    if unit is not None and (word := unit.facts.get("state", "")) and word != "active":
        return word
    return state.health.value


def _cpu(state: TargetState, inside: Container | None, unit: Unit | None, usage: Usage) -> Number:
    asked = [partial(usage.process_cpu, _key(state)) if _has_process(state) else partial(_missing, "cores")]
    if unit is not None:
        asked.insert(0, partial(usage.unit, "cpu", _unit_key(unit)))
    if inside is not None:
        asked.insert(0, partial(usage.container_cpu, _container_key(inside)))
    return first(*asked)


def _memory(state: TargetState, inside: Container | None, unit: Unit | None, usage: Usage) -> Number:
    asked = [partial(usage.process_memory, _key(state)) if _has_process(state) else partial(_missing, "bytes")]
    if unit is not None:
        asked.insert(0, partial(usage.unit, "memory", _unit_key(unit)))
    if inside is not None:
        asked.insert(0, partial(usage.container_memory, _container_key(inside)))
    return first(*asked)


def _connections(state: TargetState, unit: Unit | None, usage: Usage) -> Number:
    if state.source_kind == _REDIS:
        return usage.clients(_key(state))
    if unit is None:
        return _missing("count")
    return first(partial(usage.unit, "connections", _unit_key(unit)), partial(_told, unit, "connections", "count"))


def _started(state: TargetState, inside: Container | None, unit: Unit | None, usage: Usage) -> Number:
    held = inside if inside is not None and inside.running else None
    return first(
        partial(_told, held, "started", "unix"),
        partial(_told, unit, "started", "unix"),
        partial(usage.process_start, _key(state)) if _has_process(state) else partial(_missing, "unix"),
    )


def _restarts(inside: Container | None, unit: Unit | None) -> Number:
    return first(partial(_told, inside, "restarts", "count"), partial(_told, unit, "restarts", "count"))


def _told(one: Container | Unit | None, key: str, unit: str) -> Number:
    """Return the number in a fact of a container or a unit."""
    if one is None:
        return _missing(unit)
    where = f"docker: {one.name}" if isinstance(one, Container) else f"systemd: {one.name}"
    return number(real(one.facts.get(key, "")), unit, source=where)


def _has_process(state: TargetState) -> bool:
    """Whether a target's own process is what is watched; that of a machine's watcher is not."""
    return state.source_kind not in WATCHERS


def _missing(unit: str) -> Number:
    return number(None, unit)


def _key(state: TargetState) -> tuple[str, ...]:
    return state.key.environment, state.key.job, state.key.instance


def _container_key(one: Container) -> tuple[str, ...]:
    return (*_key(one.docker), one.name)


def _unit_key(unit: Unit) -> tuple[str, ...]:
    return (*_key(unit.target), unit.name, unit.facts.get("manager", ""))


def containers(joins: Joins, usage: Usage, now: float) -> list[StackContainer]:
    """Return every container, by machine and name."""
    leading: dict[tuple[str, str], list[str]] = defaultdict(list)
    for chain in joins.chains():
        if chain.deployment and chain.container.state == LinkState.KNOWN.value:
            leading[chain.container.host, chain.container.id].append(f"{chain.gateway}/{chain.deployment}")
    found = [_container(joins, one, usage, now, leading) for one in joins.inventory.containers]
    return sorted(found, key=lambda one: (one.environment, one.host, one.name, one.id))


def _container(
    joins: Joins, one: Container, usage: Usage, now: float, leading: Mapping[tuple[str, str], list[str]]
) -> StackContainer:
    facts, host, key = one.facts, joins.hosts.of_container(one), _container_key(one)
    started = _told(one, "started", "unix")
    up = one.running and started.value is not None
    oom = facts.get("oom_killed", "")
    return StackContainer(
        name=one.name,
        id=one.id,
        host=host,
        environment=one.docker.key.environment,
        docker=one.docker.key.id,
        image=facts.get("image", ""),
        image_tag=facts.get("image_tag", ""),
        state=facts.get("state", ""),
        health=facts.get("health", ""),
        restarts=_told(one, "restarts", "count"),
        exit_code=facts.get("exit_code", ""),
        oom_killed=oom == "true" if oom else None,
        started=started,
        uptime=number(now - (started.value or 0.0) if up else None, "seconds", source=started.source),
        pid=one.pid or None,
        ports=_parts(facts.get("ports", "")),
        networks=tuple(sorted(one.networks)),
        addresses=tuple(sorted(one.addresses)),
        project=facts.get("project", ""),
        engine=facts.get("engine", ""),
        engine_version=facts.get("engine_version", ""),
        cuda_version=facts.get("cuda_version", ""),
        model=facts.get("model", ""),
        cpu=usage.container_cpu(key),
        memory=usage.container_memory(key),
        memory_limit=_limit(one),
        service=service_in(joins, one),
        gpus=joins.gpus_of(one),
        deployments=tuple(sorted(leading.get((host, one.id), ()))),
    )


def service_in(joins: Joins, one: Container) -> Link:
    """Return the watched service in a container, an engine before others."""
    inside = joins.in_container(one.key)
    if not inside:
        return Link(LinkState.UNKNOWN.value, evidence=("nothing that is watched was found in it",))
    first_one: Joined = inside[0]
    state = first_one.state
    evidence = first_one.trail.container.evidence
    return Link(LinkState.KNOWN.value, state.name, state.key.id, first_one.trail.host, evidence)


def _limit(one: Container) -> Number:
    found = _told(one, "memory_limit_bytes", "bytes")
    if found.value is None and one.facts.get("state"):
        return Number(None, "bytes", "unlimited", None, found.source)
    return found


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
