"""From raw lines to entries: a traceback belongs to the line before it, a time holds until the next one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

import orjson

from inferdeck.model.log_lines import CARRIED, LEVELS, LogLine, LogQuery, at_least
from inferdeck.sources.loglines import levels, spelling, times
from inferdeck.sources.loglines.times import Part, Resolver, Stamp

MOST_LINES = 400
"""Lines of one entry; more are counted and left out."""
_PROCESS = re.compile(r"\([A-Za-z_]{1,40}(?: pid=\d{1,10}|_[A-Z]{2}\d+)?(?: pid=\d{1,10})?\) ")
"""vLLM's name of the process, before everything else."""
_SEVERAL = re.compile(r"(?:During handling of the above|The above exception was|Traceback \(most recent|Stack trace:)")
_TRACE = "Traceback (most recent call last)"
_GOES_ON = (" ", "\t")
_REDIS = re.compile(r"\d{1,10}:[A-Z] ")
_NUMBERED = re.compile(r"<(\d{1,3})>")
_TIME_KEYS = ("timestamp", "time", "ts", "@timestamp", "asctime", "datetime", "t")
_LEVEL_KEYS = ("level", "levelname", "severity", "lvl", "log.level", "loglevel")


@dataclass(slots=True)
class Entry:
    """One entry on its way; position: of its first byte, end: after its last one. `lines` are plain but not masked."""

    lines: list[str]
    stamp: Stamp | None = None
    level: str = ""
    position: int = 0
    end: int = 0
    time: float | None = None
    quality: str = ""
    cut: int = 0
    in_trace: bool = field(default=False)

    def add(self, line: str, end: int) -> None:
        """Take over a line that belongs to it."""
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)
        else:
            self.cut += len(line)
        self.end = end
        # The last line of a traceback names the error; what follows it is the program's next word.
        self.in_trace = line.startswith((*_GOES_ON, "Traceback")) or not line


def recognise(text: str, zone: tzinfo | None, *, exact: bool = True) -> tuple[Stamp | None, str]:
    """Return what a plain line tells of its time, and its level ("" where it tells none).

    exact: False where only the level matters.
    """
    if text.startswith("{") and (fields := _json(text)) is not None:
        stamps = (times.of_value(fields.get(key), zone) for key in _TIME_KEYS)
        words = (levels.of_value(fields.get(key)) for key in _LEVEL_KEYS)
        return next((one for one in stamps if one), None), next((one for one in words if one), "")
    if text.startswith("(") and (process := _PROCESS.match(text)):
        text = text[process.end() :]
    stamp, end = times.find(text, zone, exact=exact)
    return stamp, (_sign(text, stamp, end) if end else "") or _priority(text) or levels.of_text(text, end)


def _sign(text: str, stamp: Stamp | None, end: int) -> str:
    """Return the level that one character tells: llama.cpp's behind the time, klog's before it, Redis' behind it."""
    behind = text[end + 1 : end + 2]
    if stamp is not None and stamp.part is Part.ELAPSED:
        return levels.LETTERS.get(behind, "")
    if text[1:5].isdigit() and text[5:6] == " " and text[0] in levels.LETTERS:
        return levels.LETTERS[text[0]]
    if _REDIS.match(text) and text[end : end + 3] == f" {behind} ":
        return levels.REDIS.get(behind, "")
    return ""


def _priority(text: str) -> str:
    """Return the level of a syslog line that begins with its number."""
    found = _NUMBERED.match(text)
    return levels.PRIORITIES[int(found[1]) & 7] if found else ""


def _json(text: str) -> dict[str, Any] | None:
    try:
        fields = orjson.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def goes_on(line: str, before: Entry | None) -> bool:
    """Whether a plain line belongs to the entry before it."""
    if before is None:
        return False
    if line.startswith(_GOES_ON) or _SEVERAL.match(line):
        return True
    if not before.in_trace:
        return False
    return not line or (":" in line[:200] and not line.startswith("{") and " " not in line[: line.index(":")])


def join(lines: Iterable[tuple[int, int, bytes]], zone: tzinfo | None, *, exact: bool = True) -> list[Entry]:
    """Return the entries of raw lines (position, end, bytes without the line break), oldest first; empty ones go.

    exact: False where only levels matter; times are then not to be used.
    """
    found: list[Entry] = []
    for position, end, raw in lines:
        text = spelling.decode(raw)
        last = found[-1] if found else None
        if last is not None and goes_on(text, last):
            last.add(text, end)
        elif text:
            stamp, level = recognise(text, zone, exact=exact)
            cut = max(0, len(raw) - spelling.LARGEST_LINE_BYTES)
            found.append(Entry([text], stamp, level, position, end, cut=cut, in_trace=_TRACE in text))
    return found


def resolve(entries: Sequence[Entry], resolver: Resolver, carried: float | None = None) -> None:
    """Give each entry its time; one without has that of the entry before it, the first ones `carried`."""
    for entry in reversed(entries):
        if entry.stamp is not None:
            entry.time, entry.quality = resolver.time(entry.stamp)
    for entry in entries:
        if entry.time is None and carried is not None:
            entry.time, entry.quality = carried, CARRIED
        carried = entry.time


class Choice:
    """Which entries a query wants; makes the shown line of those."""

    def __init__(self, query: LogQuery) -> None:
        self._levels = at_least(query.level)
        self._any_level = not query.level
        self.only_bad = query.level in LEVELS[LEVELS.index("warning") :]
        """Whether only warnings and what is worse are wanted."""
        self.needles = tuple(word.casefold() for word in query.include if word)
        self._not = tuple(word.casefold() for word in query.exclude if word)
        self._since = query.since
        self._until = query.until

    def line(self, entry: Entry, stream: str, source: str, spell: Callable[[int], str]) -> LogLine | None:
        """Return the entry as it is shown, None where it is not wanted; spell: a position's text."""
        if not (self._any_level or entry.level in self._levels) or not self.in_time(entry.time):
            return None
        if self.needles and not self._holds("\n".join(entry.lines)):
            return None
        # What is searched is what is shown: otherwise a search could find out a secret letter by letter.
        text, cut = spelling.shown(entry.lines)
        folded = text.casefold()
        if any(word not in folded for word in self.needles) or any(word in folded for word in self._not):
            return None
        position = spell(entry.position)
        return LogLine(entry.time, entry.level, stream, source, text, entry.quality, entry.cut + cut, position)

    def in_time(self, time: float | None) -> bool:
        """Whether a time is in the wanted range; an unknown one is, where there is no range."""
        if time is None:
            return self._since is None and self._until is None
        return (self._since is None or time >= self._since) and (self._until is None or time <= self._until)

    def _holds(self, text: str) -> bool:
        folded = text.casefold()
        return all(word in folded for word in self.needles)
