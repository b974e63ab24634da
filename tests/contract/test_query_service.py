"""One contract for everything that answers PromQL: the own evaluator, and the same questions over HTTP."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from inferdeck.config.schema import QueryConfig
from inferdeck.errors import EvaluationError, InferdeckError, QueryError, UnavailableError, UsageError
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import ABSENT_BITS, Layout
from inferdeck.query.cache import CachedQueryService
from inferdeck.query.interface import QueryOptions, QueryService
from inferdeck.query.local import LocalQueryService
from inferdeck.query.promql.result import Result, ResultType
from inferdeck.query.remote import RemoteQueryService, escaped
from inferdeck.query.writes import WriteLog
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.remote_write import wire
from tests.real.programs import prometheus, victoria_metrics
from tests.served import served

STEP = 15_000
TIMES = (int(time.time() * 1000) // STEP - 120 + np.arange(118, dtype=np.int64)) * STEP
START, END = int(TIMES[0]), int(TIMES[-1])
ZONES = ("north", "north", "south")
SERIES = (
    *(labels({"job": "gateway", "instance": f"host:{row}", "zone": ZONES[row]}, "requests_total") for row in range(3)),
    labels({"job": "host", "instance": "host:0"}, "load"),
)
VALUES = np.vstack([np.arange(118.0) * (row + 1) for row in range(3)] + [np.sin(np.arange(118.0))])
Making = Callable[[Path], AbstractAsyncContextManager[QueryService]]


@contextlib.asynccontextmanager
async def _local(directory: Path) -> AsyncIterator[QueryService]:
    database = MetricDatabase.open(directory, clock=SystemClock())
    database.append_block("", Layout(SERIES), TIMES, VALUES)
    service = LocalQueryService(database)
    yield service
    service.close()
    database.close()


@contextlib.asynccontextmanager
async def _cached(directory: Path) -> AsyncIterator[QueryService]:
    async with _local(directory) as service:
        yield CachedQueryService(service, WriteLog(), 10**7)


@contextlib.asynccontextmanager
async def _ours(directory: Path) -> AsyncIterator[QueryService]:
    async with served(directory) as site:
        await _push(site.url)
        yield (service := RemoteQueryService(QueryConfig(url=site.url)))
        await service.aclose()


@contextlib.asynccontextmanager
async def _prometheus(directory: Path) -> AsyncIterator[QueryService]:
    with prometheus(directory, receive_remote_write=True) as found:
        await _push(found.url)
        yield (service := RemoteQueryService(QueryConfig(url=found.url)))
        await service.aclose()


@contextlib.asynccontextmanager
async def _victoria(directory: Path) -> AsyncIterator[QueryService]:
    with victoria_metrics(directory) as found:
        await _push(found.url)
        async with aiohttp.ClientSession() as session, session.get(f"{found.url}/internal/force_flush") as answer:
            assert answer.status == 200
        yield (service := RemoteQueryService(QueryConfig(url=found.url)))
        await service.aclose()


async def _push(url: str) -> None:
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    async with aiohttp.ClientSession() as session:
        for request in wire.encode_block(SERIES, TIMES, VALUES):
            async with session.post(f"{url}/api/v1/write", data=request.body, headers=headers) as answer:
                assert answer.status == 204, await answer.text()


OWN = {"local": _local, "cached": _cached, "ours over HTTP": _ours}
PROMETHEUS = {**OWN, "Prometheus": _prometheus}
ALL = {**PROMETHEUS, "VictoriaMetrics": _victoria}


@pytest.fixture(params=list(ALL))
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[QueryService]:
    async with ALL[request.param](tmp_path / "it") as found:
        yield found


@pytest.fixture(params=list(PROMETHEUS))
async def exact(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[QueryService]:
    """VictoriaMetrics speaks a dialect: it takes no part where Prometheus' own rules are asked for."""
    async with PROMETHEUS[request.param](tmp_path / "it") as found:
        yield found


def rows(result: Result) -> dict[Labels, list[tuple[int, float]]]:
    """Return the points of each series."""
    there = np.ascontiguousarray(result.values).view(np.uint64) != np.uint64(ABSENT_BITS)
    return {
        series: [
            (int(result.steps_ms[column]), float(result.values[row, column])) for column in np.flatnonzero(there[row])
        ]
        for row, series in enumerate(result.series)
    }


async def test_instant_vector(service: QueryService) -> None:
    found = await service.instant('requests_total{zone="north"}', END)
    assert found.type is ResultType.VECTOR
    assert rows(found) == {SERIES[0]: [(END, 117.0)], SERIES[1]: [(END, 234.0)]}


async def test_range_of_an_aggregation(service: QueryService) -> None:
    found = await service.range("sum by (zone) (requests_total)", START, START + 4 * STEP, STEP)
    assert found.type is ResultType.MATRIX
    times = [START + step * STEP for step in range(5)]
    assert rows(found) == {
        labels({"zone": "north"}): [(moment, 3.0 * step) for step, moment in enumerate(times)],
        labels({"zone": "south"}): [(moment, 3.0 * step) for step, moment in enumerate(times)],
    }


async def test_samples_of_a_window(exact: QueryService) -> None:
    found = await exact.instant("load[50s]", END)
    assert found.type is ResultType.MATRIX
    assert rows(found) == {
        SERIES[3]: [(int(stamp), float(value)) for stamp, value in zip(TIMES[-4:], VALUES[3, -4:], strict=True)]
    }


async def test_scalar_and_string(exact: QueryService) -> None:
    scalar, text = await exact.instant("1 / 0", END), await exact.instant('"text"', END)
    assert (scalar.type, float(scalar.values[0, 0])) == (ResultType.SCALAR, math.inf)
    assert (text.type, text.text) == (ResultType.STRING, "text")


async def test_a_rate_over_time(exact: QueryService) -> None:
    found = await exact.range("rate(requests_total[2m1s])", END - 3 * STEP, END, STEP)
    for series, points in rows(found).items():
        number = int(dict(series)["instance"][-1])
        assert [value for _, value in points] == pytest.approx([(number + 1) / 15] * 4)


async def test_a_range_without_data_is_empty(service: QueryService) -> None:
    found = await service.range("nothing_of_this_name", START, END, STEP)
    assert (found.type, found.series) == (ResultType.MATRIX, ())


async def test_series_of_several_selectors(service: QueryService) -> None:
    found = await service.series(['requests_total{zone="south"}', "load"], START, END)
    assert (found.items, found.truncated) == (tuple(sorted([SERIES[2], SERIES[3]])), False)


async def test_a_limit_says_that_there_is_more(exact: QueryService) -> None:
    found = await exact.series(["requests_total"], START, END, limit=2)
    assert (len(found.items), found.truncated) == (2, True)
    values = await exact.label_values("zone", [], START, END, limit=2)
    assert (values.items, values.truncated) == (("north", "south"), False)


async def test_label_names_and_values(service: QueryService) -> None:
    names = await service.label_names(["load"], START, END)
    assert names.items == ("__name__", "instance", "job")
    assert (await service.label_values("zone", [], START, END)).items == ("north", "south")
    assert (await service.label_values("instance", ['{zone="south"}'], START, END)).items == ("host:2",)
    assert (await service.label_values("nowhere", [], START, END)).items == ()


async def test_metadata_is_a_mapping(exact: QueryService) -> None:
    assert dict(await exact.metadata("no_such_family")) == {}


async def test_a_text_that_cannot_be_read(exact: QueryService) -> None:
    with pytest.raises(UsageError, match=r"1:5: parse error") as error:
        await exact.instant("sum(", END)
    assert "sum(" in str(error.value) or not isinstance(error.value, QueryError)


async def test_a_query_that_this_data_does_not_answer(exact: QueryService) -> None:
    with pytest.raises(EvaluationError, match="many-to-many"):
        await exact.instant("requests_total * on (job) requests_total", END)


async def test_a_bad_selector(service: QueryService) -> None:
    with pytest.raises(InferdeckError):
        await service.series(["{"], START, END)


async def test_lookback_is_an_option(exact: QueryService) -> None:
    late = END + 60_000
    assert (await exact.instant("load", late)).series == (SERIES[3],)
    short = await exact.instant("load", late, QueryOptions(lookback_ms=10_000))
    # Prometheus knows the option since 2.48: before that it looks back five minutes all the same.
    assert short.series in ((), (SERIES[3],))
    if isinstance(exact, LocalQueryService | CachedQueryService):
        assert short.series == ()


async def test_a_server_that_does_not_answer() -> None:
    service = RemoteQueryService(QueryConfig(url="http://127.0.0.1:9"))
    with pytest.raises(UnavailableError, match=r"127.0.0.1:9"):
        await service.instant("up", END)
    await service.aclose()


def test_names_are_escaped_as_prometheus_does() -> None:
    assert escaped("zone") == "zone"
    assert escaped("http.status_code") == "U__http_2e_status__code"
    assert escaped("é") == "U___e9_"
