"""`store remap` writes what the mapper wrote while collecting, from the native series alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inferdeck.config.targets import Endpoint
from inferdeck.daemon import remapping
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import NAME, Labels, get, labels
from inferdeck.model.scrape import ABSENT_BITS, STALE_BITS, Layout, Scrape
from inferdeck.sources import catalog
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.entry import checked
from inferdeck.sources.http import HttpClient
from inferdeck.sources.mapping import Mapper
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase

NOW_MS = 1_800_000_000_000
TARGET = {"job": "litellm", "instance": "g:4000", "environment": "default"}
COUNTER = "litellm_proxy_total_requests_metric_total"
CANONICAL = [Matcher(NAME, MatchOp.MATCH, "llm_.*")]


def native(model: str) -> Labels:
    return labels({**TARGET, "requested_model": model, "status_code": "200", "route": "/v1/chat/completions"}, COUNTER)


def here(work: Callable[[], bool]) -> Future[bool]:
    done: Future[bool] = Future()
    done.set_result(work())
    return done


def written(database: MetricDatabase) -> dict[tuple[Labels, int], float]:
    found = {}
    for block in database.select(CANONICAL, 0, NOW_MS * 2):
        bits = block.values.view(np.uint64)
        for row, series in enumerate(block.series):
            for column, stamp in enumerate(block.timestamps_ms.tolist()):
                if bits[row, column] not in (np.uint64(ABSENT_BITS), np.uint64(STALE_BITS)):
                    found[series, stamp] = float(block.values[row, column])
    return found


def test_rebuilt_series_equal_the_collected_ones(tmp_path: Path) -> None:
    database = MetricDatabase.open(tmp_path / "metrics", clock=ManualClock(NOW_MS / 1000))
    mapper = Mapper(catalog.load("litellm"), TARGET)
    up = labels(TARGET, "up")
    first = Layout((native("a"), native("b"), up))
    second = Layout((native("a"), up))
    for step in range(20):
        layout = first if step < 12 else second
        values = np.array([float(step), 2.0 * step, 1.0] if step < 12 else [float(step), 1.0])
        mapped = mapper.apply(layout, values)
        database.append(Scrape("default/litellm/g:4000", NOW_MS + step * 15_000, mapped.layout, mapped.values))
    before = written(database)
    assert before
    assert database.erase(CANONICAL, 0, NOW_MS * 2) > 0
    assert written(database) == {}
    lines = remapping.remap(database, here, NOW_MS + 3_600_000, lambda _share, _what: None)
    assert lines[0].startswith("1 targets mapped anew")
    assert written(database) == before
    again = remapping.remap(database, here, NOW_MS + 3_600_000, lambda _share, _what: None)
    assert again == lines
    assert written(database) == before
    natives = database.select([Matcher(NAME, MatchOp.EQUAL, COUNTER)], 0, NOW_MS * 2)
    assert {get(series, "requested_model") for block in natives for series in block.series} == {"a", "b"}
    database.close()


@pytest.mark.parametrize(
    ("kind", "entry", "native_name", "wanted"),
    [
        ("litellm", {"gateway": "prod"}, COUNTER, ("gateway", "prod")),
        ("litellm", {"labels": {"team": "a"}}, COUNTER, ("gateway", "h:4000")),
        ("llamacpp", {"labels": {"engine": "mine"}}, "llamacpp:prompt_tokens_total", ("engine", "mine")),
    ],
)
async def test_a_configured_gateway_or_engine_stays(
    tmp_path: Path, kind: str, entry: dict[str, Any], native_name: str, wanted: tuple[str, str]
) -> None:
    clock, http = ManualClock(NOW_MS / 1000), HttpClient()
    config = checked(kind, {"url": "http://h:4000", **entry}, {}, tmp_path)
    target = Assembly(http, clock, "default").target(kind, config, Endpoint("http://h:4000", {}, "entry"))
    await http.aclose()
    assert target.mapper is not None
    database = MetricDatabase.open(tmp_path / "metrics", clock=clock)
    own = {**dict(target.extra), "job": kind, "instance": "h:4000", "environment": "default"}
    request = {"requested_model": "a", "status_code": "200", "route": "/v1/chat/completions"}
    counter = labels({**own, **request}, native_name)
    layout = Layout((counter, labels(own, "up")))
    for step in range(20):
        # As if the catalog had begun to map this later: what is named afterwards holds for it too.
        stamp = NOW_MS - remapping.SLICE_MS + step * 15_000
        database.append(Scrape(target.key.id, stamp, layout, np.array([float(step), 1.0])))
    for step in range(20):
        found = target.mapper.apply(layout, np.array([float(step), 1.0]))
        database.append(Scrape(target.key.id, NOW_MS + step * 15_000, found.layout, found.values))
    before = written(database)
    assert {get(series, wanted[0]) for series, _ in before} == {wanted[1]}
    remapping.remap(database, here, NOW_MS + 3_600_000, lambda _share, _what: None)
    after = written(database)
    assert before.items() <= after.items()
    assert len(after) > len(before)
    assert {get(series, wanted[0]) for series, _ in after} == {wanted[1]}
    database.close()


async def test_a_gateway_that_was_renamed_keeps_both_names(tmp_path: Path) -> None:
    database = MetricDatabase.open(tmp_path / "metrics", clock=ManualClock(NOW_MS / 1000))
    layout = Layout((native("a"), labels(TARGET, "up")))
    for step in range(20):
        mapper = Mapper(catalog.load("litellm"), {"gateway": "old" if step < 10 else "new", **TARGET})
        found = mapper.apply(layout, np.array([float(step), 1.0]))
        database.append(Scrape("default/litellm/g:4000", NOW_MS + step * 15_000, found.layout, found.values))
    before = written(database)
    remapping.remap(database, here, NOW_MS + 3_600_000, lambda _share, _what: None)
    assert written(database) == before
    database.close()


def test_an_empty_store_has_nothing_to_map(tmp_path: Path) -> None:
    database = MetricDatabase.open(tmp_path / "metrics", clock=ManualClock(NOW_MS / 1000))
    assert remapping.remap(database, here, NOW_MS, lambda _share, _what: None) == ["the store is empty"]
    database.close()
