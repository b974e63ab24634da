"""One failed tick is not the last one, and one failed step of the end does not skip the others."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from inferdeck.daemon.upkeep import PRUNE_SECONDS, TICK_SECONDS, ended, keep_pruning, keep_ticking
from inferdeck.errors import StoreError
from inferdeck.model.annotations import Asked
from inferdeck.model.clock import ManualClock
from inferdeck.model.happening import Happening
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.connection import connect
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.recovery import DROPPED
from inferdeck.store.state.database import StateDatabase
from tests.unit.store.samples import HOUR_MS, START_MS, layout, scrape


async def until_trouble(clock: ManualClock, database: MetricDatabase, *, wanted: bool) -> None:
    for _ in range(20_000):
        if bool(database.trouble) is wanted:
            return
        await clock.advance(TICK_SECONDS)
        await asyncio.sleep(0.001)  # the tick runs in a thread
    raise AssertionError(f"trouble never became {wanted}")


async def test_ticks_go_on_after_a_lock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(START_MS / 1000)
    database = MetricDatabase.open(tmp_path, clock=clock, reserve_bytes=0)
    for hour in range(4):
        database.append(scrape("a", START_MS + hour * HOUR_MS, layout(3), [hour] * 3))
    assert database.stats().samples == 0
    writer = SinkWriter(database)
    day = min(tmp_path.glob("day-*.db"))
    other = connect(day, "normal")
    other.execute("BEGIN IMMEDIATE")
    ticking = asyncio.create_task(keep_ticking(writer, database, clock))
    with caplog.at_level(logging.WARNING):
        await until_trouble(clock, database, wanted=True)
        assert (database.writing, database.stats().trouble) == (True, database.trouble)
        assert day.name in database.trouble
        other.execute("ROLLBACK")
        other.close()
        await until_trouble(clock, database, wanted=False)
        while len(caplog.records) < 2:
            await clock.advance(TICK_SECONDS)
            await asyncio.sleep(0.001)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert not ticking.done()
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
    await writer.run(database.tick)
    assert database.stats().samples > 0
    writer.close()
    database.close()


def test_a_day_that_cannot_be_removed_stays_and_is_tried_again(tmp_path: Path) -> None:
    database = MetricDatabase.open(tmp_path, clock=ManualClock(START_MS / 1000), retention_bytes=1, reserve_bytes=0)
    for day in range(3):
        database.append(scrape("a", START_MS + day * 24 * HOUR_MS, layout(3), [day] * 3))
    database.flush_all()
    names = sorted(path.name for path in tmp_path.glob("day-*.db"))
    blocked = tmp_path / DROPPED
    blocked.mkdir()
    (blocked / "in the way").touch()
    with pytest.raises(StoreError, match="cannot be removed"):
        database.tick()
    assert sorted(path.name for path in tmp_path.glob("day-*.db")) == names
    assert "dropping old days failed" in database.trouble
    assert len(database.stats().days) == 3
    (blocked / "in the way").unlink()
    blocked.rmdir()
    for _ in range(31):
        database.tick()
    assert database.trouble == ""
    assert len(database.stats().days) == 2
    database.close()


async def test_a_step_that_raises_does_not_skip_the_next(caplog: pytest.LogCaptureFixture) -> None:
    taken = []

    async def step(name: str) -> None:
        taken.append(name)
        if name == "b":
            raise sqlite3.OperationalError("database is locked")

    with caplog.at_level(logging.ERROR):
        await ended(lambda: step("a"), lambda: step("b"), lambda: step("c"))
    assert taken == ["a", "b", "c"]
    assert len(caplog.records) == 1


async def test_old_events_go_though_nothing_new_happens(tmp_path: Path) -> None:
    clock = ManualClock(1_800_000_000.0)
    state = StateDatabase.open(tmp_path / "state.db", clock=clock, keep_seconds=7200.0)
    old = Happening(clock.now() - 7000.0, "restart", "vllm", "restarted", "docker")
    state.note([(old, "default"), (replace(old, time=clock.now()), "default")])
    pruning = asyncio.create_task(keep_pruning(state, clock))
    try:
        async with asyncio.timeout(30):
            while state.events(Asked()).total == 2:
                await clock.advance(PRUNE_SECONDS / 10)
                await asyncio.sleep(0.001)  # the work runs in a thread
        assert [one.time for one in state.events(Asked()).items] == [1_800_000_000.0]
    finally:
        pruning.cancel()
        await asyncio.gather(pruning, return_exceptions=True)
        state.close()
