"""The injected clock: nothing else in inferdeck asks the system for the time."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time, monotonic time and sleep; the simulator, replay and tests bring their own."""

    def now(self) -> float:
        """Return Unix seconds; may jump in both directions."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after this many monotonic seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that moves only when told; sleepers wake in the order of their deadlines."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._monotonic = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        self._sleepers.append((self._monotonic + seconds, self._count, future))
        await future

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as an administrator or NTP would."""
        self._now += seconds

    async def advance(self, seconds: float) -> None:
        """Let this much time pass on both clocks, waking each sleeper at its moment."""
        end = self._monotonic + seconds
        while True:
            await _let_others_run()
            due = sorted(entry for entry in self._sleepers if entry[0] <= end)
            if not due:
                break
            deadline, _, future = due[0]
            self._sleepers.remove(due[0])
            step = max(0.0, deadline - self._monotonic)
            self._monotonic += step
            self._now += step
            if not future.done():
                future.set_result(None)
        self._now += end - self._monotonic
        self._monotonic = end
        await _let_others_run()


async def _let_others_run() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
