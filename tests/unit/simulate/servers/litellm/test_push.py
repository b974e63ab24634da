"""The callback `generic_api`: what LiteLLM sends for each call, in batches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from inferdeck.simulate.servers.litellm.http import template
from inferdeck.simulate.servers.litellm.push import BATCH
from tests.unit.simulate.fleets import MONDAY_TEN
from tests.unit.simulate.servers.litellm.scene import Scene, rich


async def pushed(found: Scene, status: int = 200) -> tuple[list[list[dict[str, Any]]], dict[str, str], int]:
    batches: list[list[dict[str, Any]]] = []
    headers: dict[str, str] = {}

    async def take(request: web.Request) -> web.Response:
        batches.append(json.loads(await request.read()))
        headers.update(request.headers)
        return web.Response(status=status)

    app = web.Application(client_max_size=64 * 2**20)
    app.add_routes([web.post("/sink", take)])
    server = TestServer(app)
    await server.start_server()
    push = found.program.send_to(str(server.make_url("/sink")), {"X-Tok": "abc"}, flush_seconds=0.05)
    push.start()
    found.log.clear()
    found.world.run_until(MONDAY_TEN + 900.0)
    await push.stop()
    await server.close()
    return batches, headers, push.lost


async def test_every_call_is_sent_once_with_the_fields_of_the_capture() -> None:
    found = rich()
    batches, headers, lost = await pushed(found)
    events = [event for batch in batches for event in batch]
    good = [answer for answer in found.answers if answer.fault is None]
    assert lost == 0 and all(len(batch) <= BATCH for batch in batches)
    assert headers["User-Agent"] == "litellm/1.109.1" and headers["X-Tok"] == "abc"
    assert {event["status"] for event in events} == {"success", "failure"}
    successes = [event for event in events if event["status"] == "success"]
    assert len(successes) == len(good)
    assert sum(event["total_tokens"] for event in successes) == sum(
        answer.usage.input + answer.usage.output for answer in good
    )
    cost = sum(answer.usage.cost for answer in good if not answer.cached)
    assert sum(event["response_cost"] for event in events) == pytest.approx(cost, abs=1e-9)
    assert all(event.keys() == template("payload").keys() for event in events)


async def test_a_fallback_is_a_failure_and_a_success_of_one_call() -> None:
    found = rich()
    batches, _, _ = await pushed(found)
    by_call: dict[str, list[str]] = {}
    for event in (event for batch in batches for event in batch):
        by_call.setdefault(event["litellm_call_id"], []).append(event["model_group"])
    assert ["gpt", "llama"] in by_call.values()


async def test_a_stream_says_its_time_to_first_token_as_response_time() -> None:
    found = rich()
    batches, _, _ = await pushed(found)
    streams = [event for batch in batches for event in batch if event["stream"] and not event["cache_hit"]]
    assert streams
    for event in streams:
        assert event["response_time"] == event["completionStartTime"] - event["startTime"] < event["endTime"]


async def test_what_is_not_taken_is_lost() -> None:
    found = rich()
    batches, _, lost = await pushed(found, 500)
    assert lost == sum(map(len, batches)) > 0
    async with ClientSession() as session:
        push = found.program.send_to("http://127.0.0.1:9/nobody")
        found.world.run_until(MONDAY_TEN + 960.0)
        await push.flush(session)
        assert push.lost > 0
