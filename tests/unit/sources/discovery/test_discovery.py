"""Discovery names a service by two marks, and never sends what does harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from inferdeck.model.clock import ManualClock
from inferdeck.sources import probing
from inferdeck.sources.discovery import Discovery, place
from inferdeck.sources.identity import identify
from inferdeck.sources.listening import listening
from tests.real import programs
from tests.unit.sources.discovery import services
from tests.unit.sources.discovery.services import JSON, LLAMA_404, Answers, service

HARMFUL_BEFORE_KNOWN = {"GET /metrics", "GET /slots", "GET /health", "GET /spend/logs", "GET /health/services"}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with probing.session() as found:
        yield found


async def test_litellm_is_never_asked_for_health(session: aiohttp.ClientSession) -> None:
    async with service(services.LITELLM, server="uvicorn") as found:
        identity = await identify(found.candidate, session)
    assert identity.kind == "litellm"
    assert len(identity.marks) == 2
    assert HARMFUL_BEFORE_KNOWN.isdisjoint(found.asked)
    assert all("Authorization" not in headers for headers in found.headers)


@pytest.mark.parametrize("server", ["llama.cpp", "nginx"])
async def test_llamacpp_is_never_asked_for_metrics_or_slots(session: aiohttp.ClientSession, server: str) -> None:
    async with service(services.LLAMACPP, server=server, missing=(404, JSON, LLAMA_404)) as found:
        identity = await identify(found.candidate, session)
    assert identity.kind == "llamacpp"
    assert {"GET /metrics", "GET /slots"}.isdisjoint(found.asked)


async def test_a_llamacpp_that_loads_or_wants_a_key_is_known(session: aiohttp.ClientSession) -> None:
    loading = '{"error":{"message":"Loading model","type":"unavailable_error","code":503}}'
    async with service({}, server="llama.cpp", missing=(503, JSON, loading)) as found:
        assert (await identify(found.candidate, session)).kind == "llamacpp"
    locked: Answers = {**services.LLAMACPP, "/v1/models": (401, JSON, '{"error":{"type":"authentication_error"}}')}
    async with service(locked, server="llama.cpp", missing=(404, JSON, LLAMA_404)) as found:
        identity = await identify(found.candidate, session)
    assert (identity.kind, identity.needs_key) == ("llamacpp", True)


@pytest.mark.real
@pytest.mark.parametrize("arguments", [(), ("--requirepass", "secret")], ids=["open", "password"])
async def test_a_real_redis_is_known(
    tmp_path: Path, session: aiohttp.ClientSession, arguments: tuple[str, ...]
) -> None:
    with programs.redis_server(tmp_path, *arguments) as redis:
        mine = [one for one in listening(()) if one.port == redis.port]
        assert [one.process for one in mine] == ["redis-server"]
        identity = await identify(mine[0], session)
    assert (identity.kind, identity.needs_key) == ("redis", bool(arguments))


async def test_looks_once_at_what_it_knows_and_again_at_what_it_does_not() -> None:
    clock = ManualClock(1.8e9)
    async with service(services.LITELLM) as known, service({}) as unknown:
        discovery = Discovery(clock, lambda: [known.candidate, unknown.candidate])
        found = await discovery.look()
        for _ in range(3):
            await clock.advance(60)
            found = await discovery.look()
        assert [one.kind for one in found] == ["litellm"]
        assert known.asked.count("GET /health/liveliness") == 1
        assert unknown.asked.count("GET /health/liveliness") == 3
        shown = {one.address: one for one in discovery.answers({place(found[0].url)})}
        assert shown[known.candidate.address].watched
        assert shown[unknown.candidate.address].note == "an unknown HTTP service"
