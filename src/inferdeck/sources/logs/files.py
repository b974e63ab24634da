"""Answers questions about one log file and what rotation made of it, within bounds of work and memory."""

from __future__ import annotations

import math
import re
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

from inferdeck.model.log_lines import LogLine, LogQuery
from inferdeck.sources.loglines.entries import Choice, Entry, join, resolve
from inferdeck.sources.loglines.levels import may_be_bad
from inferdeck.sources.loglines.times import SLACK_SECONDS, Part, Resolver
from inferdeck.sources.logs import blocks, rotated
from inferdeck.sources.logs.blocks import RawLine
from inferdeck.sources.logs.rotated import Position, Segment

START = "start"
"""The position before everything in the log's newest file."""
CARRIED_BYTES = 64 * 1024
"""Lines without a time at the start of a block that may belong to an entry of the block before."""
MOST_UNPACKED = 512 * 2**20
SEARCHED_BYTES = 64 * 1024
_RAISED = re.compile(rb"[A-Za-z_][\w.]{0,200}(?:Error|Exception|Warning|Interrupt|Exit|Group)\b")
"""The line that names the error, after those of its traceback."""
_DATED = (Part.WHOLE, Part.YEARLESS)


@dataclass(slots=True)
class Found:
    """What one stream gave: lines from the oldest to the newest, and the places before and behind what was read."""

    lines: list[LogLine] = field(default_factory=list)
    older: str = ""
    newer: str = ""
    more: bool = False
    warnings: list[str] = field(default_factory=list)


class FileLog:
    """One log; `read` blocks, so it is called in a thread. deadline: monotonic seconds at which it gives up."""

    def __init__(self, name: str, source: str, path: Path, zone: tzinfo | None) -> None:
        self.name = name
        self.path = path
        self._source = source
        self._zone = zone

    def read(self, query: LogQuery, deadline: float) -> Found:
        """Return what the query wants of this log; raises OSError where it cannot be read."""
        files = rotated.segments(self.path)
        if text := query.newer.get(self.name):
            place = Position(files[-1].identity, 0, between=True) if text == START and files else rotated.position(text)
            return self._newer(files, query, place, deadline)
        if query.around is not None:
            return self._around(files, query, query.around, deadline)
        place = rotated.position(query.older.get(self.name, ""))
        return self._newest(files, query, query.limit, place, deadline)

    def _newest(
        self, files: Sequence[Segment], query: LogQuery, limit: int, place: Position | None, deadline: float
    ) -> Found:
        part = Found(newer=self._end(files))
        choice = Choice(query)
        found: list[LogLine] = []
        for number in range(len(files) - 1, -1, -1):
            one = files[number]
            if place is not None and number > _index(files, place):
                continue
            if query.since is not None and one.written < query.since - SLACK_SECONDS:
                break
            here = place if place is not None and place.identity == one.identity else None
            walk = self._unpacked if one.packed else self._walk
            for line, position in walk(one, choice, query, limit + 1 - len(found), here, deadline):
                part.older = position
                if line is not None:
                    found.append(line)
                if len(found) > limit:
                    break
            if len(found) > limit or time.monotonic() >= deadline:
                break
        part.more = len(found) > limit
        if not part.more and time.monotonic() >= deadline:
            part.more = True
            part.warnings.append(f"{self.name}: reading stopped after some seconds; older lines were not looked at")
        part.lines = found[limit - 1 :: -1] if len(found) > limit else found[::-1]
        if part.lines and part.more and len(found) > limit:
            part.older = part.lines[0].position
        elif not part.more:
            part.older = ""
        return part

    def _walk(
        self, one: Segment, choice: Choice, query: LogQuery, limit: int, here: Position | None, deadline: float
    ) -> Iterator[tuple[LogLine | None, str]]:
        """Yield wanted lines of a plain file from the newest to the oldest, and how far it got."""
        with rotated.opened(one) as file:
            bound = here.time if here is not None and here.time is not None else one.written
            end = min(one.size, here.offset) if here is not None else one.size
            if query.until is not None and query.until < bound - SLACK_SECONDS:
                searched = self._search(file, one, end, query.until + SLACK_SECONDS)
                end = searched[1] if searched else end
            resolver = Resolver(bound, self._zone)
            for block in _whole_entries(file, end, choice, resolver):
                entries = join(_suspects(block) if choice.only_bad and resolver.dated else block, self._zone)
                resolve(entries, resolver)
                for entry in reversed(entries):
                    yield choice.line(entry, self.name, self._source, self._spell(one, entry, file)), ""
                place = Position(one.identity, block[0][0], check=rotated.check(file, block[0][0]))
                yield None, str(place)
                oldest = next((entry.time for entry in entries if entry.time is not None), None)
                if query.since is not None and oldest is not None and oldest < query.since - SLACK_SECONDS:
                    return
                if time.monotonic() >= deadline:
                    return

    def _unpacked(
        self, one: Segment, choice: Choice, query: LogQuery, limit: int, here: Position | None, deadline: float
    ) -> Iterator[tuple[LogLine | None, str]]:
        """As _walk, of a packed file, which can only be read from its start: the last ones are remembered."""
        kept: deque[LogLine] = deque(maxlen=limit)
        end = here.offset if here is not None else MOST_UNPACKED
        try:
            with rotated.opened(one) as file:
                for block in blocks.forward(file, 0, whole=False):
                    entries = [entry for entry in join(block, self._zone) if entry.position < end]
                    resolve(entries, Resolver(one.written, self._zone))
                    lines = (choice.line(entry, self.name, self._source, self._spell(one, entry)) for entry in entries)
                    kept.extend(line for line in lines if line is not None)
                    if block[-1][1] >= end or time.monotonic() >= deadline:
                        break
        except (OSError, EOFError, zlib.error) as error:
            # What could be unpacked counts; the rest of a broken archive is gone.
            if not kept and isinstance(error, OSError) and error.errno:
                raise
        for line in reversed(kept):
            yield line, ""
        yield None, str(Position(one.identity, 0))

    def _newer(self, files: Sequence[Segment], query: LogQuery, place: Position | None, deadline: float) -> Found:
        part = Found(newer=query.newer.get(self.name, ""))
        if not files or (files[-1].packed and (place is None or _index(files, place) == len(files))):
            return part
        index = _index(files, place) if place is not None else len(files)
        if index == len(files):
            index, place = len(files) - 1, None
            part.warnings.append(f"{self.name}: was rotated away meanwhile; lines may be missing")
        choice = Choice(query)
        for number, one in enumerate(files[index:], index):
            if one.packed:
                self._ahead_packed(
                    one, place.offset if place and number == index else 0, choice, query.limit, part, deadline
                )
                if part.more:
                    break
                continue
            with rotated.opened(one) as file:
                start, known = _resume(file, one, place) if number == index else (0, -1)
                whole = number == len(files) - 1
                self._ahead(one, file, start, choice, query.limit, part, deadline, whole=whole, skip=known)
            if part.more:
                break
        return part

    def _ahead(
        self,
        one: Segment,
        file: BinaryIO,
        start: int,
        choice: Choice,
        limit: int,
        part: Found,
        deadline: float,
        *,
        whole: bool,
        skip: int = -1,
    ) -> None:
        """Add wanted lines from `start` on, the oldest first; skip: the place of a line that is known already."""
        carried: float | None = None
        end = start
        # A packed file cannot be looked back in, and nobody writes to it.
        plain = None if one.packed else file
        for block in _joined(blocks.forward(file, start, whole=whole), self._zone):
            resolve(block, Resolver(one.written, self._zone), carried)
            for entry in block:
                if entry.position == skip:
                    end = entry.end
                    continue
                line = choice.line(entry, self.name, self._source, self._spell(one, entry, plain))
                if line is not None and len(part.lines) >= limit:
                    part.more = True
                    break
                if line is not None:
                    part.lines.append(line)
                end = entry.end
            carried = block[-1].time if block else carried
            if part.more or time.monotonic() >= deadline:
                part.more = True
                break
        check = rotated.check(plain, end) if plain is not None else 0
        part.newer = str(Position(one.identity, end, between=True, check=check))

    def _ahead_packed(self, one: Segment, start: int, choice: Choice, limit: int, part: Found, deadline: float) -> None:
        """As _ahead, of a packed file."""
        try:
            with rotated.opened(one) as file:
                self._ahead(one, file, start, choice, limit, part, deadline, whole=False)
        except (OSError, EOFError, zlib.error) as error:
            # What could be unpacked counts; the rest of a broken archive is gone.
            if not part.lines and isinstance(error, OSError) and error.errno:
                raise

    def _around(self, files: Sequence[Segment], query: LogQuery, moment: float, deadline: float) -> Found:
        earlier = replace(query, around=None, until=math.nextafter(moment, 0.0), since=None)
        before = self._newest(files, earlier, query.before, None, deadline) if query.before else Found()
        after = self._from(files, replace(query, around=None, since=moment, until=None), moment, deadline)
        return Found(
            before.lines + after.lines, before.older, after.newer, before.more or after.more,
            before.warnings + after.warnings,
        )  # fmt: skip

    def _from(self, files: Sequence[Segment], query: LogQuery, moment: float, deadline: float) -> Found:
        """Return the first `after` lines from a moment on."""
        part = Found()
        choice = Choice(query)
        wanted = [one for one in files if one.written >= moment - SLACK_SECONDS]
        for one in wanted:
            if one.packed:
                self._ahead_packed(one, 0, choice, query.after, part, deadline)
                if part.more:
                    break
                continue
            with rotated.opened(one) as file:
                searched = self._search(file, one, one.size, moment - SLACK_SECONDS)
                if searched is None:
                    back = self._walk(one, choice, query, 10**9, None, deadline)
                    kept = deque((line for line, _ in back if line is not None), maxlen=query.after)
                    part.lines = (part.lines + list(kept)[::-1])[: query.after]
                    part.newer = part.newer or self._end(files)
                    continue
                self._ahead(one, file, searched[0], choice, query.after, part, deadline, whole=False)
            if part.more:
                break
        part.newer = part.newer or self._end(files)
        return part

    def _search(self, file: BinaryIO, one: Segment, end: int, moment: float) -> tuple[int, int] | None:
        """Return by halving where lines up to a moment end and where later ones begin; None where no date is told.

        Between the two are at most some SEARCHED_BYTES that were not looked at.
        """
        low, high, later = 0, end, end
        while high - low > SEARCHED_BYTES:
            middle = (low + high) // 2
            found = self._time_at(file, one, middle, high)
            if found is None:
                return None
            position, when = found
            if when > moment:
                high, later = middle, position
            else:
                low = position
        return (low, later) if low or later < end or self._time_at(file, one, 0, end) else None

    def _time_at(self, file: BinaryIO, one: Segment, offset: int, end: int) -> tuple[int, float] | None:
        """Return the place and time of the first line behind an offset that has a date."""
        start = offset
        if offset:
            file.seek(offset - 1)
            head = file.read(4 * blocks.BLOCK_BYTES)
            first = head.find(b"\n")
            if first < 0:
                return None
            start = offset + first
        for number, block in enumerate(blocks.forward(file, start, whole=False)):
            for first in range(0, min(len(block), 2000), 20):
                for entry in join(block[first : first + 20], self._zone):
                    if entry.stamp is not None and entry.stamp.part in _DATED:
                        return entry.position, Resolver(one.written, self._zone).time(entry.stamp)[0]
            if number >= 3 or block[-1][1] > end:
                break
        return None

    def _end(self, files: Sequence[Segment]) -> str:
        """Return the place behind the last whole line of the log."""
        if not files or files[-1].packed:
            return ""
        one = files[-1]
        with rotated.opened(one) as file:
            end = 0
            for block in blocks.backward(file, one.size):
                position, behind, raw = block[-1]
                end = behind if behind > position + len(raw) else position
                break
            return str(Position(one.identity, end, between=True, check=rotated.check(file, end)))

    def _spell(self, one: Segment, entry: Entry, file: BinaryIO | None = None) -> Callable[[int], str]:
        def spell(offset: int) -> str:
            check = rotated.check(file, offset) if file is not None else 0
            return str(Position(one.identity, offset, check=check, time=entry.time))

        return spell


def _index(files: Sequence[Segment], place: Position) -> int:
    """Return which file a place is in; the number of files where it is none of them."""
    return next((number for number, one in enumerate(files) if one.identity == place.identity), len(files))


def _resume(file: BinaryIO, one: Segment, place: Position | None) -> tuple[int, int]:
    """Return where to go on in a file, and the place of the line there that is known already (-1: none)."""
    if place is None or one.size < place.offset:
        return 0, -1
    if place.check and rotated.check(file, place.offset) != place.check:
        # The file was emptied and written anew.
        return 0, -1
    return place.offset, -1 if place.between else place.offset


def _whole_entries(file: BinaryIO, end: int, choice: Choice, resolver: Resolver) -> Iterator[list[RawLine]]:
    """Yield blocks from the newest to the oldest; of those in which nothing can match, an empty line.

    Lines at the start of a block that may go on an entry of the block before are put behind that one.
    """
    needles = [word.encode() for word in choice.needles if word.isascii()]
    carried: list[RawLine] = []

    def wanted(text: bytes) -> bool:
        # An escape sequence may stand in the middle of a word; a log without dates is understood as a whole only.
        if carried or not resolver.dated or b"\x1b" in text:
            return True
        folded = text.lower() if needles else b""
        return all(needle in folded for needle in needles)

    for block in blocks.backward(file, end, wanted):
        lines = block + carried
        carried = _leading(lines) if block[0][0] > 0 and len(block) > 1 else []
        if lines := lines[len(carried) :]:
            yield lines


def _suspects(block: list[RawLine]) -> list[RawLine]:
    """Leave out lines that are no warning, tell no one's time, and go on nothing."""
    kept = []
    before: RawLine | None = None
    for line in block:
        raw = line[2]
        if may_be_bad(raw) or raw[:1] in (b" ", b"\t", b"") or raw.startswith(b"Traceback"):
            if before is not None:
                kept.append(before)
            kept.append(line)
            before = None
        else:
            before = line
    return kept


def _leading(lines: list[RawLine]) -> list[RawLine]:
    """Return the first lines that look as if they went on an entry, where they are few."""
    size = 0
    for number, (_, _, raw) in enumerate(lines):
        if raw[:1] not in (b" ", b"\t", b"\r", b"") and not raw.startswith(b"Traceback") and not _RAISED.match(raw):
            return lines[:number]
        size += len(raw)
        if size > CARRIED_BYTES:
            return []
    return lines


def _joined(found: Iterator[list[RawLine]], zone: tzinfo | None) -> Iterator[list[Entry]]:
    """Yield the entries of blocks in order; the last one of a block waits for what may go on in the next."""
    held: list[RawLine] = []
    for block in found:
        lines = held + block
        entries = join(lines, zone)
        held = []
        if (
            len(entries) > 1
            and sum(len(raw) for position, _, raw in lines if position >= entries[-1].position) < CARRIED_BYTES
        ):
            held = [line for line in lines if line[0] >= entries[-1].position]
            entries = entries[:-1]
        yield entries
    if held:
        yield join(held, zone)
