"""One unit of the systemd journal, read by journalctl's JSON (systemd.journal-fields(7), journalctl(1))."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from inferdeck.model.log_lines import MEASURED, LogLine, LogPage, LogQuery, LogStream
from inferdeck.sources.loglines import levels, spelling
from inferdeck.sources.loglines.entries import Choice, Entry, goes_on, recognise
from inferdeck.sources.logs import running
from inferdeck.sources.logs.config import ALL

MOST_RECORDS = 20_000
"""Records that one question looks through where it filters."""
FIELDS = "MESSAGE,PRIORITY,_PID,_SOURCE_REALTIME_TIMESTAMP"
_CURSOR = re.compile(r"[A-Za-z0-9=;]{1,400}")
_MOMENT = re.compile(r"@\d{1,12}")


class Journal:
    """A stream of one journal: a unit, a match FIELD=value, or all of it."""

    def __init__(self, stream: LogStream, unit: str, *, user: bool, directory: str | None) -> None:
        self.stream = stream
        self.lines: Counter[str] = Counter()
        self.size = 0
        self.last: float | None = None
        self._command = ["journalctl", "--output=json", "--all", "--quiet", "--no-pager", f"--output-fields={FIELDS}"]
        if directory:
            self._command.append(f"--directory={directory}")
        if user:
            self._command.append("--user")
        self._match: list[str] = []
        if "=" in unit:
            self._match = [unit]
        elif unit != ALL:
            self._command.append(f"--unit={unit}")
        self._followed = ""

    async def follow(self, seconds: float) -> str:
        """Count what is new; return what went wrong. Raises ConnectError where there is no journalctl."""
        if not self._followed:
            output = await self._run(["--reverse", "--lines=1"], seconds)
            self._followed = next((entry.place for entry in _records(output.lines)), "")
            return output.complaint
        output = await self._run([f"--after-cursor={self._followed}"], seconds)
        for record in await asyncio.to_thread(_records, output.lines):
            self._followed, self.last = record.place, record.time
            self.size += sum(len(line) for line in record.lines)
            self.lines[record.level] += 1
        return output.complaint

    async def read(self, query: LogQuery, seconds: float) -> LogPage:
        """Return what the query wants. Raises ConnectError where there is no journalctl."""
        name = self.stream.name
        if place := query.newer.get(name):
            return await self._ahead(query, place, query.limit, seconds)
        if query.around is None:
            return await self._back(query, query.limit, query.older.get(name, ""), seconds)
        before = replace(query, around=None, since=None, until=math.nextafter(query.around, 0.0))
        back = await self._back(before, query.before, "", seconds)
        after = replace(query, around=None, since=query.around, until=None)
        ahead = await self._ahead(after, f"@{math.floor(query.around)}", query.after, seconds)
        warnings = (*back.warnings, *ahead.warnings)
        return LogPage(back.lines + ahead.lines, back.truncated or ahead.truncated, back.older, ahead.newer, warnings)

    async def _back(self, query: LogQuery, limit: int, place: str, seconds: float) -> LogPage:
        filtered = bool(query.include or query.exclude or query.level)
        asked = MOST_RECORDS if filtered or query.until is not None else limit + 1
        options = ["--reverse", f"--lines={asked}"]
        if place and not place.startswith("@"):
            options.append(f"--after-cursor={_checked(place)}")
        if query.since is not None:
            options.append(f"--since=@{max(0, math.floor(query.since))}")
        if query.until is not None and not place:
            options.append(f"--until=@{max(0, math.ceil(query.until))}")
        output = await self._run(options, seconds)
        records, lines = await asyncio.to_thread(self._chosen, output.lines, query)
        more = len(lines) > limit or len(records) >= asked or output.stopped
        lines = lines[max(0, len(lines) - limit) :]
        older = "" if not more else lines[0].position if len(lines) == limit and lines else records[-1].place
        newest = records[0].place if records and not place and query.until is None else ""
        return LogPage(
            tuple(lines), more, {self.stream.name: older}, {self.stream.name: newest or "@0"}, self._warnings(output)
        )

    async def _ahead(self, query: LogQuery, place: str, limit: int, seconds: float) -> LogPage:
        option = f"--since={place}" if _MOMENT.fullmatch(place) else f"--after-cursor={_checked(place)}"
        output = await self._run([option], seconds)
        lines, end, more = await asyncio.to_thread(self._first, output.lines, query, limit)
        ends = {self.stream.name: end or place}
        return LogPage(tuple(lines), more or output.stopped, {}, ends, self._warnings(output))

    def _chosen(self, raw: Sequence[bytes], query: LogQuery) -> tuple[list[Record], list[LogLine]]:
        records = _records(raw)
        choose = self._chooser(query)
        return records, [line for line in map(choose, _grouped(reversed(records))) if line is not None]

    def _first(self, raw: Sequence[bytes], query: LogQuery, limit: int) -> tuple[list[LogLine], str, bool]:
        choose, end = self._chooser(query), ""
        lines: list[LogLine] = []
        for entry in _grouped(_records(raw)):
            line = choose(entry)
            if line is not None and len(lines) >= limit:
                return lines, end, True
            if line is not None:
                lines.append(line)
            end = entry.place
        return lines, end, False

    def _chooser(self, query: LogQuery) -> Callable[[Record], LogLine | None]:
        choice = Choice(query)

        def choose(record: Record) -> LogLine | None:
            return choice.line(record, self.stream.name, self.stream.source, lambda _: record.first)

        return choose

    async def _run(self, options: Sequence[str], seconds: float) -> running.Output:
        return await running.run([*self._command, *options, *self._match], seconds)

    def _warnings(self, output: running.Output) -> tuple[str, ...]:
        found = [f"{self.stream.name}: {output.complaint}"] if output.complaint else []
        if output.stopped:
            found.append(f"{self.stream.name}: reading stopped at a bound; not everything was looked at")
        return tuple(found)


class Record(Entry):
    """A record of the journal; first, place: cursors of its first and of its last one."""

    __slots__ = ("first", "pid", "place")

    def __init__(self, fields: dict[str, Any]) -> None:
        lines = [line for line in map(spelling.plain, _text(fields.get("MESSAGE")).split("\n")) if line] or [""]
        stamp, level = recognise(lines[0], None, exact=False)
        del stamp
        super().__init__(lines, None, level or _priority(fields.get("PRIORITY")))
        self.time = int(fields["__REALTIME_TIMESTAMP"]) / 1e6
        self.quality = MEASURED
        self.in_trace = lines[-1].startswith((" ", "Traceback"))
        self.pid = str(fields.get("_PID", ""))
        self.first = self.place = str(fields["__CURSOR"])


def _records(lines: Iterable[bytes]) -> list[Record]:
    found = []
    for line in lines:
        try:
            found.append(Record(orjson.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError):
            # A line that was cut at our bound.
            continue
    return found


def _grouped(records: Iterable[Record]) -> list[Record]:
    """Put the lines of a traceback, of which each is a record, behind the one that they belong to."""
    found: list[Record] = []
    for record in records:
        last = found[-1] if found else None
        if last is not None and last.pid == record.pid and goes_on(record.lines[0], last):
            for line in record.lines:
                last.add(line, 0)
            last.place = record.place
        else:
            found.append(record)
    return found


def _text(message: Any) -> str:
    """The journal gives what is no UTF-8 as a list of bytes, and of a field that stands twice a list of texts."""
    if isinstance(message, list):
        if message and isinstance(message[0], int):
            return bytes(byte & 255 for byte in message if isinstance(byte, int)).decode("utf-8", "replace")
        return "\n".join(str(part) for part in message)
    return message if isinstance(message, str) else ""


def _priority(text: Any) -> str:
    return levels.PRIORITIES[int(text)] if text in ("0", "1", "2", "3", "4", "5", "6", "7") else ""


def _checked(place: str) -> str:
    return place if _CURSOR.fullmatch(place) else "none"
