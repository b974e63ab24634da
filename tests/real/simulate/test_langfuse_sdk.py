"""The newest Langfuse SDK against the simulated v4 server: its models take every answer, the server what it sends."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langfuse import Langfuse
from langfuse.api import UnauthorizedError
from langfuse.api.client import LangfuseAPI
from langfuse.api.core.api_error import ApiError
from opentelemetry.sdk.trace import TracerProvider

from inferdeck.simulate.servers.langfuse import build
from tests.unit.simulate.servers.serving import serving
from tests.unit.simulate.servers.told_requests import FLEET, NOON, StillWorld, play, story

SINCE = dt.datetime.fromtimestamp(NOON - 60, dt.UTC)
UNTIL = dt.datetime.fromtimestamp(NOON + 3600, dt.UTC)


@pytest.fixture(scope="module")
def client() -> Iterator[Langfuse]:
    # One for all tests: the SDK keeps one set of resources for each public key.
    program = build(FLEET.langfuse[0], FLEET, StillWorld())
    play(program, story())
    with serving(program) as url:
        made = Langfuse(
            public_key="pk-lf-demo", secret_key="sk-lf-demo", base_url=url, tracer_provider=TracerProvider()
        )
        try:
            yield made
        finally:
            made.shutdown()


def test_the_keys_open_the_project(client: Langfuse) -> None:
    assert client.auth_check()
    assert client.api.health.health().version == "4.16.0"
    (project,) = client.api.projects.get().data
    assert project.name == "told"
    with httpx.Client() as http:
        wrong = LangfuseAPI(base_url=client._base_url, username="pk-lf-demo", password="sk-lf-other", httpx_client=http)
        with pytest.raises(UnauthorizedError):
            wrong.projects.get()


def test_observations_are_paged_and_parsed(client: Langfuse) -> None:
    groups = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context"
    rows: list[Any] = []
    cursor = None
    while True:
        page = client.api.observations.get_many(
            fields=groups, limit=4, cursor=cursor, from_start_time=SINCE, to_start_time=UNTIL
        )
        rows += page.data
        cursor = page.meta.cursor
        if cursor is None:
            break
    assert len({row.id for row in rows}) == 13
    generations = [row for row in rows if row.type == "GENERATION"]
    assert sum(row.usage_details["total"] for row in generations if row.usage_details) == 4 * 1300
    assert {row.level for row in rows} == {"DEFAULT", "ERROR"}
    roots = client.api.observations.get_many(is_root_observation=True, fields="basic", from_start_time=SINCE).data
    assert {row.user_id for row in roots} == {"user-0", "user-1", "user-2"}


def test_metrics_answer_the_query_object(client: Langfuse) -> None:
    query = {
        "view": "observations",
        "dimensions": [{"field": "providedModelName"}],
        "metrics": [{"measure": "totalCost", "aggregation": "sum"}, {"measure": "latency", "aggregation": "p95"}],
        "fromTimestamp": SINCE.isoformat(),
        "toTimestamp": UNTIL.isoformat(),
    }
    rows = client.api.metrics.metrics(query=json.dumps(query)).data
    costs = {row["providedModelName"]: row["sum_totalCost"] for row in rows}
    assert costs["azure-gpt-4o"] == pytest.approx(0.0066)
    query["dimensions"] = [{"field": "userId"}]
    with pytest.raises(ApiError) as refused:
        client.api.metrics.metrics(query=json.dumps(query))
    assert refused.value.status_code == 400


def test_scores_and_models_are_parsed(client: Langfuse) -> None:
    scores = {
        score.name: score
        for score in client.api.scores.get_many(fields="details,subject,annotation", from_timestamp=SINCE).data
    }
    assert scores["feedback"].value is True
    assert scores["quality"].value == 0.75
    models = client.api.models.list().data
    assert {model.model_name: model.prices["input"].price for model in models} == {
        "gpt-4o-2024-11-20": 2.5e-6,
        "azure-gpt-4o": 3e-6,
    }


def test_what_the_sdk_sends_can_be_read(client: Langfuse) -> None:
    with client.start_as_current_observation(as_type="span", name="job") as span:
        trace = span.trace_id
        with client.start_as_current_observation(
            as_type="generation", name="answer", model="gpt-4o-2024-11-20", usage_details={"input": 10, "output": 5}
        ) as generation:
            generation.update(output="42")
        span.score_trace(name="helpful", value=1.0)
    client.flush()
    rows = client.api.observations.get_many(trace_id=trace, fields="basic,io,model,usage").data
    assert {row.name: row.type for row in rows} == {"job": "SPAN", "answer": "GENERATION"}
    (answer,) = [row for row in rows if row.name == "answer"]
    assert (answer.output, answer.model) == ("42", "gpt-4o-2024-11-20")
    assert answer.usage_details == {"input": 10, "output": 5, "total": 15}
    assert answer.total_cost == pytest.approx(10 * 2.5e-6 + 5 * 1e-5)
    (score,) = client.api.scores.get_many(trace_id=trace).data
    assert (score.name, score.value) == ("helpful", 1.0)
