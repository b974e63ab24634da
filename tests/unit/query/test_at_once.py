"""Small questions answered without a thread: the same answers, and only where they are small and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inferdeck.errors import QueryError
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import labels
from inferdeck.model.scrape import STALE_BITS, Layout, Scrape
from inferdeck.query.at_once import is_small
from inferdeck.query.interface import QueryOptions
from inferdeck.query.local import LocalQueryService
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.result import Result
from inferdeck.store.metrics.database import MetricDatabase
from tests.unit.store.samples import START_MS

STEP_MS = 15_000
TIMES = 40
END_MS = START_MS + TIMES * STEP_MS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MetricDatabase]:
    """Ten small series with gaps, resets and a stale end, and a family of 400."""
    opened = MetricDatabase.open(tmp_path / "metrics", clock=ManualClock(START_MS / 1000))
    small = [labels({"engine": f"e{i}", "model": f"m{i % 3}"}, "running") for i in range(10)]
    wide = [labels({"number": str(i)}, "wide") for i in range(400)]
    of = Layout((*small, *wide))
    for step in range(TIMES):
        values = np.arange(410.0) * (step % 17)
        if step > 30:
            values.view(np.uint64)[3] = STALE_BITS
        opened.append(Scrape("a", START_MS + step * STEP_MS, of, values))
    yield opened
    opened.close()


@pytest.fixture
def service(store: MetricDatabase) -> Iterator[LocalQueryService]:
    made = LocalQueryService(store)
    yield made
    made.close()


def same(one: Result, other: Result) -> bool:
    heads = [(f.type, f.series, f.steps_ms.tolist(), f.ordered, f.text, f.warnings, f.infos) for f in (one, other)]
    return heads[0] == heads[1] and np.array_equal(one.values.view(np.uint64), other.values.view(np.uint64))


SMALL = [
    "1 + 2",
    '"text"',
    "running",
    "sum(running) + 0 * 7",
    "sum by (model) (rate(running[5m])) / 2",
    'topk(2, running{model="m1"})',
    "running[2m]",
    "running @ 1790000000 or vector(1)",
    "running offset 3m > bool on () group_left () sum(running)",
    'histogram_quantile(0.9, running) or absent(none{engine="x"})',
    "count_values('value', running)",
]
NOT_SMALL = [
    'running{model=~"m.*"}',
    'running{model!="m1"}',
    'running{model=""}',
    "max_over_time(running[5m:1m])",
    'label_replace(running, "a", "$1", "model", "(.*)")',
    " + ".join(["1"] * 30),
]


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("text", SMALL)
async def test_the_answer_is_the_one_of_a_thread(
    store: MetricDatabase, service: LocalQueryService, text: str, flushed: bool
) -> None:
    if flushed:
        store.flush_all()
    for moment in (END_MS, START_MS + 100_000, START_MS - 1):
        wanted = await service.instant(text, moment)
        found = service.at_once(text, moment)
        assert found is not None
        assert same(found, wanted)


@pytest.mark.parametrize("text", NOT_SMALL)
async def test_what_may_take_long_is_not_answered_at_once(service: LocalQueryService, text: str) -> None:
    assert not is_small(parse(text))
    await service.instant(text, END_MS)
    assert service.at_once(text, END_MS) is None


async def test_many_series_or_samples_are_not_answered_at_once(service: LocalQueryService) -> None:
    options = QueryOptions(lookback_ms=TIMES * STEP_MS)
    many = " + ".join(f"running offset {i}ms" for i in range(8))
    for text in ("wide", "sum(wide)", 'wide{number="7"}', many):
        await service.instant(text, END_MS, options)
    assert service.at_once("wide", END_MS) is None
    assert service.at_once("sum(wide)", END_MS) is None
    assert service.at_once('wide{number="7"}', END_MS) is not None
    assert service.at_once(many, END_MS, options) is not None


async def test_what_was_not_read_yet_is_not_answered_at_once(store: MetricDatabase, service: LocalQueryService) -> None:
    store.flush_all()
    assert service.at_once("running", END_MS) is None
    await service.instant("running", END_MS)
    assert service.at_once("running", END_MS) is not None


async def test_a_question_with_a_timeout_and_a_long_one_go_the_long_way(service: LocalQueryService) -> None:
    await service.instant("running", END_MS)
    assert service.at_once("running", END_MS, QueryOptions(timeout_seconds=1)) is None
    assert service.at_once("running" + " " * 400, END_MS) is None
    with pytest.raises(QueryError):
        service.at_once("running +", END_MS)
