"""Which engines' logs are read now, how much of them, and when it is enough."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import aclosing

from inferdeck.errors import CollectError
from inferdeck.model.happening import Happening
from inferdeck.sources.docker.container import Container
from inferdeck.sources.docker.loading import Timeline
from inferdeck.sources.dockerd import DockerClient, Line

READ_BYTES = 2**20
"""Of one log in one collection."""
MOST_BYTES = 16 * 2**20
"""Of one log altogether; an engine that is not ready by then writes about something else."""
MOST_SECONDS = 4 * 3600.0
EARLY_SECONDS = 5.0
SLOW_SECONDS = 1800.0
PATIENT_SECONDS = 300.0
"""Between readings of a log that never says that it is ready: the daemon searches it from its beginning."""
AT_ONCE = 8
"""Logs that one collection reads."""


class Timelines:
    """The loading of every engine of one daemon."""

    def __init__(self, client: DockerClient, source: str, since: float) -> None:
        self._client = client
        self._source = source
        self._since = since
        """What began before is known, but was not heard while we watched, and is not told."""
        self._all: dict[str, Timeline] = {}
        self._next = 0

    def of(self, container: Container) -> Timeline | None:
        """Return the timeline of a container's present life."""
        found = self._all.get(container.id)
        return found if found is not None and found.started == container.started else None

    async def read(self, containers: Collection[Container], now: float, deadline: float) -> list[Happening]:
        """Read on in the logs of engines that load; return the phases that began since we watch."""
        engines = {one.id: one for one in containers if one.engine and one.running and one.started is not None}
        for gone in self._all.keys() - engines.keys():
            del self._all[gone]
        for one in engines.values():
            if self.of(one) is None and one.started is not None:
                before = max(one.finished or 0.0, one.created or 0.0, one.started - EARLY_SECONDS)
                self._all[one.id] = Timeline(one.id, one.started, min(before, one.started))
        waiting = [found for found in self._all.values() if not found.over and found.due <= now]
        first = self._next % len(waiting) if waiting else 0
        turn = (waiting[first:] + waiting[:first])[:AT_ONCE]
        self._next += len(turn)
        heard = await asyncio.gather(*(self._hear(found, engines, now, deadline) for found in turn))
        return [happening for some in heard for happening in some]

    async def _hear(
        self, timeline: Timeline, engines: Mapping[str, Container], now: float, deadline: float
    ) -> list[Happening]:
        container = engines[timeline.container]
        try:
            lines = await self._lines(timeline, deadline)
        except (CollectError, TimeoutError):
            # A driver that cannot be read, or a container that is gone. The next collection sees which.
            timeline.read_bytes += READ_BYTES
            lines = []
        before = timeline.read_bytes
        phases = list(timeline.hear(container.engine, lines))
        at_end = timeline.read_bytes - before < READ_BYTES // 2
        late = now - timeline.started > MOST_SECONDS
        timeline.over |= timeline.read_bytes >= MOST_BYTES or (at_end and (late or container.health == "healthy"))
        timeline.due = now + (PATIENT_SECONDS if now - timeline.started > SLOW_SECONDS else 0.0)
        return [
            timeline.happening(phase, container, self._source)
            for phase in phases
            if timeline.began[phase] >= self._since
        ]

    async def _lines(self, timeline: Timeline, deadline: float) -> list[Line]:
        since = max(timeline.since, timeline.last_ns / 1e9)
        asked = self._client.logs(timeline.container, since=since, max_bytes=READ_BYTES, deadline=deadline)
        async with asyncio.timeout(deadline), aclosing(asked) as lines:
            return [line async for line in lines]
