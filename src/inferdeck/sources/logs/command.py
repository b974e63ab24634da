"""The output of a command that prints the last lines of something, as a stream: what is new is told from what was."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from itertools import islice

from inferdeck.model.clock import Clock
from inferdeck.model.log_lines import LogLine, LogPage, LogQuery, LogStream
from inferdeck.sources.loglines.entries import Choice, Entry, join, resolve
from inferdeck.sources.loglines.times import Resolver
from inferdeck.sources.logs import running

KEPT = 2000
"""Lines that are remembered."""
FRESH_SECONDS = 1.0
"""Several questions within this share one run."""
MOST_BYTES = 2 * 2**20


class CommandOutput:
    """Belongs to the event loop."""

    def __init__(self, stream: LogStream, command: Sequence[str], clock: Clock, zone: tzinfo | None) -> None:
        self.stream = stream
        self.lines: Counter[str] = Counter()
        self.size = 0
        self.last: float | None = None
        self._command = tuple(command)
        self._clock = clock
        self._zone = zone
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._count = 0
        """Lines that were ever seen; the last one that is kept has this number."""
        self._ran = -1e9
        self._running = asyncio.Lock()
        self._trouble: tuple[str, ...] = ()

    async def follow(self, seconds: float) -> str:
        """Run the command and count what is new; return what went wrong. Raises ConnectError."""
        async with self._running:
            if self._clock.monotonic() - self._ran < FRESH_SECONDS:
                return "; ".join(self._trouble)
            output = await running.run(self._command, seconds, most_bytes=MOST_BYTES)
            self._ran = self._clock.monotonic()
            await self._take(output.lines[-KEPT:])
            found = [output.complaint] if output.complaint else []
            if output.stopped:
                found.append(f"did not end within {seconds:g} s; write a command that prints the last lines and ends")
            self._trouble = tuple(found)
            return "; ".join(found)

    async def read(self, query: LogQuery, seconds: float) -> LogPage:
        """Return what the query wants of the lines that are remembered."""
        await self.follow(seconds)
        warnings = tuple(f"{self.stream.name}: {text}" for text in self._trouble)
        page = await asyncio.to_thread(self._page, query, list(self._kept), self._count)
        return replace(page, warnings=warnings)

    async def _take(self, output: Sequence[bytes]) -> None:
        """Remember and count what is new; megabytes of lines take a while, so a thread looks at them."""
        first, before = self._count == 0, self._count
        new, entries = await asyncio.to_thread(self._fresh, list(self._kept), output, before)
        self._kept.extend(new)
        self._count += len(new)
        if entries:
            self.last = entries[-1].time
        if not first:
            self.lines.update(entry.level for entry in entries)
            self.size += sum(len(line) + 1 for line in new)

    def _fresh(self, known: list[bytes], output: Sequence[bytes], before: int) -> tuple[list[bytes], list[Entry]]:
        new = fresh(known, output)
        return new, self._entries(new, before)

    def _page(self, query: LogQuery, kept: list[bytes], count: int) -> LogPage:
        name = self.stream.name
        entries = self._entries(kept, count - len(kept))
        choice = Choice(query)
        newer, older = _number(query.newer.get(name, "")), _number(query.older.get(name, ""))
        if newer is not None:
            entries = [entry for entry in entries if entry.position > newer]
        if older is not None:
            entries = [entry for entry in entries if entry.position < older]
        chosen = (choice.line(entry, name, self.stream.source, str) for entry in entries)
        lines = [line for line in chosen if line is not None]
        more = query.around is None and len(lines) > query.limit
        lines, end = _part(lines, query, newer is not None, count)
        return LogPage(tuple(lines), more, {name: lines[0].position if more and lines else ""}, {name: end})

    def _entries(self, lines: Sequence[bytes], before: int) -> list[Entry]:
        entries = join(((before + number, before + number, raw) for number, raw in enumerate(lines, 1)), self._zone)
        resolve(entries, Resolver(self._clock.now(), self._zone))
        return entries


def _part(lines: list[LogLine], query: LogQuery, ahead: bool, count: int) -> tuple[list[LogLine], str]:
    if query.around is not None:
        moment = query.around
        before = [line for line in lines if line.time is not None and line.time < moment][-query.before or len(lines) :]
        return before + [line for line in lines if line.time is not None and line.time >= moment][: query.after], ""
    if ahead:
        kept = lines[: query.limit]
        return kept, kept[-1].position if len(kept) < len(lines) else str(count)
    return lines[max(0, len(lines) - query.limit) :], str(count)


def fresh(known: Sequence[bytes], output: Sequence[bytes]) -> list[bytes]:
    """Return the lines of a run that follow those that are known: what overlaps with their end is left out.

    Of two runs of `tail -n 40` the second begins with what ends the first. Where nothing overlaps all lines are new.
    """
    if not known or not output:
        return list(output)
    # Knuth, Morris and Pratt: the longest beginning of the output that ends what is known.
    failure = [0] * len(output)
    matched = 0
    for position in range(1, len(output)):
        while matched and output[position] != output[matched]:
            matched = failure[matched - 1]
        matched += output[position] == output[matched]
        failure[position] = matched
    matched = 0
    for line in islice(known, max(0, len(known) - len(output)), None):
        if matched == len(output):
            matched = failure[matched - 1]
        while matched and line != output[matched]:
            matched = failure[matched - 1]
        matched += line == output[matched]
    return list(output[matched:])


def _number(position: str) -> int | None:
    return int(position) if position.isascii() and position.isdigit() and len(position) < 16 else None
