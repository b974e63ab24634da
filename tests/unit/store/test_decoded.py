"""Decoded blocks are kept for the next query, within their bytes, and never outlive a change of their chunks."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inferdeck.errors import LimitError
from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import Scrape
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.chunks import Piece
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.day_file import DayFile
from inferdeck.store.metrics.decoded import DecodedBlocks
from tests.unit.store.samples import EVERYTHING, HOUR_MS, START_MS, Content, content, layout, of_blocks

OF = layout(9)
STAMPS = START_MS + np.arange(0, 8 * HOUR_MS, HOUR_MS // 10)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MetricDatabase]:
    opened = MetricDatabase.open(tmp_path / "metrics", clock=ManualClock(START_MS / 1000), reserve_bytes=0)
    values = np.random.default_rng(1).normal(5, 1, (len(OF), STAMPS.size))
    opened.append_block("a", OF, STAMPS, values)
    yield opened
    opened.close()


def anew(store: MetricDatabase, start: int = 0, end: int = 2**41) -> Content:
    """Return the content as a reader sees it that has asked nothing before."""
    kept, store._querier.decoded = store._querier.decoded, DecodedBlocks(0)
    found = content(store, start=start, end=end)
    store._querier.decoded = kept
    return found


def test_what_was_kept_is_what_is_read_in_any_range(store: MetricDatabase) -> None:
    content(store)
    for start, end in ((0, 2**41), (START_MS + HOUR_MS // 2, START_MS + 5 * HOUR_MS), (START_MS + 1, START_MS + 2)):
        assert content(store, start=start, end=end) == anew(store, start, end)
    with pytest.raises(LimitError):
        store.select(EVERYTHING, 0, 2**41, max_samples=len(OF) * STAMPS.size - 1)


def test_a_kept_block_is_read_without_its_chunks_and_a_written_one_anew(store: MetricDatabase) -> None:
    before = content(store)
    (path,) = {day.path for day in store._state.days.values()}
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM chunk")
    other.close()
    assert content(store) == before
    store.append_series(OF.series[0], STAMPS[:1], np.array([77.0]))
    assert content(store) == anew(store) != before


def test_bulk_writes_erasures_and_flushes_show_at_once(store: MetricDatabase) -> None:
    content(store)
    store.append_block("a", OF, STAMPS[3:5], np.full((len(OF), 2), 42.0))
    found = content(store)
    assert found == anew(store)
    assert found[OF.series[0], int(STAMPS[3])] == int(np.float64(42).view(np.uint64))
    store.erase([Matcher("number", MatchOp.EQUAL, "3")], 0, 2**41)
    assert content(store) == anew(store)
    assert {series for series, _ in content(store)} == {*OF.series} - {OF.series[3]}
    store.append_series(OF.series[3], STAMPS[:2], np.array([1.0, 2.0]))
    store.flush_all()
    assert content(store) == anew(store)


def test_what_was_not_read_or_was_written_since_is_not_at_hand(store: MetricDatabase) -> None:
    def found() -> Content | None:
        blocks = store.at_hand(EVERYTHING, 0, 2**41, max_series=9, max_samples=10_000)
        return None if blocks is None else of_blocks(blocks)

    assert found() is None
    before = content(store)
    assert found() == before
    store.append_series(OF.series[0], STAMPS[:1], np.array([77.0]))
    assert found() is None
    assert content(store) != before
    assert found() == content(store)


def test_a_compressed_slab_costs_all_that_is_compressed_with_it(tmp_path: Path) -> None:
    store = MetricDatabase.open(tmp_path / "metrics", clock=ManualClock(START_MS / 1000))
    of = layout(200)
    for i in range(150):
        store.append(Scrape("a", START_MS + i, of, np.arange(200.0) + i))
    (head,) = store._state.heads.values()
    assert head.current is not None
    first, second = head.current.slabs
    first.compress(100)
    assert first.array is None
    assert second.array is not None
    narrow = [Matcher("number", MatchOp.EQUAL, "150")]

    def affordable(start: int, end: int, samples: int) -> bool:
        blocks = store.at_hand(narrow, START_MS + start, START_MS + end, max_series=9, max_samples=samples)
        if blocks is not None:
            assert of_blocks(blocks) == content(store, narrow, START_MS + start, START_MS + end)
        return blocks is not None

    content(store, narrow)  # which finds that the file has no chunks
    assert affordable(60, 149, 90)
    assert not affordable(60, 149, 89)
    assert affordable(55, 60, 6 + 64 * 60)
    assert not affordable(55, 60, 5 + 64 * 60)
    store.close()


def test_the_least_lately_used_go_first(tmp_path: Path) -> None:
    day = DayFile(tmp_path, 20_000, HOUR_MS, "normal")
    decoded = DecodedBlocks(3_000)

    def piece() -> list[Piece]:
        return [Piece(1, 1, 1, np.arange(10), np.arange(10, dtype=np.uint32), np.zeros((10, 10), dtype=np.uint64))]

    for block in (1, 2):
        decoded.keep(day, 0, block, b"ids", piece())
    assert decoded.get(day, 0, 1, b"ids")
    decoded.keep(day, 0, 3, b"ids", piece())
    decoded.keep(day, 0, 4, b"ids", piece() * 4)
    kept = [block for block in range(5) if decoded.get(day, 0, block, b"ids") is not None]
    assert len(kept) == 3_000 // 1_403
    assert 2 not in kept
    assert 4 not in kept
    assert decoded.get(day, 1, 3, b"ids") is None
    assert decoded.get(day, 0, 3, b"ids") is None


def test_readers_while_one_thread_writes_see_each_written_state_or_a_later_one(store: MetricDatabase) -> None:
    done = threading.Event()
    wrong: list[tuple[float, float]] = []
    written = [0.0]

    def read() -> None:
        while not done.is_set():
            least = written[0]
            (block,) = store.select([Matcher("number", MatchOp.EQUAL, "1")], int(STAMPS[0]), int(STAMPS[0]))
            if block.values[0, 0] < least:
                wrong.append((least, float(block.values[0, 0])))

    store.append_series(OF.series[1], STAMPS[:1], np.array([10.0]))
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for value in range(11, 71):
        store.append_series(OF.series[1], STAMPS[:1], np.array([float(value)]))
        written[0] = float(value)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_a_scrape_over_a_bulk_sample_shows_at_once(store: MetricDatabase) -> None:
    before = content(store)
    store.append(Scrape("a", int(STAMPS[-1]), OF, np.full(len(OF), 42.0)))
    assert content(store) == anew(store) != before
