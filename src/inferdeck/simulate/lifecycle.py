"""The processes of a fleet: which there are, and how they begin, end, crash and come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from inferdeck.simulate.events import CacheFlushed, Ended, Reachability, Started
from inferdeck.simulate.fleet import Fleet

if TYPE_CHECKING:
    from inferdeck.simulate.world import World

FIRST_PID = 1200
PID_STEP = 37
NODE_VERSION = "1.5.0"
"""The one whose families were captured."""
DCGM_VERSION = "4.5.1"
DOCKER_VERSION = "29.0.2"
OWN_VERSION = "1.0.0"
"""Of what has no version of its own: the hub and applications."""
DEPLOY_SECONDS = 1.0
"""How long a process is not there while it is deployed anew."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 60.0
"""Docker waits twice as long before each restart, from a tenth of a second to a minute."""


@dataclass(slots=True)
class Process:
    """One program of the fleet."""

    name: str
    host: str
    kind: str
    """gateway, engine, cache, application, langfuse, hub, node, dcgm or docker."""
    version: str
    up: bool = False
    pid: int = 0
    life: int = 0
    """Raised with every beginning and end."""
    mode: str = "ok"
    """How it answers the network."""


def processes(fleet: Fleet) -> list[Process]:
    """Return all processes that a fleet has."""
    found = [Process(f"{host.name}/node", host.name, "node", NODE_VERSION) for host in fleet.hosts]
    with_cards = {gpu.host for gpu in fleet.gpus}
    found += [
        Process(f"{host.name}/dcgm", host.name, "dcgm", DCGM_VERSION) for host in fleet.hosts if host.name in with_cards
    ]
    found += [
        Process(f"{host.name}/docker", host.name, "docker", DOCKER_VERSION) for host in fleet.hosts if host.docker
    ]
    found += [Process(one.name, one.host, "cache", one.version) for one in fleet.caches]
    found += [Process(one.name, one.host, "engine", one.version) for one in fleet.engines]
    found += [Process(one.name, one.host, "gateway", one.version) for one in fleet.gateways]
    found += [Process(one.name, one.host, "application", OWN_VERSION) for one in fleet.applications]
    found += [Process(one.name, one.host, "langfuse", one.version) for one in fleet.langfuse]
    found += [Process("hub", "", "hub", OWN_VERSION)] if fleet.hub else []
    return found


@dataclass(slots=True)
class _Loop:
    """A process that dies again and again."""

    name: str
    code: int
    after: float
    pause: float = FIRST_PAUSE_SECONDS
    life: int = -1
    """The life in which it ended last."""
    due: float = 0.0
    """When it dies next; an earlier appointment of a loop that was replaced meanwhile is void."""


class Processes:
    """Begins and ends the processes of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all = {process.name: process for process in processes(world.fleet)}
        self._pid = FIRST_PID
        self._loops: dict[str, list[_Loop]] = {}
        """By process, the present one last."""

    def begin(self) -> None:
        """Let all begin, each so early that it is ready when the world starts."""
        world = self._world
        for name in self.all:
            world.kernel.at(world.start - self._load_seconds(name), partial(self.start, name, "start"))

    def deploy(self, moment: float) -> None:
        """Let all end and begin anew, in new containers, each so early that it is ready at this moment."""
        for name in self.all:
            end = moment - self._load_seconds(name) - DEPLOY_SECONDS
            self._world.kernel.at(end, partial(self.restart, name, down=DEPLOY_SECONDS, reason="deploy"))

    def _load_seconds(self, name: str) -> float:
        server = self._world.servers.get(name)
        return sum(server.engine.load_seconds.values()) if server is not None else 0.0

    def start(self, name: str, reason: str, phases: Mapping[str, float] | None = None) -> None:
        """Let a process begin; one that is up stays as it is."""
        world, process = self._world, self.all[name]
        if process.up:
            return
        process.up = True
        process.life += 1
        self._pid += PID_STEP
        process.pid = self._pid
        if process.kind == "gateway":
            world.proxies[name].read_file()
        world.emit(Started(world.now, name, process.version, process.pid, reason), name)
        if process.kind == "gateway":
            world.proxies[name].up = True
        elif process.kind == "engine":
            world.servers[name].begin(phases)
        elif process.kind == "cache":
            self._cache_up(name, up=True)

    def end(self, name: str, code: int, reason: str) -> None:
        """Let a process end, and with it what it was doing; one that is down stays as it is."""
        world, process = self._world, self.all[name]
        if not process.up:
            return
        process.up = False
        process.life += 1
        if process.kind == "gateway":
            world.proxies[name].end()
        elif process.kind == "engine":
            world.servers[name].end()
        elif process.kind == "cache":
            self._cache_up(name, up=False)
        world.emit(Ended(world.now, name, code, reason), name)

    def restart(
        self,
        name: str,
        *,
        code: int = 0,
        down: float = 1.0,
        reason: str = "restart",
        version: str | None = None,
        phases: Mapping[str, float] | None = None,
    ) -> None:
        """End a process and let it begin again after `down` seconds."""
        process = self.all[name]
        self.end(name, code, reason)
        if version is not None:
            process.version = version
        self._world.kernel.at(self._world.now + down, partial(self._start_life, name, process.life, reason, phases))

    def loop(self, name: str, code: int, after: float) -> Callable[[], None]:
        """Let a process die `after` seconds each time it begins; returns what ends that.

        A second loop of the same process takes its place until it ends.
        """
        loop = _Loop(name, code, after)
        loops = self._loops.setdefault(name, [])
        loops.append(loop)
        self._die(loop)

        def stop() -> None:
            active = loops[-1] is loop
            loops.remove(loop)
            if active and loops:
                self._die(loops[-1])
            elif active and loop.life == self.all[name].life:
                # It is down for this loop, not for a restart that is under way.
                self.start(name, "crash")

        return stop

    def reach(self, name: str, mode: str) -> None:
        """Let a process answer the network in this way."""
        self.all[name].mode = mode
        self._world.emit(Reachability(self._world.now, name, mode), name)

    def flush(self, name: str) -> None:
        """Let a Redis forget everything."""
        world = self._world
        for proxy in world.proxies.values():
            if proxy.gateway.cache == name:
                proxy.forget()
        world.emit(CacheFlushed(world.now, name), name)

    def _die(self, loop: _Loop) -> None:
        if not self._active(loop):
            return
        world = self._world
        self.end(loop.name, loop.code, "crash")
        loop.life = self.all[loop.name].life
        pause, loop.pause = loop.pause, min(loop.pause * 2, LONGEST_PAUSE_SECONDS)

        def again() -> None:
            if self._active(loop):
                self.start(loop.name, "crash")
                loop.due = world.now + loop.after
                world.kernel.at(loop.due, lambda: self._die(loop) if world.now == loop.due else None)

        world.kernel.at(world.now + pause, again)

    def _active(self, loop: _Loop) -> bool:
        loops = self._loops.get(loop.name, [])
        return bool(loops) and loops[-1] is loop

    def _start_life(self, name: str, life: int, reason: str, phases: Mapping[str, float] | None) -> None:
        if self.all[name].life == life and not self._loops.get(name):
            self.start(name, reason, phases)

    def _cache_up(self, name: str, *, up: bool) -> None:
        for proxy in self._world.proxies.values():
            if proxy.gateway.cache == name:
                proxy.cache_up = up
                if not up:
                    proxy.forget()
