"""`job`, `labels`, `honor_labels` and `honor_timestamps`, from the configuration to what every sink was given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from aiohttp import web

from inferdeck.config.targets import Endpoint
from inferdeck.errors import StoreError
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import Labels, get, metric_name
from inferdeck.model.scrape import ABSENT_BITS, Layout
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.http import HttpClient
from inferdeck.sources.own_times import OwnTimeGroup
from inferdeck.sources.prometheus.config import PrometheusConfig
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.sources.endpoint import serving

OWN_MS = 1_700_000_000_000
BODY = f'federated{{job="theirs",instance="there:1"}} 5 {OWN_MS}\nplain{{job="theirs"}} 7\n'.encode()
Samples = dict[Labels, list[tuple[int, float]]]


async def page(request: web.Request) -> web.StreamResponse:
    return web.Response(body=BODY, content_type="text/plain")


def samples(store: MemoryStore) -> Samples:
    """Return every sample of the endpoint's own two series, and `up`."""
    found: Samples = {}
    named = [Matcher("__name__", MatchOp.MATCH, "federated|plain|up")]
    for block in store.select(named, 0, 2**53):
        for series, row in zip(block.series, block.values, strict=True):
            there = np.ascontiguousarray(row).view(np.uint64) != ABSENT_BITS
            found[series] = list(zip(block.timestamps_ms[there].tolist(), row[there].tolist(), strict=True))
    return found


@asynccontextmanager
async def read_twice(**keys: object) -> AsyncIterator[tuple[str, list[Samples]]]:
    """Watch the endpoint for at least two collections into two sinks; yields its instance and what each was given."""
    sinks = [MemoryStore(), MemoryStore()]
    http, clock, writer = HttpClient(), SystemClock(), SinkWriter(*sinks)
    runner = Runner(clock, writer)
    async with serving(("/metrics", page)) as url:
        config = PrometheusConfig.model_validate({"url": url, "interval": 0.2, **keys})
        target = Assembly(http, clock, "lab").target("prometheus", config, Endpoint(url, {}, "url"))
        runner.add(target)
        runner.start()
        try:
            async with asyncio.timeout(20):
                while runner.states()[0].collections_total < 3:
                    await asyncio.sleep(0.05)
        finally:
            await runner.stop()
            await http.aclose()
            writer.close()
        assert runner.states()[0].key.id == f"lab/{target.key.job}/{target.key.instance}"
        yield target.key.instance, [samples(sink) for sink in sinks]


def one(found: Samples, name: str) -> tuple[Labels, list[tuple[int, float]]]:
    [series] = [series for series in found if metric_name(series) == name]
    return series, found[series]


async def test_job_is_the_label_of_every_series_and_theirs_is_kept_aside() -> None:
    async with read_twice(job="node", labels={"rack": "r7"}) as (instance, [ours, others]):
        for name in ("federated", "plain", "up"):
            series, values = one(ours, name)
            assert (get(series, "job"), get(series, "instance"), get(series, "rack")) == ("node", instance, "r7")
            assert get(series, "exported_job") == ("" if name == "up" else "theirs")
            assert all(stamp != OWN_MS for stamp, _ in values)
        assert ours == others


async def test_without_a_job_it_is_the_kind() -> None:
    async with read_twice() as (_, [ours, _others]):
        assert get(one(ours, "up")[0], "job") == "prometheus"


async def test_honoured_labels_win_and_only_on_their_series() -> None:
    async with read_twice(job="node", honor_labels=True) as (instance, [ours, _]):
        federated, plain, up = (one(ours, name)[0] for name in ("federated", "plain", "up"))
        assert (get(federated, "job"), get(federated, "instance")) == ("theirs", "there:1")
        assert (get(plain, "job"), get(plain, "instance")) == ("theirs", instance)
        assert (get(up, "job"), get(up, "instance")) == ("node", instance)


async def test_honoured_times_reach_every_sink_once_and_leave_the_others_on_the_scrapes_time() -> None:
    async with read_twice(job="node", honor_timestamps=True) as (_, found):
        for given in found:
            assert one(given, "federated")[1] == [(OWN_MS, 5.0)]
            plain = one(given, "plain")[1]
            assert len(plain) >= 2
            assert [stamp for stamp, _ in plain] == [stamp for stamp, _ in one(given, "up")[1]]
            assert {value for _, value in plain} == {7.0}


class Full(MemoryStore):
    """A store that takes no blocks."""

    def append_block(self, *given: object) -> None:
        raise StoreError("no room")


async def test_a_sink_without_room_keeps_no_block_from_the_others() -> None:
    group = OwnTimeGroup("t", Layout(((("__name__", "a"),),)), np.array([OWN_MS]), np.array([[1.0]]))
    good = MemoryStore()
    first, later = SinkWriter(Full(), good), SinkWriter(good, Full())
    with pytest.raises(StoreError, match="no room"):
        await first.run(lambda: first.append_block(group))
    assert good.series([Matcher("__name__", MatchOp.EQUAL, "a")], 0, 2**53)
    assert await later.run(lambda: later.append_block(group)) == ["no room"]
    first.close()
    later.close()
