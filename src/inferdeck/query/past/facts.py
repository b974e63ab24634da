"""What targets told of themselves by an earlier moment, as far as their series say it.

Containers, units, the programs on cards and the state of models have series. What has none is as it is told now where
it belongs to the same start of the same thing, and left out where it cannot.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from inferdeck.model.target import Fact, Health, TargetState
from inferdeck.query.figures import TARGET, Figures, intervals
from inferdeck.query.narrowed import Narrowed, Until
from inferdeck.query.past.targets import FRESH_MS
from inferdeck.query.rows import Group, Row
from inferdeck.query.stack.inventory import ID_DIGITS, real
from inferdeck.store.interface import Matcher, MatchOp, MetricReader

INFO, STATUS, HEALTH, KILLED, RESTARTS, STARTED, LIMIT = (
    "container_info",
    "container_state_status",
    "container_state_health_status",
    "container_state_oomkilled",
    "container_restartcount",
    "container_state_startedat",
    "container_spec_memory_limit_bytes",
)
UNIT_STATE, UNIT_STARTED, UNIT_RESTARTS, UNIT_CONNECTIONS, UNIT_CHANGED = (
    "node_systemd_unit_state",
    "node_systemd_unit_start_time_seconds",
    "node_systemd_service_restart_total",
    "inferdeck_unit_connections",
    "inferdeck_unit_config_changed_timestamp_seconds",
)
PROCESSES = "gpu_process_memory_bytes"
MODELS, LOADED, ENGINE = "llm_model_status", "ollama_model_loaded", "llm_engine_info"
NAMES = (
    *(INFO, STATUS, HEALTH, KILLED, RESTARTS, STARTED, LIMIT),
    *(UNIT_STATE, UNIT_STARTED, UNIT_RESTARTS, UNIT_CONNECTIONS, UNIT_CHANGED),
    *(PROCESSES, MODELS, LOADED, ENGINE),
)
TOLD = frozenset({"container", "unit", "gpu_process", "model"})
"""Kinds of facts that have series."""
_ABOUT = ("image_tag", "engine", "engine_version", "version", "cuda_version", "model", "gpus", "gpu_count")
_PLACE = ("project", "service", "network_mode")
_PASSING: Mapping[str, Collection[str]] = {
    "container": ("state", "health", "restarts", "exit_code", "oom_killed", "started", "finished", "pid"),
    "unit": (
        *("state", "sub", "result", "pid", "processes", "started", "restarts", "config_hash", "config_changed"),
        *("cpu_seconds", "memory_bytes", "tasks", "connections"),
    ),
    "model": ("status", "sleeping", "memory_bytes", "vram_bytes", "expires"),
    "service": ("status", "containers", "running"),
}
"""By kind of fact: what changes with time."""
_WORDS = ("error", "degraded", "loading", "available")
_SAME_SECONDS = 0.01


class _Told:
    """The series of some targets at one moment."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._by_target: dict[str, dict[Group, list[Row]]] = {}

    def rows(self, name: str, state: TargetState) -> Sequence[Row]:
        """Return the series of this name that a target had."""
        found = self._by_target.get(name)
        if found is None:
            found = self._by_target[name] = defaultdict(list)
            for row in self._figures.last(name):
                found[row.named.group(TARGET)].append(row)
        return found.get((state.key.job, state.key.instance, state.key.environment), ())

    def values(self, name: str, state: TargetState, key: Callable[[Row], Group]) -> dict[Group, float]:
        """Return them by a key."""
        return {key(row): row.value for row in self.rows(name, state)}

    def words(self, name: str, state: TargetState, key: Callable[[Row], Group], label: str) -> dict[Group, str]:
        """Return by a key the value of that label whose series is 1."""
        return {key(row): row.labels.get(label, "") for row in self.rows(name, state) if row.value == 1}


def told(reader: MetricReader, states: Iterable[TargetState], at_ms: int) -> tuple[TargetState, ...]:
    """Return the targets with what they told last by then; `states` are as they were then."""
    every = tuple(states)
    moments: dict[int, list[TargetState]] = defaultdict(list)
    for state in every:
        moments[_last_told(state, at_ms)].append(state)
    read = {state.key.id: one for moment, some in moments.items() for state, one in _read(reader, some, moment, at_ms)}
    found = [_state(state, read[state.key.id]) for state in every]
    steady = lasting(every, found)
    return tuple(
        replace(then, inventory=(*then.inventory, *_processes(state, read[state.key.id], steady)))
        for state, then in zip(every, found, strict=True)
    )


def _last_told(state: TargetState, at_ms: int) -> int:
    """Return when a target's series were alive last: they end where it cannot be read any more."""
    if state.health is Health.UP or not state.last_success_ms or not TOLD & {fact.kind for fact in state.inventory}:
        return at_ms
    return state.last_success_ms


def _read(
    reader: MetricReader, states: Sequence[TargetState], moment_ms: int, at_ms: int
) -> Iterator[tuple[TargetState, _Told]]:
    only = reader
    if moment_ms != at_ms:
        pattern = "|".join(sorted(re.escape(state.key.instance) for state in states))
        only = Narrowed(Until(reader, moment_ms), Matcher("instance", MatchOp.MATCH, pattern))
    told = _Told(Figures(only, NAMES, moment_ms, FRESH_MS, intervals(states)))
    for state in states:
        yield state, told


def _state(state: TargetState, told: _Told) -> TargetState:
    facts = [
        *(_lasting(fact) for fact in state.inventory if fact.kind not in TOLD),
        *_containers(state, told),
        *_units(state, told),
        *_models(state, told),
    ]
    versions = {row.labels.get("version", "") for row in told.rows(ENGINE, state)} - {""}
    version = versions.pop() if len(versions) == 1 else state.version
    return replace(state, inventory=tuple(facts), version=version)


def _lasting(fact: Fact) -> Fact:
    """Return a fact without what changes with time."""
    passing = _PASSING.get(fact.kind, ())
    return Fact(fact.kind, fact.name, {key: value for key, value in fact.facts.items() if key not in passing})


def _text(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _same_start(fact: Fact | None, started: float | None) -> bool:
    """Whether what runs now has run since then: its process, and what was told of it at its start, are the same."""
    return fact is not None and started is not None and _near(real(fact.facts.get("started", "")), started)


def _near(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) < _SAME_SECONDS


def _present(facts: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in facts.items() if value}


def _container(row: Row) -> Group:
    return (row.labels.get("id", "").rpartition("/")[2][:ID_DIGITS] or row.labels.get("name", ""),)


def _containers(state: TargetState, told: _Told) -> Iterator[Fact]:
    known = {
        fact.facts.get("id", "")[:ID_DIGITS] or fact.name: fact for fact in state.inventory if fact.kind == "container"
    }
    named = {fact.name: fact for fact in known.values()}
    words, healths = (told.words(name, state, _container, "status") for name in (STATUS, HEALTH))
    killed, restarts, started, limits = (
        told.values(name, state, _container) for name in (KILLED, RESTARTS, STARTED, LIMIT)
    )
    for row in told.rows(INFO, state):
        key = _container(row)
        labels = row.labels
        fact = known.get(key[0])
        word, begun = words.get(key, ""), started.get(key)
        if fact is not None:
            base = dict(_lasting(fact).facts)
        else:
            # What has its name now has its place: ports, networks and addresses are told of nothing else.
            base = dict(_lasting(named[labels.get("name", "")]).facts) if labels.get("name", "") in named else {}
            base |= {"id": key[0], "image": labels.get("image", ""), "created": ""}
            base |= {name: labels.get(name, "") for name in (*_ABOUT, *_PLACE)}
        same = _same_start(fact, begun)
        if same and fact is not None and fact.facts.get("state") == word:
            base |= {name: fact.facts.get(name, "") for name in ("pid", "exit_code", "finished")}
        base |= {
            "state": word,
            "health": healths.get(key, ""),
            "restarts": _text(restarts[key]) if key in restarts else "",
            "oom_killed": _killed(killed.get(key), word),
            "started": _text(begun) if begun is not None else "",
        }
        if limits.get(key):
            base["memory_limit_bytes"] = _text(limits[key])
        yield Fact("container", labels.get("name", "") or key[0], _present(base))


def _killed(value: float | None, word: str) -> str:
    return "true" if value else "false" if value is not None and word in ("exited", "dead") else ""


def _unit(row: Row) -> Group:
    return row.labels.get("name", ""), row.labels.get("manager", "")


def _units(state: TargetState, told: _Told) -> Iterator[Fact]:
    known = {(fact.name, fact.facts.get("manager", "")): fact for fact in state.inventory if fact.kind == "unit"}
    started, restarts, connections, changed = (
        told.values(name, state, _unit) for name in (UNIT_STARTED, UNIT_RESTARTS, UNIT_CONNECTIONS, UNIT_CHANGED)
    )
    for key, word in told.words(UNIT_STATE, state, _unit, "state").items():
        fact = known.get((key[0], key[1]))
        begun = started.get(key)
        base = dict(_lasting(fact).facts) if fact is not None else {"manager": key[1]}
        if fact is not None and _same_start(fact, begun):
            kept = ["pid", "processes"]
            # One that was changed after its start has another hash since then.
            if _near(real(fact.facts.get("config_changed", "")), changed.get(key)):
                kept.append("config_hash")
            base |= {name: fact.facts.get(name, "") for name in kept}
        base |= {"state": word, "started": _text(begun) if begun is not None else ""}
        figures = {"restarts": restarts, "connections": connections, "config_changed": changed}
        base |= {name: _text(values[key]) for name, values in figures.items() if key in values}
        yield Fact("unit", key[0], _present(base))


def _model(row: Row) -> Group:
    return (row.labels.get("model", ""),)


def _models(state: TargetState, told: _Told) -> Iterator[Fact]:
    """Yield what an engine served; one whose state has no series has the same models as now."""
    known = {fact.name: fact for fact in state.inventory if fact.kind == "model"}
    words: dict[str, str] = {}
    for row in told.rows(MODELS, state):
        name, word = row.labels.get("model", ""), row.labels.get("status", "")
        if name and not row.labels.get("deployment"):
            words.setdefault(name, "")
            if row.value == 1 and word:
                words[name] = min((one for one in (words[name], word) if one), key=_order)
    loaded = told.values(LOADED, state, _model)
    for name in words or known:
        base = dict(_lasting(known[name]).facts) if name in known else {}
        base["status"] = words.get(name, "")
        if (name,) in loaded:
            base["sleeping"] = str(not loaded[name,]).lower()
        yield Fact("model", name, _present(base))


def _order(word: str) -> int:
    return _WORDS.index(word) if word in _WORDS else len(_WORDS)


def lasting(now: Iterable[TargetState], then: Iterable[TargetState]) -> frozenset[str]:
    """Return the containers (their id) and units (their name) that run since then without a new start."""
    found = set()
    for state, before in zip(now, then, strict=True):
        running = {(fact.kind, fact.name): fact for fact in before.inventory}
        for fact in state.inventory:
            known = running.get((fact.kind, fact.name))
            if fact.kind in ("container", "unit") and known is not None and known.facts.get("pid"):
                found.add(fact.facts.get("id", "")[:ID_DIGITS] if fact.kind == "container" else fact.name)
    return frozenset(found)


_OWNER = ("process", "container", "unit")


def _processes(state: TargetState, told: _Told, steady: Collection[str]) -> Iterator[Fact]:
    """Yield the programs on cards; their numbers are those of now, where what they run in was not started since."""
    numbers: dict[Group, list[str]] = defaultdict(list)
    for fact in state.inventory:
        if fact.kind == "gpu_process":
            uuid, _, pid = fact.name.rpartition("/")
            owner = tuple(fact.facts.get(name, "") for name in _OWNER)
            numbers[fact.facts.get("gpu", "") or uuid, *owner].append(fact.facts.get("pid", "") or pid)
    for row in told.rows(PROCESSES, state):
        key = row.named.group(("UUID", *_OWNER))
        uuid, owner = key[0], key[1:]
        known = numbers.get(key, ())
        inside = owner[1][:ID_DIGITS] or owner[2]
        number = known[0] if len(known) == 1 and (not inside or inside in steady) else ""
        facts = {"gpu": uuid, "pid": number, "memory_bytes": _text(row.value), **dict(zip(_OWNER, owner, strict=True))}
        yield Fact("gpu_process", f"{uuid}/{number}", _present(facts))
