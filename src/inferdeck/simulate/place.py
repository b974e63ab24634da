"""One program on the network: a port (or unix socket) of its own, closed while it is down, and what a client meets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from inferdeck.errors import UnavailableError
from inferdeck.simulate.servers.program import HttpProgram, Program, StillError, StreamProgram

LOOPBACK = "127.0.0.1"
HANG_SECONDS = 3600.0
SLOW_SECONDS = 5.0
GARBAGE = b"\x00\xff<<<{[ this is no answer of this program \xfe\n" * 20
BACKLOG = 128
SHUTDOWN_SECONDS = 0.5
LONGEST_PATH = 107
"""Linux' sockaddr_un has 108 bytes with the closing zero."""


class Place:
    """One program on the network. It holds its port for as long as the fleet lives, so that nobody else takes it."""

    def __init__(self, name: str, program: Program, *, port: int = 0, path: Path | None = None) -> None:
        self.name = name
        self.program = program
        self.mode = "ok"
        self.up = False
        if path is not None and len(os.fsencode(path)) > LONGEST_PATH:
            raise UnavailableError(f"{path}: the path of a unix socket has at most {LONGEST_PATH} bytes")
        self._path = path
        self._reserved: socket.socket | None = None
        self.port = 0
        if path is None:
            self._reserved = _reserve(port)
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

    async def settle(self, *, anew: bool = False) -> None:
        """Listen, or stop listening, as the process and its reachability are now; `anew`: it is another process."""
        async with self._lock:
            wanted = self.up and self.mode != "refused"
            if anew:
                await self._close()
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
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    async def _listen(self) -> None:
        program = self.program
        if isinstance(program, StreamProgram):
            self._server = await asyncio.start_server(self._converse, sock=_listener(self.port), backlog=BACKLOG)
            return
        assert isinstance(program, HttpProgram)  # noqa: S101 - a program speaks one of the two
        application = web.Application(middlewares=[self._reached], client_max_size=16 << 20)
        application.add_routes(program.routes())
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await self._runner.setup()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._site = web.UnixSite(self._runner, str(self._path))
        else:
            self._site = web.SockSite(self._runner, _listener(self.port), backlog=BACKLOG)
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
        try:
            return await handler(request)
        except StillError as error:
            return _refusal(str(error))


def _refusal(message: str) -> web.Response:
    body = {"error": {"message": message, "type": "ServiceUnavailableError", "param": None, "code": "503"}}
    return web.Response(status=503, text=json.dumps(body), content_type="application/json")


def _reserve(port: int) -> socket.socket:
    """Take a port for as long as the fleet lives; raises UnavailableError where another program has it."""
    if port:
        try:
            # Without SO_REUSEPORT, so that another fleet's port is not shared; connections that ended do not matter.
            with _socket(socket.SO_REUSEADDR) as probe:
                probe.bind((LOOPBACK, port))
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise UnavailableError(f"port {port} of {LOOPBACK}: {reason}") from error
    # Without SO_REUSEADDR: with it on both sides another's probe would succeed while we do not listen.
    found = _socket(socket.SO_REUSEPORT)
    found.bind((LOOPBACK, port))
    return found


def _listener(port: int) -> socket.socket:
    """Return a socket for a port that is reserved: clients reach the one that listens."""
    found = _socket(socket.SO_REUSEPORT, socket.SO_REUSEADDR)
    found.bind((LOOPBACK, port))
    return found


def _socket(*options: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setblocking(False)
    for option in options:
        found.setsockopt(socket.SOL_SOCKET, option, 1)
    return found
