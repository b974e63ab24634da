"""Trying a source stores nothing and does no harm; an assembly makes targets as the file means them."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from inferdeck.config.load import load
from inferdeck.config.targets import TargetFiles
from inferdeck.errors import ConfigError, NotFoundError
from inferdeck.model.answers import Trial
from inferdeck.model.clock import SystemClock
from inferdeck.sources.assembly import Assembly, instance
from inferdeck.sources.entry import checked, try_entry
from inferdeck.sources.http import HttpClient
from inferdeck.sources.registry import config_classes
from tests.unit.sources.discovery import services
from tests.unit.sources.discovery.services import JSON, LLAMA_404, TEXT, service


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


async def tried(http: HttpClient, kind: str, entry: dict[str, Any]) -> Trial:
    return await try_entry(kind, checked(kind, entry, {}, Path()), http, SystemClock(), "default")


async def test_llamacpp_is_tried_without_metrics_or_slots(http: HttpClient) -> None:
    props = '{"model_alias":"tiny","total_slots":1,"build_info":"b11434-x","is_sleeping":false}'
    answers = {**services.LLAMACPP, "/props": (200, JSON, props)}
    async with service(answers, server="llama.cpp", missing=(404, JSON, LLAMA_404)) as found:
        trial = await tried(http, "llamacpp", {"url": f"http://{found.candidate.address}"})
    assert trial.ok, trial.message
    assert "tiny" in trial.message
    assert {"GET /metrics", "GET /slots"}.isdisjoint(found.asked)
    assert {probe.name: probe.enabled for probe in trial.probes}["slots"] is False


async def test_an_exposition_is_tried_and_counted(http: HttpClient) -> None:
    async with service({"/metrics": (200, TEXT, "# TYPE a counter\na 1\nb 2\n")}) as found:
        trial = await tried(http, "prometheus", {"url": f"http://{found.candidate.address}"})
    assert (trial.ok, trial.native_series, trial.canonical_series, trial.requests) == (True, 2, 0, 1)


async def test_a_failure_is_an_answer(http: HttpClient) -> None:
    trial = await tried(http, "prometheus", {"url": "http://127.0.0.1:1"})
    assert not trial.ok
    assert "connection refused" in trial.message


def test_an_entry_is_checked_as_the_file_would_be() -> None:
    assert checked("redis", {}, {}, Path()).url == "redis://127.0.0.1:6379"
    with pytest.raises(NotFoundError, match="litellm"):
        checked("nonsense", {}, {}, Path())
    with pytest.raises(ConfigError, match="the environment variable NOT_THERE is not set") as error:
        checked("litellm", {"url": "http://a", "key": {"env": "NOT_THERE"}}, {}, Path())
    assert "litellm.key" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        ("litellm", "http://a:4000/base", "a:4000"),
        ("litellm", "https://a", "a:443"),
        ("redis", "redis://a", "a:6379"),
        ("redis", "unix:///run/r.sock", "/run/r.sock"),
        ("prometheus", "http://[::1]:9", "[::1]:9"),
        ("host", "", socket.gethostname()),
    ],
)
def test_instances(kind: str, url: str, expected: str) -> None:
    assert instance(kind, url) == expected


async def test_an_assembly_makes_what_the_file_means(http: HttpClient, tmp_path: Path) -> None:
    (tmp_path / "nodes.json").write_text('[{"targets": ["n1:9100", "n2:9100"], "labels": {"rack": "r1"}}]')
    file = tmp_path / "inferdeck.yaml"
    file.write_text(
        "environment: prod\nsources:\n"
        "  host: {}\n"
        "  litellm: {url: http://g:4000, name: gate, environment: dev, labels: {zone: z}}\n"
        "  prometheus:\n    - {file_sd: nodes.json, job: node}\n    - {url: http://off:1, enabled: false}\n"
        "  redis: [{url: redis://r}, {targets: [r:6379]}]\n"
    )
    settings = load(path=file, environ={"HOME": str(tmp_path)}, kinds=config_classes())
    targets, warnings = Assembly(http, SystemClock(), settings.environment).configured(settings, TargetFiles())
    host = socket.gethostname()
    assert set(targets) == {
        f"prod/host/{host}",
        "dev/litellm/g:4000",
        "prod/node/n1:9100",
        "prod/node/n2:9100",
        "prod/redis/r:6379",
    }
    assert warnings == ["prod/redis/r:6379: configured twice; give one of them another environment"]
    gate = targets["dev/litellm/g:4000"]
    assert (gate.name, gate.repair is not None, gate.mapper is not None) == ("gate", True, True)
    assert ("zone", "z") in gate.extra
    assert ("rack", "r1") in targets["prod/node/n1:9100"].extra
