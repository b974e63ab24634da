"""The clocks: the machine's, and the one that tests and the simulator move by hand."""

from __future__ import annotations

import asyncio
import time

import pytest

from inferdeck.model.clock import Clock, ManualClock, SystemClock


async def note(clock: Clock, seconds: float, name: str, log: list[tuple[str, float, float]]) -> None:
    await clock.sleep(seconds)
    log.append((name, clock.now(), clock.monotonic()))


async def test_sleepers_wake_in_the_order_of_their_deadlines_at_their_moment() -> None:
    clock = ManualClock(1000.0)
    log: list[tuple[str, float, float]] = []
    tasks = [asyncio.create_task(note(clock, s, n, log)) for s, n in ((3.0, "c"), (1.0, "a"), (2.0, "b"))]
    await clock.advance(5.0)
    await asyncio.gather(*tasks)
    assert log == [("a", 1001.0, 1.0), ("b", 1002.0, 2.0), ("c", 1003.0, 3.0)]
    assert (clock.now(), clock.monotonic()) == (1005.0, 5.0)


async def test_equal_deadlines_wake_in_the_order_of_their_calls() -> None:
    clock = ManualClock()
    log: list[tuple[str, float, float]] = []
    tasks = [asyncio.create_task(note(clock, 1.0, name, log)) for name in "xyz"]
    await clock.advance(1.0)
    await asyncio.gather(*tasks)
    assert [name for name, _, _ in log] == ["x", "y", "z"]


async def test_a_sleeper_that_sleeps_again_is_served_within_one_advance() -> None:
    clock = ManualClock()
    ticks: list[float] = []

    async def loop() -> None:
        for _ in range(4):
            await clock.sleep(15.0)
            ticks.append(clock.monotonic())

    task = asyncio.create_task(loop())
    await clock.advance(60.0)
    await task
    assert ticks == [15.0, 30.0, 45.0, 60.0]


async def test_nobody_wakes_before_the_time() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(10.0))
    await clock.advance(9.999)
    assert not task.done()
    await clock.advance(0.001)
    assert task.done()


async def test_a_jump_moves_the_wall_clock_and_wakes_nobody() -> None:
    clock = ManualClock(1000.0)
    task = asyncio.create_task(clock.sleep(1.0))
    clock.jump(3600.0)
    await asyncio.sleep(0)
    assert not task.done()
    assert (clock.now(), clock.monotonic()) == (4600.0, 0.0)
    clock.jump(-7200.0)
    await clock.advance(1.0)
    assert task.done()
    assert (clock.now(), clock.monotonic()) == (-2599.0, 1.0)


async def test_a_cancelled_sleeper_does_not_stop_the_clock() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await clock.advance(2.0)
    assert clock.monotonic() == 2.0


@pytest.mark.parametrize("seconds", [0.0, -1.0])
async def test_no_time_is_no_wait(seconds: float) -> None:
    await ManualClock().sleep(seconds)


async def test_the_machines_clock_agrees_with_the_machine() -> None:
    clock = SystemClock()
    before = time.time(), time.monotonic()
    seen = clock.now(), clock.monotonic()
    await clock.sleep(0.0)
    after = time.time(), time.monotonic()
    assert before[1] <= seen[1] <= after[1]
    assert before[0] <= seen[0] <= after[0]
