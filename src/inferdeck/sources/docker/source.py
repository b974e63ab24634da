"""The Docker source: one list per collection, an inspection where something changed, statistics of what runs."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from inferdeck.errors import CollectError, ConnectError
from inferdeck.model.clock import Clock
from inferdeck.model.happening import Happening
from inferdeck.model.labels import Labels
from inferdeck.model.log_lines import LogPage, LogQuery, LogStream
from inferdeck.model.masking import mask
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Joined, Part, Sample
from inferdeck.sources.docker import container as containers
from inferdeck.sources.docker import series, stats
from inferdeck.sources.docker.answers import items, text
from inferdeck.sources.docker.config import DockerConfig
from inferdeck.sources.docker.container import Container
from inferdeck.sources.docker.following import Following
from inferdeck.sources.docker.happened import Story
from inferdeck.sources.docker.lines import ContainerLines
from inferdeck.sources.docker.loading import PHASES
from inferdeck.sources.docker.probes import PROBES
from inferdeck.sources.docker.timelines import Timelines
from inferdeck.sources.dockerd import DockerClient, Json
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.spending import CURRENT, Spending, spend

T = TypeVar("T")

PARALLEL = 8
"""Requests to the daemon at a time."""
MOST_INSPECTIONS = 200
"""In one collection; the others are looked at in the next."""
INSPECTION_SECONDS = 120.0
"""Even where nothing seems to have changed: a daemon whose events are not heard restarts containers as well."""
MOST_STATS = 200
STATS_PARALLEL = 64
"""More at a time than other requests: a daemon answers them all with its next sample, which it takes every second."""
KEPT_SECONDS = 300.0
"""How long old statistics stand for a container whose turn has not come."""


@dataclass(slots=True)
class _Known:
    """What one container was when it was last looked at, and its last statistics."""

    value: Container
    columns: Columns
    marks: tuple[str, ...]
    looked: float
    samples: Sequence[Sample] = ()
    read: float = -math.inf
    """When the statistics were read, by the monotonic clock."""
    seen: float = 0.0
    """The same in Unix seconds."""


class DockerSource:
    """One daemon and its containers. A container that vanishes in between is left out; the others are read."""

    kind = "docker"
    probes: Sequence[Probe] = PROBES

    def __init__(self, config: DockerConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self._config = config
        self._clock = clock
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._client = DockerClient(http, config, config.url or "")
        self._following = Following(self._client, self._deadline)
        self._story = Story(target.id)
        self._timelines: Timelines | None = None
        self._target = target.id
        self._extra = extra
        self._nothing, self._joined = Columns(extra), Joined()
        self._known: dict[str, _Known] = {}
        self._stirred: set[str] = set()
        self._ooms: Counter[str] = Counter()
        self._failed: list[str] = []
        self._version: Json = {}
        self._machine = ""
        self._lines = ContainerLines(
            self._client, target.id, lambda: [one.value for one in self._known.values()], clock
        )

    async def collect(self, now: float) -> Collected:
        """Read the daemon once; raises CollectError where it does not answer."""
        own = Spending()
        token = CURRENT.set(own)
        try:
            found = await self._collect(now)
        finally:
            CURRENT.reset(token)
            stream = self._following.spent
            own.requests += stream.requests
            own.response_bytes += stream.response_bytes
            stream.requests = stream.response_bytes = 0
            spend(own.requests, own.response_bytes)
        return replace(found, requests=own.requests, response_bytes=own.response_bytes)

    async def _collect(self, now: float) -> Collected:
        began = self._clock.monotonic()
        warnings: list[str] = []
        entries = await self._entries()
        await self._following.keep(now)
        happenings = self._heard(warnings)
        left = self._inspectable(entries)
        await self._each(left[:MOST_INSPECTIONS], lambda entry: self._inspect(entry, now), began, 0.5)
        missing = len({text(entry, "Id") for entry in entries} - self._known.keys())
        if missing:
            warnings.append(f"{missing} of {len(entries)} containers were not looked at yet; they are next")
        await self._each(self._due(), lambda known: self._measure(known, now), began, 0.75, STATS_PARALLEL)
        happenings += await self._load(now, began)
        if self._failed:
            warnings.append(f"{len(self._failed)} answers about single containers are missing: {self._failed[0]}")
        layout, values = await self._laid_out()
        return Collected(
            layout,
            values,
            inventory=tuple(self._inventory()),
            happenings=tuple(sorted(happenings, key=lambda one: one.time)),
            version=text(self._version, "Version"),
            warnings=tuple(warnings),
        )

    async def aclose(self) -> None:
        """End the stream of events."""
        await self._following.aclose()

    def streams(self) -> Sequence[LogStream]:
        """Return the containers of the last collection."""
        return self._lines.streams()

    async def read(self, query: LogQuery) -> LogPage:
        """Return lines of their logs."""
        return await self._lines.read(query)

    # Reading

    async def _entries(self) -> list[Json]:
        try:
            if not self._version:
                self._version = await self._agree()
            entries = [one for one in await self._client.containers(self._deadline) if text(one, "Id")]
        except CollectError as error:
            self._version = {}
            await self._following.aclose()
            raise _explained(error) from error
        present = {text(one, "Id") for one in entries}
        self._known = {key: known for key, known in self._known.items() if key in present}
        self._ooms = Counter({key: count for key, count in self._ooms.items() if key in present})
        self._stirred &= present
        self._failed.clear()
        return entries

    async def _agree(self) -> Json:
        try:
            found = await self._client.version(self._deadline)
        except ConnectError:
            raise
        except CollectError:
            # A proxy in front may hide it; the list says whether the daemon is there.
            found = {"Version": ""}
        try:
            self._machine = await self._client.machine(self._deadline)
        except ConnectError:
            raise
        except CollectError:
            self._machine = ""
        return found

    def _heard(self, warnings: list[str]) -> list[Happening]:
        """Return what the events since the last collection say, and note whom they are about."""
        told = []
        for event in self._following.take():
            heard = self._story.tell(event)
            about = text(event, "Actor", "ID")
            self._stirred.add(about)
            self._ooms[about] += sum(one.kind == "oom" for one in heard)
            told += heard
        if self._following.trouble:
            warnings.append(f"its events were not heard for a while: {self._following.trouble}")
        if self._following.lost:
            warnings.append(f"{self._following.lost} events came faster than they were told and are lost")
        return told

    def _inspectable(self, entries: Sequence[Json]) -> list[Json]:
        """Return the entries to inspect: new, changed or stirred ones first, running before others, then the oldest."""
        now = self._clock.monotonic()

        def rank(entry: Json) -> tuple[bool, bool, float]:
            known = self._known.get(text(entry, "Id"))
            changed = known is None or known.marks != _marks(entry) or text(entry, "Id") in self._stirred
            return not changed, text(entry, "State") != "running", known.looked if known else 0.0

        def wanted(entry: Json) -> bool:
            known = self._known.get(text(entry, "Id"))
            return not rank(entry)[0] or known is None or now - known.looked >= INSPECTION_SECONDS

        return sorted(filter(wanted, entries), key=rank)

    async def _inspect(self, entry: Json, now: float) -> None:
        found = text(entry, "Id")
        inspected = await self._client.inspect(found, self._deadline)
        self._stirred.discard(found)
        value, looked = containers.read(entry, inspected), self._clock.monotonic()
        self._story.knows(value.name, value.image)
        known = self._known.get(found)
        if known is None:
            self._known[found] = _Known(value, Columns(self._extra), _marks(entry), looked, seen=now)
            return
        if not value.running or known.value.started != value.started:
            known.samples, known.read = (), -math.inf
        known.value, known.marks, known.looked = value, _marks(entry), looked

    def _due(self) -> list[_Known]:
        """Return the running containers whose statistics are due, the oldest first."""
        before = self._clock.monotonic() - self._config.stats_interval * 0.99
        due = [known for known in self._known.values() if known.value.running and known.read <= before]
        return sorted(due, key=lambda known: known.read)[:MOST_STATS]

    async def _measure(self, known: _Known, now: float) -> None:
        found = await self._client.stats(known.value.id, self._deadline)
        known.samples = stats.samples(found, series.identity(known.value))
        known.read, known.seen = self._clock.monotonic(), now

    async def _load(self, now: float, began: float) -> list[Happening]:
        if not self._config.load_timeline:
            return []
        if self._timelines is None:
            self._timelines = Timelines(self._client, self._target, now)
        left = self._deadline * 0.9 - (self._clock.monotonic() - began)
        if left <= 0:
            return []
        return await self._timelines.read([known.value for known in self._known.values()], now, left)

    async def _each(
        self, things: Sequence[T], do: Callable[[T], Awaitable[None]], began: float, share: float, most: int = PARALLEL
    ) -> None:
        """Do something with each, `most` at a time, until this share of the deadline is gone; what is left waits."""
        end = began + self._deadline * share
        waiting = iter(things)

        async def work() -> None:
            for thing in waiting:
                if self._clock.monotonic() > end:
                    return
                try:
                    await do(thing)
                except CollectError as error:
                    # Gone since the list was made, or refused by a proxy: the others go on.
                    if getattr(error, "status", 0) != 404:
                        self._failed.append(str(error))

        await asyncio.gather(*(work() for _ in range(min(most, len(things)))))

    # What is shown

    async def _laid_out(self) -> Part:
        """Return all series, container by container, giving way to the event loop in between."""
        parts = [self._nothing.collect(())]
        for known in list(self._known.values()):
            parts.append(known.columns.collect(self._samples(known)))
            await asyncio.sleep(0)
        return self._joined.join(*parts)

    def _samples(self, known: _Known) -> Iterator[Sample]:
        one, own = known.value, series.identity(known.value)
        yield "container_info", (*own, *series.facts(one)), 1.0
        yield from series.state(one, own)
        yield "container_oom_events_total", own, float(self._ooms[one.id])
        if one.running:
            yield from series.spec(one, own)
        if known.samples and self._clock.monotonic() - known.read <= KEPT_SECONDS:
            yield "container_last_seen", own, known.seen
            yield from known.samples
        yield from self._phases(one)

    def _phases(self, one: Container) -> Iterator[Sample]:
        timeline = self._timelines.of(one) if self._timelines is not None and one.running else None
        phase = timeline.phase if timeline is not None else ""
        if timeline is None or (not phase and timeline.over):
            return
        labels = (("engine", one.engine), ("model", one.model), ("name", one.name))
        for known in PHASES:
            yield "llm_engine_load_phase", (*labels, ("phase", known)), float(known == (phase or "starting"))

    def _inventory(self) -> Iterator[Fact]:
        running = sum(known.value.running for known in self._known.values())
        podman = any("podman" in text(one, "Name").lower() for one in items(self._version, "Components"))
        service = {
            "version": text(self._version, "Version"),
            "status": "ok",
            "host": mask(self._machine),
            "program": "podman" if podman else "docker",
            "api": text(self._version, "ApiVersion"),
            "containers": str(len(self._known)),
            "running": str(running),
        }
        yield Fact("service", self.instance, {key: value for key, value in service.items() if value})
        for known in self._known.values():
            yield Fact("container", known.value.name, known.value.facts())
            timeline = self._timelines.of(known.value) if self._timelines is not None else None
            if timeline is not None and known.value.running and (timeline.began or not timeline.over):
                own = {"container": known.value.id[:12], "engine": known.value.engine, "model": known.value.model}
                yield Fact("load", known.value.name, {k: v for k, v in own.items() if v} | timeline.facts())


def _marks(entry: Json) -> tuple[str, ...]:
    """Return what an entry shows of a change; the words about how long it is up change by themselves."""
    health = containers.health_of(entry)
    return text(entry, "State"), health, containers.called(entry), text(entry, "Image")


def _explained(error: CollectError) -> CollectError:
    """Return the error with the next step where it is Docker's own: its socket belongs to a group."""
    if isinstance(error, ConnectError) and "permission denied" in str(error):
        return ConnectError(
            f"{str(error).partition(';')[0]}: join the group of the socket (usermod -aG docker USER), "
            "or give the url of a read-only proxy in front of it"
        )
    return error


def make(config: DockerConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> DockerSource:
    """Return the source of one target."""
    return DockerSource(config, http, clock, target, extra)
