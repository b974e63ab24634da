"""What every metric store keeps: run over the database on disk and the obvious one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inferdeck.errors import LimitError, StaleStampError, UsageError
from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS, Layout, Scrape
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.store.samples import EVERYTHING, FOREVER, HOUR_MS, START_MS, content, layout, of_blocks, scrape, series

Store = MetricDatabase | MemoryStore


@pytest.fixture(params=["database", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    opened = MetricDatabase.open(tmp_path / "metrics", clock=ManualClock(START_MS / 1000))
    yield opened
    opened.close()


def flush(store: Store) -> None:
    if isinstance(store, MetricDatabase):
        store.flush_all()


def test_scrapes_come_back_bit_for_bit(store: Store) -> None:
    of = layout(3)
    values = np.array([1.5, 0.0, 0.0])
    values.view(np.uint64)[1:] = STALE_BITS, NAN_BITS
    store.append(Scrape("a", START_MS, of, values))
    store.append(scrape("a", START_MS + 1, of, [-0.0, np.inf, 2.0**60]))
    expected = {(of.series[i], START_MS): bits for i, bits in enumerate(values.view(np.uint64).tolist())}
    after = np.array([-0.0, np.inf, 2.0**60]).view(np.uint64).tolist()
    expected |= {(of.series[i], START_MS + 1): bits for i, bits in enumerate(after)}
    assert content(store) == expected
    flush(store)
    assert content(store) == expected


def test_a_stamp_not_after_the_last_is_refused(store: Store) -> None:
    of = layout(1)
    store.append(scrape("a", START_MS, of, [1]))
    for stamp in (START_MS, START_MS - HOUR_MS):
        with pytest.raises(StaleStampError):
            store.append(scrape("a", stamp, of, [2]))
    store.append(scrape("b", START_MS - HOUR_MS, layout(1, "b"), [3]))
    flush(store)
    with pytest.raises(StaleStampError):
        store.append(scrape("a", START_MS, of, [2]))
    assert len(content(store)) == 2


def test_the_carry_stays_until_a_new_one_comes(store: Store) -> None:
    of = layout(1)
    assert store.carry("a") is None
    store.append(Scrape("a", START_MS, of, np.array([1.0]), b"one"))
    store.append(Scrape("a", START_MS + 1, of, np.array([1.0]), None))
    assert store.carry("a") == b"one"
    store.append(Scrape("a", START_MS + 2, of, np.array([1.0]), b"two"))
    assert store.carry("a") == b"two"


def test_series_may_come_go_and_change_places(store: Store) -> None:
    one, two = layout(4), layout(3, first=2)
    mixed = Layout((two.series[1], one.series[0], one.series[1]))
    for i, of in enumerate((one, two, mixed, one)):
        store.append(scrape("a", START_MS + i, of, [j + 10.0 * i for j in range(len(of))]))
    found = content(store)
    assert len(found) == 14
    assert found[one.series[0], START_MS + 2] == np.float64(21).view(np.uint64)
    flush(store)
    assert content(store) == found


def test_bulk_writes_replace_what_is_there_and_may_lie_in_the_past(store: Store) -> None:
    of = layout(2)
    for i in range(5):
        store.append(scrape("a", START_MS + i * 1000, of, [i, i]))
    stamps = np.array([START_MS + 1000, START_MS - 30 * HOUR_MS, START_MS + 500])
    store.append_series(of.series[0], stamps, np.array([101.0, 102.0, 103.0]))
    hole = np.array([[7.0, 8.0, 9.0], [7.0, 8.0, 9.0]])
    hole.view(np.uint64)[1, 1] = ABSENT_BITS
    store.append_block("a", of, stamps, hole)
    expected = {(of.series[j], START_MS + i * 1000): float(i) for i in range(5) for j in range(2)}
    expected |= {(of.series[j], int(stamp)): 7.0 + k for k, stamp in enumerate(stamps) for j in range(2)}
    del expected[of.series[1], START_MS - 30 * HOUR_MS]
    for _ in range(2):
        assert content(store) == {key: int(np.float64(value).view(np.uint64)) for key, value in expected.items()}
        flush(store)


def test_a_scrape_after_a_bulk_write_of_its_moment_wins(store: Store) -> None:
    of = layout(2)
    store.append(scrape("a", START_MS, of, [1, 1]))
    store.append_series(of.series[0], np.array([START_MS + 1, START_MS + 2]), np.array([5.0, 6.0]))
    store.append(scrape("a", START_MS + 1, of, [2, 2]))
    for _ in range(2):
        found = content(store)
        assert found[of.series[0], START_MS + 1] == np.float64(2).view(np.uint64)
        assert found[of.series[0], START_MS + 2] == np.float64(6).view(np.uint64)
        flush(store)


def test_a_series_given_twice_at_one_moment_keeps_the_last(store: Store) -> None:
    one = series("one")
    store.append_series(one, np.array([5, 3, 5]) + START_MS, np.array([1.0, 2.0, 3.0]))
    assert content(store) == {
        (one, START_MS + 3): int(np.float64(2).view(np.uint64)),
        (one, START_MS + 5): int(np.float64(3).view(np.uint64)),
    }


def test_a_series_erased_and_scraped_on(store: Store) -> None:
    of = layout(3)
    for i in range(4):
        store.append(scrape("a", START_MS + i, of, [i, i, i]))
    only = [Matcher("number", MatchOp.EQUAL, "1")]
    assert store.erase(only, START_MS + 1, START_MS + 2) == 2
    store.append(scrape("a", START_MS + 4, of, [4, 4, 4]))
    assert sorted(stamp - START_MS for (name, stamp) in content(store, only)) == [0, 3, 4]
    assert len(content(store)) == 13


@pytest.mark.parametrize(
    ("matcher", "numbers"),
    [
        (Matcher("number", MatchOp.EQUAL, "3"), "3"),
        (Matcher("number", MatchOp.NOT_EQUAL, "3"), "01245"),
        (Matcher("number", MatchOp.MATCH, "[1-3]|9"), "123"),
        (Matcher("number", MatchOp.NOT_MATCH, "[1-3]"), "045"),
        (Matcher("nothing", MatchOp.EQUAL, ""), "012345"),
        (Matcher("nothing", MatchOp.NOT_EQUAL, ""), ""),
        (Matcher("nothing", MatchOp.MATCH, "a*"), "012345"),
        (Matcher("number", MatchOp.MATCH, "1.+"), ""),
    ],
)
def test_matchers_are_anchored_and_absent_labels_are_empty(store: Store, matcher: Matcher, numbers: str) -> None:
    of = layout(6)
    store.append(scrape("a", START_MS, of, range(6)))
    for _ in range(2):
        found = store.series([matcher, *EVERYTHING], START_MS, START_MS)
        assert "".join(sorted(dict(name)["number"] for name in found)) == numbers
        assert len(content(store, [matcher])) == len(numbers)
        flush(store)


def test_a_pattern_that_is_not_valid_is_the_users_error(store: Store) -> None:
    store.append(scrape("a", START_MS, layout(1), [1]))
    with pytest.raises(UsageError, match=r"\(\["):
        store.select([Matcher("job", MatchOp.MATCH, "([")], 0, START_MS)


def test_labels_are_listed_for_the_range_asked(store: Store) -> None:
    store.append(scrape("a", START_MS, layout(2), [1, 2]))
    store.append(scrape("b", START_MS + 30 * HOUR_MS, layout(3, "other"), [1, 2, 3]))
    flush(store)
    assert store.label_names(EVERYTHING, 0, START_MS) == ["__name__", "instance", "job", "number"]
    assert store.label_values("job", [], 0, START_MS) == ["test"]
    assert store.label_values("job", [], 0, START_MS + 40 * HOUR_MS) == ["other", "test"]
    assert store.label_values("number", [], START_MS + 29 * HOUR_MS, START_MS + 31 * HOUR_MS) == ["0", "1", "2"]
    assert store.label_values("nothing", [], 0, START_MS) == []


def test_a_query_over_its_limit_is_refused(store: Store) -> None:
    of = layout(10)
    for i in range(10):
        store.append(scrape("a", START_MS + i, of, range(10)))
    store.select(EVERYTHING, 0, START_MS + 9, max_samples=100)
    for _ in range(2):
        with pytest.raises(LimitError):
            store.select(EVERYTHING, 0, START_MS + 9, max_samples=99)
        flush(store)


def test_what_is_at_hand_is_what_is_selected(store: Store) -> None:
    of = layout(10)
    for i in range(70):
        store.append(scrape("a", START_MS + i, of, range(i, i + 10)))
    narrow = [Matcher("number", MatchOp.EQUAL, "3")]
    for _ in range(2):
        for matchers in (EVERYTHING, narrow, [Matcher("number", MatchOp.EQUAL, "none")]):
            for start, end in ((0, FOREVER), (START_MS + 5, START_MS + 64), (START_MS + 66, START_MS + 66), (3, 2)):
                wanted = content(store, matchers, start, end)
                found = store.at_hand(matchers, start, end, max_series=10, max_samples=100_000)
                assert found is not None
                assert of_blocks(found, start, end) == wanted
        flush(store)


def test_more_than_the_limits_is_not_at_hand(store: Store) -> None:
    of = layout(10)
    for i in range(10):
        store.append(scrape("a", START_MS + i, of, range(10)))
    for _ in range(2):
        content(store)
        assert store.at_hand(EVERYTHING, 0, START_MS + 9, max_series=10, max_samples=100) is not None
        assert store.at_hand(EVERYTHING, 0, START_MS + 9, max_series=9, max_samples=100) is None
        assert store.at_hand(EVERYTHING, 0, START_MS + 9, max_series=10, max_samples=99) is None
        flush(store)
