"""The source for any exposition endpoint, against real servers."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from inferdeck.config.schema import TargetConfig
from inferdeck.errors import NotFoundError
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import get
from inferdeck.model.target import TargetKey
from inferdeck.sources import registry
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Source
from inferdeck.sources.pipeline import target_labels
from inferdeck.sources.prometheus import source as module
from inferdeck.sources.prometheus.config import PrometheusConfig
from tests.unit.sources.endpoint import GOOD, answering, serving

SAMPLES = Path(module.__file__).parent / "samples"
KEY = TargetKey("vllm", "gpu1:8000", "test")


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


def source(http: HttpClient, url: str, **settings: object) -> Source:
    config = PrometheusConfig.model_validate({"url": url, **settings})
    return registry.make("prometheus", config, http, SystemClock(), KEY, target_labels(KEY, {"site": "x"}))


@pytest.mark.parametrize(
    ("url", "settings", "asked"),
    [
        ("", {}, "/metrics"),
        ("/", {}, "/metrics"),
        ("/custom/metrics", {}, "/custom/metrics"),
        ("/base", {"metrics_path": "/probe"}, "/base/probe"),
        ("", {"metrics_path": "/probe", "params": {"module": "a b"}}, "/probe?module=a+b"),
    ],
)
async def test_asks_the_configured_path(http: HttpClient, url: str, settings: dict[str, object], asked: str) -> None:
    paths = []

    async def note(request: web.Request) -> web.StreamResponse:
        paths.append(request.path_qs)
        assert "openmetrics" not in request.headers["Accept"]
        return web.Response(body=GOOD)

    async with serving(("/{path:.*}", note)) as base:
        await source(http, base + url, **settings).collect(0.0)
    assert paths == [asked]


async def test_a_collection_has_the_target_s_labels_and_the_same_layout_again(http: HttpClient) -> None:
    async with serving(("/metrics", answering(GOOD))) as url:
        one = source(http, url)
        first, second = await one.collect(0.0), await one.collect(15.0)
    assert second.layout is first.layout
    (series,) = first.layout.series
    assert [get(series, name) for name in ("__name__", "job", "instance", "environment", "site")] == [
        "requests_total",
        "vllm",
        "gpu1:8000",
        "test",
        "x",
    ]
    assert (first.requests, first.response_bytes) == (1, len(GOOD))
    await one.aclose()


@pytest.mark.parametrize(
    ("sample", "version"),
    [
        ("prometheus-2.42.0-metrics.txt.gz", "2.42.0+ds"),
        ("alertmanager-0.25.0-metrics.txt.gz", "0.25.0"),
        ("victoriametrics-1.79-metrics.txt.gz", ""),
    ],
)
async def test_the_version_is_what_the_program_tells_of_itself(http: HttpClient, sample: str, version: str) -> None:
    body = gzip.decompress((SAMPLES / sample).read_bytes())
    async with serving(("/metrics", answering(body))) as url:
        collected = await source(http, url).collect(0.0)
    assert collected.version == version
    assert len(collected.layout) > 200
    assert collected.warnings == ()


def test_every_kind_of_the_registry_has_its_configuration_and_factory() -> None:
    classes = registry.config_classes()
    assert list(classes) == list(registry.KINDS)
    assert {"litellm", "llamacpp", "redis", "host", "prometheus"} <= classes.keys()
    assert all(issubclass(found, TargetConfig) for found in classes.values())
    with pytest.raises(NotFoundError, match="'litelm': no such kind of source; there are litellm, "):
        registry.config_class("litelm")
