"""When a command runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import pairwise

from inferdeck.faces.board.pace import SCATTER, Pace


@contextlib.asynccontextmanager
async def going(pace: Pace) -> AsyncIterator[None]:
    task = asyncio.create_task(pace.go())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Slow:
    """A command that ends when it is told to, and notices where it is started twice."""

    def __init__(self) -> None:
        self.started = 0
        self.at_once = 0
        self.most_at_once = 0
        self.end = asyncio.Semaphore(0)

    async def __call__(self) -> None:
        self.started += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.end.acquire()
        finally:
            self.at_once -= 1


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_slow_command_is_never_started_twice_at_once() -> None:
    slow = Slow()
    pace = Pace(slow, 0.001)
    async with going(pace):
        for number in range(1, 6):
            while slow.started < number:
                await asyncio.sleep(0.001)
            pace.now()
            await asyncio.sleep(0.005)
            assert (slow.started, slow.most_at_once, pace.running) == (number, 1, True)
            slow.end.release()


async def test_now_does_not_wait_for_the_interval() -> None:
    slow = Slow()
    pace = Pace(slow, 3600.0)
    slow.end.release()
    async with going(pace):
        await pace.first.wait()
        for number in (2, 3):
            pace.now()
            slow.end.release()
            while pace.rounds < number:
                await asyncio.sleep(0)
        assert slow.started == 3


async def test_held_starts_nothing_but_what_is_asked_for() -> None:
    slow = Slow()
    pace = Pace(slow, 0.001)
    pace.hold(True)
    async with going(pace):
        await asyncio.sleep(0.02)
        assert slow.started == 0
        pace.now()
        await settled()
        assert slow.started == 1
        slow.end.release()
        await asyncio.sleep(0.02)
        assert slow.started == 1
        pace.hold(False)
        while slow.started < 2:
            await asyncio.sleep(0)


async def test_what_is_overdue_after_a_pause_starts_once() -> None:
    slow = Slow()
    pace = Pace(slow, 0.01)
    slow.end.release()
    async with going(pace):
        await pace.first.wait()
        pace.hold(True)
        await asyncio.sleep(0.1)
        before = slow.started
        pace.hold(False)
        await settled()
        assert slow.started == before + 1


async def test_starts_scatter_around_the_interval() -> None:
    """Two of one interval do not go together for ever, and none strays further than it may."""
    starts: dict[int, list[float]] = {1: [], 2: []}
    loop = asyncio.get_running_loop()

    def noting(seed: int) -> Pace:
        async def run() -> None:
            starts[seed].append(loop.time())

        return Pace(run, 0.02, seed=seed)

    async with going(noting(1)), going(noting(2)):
        while min(map(len, starts.values())) < 5:
            await asyncio.sleep(0.005)
    for times in starts.values():
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= 0.02 * (1 - SCATTER) - 0.002
    assert starts[1][1] - starts[1][0] != starts[2][1] - starts[2][0]
