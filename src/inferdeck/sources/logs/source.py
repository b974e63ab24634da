"""The logs source: follows files, units of the journal and a command, counts their lines, and answers questions."""

from __future__ import annotations

import asyncio
import glob
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from inferdeck.errors import CollectError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.log_lines import LEVELS, LogPage, LogQuery, LogStream
from inferdeck.model.log_merging import Merging
from inferdeck.model.masking import mask_command
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Sample
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.logs import rotated
from inferdeck.sources.logs.command import CommandOutput
from inferdeck.sources.logs.config import LogsConfig
from inferdeck.sources.logs.files import FileLog
from inferdeck.sources.logs.following import Followers
from inferdeck.sources.logs.journal import Journal

MOST_FILES = 200
READ_SECONDS = 6.0
"""A question is answered with what was found by then."""
MOST_NAMED = 20
"""Streams that one warning names."""
FOLLOW_SECONDS = 5.0
UNKNOWN = "unknown"


def probes(config: LogsConfig) -> tuple[Probe, ...]:
    """Return what the source does; nothing of it changes anything, except what the user's own command does."""
    command = mask_command(config.command) or "no command"
    return (
        Probe("files", "read files: " + (", ".join(config.files) or "none"), SideEffect.NONE),
        Probe("journal", "journalctl --output=json", SideEffect.NONE, "reading needs no right but that to the journal"),
        Probe("command", command, SideEffect.NONE, "run without a shell; what it does is the user's choice"),
    )


class LogsSource:
    """The logs of one machine."""

    kind = "logs"

    def __init__(self, config: LogsConfig, clock: Clock, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self.probes: Sequence[Probe] = probes(config)
        self._config = config
        self._source = target.id
        self._columns = Columns(extra)
        self._zone = ZoneInfo(config.timezone) if config.timezone else None
        self._followers = Followers(self._zone)
        self._paths: list[Path] = []
        self._listed = False
        self._programs: list[Journal | CommandOutput] = [*self._journals()]
        if config.command:
            name = f"command:{Path(config.command[0]).name}"
            stream = LogStream(name, "command", mask_command(config.command)[:200], self._source)
            self._programs.append(CommandOutput(stream, config.command, clock, self._zone))
        # One for following and questions about files each, so that a long question never holds up the counting.
        self._following = ThreadPoolExecutor(1, "logs")
        self._reading = ThreadPoolExecutor(2, "logs")

    async def collect(self, now: float) -> Collected:
        """Count what was written since the last time."""
        del now
        loop = asyncio.get_running_loop()
        warnings = await loop.run_in_executor(self._following, self._look)
        troubles = await asyncio.gather(*(self._follow(one) for one in self._programs))
        layout, values = self._columns.collect(self._samples())
        return Collected(
            layout,
            values,
            inventory=[_fact(stream) for stream in self.streams()],
            warnings=(*warnings, *(text for text in troubles if text), *self._nothing()),
            requests=len(self._programs),
        )

    async def aclose(self) -> None:
        """Let files and threads go."""
        self._following.submit(self._followers.close)
        self._following.shutdown(wait=False)
        self._reading.shutdown(wait=False, cancel_futures=True)

    def streams(self) -> Sequence[LogStream]:
        """Return the files that are there, and what programs are asked."""
        files = [LogStream(str(path), "file", str(path), self._source, _service(path.stem)) for path in self._paths]
        return [*files, *(one.stream for one in self._programs)]

    async def read(self, query: LogQuery) -> LogPage:
        """Return lines of the streams that the query names, of all where it names none."""
        if not self._listed:
            await asyncio.get_running_loop().run_in_executor(self._reading, self._list)
        known = {stream.name for stream in self.streams()}
        wanted = set(query.streams) & known if query.streams else known
        if query.newer:
            wanted &= query.newer.keys()
        elif query.older:
            # A stream that has nothing older says so with an empty position.
            wanted &= {name for name, place in query.older.items() if place}
        merging, late = Merging(query), _Late(query)
        deadline = time.monotonic() + READ_SECONDS
        reads: list[Coroutine[Any, Any, None]] = [
            self._read_file(path, query, deadline, merging, turn, late)
            for turn, path in enumerate(self._paths)
            if str(path) in wanted
        ]
        asked = (one for one in self._programs if one.stream.name in wanted)
        reads += [
            self._read_program(one, query, merging, turn, late) for turn, one in enumerate(asked, len(self._paths))
        ]
        await asyncio.gather(*reads)
        merging.add(late.page(), len(self._paths) + len(self._programs))
        return merging.page()

    def _journals(self) -> Iterator[Journal]:
        for units, user in ((self._config.journal, False), (self._config.user_journal, True)):
            for unit in dict.fromkeys(units):
                name = f"{'user-journal' if user else 'journal'}:{unit}"
                stream = LogStream(name, "journal", unit, self._source, _service(unit.removesuffix(".service")))
                yield Journal(stream, unit, user=user, directory=self._config.journal_directory)

    def _list(self) -> None:
        found: dict[Path, None] = {}
        for pattern in self._config.files:
            matches = islice(glob.iglob(pattern, recursive=True), 20 * MOST_FILES)  # noqa: PTH207 - an absolute one
            found.update(dict.fromkeys(path for path in map(Path, sorted(matches)) if rotated.segment(path)))
        names: dict[Path, set[str]] = {}
        for path in found:
            names.setdefault(path.parent, set()).add(path.name)
        logs = [path for path in found if not _is_old(path.name, names[path.parent])]
        self._paths, self._more = logs[:MOST_FILES], len(logs) - MOST_FILES
        self._listed = True

    _more = 0

    def _look(self) -> list[str]:
        self._list()
        return list(self._followers.look(self._paths))

    async def _follow(self, one: Journal | CommandOutput) -> str:
        try:
            trouble = await one.follow(FOLLOW_SECONDS)
        except CollectError as error:
            trouble = str(error)
        return f"{one.stream.name}: {trouble}" if trouble else ""

    async def _read_program(
        self, one: Journal | CommandOutput, query: LogQuery, merging: Merging, turn: int, late: _Late
    ) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS + 0.5):
                page = await one.read(query, READ_SECONDS)
        except CollectError as error:
            page = LogPage(warnings=(f"{one.stream.name}: {error}",))
        except TimeoutError:
            late.names.append(one.stream.name)
            return
        await asyncio.to_thread(merging.add, page, turn)

    async def _read_file(
        self, path: Path, query: LogQuery, deadline: float, merging: Merging, turn: int, late: _Late
    ) -> None:
        log = FileLog(str(path), self._source, path, self._zone)

        def read() -> None:
            # Merged where it was read: no more pages are held than threads read.
            if time.monotonic() < deadline:
                merging.add(_page(log, query, deadline), turn)
            else:
                late.names.append(log.name)

        await asyncio.get_running_loop().run_in_executor(self._reading, read)

    def _nothing(self) -> Iterator[str]:
        config = self._config
        if not (config.files or self._programs):
            yield "nothing to read: give sources.logs files, journal, user_journal or command"
        elif config.files and not self._paths:
            yield f"no file is there: {', '.join(config.files)}"
        if self._more > 0:
            yield f"{self._more} files more than {MOST_FILES} are left out; write narrower patterns"

    def _samples(self) -> Iterator[Sample]:
        for path, counts in self._followers.counts().items():
            stream = str(path)
            yield from _counted(stream, counts.lines, counts.size, counts.last)
            yield "inferdeck_log_rotations_total", (("stream", stream),), float(counts.rotations)
            yield "inferdeck_log_behind_bytes", (("stream", stream),), float(counts.behind)
        for one in self._programs:
            yield from _counted(one.stream.name, one.lines, one.size, one.last)


def _counted(stream: str, lines: Any, size: int, last: float | None) -> Iterator[Sample]:
    own = ("stream", stream)
    for level in (*LEVELS, ""):
        yield "inferdeck_log_lines_total", (own, ("level", level or UNKNOWN)), float(lines[level])
    yield "inferdeck_log_bytes_total", (own,), float(size)
    if last is not None:
        yield "inferdeck_log_last_line_timestamp_seconds", (own,), last


def _page(log: FileLog, query: LogQuery, deadline: float) -> LogPage:
    try:
        found = log.read(query, deadline)
    except OSError as error:
        return LogPage(warnings=(f"{log.name}: {(error.strerror or type(error).__name__).lower()}",))
    return LogPage(
        tuple(found.lines), found.more, {log.name: found.older}, {log.name: found.newer}, tuple(found.warnings)
    )


@dataclass(slots=True)
class _Late:
    """Streams whose turn did not come in time; where they are gone on with stays as it was."""

    query: LogQuery
    names: list[str] = field(default_factory=list)

    def page(self) -> LogPage:
        if not self.names:
            return LogPage()
        rest = f" and {len(self.names) - MOST_NAMED} more" if len(self.names) > MOST_NAMED else ""
        told = f"not looked at within {READ_SECONDS:g} s: {', '.join(sorted(self.names)[:MOST_NAMED])}{rest}"
        return LogPage(older=self._of(self.query.older), newer=self._of(self.query.newer), warnings=(told,))

    def _of(self, places: Mapping[str, str]) -> dict[str, str]:
        return {name: places[name] for name in self.names if name in places}


def _is_old(name: str, others: set[str]) -> bool:
    return name.endswith(".gz") or any(rotated.is_rotated(name, other) for other in others if len(other) < len(name))


def _service(name: str) -> str:
    return "" if "=" in name or any(sign in name for sign in "*?[") else name


def _fact(stream: LogStream) -> Fact:
    known = {"origin": stream.origin, "place": stream.place, "service": stream.service}
    return Fact("log_stream", stream.name, {key: value for key, value in known.items() if value})


def make(config: LogsConfig, http: object, clock: Clock, target: TargetKey, extra: Labels) -> LogsSource:
    """Return the source of one machine; `http` is not used."""
    return LogsSource(config, clock, target, extra)
