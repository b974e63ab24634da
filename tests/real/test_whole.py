"""The whole stack at once: LiteLLM, llama-server, Redis, Prometheus and node_exporter, watched by `inferdeck up`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real import gateway, programs, tiny_gguf
from tests.real.daemon import Place, all_up, service
from tests.real.programs import Running
from tests.real.traffic import Call, Generator
from tests.real.upstream import upstream

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

ENGINE_CALLS = 5
COMPONENTS = {"litellm", "llamacpp", "redis", "prometheus", "host"}


@dataclass(frozen=True, slots=True)
class Stack:
    """The real programs."""

    litellm: Running
    llama: Running
    redis: Running
    prometheus: Running
    node: Running

    def sources(self) -> str:
        """Return what the daemon is to watch."""
        return (
            "host: {interval: {interval}}\n"
            f"litellm: {{url: {self.litellm.url}, key: {gateway.KEY}, interval: {{interval}}}}\n"
            f"llamacpp: {{url: {self.llama.url}, interval: {{interval}}}}\n"
            f"redis: {{url: {self.redis.url}, interval: {{interval}}}}\n"
            "prometheus:\n"
            f"  - {{url: {self.prometheus.url}, interval: {{interval}}}}\n"
            f"  - {{url: {self.node.url}, interval: {{interval}}, name: node}}"
        )


@contextlib.asynccontextmanager
async def _stack(directory: Path) -> AsyncIterator[Stack]:
    programs.litellm_executable()
    model = tiny_gguf.write(directory / "tiny.gguf")
    async with upstream() as provider:
        with (
            programs.llama_server(directory / "llama", model, "--alias", "tiny") as llama,
            programs.redis_server(directory / "redis") as redis,
            programs.prometheus(directory / "prometheus") as prometheus,
            programs.node_exporter(directory / "node") as node,
            programs.litellm(directory / "litellm", gateway.config(provider.url, redis.port)) as litellm,
        ):
            yield Stack(litellm, llama, redis, prometheus, node)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as response:
        return json.loads(response.read())


async def test_status_shows_every_real_program_with_its_version_and_its_own_numbers(tmp_path: Path) -> None:
    async with _stack(tmp_path) as stack:
        traffic = Generator(stack.litellm.url, gateway.KEY)
        engine = Generator(stack.llama.url, "none")
        place = Place.of(tmp_path / "daemon", stack.sources())
        with place.up():
            await asyncio.to_thread(place.status_when, all_up)
            await traffic.send([Call("good")] * 12 + [Call("err500")] * 3, 4)
            await engine.send([Call("tiny", body={"max_tokens": 8})] * ENGINE_CALLS, 1)
            await asyncio.sleep(5.0)
            status = await asyncio.to_thread(place.status_when, all_up)
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


def _check_gateway(status: dict[str, Any]) -> None:
    (found,) = status["gateways"]
    assert found["requests"]["value"] > 0
    assert found["errors"]["value"] == pytest.approx(3 / 15)
    ratio = found["tokens"]["input"]["value"] / found["tokens"]["output"]["value"]
    assert ratio == pytest.approx(11 / 7, rel=0.01)


def _check_engine(status: dict[str, Any], engine: Generator) -> None:
    (found,) = status["engines"]
    assert found["model"] == "tiny"
    assert found["running"]["value"] == 0
    assert found["decode"]["value"] > 0
    assert engine.ledger.statuses() == {200: ENGINE_CALLS}
