"""Which container and which systemd unit hold a process, from /proc/PID/cgroup.

Formats: cgroups(7); the names of docker (`docker-ID.scope`, `/docker/ID`), containerd and CRI-O
(`cri-containerd-ID.scope`, `SLICE:cri-containerd:ID`, `crio-ID.scope`, `/kubepods/…/ID`) and podman
(`libpod-ID.scope`, `libpod-payload-ID`), whose ids are 64 hexadecimal digits. A path may begin with `/..` where we see
it from inside a container.
"""

from __future__ import annotations

import re
from pathlib import Path

PROC = Path("/proc")

_ID_DIGITS = 12
_CONTAINER = re.compile(r"(?:.*[-:])?([0-9a-f]{64})(?:\.scope)?")
# The process that watches over a container has a scope with the container's id, but is not inside.
_MONITOR = "conmon"


def container(pid: int, proc: Path = PROC) -> str:
    """Return the 12 hexadecimal digits of the container that holds a process, the innermost of several; "" if none.

    A process that has gone, or whose cgroup may not be read, is in none.
    """
    for parts in _paths(pid, proc):
        for part in reversed(parts):
            if found := _container(part):
                return found[:_ID_DIGITS]
    return ""


def unit(pid: int, proc: Path = PROC) -> str:
    """Return this machine's systemd service that holds a process, or that runs the container which does; "" if none."""
    for parts in _paths(pid, proc):
        outside = parts[: next((at for at, part in enumerate(parts) if _container(part)), len(parts))]
        for part in reversed(outside):
            if part.endswith(".service") and part != ".service" and ":" not in part:
                return part
    return ""


def _paths(pid: int, proc: Path) -> list[list[str]]:
    """Return the cgroup paths of a process as their parts, those of version 2 and of systemd's hierarchy first."""
    try:
        text = (proc / str(pid) / "cgroup").read_text("utf-8", "replace")
    except OSError:
        return []
    rows = [row for row in (line.split(":", 2) for line in text.splitlines()) if len(row) == 3]
    rows.sort(key=lambda row: row[1] not in ("", "name=systemd"))
    return [path.removesuffix(" (deleted)").split("/") for _, _, path in rows]


def _container(part: str) -> str:
    found = _CONTAINER.fullmatch(part)
    return found[1] if found and _MONITOR not in part else ""
