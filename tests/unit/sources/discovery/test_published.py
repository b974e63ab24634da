"""Containers' published ports give names to what listens; a Docker socket is asked for its list and nothing else."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inferdeck.sources import published
from inferdeck.sources.listening import Candidate
from inferdeck.sources.published import Container, Engine, engine, named, sockets

SAMPLES = Path(published.__file__).parent / "docker" / "samples"
HEADERS = {"Api-Version": "1.41", "Server": "Docker/20.10.24 (linux)"}


@asynccontextmanager
async def docker(folder: Path, rows: object, headers: dict[str, str], status: int = 200) -> AsyncIterator[list[str]]:
    """Answer at folder/docker.sock; yields what was asked."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path_qs} {sorted(set(request.headers) - {'Host'})}")
        return web.Response(status=status, text=json.dumps(rows), content_type="application/json", headers=headers)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(folder / "docker.sock")).start()
        yield asked
    finally:
        await runner.cleanup()


def row(name: str, *ports: tuple[int, int], image: str = "vllm/vllm-openai:v0.11.0", ip: str = "0.0.0.0") -> Any:
    mapped = [{"IP": ip, "PrivatePort": inner, "PublicPort": outer, "Type": "tcp"} for outer, inner in ports]
    number = name.encode().hex().ljust(64, "0")
    return {"Id": number, "Names": [f"/{name}"], "Image": image, "Ports": [*mapped, {"PrivatePort": 1, "Type": "tcp"}]}


async def test_an_engine_is_asked_once_for_its_list(tmp_path: Path) -> None:
    async with docker(tmp_path, [row("vllm-a", (18000, 8000))], HEADERS) as asked:
        found = await engine(str(tmp_path / "docker.sock"))
    assert asked == ["GET /containers/json ['Accept', 'Accept-Encoding', 'Connection', 'User-Agent']"]
    assert (found.trouble, len(found.marks)) == ("", 2)
    [container] = found.containers
    assert (container.name, container.image, container.ports) == (
        "vllm-a",
        "vllm/vllm-openai:v0.11.0",
        (("0.0.0.0", 18000, 8000),),
    )


async def test_a_list_of_the_real_engine_is_read(tmp_path: Path) -> None:
    rows = json.loads((SAMPLES / "dockerd-20.10.24-containers.json").read_text())
    async with docker(tmp_path, rows, HEADERS):
        found = await engine(str(tmp_path / "docker.sock"))
    assert [one.name for one in found.containers] == [entry["Names"][0].lstrip("/") for entry in rows]
    assert all(one.ports == () for one in found.containers)


@pytest.mark.parametrize(
    ("rows", "headers", "status", "trouble"),
    [
        ([], HEADERS, 200, ""),
        ([], {}, 200, "stranger"),
        ({"message": "no"}, HEADERS, 403, "stranger"),
        ({}, HEADERS, 200, "stranger"),
        ([7, {"Id": 5}, {"Id": "a", "Ports": "x"}, {"Id": "b", "Ports": [{"PublicPort": "1"}]}], HEADERS, 200, ""),
    ],
)
async def test_odd_engines_do_no_harm(
    tmp_path: Path, rows: object, headers: dict[str, str], status: int, trouble: str
) -> None:
    async with docker(tmp_path, rows, headers, status):
        assert (await engine(str(tmp_path / "docker.sock"))).trouble == trouble


async def test_a_socket_without_a_program_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    assert (await engine(str(path))).trouble == "silent"
    assert (await engine(str(tmp_path / "none"))).trouble == "denied"


async def test_a_socket_that_is_closed_to_us_says_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with docker(tmp_path, [], HEADERS) as asked:
        monkeypatch.setattr(os, "access", lambda *_: False)
        found = await engine(str(tmp_path / "docker.sock"))
    assert asked == []
    assert found.trouble == "denied"
    assert "usermod -aG" in found.fix


def test_every_usual_socket_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "podman").mkdir()
    real = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        one.bind(str(real))
        two.bind(str(tmp_path / "podman" / "podman.sock"))
        (tmp_path / "link.sock").symlink_to(real)
        environ = {"XDG_RUNTIME_DIR": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/link.sock"}
        mine = [path for path in sockets(environ) if path.startswith(str(tmp_path))]
        assert mine == [f"{tmp_path}/link.sock", f"{tmp_path}/podman/podman.sock"]
        assert all(stat.S_ISSOCK(Path(path).stat().st_mode) for path in sockets({"DOCKER_HOST": "tcp://h:2375"}))


def containers(*made: Container) -> list[Engine]:
    return [Engine("/s", made)]


def test_a_published_port_names_what_listens_there() -> None:
    engines = containers(Container("a" * 12, "vllm-a", "vllm/vllm-openai", (("0.0.0.0", 18000, 8000),)))
    [found] = named([Candidate("127.0.0.1", 18000, 5, "docker-proxy", 77)], engines)
    assert (found.container, found.inner_port, found.image) == ("vllm-a", 8000, "vllm/vllm-openai")
    assert found.key == Candidate("127.0.0.1", 18000, 5, "docker-proxy", 77).key, "a name changes nothing else"


def test_a_published_port_without_a_listening_socket_is_a_candidate() -> None:
    engines = containers(Container("a" * 12, "vllm-a", "i", (("", 18000, 8000),)),
                         Container("b" * 12, "vllm-b", "i", (("10.0.0.5", 18001, 8000),)))  # fmt: skip
    found = named([], engines)
    assert [(one.address, one.container) for one in found] == [
        ("127.0.0.1:18000", "vllm-a"),
        ("10.0.0.5:18001", "vllm-b"),
    ]
    again = named([], containers(Container("c" * 12, "vllm-c", "i", (("", 18000, 8000),))))
    assert again[0].key != found[0].key, "another container on the port is another candidate"


def test_a_port_published_over_both_families_or_twice_stays_once() -> None:
    ports = (("0.0.0.0", 18000, 8000), ("::", 18000, 8000), ("0.0.0.0", 18080, 8000), ("0.0.0.0", 19090, 9090))
    found = named([Candidate("127.0.0.1", 18080, 9, "docker-proxy")], containers(Container("a" * 12, "v", "i", ports)))
    assert [(one.port, one.inner_port) for one in found] == [(18000, 8000), (19090, 9090)]


def test_a_container_on_the_machines_network_is_named_by_its_id() -> None:
    candidate = Candidate("127.0.0.1", 8000, 5, "python3", 7, container_id="a" * 12)
    [found] = named([candidate], containers(Container("a" * 12, "vllm-a", "img")))
    assert (found.container, found.inner_port) == ("vllm-a", 0)
    assert named([candidate], []) == [candidate]
