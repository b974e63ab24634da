"""Questions about what containers wrote: their logs through the daemon, as streams by container name."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from inferdeck.errors import CollectError
from inferdeck.model.clock import Clock
from inferdeck.model.log_lines import MEASURED, LogLine, LogPage, LogQuery, LogStream
from inferdeck.model.log_merging import Merging
from inferdeck.sources.docker.container import Container
from inferdeck.sources.docker.tails import Tails
from inferdeck.sources.dockerd import DockerClient, Line
from inferdeck.sources.loglines import spelling
from inferdeck.sources.loglines.entries import Choice, Entry, goes_on, recognise

PARALLEL = 8
READ_SECONDS = 6.0
"""For a whole question, about however many containers."""
MOST_NAMED = 20
"""Containers that one warning names."""
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

    def __init__(
        self, client: DockerClient, source: str, known: Callable[[], Sequence[Container]], clock: Clock
    ) -> None:
        self._client = client
        self._source = source
        self._known = known
        self._tails = Tails(clock, self._behind)

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

        merging, ends = Merging(query), asyncio.get_running_loop().time() + READ_SECONDS
        late: list[str] = []

        async def read(one: Container, turn: int) -> None:
            try:
                # One deadline for all of them, also for those that wait for their turn.
                async with asyncio.timeout_at(ends), turns:
                    page = await self._guarded(one, query)
                    await asyncio.to_thread(merging.add, page, turn)
            except TimeoutError:
                late.append(one.name)

        await asyncio.gather(*(read(one, turn) for turn, one in enumerate(wanted)))
        merging.add(_late(late, query), len(wanted))
        return merging.page()

    async def _guarded(self, one: Container, query: LogQuery) -> LogPage:
        try:
            return await self._read(one, query)
        except CollectError as error:
            return replace(_at_its_place([one.name], query), warnings=(f"{one.name}: {error}",))

    async def _read(self, one: Container, query: LogQuery) -> LogPage:
        if place := query.newer.get(one.name):
            behind = _number(place)
            return await self._ahead(one, query, await self._tails.behind(one.id, behind), behind, query.limit)
        if query.around is None:
            older = query.older.get(one.name, "")
            return await self._back(one, query, query.limit, _number(older) if older else None)
        before = replace(query, around=None, since=None, until=math.nextafter(query.around, 0.0))
        back = await self._back(one, before, query.before, math.ceil(query.around * 1e9) + _COARSE_NS)
        after = replace(query, around=None, since=query.around, until=None)
        start = math.floor(query.around * 1e9) - _COARSE_NS
        ahead = await self._ahead(one, after, await self._behind(one.id, start), start, query.after)
        return LogPage(back.lines + ahead.lines, back.truncated or ahead.truncated, back.older, ahead.newer)

    async def _ahead(self, one: Container, query: LogQuery, lines: Sequence[Line], place: int, limit: int) -> LogPage:
        entries, chosen = await asyncio.to_thread(self._chosen, one, lines, query)
        more = len(chosen) > limit
        chosen = chosen[:limit]
        end = int(chosen[-1].position) if more else max((entry.end for entry in entries), default=place)
        return LogPage(tuple(chosen), more, {}, {one.name: str(end)})

    async def _behind(self, container: str, place: int) -> list[Line]:
        found = await self._lines(container, since=max(0.0, (place - _COARSE_NS) / 1e9))
        return [line for line in found if line.time_ns > place]

    async def _back(self, one: Container, query: LogQuery, limit: int, place: int | None) -> LogPage:
        end = place if place is not None else None if query.until is None else math.ceil(query.until * 1e9)
        if end is None:
            filtered = bool(query.include or query.exclude or query.level)
            asked = MOST_TAIL if filtered else limit + 1
            lines = await self._lines(one.id, tail=asked, since=query.since or 0.0)
            _, chosen = await asyncio.to_thread(self._chosen, one, lines, query)
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
            found = await self._lines(one.id, since=since, until=end / 1e9)
            lines = [line for line in found if line.time_ns < end]
            _, chosen = await asyncio.to_thread(self._chosen, one, lines, query)
            if len(chosen) > limit or since <= (query.since or 0.0):
                break
        return lines, chosen, len(chosen) > limit

    async def _lines(
        self, container: str, *, since: float = 0.0, until: float = 0.0, tail: int | None = None
    ) -> list[Line]:
        return await self._client.log_lines(
            container, since=since, until=until, tail=tail, max_bytes=MOST_BYTES, deadline=READ_SECONDS
        )

    def _chosen(self, one: Container, lines: Sequence[Line], query: LogQuery) -> tuple[list[Entry], list[LogLine]]:
        entries, choice = _entries(lines), Choice(query)
        found = (choice.line(entry, one.name, self._source, str) for entry in entries)
        return entries, [line for line in found if line is not None]


def _late(names: Sequence[str], query: LogQuery) -> LogPage:
    """Name the containers whose logs did not come; where they are gone on with stays as it was."""
    if not names:
        return LogPage()
    rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    told = (
        f"the daemon did not give these logs within {READ_SECONDS:g} s: {', '.join(sorted(names)[:MOST_NAMED])}{rest}"
    )
    return replace(_at_its_place(names, query), warnings=(told,))


def _at_its_place(names: Sequence[str], query: LogQuery) -> LogPage:
    def of(places: Mapping[str, str]) -> dict[str, str]:
        return {name: places[name] for name in names if name in places}

    return LogPage(older=of(query.older), newer=of(query.newer))


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
