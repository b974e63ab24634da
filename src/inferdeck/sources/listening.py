"""What listens on this machine: the candidates of discovery, with process names where the system tells them.

Linux lists every listening socket of our network namespace with the number of its inode (proc_pid_net(5)); who holds
it is looked up once per inode, since that takes a walk over all open files of all processes.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import psutil

from inferdeck.sources import cgroup

WELL_KNOWN_PORTS = (3000, 4000, 6379, 8000, 8001, 8080, 8428, 9090, 9100, 9400, 11434, 30000)
"""Langfuse, LiteLLM, Redis, vLLM (two), llama.cpp and TGI, VictoriaMetrics, Prometheus, node_exporter, dcgm-exporter,
Ollama, SGLang: tried where the system does not list sockets."""
CONNECT_SECONDS = 0.3
PROC = Path("/proc")
_LISTEN = " 0A "
_ANY4, _ANY6 = "0.0.0.0", "::"  # noqa: S104 - compared with, never bound
_LOCAL4, _LOCAL6 = "127.0.0.1", "::1"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One listening socket that we can reach; pid 0 and process "" where they are not known."""

    host: str
    port: int
    pid: int = 0
    process: str = ""
    inode: int = 0
    """The socket's own number, 0 where it is not known."""
    other_host: str = ""
    """Where to try when `host` refuses: a socket bound to all IPv6 addresses need not take IPv4."""
    container: str = ""
    """The name of the container behind it, "" where there is none or it is not known."""
    container_id: str = ""
    """12 hexadecimal digits."""
    inner_port: int = 0
    """The port inside the container where that is published."""
    image: str = ""

    @property
    def address(self) -> str:
        """host:port, with brackets around IPv6."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def key(self) -> tuple[str, int, int, str]:
        """What it is known by: another program on the same port has another one."""
        number = self.inode or self.pid
        return self.host, self.port, number, "" if number else self.container_id


@dataclass(frozen=True, slots=True)
class _Row:
    ip: str
    port: int
    inode: int


class Sockets:
    """Lists what listens, again and again; remembers who holds which socket. Used by one thread at a time."""

    def __init__(self, own_ports: Iterable[int], proc: Path = PROC) -> None:
        self._ours = frozenset(own_ports)
        self._proc = proc
        self._holders: dict[int, tuple[int, str, str]] = {}
        """Inode -> pid, process name, id of its container."""
        self._last: tuple[list[_Row], list[Candidate]] = ([], [])
        self.walks = 0
        """How many times the open files of all processes were walked over."""

    def __call__(self) -> list[Candidate]:
        """Return what listens on an address of this machine, by port; ours left out.

        Where the system does not list sockets to us (macOS without root), the well-known ports are tried instead.
        Blocks for some milliseconds: call it in a thread.
        """
        found = self._from_linux() if (self._proc / "net" / "tcp").exists() else _from_psutil()
        ours = [one for one in found if one.port not in self._ours and one.pid != os.getpid()]
        return sorted(ours, key=lambda one: (one.port, one.host))

    def _from_linux(self) -> list[Candidate]:
        rows = list(_rows(self._proc))
        if rows == self._last[0]:
            return self._last[1]
        self._find_holders({row.inode for row in rows})
        made: list[Candidate] = []
        for row in rows:
            pid, process, container = self._holders.get(row.inode, (0, "", ""))
            made += _candidates(row.ip, row.port, pid, process, row.inode, container)
        self._last = (rows, _once(made))
        return self._last[1]

    def _find_holders(self, inodes: Collection[int]) -> None:
        """Look up who holds the sockets that are new; one that cannot be looked up is not tried again."""
        self._holders = {inode: holder for inode, holder in self._holders.items() if inode in inodes}
        wanted = {inode for inode in inodes if inode not in self._holders}
        if not wanted:
            return
        self.walks += 1
        found = _holders(self._proc, wanted)
        for inode in wanted:
            pid = found.get(inode, 0)
            container = cgroup.container(pid, self._proc) if pid else ""
            self._holders[inode] = (pid, _process(pid), container)


def listening(own_ports: Iterable[int]) -> list[Candidate]:
    """Return what listens on this machine now, ours left out."""
    return Sockets(own_ports)()


def _rows(proc: Path) -> Iterator[_Row]:
    for name in ("tcp", "tcp6"):
        try:
            text = (proc / "net" / name).read_text("ascii", "replace")
        except OSError:  # a kernel without IPv6
            continue
        for line in text.splitlines()[1:]:
            if _LISTEN not in line:
                continue
            parts = line.split()
            if len(parts) > 9 and parts[3] == _LISTEN.strip():
                address, _, port = parts[1].partition(":")
                yield _Row(_ip(address), int(port, 16), int(parts[9]))


@lru_cache(maxsize=256)
def _ip(text: str) -> str:
    """Return the address that the kernel writes as 32-bit words in the machine's own byte order."""
    words = bytes.fromhex(text)
    packed = struct.pack(f">{len(words) // 4}I", *struct.unpack(f"={len(words) // 4}I", words))
    found = ipaddress.ip_address(packed)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _candidates(ip: str, port: int, pid: int, process: str, inode: int, container: str) -> Iterator[Candidate]:
    made = Candidate("", port, pid, process, inode, container_id=container)
    if ip == _ANY4:
        yield replace(made, host=_LOCAL4)
    elif ip == _ANY6:
        yield replace(made, host=_LOCAL4, other_host=_LOCAL6)
    elif not ipaddress.ip_address(ip).is_link_local:  # those need the name of an interface beside them
        yield replace(made, host=ip)


def _once(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Leave one of each program's addresses on a port: loopback before others, IPv4 before IPv6, the oldest socket."""
    best: dict[tuple[object, ...], Candidate] = {}
    for one in sorted(candidates, key=lambda one: (not _is_loopback(one.host), ":" in one.host, one.inode)):
        # Sockets whose process is not known are taken for one program's, as those of two users on a port are rare.
        best.setdefault((one.port, one.pid), one)
    found: dict[tuple[str, int], Candidate] = {}
    for one in best.values():
        # Several processes may share a port (SO_REUSEPORT).
        found.setdefault((one.host, one.port), one)
    return list(found.values())


def _is_loopback(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_loopback


def _holders(proc: Path, inodes: Collection[int]) -> dict[int, int]:
    """Return which process holds each socket: the one with the lowest number where several do."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, int] = {}
    for pid in sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()):
        if len(found) == len(wanted):
            break
        for link in _open_files(f"{proc}/{pid}/fd"):
            inode = wanted.get(link)
            if inode is not None:
                found.setdefault(inode, pid)
    return found


def _open_files(folder: str) -> Iterator[str]:
    """Yield what a process has open; nothing of one that is another user's or has gone."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                yield os.readlink(entry.path)  # noqa: PTH115 - there are many thousands


def _from_psutil() -> list[Candidate]:
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.AccessDenied, PermissionError, OSError):
        return [Candidate(_LOCAL4, port) for port in WELL_KNOWN_PORTS if _answers(port)]
    made: list[Candidate] = []
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr:
            made += _candidates(one.laddr.ip, one.laddr.port, one.pid or 0, _process(one.pid), 0, "")
    return _once(made)


def _process(pid: int | None) -> str:
    if not pid:
        return ""
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return ""


def _answers(port: int) -> bool:
    try:
        socket.create_connection((_LOCAL4, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
