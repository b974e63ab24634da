"""What many viewers share: aligned times, one evaluation at a time, memory with a bound."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.dashboards.answers import Memory
from inferdeck.dashboards.span import LADDER_SECONDS, LAG_MS, MOST_POINTS, moment, span
from inferdeck.errors import UsageError

NOW = 1_795_226_500.0


@given(
    length=st.floats(60, 100 * 86_400),
    ago=st.floats(0, 30 * 86_400),
    scrape=st.sampled_from([5_000, 15_000, 60_000]),
    points=st.integers(10, 500),
)
def test_every_range_has_whole_steps_of_the_ladder(length: float, ago: float, scrape: int, points: int) -> None:
    found = span(NOW - ago - length, NOW - ago, NOW, scrape, points=points)
    assert found.step_ms // 1000 in LADDER_SECONDS
    assert found.step_ms >= min(scrape, 60_000)
    assert found.start_ms % found.step_ms == found.end_ms % found.step_ms == 0
    assert found.start_ms < found.end_ms <= found.at_ms <= NOW * 1000 - min(LAG_MS, ago * 1000 + LAG_MS)
    assert 2 <= found.steps <= MOST_POINTS + 1


def test_viewers_of_the_same_range_ask_the_same() -> None:
    first = span(NOW - 3600, NOW, NOW, 15_000)
    later = NOW + 4
    assert span(later - 3600, later, later, 15_000) == first
    assert first.step_ms == 15_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("now", NOW),
        ("now-6h", NOW - 21_600),
        ("now-1h30m", NOW - 5400),
        ("1795226500", NOW),
        ("1795226500.5", NOW + 0.5),
        ("1795226500000", NOW),
        ("2026-11-21T02:01:40Z", NOW),
        ("2026-11-21T03:01:40+01:00", NOW),
        ("2026-11-21T02:01:40", NOW),
    ],
)
def test_times_are_read_as_people_and_links_write_them(text: str, wanted: float) -> None:
    assert moment(text, NOW, "from") == wanted


@pytest.mark.parametrize("text", ["", "noon", "now-", "now-x", "-1", "nan", "1e9", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="from: "):
        moment(text, NOW, "from")


async def test_one_question_is_asked_once_however_many_wait() -> None:
    memory: Memory[str] = Memory(1000, lambda: 0.0)
    made: list[str] = []

    async def make() -> tuple[str, int, float]:
        made.append("")
        await asyncio.sleep(0.01)
        return "found", 10, 60.0

    assert await asyncio.gather(*(memory.once("key", make) for _ in range(50))) == ["found"] * 50
    assert await memory.once("key", make) == "found"
    assert len(made) == 1


async def test_when_nobody_waits_any_more_the_work_is_given_up() -> None:
    memory: Memory[str] = Memory(1000, lambda: 0.0)
    ended = asyncio.Event()

    async def make() -> tuple[str, int, float]:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return "never", 1, 1.0

    waiting = [asyncio.create_task(memory.once("key", make)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0.01)
    assert not ended.is_set()
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    async def again() -> tuple[str, int, float]:
        return "again", 1, 1.0

    # Whoever comes right then does not wait for work that was given up.
    assert await memory.once("key", again) == "again"
    await asyncio.wait_for(ended.wait(), 5)


async def test_memory_has_a_bound_and_forgets_what_no_longer_holds() -> None:
    now = [0.0]
    memory: Memory[int] = Memory(100, lambda: now[0])

    async def keep(value: int, size: int, seconds: float = 60.0) -> int:
        async def make() -> tuple[int, int, float]:
            return value, size, seconds

        return await memory.once(value, make)

    for value in range(20):
        assert await keep(value, 30) == value
        assert memory.held_bytes <= 100
    assert memory.get(0) is None
    assert memory.get(19) == 19
    await keep(100, 90)  # more than half of it: answered, not kept
    await keep(101, 10, 0.0)
    assert (memory.get(100), memory.get(101)) == (None, None)
    now[0] = 61.0
    assert memory.get(19) is None


async def test_a_failure_reaches_everybody_and_is_not_kept() -> None:
    memory: Memory[int] = Memory(100, lambda: 0.0)

    async def fail() -> tuple[int, int, float]:
        await asyncio.sleep(0)
        raise UsageError("no")

    found = await asyncio.gather(*(memory.once(1, fail) for _ in range(3)), return_exceptions=True)
    assert [str(one) for one in found] == ["no"] * 3
    assert memory.get(1) is None
