"""A provider for the real LiteLLM proxy to call: OpenAI's wire format, and one model per way to succeed or fail.

The model's name says what it does: good, thinking (reasoning and cached tokens in its usage), embedding, err500,
err429, err401, slow (answers after SLOW_SECONDS), broken (a stream that dies in its middle). It counts its calls.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.real.programs import LOOPBACK, free_port

SLOW_SECONDS = 30.0
CHUNKS = 6
# In the middle of a histogram bucket (0.5 to 1 s), so that what a busy machine adds does not change the bucket.
FIRST_TOKEN_SECONDS = 0.6
ERRORS = {
    "err500": (500, "server_error", "the upstream is broken"),
    "err429": (429, "rate_limit_exceeded", "too many requests"),
    "err401": (401, "invalid_api_key", "the upstream refuses the key"),
}
USAGE: Mapping[str, dict[str, Any]] = {
    "good": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    "thinking": {
        "prompt_tokens": 40,
        "completion_tokens": 25,
        "total_tokens": 65,
        "prompt_tokens_details": {"cached_tokens": 16},
        "completion_tokens_details": {"reasoning_tokens": 9},
    },
    "embedding": {"prompt_tokens": 5, "total_tokens": 5},
}


class Upstream:
    """The provider: its calls by model, and its HTTP handlers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}/v1"
        self.calls: Counter[str] = Counter()

    def application(self) -> web.Application:
        """Return the routes."""
        application = web.Application()
        application.router.add_post("/v1/chat/completions", self._chat)
        application.router.add_post("/v1/embeddings", self._embeddings)
        return application

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        model = str(body["model"])
        self.calls[model] += 1
        if model in ERRORS:
            return _error(model)
        if model == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if body.get("stream"):
            return await _stream(request, body)
        message = {"role": "assistant", "content": "Hello from upstream."}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return web.json_response({**_head("chat.completion", model), "choices": choices, "usage": _usage(model)})

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        model = str((await request.json())["model"])
        self.calls[model] += 1
        data = [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2, 0.3]}]
        return web.json_response({"object": "list", "model": model, "data": data, "usage": USAGE["embedding"]})


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1700000000, "model": model}


def _usage(model: str) -> dict[str, Any]:
    return USAGE.get(model, USAGE["good"])


def _error(model: str) -> web.Response:
    status, code, message = ERRORS[model]
    return web.json_response({"error": {"message": message, "type": code, "code": code}}, status=status)


async def _stream(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    model = str(body["model"])
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await asyncio.sleep(FIRST_TOKEN_SECONDS)
    for index in range(CHUNKS):
        if model == "broken" and index == CHUNKS // 2:
            assert request.transport is not None
            request.transport.abort()
            return response
        await _event(response, model, [{"index": 0, "delta": {"content": f"word{index} "}, "finish_reason": None}])
    await _event(response, model, [{"index": 0, "delta": {}, "finish_reason": "stop"}])
    if (body.get("stream_options") or {}).get("include_usage"):
        await _event(response, model, [], _usage(model))
    await response.write(b"data: [DONE]\n\n")
    return response


async def _event(
    response: web.StreamResponse, model: str, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None
) -> None:
    event = {**_head("chat.completion.chunk", model), "choices": choices}
    if usage is not None:
        event["usage"] = usage
    await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """Serve the provider on a free loopback port."""
    port = free_port()
    served = Upstream(port)
    runner = web.AppRunner(served.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    try:
        yield served
    finally:
        await runner.cleanup()
