"""What the store on disk promises beyond the contract: one owner, versions, retention, restarts, slices, clocks."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from inferdeck.errors import StaleStampError, StoreLockedError, StoreVersionError, UnsupportedFilesystemError
from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import Scrape
from inferdeck.store.metrics import filesystem
from inferdeck.store.metrics.connection import VERSION, connect, prepare
from inferdeck.store.metrics.database import RETENTION_EVERY_TICKS, MetricDatabase
from inferdeck.store.metrics.day_file import DAY_MS
from tests.unit.store.samples import EVERYTHING, HOUR_MS, START_MS, content, layout, scrape

DAY_START = START_MS // DAY_MS * DAY_MS


def opened(
    path: Path, now_ms: int = START_MS, *, seconds: float | None = None, size: int | None = None
) -> MetricDatabase:
    clock = ManualClock(now_ms / 1000)
    return MetricDatabase.open(path, clock=clock, retention_seconds=seconds, retention_bytes=size, reserve_bytes=0)


def ticks(store: MetricDatabase, count: int = RETENTION_EVERY_TICKS) -> None:
    for _ in range(count):
        store.tick()


def test_two_owners_of_one_directory_are_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(StoreLockedError, match=str(tmp_path)):
        opened(tmp_path)
    store.close()
    opened(tmp_path).close()


@pytest.mark.parametrize(("kind", "refused"), [("nfs4", True), ("fuse.sshfs", True), ("ext4", False), ("", False)])
def test_network_file_systems_are_refused(tmp_path: Path, kind: str, refused: bool) -> None:
    mounts = [("/", "ext4"), (str(tmp_path.parent), "nfs" if kind == "ext4" else "ext4"), (str(tmp_path), kind)]
    if not refused:
        filesystem.require_local(tmp_path / "metrics", mounts)
        return
    with pytest.raises(UnsupportedFilesystemError, match=kind):
        filesystem.require_local(tmp_path / "metrics", mounts)


def test_files_of_a_newer_version_or_of_others_are_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "series.db") as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    with pytest.raises(StoreVersionError, match="newer inferdeck"):
        opened(tmp_path)
    (tmp_path / "series.db").unlink()
    with sqlite3.connect(tmp_path / "series.db") as connection:
        connection.execute("CREATE TABLE mine(id)")
    connection.close()
    with pytest.raises(StoreVersionError, match="not a file of this store"):
        opened(tmp_path)


def test_an_older_version_is_upgraded_in_steps_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = connect(path)
    prepare(connection, path, "CREATE TABLE fact(id)", version=1)

    def fails(_: sqlite3.Connection) -> None:
        raise RuntimeError("in the middle")

    def adds(opened: sqlite3.Connection) -> None:
        opened.execute("ALTER TABLE fact ADD COLUMN unit")

    def empties(opened: sqlite3.Connection) -> None:
        opened.execute("DELETE FROM fact")

    with pytest.raises(RuntimeError):
        prepare(connection, path, "", version=3, migrations={1: adds, 2: fails})
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 2
    prepare(connection, path, "", version=3, migrations={2: empties})
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 3
    assert [row[1] for row in connection.execute("PRAGMA table_info(fact)")] == ["id", "unit"]
    with pytest.raises(StoreVersionError, match="too old"):
        prepare(connection, path, "", version=5, migrations={})
    connection.close()


def write_days(store: MetricDatabase, days: int) -> None:
    for day in range(days):
        of = layout(5, first=day * 3)
        for i in range(4):
            store.append(scrape("a", DAY_START + day * DAY_MS + i * HOUR_MS, of, [i] * 5))
    store.flush_all()


def test_days_past_their_age_and_their_series_are_dropped(tmp_path: Path) -> None:
    store = opened(tmp_path, DAY_START + 5 * DAY_MS, seconds=2 * 86_400.0)
    write_days(store, 5)
    ticks(store, 10 * RETENTION_EVERY_TICKS)
    assert min(stamp for _, stamp in content(store)) == DAY_START + 3 * DAY_MS
    assert store.stats().series == 8
    assert store.label_values("number", EVERYTHING, 0, 2**41) == sorted(str(i) for i in range(9, 17))
    store.append(scrape("a", DAY_START + 5 * DAY_MS, layout(5), [1] * 5))
    before = content(store)
    store.close()
    store = opened(tmp_path)
    assert content(store) == before
    assert store.stats().series == 13
    store.close()


def test_the_oldest_days_are_dropped_over_the_size(tmp_path: Path) -> None:
    store = opened(tmp_path, DAY_START + 5 * DAY_MS, size=1)
    write_days(store, 4)
    ticks(store, 10 * RETENTION_EVERY_TICKS)
    assert len(list(tmp_path.glob("day-*.db"))) == 1
    assert min(stamp for _, stamp in content(store)) == DAY_START + 3 * DAY_MS
    store.close()


def test_a_clock_set_years_ahead_does_not_empty_the_store(tmp_path: Path) -> None:
    store = opened(tmp_path, DAY_START + 3650 * DAY_MS, seconds=2 * 86_400.0)
    write_days(store, 2)
    ticks(store, 5 * RETENTION_EVERY_TICKS)
    assert len(content(store)) == 40
    store.close()


def test_an_hour_back_and_forward_loses_and_doubles_nothing(tmp_path: Path) -> None:
    clock = ManualClock(START_MS / 1000)
    store = MetricDatabase.open(tmp_path, clock=clock, reserve_bytes=0)
    of = layout(4)
    kept = []
    for i, jump in enumerate([0] * 30 + [-3600] + [0] * 300 + [3600] + [0] * 30):
        clock.jump(15 + jump)
        stamp = int(clock.now() * 1000)
        try:
            store.append(scrape("a", stamp, of, [i] * 4))
            kept.append((stamp, float(i)))
        except StaleStampError:
            assert stamp <= kept[-1][0]
        store.tick()
    for _ in range(2):
        found = content(store)
        assert {(stamp, float(np.uint64(bits).view(np.float64))) for (_, stamp), bits in found.items()} == set(kept)
        assert len(found) == 4 * len(kept)
        store.flush_all()
    store.close()


def test_a_restart_in_the_middle_of_a_flush_goes_on(tmp_path: Path) -> None:
    of = layout(120)
    clock = ManualClock(START_MS / 1000)
    store = MetricDatabase.open(tmp_path, clock=clock, flush_slice=25, reserve_bytes=0)
    for i in range(70):
        store.append(Scrape("a", START_MS + i * 15_000, of, np.arange(120.0) * i, b"x"))
    before = content(store)
    clock.jump(3 * 7200)
    for _ in range(2):
        store.tick()
        assert content(store) == before
    store.close()
    store = opened(tmp_path, START_MS + 6 * HOUR_MS)
    assert content(store) == before
    assert store.stats().head_samples == 70 * 120
    ticks(store, 8)
    assert store.stats().head_samples == 0
    assert store.stats().samples == 70 * 120
    assert content(store) == before
    assert store.carry("a") == b"x"
    with pytest.raises(StaleStampError):
        store.append(scrape("a", START_MS + 69 * 15_000, of, range(120)))
    store.close()


def test_queries_in_other_threads_see_every_sample_once_through_a_flush(tmp_path: Path) -> None:
    of = layout(200)
    clock = ManualClock(START_MS / 1000)
    store = MetricDatabase.open(tmp_path, clock=clock, flush_slice=10, reserve_bytes=0)
    stop = threading.Event()
    acknowledged = [0]
    wrong: list[str] = []

    def look() -> None:
        while not stop.is_set():
            least = acknowledged[0]
            found = len(content(store))
            most = acknowledged[0] + 1
            if not 200 * least <= found <= 200 * most:
                wrong.append(f"{found} of {200 * least} to {200 * most}")

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(60):
        stamp = START_MS + i * HOUR_MS // 4
        clock.jump(stamp / 1000 - clock.now())
        store.append(scrape("a", stamp, of, np.full(200, float(i))))
        acknowledged[0] += 1
        ticks(store, 3)
    stop.set()
    for thread in threads:
        thread.join()
    store.close()
    assert wrong == []


def test_a_day_that_is_over_gives_its_free_pages_back(tmp_path: Path) -> None:
    clock = ManualClock(DAY_START / 1000)
    store = MetricDatabase.open(tmp_path, clock=clock, reserve_bytes=0)
    rng = np.random.default_rng(5)
    of = layout(400)
    for i in range(100):
        store.append(scrape("a", DAY_START + i * 60_000, of, rng.random(400)))
    clock.jump(2 * 86_400)
    ticks(store, 40)
    (day,) = store.stats().days
    assert day.free_bytes == 0
    assert day.raw_scrapes == 0
    assert day.samples == 40_000
    store.close()
