"""Questions about what containers wrote: their logs through the daemon, as streams by container name."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from inferdeck.errors import CollectError
from inferdeck.model.log_lines import MEASURED, LogLine, LogPage, LogQuery, LogStream
from inferdeck.model.log_merging import merge
from inferdeck.sources.docker.container import Container
from inferdeck.sources.dockerd import DockerClient, Line
from inferdeck.sources.loglines import spelling
from inferdeck.sources.loglines.entries import Choice, Entry, goes_on, recognise

PARALLEL = 8
READ_SECONDS = 6.0
MOST_BYTES = 8 * 2**20
MOST_TAIL = 20_000
"""Lines that are asked for where most of them may not be wanted."""
_COARSE_NS = 1000
"""Unix seconds as a float tell no nanoseconds; what is taken in beside is left out by its time."""
WINDOWS = (60.0, 600.0, 3600.0, 6 * 3600.0, 86_400.0, 7 * 86_400.0, math.inf)
"""Seconds before a moment in which lines are looked for, one after the other until there are enough.

The daemon finds the last lines before a moment only by giving all of them from some other moment on.
"""


class ContainerLines:
    """The logs of one daemon's containers; `known` are those of the last collection."""

    def __init__(self, client: DockerClient, source: str, known: Callable[[], Sequence[Container]]) -> None:
        self._client = client
        self._source = source
        self._known = known

    def streams(self) -> list[LogStream]:
        """Return every container, also those that do not run: what they wrote last is often what is asked for."""
        return [
            LogStream(one.name, "docker", one.id[:12], self._source, one.service or one.engine) for one in self._known()
        ]

    async def read(self, query: LogQuery) -> LogPage:
        """Return lines of the containers that the query names, of all where it names none."""
        turns = asyncio.Semaphore(PARALLEL)
        wanted = [one for one in self._known() if not query.streams or one.name in query.streams]
        if query.newer:
            wanted = [one for one in wanted if query.newer.get(one.name)]
        elif query.older:
            wanted = [one for one in wanted if query.older.get(one.name)]

        async def read(one: Container) -> LogPage:
            async with turns:
                return await self._guarded(one, query)

        return merge(await asyncio.gather(*map(read, wanted)), query)

    async def _guarded(self, one: Container, query: LogQuery) -> LogPage:
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._read(one, query)
        except TimeoutError:
            return LogPage(warnings=(f"{one.name}: the daemon did not give its log within {READ_SECONDS:g} s",))
        except CollectError as error:
            return LogPage(warnings=(f"{one.name}: {error}",))

    async def _read(self, one: Container, query: LogQuery) -> LogPage:
        if place := query.newer.get(one.name):
            return await self._ahead(one, query, _number(place), query.limit)
        if query.around is None:
            older = query.older.get(one.name, "")
            return await self._back(one, query, query.limit, _number(older) if older else None)
        before = replace(query, around=None, since=None, until=math.nextafter(query.around, 0.0))
        back = await self._back(one, before, query.before, math.ceil(query.around * 1e9) + _COARSE_NS)
        after = replace(query, around=None, since=query.around, until=None)
        ahead = await self._ahead(one, after, math.floor(query.around * 1e9) - _COARSE_NS, query.after)
        return LogPage(back.lines + ahead.lines, back.truncated or ahead.truncated, back.older, ahead.newer)

    async def _ahead(self, one: Container, query: LogQuery, place: int, limit: int) -> LogPage:
        lines = await self._lines(one, since=max(0.0, place / 1e9))
        entries = _entries([line for line in lines if line.time_ns > place])
        chosen = await asyncio.to_thread(self._chosen, one, entries, query)
        more = len(chosen) > limit
        chosen = chosen[:limit]
        end = int(chosen[-1].position) if more else max((entry.end for entry in entries), default=place)
        return LogPage(tuple(chosen), more, {}, {one.name: str(end)})

    async def _back(self, one: Container, query: LogQuery, limit: int, place: int | None) -> LogPage:
        end = place if place is not None else None if query.until is None else math.ceil(query.until * 1e9)
        if end is None:
            filtered = bool(query.include or query.exclude or query.level)
            asked = MOST_TAIL if filtered else limit + 1
            lines = await self._lines(one, tail=asked, since=query.since or 0.0)
            chosen = await asyncio.to_thread(self._chosen, one, _entries(lines), query)
            more = len(chosen) > limit or len(lines) >= asked
        else:
            lines, chosen, more = await self._before(one, query, limit, end)
        chosen = chosen[max(0, len(chosen) - limit) :]
        first = chosen[0].position if chosen and len(chosen) == limit else str(lines[0].time_ns) if lines else ""
        newest = str(max((line.time_ns for line in lines), default=end or 0))
        return LogPage(
            tuple(chosen), more, {one.name: first if more else ""}, {one.name: newest if newest != "0" else "1"}
        )

    async def _before(
        self, one: Container, query: LogQuery, limit: int, end: int
    ) -> tuple[list[Line], list[LogLine], bool]:
        lines: list[Line] = []
        chosen: list[LogLine] = []
        for seconds in WINDOWS:
            since = max(0.0, end / 1e9 - seconds, query.since or 0.0)
            found = await self._lines(one, since=since, until=end / 1e9)
            lines = [line for line in found if line.time_ns < end]
            chosen = await asyncio.to_thread(self._chosen, one, _entries(lines), query)
            if len(chosen) > limit or since <= (query.since or 0.0):
                break
        return lines, chosen, len(chosen) > limit

    async def _lines(
        self, one: Container, *, since: float = 0.0, until: float = 0.0, tail: int | None = None
    ) -> list[Line]:
        found: AsyncGenerator[Line, None] = self._client.logs(
            one.id, since=since, until=until, tail=tail, max_bytes=MOST_BYTES, deadline=READ_SECONDS
        )
        async with aclosing(found) as lines:
            return [line async for line in lines]

    def _chosen(self, one: Container, entries: list[Entry], query: LogQuery) -> list[LogLine]:
        choice = Choice(query)
        found = (choice.line(entry, one.name, self._source, str) for entry in entries)
        return [line for line in found if line is not None]


def _entries(lines: Sequence[Line]) -> list[Entry]:
    """Return entries in the order of their times; a traceback belongs to the line before it in the same stream."""
    found: list[Entry] = []
    last: dict[str, Entry] = {}
    for line in lines:
        text = spelling.plain(line.text)
        before = last.get(line.stream)
        if before is not None and goes_on(text, before):
            before.add(text, line.time_ns)
        elif text:
            entry = Entry([text], None, recognise(text, None, exact=False)[1], line.time_ns, line.time_ns, cut=line.cut)
            entry.in_trace = "Traceback (most recent call last)" in text
            if line.time_ns:
                entry.time, entry.quality = line.time_ns / 1e9, MEASURED
            found.append(entry)
            last[line.stream] = entry
    return found


def _number(place: str) -> int:
    return int(place) if place.isascii() and place.isdigit() and len(place) < 25 else 0
