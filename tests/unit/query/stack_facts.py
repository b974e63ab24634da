"""Targets with facts as their sources tell them, for joins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from inferdeck.model.labels import Labels
from inferdeck.model.stack import Machine, Socket
from inferdeck.model.target import Fact, TargetState
from inferdeck.query.stack.joins import Joins
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.query.stack import around, filled, state

HERE = Machine("box", ("10.0.0.5", "172.17.0.1"), looked=True)


def container(name: str, **facts: str) -> Fact:
    """Return a container that runs; its id is made of its name where none is given."""
    identity = "".join(f"{ord(letter):02x}" for letter in name).ljust(12, "0")[:12]
    return Fact("container", name, {"id": identity, "state": "running", **facts})


def docker(host: str, *containers: Fact, url: str = "unix:///var/run/docker.sock") -> TargetState:
    """Return the Docker of a machine."""
    own = [Fact("service", host, {"host": host})] if host else []
    return state("docker", f"docker.{host}", url=url, kind="docker", inventory=(*own, *containers))


def gateway(instance: str, *deployments: tuple[str, str], name: str = "") -> TargetState:
    """Return a LiteLLM with these deployments (id, api_base), each of a public model of its id."""
    facts = tuple(
        Fact(
            "deployment", one, {"model": one, "provider": "openai", "litellm_model": f"openai/{one}", "api_base": base}
        )
        for one, base in deployments
    )
    return state("litellm", instance, inventory=facts, name=name or instance)


def engine(instance: str, *models: str, kind: str = "vllm", name: str = "") -> TargetState:
    """Return an engine that serves these models."""
    facts = tuple(Fact("model", one, {"status": "available"}) for one in models)
    return state(kind, instance, inventory=facts, name=name or instance)


def nvidia(host: str, cards: int, *processes: Fact) -> TargetState:
    """Return the cards of a machine, U0, U1, …"""
    facts = [Fact("gpu", f"U{index}", {"index": str(index), "host": host, "model": "H100"}) for index in range(cards)]
    return state("nvidia", f"nvidia.{host}", url="", inventory=(*facts, *processes))


def on_card(uuid: str, pid: int, **facts: str) -> Fact:
    """Return a process on a card."""
    return Fact("gpu_process", f"{uuid}/{pid}", {"gpu": uuid, "pid": str(pid), "process": "python3", **facts})


def joined(*states: TargetState, machine: Machine = HERE) -> Joins:
    """Return the joins of targets."""
    return Joins(states, machine)


def listening(port: int, pid: int, process: str, *, container: str = "", unit: str = "") -> Machine:
    """Return this machine with one more socket."""
    return replace(HERE, sockets=(Socket("127.0.0.1", port, pid, process, container, unit),))


def asked(
    *states: TargetState, machine: Machine = HERE, values: Mapping[Labels, Iterable[float]] | None = None
) -> LocalStackQuestions:
    """Return the questions over targets and series."""
    store: MemoryStore = filled(values) if values else MemoryStore()
    surroundings = replace(around(*states), machine=machine)
    return LocalStackQuestions(store, lambda: surroundings)
