"""One Redis: its database, its statistics and its connections.

It keeps nothing on disk (`save ""`): a restart loses its keys.

Captured: Redis 7.0.15. Unverified, since no capture backs it: the processor time (`physics`), the sizes of connections'
buffers, the texts of MEMORY DOCTOR and LATENCY DOCTOR (from Redis' sources), what other versions say (7.2's fields of
CLIENT LIST alone are known), and everything that a replica, a cluster or append-only files would add. What a client
would change is refused as by an ACL (NOPERM).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from inferdeck.simulate.events import CacheFlushed, ClockShifted, Ended, Started
from inferdeck.simulate.fleet import Cache, Fleet
from inferdeck.simulate.servers.machine import together
from inferdeck.simulate.servers.program import Handler, World
from inferdeck.simulate.servers.redis import commands, costs, keyspace, reports, wire
from inferdeck.simulate.servers.redis.info import Place
from inferdeck.simulate.servers.redis.names import Names
from inferdeck.simulate.servers.redis.series import Series
from inferdeck.simulate.servers.redis.state import State, traffic
from inferdeck.simulate.servers.redis.state import keyspace as empty
from inferdeck.simulate.table import Table

DESCRIPTORS = 8
"""File descriptors that the server has before its first client's."""


@dataclass(slots=True)
class Client:
    """One real connection."""

    id: int
    address: str
    local: str
    since: float
    last: float
    protocol: int = 2
    db: int = 0
    name: str = ""
    command: str = "NULL"
    leaving: bool = False
    library: dict[str, str] = field(default_factory=dict)


class Redis:
    """The server."""

    def __init__(self, cache: Cache, fleet: Fleet, world: World) -> None:
        self.process = cache.name
        self.port = 6379
        self.tables: list[Table] = []
        self.version = cache.version
        self.clock_offset = 0.0
        self.now = 0.0
        self.keys = empty(cache)
        self.names = Names()
        self.cursor = 0
        memory = next((host.memory_bytes for host in fleet.hosts if host.name == cache.host), 16 * 2.0**30)
        self.place = Place(cache.name, self.port, memory, int(cache.max_memory_bytes), 0.0)
        self._cache, self._world = cache, world
        self._state: State | None = None
        self._series = Series()
        self._clients: dict[int, Client] = {}
        self._traffic = traffic(cache, fleet, lambda: self._state)
        self.configuration = reports.configuration() | {
            "port": str(self.port),
            "maxmemory": str(self.place.max_memory_bytes),
        }

    @property
    def state(self) -> State:
        """What it counts since it began; before its first event it began at this moment."""
        if self._state is None:
            self._state = State(self.keys, self.now, 1, self.version)
        return self._state

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers."""
        return tuple(int(part) for part in self.version.split(".") if part.isdigit())

    def handlers(self) -> dict[tuple[type, str], Handler]:
        """Return what to call for which events."""
        found: dict[tuple[type, str], list[Handler]] = {
            (Started, self.process): [self._begun],
            (Ended, self.process): [self._over],
            (CacheFlushed, self.process): [self._flushed],
        }
        if self._cache.host:
            found[ClockShifted, self._cache.host] = [self._clock]
        for gateway in self._traffic:
            for key, handler in gateway.handlers().items():
                found.setdefault(key, []).append(handler)
        return {key: together(handlers) for key, handlers in found.items()}

    def refresh(self, now: float) -> None:
        """Let keys expire and bring the table to this moment: it says what redis_exporter would."""
        self._advance(now)
        if self._state is not None:
            self._series.refresh(self._state, self.place, self.now)

    def _advance(self, now: float) -> None:
        self.now = max(self.now, now)
        self.keys.expire(self.now)
        if self._state is not None:
            self._state.settle(self.now)

    def resident_bytes(self) -> int:
        """Return its resident memory; 0 while it is down."""
        return 0 if self._state is None else self._state.resident_bytes()

    def _begun(self, event: Started) -> None:
        self.keys.clear()
        self.version, self.now = event.version or self.version, event.time
        self._state = State(self.keys, event.time, event.pid, self.version)
        self._series = Series()
        self.tables[:] = [self._series.table]

    def _over(self, _event: Ended) -> None:
        self._state = None

    def _flushed(self, _event: CacheFlushed) -> None:
        self.keys.clear()

    def _clock(self, event: ClockShifted) -> None:
        self.clock_offset = event.seconds
        self.place = replace(self.place, clock_offset=event.seconds)

    def look(self, client: Client, name: bytes) -> tuple[keyspace.Key, keyspace.Entry] | None:
        """Return a key for a reading command, which counts as a hit or a miss."""
        found = None if client.db else self.names.find(self.keys, name, self.now)
        self.state.hits += found is not None
        self.state.misses += found is None
        return found

    def describe(self, client: Client) -> str:
        """Return a line of CLIENT LIST."""
        return self._line(
            client.id,
            client.address,
            client.local,
            client.name,
            client.since,
            client.last,
            client.command,
            client.db,
            client.protocol,
        )

    def client_lines(self) -> list[str]:
        """Return CLIENT LIST: the gateways' connections and the real ones."""
        return [*self._gateway_lines(), *(self.describe(client) for client in self._clients.values())]

    def _gateway_lines(self) -> Iterator[str]:
        for place, link in enumerate(self.state.links.values()):
            for number in range(link.count):
                own = link.first + number
                address = f"10.0.0.{place + 2}:{32768 + own * 7 % 28000}"
                last = link.last or link.since
                yield self._line(own, address, f"10.0.0.1:{self.port}", "", link.since, last, link.command, 0, 2)

    def _line(
        self,
        number: int,
        address: str,
        local: str,
        name: str,
        since: float,
        last: float,
        command: str,
        db: int,
        protocol: int,
    ) -> str:
        own = f"id={number} addr={address} laddr={local} fd={DESCRIPTORS + number % 1000} name={name}"
        times = f"age={int(self.now - since)} idle={int(self.now - last)}"
        buffers = "sub=0 psub=0 ssub=0 multi=-1 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=16384 rbp=16384"
        tail = f"obl=0 oll=0 omem=0 tot-mem=37658 events=r cmd={command} user=default redir=-1 resp={protocol}"
        if self.release >= (7, 2):
            library = self._clients[number].library if number in self._clients else {}
            tail += f" lib-name={library.get('lib-name', '')} lib-ver={library.get('lib-ver', '')}"
        return f"{own} {times} flags=N db={db} {buffers} {tail}"

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        self._advance(self._world.present())
        state = self.state
        addresses = [_address(writer.get_extra_info(which)) for which in ("peername", "sockname")]
        client = Client(state.next_client, addresses[0], addresses[1], self.now, self.now)
        state.next_client += 1
        state.connections += 1
        state.clients += 1
        self._clients[client.id] = client
        try:
            await self._serve(client, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._clients.pop(client.id, None)
            state.clients -= 1
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not client.leaving:
            try:
                words = await wire.read(reader)
            except wire.ProtocolError as error:
                writer.write(wire.encode(wire.Refusal(f"ERR Protocol error: {error}"), client.protocol))
                self._error("ERR")
                break
            if words is None:
                break
            if words:
                self._advance(self._world.present())
                writer.write(self.answer(client, words))
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    def answer(self, client: Client, words: list[bytes]) -> bytes:
        """Return the reply to one command, and count it."""
        state, asked = self.state, sum(map(len, words)) + 6 * len(words)
        client.last, client.command = self.now, commands.full_name(words)
        name, reply = commands.run(self, client, words)
        sent = wire.encode(reply, client.protocol)
        refusal = reply.message if isinstance(reply, wire.Refusal) else ""
        if refusal:
            self._error(refusal.split(" ", 1)[0])
        if name and ("wrong number of arguments" in refusal or refusal.startswith("NOPERM")):
            state.stats.setdefault(name, costs.Stat()).rejected += 1
        elif name:
            state.count(self.now, name, costs.nanoseconds(name, len(sent)), asked, len(sent))
            state.stats[name].failed += bool(refusal)
        return sent

    def _error(self, code: str) -> None:
        self.state.errors[code] += 1


def build(cache: Cache, fleet: Fleet, world: World) -> Redis:
    """Return the Redis of this name."""
    return Redis(cache, fleet, world)


def _address(pair: object) -> str:
    return f"{pair[0]}:{pair[1]}" if isinstance(pair, tuple) and len(pair) >= 2 else "127.0.0.1:0"
