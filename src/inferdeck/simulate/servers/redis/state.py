"""What a Redis counts: the commands that its gateways send for each event, and those of real clients."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inferdeck.simulate.events import (
    Answered,
    Arrived,
    Attempted,
    AttemptEnded,
    CacheAsked,
    Ended,
    Reconfigured,
    Started,
)
from inferdeck.simulate.fleet import Cache, Fleet, Gateway
from inferdeck.simulate.servers import physics
from inferdeck.simulate.servers.machine import cache_cores
from inferdeck.simulate.servers.program import Handler
from inferdeck.simulate.servers.redis import costs
from inferdeck.simulate.servers.redis.keyspace import (
    LIMIT,
    NUMBER_BYTES,
    RESPONSE,
    USAGE,
    WINDOW_SECONDS,
    Entry,
    Key,
    Keyspace,
    response_bytes,
)

STARTUP_BYTES = 876_328
CONNECTIONS_PER_WORKER = 2
"""Of a gateway's connection pool."""
RATE_SLOTS = 16
"""Redis' instantaneous rates are means over 16 samples, 100 ms apart."""
RESIDENT_SHARE = 1.06
"""Resident bytes per byte of the highest use: what the allocator does not give back."""
_KEY = 80


@dataclass(slots=True)
class Link:
    """The connections of one gateway."""

    gateway: Gateway
    first: int
    since: float
    count: int
    last: float = 0.0
    command: str = "NULL"


class State:
    """One life of the server: everything here begins at 0 when it starts."""

    def __init__(self, keys: Keyspace, now: float, pid: int, version: str) -> None:
        self.keys = keys
        self.started, self.pid, self.version = now, pid, version
        self.expired_before, self.evicted_before, self.changes_before = keys.expired, keys.evicted, keys.changes
        keys.peak = keys.bytes
        self.bundles: dict[costs.Bundle, int] = {}
        """Not yet counted in `stats`."""
        self._stats: dict[str, costs.Stat] = {}
        self.errors: Counter[str] = Counter()
        self.commands = 0
        self.hits = 0
        self.misses = 0
        self.input_bytes = 0
        self.output_bytes = 0
        self.connections = 0
        self.next_client = 1
        self.clients = 0
        """Real ones that are connected."""
        self.links: dict[str, Link] = {}
        self.in_flight: set[int] = set()
        self.cpu_seconds = 0.0
        self.cpu_since = now
        self._last = [-1, 0, 0, 0]
        self._rate: deque[list[int]] = deque(maxlen=RATE_SLOTS)

    @property
    def stats(self) -> dict[str, costs.Stat]:
        """What is kept of each command, in the order in which they were first called."""
        for bundle, times in self.bundles.items():
            for command, took in bundle.times:
                self._stat(command).add(took, times)
        self.bundles.clear()
        return self._stats

    def _stat(self, command: str) -> costs.Stat:
        stat = self._stats.get(command)
        if stat is None:
            stat = self._stats[command] = costs.Stat()
        return stat

    def count(self, now: float, command: str, took: int, asked: int = costs.FRAME_BYTES, told: int = 5) -> None:
        """Count one command that took these nanoseconds, with its bytes."""
        self._stat(command).add(took)
        self._count(int(now * 10), 1, asked, told)

    def count_all(self, now: float, bundles: Sequence[costs.Bundle]) -> None:
        """Count commands that came together."""
        commands = asked = told = 0
        for bundle in bundles:
            self.bundles[bundle] = self.bundles.get(bundle, 0) + 1
            commands += bundle.count
            asked += bundle.asked
            told += bundle.told
        self._count(int(now * 10), commands, asked, told)

    def _count(self, slot: int, commands: int, asked: int, told: int) -> None:
        self.commands += commands
        self.input_bytes += asked
        self.output_bytes += told
        last = self._last
        if last[0] == slot:
            last[1] += commands
            last[2] += asked
            last[3] += told
        else:
            self._last = [slot, commands, asked, told]
            self._rate.append(self._last)

    def rates(self, now: float) -> tuple[float, float, float]:
        """Return commands, bytes in and bytes out per second of late."""
        first = int(now * 10) - RATE_SLOTS
        late = [slot for slot in self._rate if slot[0] > first]
        seconds = RATE_SLOTS / 10
        return tuple(sum(slot[place] for slot in late) / seconds for place in (1, 2, 3))  # type: ignore[return-value]

    def connected(self) -> int:
        """Return how many clients are connected."""
        return self.clients + sum(link.count for link in self.links.values())

    def settle(self, now: float) -> None:
        """Bring the processor time to this moment."""
        if now > self.cpu_since:
            self.cpu_seconds += cache_cores(len(self.in_flight)) * (now - self.cpu_since)
            self.cpu_since = now

    def table_bytes(self) -> tuple[int, int]:
        """Return the sizes of the dictionaries of keys and of expiries."""
        count = len(self.keys.entries)
        if not count:
            return 0, 0
        buckets = max(4, 1 << (count - 1).bit_length())
        return buckets * 8 + count * 40, buckets * 8 + count * 24

    def used_bytes(self) -> int:
        """Return used_memory."""
        return STARTUP_BYTES + 200 + sum(self.table_bytes()) + self.keys.bytes + 22_400 * self.connected()

    def peak_bytes(self) -> int:
        """Return used_memory_peak."""
        return self.used_bytes() + self.keys.peak - self.keys.bytes

    def resident_bytes(self) -> int:
        """Return used_memory_rss."""
        return int(physics.RESIDENT["cache"] + RESIDENT_SHARE * (self.peak_bytes() - STARTUP_BYTES))


class Traffic:
    """What one gateway asks of the Redis: the commands of LiteLLM's cache, rate limiter and router."""

    def __init__(self, gateway: Gateway, state: Callable[[], State | None]) -> None:
        self.gateway = gateway
        self._state = state
        self._groups = _groups(gateway)
        self._scopes: dict[tuple[str, str], list[tuple[Key, Key, Key]]] = {}
        self._minute = -1
        self._usage: dict[tuple[str, str], tuple[Key, Key]] = {}
        """The tpm and rpm keys of a deployment and a model in this minute."""

    def handlers(self) -> dict[tuple[type, str], Handler]:
        """Return what to call for which events."""
        name = self.gateway.name
        return {
            (Started, name): self._up,
            (Ended, name): self._down,
            (Reconfigured, name): self._set,
            (Arrived, name): self._arrived,
            (CacheAsked, name): self._asked,
            (Attempted, name): self._attempted,
            (AttemptEnded, name): self._attempt_ended,
            (Answered, name): self._answered,
        }

    def connect(self, state: State, now: float) -> Link:
        """Return the gateway's connections, made where there are none."""
        link = state.links.get(self.gateway.name)
        if link is None:
            count = self.gateway.workers * CONNECTIONS_PER_WORKER
            link = state.links[self.gateway.name] = Link(self.gateway, state.next_client, now, count)
            state.connections += count
            state.next_client += count
        return link

    def _at(self, now: float, command: str) -> State | None:
        state = self._state()
        if state is not None:
            state.keys.expire(now)
            link = state.links.get(self.gateway.name) or self.connect(state, now)
            link.last, link.command = now, command
        return state

    def _up(self, event: Started) -> None:
        state = self._state()
        if state is not None:
            state.links.pop(self.gateway.name, None)
            self.connect(state, event.time)

    def _down(self, _event: Ended) -> None:
        state = self._state()
        if state is not None:
            state.links.pop(self.gateway.name, None)

    def _set(self, event: Reconfigured) -> None:
        self.gateway = event.settings
        self._groups = _groups(self.gateway)

    def _limits(self, agent: str, team: str) -> list[tuple[Key, Key, Key]]:
        """Return the keys of the rate limiter: window, requests and tokens of the API key and of the team."""
        found = self._scopes.get((agent, team))
        if found is None:
            scopes = [(scope, name) for scope, name in (("api_key", agent), ("team", team)) if name]
            found = self._scopes[agent, team] = [
                ((LIMIT, *scope, "window"), (LIMIT, *scope, "requests"), (LIMIT, *scope, "tokens")) for scope in scopes
            ]
        return found

    def _counters(self, deployment: str, group: str, now: float) -> tuple[Key, Key]:
        """Return the keys of the router's counters in this minute."""
        minute = int(now // 60)
        if minute != self._minute:
            self._minute = minute
            self._usage.clear()
        found = self._usage.get((deployment, group))
        if found is None:
            tpm, rpm = ((USAGE, deployment, group, kind, minute) for kind in ("tpm", "rpm"))
            found = self._usage[deployment, group] = tpm, rpm
        return found

    def _arrived(self, event: Arrived) -> None:
        """The rate limiter's script looks at the windows of the key and of the team and raises their counters."""
        now, request = event.time, event.request
        state = self._at(now, "evalsha")
        if state is None:
            return
        state.settle(now)
        state.in_flight.add(request.id)
        keys, did = state.keys, [_EVALSHA]
        for window, requests, _ in self._limits(request.agent, request.team):
            if keys.find(window) is not None:
                state.hits += 1
                did.append(_LOOK)
            else:
                state.misses += 1
                keys.put(window, Entry(now + WINDOW_SECONDS, float(int(now)), made=now))
                did.append(_OPEN)
            keys.add(requests, 1.0, now)
        state.count_all(now, did)

    def _asked(self, event: CacheAsked) -> None:
        now, request = event.time, event.request
        state = self._at(now, "get")
        if state is None:
            return
        if not event.hit:
            state.misses += 1
            state.count_all(now, (_MISS,))
            return
        entry = state.keys.find((RESPONSE, request.prompt, request.model))
        size = entry.size if entry is not None else 0
        state.hits += 1
        state.count(now, "get", costs.nanoseconds("get", size), costs.FRAME_BYTES + 64, size or costs.REPLY_BYTES)

    def _attempted(self, event: Attempted) -> None:
        """The router reads the usage of the group's deployments in this minute."""
        now = event.time
        state = self._at(now, "mget")
        if state is None:
            return
        places = self._groups.get(event.group, (event.deployment,))
        entries, found = state.keys.entries, 0
        for place in places:
            tpm, rpm = self._counters(place, event.group, now)
            found += (tpm in entries) + (rpm in entries)
        asked = 2 * len(places)
        state.hits += found
        state.misses += asked - found
        took = costs.nanoseconds("mget", 0, asked)
        state.count(now, "mget", took, costs.FRAME_BYTES + asked * _KEY, 8 * asked)

    def _attempt_ended(self, event: AttemptEnded) -> None:
        if event.fault is not None:
            return
        now, usage = event.time, event.usage
        state = self._at(now, "incrbyfloat")
        if state is None:
            return
        tpm, rpm = self._counters(event.deployment, event.group, now)
        did = [_USAGE]
        for key, by in ((tpm, float(usage.input + usage.output)), (rpm, 1.0)):
            if state.keys.add(key, by, now):
                did.append(_EXPIRE)
        state.count_all(now, did)

    def _answered(self, event: Answered) -> None:
        now, request, usage = event.time, event.request, event.usage
        state = self._at(now, "incrby")
        if state is None:
            return
        state.settle(now)
        state.in_flight.discard(request.id)
        tokens = float(usage.input + usage.output)
        if tokens and not event.cached:
            limits = self._limits(request.agent, request.team)
            for _, _, key in limits:
                state.keys.add(key, tokens, now)
            state.count_all(now, (_TOKENS,) * len(limits))
        if event.fault is None and not event.cached and self.gateway.cache_seconds is not None:
            size = response_bytes(usage.output)
            entry = Entry(now + self.gateway.cache_seconds, float(usage.output), usage.input, size, now)
            state.keys.put((RESPONSE, request.prompt, request.model), entry)
            took = costs.nanoseconds("set", size)
            state.count(now, "set", took, costs.FRAME_BYTES + 64 + size, costs.REPLY_BYTES)


def _groups(gateway: Gateway) -> dict[str, tuple[str, ...]]:
    """Return the deployments of each public model."""
    found: dict[str, tuple[str, ...]] = {}
    for place in gateway.deployments:
        found[place.model] = (*found.get(place.model, ()), place.id)
    return found


def keyspace(cache: Cache) -> Keyspace:
    """Return the empty database of a Redis."""
    return Keyspace(max(0.0, cache.max_memory_bytes - STARTUP_BYTES - NUMBER_BYTES))


def traffic(cache: Cache, fleet: Fleet, state: Callable[[], State | None]) -> list[Traffic]:
    """Return the traffic of every gateway that uses this Redis."""
    return [Traffic(gateway, state) for gateway in fleet.gateways if gateway.cache == cache.name]


_LOOK = costs.Bundle(("get", "incrby"), 0, 0)
"""A script's commands have no bytes of their own."""
_OPEN = costs.Bundle(("get", "set", "set"), 0, 0)
_EVALSHA = costs.Bundle(("evalsha",), 4 * _KEY + costs.FRAME_BYTES, 40)
_MISS = costs.Bundle(("get",), costs.FRAME_BYTES + 64, costs.REPLY_BYTES)
_USAGE = costs.Bundle(("incrbyfloat", "incrbyfloat"), 2 * (costs.FRAME_BYTES + _KEY), 16)
_EXPIRE = costs.Bundle(("expire",), costs.FRAME_BYTES + _KEY, 4)
_TOKENS = costs.Bundle(("incrby",), costs.FRAME_BYTES + _KEY, 8)
