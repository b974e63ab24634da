"""The ends of containers' logs, read once for everybody who follows them, and seldom where nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from inferdeck.model.clock import Clock
from inferdeck.sources.dockerd import Line

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 5.0
"""Seconds between two readings of one log, however many follow it; the longer, the longer nothing came."""
GROWTH = 1.5
MOST_KEPT = 256 * 1024
"""Characters of one log that are remembered for those who come a little later."""
MOST_ALTOGETHER = 32 * 2**20
FORGOTTEN_SECONDS = 60.0
Read = Callable[[str, int], Awaitable[list[Line]]]
"""Reads the lines of a container behind Unix nanoseconds."""


@dataclass(slots=True)
class _Tail:
    """start, end: what was read is all lines behind `start` up to `end`, of which `lines` are the last."""

    start: int
    end: int
    lines: list[Line] = field(default_factory=list)
    size: int = 0
    read: float = 0.0
    asked: float = 0.0
    pause: float = FIRST_PAUSE
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, new: list[Line]) -> None:
        """Take over what came, and let go what is too much."""
        self.pause = FIRST_PAUSE if new else min(LONGEST_PAUSE, self.pause * GROWTH)
        self.lines += new
        self.size += sum(len(line.text) + 100 for line in new)
        self.end = max([self.end, *(line.time_ns for line in new)])
        first = 0
        while self.size > MOST_KEPT and first < len(self.lines):
            self.size -= len(self.lines[first].text) + 100
            self.start = max(self.start, self.lines[first].time_ns)
            first += 1
        del self.lines[:first]


class Tails:
    """Belongs to the event loop."""

    def __init__(self, clock: Clock, read: Read) -> None:
        self._clock = clock
        self._read = read
        self._all: dict[str, _Tail] = {}
        self._forgot = -FORGOTTEN_SECONDS

    async def behind(self, container: str, place: int) -> list[Line]:
        """Return the lines behind a place, Unix nanoseconds, as they were at most a pause ago."""
        self._forget()
        tail = self._all.setdefault(container, _Tail(place, place, read=-FORGOTTEN_SECONDS))
        self._all[container] = self._all.pop(container)
        tail.asked = self._clock.monotonic()
        async with tail.reading:
            if place < tail.start:
                # Somebody who is far behind reads alone until he has caught up.
                return await self._read(container, place)
            if self._clock.monotonic() - tail.read >= tail.pause:
                # A log that cannot be read is not asked for more often than one that can.
                tail.read = self._clock.monotonic()
                new = [line for line in await self._read(container, tail.end) if line.time_ns > tail.end]
                # The one who asked may have been far behind: he gets all of it, the others what is remembered.
                told = [line for line in (*tail.lines, *new) if line.time_ns > place]
                tail.add(new)
                return told
            return [line for line in tail.lines if line.time_ns > place]

    def _forget(self) -> None:
        """Let go of logs that nobody follows any more, and of the longest unasked ones where they are too many."""
        now = self._clock.monotonic()
        if now - self._forgot < FIRST_PAUSE:
            return
        self._forgot, size = now, sum(tail.size for tail in self._all.values())
        for container, tail in list(self._all.items()):
            if tail.reading.locked() or (now - tail.asked < FORGOTTEN_SECONDS and size <= MOST_ALTOGETHER):
                continue
            size -= tail.size
            del self._all[container]
