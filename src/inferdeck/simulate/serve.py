"""Puts the programs of a world on loopback: one free port (or unix socket) each, which is closed while it is down."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web

from inferdeck.simulate.events import Ended, Event, Reachability, Started
from inferdeck.simulate.programs import makers
from inferdeck.simulate.servers.program import HttpProgram, Program, StreamProgram
from inferdeck.simulate.world import World

LOOPBACK = "127.0.0.1"
TICK_SECONDS = 0.2
"""How often the world is brought to the present while nobody asks."""
HANG_SECONDS = 3600.0
SLOW_SECONDS = 5.0
GARBAGE = b"\x00\xff<<<{[ this is no answer of this program \xfe\n" * 20
BACKLOG = 128
SHUTDOWN_SECONDS = 0.5


class Place:
    """One program on the network. It holds its port for as long as the fleet lives, so that nobody else takes it."""

    def __init__(self, name: str, program: Program, socket_path: Path | None) -> None:
        self.name = name
        self.program = program
        self.mode = "ok"
        self.up = False
        self._path = socket_path
        self._reserved: socket.socket | None = None
        self.port = 0
        if socket_path is None:
            self._reserved = _bound(0)
            self.port = int(self._reserved.getsockname()[1])
        self._runner: web.AppRunner | None = None
        self._site: web.BaseSite | None = None
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[object]] = set()
        self._lock = asyncio.Lock()

    @property
    def url(self) -> str:
        """Return where it is found."""
        if self._path is not None:
            return f"unix://{self._path}"
        return f"{'redis' if isinstance(self.program, StreamProgram) else 'http'}://{LOOPBACK}:{self.port}"

    async def settle(self) -> None:
        """Listen, or stop listening, as the process and its reachability are now."""
        async with self._lock:
            wanted = self.up and self.mode != "refused"
            if wanted and self._site is None and self._server is None:
                await self._listen()
            elif not wanted:
                await self._close()

    async def stop(self) -> None:
        """Give everything back."""
        async with self._lock:
            await self._close()
            if self._runner is not None:
                await self._runner.cleanup()
            if self._reserved is not None:
                self._reserved.close()

    async def _listen(self) -> None:
        program = self.program
        if isinstance(program, StreamProgram):
            self._server = await asyncio.start_server(self._converse, sock=_bound(self.port), backlog=BACKLOG)
            return
        assert isinstance(program, HttpProgram)  # noqa: S101 - a program speaks one of the two
        application = web.Application(middlewares=[self._reached], client_max_size=16 << 20)
        application.add_routes(program.routes())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._site = web.UnixSite(self._runner, str(self._path))
        else:
            self._site = web.SockSite(self._runner, _bound(self.port), backlog=BACKLOG)
        await self._site.start()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._busy:
                task.cancel()
            self._server = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = self._site = None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None and isinstance(self.program, StreamProgram)  # noqa: S101, PT018
        self._busy.add(task)
        try:
            if self.mode == "hanging":
                await asyncio.sleep(HANG_SECONDS)
            elif self.mode in ("garbage", "error"):
                writer.write(GARBAGE)
                await writer.drain()
            else:
                if self.mode == "slow":
                    await asyncio.sleep(SLOW_SECONDS)
                await self.program.connection(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._busy.discard(task)
            with contextlib.suppress(ConnectionError, RuntimeError):
                writer.close()

    @web.middleware
    async def _reached(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        mode = self.mode
        if not self.up or mode == "refused":
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError
        if mode == "hanging":
            await asyncio.sleep(HANG_SECONDS)
        elif mode == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        elif mode == "garbage":
            return web.Response(body=GARBAGE, content_type="application/octet-stream")
        elif mode == "error":
            return web.Response(status=500, text="Internal Server Error")
        return await handler(request)


class Site:
    """A world on the network. Belongs to the event loop on which it is started.

    `folder` is for unix sockets and log files; None: there are neither.
    """

    def __init__(self, world: World, folder: Path | None = None) -> None:
        self.world = world
        self.programs: dict[str, Program] = {name: make(world) for name, make in makers(world.fleet)}
        for program in self.programs.values():
            world.subscribe(program.handlers())
        self.places: dict[str, Place] = {}
        self._folder = folder
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None
        self._changed: set[str] = set()
        self._modes: dict[str, str] = {}
        for kind in (Started, Ended, Reachability):
            world.subscribe({(kind, ""): self._note})

    async def start(self) -> None:
        """Let the programs listen and time go on. The world is brought to the present before."""
        for name, program in self.programs.items():
            path = None
            if name.endswith("/docker"):
                if self._folder is None:
                    continue
                path = self._folder / f"{name.replace('/', '-')}.sock"
            self.places[name] = Place(name, program, path)
        await self._come()
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Close everything."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        await asyncio.gather(*(place.stop() for place in self.places.values()))

    def urls(self) -> dict[str, str]:
        """Return where each program is found."""
        return {name: place.url for name, place in self.places.items()}

    async def refresh(self) -> None:
        """Bring the world to the present, and every listener to what it now should be."""
        self.world.present()
        await self._come()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.refresh()

    async def _come(self) -> None:
        states = self.world.processes.all
        changed, self._changed = self._changed, set()
        for name, place in self.places.items():
            if place.up != states[name].up or name in changed:
                place.up, place.mode = states[name].up, self._modes.get(name, "ok")
                await place.settle()

    def _note(self, event: Event) -> None:
        assert isinstance(event, Started | Ended | Reachability)  # noqa: S101
        if isinstance(event, Reachability):
            self._modes[event.process] = event.mode
        self._changed.add(event.process)


@contextlib.asynccontextmanager
async def serving(world: World, folder: Path | None = None) -> AsyncIterator[Site]:
    """Serve a world while the block runs."""
    site = Site(world, folder)
    world.present()
    try:
        await site.start()
        yield site
    finally:
        await site.stop()


def _bound(port: int) -> socket.socket:
    """Return a socket on a loopback port that several of ours may share; clients reach the one that listens."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if hasattr(socket, "SO_REUSEPORT") else 15, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((LOOPBACK, port))
    found.setblocking(False)
    os.set_inheritable(found.fileno(), False)
    return found
