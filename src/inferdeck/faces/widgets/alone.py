"""Whether services answer, asked by ourselves while no daemon runs: what it listed in targets.json, all at once.

The file holds harmless questions alone (daemon/targets_file.py): a path that costs nothing, or a connection and no
more. No keys are sent.
"""

from __future__ import annotations

import _thread
import time

from inferdeck.faces.widgets.ask import left
from inferdeck.faces.widgets.place import bytes_of
from inferdeck.faces.widgets.tcp import connected

NAME = "targets.json"
MOST = 64
_ENOUGH_BYTES = 64


class Probe:
    """One service: what it is called, where it listens, what it is asked (an empty path: nothing).

    role: gateway, engine or ""; environment: where it belongs to.
    """

    __slots__ = ("environment", "host", "name", "path", "port", "role", "seconds")

    def __init__(self, name: str, host: str, port: int, path: str, role: str = "", environment: str = "") -> None:
        self.name = name
        self.host = host
        self.port = port
        self.path = path
        self.role = role
        self.environment = environment
        self.seconds: float | None = None
        """How long the answer took, None where there was none."""


def probes(data_dir: str) -> list[Probe]:
    """Return what the daemon listed; [] where it listed nothing or the file cannot be read."""
    text = bytes_of(f"{data_dir}/{NAME}") if data_dir else b""
    if not text:
        return []
    import json

    try:
        found = json.loads(text)
        listed = [
            Probe(
                str(one["name"]),
                str(one["host"]),
                int(one["port"]),
                str(one.get("path", "")),
                str(one.get("role", "")),
                str(one.get("environment", "")),
            )
            for one in found["targets"][:MOST]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return [one for one in listed if 0 < one.port < 65536 and one.path.isascii() and one.path.isprintable()]


def look(wanted: list[Probe], end: float) -> None:
    """Ask them all at once, and wait until they have answered or until `end` (monotonic seconds)."""
    todo = [len(wanted)]
    done, counting = _thread.allocate_lock(), _thread.allocate_lock()
    done.acquire()

    def run(one: Probe) -> None:
        try:
            one.seconds = _answered(one, end)
        except (OSError, ValueError, OverflowError):
            one.seconds = None
        with counting:
            todo[0] -= 1
            if not todo[0]:
                done.release()

    for one in wanted:
        _thread.start_new_thread(run, (one,))
    if wanted:
        done.acquire(timeout=max(0.0, end - time.monotonic()))


def _answered(one: Probe, end: float) -> float | None:
    began = time.monotonic()
    connection = connected(one.host, one.port, end)
    try:
        if one.path:
            host = f"[{one.host}]" if ":" in one.host else one.host
            request = f"GET {one.path} HTTP/1.0\r\nHost: {host}:{one.port}\r\nConnection: close\r\n\r\n"
            connection.settimeout(left(end))
            connection.sendall(request.encode())
            received = b""
            while len(received) < _ENOUGH_BYTES and b"\r\n" not in received:
                connection.settimeout(left(end))
                chunk = connection.recv(_ENOUGH_BYTES)
                if not chunk:
                    break
                received += chunk
            if not _is_up(received):
                return None
    finally:
        connection.close()
    return time.monotonic() - began


def _is_up(received: bytes) -> bool:
    """What wants a key, or has no such path, answers all the same; an error of its own is none."""
    words = received.split(b" ")
    return len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1][:1] in (b"2", b"3", b"4")


def table(wanted: list[Probe], why: str) -> tuple[list[str], str]:
    """Return the lines that tell of them and why we asked ourselves, and their state as a whole."""
    up = sum(one.seconds is not None for one in wanted)
    lines = [f"Health {up}/{len(wanted)} up, {why}"]
    width = max(len(one.name) for one in wanted)
    for one in wanted:
        took = "DOWN -" if one.seconds is None else f"UP   {one.seconds * 1000:.1f}ms"
        lines.append(f"{one.name:{width}} {f'({one.port})':7} {took}")
    return lines, _state(wanted)


def _state(wanted: list[Probe]) -> str:
    """Return the state of the whole by the daemon's own rule (render/widgets/health.py)."""
    down = [one for one in wanted if one.seconds is None]
    answering = {one.environment for one in wanted if one.role == "engine" and one.seconds is not None}
    if any(one.role == "gateway" or (one.role == "engine" and one.environment not in answering) for one in down):
        return "critical"
    return "warning" if down else "ok"
