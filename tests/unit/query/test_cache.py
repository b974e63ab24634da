"""What is remembered is what would be computed, whatever was written in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import labels
from inferdeck.model.scrape import Layout
from inferdeck.query import encode
from inferdeck.query.cache import CachedQueryService, cacheable
from inferdeck.query.interface import DEFAULT_OPTIONS, QueryOptions
from inferdeck.query.local import LocalQueryService
from inferdeck.query.promql.result import Result
from inferdeck.query.writes import WriteLog
from inferdeck.query.written import NotingSink
from inferdeck.store.metrics.database import MetricDatabase

STEP = 15_000
HOUR = 3_600_000
START = 1_795_219_200_000


class Counting(LocalQueryService):
    """The local service, which notes the steps that it is asked to compute."""

    def __init__(self, reader: MetricDatabase) -> None:
        super().__init__(reader)
        self.asked: list[int] = []

    async def range(
        self, text: str, start_ms: int, end_ms: int, step_ms: int, options: QueryOptions = DEFAULT_OPTIONS
    ) -> Result:
        self.asked.append((end_ms - start_ms) // step_ms + 1)
        return await super().range(text, start_ms, end_ms, step_ms, options)


class History:
    """A store, its log of writes, and two services over it: one remembers, one computes."""

    def __init__(self, directory: Path, most_bytes: int = 10**7) -> None:
        self.database = MetricDatabase.open(directory, clock=ManualClock(START / 1000))
        self.log = WriteLog()
        self.plain = LocalQueryService(self.database)
        self.counting = Counting(self.database)
        self.cached = CachedQueryService(self.counting, self.log, most_bytes)

    def write(self, rows: int, stamps: np.ndarray[tuple[int], np.dtype[np.int64]], values: float) -> None:
        layout = Layout(tuple(labels({"row": f"{row:02}"}, "m_total") for row in range(rows)))
        block = np.broadcast_to((stamps - START) / 1000 * values, (rows, stamps.size)).copy()
        self.database.append_block("", layout, stamps, block)
        NotingSink(self.log).append_block("", layout, stamps, block)

    async def same(self, text: str, start: int, end: int, step: int = STEP) -> None:
        remembered = await self.cached.range(text, start, end, step)
        computed = await self.plain.range(text, start, end, step)
        assert remembered.series == computed.series
        assert remembered.steps_ms.tolist() == computed.steps_ms.tolist()
        both = [np.ascontiguousarray(found.values).view(np.uint64).tolist() for found in (remembered, computed)]
        assert both[0] == both[1]
        assert (remembered.warnings, remembered.infos) == (computed.warnings, computed.infos)
        assert computed.points is None
        assert b"".join(encode.result(remembered)) == b"".join(encode.result(computed))


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    found = History(tmp_path / "data")
    found.write(4, START + np.arange(240, dtype=np.int64) * STEP, 1.0)
    yield found
    found.plain.close()
    found.counting.close()
    found.database.close()


async def test_a_refresh_computes_the_new_steps_only(history: History) -> None:
    query = "sum by (row) (rate(m_total[2m]))"
    for refresh in range(5):
        end = START + HOUR + refresh * 2 * STEP
        history.write(4, np.array([end - STEP, end]), 1.0)
        await history.same(query, end - HOUR, end)
    # Each refresh brings two new steps; the one that was computed before its samples came is computed again.
    assert history.counting.asked[0] == 241
    assert max(history.counting.asked[1:]) <= 3


async def test_the_text_of_what_is_remembered_stays(history: History) -> None:
    for refresh in range(4):
        end = START + HOUR + refresh * STEP
        history.write(4 + refresh, np.array([end]), 1.0)
        await history.same("m_total", end - HOUR, end)
        assert (await history.cached.range("m_total", end - HOUR, end, STEP)).points is not None
    # So many steps later the text is made anew, as is what lies deep within.
    await history.same("m_total", START + 100 * STEP, START + HOUR + 8 * STEP)
    await history.same("m_total", START + 180 * STEP, START + 190 * STEP)


async def test_a_text_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    history = History(tmp_path / "small", most_bytes=50_000)
    history.write(4, START + np.arange(240, dtype=np.int64) * STEP, 1.0)
    for refresh in range(3):
        await history.same("m_total", START, START + HOUR + refresh * STEP)
    assert history.counting.asked == [241, 1, 1]
    assert 0 < history.cached.held_bytes <= 50_000 // 4
    history.plain.close()
    history.counting.close()
    history.database.close()


async def test_what_is_asked_again_or_lies_within_is_not_computed(history: History) -> None:
    await history.same("m_total", START, START + HOUR)
    await history.same("m_total", START, START + HOUR)
    await history.same("m_total", START + 20 * STEP, START + 40 * STEP)
    assert history.counting.asked == [241]
    await history.same("m_total", START + 5, START + HOUR)  # off the grid of steps
    await history.same("m_total", START, START + HOUR, 2 * STEP)
    await history.same("m_total", START - 4 * STEP, START + HOUR)
    assert len(history.counting.asked) == 4


async def test_a_write_in_the_past_is_seen(history: History) -> None:
    query = "sum(m_total)"
    await history.same(query, START, START + HOUR)
    history.write(4, np.array([START + 100 * STEP + 7]), 50.0)
    await history.same(query, START, START + HOUR)
    assert history.counting.asked == [241, 140]


async def test_series_come_and_go(history: History) -> None:
    await history.same("m_total", START, START + HOUR)
    late = START + HOUR + np.arange(40, dtype=np.int64) * STEP
    history.write(7, late, 2.0)
    await history.same("m_total", START, int(late[-1]))
    await history.same("m_total", START + HOUR + 10 * STEP, int(late[-1]))
    await history.same("m_total > 1e9", START, int(late[-1]))


async def test_equal_questions_at_once_are_computed_once(history: History) -> None:
    asked = [history.cached.range("m_total", START, START + HOUR, STEP) for _ in range(20)]
    found = await asyncio.gather(*asked)
    assert history.counting.asked == [241]
    assert all(one.series == found[0].series for one in found)


async def test_one_who_leaves_does_not_take_the_answer_from_the_others(history: History) -> None:
    first = asyncio.ensure_future(history.cached.range("m_total", START, START + HOUR, STEP))
    second = asyncio.ensure_future(history.cached.range("m_total", START, START + HOUR, STEP))
    await asyncio.sleep(0)
    first.cancel()
    assert len((await second).series) == 4


async def test_memory_is_bounded(tmp_path: Path) -> None:
    history = History(tmp_path / "small", most_bytes=40_000)
    history.write(4, START + np.arange(240, dtype=np.int64) * STEP, 1.0)
    for number in range(30):
        await history.same(f"sum(m_total) + {number}", START, START + HOUR)
    assert history.cached.held_bytes <= 40_000
    await history.same("sum(m_total) + 29", START, START + HOUR)
    assert len(history.counting.asked) == 30
    await history.same("sum(m_total) + 0", START, START + HOUR)
    assert len(history.counting.asked) == 31
    history.plain.close()
    history.counting.close()
    history.database.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate(m[5m])", True),
        ("sum(m offset 1h)", True),
        ("max_over_time(rate(m[5m])[1h:1m])", True),
        ("m offset -1h", False),
        ("m smoothed", False),
        ("rate(m[5m] smoothed)", False),
        ("rate(m[5m] anchored)", True),
        ("m @ 1000", False),
        ("m @ end()", False),
        ("rate(m[5m] @ start())", False),
        ("limitk(2, m)", False),
        ("topk(2, m)", True),
        ("sum(", False),
    ],
)
def test_only_what_each_step_knows_by_itself_is_remembered(text: str, expected: bool) -> None:
    assert cacheable(text) is expected
