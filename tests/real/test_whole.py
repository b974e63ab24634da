"""The whole stack at once: LiteLLM, llama-server, Redis, Prometheus and node_exporter, watched by `inferdeck up`."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.real import gateway
from tests.real.daemon import Place, all_up, service
from tests.real.stack import whole_stack
from tests.real.traffic import Call, Generator

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

ENGINE_CALLS = 5
COMPONENTS = {"litellm", "llamacpp", "redis", "prometheus", "host"}


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as response:
        return json.loads(response.read())


async def test_status_shows_every_real_program_with_its_version_and_its_own_numbers(tmp_path: Path) -> None:
    async with whole_stack(tmp_path) as stack:
        traffic = Generator(stack.litellm.url, gateway.KEY)
        engine = Generator(stack.llama.url, "none")
        place = Place.of(tmp_path / "daemon", stack.sources())
        with place.up():
            await asyncio.to_thread(place.status_when, all_up)
            # A counter is born with its first request; what it counts from then on is a rate.
            await traffic.send([Call("good"), Call("err500")], 1)
            await asyncio.sleep(4.0)
            await traffic.send([Call("good")] * 12 + [Call("err500")] * 3, 4)
            await engine.send([Call("tiny", body={"max_tokens": 8})] * ENGINE_CALLS, 1)
            await asyncio.sleep(5.0)
            status = await asyncio.to_thread(place.status_when, _known)
            props = await asyncio.to_thread(_get, f"{stack.llama.url}/props")
            build = await asyncio.to_thread(_get, f"{stack.prometheus.url}/api/v1/status/buildinfo")
    assert {found["kind"] for found in status["services"]} == COMPONENTS
    assert service(status, "litellm")["version"] == "1.106.2"
    assert service(status, "redis")["version"] == "Redis 7.0.15"
    assert service(status, "llamacpp")["version"] == props["build_info"]
    assert service(status, "prometheus")["version"] == build["data"]["version"]
    for found in status["services"]:
        if found["kind"] != "host":
            assert found["port"] is not None
            assert found["latency"]["value"] > 0
    _check_gateway(status)
    _check_engine(status, engine)


def _known(status: dict[str, Any]) -> bool:
    """Say whether every service is up and the gateway has told its version, which a busy one is late with."""
    return all_up(status) and bool(service(status, "litellm")["version"])


def _check_gateway(status: dict[str, Any]) -> None:
    (found,) = status["gateways"]
    assert found["requests"]["value"] > 0
    # The two series were born at different moments, which shifts what is extrapolated at their beginnings.
    assert found["errors"]["value"] == pytest.approx(3 / 15, rel=0.1)
    ratio = found["tokens"]["input"]["value"] / found["tokens"]["output"]["value"]
    assert ratio == pytest.approx(11 / 7, rel=0.01)


def _check_engine(status: dict[str, Any], engine: Generator) -> None:
    (found,) = status["engines"]
    assert found["model"] == "tiny"
    assert found["running"]["value"] == 0
    assert found["decode"]["value"] > 0
    assert engine.ledger.statuses() == {200: ENGINE_CALLS}
