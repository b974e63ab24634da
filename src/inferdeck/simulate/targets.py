"""What somebody who watches the fleet must know of its programs: where each is, what key it wants, how to watch it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inferdeck.simulate.file_names import CONFIG_END, LOG_END, file_name
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.lifecycle import DCGM_VERSION, DOCKER_VERSION, NODE_VERSION, OWN_VERSION

MASTER_KEY = "sk-inferdeck-demo"
"""Of every gateway."""
LANGFUSE_KEYS = "pk-lf-demo:sk-lf-demo"
"""User and password of every Langfuse."""
HUB_TOKEN = "hf_demo"  # noqa: S105 - of a simulated program
LABELS = {"simulated": "true"}
"""What every series of a simulated program carries."""

GATEWAYS = ("llm", "llm_gateway")
"""Applications that count requests themselves."""


@dataclass(frozen=True, slots=True)
class Target:
    """One program of a fleet."""

    process: str
    """Its name in the world."""
    kind: str
    """litellm, vllm, sglang, tgi, llamacpp, ollama, redis, langfuse, hub, node, dcgm, docker or an application's."""
    version: str
    key: str = ""
    """What it must be shown; "" where it asks for nothing."""
    source: str = ""
    """The kind of source that watches it; "" where there is none yet."""
    job: str = ""
    """The label `job` of its series, where the kind of source leaves that open."""


def targets(fleet: Fleet) -> Iterator[Target]:
    """Yield all programs of a fleet: gateways, engines, caches, applications, the rest, what runs on each host."""
    for gateway in fleet.gateways:
        yield Target(gateway.name, "litellm", gateway.version, MASTER_KEY, "litellm")
    for engine in fleet.engines:
        yield Target(engine.name, engine.kind, engine.version, source=engine.kind)
    for cache in fleet.caches:
        yield Target(cache.name, "redis", cache.version, source="redis")
    for one in fleet.applications:
        yield Target(one.name, one.metrics, OWN_VERSION, source="prometheus", job=one.name)
    for langfuse in fleet.langfuse:
        yield Target(langfuse.name, "langfuse", langfuse.version, LANGFUSE_KEYS, "langfuse")
    if fleet.hub:
        yield Target("hub", "hub", OWN_VERSION, HUB_TOKEN, "huggingface")
    with_cards = {gpu.host for gpu in fleet.gpus}
    for host in fleet.hosts:
        yield Target(f"{host.name}/node", "node", NODE_VERSION, source="prometheus", job="node")
        if host.name in with_cards:
            yield Target(f"{host.name}/dcgm", "dcgm", DCGM_VERSION, source="dcgm")
        if host.docker:
            yield Target(f"{host.name}/docker", "docker", DOCKER_VERSION, source="docker")


def entries(fleet: Fleet, urls: Mapping[str, str], logs: Path | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return the `sources` of inferdeck's configuration that watch a fleet: kind -> entries; `urls` by process.

    logs: the folder of the programs' log files, None where they write none; what a Docker tells of is not read twice.

    Programs that no kind of source watches yet, and those without a URL, are left out.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for target in targets(fleet):
        if not target.source or target.process not in urls:
            continue
        entry: dict[str, Any] = {"name": target.process, "url": urls[target.process]}
        if target.job:
            entry["job"] = target.job
        if target.kind in GATEWAYS:
            # Who counted it; a sum over several would count the same requests twice.
            entry["gateway"] = target.process
        found.setdefault(target.source, []).append({**entry, **_access(target), "labels": dict(LABELS)})
    if logs is not None and (alone := in_no_container(fleet)):
        # Every program writes its times in UTC.
        files = [str(logs / file_name(one, LOG_END)) for one in alone]
        found["logs"] = [{"name": "logs", "files": files, "timezone": "UTC", "labels": dict(LABELS)}]
    return found


def in_no_container(fleet: Fleet) -> tuple[str, ...]:
    """Return the programs whose lines no Docker has."""
    without = {host.name for host in fleet.hosts if not host.docker}
    groups = (fleet.gateways, fleet.engines, fleet.caches, fleet.applications, fleet.langfuse)
    return tuple(one.name for group in groups for one in group if not one.host or one.host in without)


def config_files(fleet: Fleet, folder: Path) -> list[dict[str, Any]]:
    """Return the `config_files` of inferdeck's configuration: those in this folder, that its gateways begin with."""
    return [
        {"path": str(folder / file_name(one.name, CONFIG_END)), "kind": "litellm", "gateway": one.name}
        for one in fleet.gateways
    ]


def _access(target: Target) -> dict[str, str]:
    """Return the keys of an entry under the names that its kind of source gives them."""
    if target.source == "litellm":
        return {"key": target.key, "gateway": target.process}
    if target.source == "langfuse":
        public, _, secret = target.key.partition(":")
        return {"public_key": public, "secret_key": secret}
    return {"key": target.key} if target.key else {}


def unwatched(fleet: Fleet) -> tuple[str, ...]:
    """Return the programs that no kind of source watches yet."""
    return tuple(target.process for target in targets(fleet) if not target.source)
