"""What listens on this machine: the candidates of discovery, with process names where the system tells them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

WELL_KNOWN_PORTS = (4000, 8080, 6379, 9090, 9100)
"""LiteLLM, llama.cpp, Redis, Prometheus, node_exporter."""
CONNECT_SECONDS = 0.3
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, never bound


@dataclass(frozen=True, slots=True)
class Candidate:
    """One listening socket that can be reached over loopback; pid 0 and process "" where they are not known."""

    host: str
    port: int
    pid: int = 0
    process: str = ""

    @property
    def address(self) -> str:
        """host:port, with brackets around IPv6."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listening(own_ports: Iterable[int]) -> list[Candidate]:
    """Return what listens on loopback or on all addresses, by port; ours left out.

    Where the system does not list sockets to us (macOS without root), the well-known ports are tried instead. Blocks
    for some milliseconds: call it in a thread.
    """
    ours = set(own_ports)
    try:
        found = _from_system()
    except (psutil.AccessDenied, PermissionError, OSError):
        found = {port: Candidate("127.0.0.1", port) for port in WELL_KNOWN_PORTS if _answers(port)}
    return [found[port] for port in sorted(found) if port not in ours and found[port].pid != os.getpid()]


def _from_system() -> dict[int, Candidate]:
    found: dict[int, Candidate] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status != psutil.CONN_LISTEN or not connection.laddr:
            continue
        host = _reachable(connection.laddr.ip)
        if host:
            candidate = Candidate(host, connection.laddr.port, connection.pid or 0, _process(connection.pid))
            known = found.get(candidate.port)
            # The same service often listens on both families: one address of it is enough.
            if known is None or (":" in known.host and ":" not in host):
                found[candidate.port] = candidate
    return found


def _reachable(ip: str) -> str:
    """Return the loopback address that reaches a socket bound to `ip`, "" where none does."""
    if ip in _WILDCARDS:
        return "127.0.0.1"
    return ip if ip.startswith("127.") or ip == "::1" else ""


def _process(pid: int | None) -> str:
    if not pid:
        return ""
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return ""


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
