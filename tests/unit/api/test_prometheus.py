"""Prometheus' interface: its words for errors, its limits, its forms, and who may use it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import numpy as np
import orjson
import pytest

from inferdeck.api.prometheus.parameters import duration_ms, label_name, time_ms
from inferdeck.api.prometheus.write import protocol
from inferdeck.config.schema import QueryConfig
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import labels
from inferdeck.model.scrape import Layout
from inferdeck.query.remote import escaped
from inferdeck.store.remote_write import wire
from tests.served import Served, served

NOW = 1_795_226_500
TIMES = (NOW - 3600 + 15 * np.arange(241, dtype=np.int64)) * 1000
SERIES = tuple(labels({"row": f"{row:03}", "job": "j"}, "m_total") for row in range(200))
PUSH = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
RANGE = (("start", str(NOW - 600)), ("end", str(NOW)), ("step", "15"))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, clock=ManualClock(NOW), query=QueryConfig(parallel=2)) as found:
        values = np.add.outer(np.arange(200.0), np.arange(241.0))
        await found.writer.run(lambda: found.database.append_block("", Layout(SERIES), TIMES, values))
        yield found


# Texts and codes as the real server gives them.
ERRORS: list[tuple[str, dict[str, str], int, str, str]] = [
    (
        "query",
        {"query": "sum(up"},
        400,
        "bad_data",
        'invalid parameter "query": 1:7: parse error: unclosed left parenthesis',
    ),
    ("query", {}, 400, "bad_data", 'invalid parameter "query": 1:1: parse error: no expression found in input'),
    (
        "query",
        {"query": "up", "time": "abc"},
        400,
        "bad_data",
        'invalid parameter "time": Invalid time value for \'time\': cannot parse "abc" to a valid timestamp',
    ),
    ("query", {"query": "up", "limit": "-1"}, 400, "bad_data", 'invalid parameter "limit": limit must be non-negative'),
    (
        "query",
        {"query": "up", "timeout": "x"},
        400,
        "bad_data",
        'invalid parameter "timeout": cannot parse "x" to a valid duration',
    ),
    (
        "query_range",
        {"query": "up", "start": "10", "end": "5", "step": "1"},
        400,
        "bad_data",
        'invalid parameter "end": end timestamp must not be before start time',
    ),
    (
        "query_range",
        {"query": "up", "start": "0", "end": "5", "step": "0"},
        400,
        "bad_data",
        'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
        "Try a positive integer",
    ),
    (
        "query_range",
        {"query": "up", "start": "0", "end": "11001", "step": "1"},
        400,
        "bad_data",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    ),
    (
        "query_range",
        {"query": "up"},
        400,
        "bad_data",
        'invalid parameter "start": cannot parse "" to a valid timestamp',
    ),
    ("series", {}, 400, "bad_data", "no match[] parameter provided"),
    ("series", {"match[]": '{a=~".*"}'}, 400, "bad_data", "at least one non-empty matcher"),
    ("labels", {"match[]": "{"}, 400, "bad_data", 'invalid parameter "match[]": 1:2: parse error: '),
    ("metadata", {"limit": "many"}, 400, "bad_data", "limit must be a number"),
    ("rules", {"type": "x"}, 400, "bad_data", 'invalid parameter "type": not supported value "x"'),
    ("query", {"query": "m_total * on (job) m_total"}, 422, "execution", "many-to-many matching not allowed"),
    ("query", {"query": "m_total", "timeout": "0"}, 503, "timeout", "timed out"),
]


@pytest.mark.parametrize(("path", "fields", "status", "kind", "message"), ERRORS)
async def test_errors_are_told_as_prometheus_tells_them(
    site: Served, path: str, fields: dict[str, str], status: int, kind: str, message: str
) -> None:
    found, answer = await site.get(path, *fields.items())
    assert (found, answer["status"], answer["errorType"]) == (status, "error", kind)
    assert message in answer["error"]
    assert set(answer) == {"status", "errorType", "error"}


async def test_11000_steps_are_allowed(site: Served) -> None:
    grid = (("start", str(NOW - 11_000)), ("end", str(NOW)), ("step", "1"))
    found = await site.data("query_range", ("query", "sum(m_total)"), *grid)
    assert found["result"][0]["values"][-1] == [NOW, str(sum(range(200)) + 200 * 240)]


async def test_a_form_and_a_url_ask_the_same(site: Served) -> None:
    fields = (("query", 'm_total{row="007"}'), *RANGE)
    assert await site.get("query_range", *fields) == await site.post("query_range", *fields)
    assert (await site.post("series", ("match[]", 'm_total{row="007"}')))[1]["data"] == [dict(SERIES[7])]
    status, _ = await site.post("labels", ("match[]", "m_total"))
    assert status == 200
    async with site.session.post(f"{site.url}/api/v1/label/row/values") as answer:
        assert answer.status == 405


async def test_a_label_may_have_any_name(site: Served) -> None:
    assert await site.data(f"label/{quote(chr(10) + 'ö/é %')}/values") == []


async def test_a_limit_cuts_and_warns(site: Served) -> None:
    for path, fields in (("query", (("query", "m_total"),)), ("query_range", (("query", "m_total"), *RANGE))):
        status, found = await site.get(path, *fields, ("limit", "3"))
        assert (status, len(found["data"]["result"])) == (200, 3)
        assert found["warnings"] == ["results truncated due to limit"]
    _, found = await site.get("label/row/values", ("limit", "2"))
    assert (found["data"], found["warnings"]) == (["000", "001"], ["results truncated due to limit"])
    _, found = await site.get("query", ("query", "m_total"), ("limit", "200"))
    assert "warnings" not in found


async def test_times_and_steps_in_every_writing(site: Served) -> None:
    plain = await site.data("query", ("query", "sum(m_total)"), ("time", str(NOW - 60)))
    assert plain == await site.data("query", ("query", "sum(m_total)"), ("time", "2026-11-21T02:00:40Z"))
    assert plain == await site.data("query", ("query", "sum(m_total)"), ("time", "2026-11-21T04:00:40.000+02:00"))
    wide = await site.data("query_range", ("query", "sum(m_total)"), *RANGE[:2], ("step", "1m"))
    assert [point[0] for point in wide["result"][0]["values"]] == list(range(NOW - 600, NOW + 1, 60))


async def test_large_answers_are_compressed_for_those_who_ask(site: Served) -> None:
    fields = [("query", "m_total"), *RANGE]
    bodies = {}
    for accepted in ("identity", "gzip", "gzip;q=0"):
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            headers = {"Accept-Encoding": accepted}
            async with session.get(f"{site.url}/api/v1/query_range", params=fields, headers=headers) as answer:
                bodies[accepted] = (answer.headers.get("Content-Encoding"), await answer.read())
    assert bodies["identity"][0] is None
    assert bodies["gzip"][0] == "gzip"
    assert gzip.decompress(bodies["gzip"][1]) == bodies["identity"][1] == bodies["gzip;q=0"][1]
    async with site.session.get(f"{site.url}/api/v1/query", params={"query": "1"}) as answer:
        assert "Content-Encoding" not in answer.headers


async def test_tokens_decide_who_looks_and_who_writes(tmp_path: Path) -> None:
    async with served(tmp_path, tokens=("look", "change")) as site:
        body = next(iter(wire.encode_block([labels({}, "m")], TIMES[:1], np.ones((1, 1))))).body
        statuses = {}
        for token in ("", "look", "change"):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with site.session.post(f"{site.url}/api/v1/query", data={"query": "1"}, headers=headers) as answer:
                looked = answer.status
            async with site.session.post(f"{site.url}/api/v1/write", data=body, headers={**headers, **PUSH}) as answer:
                statuses[token] = (looked, answer.status)
        assert statuses == {"": (403, 403), "look": (200, 403), "change": (200, 204)}


async def test_a_page_of_another_site_can_neither_ask_nor_write(site: Served) -> None:
    for path in ("query", "write"):
        headers = {"Origin": "http://elsewhere.example", **PUSH}
        async with site.session.post(f"{site.url}/api/v1/{path}", data=b"query=1", headers=headers) as answer:
            assert answer.status == 403


@pytest.mark.parametrize(
    ("kind", "encoding", "status"),
    [
        ("application/x-protobuf", "snappy", 204),
        ("application/x-protobuf;proto=prometheus.WriteRequest", "snappy", 204),
        ("application/x-protobuf; proto=io.prometheus.write.v3.Request", "snappy", 415),
        ("application/json", "snappy", 415),
        ("application/x-protobuf", "gzip", 415),
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", 400),
    ],
)
async def test_remote_write_is_strict_about_its_form(site: Served, kind: str, encoding: str, status: int) -> None:
    body = next(iter(wire.encode_block([labels({}, "pushed")], TIMES[:1], np.ones((1, 1))))).body
    if "v2" in kind:
        body = wire.compress(b"\x2a\x00")  # a series without a symbol table
    headers = {"Content-Type": kind, "Content-Encoding": encoding}
    async with site.session.post(f"{site.url}/api/v1/write", data=body, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        assert ("X-Prometheus-Remote-Write-Samples-Written" in answer.headers) == ("v2" in kind)


async def test_what_2_0_kept_is_told(site: Served) -> None:
    sample = b"\x09" + np.float64(1.0).tobytes() + b"\x10" + wire.varint(NOW * 1000)
    good = b"\x0a\x02\x01\x02\x12" + wire.varint(len(sample)) + sample
    nameless = b"\x0a\x02\x02\x02\x12" + wire.varint(len(sample)) + sample
    symbols = b"\x22\x00" + b"\x22\x08__name__" + b"\x22\x01m"
    message = symbols + b"".join(b"\x2a" + wire.varint(len(one)) + one for one in (good, nameless))
    headers = {**PUSH, "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}
    url = f"{site.url}/api/v1/write"
    async with site.session.post(url, data=wire.compress(message), headers=headers) as answer:
        assert answer.status == 400
        assert "1 series with invalid labels" in await answer.text()
        assert answer.headers["X-Prometheus-Remote-Write-Samples-Written"] == "1"
        assert answer.headers["X-Prometheus-Remote-Write-Histograms-Written"] == "0"
    assert (await site.data("query", ("query", "m")))["result"][0]["value"] == [NOW, "1"]


async def test_federation_gives_the_newest_samples_in_the_text_format(site: Served) -> None:
    match = [("match[]", 'm_total{row="001"}'), ("match[]", 'm_total{row="002"}')]
    async with site.session.get(f"{site.url}/federate", params=match) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert await answer.text() == (
            "# TYPE m_total untyped\n"
            f'm_total{{job="j",row="001",instance=""}} 241 {NOW}000\n'
            f'm_total{{job="j",row="002",instance=""}} 242 {NOW}000\n'
        )


HOSTILE: dict[str, str] = {
    "a chain of additions": "+".join(["1"] * 5000),
    "parentheses": "(" * 20_000 + "1" + ")" * 20_000,
    "a megabyte": "up" * 500_000,
    "an exploding expression": 'm_total{row=~"(a+)+b' + "(x{1000}){1000}" + '"}',
    "an enormous subquery": "sum_over_time(m_total[100y:1ms])",
    "nested subqueries": "max_over_time(rate(m_total[5m])[30d:1s])[30d:1s]",
    "unary signs": "-" * 50_000 + "1",
    "a cross product": " or ".join([f"(m_total + {number})" for number in range(90)]),
    "labels": "m_total{" + ",".join(f'a{number}!="x"' for number in range(5000)) + "}",
}


@pytest.mark.parametrize("name", list(HOSTILE))
async def test_hostile_queries_end_clearly_while_others_are_served(site: Served, name: str) -> None:
    served_meanwhile = 0

    async def others() -> None:
        nonlocal served_meanwhile
        while True:
            status, _ = await site.get("query", ("query", "sum(m_total)"))
            served_meanwhile += status == 200
            await asyncio.sleep(0)

    asking = asyncio.ensure_future(others())
    try:
        async with asyncio.timeout(60):
            status, answer = await site.post("query", ("query", HOSTILE[name]), ("timeout", "5s"))
            while not served_meanwhile:
                await asyncio.sleep(0.01)
    finally:
        asking.cancel()
    assert status in (200, 400, 413, 422, 503), answer
    if status in (400, 422, 503):
        assert answer["errorType"] in ("bad_data", "execution", "timeout")
        assert 0 < len(answer["error"]) < 2000
    assert served_meanwhile


async def test_a_client_that_goes_away_ends_its_query(site: Served) -> None:
    slow = {
        "query": "sum(quantile_over_time(0.5, m_total[1h]))",
        "start": str(NOW - 3600),
        "end": str(NOW),
        "step": "1",
    }
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await site.post("query_range", *slow.items())
    # Both threads would be taken by abandoned queries if these went on.
    async with asyncio.timeout(30):
        assert await site.data("query", ("query", "1")) == {"resultType": "scalar", "result": [NOW, "1"]}


async def test_fields_without_end_are_refused(site: Served) -> None:
    body = "&".join(f"match[]=a{number}" for number in range(2000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with site.session.post(f"{site.url}/api/v1/series", data=body, headers=headers) as answer:
        assert answer.status == 400
        assert orjson.loads(await answer.read())["errorType"] == "bad_data"


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("1795226500", 1795226500000), ("1795226500.1235", 1795226500124), ("-1.5", -1500), ("1e3", 1000000)]
    + [("2026-11-21T02:01:40Z", 1795226500000), ("2026-11-21T02:01:40.5+00:00", 1795226500500)]
    + [(text, None) for text in ("", "abc", "1_000", " 1", "nan", "inf", "1e40", "2026-11-21", "2026-13-41T00:00:00Z")],
)
def test_times(text: str, milliseconds: int | None) -> None:
    assert time_ms(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("15", 15000), ("0.5", 500), ("1h30m", 5400000), ("1d1ms", 86400001)]
)
def test_durations(text: str, milliseconds: int) -> None:
    assert duration_ms("step", text) == milliseconds


@pytest.mark.parametrize("name", ["zone", "http.status_code", "é ü", "a__b.c", "_", "日本"])
def test_escaped_label_names_are_read_back(name: str) -> None:
    assert label_name(escaped(name)) == name


def test_content_types() -> None:
    assert protocol("") == protocol("application/x-protobuf") == 1
    assert protocol('application/x-protobuf; proto="io.prometheus.write.v2.Request"') == 2
    assert protocol("text/plain") is protocol("application/x-protobuf;proto=x") is None
