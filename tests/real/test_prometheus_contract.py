"""Our answers fit Prometheus' own description of its interface (its OpenAPI document, where it lies beside us)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.real.daemon import Place
from tests.real.prometheus_api import ask

DOCUMENT = Path(__file__).parents[3] / "shared" / "openapi" / "prometheus-3.1.yaml"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DOCUMENT.exists(), reason=f"Prometheus' OpenAPI document is not at {DOCUMENT}"),
]

# Path of the document -> what to ask. A string result is not among them: the document wants its time as a string, and
# Prometheus itself gives a number.
GOOD = [
    ("/query", "query", {"query": "up"}),
    ("/query", "query", {"query": "up[1m]"}),
    ("/query", "query", {"query": "1 + 1", "stats": "all"}),
    ("/query", "query", {"query": "rate(node_load1[1m])"}),
    ("/query", "query", {"query": "node_load1", "limit": "1"}),
    ("/query_range", "query_range", {"query": "node_load1", "start": "{start}", "end": "{end}", "step": "15"}),
    ("/query_exemplars", "query_exemplars", {"query": "up"}),
    ("/format_query", "format_query", {"query": "sum(up)by(job)"}),
    ("/parse_query", "parse_query", {"query": "sum(rate(up[5m])) by (job) / on (job) group_left up offset 5m"}),
    ("/labels", "labels", {}),
    ("/label/{name}/values", "label/job/values", {}),
    ("/series", "series", {"match[]": "up"}),
    ("/metadata", "metadata", {"limit": "5"}),
    ("/targets", "targets", {}),
    ("/targets/metadata", "targets/metadata", {}),
    ("/rules", "rules", {}),
    ("/alerts", "alerts", {}),
    ("/alertmanagers", "alertmanagers", {}),
    ("/status/config", "status/config", {}),
    ("/status/runtimeinfo", "status/runtimeinfo", {}),
    ("/status/buildinfo", "status/buildinfo", {}),
    ("/status/flags", "status/flags", {}),
    ("/status/tsdb", "status/tsdb", {}),
    ("/status/walreplay", "status/walreplay", {}),
]
BAD = [("/query", "query", {"query": "sum("}), ("/query_range", "query_range", {}), ("/series", "series", {})]

LEFT_OUT = frozenset(
    {
        "/search/metric_names",
        "/search/label_names",
        "/search/label_values",
        "/scrape_pools",
        "/scrape_pools/config",
        "/targets/relabel_steps",
        "/status/tsdb/blocks",
        "/status/self_metrics",
        "/admin/tsdb/delete_series",
        "/admin/tsdb/clean_tombstones",
        "/admin/tsdb/snapshot",
        "/read",
        "/otlp/v1/metrics",
        "/notifications",
        "/notifications/live",
        "/features",
        "/openapi.yaml",
        "/write",
    }
)


@pytest.fixture(scope="module")
def document() -> Any:
    return YAML(typ="safe").load(DOCUMENT)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = Place.of(tmp_path_factory.mktemp("conform"), "host: {interval: {interval}}")
    with place.up() as daemon:
        place.status_when(lambda status: any(found["health"] == "up" for found in status["services"]))
        yield daemon.url


def schema(document: Any, path: str, status: str) -> Any:
    """Return the schema of a path's JSON answer to GET, with the components it refers to."""
    answer = document["paths"][path]["get"]["responses"][status]
    return {**answer["content"]["application/json"]["schema"], "components": document["components"]}


@pytest.mark.parametrize(("path", "asked", "fields"), GOOD)
def test_answers_fit(document: Any, url: str, path: str, asked: str, fields: dict[str, str]) -> None:
    status, answer = ask(url, asked, fields)
    assert status == 200, answer
    Draft202012Validator(schema(document, path, "200")).validate(answer)


@pytest.mark.parametrize(("path", "asked", "fields"), BAD)
def test_errors_fit(document: Any, url: str, path: str, asked: str, fields: dict[str, str]) -> None:
    status, answer = ask(url, asked, fields)
    assert status == 400
    Draft202012Validator(schema(document, path, "default")).validate(answer)


def test_every_path_is_offered_or_left_out_by_name(document: Any, url: str) -> None:
    for path in document["paths"]:
        status, _ = ask(url, re.sub(r"{\w+}", "job", path).lstrip("/"), {})
        assert (status in (404, 405)) == (path in LEFT_OUT), path
