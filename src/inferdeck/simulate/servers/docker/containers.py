"""The containers of one host and what happened to them: a fold of its processes' events."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from inferdeck.simulate.events import Ended, Phase, Reachability, Started
from inferdeck.simulate.fleet import Fleet, Host
from inferdeck.simulate.servers.docker.facts import (
    HEALTH_INTERVAL_SECONDS,
    HEALTH_RETRIES,
    Facts,
    digest,
    facts,
)
from inferdeck.simulate.servers.program import Handler

KEPT_EVENTS = 256
"""dockerd remembers as many."""
START_PERIOD_SECONDS = 900.0
"""Probes that fail so early do not count: an engine loads its model."""
KILLED = 137
REACHABLE = ("ok", "slow")
NEW_CONTAINER = ("upgrade", "deploy")
"""Why a process begins in another container than its last one."""
PROBE_SECONDS = 0.05


@dataclass(slots=True)
class Happening:
    """One event of the daemon."""

    number: int
    time: float
    type: str
    action: str
    id: str
    attributes: dict[str, str]


@dataclass(slots=True)
class Container:
    """One container."""

    facts: Facts
    id: str
    created: float
    status: str = "created"
    """created, running, restarting or exited."""
    pid: int = 0
    started: float = 0.0
    finished: float = 0.0
    exit_code: int = 0
    killed: bool = False
    restarts: int = 0
    reachable: bool = True
    ready: bool = True
    health: str = ""
    streak: int = 0
    probed: float = 0.0
    probes: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=5))

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.status == "running"

    @property
    def image_id(self) -> str:
        """The id of its image."""
        return f"sha256:{digest('image', self.facts.image)}"


class Containers:
    """All containers of one host."""

    def __init__(self, host: Host, fleet: Fleet, kinds: dict[str, str]) -> None:
        self.all: dict[str, Container] = {}
        """By process."""
        self.happened: deque[Happening] = deque(maxlen=KEPT_EVENTS)
        self.count = 0
        self._host, self._fleet, self._kinds = host, fleet, kinds
        self._phases: dict[str, str] = {}
        self._modes: dict[str, str] = {}
        self._lives: dict[str, int] = {}

    def handlers(self) -> dict[tuple[type, str], Handler]:
        """Return what to call for which events."""
        found: dict[tuple[type, str], Handler] = {}
        for process, kind in self._kinds.items():
            found[Started, process] = self._started
            found[Ended, process] = self._ended
            found[Reachability, process] = self._reachability
            if kind == "engine":
                found[Phase, process] = self._phase
        return found

    def settle(self, now: float) -> None:
        """Let the health checks happen that were due."""
        for container in self.all.values():
            self._probe(container, now)

    def find(self, name: str) -> Container | None:
        """Return the container of this name, id or beginning of an id."""
        wanted = name.removeprefix("/")
        for container in self.all.values():
            if wanted in (container.facts.name, container.id):
                return container
        matching = [one for one in self.all.values() if len(wanted) > 2 and one.id.startswith(wanted)]
        return matching[0] if len(matching) == 1 else None

    def tell(self, container: Container, time: float, action: str, **more: str) -> None:
        """Remember an event of a container."""
        labels = dict(container.facts.labels)
        attributes = labels | {"image": container.facts.image, "name": container.facts.name} | more
        self._tell(time, "container", action, container.id, dict(sorted(attributes.items())))

    def _tell(self, time: float, kind: str, action: str, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        self.happened.append(Happening(self.count, time, kind, action, name, attributes))

    def _network(self, container: Container, time: float, action: str) -> None:
        attributes = {"container": container.id, "name": network_name(self._fleet), "type": "bridge"}
        self._tell(time, "network", action, network_id(self._host, self._fleet), attributes)

    def _started(self, event: Started) -> None:
        container = self.all.get(event.process)
        if container is not None and event.reason in NEW_CONTAINER:
            self.tell(container, event.time, "destroy")
            container = None
        if container is None:
            container = self._create(event)
        elif event.reason == "crash":
            container.restarts += 1
        elif event.reason in NEW_CONTAINER:
            container.restarts = 0
        container.status, container.pid, container.started = "running", event.pid, event.time
        container.killed, container.exit_code = False, 0
        container.ready = self._kinds[event.process] != "engine"
        container.health = "starting" if container.facts.health else ""
        container.streak, container.probed = 0, event.time
        container.probes.clear()
        self._network(container, event.time, "connect")
        self.tell(container, event.time, "start")
        if event.reason == "restart":
            self.tell(container, event.time, "restart")

    def _create(self, event: Started) -> Container:
        kind = self._kinds[event.process]
        life = self._lives[event.process] = self._lives.get(event.process, 0) + 1
        own = facts(event.process, kind, event.version, self._host, self._fleet)
        taken = {one.facts.name for process, one in self.all.items() if process != event.process}
        if own.name in taken:
            own = replace(own, name=f"{own.name}-{digest(event.process)[:6]}")
        container = Container(own, digest("container", self._host.name, event.process, life), event.time)
        container.reachable = self._modes.get(event.process, "ok") in REACHABLE
        self.all[event.process] = container
        self.tell(container, event.time, "create")
        return container

    def _ended(self, event: Ended) -> None:
        container = self.all.get(event.process)
        if container is None:
            return
        self._probe(container, event.time)
        crashed = event.reason == "crash"
        if event.code == KILLED and crashed:
            container.killed = True
            self.tell(container, event.time, "oom")
        if not crashed:
            self.tell(container, event.time, "kill", signal="15")
        self.tell(container, event.time, "die", exitCode=str(event.code))
        self._network(container, event.time, "disconnect")
        if not crashed:
            self.tell(container, event.time, "stop")
        container.status = "restarting" if crashed else "exited"
        container.pid, container.exit_code, container.finished = 0, event.code, event.time
        if container.facts.health:
            container.health = "unhealthy"

    def _phase(self, event: Phase) -> None:
        container = self.all.get(event.engine)
        if container is not None:
            self._probe(container, event.time)
            container.ready = event.phase in ("ready", "sleeping")

    def _reachability(self, event: Reachability) -> None:
        self._modes[event.process] = event.mode
        container = self.all.get(event.process)
        if container is not None:
            self._probe(container, event.time)
            container.reachable = event.mode in REACHABLE

    def _probe(self, container: Container, now: float) -> None:
        """Count the probes since the last ones: in between nothing changed that they look at."""
        count = int((now - container.probed) / HEALTH_INTERVAL_SECONDS)
        if count <= 0 or not container.running or not container.health:
            return
        good = container.ready and container.reachable
        for number in range(max(1, count - 4), count + 1):
            container.probes.append((container.probed + number * HEALTH_INTERVAL_SECONDS, good))
        first = container.probed + HEALTH_INTERVAL_SECONDS
        container.probed += count * HEALTH_INTERVAL_SECONDS
        if good:
            container.streak = 0
            self._health(container, "healthy", first)
            return
        forgiven = 0
        if container.health == "starting":
            early = container.started + START_PERIOD_SECONDS - first
            forgiven = min(count, max(0, int(early / HEALTH_INTERVAL_SECONDS) + 1))
        failed = count - forgiven
        if container.streak < HEALTH_RETRIES <= container.streak + failed:
            wait = forgiven + HEALTH_RETRIES - container.streak - 1
            self._health(container, "unhealthy", first + wait * HEALTH_INTERVAL_SECONDS)
        container.streak += failed

    def _health(self, container: Container, health: str, time: float) -> None:
        if container.health != health:
            container.health = health
            self.tell(container, time, f"health_status: {health}")


def network_name(fleet: Fleet) -> str:
    """Return the name of the network that all containers are in."""
    return f"{fleet.name or 'fleet'}_default"


def network_id(host: Host, fleet: Fleet) -> str:
    """Return its id."""
    return digest("network", host.name, network_name(fleet))
