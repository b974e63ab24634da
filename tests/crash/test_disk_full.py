"""A full disk: writing stops and says so, what was acknowledged stays readable, writing resumes when there is room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inferdeck.errors import StoreFullError
from inferdeck.model.clock import ManualClock
from inferdeck.query.promql.engine import Engine
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.day_file import DAY_MS
from tests.crash.small_disk import mounted
from tests.unit.store.samples import START_MS, Whole, content, layout, scrape

SERIES = layout(300)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "3m") as place:
        yield place


def fill(place: Path) -> Path:
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                if file.write(bytes(65536)) < 65536:
                    return ballast
            except OSError:
                return ballast


@pytest.mark.parametrize("reserve", [0, 200_000])
def test_a_full_disk_stops_writing_and_is_survived(small_disk: Path, reserve: int) -> None:
    clock = ManualClock(START_MS / 1000)
    store = MetricDatabase.open(small_disk / "metrics", clock=clock, reserve_bytes=reserve)
    rng = np.random.default_rng(1)
    stamp = START_MS
    for _ in range(60):
        store.append(scrape("a", stamp, SERIES, rng.random(300)))
        stamp += 1000
    written = content(store)
    ballast = fill(small_disk)
    store.tick()
    refused = 0
    for _ in range(3000):
        try:
            store.append(scrape("a", stamp, SERIES, rng.random(300)))
            written = {**written, **content(store, start=stamp)}
        except StoreFullError:
            refused += 1
            if refused == 3:
                break
        stamp += 1000
    assert refused == 3
    assert store.writing is False
    assert "free" in store.trouble and str(small_disk) in store.trouble
    assert content(store) == written
    clock.jump(3 * 7200)
    for _ in range(20):
        store.tick()
    assert store.writing is False
    assert content(store) == written
    ballast.unlink()
    store.tick()
    assert (store.writing, store.trouble) == (True, "")
    stamp += 1000
    store.append(scrape("a", stamp, SERIES, rng.random(300)))
    for _ in range(20):
        store.tick()
    written |= content(store, start=stamp)
    assert len(content(store)) == len(written)
    store.close()
    store = MetricDatabase.open(small_disk / "metrics", clock=clock, reserve_bytes=reserve)
    assert content(store) == written
    assert store.check().problems == []
    store.close()


def test_a_store_that_has_no_room_to_open_says_so_and_opens_when_there_is(small_disk: Path) -> None:
    clock = ManualClock(START_MS / 1000)
    (small_disk / "metrics").mkdir()
    ballast = fill(small_disk)
    with pytest.raises(StoreFullError, match=r"cannot be written .* free some space"):
        MetricDatabase.open(small_disk / "metrics", clock=clock)
    ballast.unlink()
    MetricDatabase.open(small_disk / "metrics", clock=clock).close()


def test_a_disk_that_fills_while_milestones_are_made(small_disk: Path) -> None:
    clock = ManualClock((START_MS // DAY_MS + 1) * DAY_MS / 1000 + 60)
    store = MetricDatabase.open(small_disk / "metrics", clock=clock, reserve_bytes=0)
    stamps = START_MS // DAY_MS * DAY_MS + np.arange(0, DAY_MS, 1_800_000, dtype=np.int64)
    values = np.cumsum(np.random.default_rng(1).random((300, stamps.size)), axis=1)
    store.append_block("a", SERIES, stamps, values)
    written = content(store)
    span = (int(stamps[0]), int(stamps[-1]), 3_600_000)
    wanted = Engine(Whole(store)).range("increase(metric_total[2h])", *span)
    store.tick()
    clock.jump(61)
    store.tick()
    assert not store.surveyed()
    ballast = fill(small_disk)
    for _ in range(100):
        store.tick()
    assert (store.writing, store.surveyed()) == (False, False)
    assert content(store) == written
    assert Engine(store).range("increase(metric_total[2h])", *span).values.tobytes() == wanted.values.tobytes()
    ballast.unlink()
    for _ in range(100):
        clock.jump(1)
        store.tick()
    assert (store.writing, store.trouble, store.surveyed()) == (True, "", True)
    assert content(store) == written
    assert Engine(store).range("increase(metric_total[2h])", *span).values.tobytes() == wanted.values.tobytes()
    assert store.check().problems == []
    store.close()
