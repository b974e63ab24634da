"""Running a plan before gateways that go away, that are none of LiteLLM's, and that have ten thousand models."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from aiohttp import web

from inferdeck.probing import bills, cases
from inferdeck.probing.access import Access
from inferdeck.probing.cases import Wish
from inferdeck.probing.gateway import learn
from inferdeck.probing.running import PARALLEL, Run, total
from inferdeck.probing.sender import Sender
from inferdeck.probing.values import Kind, Plan, Report, Result, State
from tests.unit.probing.test_sender import gateway


def plain(request: web.Request, models: int = 2) -> web.Response:
    """Answer as any gateway with OpenAI's interface does, which refuses what it does not know."""
    if request.path == "/v1/models":
        return web.json_response({"data": [{"id": f"m{number}"} for number in range(models)]})
    return web.json_response({"detail": "Not Found"}, status=404)


async def run(url: str, wish: Wish | None = None, stop_after: int = 0) -> Report:
    async with Sender(Access(url), timeout_seconds=10.0) as sender:
        told = await learn(sender)
        made = cases.make(told, [], wish or Wish())
        bill = bills.bill(made.cases, told, None, 0.0)
        plan = Plan(url, told.simulated, made.cases, total(made.cases), bill, made.left_out)
        found: Run

        def progress(sent: int, of: int, result: Result | None) -> None:
            if stop_after and sent >= stop_after:
                found.stop.set()

        found = Run(plan, told, sender, progress)
        return await found.go()


async def test_another_gateway_gets_no_parameters_of_litellm() -> None:
    seen: list[dict[str, Any]] = []

    async def page(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return plain(request)
        body = await request.json()
        seen.append(body)
        if body.get("stream"):
            text = 'data: {"choices":[{"delta":{"content":"ok"}}]}\n\ndata: [DONE]\n\n'
            return web.Response(text=text, content_type="text/event-stream")
        return web.json_response({"choices": [{"message": {"content": "ok"}}]})

    async with gateway(page) as url:
        report = await run(url)
    assert {one.state for one in report.results} == {State.PASSED}
    assert {key for body in seen for key in body} == {"model", "messages", "max_tokens", "stream"}


async def test_a_gateway_that_goes_away_fails_what_is_left_and_ends() -> None:
    answered = 0

    async def page(request: web.Request) -> web.StreamResponse:
        nonlocal answered
        if request.method == "GET":
            return plain(request, 8)
        answered += 1
        if answered > 3:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"choices": [{"message": {"content": "ok"}}]})

    async with gateway(page) as url:
        report = await run(url)
    states = [str(one.cause) for one in report.results if one.kind == "direct"]
    assert states.count("") == 3
    assert states.count("gateway unreachable") == 5
    # What rests on a model that did not answer is not asked.
    assert sum(one.state is State.SKIPPED for one in report.results) == 5


async def test_ten_thousand_models_are_learned_and_fifty_asked() -> None:
    most = 0
    now = 0

    async def page(request: web.Request) -> web.StreamResponse:
        nonlocal most, now
        if request.method == "GET":
            return plain(request, 10_000)
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return web.json_response({"choices": [{"message": {"content": "ok"}}]})

    async with gateway(page) as url:
        report = await run(url, Wish(kinds=(Kind.DIRECT,)))
    assert (len(report.results), report.left_out) == (50, 9_950)
    assert not report.count(State.FAILED)
    assert most <= PARALLEL


async def test_a_run_that_is_stopped_reports_what_it_found() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return plain(request, 40)
        if json.loads(await request.text())["model"] not in ("m0", "m1"):
            await asyncio.sleep(60)
        return web.json_response({"choices": [{"message": {"content": "ok"}}]})

    async with gateway(page) as url, asyncio.timeout(30):
        report = await run(url, stop_after=2)
    assert report.interrupted
    states = {one.id: one.state for one in report.results}
    assert State.PASSED in (states["direct:m0"], states["direct:m1"])
    assert states["direct:m39"] is State.SKIPPED
    assert len(states) == 80


def test_scipy_is_loaded_on_use_alone() -> None:
    code = "import sys, inferdeck.cli.probe; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
