"""The same question over TCP, in a thread: a name that is slow to resolve must not hold a prompt."""

from __future__ import annotations

import _socket
import _thread
import time

from inferdeck.faces.widgets.ask import LATE, NO_DAEMON, NO_DAEMONS_ANSWER, Answer, Silent, exchange, left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from inferdeck.faces.widgets.place import Place

    T = TypeVar("T")

_PORTS = {"http": 80, "https": 443}


def over_tcp(place: Place, wanted: str, end: float) -> Answer:
    """Return the answer of the daemon at the place's URL; raises Silent at `end` at the latest."""
    secure, host, port = split(place.url)
    token = f"Authorization: Bearer {place.token}\r\n" if place.token.isprintable() and place.token else ""
    named = f"[{host}]" if ":" in host else host
    request = f"GET {wanted} HTTP/1.0\r\nHost: {named}:{port}\r\n{token}\r\n".encode("utf-8", "surrogateescape")

    def talk() -> Answer:
        connection = connected(host, port, end)
        try:
            if secure:
                connection = _secured(connection, host)
            return exchange(connection, request, end)
        finally:
            connection.close()

    try:
        answer = within(end, talk)
    except TimeoutError:
        raise Silent(LATE) from None
    except (OSError, ValueError, OverflowError):
        raise Silent(NO_DAEMON) from None
    if not is_harmless(answer.body):
        raise Silent(NO_DAEMONS_ANSWER)
    return answer


def is_harmless(body: bytes) -> bool:
    """Return whether a terminal would do nothing but draw it: a port, unlike our socket, may be anybody's.

    What daemons draw is UTF-8 without control characters but line breaks and colours (ECMA-48, SGR).
    """
    try:
        first, *parts = body.decode().split("\x1b[")
    except UnicodeDecodeError:
        return False
    texts = [first]
    for part in parts:
        colour, found, text = part.partition("m")
        if not found or not all(letter in "0123456789;" for letter in colour):
            return False
        texts.append(text)
    return not any((letter < " " and letter != "\n") or "\x7f" <= letter <= "\x9f" for text in texts for letter in text)


def split(url: str) -> tuple[bool, str, int]:
    """Return whether it is https, the host and the port of http(s)://HOST[:PORT]; raises Silent for anything else."""
    scheme, _, rest = url.partition("://")
    rest = rest.partition("/")[0]
    host, _, port = rest.rpartition(":") if not rest.endswith("]") and ":" in rest else (rest, "", "")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
    number = number or (_PORTS.get(scheme, 0) if not port else 0)
    wrong = not host or not all(letter.isalnum() or letter in "-._:%" for letter in host)
    if scheme not in _PORTS or not 0 < number < 65536 or wrong:
        raise Silent("the daemon's URL is not one: write http://HOST:PORT")
    return scheme == "https", host, number


def connected(host: str, port: int, end: float) -> _socket.socket:
    """Return a connection; raises OSError and TimeoutError. Resolving a name takes as long as it takes."""
    failure: OSError = OSError(host)
    for family, kind, protocol, _, address in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        connection = _socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left(end))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def within(end: float, work: Callable[[], T]) -> T:
    """Return what the work returns, raise what it raises; TimeoutError at `end`, when it goes on without anybody."""
    done = _thread.allocate_lock()
    done.acquire()
    results: list[T] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # raised again by who waits
            failures.append(error)
        finally:
            done.release()

    _thread.start_new_thread(run, ())
    done.acquire(timeout=max(0.0, end - time.monotonic()))
    if results:
        return results[0]
    raise failures[0] if failures else TimeoutError


def _secured(connection: _socket.socket, host: str) -> _socket.socket:
    import socket
    import ssl

    plain = socket.socket(fileno=connection.detach())
    # Their interface is the same as far as it is used here.
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
