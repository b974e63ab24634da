"""Milestones change no answer: any history reads bit for bit the same with them, without them and half made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS, Layout
from inferdeck.query.promql.engine import Engine
from inferdeck.query.promql.result import Result
from inferdeck.store.interface import Block, MetricReader, SparseBlock, WindowUse
from inferdeck.store.metrics.codec import CodecName
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.day_file import DAY_MS
from tests.unit.store.samples import Whole, content, series

HOUR_MS = 3_600_000
DAYS = 3
FIRST_MS = 1_790_000_000_000 // DAY_MS * DAY_MS
SPECIAL = (STALE_BITS, NAN_BITS, ABSENT_BITS)
QUERIES = (
    "rate(metric[1h])",
    "rate(metric[61m])",
    "rate(metric[3h5m])",
    "increase(metric[6h])",
    "delta(metric[90m])",
    "resets(metric[1d])",
    "count_over_time(metric[2h])",
    "first_over_time(metric[2h])",
    "last_over_time(metric[2h])",
    "metric",
    "timestamp(metric)",
    "metric offset 1h",
    "rate(metric[1h] offset 3h)",
    "metric @ end()",
    "sum(rate(metric[1h]))",
    "sum by (job) (metric)",
    "avg(metric)",
    "max_over_time(metric[1h])",
    "changes(metric[2h])",
    "rate(metric[1h] offset 7m)",
    "max_over_time(rate(metric[1h])[6h:1h])",
)


def opened(path: Path, codec: CodecName = "auto", now_ms: int = FIRST_MS + DAYS * DAY_MS) -> MetricDatabase:
    clock = ManualClock(now_ms / 1000)
    return MetricDatabase.open(path, clock=clock, codec=codec, reserve_bytes=0)


def survey(database: MetricDatabase, ticks: int = 10_000) -> None:
    """Let the days rest, and make milestones for so many ticks."""
    clock = database._state.clock
    assert isinstance(clock, ManualClock)
    database.tick()
    clock.jump(61)
    for _ in range(ticks):
        if database.surveyed():
            break
        database.tick()


def written(database: MetricDatabase, history: History) -> None:
    for target, layout, stamps, values in history:
        database.append_block(target, layout, stamps, values)


History = list[tuple[str, Layout, NDArray[np.int64], NDArray[np.float64]]]


def history(seed: int, *, apart_ms: int = 300_000) -> History:
    """Return some days of three targets: counters and gauges, restarts, gaps, late scrapes, changes of the layout."""
    random = np.random.default_rng(seed)
    found: History = []
    for job in "abc":
        offset = int(random.integers(0, apart_ms)) if random.random() < 0.7 else 0
        stamps = FIRST_MS + np.arange(offset, DAYS * DAY_MS, apart_ms, dtype=np.int64)
        stamps[random.random(stamps.size) < 0.05] += int(random.integers(1, 900))
        stamps = stamps[random.random(stamps.size) >= 0.01]
        if random.random() < 0.5:
            gap = int(random.integers(0, DAYS * 24)) * HOUR_MS + FIRST_MS
            stamps = stamps[(stamps < gap) | (stamps > gap + int(random.integers(1, 30)) * HOUR_MS // 2)]
        number = int(random.integers(1, 7))
        numbers = [*range(number)] if random.random() < 0.5 else [*range(number, -1, -1)]
        layout = Layout(tuple(series("metric", job, number=str(i)) for i in numbers))
        steps = random.integers(0, 4, (len(layout), stamps.size)) * random.choice([0.1, 1.0, 1e15])
        values = np.cumsum(steps, axis=1)
        for row in range(len(values)):
            kind = random.random()
            if kind < 0.2:
                values[row] = random.integers(-3, 9, stamps.size)
            elif kind < 0.5:
                at = int(random.integers(0, stamps.size))
                values[row, at:] -= values[row, at]
                if kind < 0.4:
                    values[row].view(np.uint64)[max(0, at - 3) : at] = random.choice(np.array(SPECIAL, np.uint64))
            elif kind < 0.6:
                values[row].view(np.uint64)[: int(random.integers(0, stamps.size))] = ABSENT_BITS
        found.append((job, layout, stamps, values))
    return found


def answers(reader: MetricReader, start_ms: int, end_ms: int, step_ms: int) -> list[Result]:
    return [Engine(reader).range(query, start_ms, end_ms, step_ms) for query in QUERIES]


def assert_same(found: list[Result], wanted: list[Result]) -> None:
    for query, one, other in zip(QUERIES, found, wanted, strict=True):
        assert one.series == other.series, query
        assert (one.values.view(np.uint64) == other.values.view(np.uint64)).all(), query
        assert (one.warnings, one.infos) == (other.warnings, other.infos)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    codec=st.sampled_from(["pcodec", "zstd"]),
    hours=st.integers(-2, 30),
    step=st.sampled_from([1, 2, 3, 12]),
    ticks=st.sampled_from([0, 1, 2, 10_000]),
)
def test_any_history_reads_the_same(
    seed: int, codec: CodecName, hours: int, step: int, ticks: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = opened(tmp_path_factory.mktemp("store"), codec)
    written(database, history(seed))
    before = content(database)
    survey(database, ticks)
    assert content(database) == before
    start = FIRST_MS + hours * HOUR_MS
    span = (start, FIRST_MS + DAYS * DAY_MS + HOUR_MS, step * HOUR_MS)
    assert_same(answers(database, *span), answers(Whole(database), *span))
    odd = (start + 17, FIRST_MS + DAYS * DAY_MS, step * HOUR_MS)
    assert_same(answers(database, *odd), answers(Whole(database), *odd))
    database.close()


def asked(database: MetricDatabase, use: WindowUse = WindowUse.RISE, reach_ms: int = HOUR_MS) -> list[SparseBlock]:
    ends = FIRST_MS + np.arange(1, DAYS * 24, dtype=np.int64) * HOUR_MS
    found = database.select_windows((), ends, reach_ms - 1, use)
    assert found is not None
    return found


def cells(blocks: Sequence[Block]) -> int:
    return sum(block.values.size for block in blocks)


def counters(count: int = 40, apart_ms: int = 15_000) -> tuple[Layout, NDArray[np.int64], NDArray[np.float64]]:
    """Return counters without a hole."""
    stamps = FIRST_MS + np.arange(7_000, DAYS * DAY_MS, apart_ms, dtype=np.int64)
    random = np.random.default_rng(3)
    values = np.cumsum(random.integers(0, 9, (count, stamps.size)), axis=1).astype(np.float64)
    return Layout(tuple(series("metric", "a", number=str(i)) for i in range(count))), stamps, values


def test_two_samples_an_hour_are_read(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters()
    database.append_block("a", layout, stamps, values)
    assert cells(asked(database)) == values.size - int((stamps > FIRST_MS + (DAYS * 24 - 1) * HOUR_MS).sum()) * 40
    survey(database)
    found = asked(database)
    assert cells(found) <= 40 * DAYS * 24 * 2
    (block,) = found
    assert int(block.counts.sum()) == int((stamps <= FIRST_MS + (DAYS * 24 - 1) * HOUR_MS).sum())
    database.close()


def test_a_late_sample_takes_the_milestones_of_its_day(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters(3)
    database.append_block("a", layout, stamps, values)
    survey(database)
    few = cells(asked(database))
    late = FIRST_MS + DAY_MS + 5 * HOUR_MS + np.array([1_000], dtype=np.int64)
    database.append_block("a", layout, late, np.full((3, 1), 5e5))
    assert cells(asked(database)) > few + 3 * 5000
    assert not database.surveyed()
    survey(database)
    found = asked(database, WindowUse.LAST)
    assert cells(found) <= 3 * DAYS * 24 * 2
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    database.close()


def test_erased_samples_are_in_no_milestone(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters(3)
    database.append_block("a", layout, stamps, values)
    survey(database)
    database.erase((), FIRST_MS + 2 * HOUR_MS, FIRST_MS + 4 * HOUR_MS)
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    survey(database)
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    database.close()


def test_milestones_outlive_a_restart(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters(3)
    database.append_block("a", layout, stamps, values)
    survey(database)
    few = cells(asked(database))
    database.close()
    database = opened(tmp_path)
    assert cells(asked(database)) == few
    survey(database, ticks=DAYS + 1)
    assert database.surveyed(), "nothing is made again"
    database.close()


def test_a_file_without_milestones_is_read_and_gets_them(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters(3)
    database.append_block("a", layout, stamps, values)
    for day in database._state.days.values():
        assert day.writer.execute("SELECT count(*) FROM sqlite_schema WHERE name='milestone'").fetchone() == (0,)
        assert day.writer.execute("PRAGMA user_version").fetchone() == (1,)
    wanted = answers(database, *_span())
    survey(database)
    for day in database._state.days.values():
        assert day.writer.execute("PRAGMA user_version").fetchone() == (1,)
    assert_same(answers(database, *_span()), wanted)
    database.close()


def test_a_damaged_row_is_told_of_not_used_and_made_again(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters(3)
    database.append_block("a", layout, stamps, values)
    survey(database)
    day = database._state.days[FIRST_MS // DAY_MS + 1]
    blob = day.writer.execute("SELECT data FROM milestone").fetchone()[0]
    day.writer.execute("UPDATE milestone SET data=?", (blob[:-1] + bytes([blob[-1] ^ 1]),))
    wanted = answers(Whole(database), *_span())
    assert_same(answers(database, *_span()), wanted)
    assert len(database.check().problems) == 1
    database.tick()
    assert day.writer.execute("SELECT count(*) FROM milestone").fetchone() == (0,)
    survey(database)
    assert database.check().problems == []
    assert_same(answers(database, *_span()), wanted)
    assert database.stats().quarantined == 0
    database.close()


def test_a_row_that_is_damaged_before_the_others_are_made_takes_them_all_with_it(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters(500, apart_ms=HOUR_MS // 2)
    database.append_block("a", layout, stamps, values)
    survey(database, ticks=20)  # the first row of two
    day = database._state.days[FIRST_MS // DAY_MS + DAYS - 1]
    assert day.writer.execute("SELECT count(*) FROM milestone").fetchone() == (1,)
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    day.writer.execute("UPDATE milestone SET data=zeroblob(99)")
    database._surveyor._job = None  # as after a disk that was full for a moment
    generation = day.generation
    database.tick()
    database.tick()
    assert day.generation > generation, "readers drop what they kept"
    survey(database)
    assert database.check().problems == []
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    database.close()


def test_a_quarantined_chunk_takes_the_milestones_with_it(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters(3)
    database.append_block("a", layout, stamps, values)
    survey(database)
    day = database._state.days[FIRST_MS // DAY_MS + 1]
    day.writer.execute("DROP TRIGGER chunk_update")  # damage comes without a statement
    day.writer.execute("UPDATE chunk SET data=zeroblob(9) WHERE key=(SELECT max(key) FROM chunk)")
    assert len(database.check().problems) == 1
    database.tick()
    assert database.stats().quarantined == 1
    survey(database)
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    database.close()


def test_the_same_series_from_two_targets_is_read_whole(tmp_path: Path) -> None:
    database = opened(tmp_path)
    layout, stamps, values = counters(2)
    database.append_block("a", layout, stamps, values)
    database.append_block("b", layout, stamps + 3_600, values * 2)
    survey(database)
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    database.append_series(layout.series[0], stamps[:5000:7] + 1, np.arange(715.0))
    survey(database)
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    database.close()


def test_the_newest_day_is_read_from_memory_and_chunks(tmp_path: Path) -> None:
    database = opened(tmp_path, now_ms=FIRST_MS + (DAYS - 1) * DAY_MS + 5 * HOUR_MS)
    layout, stamps, values = counters(3)
    database.append_block("a", layout, stamps, values)
    survey(database)
    assert_same(answers(database, *_span()), answers(Whole(database), *_span()))
    newest = database._state.days[FIRST_MS // DAY_MS + DAYS - 1]
    assert newest.writer.execute("SELECT count(*) FROM sqlite_schema WHERE name='milestone'").fetchone() == (0,)
    database.close()


def _span() -> tuple[int, int, int]:
    return FIRST_MS + HOUR_MS, FIRST_MS + DAYS * DAY_MS, 3 * HOUR_MS
