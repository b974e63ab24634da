"""A server on a unix socket that passes questions on to a daemon, or holds them up, or answers nonsense."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

SECONDS = 30.0


class Mode(Enum):
    """What becomes of a question."""

    PASS = "pass"
    SLOW = "slow"
    GARBAGE = "garbage"


GARBAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n<html>\x1b[2J\x1b]0;x\x07</html>",
    b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"own": null}'[:-1],
    b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n[]",
    b"\x1b[2J\x1b[?1049l\x00\xff\xfe nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    b"",
)


@dataclass
class Relay:
    """Listens at `path`; `daemon` is the socket of the real one, "" where there is none."""

    path: Path
    daemon: str = ""
    mode: Mode = Mode.PASS
    delay_seconds: float = 0.0
    garbage: tuple[bytes, ...] = GARBAGE
    asked: int = 0
    _listener: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """What --url takes."""
        return f"unix://{self.path}"

    @contextlib.contextmanager
    def open(self) -> Iterator[Relay]:
        """Serve until the block ends."""
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            thread.join(SECONDS)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                found, _ = self._listener.accept()
                self.asked += 1
                threading.Thread(target=self._serve, args=(found, self.mode, self.asked), daemon=True).start()

    def _serve(self, client: socket.socket, mode: Mode, number: int) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(SECONDS)
            if mode is Mode.SLOW:
                self._ended.wait(self.delay_seconds)
            if mode is Mode.GARBAGE:
                client.recv(65536)
                client.sendall(self.garbage[number % len(self.garbage)])
                return
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon:
                daemon.settimeout(SECONDS)
                daemon.connect(self.daemon)
                back = threading.Thread(target=_pour, args=(daemon, client), daemon=True)
                back.start()
                _pour(client, daemon)
                back.join(SECONDS)


def _pour(source: socket.socket, into: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            into.sendall(data)
    with contextlib.suppress(OSError):
        into.shutdown(socket.SHUT_WR)


def until(wanted: object, seconds: float = SECONDS) -> None:
    """Wait until a function returns something; AssertionError where it does not."""
    assert callable(wanted)
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
