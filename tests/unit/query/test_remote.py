"""Another server answers in our place: what it is told of us, and what we make of its answers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from pydantic import SecretStr

from inferdeck.config.schema import BasicAuth, QueryConfig
from inferdeck.errors import ConfigError, EvaluationError, QueryTimeoutError, UnavailableError, UsageError
from inferdeck.model.labels import labels
from inferdeck.model.scrape import Layout
from inferdeck.query.interface import QueryOptions
from inferdeck.query.promql.result import ResultType
from inferdeck.query.remote import RemoteQueryService
from tests.served import served

NOW_MS = 1_795_226_500_000


class Server:
    """Answers every path with one body and keeps what it was sent."""

    def __init__(self, status: int, body: str) -> None:
        self.status = status
        self.body = body
        self.seen: list[tuple[str, dict[str, str], dict[str, str]]] = []

    async def answer(self, request: web.Request) -> web.Response:
        fields = {key: str(value) for key, value in (await request.post()).items()} | dict(request.query)
        self.seen.append((request.path, dict(request.headers), fields))
        return web.Response(status=self.status, text=self.body, content_type="application/json")


@contextlib.asynccontextmanager
async def asked(status: int, body: str, **settings: Any) -> AsyncIterator[tuple[RemoteQueryService, Server]]:
    server = Server(status, body)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    port = runner.addresses[0][1]
    service = RemoteQueryService(QueryConfig(url=f"http://127.0.0.1:{port}/prometheus", **settings))
    try:
        yield service, server
    finally:
        await service.aclose()
        await runner.cleanup()


EMPTY = '{"status":"success","data":{"resultType":"vector","result":[]},"infos":["an info"]}'


async def test_key_tenant_headers_and_times_are_sent() -> None:
    settings = {
        "key": SecretStr("k-123456"),
        "tenant": "team-a",
        "headers": {"X-Other": SecretStr("o")},
        "timeout": 7.0,
    }
    async with asked(200, EMPTY, **settings) as (service, server):
        found = await service.instant("up", NOW_MS + 5, QueryOptions(timeout_seconds=30.0, lookback_ms=60_000))
    path, headers, fields = server.seen[0]
    assert path == "/prometheus/api/v1/query"
    assert (headers["Authorization"], headers["X-Scope-OrgID"], headers["X-Other"]) == (
        "Bearer k-123456",
        "team-a",
        "o",
    )
    assert fields == {"query": "up", "time": "1795226500.005", "timeout": "7s", "lookback_delta": "60000ms"}
    assert (found.type, found.series, found.infos) == (ResultType.VECTOR, (), ("an info",))


async def test_basic_authentication() -> None:
    login = BasicAuth(username="me", password=SecretStr("secret"))
    async with asked(200, EMPTY, basic_auth=login) as (service, server):
        await service.instant("up", NOW_MS)
    assert server.seen[0][1]["Authorization"] == "Basic bWU6c2VjcmV0"


POINTLESS = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[]}]}}'


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, '{"status":"error","errorType":"bad_data","error":"1:1: parse error"}', UsageError, "parse error"),
        (422, '{"status":"error","errorType":"execution","error":"many-to-many"}', EvaluationError, "many-to-many"),
        (422, '{"status":"error","errorType":"422","error":"cannot"}', EvaluationError, "cannot"),
        (503, '{"status":"error","errorType":"timeout","error":"too long"}', QueryTimeoutError, "too long"),
        (500, '{"status":"error","errorType":"internal","error":"k-123456 broke"}', UnavailableError, "••• broke"),
        (502, "<html>Bad gateway</html>", UnavailableError, "HTTP 502"),
        (401, "no", UnavailableError, "query.key"),
        (302, "", UnavailableError, "HTTP 302"),
        (200, "[]", UnavailableError, "not from a Prometheus-compatible"),
        (200, '{"status":"success","data":{"resultType":"vector"}}', UnavailableError, "cannot be read"),
        (200, POINTLESS, UnavailableError, "cannot be read"),
        (200, '{"status":"success","data":{"resultType":"new","result":[]}}', UnavailableError, "cannot be read"),
    ],
)  # fmt: skip
async def test_errors_keep_their_meaning(status: int, body: str, kind: type[Exception], message: str) -> None:
    async with asked(status, body, key=SecretStr("k-123456")) as (service, _):
        with pytest.raises(kind, match=message.replace("•", ".")) as error:
            await service.instant("up", NOW_MS)
    assert "k-123456" not in str(error.value)
    assert "127.0.0.1:" in str(error.value)


async def test_a_matrix_with_times_of_its_own_and_numbers_of_every_kind() -> None:
    body = """{"status":"success","data":{"resultType":"matrix","result":[
      {"metric":{"b":"2"},"values":[[1.5,"+Inf"],[3,"-0"]]},
      {"metric":{"a":"1"},"values":[[2.001,"NaN"],[3,"1e-07"]]},
      {"metric":{"h":"1"},"histograms":[[3,{"count":"1","sum":"1"}]]}]}}"""
    async with asked(200, body) as (service, _):
        found = await service.range("m", 0, 3000, 1000)
    assert found.series == (labels({"a": "1"}), labels({"b": "2"}))
    assert found.steps_ms.tolist() == [1500, 2001, 3000]
    assert found.values[1, 0] == np.inf
    assert np.isnan(found.values[0, 1])
    assert found.values[0, 2] == 1e-07
    assert found.warnings == ("1 series hold native histograms and were left out",)


@pytest.mark.parametrize("url", ["ftp://x", "not a url", "http://"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ConfigError, match=r"query\.url"):
        RemoteQueryService(QueryConfig(url=url))


async def test_one_line_of_configuration_lets_another_server_answer(tmp_path: Path) -> None:
    async with served(tmp_path / "behind", tokens=("look", "change")) as behind:
        layout, moment = Layout((labels({}, "there"),)), np.array([NOW_MS])
        await behind.writer.run(lambda: behind.database.append_block("", layout, moment, np.full((1, 1), 42.0)))
        config = QueryConfig(url=behind.url, key=SecretStr("look"))
        async with served(tmp_path / "front", query=config) as front:
            found = await front.data("query", ("query", "there"), ("time", "1795226500"))
            assert found["result"] == [{"metric": {"__name__": "there"}, "value": [1795226500, "42"]}]
            status, answer = await front.get("query", ("query", "sum("))
            assert (status, answer["errorType"]) == (400, "bad_data")
            assert await front.data("label/__name__/values") == ["there"]
        async with served(tmp_path / "keyless", query=QueryConfig(url=behind.url)) as front:
            status, answer = await front.get("query", ("query", "there"))
            assert (status, answer["errorType"]) == (503, "unavailable")
            assert "query.key" in answer["error"]
