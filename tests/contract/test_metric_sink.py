"""What every metric sink keeps: the database, the store in memory, and the remote-write sink by what it would send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from inferdeck.config.schema import RemoteWriteConfig
from inferdeck.errors import StaleStampError
from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS, Layout, Scrape
from inferdeck.store.interface import MetricSink
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.memory import MemoryStore
from inferdeck.store.remote_write import RemoteWriteSink
from inferdeck.store.remote_write.spool import Spool
from tests.unit.store.remote_write import prompb
from tests.unit.store.samples import HOUR_MS, START_MS, Content, content, layout, scrape, series


@dataclass(frozen=True)
class Kept:
    """A sink and a way to see what it kept."""

    sink: MetricSink
    content: Callable[[], Content]


def spooled(directory: Path) -> Content:
    """Return the samples that wait to be sent, where a later one of the same moment replaces an earlier one."""
    spool = Spool(directory, 10**8)
    found: Content = {}
    for record in spool.peek(10**9, 10**9):
        for labels, samples in prompb.read(record.request.body):
            assert len(dict(samples)) == len(samples)
            found |= {(labels, stamp): bits for stamp, bits in samples}
    spool.close()
    return found


@pytest.fixture(params=["database", "memory", "remote write"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    clock = ManualClock(START_MS / 1000)
    if request.param == "memory":
        memory = MemoryStore()
        yield Kept(memory, lambda: content(memory))
    elif request.param == "database":
        database = MetricDatabase.open(tmp_path / "metrics", clock=clock)
        yield Kept(database, lambda: content(database))
        database.close()
    else:
        config = RemoteWriteConfig.model_validate({"url": "http://127.0.0.1:1/", "spool_size": 10**8})
        yield Kept(RemoteWriteSink(config, tmp_path, clock=clock), lambda: spooled(tmp_path))


def bits(value: float) -> int:
    return int(np.float64(value).view(np.uint64))


def test_scrapes_are_kept_bit_for_bit(kept: Kept) -> None:
    of = layout(3)
    values = np.array([1.5, 0.0, 0.0])
    values.view(np.uint64)[1:] = STALE_BITS, NAN_BITS
    kept.sink.append(Scrape("a", START_MS, of, values))
    kept.sink.append(scrape("a", START_MS + 1, of, [-0.0, np.inf, 2.0**60]))
    expected = {(of.series[i], START_MS): pattern for i, pattern in enumerate(values.view(np.uint64).tolist())}
    expected |= {(of.series[i], START_MS + 1): bits(value) for i, value in enumerate((-0.0, np.inf, 2.0**60))}
    assert kept.content() == expected


def test_a_stamp_not_after_the_last_is_refused_and_nothing_of_it_kept(kept: Kept) -> None:
    of = layout(1)
    kept.sink.append(scrape("a", START_MS, of, [1]))
    for stamp in (START_MS, START_MS - HOUR_MS):
        with pytest.raises(StaleStampError):
            kept.sink.append(scrape("a", stamp, of, [2]))
    kept.sink.append(scrape("b", START_MS - HOUR_MS, layout(1, "b"), [3]))
    assert sorted(kept.content().values()) == [bits(1), bits(3)]


def test_series_may_come_go_and_change_places(kept: Kept) -> None:
    one, two = layout(4), layout(3, first=2)
    mixed = Layout((two.series[1], one.series[0], one.series[1]))
    for i, of in enumerate((one, two, mixed, one)):
        kept.sink.append(scrape("a", START_MS + i, of, [j + 10.0 * i for j in range(len(of))]))
    found = kept.content()
    assert len(found) == 14
    assert found[one.series[0], START_MS + 2] == bits(21)


def test_blocks_may_come_in_any_order_and_have_holes(kept: Kept) -> None:
    of = layout(2)
    stamps = np.array([START_MS + 1000, START_MS - 30 * HOUR_MS, START_MS + 500])
    values = np.array([[7.0, 8.0, 9.0], [1.0, 2.0, 3.0]])
    values.view(np.uint64)[1, 1] = ABSENT_BITS
    kept.sink.append_block("a", of, stamps, values)
    expected = {(of.series[0], int(stamp)): bits(7.0 + k) for k, stamp in enumerate(stamps)}
    expected |= {(of.series[1], int(stamps[k])): bits(1.0 + k) for k in (0, 2)}
    assert kept.content() == expected


def test_a_series_given_twice_at_one_moment_keeps_the_last(kept: Kept) -> None:
    one = series("one")
    kept.sink.append_series(one, np.array([5, 3, 5]) + START_MS, np.array([1.0, 2.0, 3.0]))
    assert kept.content() == {(one, START_MS + 3): bits(2), (one, START_MS + 5): bits(3)}


def test_an_unknown_target_has_no_carry(kept: Kept) -> None:
    assert kept.sink.carry("nobody") is None
