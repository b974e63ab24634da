"""What may listen where a daemon is looked for: each test says in bytes what it answers."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "inferdeck")
PATIENT = ("--timeout", "20000")
Talk = Callable[[socket.socket], None]
BODY = "Service Health Status\n✅ LiteLLM (4000) UP\n".encode()


def whole(body: bytes = BODY, state: str = "ok", status: str = "200 OK", more: str = "") -> bytes:
    """Return an answer as the daemon gives it."""
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nx-inferdeck-state: {state}\r\nage: 3\r\n{more}\r\n"
    return head.encode() + body


class Asked:
    """What was asked for, request by request."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []

    def saying(self, answer: bytes) -> Talk:
        """Answer every request with these bytes."""

        def talk(connection: socket.socket) -> None:
            self.requests.append(connection.recv(65536))
            connection.sendall(answer)

        return talk


@contextlib.contextmanager
def listening(bound: socket.socket, talk: Talk) -> Iterator[None]:
    """Let something listen on a bound socket, one connection after the other."""
    ended = threading.Event()
    bound.listen(8)
    bound.settimeout(0.05)

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                connection, _ = bound.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(10)
                    talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        bound.close()


@contextlib.contextmanager
def daemon(path: Path, talk: Talk) -> Iterator[None]:
    """Let something listen on a unix socket."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    with listening(bound, talk):
        yield


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment that knows nothing but a home."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], **more}


def widget(
    home: Path, *words: str, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run inferdeck widget as a program of its own, with all the time that a busy machine takes unless it is said."""
    if "--timeout" not in words and words[:1] != ("--help",):
        words = (*words, *PATIENT)
    return subprocess.run(
        [COMMAND, "widget", *words],
        env=environment(home) if environ is None else environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=cwd or home,
    )
