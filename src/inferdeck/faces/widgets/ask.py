"""One question to the daemon: HTTP/1.0 on `_socket`, over its unix socket or over TCP, within a deadline.

An answer that is not whole, or not the daemon's, is none: what stands in a prompt must not be a part of something.
"""

from __future__ import annotations

import _socket
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inferdeck.faces.widgets.place import Place
    from inferdeck.faces.widgets.wish import Wish

STATES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""What a widget may say as a whole, and the exit code of --check (Nagios' plugin codes)."""
LARGEST_ANSWER_BYTES = 1 << 20
_CHUNK = 1 << 16
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_ASKED = ("host", "width", "height", "field", "icons", "max_age", "environment", "gateway", "stream", "level")


class Answer:
    """What the daemon answered; age: seconds since its figures were read."""

    __slots__ = ("age", "body", "state", "status")

    def __init__(self, status: int, state: str, age: int, body: bytes) -> None:
        self.status = status
        self.state = state
        self.age = age
        self.body = body


class Silent(Exception):  # noqa: N818 - nothing is wrong with us
    """No answer; says why in a few words that hold nothing from outside."""


NO_DAEMON = "no daemon: run inferdeck up"
LATE = "the daemon does not answer in time"
NOT_OURS = "the daemon's socket belongs to another user"
NO_DAEMONS_ANSWER = "what answers is no inferdeck daemon"


def target(wish: Wish) -> str:
    """Return what is asked for: the path and its parameters, in this order, so that it names a kept answer too."""
    parts = []
    for name in _ASKED:
        value = getattr(wish, name)
        if value is not None and value != "":
            parts.append(f"{name}={quoted(str(value))}")
    return f"/widgets/{wish.name}?{'&'.join(parts)}"


def quoted(text: str) -> str:
    """Return the text percent-encoded (RFC 3986), whatever bytes it is of."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(text))


def ask(place: Place, wanted: str, end: float) -> Answer:
    """Return the daemon's answer; raises Silent at `end` (monotonic seconds) at the latest."""
    if place.socket_path:
        return _over_unix(place.socket_path, wanted, end)
    from inferdeck.faces.widgets.tcp import over_tcp

    return over_tcp(place, wanted, end)


def _over_unix(path: str, wanted: str, end: float) -> Answer:
    try:
        if os.stat(path).st_uid not in (0, os.geteuid()):  # noqa: PTH116
            raise Silent(NOT_OURS)
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    except (OSError, ValueError):
        raise Silent(NO_DAEMON) from None
    try:
        connection.settimeout(left(end))
        connection.connect(path)
        _require_ours(connection)
        return exchange(connection, f"GET {wanted} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode(), end)
    except TimeoutError:
        raise Silent(LATE) from None
    except BlockingIOError:
        # As many wait for it already as may.
        raise Silent(LATE) from None
    except (OSError, ValueError):
        raise Silent(NO_DAEMON) from None
    finally:
        connection.close()


def _require_ours(connection: _socket.socket) -> None:
    """What listens runs as our user or as root, where the system tells (unix(7)): its words go to a terminal as is."""
    option = getattr(_socket, "SO_PEERCRED", None)
    if option is not None:
        told = connection.getsockopt(_socket.SOL_SOCKET, option, 12)
        if int.from_bytes(told[4:8], sys.byteorder) not in (0, os.geteuid()):
            raise Silent(NOT_OURS)


def exchange(connection: _socket.socket, request: bytes, end: float) -> Answer:
    """Send a request and return the whole answer; raises TimeoutError, OSError and Silent."""
    connection.settimeout(left(end))
    connection.sendall(request)
    received = b""
    needed = None
    while needed is None or len(received) < needed:
        connection.settimeout(left(end))
        chunk = connection.recv(_CHUNK)
        received += chunk
        if needed is None and b"\r\n\r\n" in received:
            needed = _length(received)
        if not chunk or len(received) > LARGEST_ANSWER_BYTES:
            break
    return parsed(received)


def left(end: float) -> float:
    """Return the seconds that are left; raises TimeoutError where none are."""
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _length(received: bytes) -> int:
    head, _, _ = received.partition(b"\r\n\r\n")
    _, headers = _head(head)
    text = headers.get(b"content-length", b"")
    if not text.isdigit() or len(text) > 9:
        raise Silent(NO_DAEMONS_ANSWER)
    return len(head) + 4 + int(text)


def _head(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit() or len(words[1]) != 3:
        raise Silent(NO_DAEMONS_ANSWER)
    headers = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    return int(words[1]), headers


def parsed(received: bytes) -> Answer:
    """Return the answer that these bytes are; raises Silent where they are not a whole one of a daemon."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found or _length(received) != len(received):
        raise Silent(NO_DAEMONS_ANSWER)
    status, headers = _head(head)
    state = headers.get(b"x-inferdeck-state", b"").decode("latin-1")
    if status == 200 and state not in STATES:
        raise Silent(NO_DAEMONS_ANSWER)
    age = headers.get(b"age", b"")
    return Answer(status, state, int(age) if age.isdigit() and len(age) < 10 else 0, body)
