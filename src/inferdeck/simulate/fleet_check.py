"""Whether a fleet holds together: names unique, what is referred to exists, models fit their cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from inferdeck.simulate.fleet import Agent, Engine, Fleet, Gateway
from inferdeck.simulate.yaml_file import KeyPath, short, unknown

Complaint = tuple[KeyPath, str]
HUB = "hub"
_GIB = 2.0**30
GROUPS = {
    "hosts": "host", "gpus": "gpu", "engines": "engine", "providers": "provider", "gateways": "gateway",
    "caches": "cache", "use_cases": "use case", "teams": "team", "agents": "agent", "applications": "application",
    "langfuse": "langfuse",
}  # fmt: skip
"""The parts of a fleet whose things have names, and what each is called."""


@dataclass(frozen=True, slots=True)
class Names:
    """Every name of a fleet by the kind of thing that has it."""

    things: Mapping[str, str]
    """Name -> kind, of all that is unique over the fleet: host, gpu, engine, provider, gateway, deployment, ..."""
    processes: tuple[str, ...]
    models: Mapping[str, tuple[str, ...]]
    """Gateway -> its public models."""
    served: tuple[str, ...] = field(default=())
    """Names that engines and providers know models by."""

    def of(self, kind: str) -> tuple[str, ...]:
        """Return the names of a kind: one of `things`', process, public model, served model, or two with "or"."""
        if kind == "process":
            return self.processes
        if kind == "public model":
            return tuple(dict.fromkeys(model for models in self.models.values() for model in models))
        if kind == "served model":
            return self.served
        kinds = kind.split(" or ")
        return tuple(name for name, found in self.things.items() if found in kinds)


def names(fleet: Fleet) -> Names:
    """Return the names of a fleet; where one stands twice, the first thing has it."""
    things: dict[str, str] = {}
    for _, kind, name in _named(fleet):
        things.setdefault(name, kind)
    deployments = [one for gateway in fleet.gateways for one in gateway.deployments]
    return Names(
        things,
        processes(fleet),
        {gateway.name: models(gateway) for gateway in fleet.gateways},
        tuple(dict.fromkeys(one.served for one in deployments)),
    )


def processes(fleet: Fleet) -> tuple[str, ...]:
    """Return the name of every process that can be asked, ended or upgraded."""
    groups = (fleet.gateways, fleet.engines, fleet.caches, fleet.applications, fleet.langfuse)
    found = [thing.name for group in groups for thing in group]
    for host in fleet.hosts:
        found.append(f"{host.name}/node")
        if any(gpu.host == host.name for gpu in fleet.gpus):
            found.append(f"{host.name}/dcgm")
        if host.docker:
            found.append(f"{host.name}/docker")
    return (*found, HUB) if fleet.hub else tuple(found)


def models(gateway: Gateway) -> tuple[str, ...]:
    """Return a gateway's public models."""
    return tuple(dict.fromkeys(deployment.model for deployment in gateway.deployments))


def complaints(fleet: Fleet) -> Iterator[Complaint]:
    """Give everything that is wrong in a fleet, each with the path of the key."""
    known = names(fleet)
    yield from _twice(fleet)
    yield from _model_names(fleet, known)
    yield from _hosts(fleet, known)
    for place, engine in enumerate(fleet.engines):
        yield from _engine(("engines", place), engine, fleet, known)
    yield from _memory(fleet)
    for place, gateway in enumerate(fleet.gateways):
        yield from _gateway(("gateways", place), gateway, fleet, known)
    for place, agent in enumerate(fleet.agents):
        yield from _agent(("agents", place), agent, fleet, known)
    for place, application in enumerate(fleet.applications):
        for index, name in enumerate(application.agents):
            yield from _exists(("applications", place, "agents", index), name, known, "agent")


def _named(fleet: Fleet) -> Iterator[tuple[KeyPath, str, str]]:
    for group, kind in GROUPS.items():
        for place, thing in enumerate(getattr(fleet, group)):
            yield (group, place, "name"), kind, thing.name
            if isinstance(thing, Gateway):
                for index, one in enumerate(thing.deployments):
                    yield (group, place, "deployments", index, "id"), "deployment", one.id


def _twice(fleet: Fleet) -> Iterator[Complaint]:
    seen: dict[str, str] = {HUB: "hub"} if fleet.hub else {}
    for path, kind, name in _named(fleet):
        if not name:
            yield path, "a name must not be empty"
        elif name in seen:
            yield path, f"the name {short(name)} is taken: {seen[name]}; names are unique over the fleet"
        seen.setdefault(name, kind)


def _model_names(fleet: Fleet, known: Names) -> Iterator[Complaint]:
    for place, gateway in enumerate(fleet.gateways):
        for index, one in enumerate(gateway.deployments):
            path = ("gateways", place, "deployments", index, "model")
            if not one.model:
                yield path, "a model's name must not be empty"
            elif one.model in known.things:
                yield path, f"the name {short(one.model)} is taken: {known.things[one.model]}"


def _hosts(fleet: Fleet, known: Names) -> Iterator[Complaint]:
    for group in ("gpus", "engines", "gateways", "caches", "applications", "langfuse"):
        for place, thing in enumerate(getattr(fleet, group)):
            if thing.host or group == "gpus":
                yield from _exists((group, place, "host"), thing.host, known, "host")
    slots: dict[tuple[str, int], str] = {}
    for place, gpu in enumerate(fleet.gpus):
        taken = slots.setdefault((gpu.host, gpu.index), gpu.name)
        if taken != gpu.name:
            yield ("gpus", place, "index"), f"{short(taken)} has this index on its host already"
        if gpu.idle_watts > gpu.limit_watts:
            yield ("gpus", place, "idle_watts"), f"more than limit_watts ({gpu.limit_watts:g})"
    for place, host in enumerate(fleet.hosts):
        if host.disk_used_bytes > host.disk_bytes:
            yield ("hosts", place, "disk_used_bytes"), "more than disk_bytes"


def _engine(path: KeyPath, engine: Engine, fleet: Fleet, known: Names) -> Iterator[Complaint]:
    cards = {gpu.name: gpu for gpu in fleet.gpus}
    for index, name in enumerate(engine.gpus):
        yield from _exists((*path, "gpus", index), name, known, "gpu")
        if name in cards and engine.host and cards[name].host != engine.host:
            where = short(cards[name].host)
            yield (*path, "gpus", index), f"{short(name)} is in {where}, but the engine runs on {short(engine.host)}"
        if name in engine.gpus[:index]:
            yield (*path, "gpus", index), f"{short(name)} is named twice"
    if engine.model.context > engine.kv_tokens:
        yield (
            (*path, "kv_tokens"),
            f"{engine.kv_tokens} tokens cannot hold one sequence of the model's context ({engine.model.context})",
        )


def _memory(fleet: Fleet) -> Iterator[Complaint]:
    """Weights and key-value memory, divided evenly over an engine's cards, against each card; else against the host."""
    used: dict[str, float] = {}
    room = {gpu.name: gpu.memory_bytes for gpu in fleet.gpus}
    room |= {host.name: host.memory_bytes for host in fleet.hosts}
    for place, engine in enumerate(fleet.engines):
        where = engine.gpus or ((engine.host,) if engine.host else ())
        need = engine.model.weights_bytes + engine.kv_tokens * engine.model.kv_token_bytes
        for name in where:
            if name not in room:
                continue
            used[name] = used.get(name, 0.0) + need / len(where)
            if used[name] > room[name]:
                yield (
                    ("engines", place, "kv_tokens"),
                    f"weights and key-value memory need {used[name] / _GIB:.1f} GiB of {short(name)}, "
                    f"which has {room[name] / _GIB:.1f}; lower kv_tokens or use more cards",
                )
                break


def _gateway(path: KeyPath, gateway: Gateway, fleet: Fleet, known: Names) -> Iterator[Complaint]:
    engines = {engine.name: engine.model.name for engine in fleet.engines}
    public = models(gateway)
    if gateway.cache:
        yield from _exists((*path, "cache"), gateway.cache, known, "cache")
    for index, one in enumerate(gateway.deployments):
        where = (*path, "deployments", index)
        yield from _exists((*where, "target"), one.target, known, "engine or provider")
        model = engines.get(one.target)
        if model is not None and one.served != model:
            yield (*where, "served"), f"{short(one.target)} serves {short(model)}, not {short(one.served)}"
    for model in public:
        if sum(one.weight for one in gateway.deployments if one.model == model) <= 0:
            yield (*path, "deployments"), f"the weights of {short(model)} are all 0"
    for model, others in gateway.fallbacks.items():
        if model not in public:
            yield (*path, "fallbacks", model), unknown(model, public, "model")
        for other in others:
            if other not in public:
                yield (*path, "fallbacks", model), unknown(other, public, "model")
            elif other == model:
                yield (*path, "fallbacks", model), "a model cannot fall back to itself"


def _agent(path: KeyPath, agent: Agent, fleet: Fleet, known: Names) -> Iterator[Complaint]:
    yield from _exists((*path, "team"), agent.team, known, "team")
    yield from _exists((*path, "use_case"), agent.use_case, known, "use case")
    if agent.gateway:
        yield from _exists((*path, "gateway"), agent.gateway, known, "gateway")
    elif not fleet.gateways:
        yield path, "there is no gateway for it to use"
    gateway = agent.gateway or (fleet.gateways[0].name if fleet.gateways else "")
    public = known.models.get(gateway, ())
    for model in agent.models:
        if gateway in known.models and model not in public:
            yield (*path, "models", model), f"{unknown(model, public, 'model')} (of the gateway {short(gateway)})"
    if sum(agent.models.values()) <= 0:
        yield (*path, "models"), "names no model with a share above 0"


def _exists(path: KeyPath, name: str, known: Names, kind: str) -> Iterator[Complaint]:
    there = known.of(kind)
    if name not in there:
        yield path, unknown(name, there, kind)
