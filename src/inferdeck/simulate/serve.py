"""Puts the programs of a world on loopback: one port (or unix socket) each, and lets time go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from inferdeck.errors import UnavailableError
from inferdeck.simulate.events import Ended, Started
from inferdeck.simulate.file_names import CONFIG, LOGS
from inferdeck.simulate.place import Place
from inferdeck.simulate.programs import makers
from inferdeck.simulate.servers.configuration import ConfigFiles
from inferdeck.simulate.servers.docker import Docker
from inferdeck.simulate.servers.logs import LogFiles
from inferdeck.simulate.servers.logs import build as log_files
from inferdeck.simulate.servers.program import Program
from inferdeck.simulate.servers.redis import Redis
from inferdeck.simulate.world import World

TICK_SECONDS = 0.2
"""How often the world is brought to the present while nobody asks."""


class Site:
    """A world on the network. Belongs to the event loop on which it is started.

    `folder` is for unix sockets, the gateways' configuration files (in `config/`) and, where `logs` is set, log files
    (in `logs/`); None: there are none of these. `port` is the first of as many consecutive ports as there are programs;
    0: any that are free.
    """

    def __init__(self, world: World, folder: Path | None = None, *, port: int = 0, logs: bool = True) -> None:
        self.world = world
        self.programs: dict[str, Program] = {name: make(world) for name, make in makers(world.fleet)}
        for program in self.programs.values():
            world.subscribe(program.handlers())
        self.logs: LogFiles | None = None
        if folder is not None and logs:
            self.logs = log_files(folder / LOGS, world.fleet)
            world.subscribe(self.logs.handlers())
        self.configuration: ConfigFiles | None = None
        if folder is not None and world.fleet.gateways:
            self.configuration = ConfigFiles(folder / CONFIG, world.fleet, world.now)
            world.subscribe(self.configuration.handlers())
        self.places: dict[str, Place] = {}
        self._folder = folder
        self._port = port
        self._ticking: asyncio.Task[None] | None = None
        self._restarted: set[str] = set()
        for kind in (Started, Ended):
            world.subscribe({(kind, ""): self._note})

    def reserve(self) -> None:
        """Take the ports, so that `urls` is known before anything listens; raises UnavailableError as `start` does."""
        port = self._port
        for number, (name, program) in enumerate(self.programs.items()):
            if isinstance(program, Docker):
                if self._folder is not None:
                    self.places[name] = Place(name, program, path=self._folder / f"docker-{number}.sock")
                continue
            self.places[name] = Place(name, program, port=port)
            port += bool(port)

    async def start(self) -> None:
        """Let the programs listen and time go on; raises UnavailableError where a port or a folder cannot be had."""
        self.world.present()
        if self._folder is not None:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if self.configuration is not None:
                    self.configuration.refresh()
            except OSError as error:
                raise UnavailableError(f"{self._folder}: {(error.strerror or str(error)).lower()}") from error
        if not self.places:
            self.reserve()
        self._introduce()
        await self._settle()
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Close everything."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        await asyncio.gather(*(place.stop() for place in self.places.values()))
        if self.configuration is not None:
            self.configuration.remove()
        if self.logs is not None and self._ticking is not None:
            self.logs.refresh(self.world.now)

    async def going(self) -> None:
        """Wait while time goes on; raises what keeps it from doing so, such as a full disk under the log files."""
        if self._ticking is not None:
            await asyncio.shield(self._ticking)

    def urls(self) -> dict[str, str]:
        """Return where each program is found."""
        return {name: place.url for name, place in self.places.items()}

    async def refresh(self) -> None:
        """Bring the world to the present, and every listener to what it now should be."""
        self.world.present()
        await self._settle()
        if self.configuration is not None:
            self.configuration.refresh()
        if self.logs is not None:
            self.logs.refresh(self.world.now)

    def _introduce(self) -> None:
        """Tell the Docker daemons what they cannot know: where programs are found, and a Redis' own memory."""
        ports = {name: place.port for name, place in self.places.items() if place.port}
        memory = {name: one.resident_bytes for name, one in self.programs.items() if isinstance(one, Redis)}
        for program in self.programs.values():
            if isinstance(program, Docker):
                program.published.update(ports)
                program.resident.update(memory)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.refresh()

    async def _settle(self) -> None:
        states = self.world.processes.all
        restarted, self._restarted = self._restarted, set()
        changed = []
        for name, place in self.places.items():
            up = states[name].up and bool(getattr(place.program, "listening", True))
            mode = states[name].mode
            if (up, mode) != (place.up, place.mode) or name in restarted:
                place.up, place.mode = up, mode
                changed.append(place.settle(anew=name in restarted))
        await asyncio.gather(*changed)

    def _note(self, event: Started | Ended) -> None:
        self._restarted.add(event.process)


@contextlib.asynccontextmanager
async def serving(world: World, folder: Path | None = None, *, port: int = 0, logs: bool = True) -> AsyncIterator[Site]:
    """Serve a world while the block runs."""
    site = Site(world, folder, port=port, logs=logs)
    try:
        await site.start()
        yield site
    finally:
        await site.stop()
