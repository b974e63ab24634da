"""What the programs of a stack wrote: the lines of all streams together, filtered and paged."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from inferdeck.errors import InferdeckError, NotFoundError, UsageError
from inferdeck.model.clock import Clock
from inferdeck.model.log_lines import LARGEST_LIMIT, LEVELS, LogAnswer, LogPage, LogQuery, LogStream, LogStreams
from inferdeck.model.log_merging import Merging, joined
from inferdeck.model.quantities import parse_duration

LARGEST_CURSOR = 64 * 1024
START = "start"
"""The position of a file that was not there when a cursor was made: all of it is new."""
ANSWER_SECONDS = 8.0
"""A question is answered with what came until then; the sources themselves stop a little earlier."""
_SHOWN = 30


class Reader(Protocol):
    """What keeps lines; sources/interface.py ReadsLogs."""

    def streams(self) -> Sequence[LogStream]:
        """Return what can be read now."""
        ...

    async def read(self, query: LogQuery) -> LogPage:
        """Return lines of the streams that the query names."""
        ...


class LogQuestions(Protocol):
    """Belongs to the event loop. Raises UsageError, NotFoundError."""

    async def streams(self) -> LogStreams:
        """Return all streams, by name."""
        ...

    async def lines(self, query: LogQuery, cursor: str = "") -> LogAnswer:
        """Return the lines that the query wants; its streams may be parts of names. cursor: from an earlier answer."""
        ...


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Positions by reader and stream; newer: the lines after them, else those before them."""

    newer: bool
    positions: Mapping[str, Mapping[str, str]]

    def __str__(self) -> str:
        text = json.dumps([int(self.newer), self.positions], separators=(",", ":"))
        return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode()


class LocalLogQuestions:
    """Asks the sources of this daemon; `hide` takes the secrets of its configuration out of a text."""

    def __init__(self, readers: Callable[[], Sequence[Reader]], hide: Callable[[str], str] = str) -> None:
        self._readers = readers
        self._hide = hide

    async def streams(self) -> LogStreams:
        """Return all streams, by name."""
        found = [stream for reader in self._readers() for stream in reader.streams()]
        return LogStreams(tuple(sorted(found, key=lambda stream: (stream.name, stream.source))))

    async def lines(self, query: LogQuery, cursor: str = "") -> LogAnswer:
        """Return the lines that the query wants."""
        _check(query)
        place = _read_cursor(cursor) if cursor else None
        wanted = [(reader, own) for reader in self._readers() if (own := list(reader.streams()))]
        chosen = _choose([stream for _, own in wanted for stream in own], query.streams)
        merging = Merging(_for_merging(query, place))
        asked: dict[asyncio.Task[None], str] = {}
        for reader, own in wanted:
            names = tuple(stream.name for stream in own if stream in chosen)
            placed = _placed(query, names, own, place)
            # Of what was unknown when a cursor was made there is nothing to go on with.
            if names and not (place is not None and place.newer and not placed.newer):
                task = asyncio.create_task(self._take(reader, own[0].source, placed, merging, len(asked)))
                asked[task] = own[0].source
        missing = await self._finished(asked)
        return replace(await asyncio.to_thread(self._answer, merging, query, missing), looked_at=len(chosen))

    async def _finished(self, asked: Mapping[asyncio.Task[None], str]) -> tuple[str, ...]:
        """Wait until all have answered or the time is over; return what to say of those that have not."""
        try:
            if asked:
                await asyncio.wait(asked, timeout=ANSWER_SECONDS)
        finally:
            late = {task: source for task, source in asked.items() if task.cancel()}
            await asyncio.gather(*late, return_exceptions=True)
        for task in asked.keys() - late.keys():
            task.result()
        names = sorted(late.values())
        return (f"did not answer within {ANSWER_SECONDS:g} s: {_listed(names)}",) if names else ()

    def _answer(self, merging: Merging, query: LogQuery, missing: tuple[str, ...]) -> LogAnswer:
        """Make the answer; thousands of long lines take a while, so that it belongs into a thread."""
        page = merging.page()
        lines = tuple(
            replace(line, stream=_split(line.stream)[1], text=self._hide(line.text)) for line in joined(page.lines)
        )
        older = _cursor(page.older, newer=False) if page.truncated or query.around is not None else ""
        return LogAnswer(lines, page.truncated, older, _cursor(page.newer, newer=True), (*page.warnings, *missing))

    async def _take(self, reader: Reader, source: str, query: LogQuery, merging: Merging, turn: int) -> None:
        # Until it has answered its place is where it was asked from: one failure does not end following it.
        kept = LogPage(older=query.older, newer=query.newer)
        await asyncio.to_thread(merging.add, _told_apart(kept, source), turn)
        page = await self._read(reader, query)
        await asyncio.to_thread(lambda: merging.add(_told_apart(page, source), turn))

    async def _read(self, reader: Reader, query: LogQuery) -> LogPage:
        try:
            return await reader.read(query)
        except UsageError:
            raise
        except InferdeckError as error:
            return LogPage(warnings=(str(error),))


def _told_apart(page: LogPage, source: str) -> LogPage:
    """Name streams with their source: two readers may have streams of the same name."""
    return replace(
        page,
        lines=tuple(replace(line, stream=_joint(source, line.stream)) for line in page.lines),
        older={_joint(source, name): position for name, position in page.older.items()},
        newer={_joint(source, name): position for name, position in page.newer.items()},
    )


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest


def moment(text: str, clock: Clock) -> float:
    """Return Unix seconds of `2026-11-21T02:40:00Z`, Unix seconds, or a duration before now; raises UsageError."""
    text = text.strip()
    if re.fullmatch(r"-?\d{1,12}(\.\d{1,9})?", text):
        return float(text)
    try:
        return clock.now() - parse_duration(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        message = f"{text[:100]}: not a time; write 2026-11-21T02:40:00Z, Unix seconds, or 15m for that long ago"
        raise UsageError(message) from error


def _check(query: LogQuery) -> None:
    if query.level and query.level not in LEVELS:
        raise UsageError(f"level {query.level[:100]}: unknown; there are {', '.join(LEVELS)}")
    for name in ("limit", "before", "after"):
        value = getattr(query, name)
        if not (0 if name != "limit" else 1) <= value <= LARGEST_LIMIT:
            raise UsageError(f"{name}: write a number up to {LARGEST_LIMIT}")
    if query.around is not None and (query.since is not None or query.until is not None):
        raise UsageError("around: goes without since and until")
    if query.since is not None and query.until is not None and query.since > query.until:
        raise UsageError("since: is later than until")


def _choose(streams: Sequence[LogStream], words: Sequence[str]) -> list[LogStream]:
    """Return the streams that words mean: their name, its last part, their service or place, else a part of these."""
    if not words:
        return list(streams)
    found: list[LogStream] = []
    for word in words:
        exact = [stream for stream in streams if word in _names(stream)]
        part = word.casefold()
        chosen = exact or [stream for stream in streams if any(part in name.casefold() for name in _names(stream))]
        if not chosen:
            names = sorted({stream.name for stream in streams})
            there = f"there are {_listed(names)}" if names else "no stream is known"
            raise NotFoundError(f"{word[:100]}: no such log stream; {there}")
        found += [stream for stream in chosen if stream not in found]
    return found


def _names(stream: LogStream) -> tuple[str, ...]:
    last = stream.name.rpartition("/")[2]
    return (stream.name, last, stream.name.partition(":")[2] or last, stream.service or last, stream.place or last)


def _placed(query: LogQuery, names: tuple[str, ...], own: Sequence[LogStream], place: _Cursor | None) -> LogQuery:
    if place is None:
        return replace(query, streams=names)
    known = place.positions.get(own[0].source, {})
    if not place.newer:
        return replace(query, streams=names, around=None, older={name: known.get(name, "") for name in names})
    files = {stream.name for stream in own if stream.origin == "file"}
    newer = {name: known.get(name) or (START if name in files else "") for name in names}
    return replace(query, streams=names, around=None, newer={name: text for name, text in newer.items() if text})


def _for_merging(query: LogQuery, place: _Cursor | None) -> LogQuery:
    if place is None:
        return query
    positions = {_joint(source, name): text for source, own in place.positions.items() for name, text in own.items()}
    if place.newer:
        return replace(query, around=None, newer=positions or {"": ""})
    return replace(query, around=None, older=positions)


def _cursor(positions: Mapping[str, str], *, newer: bool) -> str:
    found: dict[str, dict[str, str]] = {}
    for joint, position in positions.items():
        if position:
            source, name = _split(joint)
            found.setdefault(source, {})[name] = position
    return str(_Cursor(newer, found)) if found else ""


def _read_cursor(text: str) -> _Cursor:
    try:
        packed = base64.urlsafe_b64decode(text[:LARGEST_CURSOR].encode("ascii"))
        unpacked = zlib.decompressobj().decompress(packed, 16 * LARGEST_CURSOR)
        newer, positions = json.loads(unpacked)
        checked = {
            str(source): {str(name): position for name, position in own.items() if isinstance(position, str)}
            for source, own in positions.items()
        }
    except (ValueError, TypeError, AttributeError, binascii.Error, zlib.error, RecursionError) as error:
        raise UsageError("cursor: not one of ours; take `older` or `newer` of an answer as it is") from error
    return _Cursor(bool(newer), checked)


def _joint(source: str, name: str) -> str:
    return f"{source}\0{name}"


def _split(joint: str) -> tuple[str, str]:
    source, _, name = joint.partition("\0")
    return source, name
