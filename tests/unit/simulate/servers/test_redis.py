"""The simulated Redis: what its official client reads of it is what happened, in the captured server's own form."""

from __future__ import annotations

import asyncio
import re
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio

from inferdeck.simulate.events import (
    Answered,
    Arrived,
    Attempted,
    CacheAsked,
    CacheFlushed,
    ClockShifted,
    Ended,
    Event,
    Started,
)
from inferdeck.simulate.servers.redis import Redis, build
from inferdeck.simulate.servers.redis.costs import highest
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small
from tests.unit.simulate.servers import loopback

SAMPLES = Path(__file__).parents[1] / "samples" / "redis"


class Watched:
    """A world with its Redis and the log of what happened."""

    def __init__(self, seconds: float) -> None:
        fleet = small(60.0)
        self.world = World(fleet, seed=3, start=MONDAY_TEN)
        self.server: Redis = build(fleet.caches[0], fleet, self.world)
        self.events: list[Event] = []
        self.world.subscribe(self.server.handlers())
        self.world.kernel.watch(self.events.append)
        self.world.run_until(MONDAY_TEN + seconds)

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched(400.0)


@pytest.fixture(scope="module")
def port(watched: Watched) -> Iterator[int]:
    with loopback.tcp(watched.server) as port:
        yield port


@pytest.fixture(params=[2, 3])
def client(port: int, request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    with redis.Redis(port=port, protocol=request.param, decode_responses=True) as client:
        yield client


def _fields(text: str) -> list[str]:
    """Return section titles and field names in their order; those whose names are data count as one."""
    names: list[str] = []
    for line in text.splitlines():
        name = line if line.startswith("#") else line.partition(":")[0]
        name = re.sub(r"^(cmdstat|latency_percentiles_usec|errorstat)_.*", r"\1", name)
        if name and names[-1:] != [name]:
            names.append(name)
    return names


@pytest.mark.parametrize("section", ["all", "everything"])
def test_info_has_the_captured_fields_in_their_order(port: int, section: str) -> None:
    raw = _info(port, section)
    captured = (SAMPLES / f"info_{section}.txt").read_text()
    assert [name for name in _fields(raw) if name != "errorstat"] == _fields(captured)


def _info(port: int, section: str) -> str:
    with socket.create_connection(("127.0.0.1", port), 10) as connection, connection.makefile("rb") as answer:
        connection.sendall(f"INFO {section}\r\n".encode())
        return answer.read(int(answer.readline()[1:])).decode()


def test_hits_and_misses_are_those_of_the_gateway(watched: Watched) -> None:
    state = watched.server.state
    asked = [event for event in watched.events if isinstance(event, CacheAsked)]
    attempts = [event for event in watched.events if isinstance(event, Attempted)]
    size = Counter(place.model for place in watched.world.fleet.gateways[0].deployments)
    lookups = sum(2 * size[event.group] for event in attempts)
    arrivals = watched.count(Arrived)
    assert state.stats["get"].calls >= len(asked) + 2 * arrivals
    assert state.stats["mget"].calls == len(attempts)
    fresh = Watched(400.0).server.state
    assert fresh.hits + fresh.misses == len(asked) + 2 * arrivals + lookups
    assert fresh.hits >= sum(event.hit for event in asked)


def test_every_remembered_response_is_a_key(watched: Watched, client: redis.Redis) -> None:
    now = watched.world.now
    expected = {
        (event.request.prompt, event.request.model): event.time + 600.0
        for event in watched.events
        if isinstance(event, Answered) and event.fault is None and not event.cached
    }
    alive = {key for key, end in expected.items() if end > now}
    names = list(client.scan_iter(count=7))
    responses = [name for name in names if re.fullmatch("[0-9a-f]{64}", name)]
    assert len(names) == len(set(names)) == client.dbsize()
    assert len(responses) == len(alive)
    assert all(0 < int(client.ttl(name)) <= 600 for name in responses[:20])


def test_a_keys_values_agree(client: redis.Redis) -> None:
    name = next(name for name in client.scan_iter(match="[0-9a-f]*") if len(name) == 64)
    assert client.type(name) == "string"
    assert client.strlen(name) == len(str(client.get(name)))
    assert int(client.memory_usage(name) or 0) > int(client.strlen(name))
    assert abs(int(client.pttl(name)) / 1000 - int(client.ttl(name))) <= 1
    assert client.exists(name, "nothing") == 1
    assert client.ttl("nothing") == -2
    assert client.get("nothing") is None
    windows = list(client.scan_iter(match="{team:*}:tokens"))
    assert windows
    assert all(int(str(client.get(name))) > 0 for name in windows)


def test_a_pipeline_is_answered_in_its_order(client: redis.Redis) -> None:
    names = list(client.scan_iter())[:10]
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.ttl(name)
        pipeline.memory_usage(name, samples=0)
    answers = pipeline.execute()
    assert len(answers) == 20
    assert all(isinstance(answer, int) for answer in answers)


def test_what_an_observer_asks(client: redis.Redis) -> None:
    assert client.ping()
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
    assert client.config_get("nope") == {}
    assert client.slowlog_get() == []
    assert client.slowlog_len() == 0
    assert client.execute_command("LATENCY", "LATEST") == []  # type: ignore[no-untyped-call]
    assert client.latency_reset() == 0
    assert client.memory_stats()["keys.count"] == client.dbsize()
    assert "Sam" in str(client.execute_command("MEMORY", "DOCTOR"))  # type: ignore[no-untyped-call]
    me = client.client_info()
    assert me["cmd"] == "client|info"
    assert str(me["id"]) in {str(other["id"]) for other in client.client_list()}
    assert client.client_setname("observer")
    assert client.client_getname() == "observer"
    assert client.command_count() > 30
    assert client.execute_command("LATENCY", "HISTOGRAM", "get")  # type: ignore[no-untyped-call]


def test_client_list_has_the_captured_fields(port: int) -> None:
    captured = [pair.partition("=")[0] for pair in (SAMPLES / "client_list.txt").read_text().split()]
    with redis.Redis(port=port) as client:
        raw = client.client_list()
    assert [list(one) for one in raw] == [captured] * len(raw)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("nosuch", "a", "b"), "unknown command 'nosuch', with args beginning with: 'a' 'b' "),
        (("get",), "wrong number of arguments for 'get' command"),
        (("client", "foo"), "unknown subcommand 'foo'. Try CLIENT HELP."),
        (("select", "99"), "DB index is out of range"),
        (("select", "abc"), "value is not an integer or out of range"),
        (("scan", "abc"), "invalid cursor"),
        (("scan", "0", "count", "0"), "syntax error"),
        (("scan", "0", "foo"), "syntax error"),
        (("auth", "a", "b"), "invalid username-password pair or user is disabled."),
        (("ping", "a", "b"), "wrong number of arguments for 'ping' command"),
        (("slowlog", "get", "abc"), "count should be greater than or equal to -1"),
        (("set", "a", "b"), "this user has no permissions to run the 'set' command"),
    ],
)
def test_errors_are_the_real_ones(port: int, command: tuple[str, ...], message: str) -> None:
    with redis.Redis(port=port) as client, pytest.raises(redis.RedisError, match=re.escape(message)):
        client.execute_command(*command)


async def test_garbage_is_answered_and_the_connection_ends(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"*1\r\n!3\r\n")
    assert await reader.read() == b"-ERR Protocol error: expected '$', got '!'\r\n"
    writer.close()
    await writer.wait_closed()


async def test_an_inline_command(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PING\r\nECHO 'a b'\r\n")
    assert await reader.readexactly(16) == b"+PONG\r\n$3\r\na b\r\n"
    writer.close()
    await writer.wait_closed()


async def test_the_asynchronous_client(port: int) -> None:
    async with redis.asyncio.Redis(port=port, protocol=3) as client:
        info = await client.info("everything")
        assert info["redis_version"] == "7.0.15"
        assert len([key async for key in client.scan_iter(count=100)]) == await client.dbsize()


def test_a_restart_begins_at_zero_and_a_flush_empties() -> None:
    watched = Watched(200.0)
    server, world = watched.server, watched.world
    before = server.state
    assert before.commands and before.keys.entries
    world.kernel.emit(ClockShifted(world.now, "app-1", 30.0), "app-1")
    assert server.clock_offset == 30.0
    world.kernel.emit(Ended(world.now, "redis", 0, "restart"), "redis")
    world.kernel.emit(Started(world.now + 1, "redis", "7.0.15", 77, "restart"), "redis")
    assert (server.state.commands, server.state.hits, len(server.keys.entries)) == (0, 0, 0)
    world.run_until(world.now + 60)
    assert server.state.commands
    world.kernel.emit(CacheFlushed(world.now, "redis"), "redis")
    assert not server.keys.entries
    assert server.keys.bytes == 0


def test_little_memory_evicts_the_least_recently_used() -> None:
    watched = Watched(10.0)
    server = watched.server
    server.keys.limit = 40_000.0
    watched.world.run_until(watched.world.now + 120)
    assert server.keys.evicted > 0
    assert server.keys.bytes <= 40_000


def test_buckets_are_those_of_the_captured_percentiles() -> None:
    for value, shown in ((4_000, 4_015), (6_000, 6_015), (201_000, 201_727), (10_000, 10_047)):
        assert highest(value) == shown
