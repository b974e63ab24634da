"""One container as a value: what is known of it, from its list entry and its inspection, by an allow-list of fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inferdeck.sources.docker import commands, gpus
from inferdeck.sources.docker.answers import at, name, number, pairs, seconds, text, texts, whole

ID_DIGITS = 12
STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
HEALTHS = ("starting", "healthy", "unhealthy")
PROJECT = ("com.docker.compose.project", "io.podman.compose.project", "com.docker.stack.namespace")
SERVICE = ("com.docker.compose.service", "com.docker.swarm.service.name")
VERSION = "org.opencontainers.image.version"
_BASE = "org.opencontainers.image.ref.name"
ENVIRONMENT = commands.ENVIRONMENT | {"CUDA_VERSION", "NV_CUDA_CUDART_VERSION", "NVIDIA_VISIBLE_DEVICES"}
"""The only environment variables whose values are looked at."""
_VERSION = re.compile(r"(?:^|[^0-9.])v?(\d{1,4}(?:\.\d{1,6}){1,3}(?:[.-]?(?:rc|post|dev|a|b)\.?\d{1,6})*)")
_BUILD = re.compile(r"(?:^|-)(b\d{3,6})(?:-|$)")
_CUDA_TAG = re.compile(r"(?:^|-)cu(?:da)?-?(\d{2})\.?(\d)(?:[.-]|$)")


@dataclass(frozen=True, slots=True)
class Container:
    """What is known of one container; times in Unix seconds, None where it never happened.

    `restarts` counts what its restart policy did. ports: "18000->8000/tcp", host port first; exposed: those that are
    not published. model: the name it serves under, from known flags. memory_limit: bytes, 0 is unlimited.
    """

    id: str
    name: str
    image: str
    image_tag: str
    state: str
    health: str
    restarts: int
    exit_code: int
    oom_killed: bool
    created: float | None
    started: float | None
    finished: float | None
    pid: int
    hostname: str
    ports: tuple[str, ...]
    exposed: tuple[str, ...]
    addresses: tuple[str, ...]
    networks: tuple[str, ...]
    network_mode: str
    engine: str
    version: str
    cuda_version: str
    model: str
    listens: str
    gpus: gpus.Request
    project: str
    service: str
    memory_limit: float | None
    cpu_quota: float | None
    cpu_period: float | None
    cpu_shares: float | None

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.state in ("running", "paused")

    def facts(self) -> dict[str, str]:
        """Return what inventories show; what is unknown is left out."""
        over = self.state in ("exited", "dead")
        found = {
            "id": self.id[:ID_DIGITS],
            "image": self.image,
            "image_tag": self.image_tag,
            "state": self.state,
            "health": self.health,
            "restarts": str(self.restarts),
            "exit_code": str(self.exit_code) if over else "",
            "oom_killed": "true" if self.oom_killed else "false" if over else "",
            "created": _time(self.created),
            "started": _time(self.started),
            "finished": _time(self.finished) if not self.running else "",
            "pid": str(self.pid) if self.pid else "",
            "hostname": self.hostname,
            "ports": ", ".join(self.ports),
            "exposed": ", ".join(self.exposed),
            "addresses": ",".join(self.addresses),
            "networks": ",".join(self.networks),
            "network_mode": self.network_mode,
            "engine": self.engine,
            ("engine_version" if self.engine else "version"): self.version,
            "cuda_version": self.cuda_version,
            "model": self.model,
            "listens": self.listens,
            "gpus": self.gpus.shown,
            "gpu_count": str(self.gpus.count) if self.gpus.count else "",
            "memory_limit_bytes": f"{self.memory_limit:.0f}" if self.memory_limit else "",
            "project": self.project,
            "service": self.service,
        }
        return {key: value for key, value in found.items() if value}


def called(entry: Any) -> str:
    """Return the name of a list entry's container; of several (links of old) its own, which has one slash."""
    names = [one.removeprefix("/") for one in texts(entry, "Names")]
    own = next((one for one in names if "/" not in one), names[0] if names else "")
    return name(own) or text(entry, "Id")[:ID_DIGITS]


def health_of(entry: Any) -> str:
    """Return the health that a list entry's words say: "Up 3 hours (healthy)", "(health: starting)"."""
    words = text(entry, "Status").rpartition("(")[2].rstrip(")").removeprefix("health: ")
    return words if words in HEALTHS else ""


def read(entry: Any, inspected: Any) -> Container:
    """Return a container from its entry of /containers/json and its /containers/{id}/json.

    The entry is the newer one of the two; its state and health win.
    """
    image = name(text(inspected, "Config", "Image") or text(entry, "Image"))
    repository, tag = _image_parts(image)
    labels = dict(pairs(inspected, "Config", "Labels"))
    environment = _environment(inspected)
    command = [text(inspected, "Path"), *texts(inspected, "Args")]
    kind = commands.engine(command, repository)
    state = text(entry, "State") or text(inspected, "State", "Status")
    health = health_of(entry) or text(inspected, "State", "Health", "Status")
    host = at(inspected, "HostConfig")
    published, exposed = _ports(inspected)
    return Container(
        id=text(entry, "Id") or text(inspected, "Id"),
        name=called(entry),
        image=image,
        image_tag=tag,
        state=state if state in STATES else "",
        health=health if health in HEALTHS else "",
        restarts=whole(inspected, "RestartCount"),
        exit_code=whole(inspected, "State", "ExitCode"),
        oom_killed=at(inspected, "State", "OOMKilled") is True,
        created=seconds(inspected, "Created"),
        started=seconds(inspected, "State", "StartedAt"),
        finished=seconds(inspected, "State", "FinishedAt"),
        pid=whole(inspected, "State", "Pid"),
        hostname=name(text(inspected, "Config", "Hostname")),
        ports=published,
        exposed=exposed,
        addresses=tuple(_addresses(inspected)),
        networks=tuple(filter(None, (name(key) for key, _ in pairs(inspected, "NetworkSettings", "Networks")))),
        network_mode=name(text(host, "NetworkMode")),
        engine=kind,
        version=_version(kind, tag, labels),
        cuda_version=_cuda(environment, tag),
        model=commands.model(kind, command, environment),
        listens=commands.port(kind, command),
        gpus=gpus.request(inspected, environment.get("NVIDIA_VISIBLE_DEVICES")),
        project=_label(labels, PROJECT),
        service=_label(labels, SERVICE),
        memory_limit=number(host, "Memory"),
        cpu_quota=number(host, "CpuQuota"),
        cpu_period=number(host, "CpuPeriod"),
        cpu_shares=number(host, "CpuShares"),
    )


def _environment(inspected: Any) -> dict[str, str]:
    split = (one.partition("=") for one in texts(inspected, "Config", "Env"))
    return {key: value for key, _, value in split if key in ENVIRONMENT}


def _image_parts(image: str) -> tuple[str, str]:
    """Return repository and tag of registry:port/repository:tag@digest."""
    plain = image.partition("@")[0]
    repository, colon, tag = plain.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (plain, "")


def _ports(inspected: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    published, exposed = [], []
    # One that does not run publishes nothing; what it will publish still says what it is.
    now = dict(pairs(inspected, "NetworkSettings", "Ports")) or dict(pairs(inspected, "HostConfig", "PortBindings"))
    for port, bindings in now.items():
        if not re.fullmatch(r"\d{1,5}/(?:tcp|udp|sctp)", port):
            continue
        found = [text(one, "HostPort") for one in bindings or [] if isinstance(one, dict)]
        places = sorted({one for one in found if one.isdigit()}, key=int)
        published += [f"{place}->{port}" for place in places]
        exposed += [] if places else [port]
    return tuple(published), tuple(exposed)


def _addresses(inspected: Any) -> Iterator[str]:
    seen = {""}
    networks = [network for _, network in pairs(inspected, "NetworkSettings", "Networks")]
    for network in (*networks, at(inspected, "NetworkSettings")):
        for key in ("IPAddress", "GlobalIPv6Address"):
            found = text(network, key)
            if found not in seen and re.fullmatch(r"[0-9A-Fa-f.:]{2,45}", found):
                seen.add(found)
                yield found


def _version(kind: str, tag: str, labels: Mapping[str, Any]) -> str:
    build = _BUILD.search(tag) if kind == "llamacpp" else None
    found = build or _VERSION.search(_CUDA_TAG.sub("-", tag))
    if found:
        return found[1]
    # Images inherit the labels of the system that they are built on, and with them its version.
    labelled = _VERSION.search(name(str(labels.get(VERSION) or "")))
    return labelled[1] if labelled and not labels.get(_BASE) else ""


def _cuda(environment: Mapping[str, str], tag: str) -> str:
    for key in ("CUDA_VERSION", "NV_CUDA_CUDART_VERSION"):
        found = re.match(r"\d{1,3}(?:\.\d{1,4}){1,3}", environment.get(key, ""))
        if found:
            return found[0]
    tagged = _CUDA_TAG.search(tag)
    return f"{tagged[1]}.{tagged[2]}" if tagged else ""


def _label(labels: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((found for key in keys if (found := name(str(labels.get(key) or "")))), "")


def _time(found: float | None) -> str:
    return f"{found:.3f}".rstrip("0").rstrip(".") if found is not None else ""
