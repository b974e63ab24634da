"""Flipped bits and torn files: found, put aside, counted; every sample that is served is one that was written."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import Scrape
from inferdeck.store.metrics.database import MetricDatabase
from tests.unit.store.samples import START_MS, Content, content, layout, scrape

SERIES = layout(60)
HOUR_MS = 3_600_000


def open_store(path: Path, now_ms: int = START_MS) -> MetricDatabase:
    return MetricDatabase.open(path, clock=ManualClock(now_ms / 1000), reserve_bytes=0)


def filled(path: Path, *, flushed: bool = True) -> Content:
    """Write two days of 60 series, and some scrapes that stay raw; return what is in it."""
    store = open_store(path)
    rng = np.random.default_rng(3)
    for i in range(120):
        store.append(scrape("a", START_MS + i * HOUR_MS // 5, SERIES, rng.normal(100, 5, 60)))
    if flushed:
        store.flush_all()
    for i in range(120, 128):
        store.append(Scrape("a", START_MS + i * HOUR_MS // 5, SERIES, rng.normal(100, 5, 60), b"carried"))
    found = content(store)
    store.close()
    return found


def only_true(found: Content, written: Content) -> int:
    """Fail where a sample differs from what was written; return how many are missing."""
    assert all(written.get(key) == bits for key, bits in found.items())
    return len(written) - len(found)


def days(path: Path) -> list[Path]:
    return sorted(path.glob("day-*.db"))


def settle(store: MetricDatabase) -> None:
    for _ in range(6):
        store.tick()


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_anywhere_in_a_day_file(tmp_path: Path, seed: int) -> None:
    written = filled(tmp_path)
    chance = random.Random(seed)
    path = chance.choice(days(tmp_path))
    body = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 5, 40])):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    path.write_bytes(body)
    store = open_store(tmp_path)
    only_true(content(store), written)
    problems = store.check().problems
    for _ in range(3):  # behind a broken structure, further damage may show
        settle(store)
        only_true(content(store), written)
        if not store.check().problems:
            break
    missing = only_true(content(store), written)
    assert store.check().problems == []
    if missing:
        assert problems or store.stats().quarantined
    later = START_MS + 200 * HOUR_MS
    store.append(scrape("a", later, SERIES, range(60)))
    assert only_true(content(store, end=later - 1), written) == missing
    store.close()


def test_a_flipped_bit_in_a_chunk_costs_that_chunk_alone(tmp_path: Path) -> None:
    written = filled(tmp_path)
    with sqlite3.connect(days(tmp_path)[0]) as connection:
        key, data = connection.execute("SELECT key, data FROM chunk LIMIT 1 OFFSET 7").fetchone()
        connection.execute("UPDATE chunk SET data=? WHERE key=?", (data[:-1] + bytes([data[-1] ^ 4]), key))
    connection.close()
    store = open_store(tmp_path)
    assert only_true(content(store), written) == 10
    assert store.stats().quarantined == 0
    assert [f"chunk {key}" in problem for problem in store.check().problems] == [True]
    settle(store)
    assert store.stats().quarantined == 1
    assert only_true(content(store), written) == 10
    assert store.check().problems == []
    store.close()


def test_a_flipped_bit_in_a_raw_scrape_costs_at_most_its_slab(tmp_path: Path) -> None:
    written = filled(tmp_path, flushed=False)
    path = days(tmp_path)[-1]
    with sqlite3.connect(path) as connection:
        (key, data), *_ = connection.execute("SELECT key, data FROM scrape ORDER BY key LIMIT 1 OFFSET 3").fetchall()
        connection.execute("UPDATE scrape SET data=? WHERE key=?", (data[:-1] + bytes([data[-1] ^ 4]), key))
    connection.close()
    store = open_store(tmp_path)
    assert 60 <= only_true(content(store), written) <= 60 * 10
    assert store.stats().quarantined >= 1
    later = START_MS + 30 * HOUR_MS
    for i in range(3):
        store.append(scrape("a", later + i, SERIES, range(60)))
    before = content(store)
    store.close()
    store = open_store(tmp_path)
    assert content(store) == before
    store.close()


@pytest.mark.parametrize("keep", [0.95, 0.6, 0.3, 0.02])
def test_a_torn_day_file_is_served_as_far_as_it_goes(tmp_path: Path, keep: float) -> None:
    written = filled(tmp_path)
    path = days(tmp_path)[0]
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(int(size * keep))
    store = open_store(tmp_path)
    missing = only_true(content(store), written)
    settle(store)
    assert only_true(content(store), written) == missing
    assert missing < len(written)
    if keep > 0.9:
        assert missing < len(written) / 3
    assert store.stats().quarantined >= 1
    assert any((tmp_path / "quarantine").iterdir())
    assert store.check().problems == []
    store.close()


@pytest.mark.parametrize("body", [b"not a database at all" * 400, b"SQLite format 3\0" + bytes(9000)])
def test_a_day_file_that_is_none_is_put_aside(tmp_path: Path, body: bytes) -> None:
    written = filled(tmp_path)
    day = days(tmp_path)[0]
    day.write_bytes(body)
    store = open_store(tmp_path)
    assert only_true(content(store), written) > 0
    assert len(content(store)) > 0
    assert store.stats().quarantined >= 1
    store.close()


@pytest.mark.parametrize("damage", ["gone", "garbage", "torn", "flipped"])
def test_series_names_survive_the_loss_of_their_file(tmp_path: Path, damage: str) -> None:
    written = filled(tmp_path)
    path = tmp_path / "series.db"
    body = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"x" * len(body))
    elif damage == "torn":
        path.write_bytes(body[: len(body) // 2])
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE identity SET labels=zeroblob(50)")
        connection.close()
    store = open_store(tmp_path)
    assert content(store) == written
    assert store.carry("a") == b"carried"
    store.append(scrape("new", START_MS, layout(3, "new"), [1, 2, 3]))
    store.flush_all()
    assert len(content(store)) == len(written) + 3
    store.close()
    store = open_store(tmp_path)
    assert len(content(store)) == len(written) + 3
    store.close()


def test_damage_that_appears_while_running_is_salvaged_and_writing_goes_on(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for i in range(30):
        store.append(scrape("a", START_MS + i * 1000, SERIES, np.full(60, float(i))))
    store.flush_all()
    for i in range(30, 60):
        store.append(scrape("a", START_MS + i * 1000, SERIES, np.full(60, float(i))))
    for _ in store.compact():
        pass
    written = content(store)
    path = days(tmp_path)[0]
    body = bytearray(path.read_bytes())
    body[4096:12288] = b"\xa5" * 8192
    path.write_bytes(body)
    only_true(content(store), written)
    store.check()
    settle(store)
    missing = only_true(content(store), written)
    assert missing <= 60 * 30, "what is in memory is written anew"
    for i in range(60, 90):
        store.append(scrape("a", START_MS + i * 1000, SERIES, np.full(60, float(i))))
    store.flush_all()
    assert store.check().problems == []
    before = content(store)
    assert len(before) == len(written) - missing + 60 * 30
    store.close()
    store = open_store(tmp_path)
    assert content(store) == before
    store.close()
