"""Two listeners in the daemon's own loop: TCP, and a unix socket whose peers must be our own user."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inferdeck.errors import ConfigError, StoreLockedError

STOP_SECONDS = 2
LARGEST_HEAD_BYTES = 64 << 10
"""Of a request: its line, headers and trailers. The body has a limit of its own, see guard.py."""
_PEER = struct.Struct("3i")


class BoundedProtocol(HttpToolsProtocol):
    """HTTP whose requests cannot grow without end outside their bodies, of which the parser itself takes no care."""

    _outside = 0

    def data_received(self, data: bytes) -> None:
        self._outside += len(data)
        super().data_received(data)
        if self._outside > LARGEST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request line and headers are too large.")

    def on_body(self, body: bytes) -> None:
        # As much again for the frames of a chunked body.
        self._outside -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._outside = 0
        super().on_message_complete()


class PeerCheckedProtocol(BoundedProtocol):
    """HTTP over a unix socket for processes of our own user (and root), where the system tells who the peer is."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not peer_allowed(transport.get_extra_info("socket")):
            transport.abort()


def peer_allowed(connection: socket.socket) -> bool:
    """Return whether the process at the other end runs as our user or as root (SO_PEERCRED, unix(7))."""
    if not hasattr(socket, "SO_PEERCRED"):
        # Elsewhere the 0700 directory is the guard.
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(credentials)
    return uid in (os.getuid(), 0)


class _Server(uvicorn.Server):
    """Leaves signals to the daemon, and sleeps until it is told to stop instead of ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        await self._stopping.wait()

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()


class Listener:
    """One bound socket that serves one application."""

    def __init__(self, app: ASGIApp, bound: socket.socket, *, peers_checked: bool) -> None:
        config = uvicorn.Config(
            app,
            http=PeerCheckedProtocol if peers_checked else BoundedProtocol,
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = _Server(config)
        self._socket = bound
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections from now on."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Close the listener, give running answers STOP_SECONDS, then end; idempotent."""
        self._server.stop()
        if self._task is not None:
            await self._task
            self._task = None
        self._socket.close()


def bind_tcp(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; raises ConfigError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        reason = "another program listens there" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
        raise ConfigError(f"listen: cannot listen on {host}:{port}: {reason}; choose another listen.port") from error
    # Accepted connections inherit it; without, an answer's body waits 40 ms for the client to confirm its headers.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def bind_unix(path: Path) -> socket.socket:
    """Return a listening unix socket in a directory of mode 0700 that is ours; a dead one's file is replaced.

    Raises StoreLockedError where a living daemon answers there, ConfigError where the place is not ours or too long.
    """
    _own_directory(path.parent)
    if path.is_symlink() or (path.exists() and not stat.S_ISSOCK(path.lstat().st_mode)):
        raise ConfigError(f"listen.unix_socket: {path} exists and is not a socket; choose another path")
    if path.exists():
        if _answers(path):
            raise StoreLockedError(f"another inferdeck answers at {path}; set listen.unix_socket for a second one")
        path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o600)
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise ConfigError(f"listen.unix_socket: cannot listen at {path}: {error}") from error
    return bound


def _own_directory(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise ConfigError(f"listen.unix_socket: cannot make {folder}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigError(f"listen.unix_socket: {folder} does not belong to this user; choose another place")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"listen.unix_socket: others may enter {folder}; run: chmod 700 {folder}")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
