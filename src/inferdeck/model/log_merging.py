"""Pages of several streams as one: lines in the order of their times, and where each stream is to be gone on with."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from inferdeck.model.log_lines import LogLine, LogPage, LogQuery

_Keyed = tuple[tuple[float, int, int], LogLine]
"""A line behind what orders it: its time, which page it is of, which line of that page."""


class Merging:
    """Takes pages as they come, in any order, no stream in two of them; may be given them by several threads.

    It never holds more lines than the query wants, beside those of the page that is added.
    """

    def __init__(self, query: LogQuery) -> None:
        self._query = query
        self._lock = threading.Lock()
        self._before: list[_Keyed] = []
        """What is kept up to the newest; with `newer` nothing, with `around` what lies before it."""
        self._after: list[_Keyed] = []
        """What is kept from the oldest on."""
        self._early: set[str] = set()
        self._late: set[str] = set()
        self._older: dict[str, str] = {}
        self._newer: dict[str, str] = {}
        self._truncated = False
        self._warnings: dict[int, tuple[str, ...]] = {}

    def add(self, page: LogPage, turn: int) -> None:
        """Take a page over; turn: where it stands among the others, which orders lines of the same time."""
        query = self._query
        before, after = self._parted(_in_order(page.lines, turn))
        with self._lock:
            self._older.update(page.older)
            self._newer.update(page.newer)
            self._truncated |= page.truncated
            self._warnings[turn] = page.warnings
            self._before = _merged(self._before, before)
            most = query.before if query.around is not None else query.limit
            cut = max(0, len(self._before) - most)
            self._early.update(line.stream for _, line in self._before[:cut])
            del self._before[:cut]
            self._after = _merged(self._after, after)
            most = query.after if query.around is not None else query.limit
            self._late.update(line.stream for _, line in self._after[most:])
            del self._after[most:]

    def page(self) -> LogPage:
        """Return all that was added as one page."""
        with self._lock:
            return self._page()

    def _page(self) -> LogPage:
        query = self._query
        kept = [line for _, line in (*self._before, *self._after)]
        last = {line.stream: line.position for line in kept}
        first = {line.stream: line.position for line in reversed(kept)}
        starts = {**self._newer, **query.older}
        older = self._older | {name: first.get(name, starts.get(name, "")) for name in self._early}
        ends = {**older, **query.newer}
        newer = self._newer | {name: last.get(name, ends.get(name, "")) for name in self._late}
        warnings = dict.fromkeys(text for _, texts in sorted(self._warnings.items()) for text in texts)
        truncated = self._truncated or bool(self._early or self._late)
        return LogPage(tuple(kept), truncated, older, newer, tuple(warnings))

    def _parted(self, lines: list[_Keyed]) -> tuple[list[_Keyed], list[_Keyed]]:
        moment = self._query.around
        if self._query.newer:
            return [], lines
        if moment is None:
            return lines, []
        timed = [(line.time, (key, line)) for key, line in lines if line.time is not None]
        return [one for time, one in timed if time < moment], [one for time, one in timed if time >= moment]


def merge(pages: Sequence[LogPage], query: LogQuery) -> LogPage:
    """Return one page with as many lines as the query wants; no stream may be in two pages."""
    merging = Merging(query)
    for turn, page in enumerate(pages):
        merging.add(page, turn)
    return merging.page()


def joined(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """Yield lines without their positions, which only cursors need."""
    return (replace(line, position="") for line in lines)


def _in_order(lines: Sequence[LogLine], turn: int) -> list[_Keyed]:
    """Order a page; within a stream the order of writing holds, and one without a time stays behind its neighbour."""
    keyed: list[_Keyed] = []
    last: dict[str, float] = {}
    for number, line in enumerate(lines):
        before = last.get(line.stream, -math.inf)
        time = last[line.stream] = before if line.time is None else max(line.time, before)
        keyed.append(((time, turn, number), line))
    keyed.sort(key=lambda one: one[0])
    return keyed


def _merged(kept: list[_Keyed], new: list[_Keyed]) -> list[_Keyed]:
    # Two runs that are sorted already take linear time.
    return sorted([*kept, *new], key=lambda one: one[0]) if new else kept
