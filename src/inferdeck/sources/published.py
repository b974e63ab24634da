"""The Docker Engine's sockets (Podman's too) and what its containers publish: one GET /containers/json, no other.

Port maps: https://docs.docker.com/reference/api/engine/ (ContainerList). A socket gives whoever may read it the whole
machine; nothing else is asked of it here.
"""

from __future__ import annotations

import asyncio
import getpass
import grp
import ipaddress
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from inferdeck.sources.listening import Candidate
from inferdeck.sources.marks import docker_header
from inferdeck.sources.probing import HEADERS, Answer

LIST_PATH = "/containers/json"
MOST_LIST_BYTES = 8 * 2**20
"""Of the list of containers: about 2 kB each."""
LIST_SECONDS = 5.0
_ID_DIGITS = 12
_LONGEST_NAME = 255
_WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, never bound


@dataclass(frozen=True, slots=True)
class Container:
    """A running container: its short id, name, image without the registry's part, and (host ip, port, inner port)."""

    id: str
    name: str
    image: str
    ports: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Engine:
    """What stands behind one socket; `trouble` is "denied", "silent" or "stranger" where it is not read."""

    path: str
    containers: tuple[Container, ...] = ()
    marks: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def url(self) -> str:
        """Where a source reads it."""
        return f"unix://{self.path}"

    @property
    def fix(self) -> str:
        """The line that opens a socket that is closed to us."""
        return _joining(self.path) if self.trouble == "denied" else ""


def sockets(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the sockets that exist: $DOCKER_HOST, Docker's and Podman's, the machine's and our user's own."""
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    home = environ.get("HOME", "")
    named = environ.get("DOCKER_HOST", "")
    paths = [
        named.removeprefix("unix://") if named.startswith("unix:///") else "",
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",
        f"{home}/.docker/run/docker.sock" if home else "",
        "/run/podman/podman.sock",
        f"{runtime}/podman/podman.sock",
    ]
    found: dict[tuple[int, int], str] = {}
    for path in filter(None, paths):
        try:
            facts = Path(path).stat()
        except OSError:
            continue
        if stat.S_ISSOCK(facts.st_mode):
            found.setdefault((facts.st_dev, facts.st_ino), path)
    return list(found.values())


async def engine(path: str) -> Engine:
    """Return what answers at a socket; never raises."""
    if not os.access(path, os.R_OK | os.W_OK):
        return Engine(path, trouble="denied")
    answer = await _list(path)
    if not answer.status:
        return Engine(path, trouble="silent")
    rows = answer.json()
    if not answer.ok or not docker_header(answer) or not isinstance(rows, list):
        return Engine(path, trouble="stranger")
    marks = ("its headers are the Docker Engine's", f"GET {LIST_PATH} lists containers")
    return Engine(path, tuple(_containers(rows)), marks)


async def _list(path: str) -> Answer:
    client = aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(path, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=HEADERS,
        trust_env=False,
    )
    try:
        url = f"http://docker{LIST_PATH}"
        async with asyncio.timeout(LIST_SECONDS), client, client.get(url, allow_redirects=False) as answer:
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > MOST_LIST_BYTES:
                    return Answer()
            return Answer(answer.status, answer.headers.copy(), bytes(body))
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
        return Answer()


def _containers(rows: list[Any]) -> Iterator[Container]:
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("Id"), str):
            continue
        names = row.get("Names")
        name = str(names[0]).lstrip("/") if isinstance(names, list) and names else row["Id"][:_ID_DIGITS]
        ports = row.get("Ports")
        mapped = [one for one in ports if _is_published(one)] if isinstance(ports, list) else []
        yield Container(
            row["Id"][:_ID_DIGITS],
            name[:_LONGEST_NAME],
            str(row.get("Image", ""))[:_LONGEST_NAME],
            tuple((str(one.get("IP", "")), one["PublicPort"], one["PrivatePort"]) for one in mapped),
        )


def _joining(path: str) -> str:
    try:
        group = grp.getgrgid(Path(path).stat().st_gid).gr_name
        user = getpass.getuser()
    except (OSError, KeyError):
        return ""
    return f"sudo usermod -aG {group} {user}, then log in anew (who is in that group can do what root can)"


def _is_published(port: Any) -> bool:
    if not isinstance(port, dict) or port.get("Type", "tcp") != "tcp":
        return False
    return all(isinstance(port.get(key), int) and 0 < port[key] < 65536 for key in ("PublicPort", "PrivatePort"))


def named(candidates: Iterable[Candidate], engines: Iterable[Engine]) -> list[Candidate]:
    """Return the candidates with the containers behind them, and those that only the port maps tell of.

    A container's port that is published several times stays once.
    """
    containers = [one for engine in engines for one in engine.containers]
    by_id = {one.id: one for one in containers}
    by_port = {port: (one, ip, inner) for one in containers for ip, port, inner in sorted(one.ports, reverse=True)}
    found = []
    for candidate in candidates:
        behind = by_port.pop(candidate.port, None)
        if behind is not None and not candidate.container_id:
            container, _, inner = behind
            found.append(_of(candidate, container, inner))
        else:
            inside = by_id.get(candidate.container_id)
            found.append(_of(candidate, inside, 0) if inside else candidate)
    for port, (container, ip, inner) in by_port.items():
        found.append(_of(Candidate(_host(ip), port), container, inner))
    return _published_once(found)


def _of(candidate: Candidate, container: Container, inner: int) -> Candidate:
    return replace(
        candidate, container=container.name, container_id=container.id, image=container.image, inner_port=inner
    )


def _host(ip: str) -> str:
    return "127.0.0.1" if ip in _WILDCARDS or not _is_address(ip) else ip


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _published_once(candidates: list[Candidate]) -> list[Candidate]:
    seen: set[tuple[str, int]] = set()
    found = []
    for one in sorted(candidates, key=lambda one: (one.port, one.host)):
        key = (one.container_id, one.inner_port)
        if one.inner_port and key in seen:
            continue
        seen.add(key)
        found.append(one)
    return found
