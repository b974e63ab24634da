"""The Docker client: frames and times of real logs, the agreed API version, GETs only, bounds."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.config.schema import TargetConfig
from inferdeck.errors import AuthError, ConfigError, ConnectError, MalformedError, StatusError
from inferdeck.sources import catalog, dockerd
from inferdeck.sources.dockerd import DockerClient, Frames, Line
from inferdeck.sources.http import HttpClient
from tests.unit.sources.endpoint import raw, serving

SAMPLES = Path(catalog.FOLDER) / "docker/samples"


def sample(name: str) -> bytes:
    return (SAMPLES / f"dockerd-20.10.24-{name}").read_bytes()


def lines(body: bytes, *cuts: int) -> list[Line]:
    frames = Frames()
    edges = [0, *sorted({min(cut, len(body)) for cut in cuts}), len(body)]
    found = [line for start, end in itertools.pairwise(edges) for line in frames.feed(body[start:end])]
    return [*found, *frames.rest()]


def test_frames_of_a_real_log_become_lines_with_their_times() -> None:
    assert [(line.stream, line.text) for line in lines(sample("logs.bin"))] == [
        ("stdout", "tick"),
        ("stdout", "tick"),
        ("stderr", "err"),
        ("stdout", "tick"),
        ("stderr", "err"),
    ]
    assert lines(sample("logs.bin"))[0].time_ns == dockerd.nanoseconds("2026-11-21T02:11:56.471717071Z")


def test_the_log_of_a_terminal_has_no_frames() -> None:
    assert [(line.stream, line.text) for line in lines(sample("logs-tty.txt"))] == [("", "ttytick")] * 3


@given(st.lists(st.integers(0, 240), max_size=12))
def test_it_does_not_matter_where_the_network_cuts_a_log(cuts: list[int]) -> None:
    for name in ("logs.bin", "logs-tty.txt"):
        assert lines(sample(name), *cuts) == lines(sample(name))


def frame(text: bytes, stream: int = 1) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(text).to_bytes(4, "big") + text


def test_a_long_line_is_cut_and_says_by_how_much() -> None:
    stamp = b"2026-11-21T02:11:56.471717071Z "
    (line,) = lines(frame(stamp + b"x" * 70_000 + b"\n"))
    assert len(line.text) + len(stamp) == dockerd.LONGEST_LINE
    assert line.cut + len(line.text) == 70_000


def test_a_line_in_parts_is_one_line_and_streams_do_not_mix() -> None:
    body = frame(b"2026-11-21T02:11:56Z one ") + frame(b"2026-11-21T02:11:57Z err\n", 2) + frame(b"line\n")
    assert [(line.stream, line.text) for line in lines(body)] == [("stderr", "err"), ("stdout", "one line")]


def test_what_is_no_docker_log_is_said() -> None:
    with pytest.raises(MalformedError, match="no Docker log"):
        lines(b"\x01\x02\x03\x04\x05\x06\x07\x08rest")


@given(st.binary(max_size=400))
def test_any_bytes_are_lines_or_an_error(body: bytes) -> None:
    with contextlib.suppress(MalformedError):
        lines(body)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("2026-11-21T02:12:29.876773051Z", 1795227149876773051),
        ("2026-11-21T02:12:29Z", 1795227149000000000),
        ("2026-11-21T02:12:29.5Z", 1795227149500000000),
        ("2026-11-21T03:12:29.5+01:00", 1795227149500000000),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_as_go_writes_them(text: str, nanos: int | None) -> None:
    assert dockerd.nanoseconds(text) == nanos


@pytest.mark.parametrize(
    ("given_url", "found"),
    [
        ("unix:///run/docker.sock", "unix:///run/docker.sock"),
        ("tcp://10.0.0.1", "http://10.0.0.1:2375"),
        ("tcp://10.0.0.1:2375", "http://10.0.0.1:2375"),
        ("tcp://10.0.0.1:2376", "https://10.0.0.1:2376"),
        ("http://proxy:2375", "http://proxy:2375"),
    ],
)
def test_docker_host_becomes_a_url(given_url: str, found: str) -> None:
    assert dockerd.address(given_url) == found


@pytest.mark.parametrize("url", ["ssh://me@host", "npipe:////./pipe/docker_engine", "nonsense"])
def test_ways_that_are_not_read_are_refused_with_those_that_are(url: str) -> None:
    with pytest.raises(ConfigError, match=r"unix:///path, tcp://host:2375"):
        dockerd.address(url)


def test_docker_host_goes_before_sockets(tmp_path: Path) -> None:
    assert dockerd.place({"DOCKER_HOST": "tcp://build:2375"}) == "tcp://build:2375"


class Engine:
    """A daemon on loopback that remembers what it was asked."""

    def __init__(self, newest: str = "1.41", oldest: str = "1.12") -> None:
        self.asked: list[tuple[str, str]] = []
        self.newest, self.oldest = newest, oldest
        self.refused: set[str] = set()
        self.url = ""

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.method, request.path))
        if request.path in self.refused:
            return web.Response(status=403)
        if request.path == "/version":
            return web.json_response({"ApiVersion": self.newest, "MinAPIVersion": self.oldest, "Version": "x"})
        if request.path.endswith("/containers/json"):
            return web.json_response([{"Id": "a" * 64}])
        if request.path.endswith("/logs"):
            return web.Response(body=sample("logs.bin"))
        if request.path.endswith("/events"):
            assert json.loads(request.query["filters"]) == {"type": ["container"], "event": ["die", "start"]}
            return web.Response(body=b'{"Action":"start"}\n\x1e{"Action":"die"}\n')
        return web.json_response({"message": "No such container"}, status=404)


@contextlib.asynccontextmanager
async def engine(**versions: str) -> AsyncIterator[tuple[Engine, DockerClient]]:
    daemon = Engine(**versions)
    runner = web.ServerRunner(web.Server(daemon))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    daemon.url = "tcp://{}:{}".format(*runner.addresses[0][:2])
    http = HttpClient()
    try:
        yield daemon, DockerClient(http, TargetConfig(url=daemon.url))
    finally:
        await http.aclose()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.41", "1.12", "/v1.41"), ("1.51", "1.24", "/v1.51"), ("1.57", "1.44", "/v1.51"), ("1.70", "1.60", "/v1.60")],
)
async def test_speaks_an_api_that_the_daemon_accepts(newest: str, oldest: str, spoken: str) -> None:
    async with engine(newest=newest, oldest=oldest) as (daemon, client):
        assert [one["Id"] for one in await client.containers(5)] == ["a" * 64]
        await client.containers(5)
        path = f"{spoken}/containers/json"
        assert daemon.asked == [("GET", "/version"), ("GET", path), ("GET", path)]


async def test_a_proxy_that_hides_the_version_is_asked_without_one() -> None:
    async with engine() as (daemon, client):
        daemon.refused.add("/version")
        await client.containers(5)
        assert daemon.asked[-1] == ("GET", "/containers/json")


async def test_a_container_that_is_gone_is_said_with_its_status() -> None:
    async with engine() as (_, client):
        with pytest.raises(StatusError) as gone:
            await client.inspect("nope", 5)
        assert gone.value.status == 404


async def test_logs_and_events_are_read_as_they_come() -> None:
    async with engine() as (daemon, client):
        found = [line async for line in client.logs("a/../b", since=1.5, tail=3)]
        assert [line.text for line in found] == ["tick", "tick", "err", "tick", "err"]
        async with client.events(5, actions=("start", "die")) as happened:
            assert [one["Action"] async for one in happened] == ["start", "die"]
        assert {method for method, _ in daemon.asked} == {"GET"}


async def test_reading_a_log_stops_at_its_bound() -> None:
    async with engine() as (_, client):
        found = [line async for line in client.logs("a", max_bytes=1)]
        assert found
        assert await client.log_lines("a", max_bytes=1)
        assert await client.log_lines("a") == [line async for line in client.logs("a")]


async def test_a_stream_that_is_refused_or_breaks_is_an_error_that_names_it() -> None:
    async with engine() as (daemon, client):
        daemon.refused.add("/v1.41/events")
        with pytest.raises(AuthError, match="needs a key"):
            async with client.events(5):
                pass

    async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":')

    async def read(http: HttpClient, url: str) -> None:
        async with http.stream(url, settings=TargetConfig(url=url), path="/events", deadline=5) as answer:
            async for _ in answer.pieces:
                pass

    async with raw(cut) as url, http_client() as http:
        with pytest.raises(MalformedError, match="cut off"):
            await read(http, url)
        with pytest.raises(ConnectError, match="refused"):
            await read(http, "http://127.0.0.1:1")


async def test_an_answer_that_is_not_dockers_is_said() -> None:
    async with serving(("/version", page), ("/containers/json", page)) as url, http_client() as http:
        with pytest.raises(MalformedError, match="is this Docker"):
            await DockerClient(http, TargetConfig(url=url)).containers(5)


async def page(_: web.Request) -> web.Response:
    return web.Response(text="<html>")


@contextlib.asynccontextmanager
async def http_client() -> AsyncIterator[HttpClient]:
    http = HttpClient()
    try:
        yield http
    finally:
        await http.aclose()
