"""What the targets say is there, read from their facts: containers, cards, processes on cards, units, routes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from inferdeck.model.stack import RouteFallback, RouteSource, RouteTarget
from inferdeck.model.target import Fact, TargetState

ID_DIGITS = 12
_PORT = re.compile(r"(?:(?:(\S+):)?(\d+)->)?(\d+)(?:/(\w+))?")


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a container; `public` is the host's, 0 where it is not published."""

    private: int
    public: int = 0
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Container:
    """One container as its docker tells of it."""

    docker: TargetState
    name: str
    id: str
    facts: dict[str, str] = field(hash=False, compare=False)
    ports: tuple[Port, ...] = ()
    networks: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """What other containers of its networks call it, in lower case."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by: its docker's target and its id (its name where that is not known)."""
        return self.docker.key.id, self.id or self.name

    @property
    def mode(self) -> str:
        """Its network mode: host, none, container:ID, bridge, or the name of a network."""
        return self.facts.get("network_mode", "")

    @property
    def running(self) -> bool:
        """Whether its processes live; one whose state is not told is taken to."""
        return self.facts.get("state", "running") in ("running", "paused", "restarting")

    @property
    def pid(self) -> int:
        """Its first process as the machine counts, 0 where that is not known."""
        return _whole(self.facts.get("pid", ""))


@dataclass(frozen=True, slots=True)
class GpuFact:
    """One card as a target tells of it."""

    target: TargetState
    uuid: str
    index: str
    model: str
    host: str
    facts: dict[str, str] = field(hash=False, compare=False)


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """One process that a card lists."""

    target: TargetState
    uuid: str
    pid: int
    process: str
    memory_bytes: float | None
    container: str
    unit: str


@dataclass(frozen=True, slots=True)
class Unit:
    """One systemd unit."""

    target: TargetState
    name: str
    facts: dict[str, str] = field(hash=False, compare=False)

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes, as far as they are told."""
        texts = (self.facts.get("pid", ""), *listed(self.facts.get("processes", "")))
        return tuple(dict.fromkeys(pid for text in texts if (pid := _whole(text))))


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that the targets tell, by what it is."""

    states: tuple[TargetState, ...]
    containers: tuple[Container, ...]
    gpus: tuple[GpuFact, ...]
    gpu_processes: tuple[GpuProcess, ...]
    units: tuple[Unit, ...]
    routes: tuple[RouteSource, ...]
    served: dict[str, tuple[Fact, ...]]
    """By target id: the models that an engine serves."""
    own: dict[str, Fact]
    """By target id: what the target says of itself."""


def read(states: Iterable[TargetState]) -> Inventory:
    """Return the inventory of these targets."""
    containers: list[Container] = []
    gpus: list[GpuFact] = []
    processes: list[GpuProcess] = []
    units: list[Unit] = []
    routes: list[RouteSource] = []
    served: dict[str, tuple[Fact, ...]] = {}
    own: dict[str, Fact] = {}
    every = tuple(states)
    for state in every:
        facts: dict[str, list[Fact]] = defaultdict(list)
        for fact in state.inventory:
            facts[fact.kind].append(fact)
        containers += [_container(state, fact) for fact in facts["container"]]
        gpus += [_gpu(state, fact) for fact in facts["gpu"]]
        processes += [_gpu_process(state, fact) for fact in facts["gpu_process"]]
        units += [Unit(state, fact.name, dict(fact.facts)) for fact in facts["unit"]]
        if facts["model"]:
            served[state.key.id] = tuple(facts["model"])
        if facts["service"]:
            own[state.key.id] = facts["service"][0]
        if facts["deployment"] or facts["model_group"]:
            routes.append(_routes(state, facts))
    return Inventory(every, tuple(containers), tuple(gpus), tuple(processes), tuple(units), tuple(routes), served, own)


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a comma list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def ports(text: str) -> tuple[Port, ...]:
    """Return the ports of `18000->8000/tcp, 9000/tcp`; a host port on several addresses counts once."""
    found: dict[Port, None] = {}
    for part in listed(text):
        if match := _PORT.fullmatch(part):
            _, public, private, protocol = match.groups()
            found[Port(int(private), int(public or 0), protocol or "tcp")] = None
    return tuple(found)


def _container(state: TargetState, fact: Fact) -> Container:
    facts = dict(fact.facts)
    identity = facts.get("id", "")[:ID_DIGITS]
    names = {
        fact.name,
        identity,
        facts.get("service", ""),
        *listed(facts.get("aliases", "")),
    }
    return Container(
        state,
        fact.name,
        identity,
        facts,
        ports(facts.get("ports", "")),
        frozenset(listed(facts.get("networks", ""))),
        frozenset(listed(facts.get("addresses", ""))),
        frozenset(name.lower() for name in names if name),
    )


def _gpu(state: TargetState, fact: Fact) -> GpuFact:
    facts = dict(fact.facts)
    return GpuFact(state, fact.name, facts.get("index", ""), facts.get("model", ""), facts.get("host", ""), facts)


def _gpu_process(state: TargetState, fact: Fact) -> GpuProcess:
    facts = fact.facts
    uuid, _, pid = fact.name.rpartition("/")
    return GpuProcess(
        state,
        facts.get("gpu", "") or uuid,
        _whole(facts.get("pid", "") or pid),
        facts.get("process", ""),
        real(facts.get("memory_bytes", "")),
        facts.get("container", "")[:ID_DIGITS],
        facts.get("unit", ""),
    )


def _routes(state: TargetState, facts: dict[str, list[Fact]]) -> RouteSource:
    routing = facts["routing"][0] if facts["routing"] else Fact("routing", "")
    targets = [_target(fact) for fact in facts["deployment"]]
    told = {target.model for target in targets}
    # A key that may not read the deployments still sees the public names.
    targets += [RouteTarget("", fact.name) for fact in facts["model_group"] if fact.name not in told]
    return RouteSource(
        "gateway",
        state.gateway or state.key.instance,
        state.key.environment,
        tuple(targets),
        tuple(
            RouteFallback(fact.name, listed(fact.facts.get("to", "")), fact.facts.get("on", "any error"))
            for fact in facts["fallback"]
        ),
        routing.name,
        routing.facts.get("num_retries", ""),
        routing.facts.get("timeout", ""),
    )


def _target(fact: Fact) -> RouteTarget:
    facts = fact.facts
    return RouteTarget(
        id=fact.name,
        model=facts.get("model", ""),
        provider=facts.get("provider", ""),
        litellm_model=facts.get("litellm_model", ""),
        api_base=facts.get("api_base", ""),
        order=facts.get("order", ""),
        weight=facts.get("weight", ""),
        requests_per_minute=facts.get("rpm", ""),
        tokens_per_minute=facts.get("tpm", ""),
        origin=facts.get("origin", ""),
    )


def real(text: str) -> float | None:
    """Return the number that a fact holds, None where it holds none."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) != float("inf") and found == found else None


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 20 else 0
