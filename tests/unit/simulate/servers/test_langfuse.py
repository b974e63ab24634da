"""The simulated Langfuse: what its routes say of requests that were told by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from inferdeck.simulate.events import ClockShifted, Ended, Repriced, Started
from inferdeck.simulate.fleet import Langfuse
from inferdeck.simulate.servers.langfuse import LangfuseServer, build
from inferdeck.simulate.servers.langfuse.limiter import Limiter, script_date
from inferdeck.simulate.servers.langfuse.refused import RefusedError
from inferdeck.simulate.servers.langfuse.window import Window
from tests.unit.simulate.servers.serving import Answer, ask, serving
from tests.unit.simulate.servers.told_requests import FLEET, NOON, StillWorld, answered, play, request, spent, story
from tests.unit.simulate.servers.told_requests import OPENAI as PRICE

KEYS = "Basic " + base64.b64encode(b"pk-lf-demo:sk-lf-demo").decode()
HOURS = {"fromTimestamp": "2026-11-21T12:00:00Z", "toTimestamp": "2026-11-21T13:00:00Z"}


def server(version: str = "4.16.0") -> LangfuseServer:
    made = build(Langfuse("langfuse-1", version), FLEET, StillWorld())
    play(made, [event for event in story() if not isinstance(event, Started)])
    return made


class Reader:
    """Somebody who reads one server with its keys."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/api/public"

    def ask(self, path: str, **query: Any) -> Answer:
        return ask(f"{self.url}{path}?{urlencode(query, doseq=True)}", Authorization=KEYS)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask(path, **query)
        assert answer.status == 200, answer.text
        return answer.json

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return ask(
            self.url + path, json.dumps(body).encode(), Authorization=KEYS, Content_Type="application/json", **headers
        )

    def metrics(self, path: str = "/v2/metrics", **query: Any) -> Any:
        return self.get(path, query=json.dumps({**HOURS, **query}))["data"]

    def refused(self, **query: Any) -> str:
        answer = self.ask("/v2/metrics", query=json.dumps({**HOURS, **query}))
        assert answer.status == 400
        return str(answer.json)


@pytest.fixture(scope="module")
def v4() -> Iterator[Reader]:
    with serving(server()) as url:
        yield Reader(url)


@pytest.fixture(scope="module")
def v3() -> Iterator[Reader]:
    with serving(server("3.150.0")) as url:
        yield Reader(url)


def test_health_needs_no_keys_and_names_the_version(v4: Reader) -> None:
    assert ask(v4.url + "/health").json == {"status": "OK", "version": "4.16.0"}
    late = ask(v4.url + "/health?failIfNoRecentEvents=true")
    assert late.status == 503
    assert late.json["status"] == "No traces or observations within the last 3 minutes"


@pytest.mark.parametrize(
    ("header", "status", "message"),
    [
        (None, 401, "No authorization header"),
        (
            "Basic " + base64.b64encode(b"a:b").decode(),
            401,
            "Invalid credentials. Confirm that you've configured the correct host.",
        ),
        ("Basic !", 401, "Invalid authorization header. Confirm that you've configured the correct host."),
        ("Digest x", 401, "Invalid authorization header"),
        ("Bearer pk-lf-demo", 403, "Access denied - insufficient permissions for this endpoint"),
    ],
)
def test_every_wrong_key_has_its_own_answer(v4: Reader, header: str | None, status: int, message: str) -> None:
    url = v4.url + "/v2/observations"
    answer = ask(url, Authorization=header) if header else ask(url)
    assert (answer.status, answer.json) == (status, {"message": message})


@pytest.mark.parametrize(
    "path",
    [
        "/traces",
        "/traces/x",
        "/observations",
        "/observations/x",
        "/sessions",
        "/sessions/x",
        "/metrics",
        "/metrics/daily",
    ],
)
def test_a_v4_server_has_the_old_routes_no_more(v4: Reader, path: str) -> None:
    answer = v4.ask(path)
    assert answer.status == 404
    assert answer.json["message"].startswith("This endpoint is not available on deployments running in Langfuse v4")


def test_a_v3_server_has_the_new_routes_not_yet(v3: Reader) -> None:
    for path in ("/v2/observations", "/v2/metrics"):
        answer = v3.ask(path)
        assert (answer.status, answer.json["error"]) == (404, "LangfuseNotFoundError")
    assert v3.ask("/v3/scores").status == 404
    with serving(server("3.110.0")) as url:
        missing = Reader(url).ask("/v2/observations")
        assert (missing.status, missing.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    with serving(server("3.225.3")) as url:
        answer = Reader(url).ask("/v2/metrics")
        assert "only available in a Langfuse v4 write mode" in answer.json["message"]
        assert Reader(url).get("/v3/scores")["data"]


def test_pages_by_cursor_give_every_row_once(v4: Reader) -> None:
    seen, cursor = [], None
    while True:
        page = v4.get("/v2/observations", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += page["data"]
        cursor = page["meta"].get("cursor")
        if cursor is None:
            break
    assert [row["startTime"] for row in seen] == sorted((row["startTime"] for row in seen), reverse=True)
    # Six finished requests, six attempts, one remembered response.
    assert len({row["id"] for row in seen}) == len(seen) == 13
    assert v4.ask("/v2/observations", cursor="x").status == 400


def test_a_generation_has_the_tokens_cost_and_times_of_its_attempt(v4: Reader) -> None:
    rows = v4.get("/v2/observations", fields="basic,time,model,usage,metrics,trace_context", type="GENERATION",
                  toStartTime="2026-11-21T12:05:00Z")["data"]  # fmt: skip
    (row,) = rows
    assert row["usageDetails"] == {
        "input": 600, "input_cached_tokens": 400, "output": 200, "output_reasoning_tokens": 100, "total": 1300,
    }  # fmt: skip
    assert row["totalCost"] == spent(PRICE).cost
    assert sum(cost for part, cost in row["costDetails"].items() if part != "total") == pytest.approx(row["totalCost"])
    assert (row["latency"], row["timeToFirstToken"]) == (2.0, 0.5)
    assert row["completionStartTime"] == "2026-11-21T12:00:00.510Z"
    assert (row["inputPrice"], row["outputPrice"]) == ("0.0000025", "0.00001")
    assert (row["model"], row["traceName"], row["userId"]) == ("gpt-4o-2024-11-20", "writer", "user-1")
    assert row["tags"] == ["team:red", "use-case:chat"]


def test_only_the_field_groups_asked_for_come(v4: Reader) -> None:
    (row,) = v4.get("/v2/observations", limit=1, fields="core")["data"]
    assert set(row) == {
        "id", "traceId", "startTime", "endTime", "projectId", "parentObservationId", "type", "modelId", "inputPrice",
        "outputPrice", "totalPrice",
    }  # fmt: skip
    assert "userId" in v4.get("/v2/observations", limit=1)["data"][0]
    assert v4.ask("/v2/observations", parseIoAsJson="true").status == 400
    assert v4.ask("/v2/observations", limit=1001).json["message"] == "Invalid request data"


def test_filters_override_the_plain_parameters(v4: Reader) -> None:
    def count(*conditions: dict[str, Any], **query: Any) -> int:
        text = {"filter": json.dumps(conditions)} if conditions else {}
        return len(v4.get("/v2/observations", limit=1000, **text, **query)["data"])

    assert count(level="ERROR") == 5
    assert count(isRootObservation="true") == count(parentObservationId="") == 6
    assert count(environment="staging") == 13
    assert count(environment="production") == 0
    slow = {"type": "number", "column": "latency", "operator": ">=", "value": 5}
    assert count(slow, level="ERROR") == 4
    assert count({"type": "arrayOptions", "column": "tags", "operator": "any of", "value": ["team:blue"]}) == 5
    assert (
        count({"type": "stringObject", "column": "metadata", "key": "cache_hit", "operator": "=", "value": "True"}) == 1
    )
    assert count({"type": "null", "column": "model", "operator": "is null"}) == 6
    assert count({"type": "datetime", "column": "startTime", "operator": "<", "value": "2026-11-21T12:05:00Z"}) == 2
    assert v4.ask("/v2/observations", filter="[{}]").status == 400
    assert v4.ask("/v2/observations", filter=json.dumps([{**slow, "column": "nothing"}])).status == 400


def test_metrics_are_the_sums_of_what_happened(v4: Reader) -> None:
    total = spent(PRICE).cost + 0.0066
    metrics = [("count", "count"), ("totalTokens", "sum"), ("totalCost", "sum"), ("timeToFirstToken", "p50")]
    (row,) = v4.metrics(view="observations", metrics=[{"measure": m, "aggregation": a} for m, a in metrics])
    assert row["count_count"] == "13"
    # Two answers of the provider, the local one and the remembered one.
    assert row["sum_totalTokens"] == str(4 * 1300)
    assert row["sum_totalCost"] == pytest.approx(total)
    assert row["p50_timeToFirstToken"] == 625.0  # milliseconds: between 500 and 750


def test_metrics_group_and_fill_time(v4: Reader) -> None:
    rows = v4.metrics(
        view="observations", dimensions=[{"field": "level"}], metrics=[{"measure": "count", "aggregation": "count"}]
    )
    assert {row["level"]: row["count_count"] for row in rows} == {"DEFAULT": "8", "ERROR": "5"}
    rows = v4.metrics(
        view="observations",
        timeDimension={"granularity": "minute"},
        metrics=[{"measure": "latency", "aggregation": "max"}],
    )
    assert len(rows) == 60
    assert rows[0] == {"time_dimension": "2026-11-21T12:00:00Z", "max_latency": "2020"}
    assert rows[1] == {"time_dimension": "2026-11-21T12:01:00Z", "max_latency": None}
    days = v4.metrics(
        view="observations",
        timeDimension={"granularity": "day"},
        metrics=[{"measure": "count", "aggregation": "count"}],
    )
    assert days == [{"time_dimension": "2026-11-21", "count_count": "13"}]


def test_scores_are_metrics_too(v4: Reader) -> None:
    assert v4.metrics(view="scores-numeric", metrics=[{"measure": "value", "aggregation": "avg"}], filters=[
        {"column": "name", "operator": "=", "value": "quality", "type": "string"}
    ]) == [{"avg_value": 0.75}]  # fmt: skip
    (row,) = v4.metrics(view="scores-boolean", metrics=[{"measure": "value", "aggregation": "avg"}])
    assert row == {"avg_value": 1.0}
    (row,) = v4.metrics(
        view="scores-numeric", dimensions=[{"field": "observationModelName"}],
        metrics=[{"measure": "count", "aggregation": "count"}],
        filters=[{"column": "name", "operator": "=", "value": "quality", "type": "string"}],
    )  # fmt: skip
    assert row["observationModelName"] == "gpt-4o-2024-11-20"


def test_dimensions_of_high_cardinality_are_refused_but_in_a_top_list(v4: Reader) -> None:
    count = [{"measure": "count", "aggregation": "count"}]
    for field in ("userId", "sessionId", "traceId", "id"):
        asked: dict[str, Any] = {"view": "observations", "dimensions": [{"field": field}], "metrics": count}
        assert "High cardinality dimension(s)" in v4.refused(**asked)
        assert "cannot be used with timeDimension" in v4.refused(**asked, timeDimension={"granularity": "hour"})
    rows = v4.metrics(
        view="observations", dimensions=[{"field": "userId"}], metrics=count, config={"row_limit": 2},
        orderBy=[{"field": "count_count", "direction": "desc"}],
    )  # fmt: skip
    assert [row["userId"] for row in rows] == ["user-0", "user-1"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"view": "traces", "metrics": []}, "expected one of observations|"),
        ({"view": "observations", "metrics": []}, "At least one metric"),
        ({"view": "observations", "metrics": [{"measure": "x", "aggregation": "sum"}]}, "Invalid metric x"),
        ({"view": "observations", "metrics": [{"measure": "count", "aggregation": "median"}]}, "sum|avg|count"),
        (
            {
                "view": "observations",
                "metrics": [{"measure": "count", "aggregation": "count"}],
                "dimensions": [{"field": "x"}],
            },
            "Invalid dimension x",
        ),
        (
            {
                "view": "observations",
                "metrics": [{"measure": "count", "aggregation": "count"}],
                "config": {"row_limit": 0},
            },
            "row_limit",
        ),
        (
            {
                "view": "observations",
                "metrics": [{"measure": "count", "aggregation": "count"}],
                "orderBy": [{"field": "x", "direction": "asc"}],
            },
            "Invalid orderBy field",
        ),
    ],
)
def test_a_query_that_does_not_fit_is_refused(v4: Reader, query: dict[str, Any], message: str) -> None:
    assert message in v4.refused(**query)


def test_scores_have_the_type_of_their_value(v4: Reader, v3: Reader) -> None:
    new = {score["name"]: score for score in v4.get("/v3/scores", fields="subject,details")["data"]}
    assert (new["feedback"]["value"], new["feedback"]["source"], new["feedback"]["subject"]["kind"]) == (
        True,
        "API",
        "trace",
    )
    assert (new["quality"]["value"], new["quality"]["source"], new["quality"]["subject"]["kind"]) == (
        0.75,
        "EVAL",
        "observation",
    )
    old = {score["name"]: score for score in v3.get("/v2/scores")["data"]}
    assert (old["feedback"]["value"], old["feedback"]["stringValue"]) == (1.0, "True")
    assert old["quality"]["trace"]["userId"] == "user-1"
    assert [s["name"] for s in v4.get("/v3/scores", dataType="numeric", valueMin=0.5)["data"]] == ["quality"]
    assert v4.get("/v3/scores", dataType="NUMERIC", valueMin=0.8)["data"] == []
    for wrong in ({"limit": 101}, {"fields": "everything"}, {"value": 1}, {"valueMin": 1}, {"observationId": "x"}):
        assert v4.ask("/v3/scores", **wrong).status == 400, wrong
    first = v4.get("/v3/scores", limit=1)
    second = v4.get("/v3/scores", limit=1, cursor=first["meta"]["cursor"])
    assert [first["data"][0]["name"], second["data"][0]["name"]] == ["feedback", "quality"]
    assert "cursor" not in second["meta"]


def test_a_v3_trace_sums_up_its_observations(v3: Reader) -> None:
    page = v3.get("/traces", limit=2, page=2)
    assert page["meta"] == {"page": 2, "limit": 2, "totalItems": 6, "totalPages": 3}
    retried = v3.get("/traces", fromTimestamp="2026-11-21T12:10:00Z", toTimestamp="2026-11-21T12:10:01Z")["data"][0]
    assert (retried["latency"], retried["totalCost"]) == (4.0, 0.0066)
    assert len(retried["observations"]) == 3
    bare = v3.get("/traces", fields="core", limit=1)["data"][0]
    assert (bare["latency"], bare["totalCost"], bare["observations"]) == (-1, -1, [])
    full = v3.get(f"/traces/{retried['id']}")
    assert [row["level"] for row in full["observations"]] == ["DEFAULT", "ERROR", "DEFAULT"]
    assert full["observations"][1]["statusMessage"].startswith("litellm.ServiceUnavailableError")
    assert v3.get(f"/observations/{full['observations'][2]['id']}")["calculatedTotalCost"] == 0.0066
    missing = v3.ask("/traces/x")
    assert (missing.status, missing.json["message"]) == (404, "Trace x not found within authorized project")
    assert v3.ask("/traces", limit=101).status == 400


def test_v3_sessions_days_and_metrics(v3: Reader) -> None:
    assert v3.get("/sessions")["meta"]["totalItems"] == 4
    assert len(v3.get("/sessions/session-1")["traces"]) == 2
    assert v3.ask("/sessions/x").status == 404
    (day,) = v3.get("/metrics/daily")["data"]
    assert (day["date"], day["countTraces"], day["countObservations"]) == ("2026-11-21", 6, 13)
    models = {usage["model"]: usage for usage in day["usage"]}
    # Exactly the part named input: cached tokens are another part.
    assert (models["azure-gpt-4o"]["inputUsage"], models["azure-gpt-4o"]["totalUsage"]) == (600, 1300)
    rows = v3.metrics("/metrics", view="traces", dimensions=[{"field": "userId"}],
                      metrics=[{"measure": "count", "aggregation": "count"}])  # fmt: skip
    assert {row["userId"]: row["count_count"] for row in rows} == {"user-0": "2", "user-1": "2", "user-2": "2"}


def test_an_old_batch_is_taken_by_v3_and_refused_by_v4() -> None:
    batch = [
        {"id": "e1", "type": "trace-create", "timestamp": "2026-11-21T12:00:00Z",
         "body": {"id": "t", "name": "mine", "userId": "u", "tags": ["a"]}},
        {"id": "e2", "type": "generation-create", "timestamp": "2026-11-21T12:00:00Z",
         "body": {"id": "g", "traceId": "t", "name": "gen", "model": "gpt-4o-2024-11-20",
                  "startTime": "2026-11-21T12:00:00Z",
                  "endTime": "2026-11-21T12:00:03Z", "usage": {"input": 100, "output": 10}}},
        {"id": "e3", "type": "score-create", "timestamp": "2026-11-21T12:00:00Z",
         "body": {"id": "s", "traceId": "t", "name": "q", "value": 1.0}},
        {"id": "e4", "type": "span-create", "timestamp": "2026-11-21T12:00:00Z", "body": {}},
    ]  # fmt: skip
    with serving(server("3.150.0")) as url:
        reader = Reader(url)
        answer = reader.post("/ingestion", {"batch": batch})
        assert answer.status == 207
        assert [one["id"] for one in answer.json["successes"]] == ["e1", "e2", "e3"]
        assert [one["status"] for one in answer.json["errors"]] == [400]
        trace = reader.get("/traces/t")
        assert (trace["name"], trace["latency"], trace["scores"][0]["name"]) == ("mine", 3.0, "q")
        # No cost was sent: that of the model's definition.
        assert trace["totalCost"] == pytest.approx(100 * 2.5e-6 + 10 * 1e-5)
    with serving(server()) as url:
        answer = Reader(url).post("/ingestion", {"batch": batch})
        assert [one["id"] for one in answer.json["successes"]] == ["e3"]
        assert {one["message"] for one in answer.json["errors"]} == {"Event type not accepted"}


def test_spans_in_json_are_visible() -> None:
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "chat",
        "startTimeUnixNano": "1795262400000000000", "endTimeUnixNano": "1795262402500000000",
        "attributes": [
            {"key": "gen_ai.request.model", "value": {"stringValue": "azure-gpt-4o"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}},
            {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 3}},
            {"key": "langfuse.trace.tags", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}},
        ],
    }  # fmt: skip
    with serving(server()) as url:
        reader = Reader(url)
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        assert reader.post("/otel/v1/traces", body).json == {}
        (row,) = reader.get("/v2/observations", traceId=span["traceId"], fields="basic,usage,metrics,trace_context")[
            "data"
        ]
        assert (row["type"], row["latency"], row["tags"], row["isRootObservation"]) == ("GENERATION", 2.5, ["x"], True)
        assert row["usageDetails"] == {"input": 7, "output": 3, "total": 10}
        assert row["totalCost"] == pytest.approx(7 * 3e-6 + 3 * 1.2e-5)
        assert reader.post("/otel/v1/traces", body, x_langfuse_ingestion_version="5").status == 400
        assert reader.post("/otel/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}).status == 400


def test_a_new_price_is_a_new_definition() -> None:
    made = server()
    play(made, [Repriced(NOON + 3600, "gateway-1", "d-openai", 5.0, 20.0, 2.5)])
    asked = request(9, NOON + 3700)
    play(made, [answered(asked, NOON + 3701, spent(PRICE))])
    with serving(made) as url:
        models = Reader(url).get("/models")["data"]
    assert [(one["modelName"], one["startDate"], one["prices"]["input"]["price"]) for one in models] == [
        ("gpt-4o-2024-11-20", None, 2.5e-6),
        ("azure-gpt-4o", None, 3e-6),
        ("gpt-4o-2024-11-20", "2026-11-21T13:00:00.000Z", 5e-6),
    ]
    assert made.models.match("gpt-4o-2024-11-20", 0) is not None
    late = made.models.match("gpt-4o-2024-11-20", 2_000_000_000_000)
    assert late is not None and late.prices["input"] == 5e-6


def test_what_happened_while_it_was_down_is_lost_and_the_rest_stays() -> None:
    made = server()
    before = len(list(made.window.traces()))
    play(made, [Ended(NOON + 3600, "langfuse-1", 0, "stop")])
    play(made, [answered(request(9, NOON + 3601), NOON + 3602, spent(PRICE))])
    play(made, [Started(NOON + 3700, "langfuse-1", "3.150.0", 7, "upgrade")])
    play(made, [answered(request(10, NOON + 3701), NOON + 3702, spent(PRICE))])
    assert len(list(made.window.traces())) == before + 1
    with serving(made) as url:
        assert Reader(url).get("/traces", limit=1)["meta"]["totalItems"] == before + 1


def test_a_wrong_clock_of_the_gateway_is_in_the_records() -> None:
    made = build(FLEET.langfuse[0], FLEET, StillWorld())
    play(made, [ClockShifted(NOON, "host-1", 300.0), answered(request(1, NOON), NOON + 1, spent(PRICE))])
    assert next(made.window.traces()).timestamp == (NOON + 300) * 1000


def test_the_window_is_bounded() -> None:
    window = Window("x", size=5)
    for number in range(20):
        window.answered(answered(request(number, NOON + number), NOON + number + 1, spent(PRICE)), 0.0, keep=True)
        window.sent_trace(f"t{number}", 0, 0)
    assert len(list(window.traces())) == 10


def test_a_limit_refuses_with_the_time_to_wait() -> None:
    moment = [100.0]
    limiter = Limiter(3, lambda: moment[0])
    for _ in range(2):
        limiter.take("public-api", NOON, structured=True)
    moment[0] += 10.5
    with pytest.raises(RefusedError) as refused:
        limiter.take("public-api", NOON, structured=True)
    assert refused.value.headers == {
        "Retry-After": "50",
        "X-RateLimit-Limit": "3",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "Sat Nov 21 2026 12:00:49 GMT+0000 (Coordinated Universal Time)",
    }
    limiter.take("public-api-legacy", NOON, structured=True)
    moment[0] += 50
    limiter.take("public-api", NOON, structured=True)
    assert script_date(0) == "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"


def test_limited_readers_get_429_and_health_and_projects_go_on() -> None:
    made = build(Langfuse("langfuse-1", "4.16.0", requests_per_minute=2), FLEET, StillWorld())
    with serving(made) as url:
        reader = Reader(url)
        assert reader.ask("/v2/observations").status == 200
        answer = reader.ask("/v2/observations")
        assert (answer.status, answer.json["code"]) == (429, "rate_limited")
        assert int(answer.headers["Retry-After"]) == answer.json["details"]["retryAfterSeconds"]
        assert reader.ask("/projects").status == 200
    made = build(Langfuse("langfuse-1", "3.150.0", requests_per_minute=1), FLEET, StillWorld())
    with serving(made) as url:
        assert Reader(url).ask("/traces").text == "429 - rate limit exceeded"
