"""Watched services, each with the process, the container or the unit behind it; and containers by themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial

from inferdeck.model.answers import Number, number
from inferdeck.model.config_files import ConfigFile
from inferdeck.model.stack import Link, LinkState, StackContainer, StackService
from inferdeck.model.target import Health, TargetState
from inferdeck.query import status
from inferdeck.query.stack.inventory import Container, Unit, real
from inferdeck.query.stack.joins import WATCHERS, Joined, Joins
from inferdeck.query.stack.sightings import Sightings, uptime
from inferdeck.query.stack.trails import engine_kind
from inferdeck.query.stack.usage import Usage, first

_WORDS = ("error", "degraded", "loading", "available")
_REDIS = "redis"


def services(
    joins: Joins,
    states: Iterable[TargetState],
    usage: Usage,
    seen: Sightings,
    files: Mapping[str, ConfigFile],
) -> list[StackService]:
    """Return a row per target, in the order of `status`; files: from which targets run, by their ids."""
    current = {state.key.id: state for state in states}
    ordered = status.in_order(current.values())
    return [
        _service(joins, state, usage, seen, files.get(state.key.id))
        for state in ordered
        if state.key.id in joins.targets
    ]


def _service(joins: Joins, state: TargetState, usage: Usage, seen: Sightings, file: ConfigFile | None) -> StackService:
    one = joins.targets[state.key.id]
    trail = one.trail
    inside = trail.inside
    unit = joins.trails.unit(trail.host, trail.unit) if trail.unit else None
    started = _started(state, inside, unit, usage, seen)
    config_hash, config_changed = _configuration(file, unit, started, seen)
    return StackService(
        service=status.service(state, seen.now),
        host=trail.host,
        container=trail.container,
        process=trail.process,
        unit=trail.unit,
        status=_status(joins, state, inside, unit, seen),
        pid=trail.pid or None,
        cpu=_cpu(state, inside, unit, usage),
        memory=_memory(state, inside, unit, usage),
        connections=_connections(state, unit, usage, seen),
        uptime=uptime(started, seen.now),
        started=started,
        restarts=_restarts(inside, unit, seen),
        config_hash=config_hash,
        config_changed=config_changed,
        models=joins.models(state),
        age=_age(inside, unit, seen),
    )


def _configuration(file: ConfigFile | None, unit: Unit | None, started: Number, seen: Sightings) -> tuple[str, Number]:
    """Return the hash of what a service runs from, its file or else its unit, and when that changed after the start."""
    if file is None or not file.hash:
        return unit.facts.get("config_hash", "") if unit else "", _told(unit, "config_changed", "unix", seen)
    later = file.modified is not None and started.value is not None and file.modified > started.value
    return file.hash, number(file.modified if later else None, "unix", source=file.path)


def _age(inside: Container | None, unit: Unit | None, seen: Sightings) -> Number:
    """Return since when nothing was told of what is behind a service."""
    teller = inside.docker if inside is not None else unit.target if unit is not None else None
    return seen.of(teller).age if teller is not None else _missing("seconds")


def _status(joins: Joins, state: TargetState, inside: Container | None, unit: Unit | None, seen: Sightings) -> str:
    """Return the service's own word, else what its container or its unit is now, else whether it answers."""
    if state.health is Health.UP:
        if engine_kind(state):
            words = {fact.facts.get("status", "") for fact in joins.inventory.served.get(state.key.id, ())}
            if word := next((word for word in _WORDS if word in words), ""):
                return word
        own = joins.inventory.own.get(state.key.id)
        if own is not None and own.facts.get("status"):
            return own.facts["status"]
        return "up"
    if inside is not None and (word := _word(inside, seen)) and word != "running":
        return word
    if unit is not None and (word := _word(unit, seen)) and word != "active":
        return word
    return state.health.value


def _word(one: Container | Unit, seen: Sightings) -> str:
    """Return the state of a container or a unit, "" where it was told too long ago to be of now."""
    teller = one.docker if isinstance(one, Container) else one.target
    return "" if seen.of(teller).stale else one.facts.get("state", "")


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


def _connections(state: TargetState, unit: Unit | None, usage: Usage, seen: Sightings) -> Number:
    if state.source_kind == _REDIS:
        return usage.clients(_key(state))
    if unit is None:
        return _missing("count")
    counted = partial(usage.unit, "connections", _unit_key(unit))
    return first(counted, partial(_told, unit, "connections", "count", seen))


def _started(state: TargetState, inside: Container | None, unit: Unit | None, usage: Usage, seen: Sightings) -> Number:
    held = inside if inside is not None and inside.running else None
    return first(
        partial(_told, held, "started", "unix", seen),
        partial(_told, unit, "started", "unix", seen),
        partial(usage.process_start, _key(state)) if _has_process(state) else partial(_missing, "unix"),
    )


def _restarts(inside: Container | None, unit: Unit | None, seen: Sightings) -> Number:
    return first(partial(_told, inside, "restarts", "count", seen), partial(_told, unit, "restarts", "count", seen))


def _told(one: Container | Unit | None, key: str, unit: str, seen: Sightings) -> Number:
    """Return the number in a fact of a container or a unit, as old as what its target told last."""
    if one is None:
        return _missing(unit)
    teller, what = (one.docker, "docker") if isinstance(one, Container) else (one.target, "systemd")
    sighting, where = seen.of(teller), f"{what}: {one.name}"
    return sighting.number(real(one.facts.get(key, "")), unit, where)


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


def containers(joins: Joins, usage: Usage, seen: Sightings) -> list[StackContainer]:
    """Return every container, by machine and name."""
    leading: dict[tuple[str, str], list[str]] = defaultdict(list)
    for chain in joins.chains():
        if chain.deployment and chain.container.state == LinkState.KNOWN.value:
            leading[chain.container.host, chain.container.id].append(f"{chain.gateway}/{chain.deployment}")
    found = [_container(joins, one, usage, seen, leading) for one in joins.inventory.containers]
    return sorted(found, key=lambda one: (one.environment, one.host, one.name, one.id))


def _container(
    joins: Joins, one: Container, usage: Usage, seen: Sightings, leading: Mapping[tuple[str, str], list[str]]
) -> StackContainer:
    facts, host, key = one.facts, joins.hosts.of_container(one), _container_key(one)
    started = _told(one, "started", "unix", seen)
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
        restarts=_told(one, "restarts", "count", seen),
        exit_code=facts.get("exit_code", ""),
        oom_killed=oom == "true" if oom else None,
        started=started,
        uptime=uptime(started, seen.now) if one.running else number(None, "seconds", source=started.source),
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
        memory_limit=_limit(one, seen),
        service=service_in(joins, one),
        gpus=joins.gpus_of(one),
        deployments=tuple(sorted(leading.get((host, one.id), ()))),
        age=seen.of(one.docker).age,
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


def _limit(one: Container, seen: Sightings) -> Number:
    found = _told(one, "memory_limit_bytes", "bytes", seen)
    if found.value is None and one.facts.get("state"):
        return Number(None, "bytes", "unlimited", None, found.source)
    return found


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
