"""The OpenAI-compatible endpoint: a request of a real client goes through the world and is really answered.

The text is made up of common words, as many as the answer has tokens, and the same for the same prompt.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from aiohttp import web

from inferdeck.simulate.events import Answered, Fault, Left, Request
from inferdeck.simulate.servers.litellm import errors
from inferdeck.simulate.servers.litellm.books import answer_id, call_id
from inferdeck.simulate.servers.litellm.http import HEADERS, Asked, Refused, count, error, reply
from inferdeck.simulate.servers.litellm.identity import Place
from inferdeck.simulate.servers.program import Pending, Question

MAX_TOKENS = 4096
_TALE = (
    "the quick brown fox jumps over a lazy dog and then rests while small clouds drift past above green hills where "
    "old trees stand near water that runs slowly toward some distant town with bright lamps along every street"
)
_WORDS = tuple(_TALE.split())
_STEP_SECONDS = 1.0
"""While an answer is being written one word a second goes out; the rest follows when the world has said its length."""
_MOCKS = ("mock_testing_fallbacks", "mock_testing_context_fallbacks", "mock_testing_content_policy_fallbacks")
_NO_MOCKS = (
    "Mock testing request params are disabled on this proxy: {names}. An admin can enable them by setting "
    "`general_settings.dangerously_allow_mock_testing_request_params: true` in config.yaml. This setting cannot be "
    "changed from the Admin UI or the API."
)
_INVALID = (
    "{route}: Invalid model name passed in model={model}. Call `/v1/models` to view available models for your key."
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a real client on its way."""

    asked: Asked
    body: dict[str, Any]
    question: Question
    pending: Pending
    request: Request
    """What the world made of it."""

    @property
    def id(self) -> str:
        """The id of the answer."""
        return answer_id(self.request)

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return self.question.stream


async def chat(asked: Asked) -> web.StreamResponse:
    """POST /v1/chat/completions."""
    return await _answer(asked, "messages", "/v1/chat/completions")


async def text(asked: Asked) -> web.StreamResponse:
    """POST /v1/completions."""
    return await _answer(asked, "prompt", "/v1/completions")


async def embeddings(asked: Asked) -> web.StreamResponse:
    """POST /v1/embeddings: vectors of three numbers that the text gives."""
    call = await _ask(asked, "input", "/v1/embeddings")
    end = await _ended(call)
    given = call.body["input"]
    inputs = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    data = [{"embedding": _vector(one), "index": at, "object": "embedding"} for at, one in enumerate(inputs)]
    used = {"completion_tokens": 0, "prompt_tokens": end.usage.input, "total_tokens": end.usage.input}
    details = {"completion_tokens_details": None, "prompt_tokens_details": None}
    body = {"model": call.question.model, "data": data, "object": "list", "usage": used | details}
    return reply(body, headers=_headers(call, end))


def _vector(value: Any) -> list[float]:
    digest = sha256(json.dumps(value).encode()).digest()
    return [round(byte / 255.0, 6) for byte in digest[:3]]


async def _answer(asked: Asked, content: str, route: str) -> web.StreamResponse:
    call = await _ask(asked, content, route)
    if call.stream:
        return await _stream(call)
    end = await _ended(call)
    return reply(_whole(call, end), headers=_headers(call, end))


async def _ask(asked: Asked, content: str, route: str) -> Call:
    body = await _body(asked, content, route)
    model = body["model"]
    words = json.dumps(body[content], sort_keys=True)
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    question = Question(
        model=model,
        prompt_tokens=_tokens(body[content]),
        max_tokens=most if isinstance(most, int) and most > 0 else MAX_TOKENS,
        prompt=int.from_bytes(sha256(f"{model} {words}".encode()).digest()[:6], "big"),
        stream=body.get("stream") is True,
        user=asked.agent.name if asked.agent else str(body.get("user") or "outside")[:100],
        team=asked.agent.team if asked.agent else "",
        route=route,
        retries=retries if isinstance(retries := body.get("num_retries"), int) and 0 <= retries <= 100 else None,
        fall_back=body.get("disable_fallbacks") is not True,
        mocked=_mocked(asked, body),
        image=_shows(body[content]),
    )
    pending = asked.program.world.ask_gateway(asked.program.process, question)
    request = asked.program.arrived
    if request is None:
        raise Refused(503, error("Service Unavailable", "internal_server_error", 503))
    return Call(asked, body, question, pending, request)


async def _body(asked: Asked, content: str, route: str) -> dict[str, Any]:
    try:
        body = json.loads(await asked.request.read())
    except ValueError as fault:
        raise _wrong(asked, f"Invalid JSON payload: {fault}", "request_body") from None
    short = route.removeprefix("/v1")
    if not isinstance(body, dict):
        raise _wrong(asked, "Invalid JSON payload: not an object", "request_body")
    if content not in body:
        raise _wrong(asked, f"{short}: Missing required parameter: '{content}'.", content)
    if not isinstance(body.get("model"), str):
        raise _wrong(asked, f"{short}: Missing required parameter: 'model'.", "model")
    return body


def _wrong(asked: Asked, message: str, param: str) -> Refused:
    """Count a request that is not one, and return its refusal."""
    refused = Refused(400, error(message, "invalid_request_error", 400, param))
    count(asked.program, asked.request, refused)
    return refused


def _mocked(asked: Asked, body: dict[str, Any]) -> bool:
    """Say whether a client wants its model to fail; refused with 400 where its operator did not allow that.

    As 1.106.2 does it (proxy/route_llm_request.py); 1.80 asks nobody.
    """
    given = [name for name in _MOCKS if name in body]
    if given and asked.program.dialect.new and not asked.program.gateway.mock_testing:
        raise Refused(400, {"detail": {"error": _NO_MOCKS.format(names=", ".join(given))}})
    return body.get("mock_testing_fallbacks") is True


def _shows(content: Any) -> bool:
    """Say whether a prompt holds a picture."""
    parts = [one.get("content") for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    return any(
        isinstance(item, dict) and item.get("type") == "image_url"
        for part in parts
        if isinstance(part, list)
        for item in part
    )


def _tokens(content: Any) -> int:
    """Return about how many tokens a prompt has: four bytes each, and four for each message."""
    if isinstance(content, list):
        return sum(4 + _tokens(one.get("content")) if isinstance(one, dict) else _tokens(one) for one in content) or 1
    return max(1, len(str(content).encode()) // 4) if isinstance(content, str) else 1


async def _ended(call: Call) -> Answered:
    """Wait for the end; raises Refused where the request failed."""
    with call.pending:
        end = answered(await call.pending.done)
    if end.fault is not None:
        raise _failed(call, end, end.fault)
    return end


def answered(end: Answered | Left) -> Answered:
    """Return the end of a request that went through a gateway."""
    if isinstance(end, Answered):
        return end
    raise TypeError("a gateway's request ends with Answered")


def _failed(call: Call, end: Answered, fault: Fault) -> Refused:
    program = call.asked.program
    place = _place(call, end)
    provider = place.provider if place and end.attempts and fault is not Fault.NO_DEPLOYMENT else ""
    failure = errors.of(fault, provider, program.dialect)
    if fault is Fault.UNKNOWN_MODEL:
        route = call.question.route.removeprefix("/v1")
        message = _INVALID.format(route=route, model=call.question.model)
        body = errors.body(failure, message)
        body["error"]["provider_specific_fields"] = {"error": message}
        return Refused(400, body)
    if fault is Fault.BUDGET:
        return Refused(failure.answer, errors.body(failure, "Budget has been exceeded!"))
    if fault is Fault.RATE_LIMIT and not provider:
        return Refused(429, errors.body(failure, "Rate limit exceeded for team. Limit type: requests"))
    message = errors.message(fault, provider, call.question.model, program.gateway.fallbacks)
    return Refused(failure.answer, errors.body(failure, message))


def _place(call: Call, end: Answered) -> Place | None:
    program = call.asked.program
    group = end.group or call.question.model
    first = next((one for one, model in program.groups.items() if model == group), "")
    return program.places.get(end.deployment or first)


def _headers(call: Call, end: Answered | None) -> dict[str, str]:
    program = call.asked.program
    found = {"x-litellm-call-id": call_id(call.request), "x-litellm-version": program.dialect.version}
    if end is None:
        group, deployment = call.pending.where()
        tried = str(int(group not in ("", call.question.model)))
        return found | _whose(program.places.get(deployment), group) | {"x-litellm-attempted-fallbacks": tried}
    found |= _whose(_place(call, end), end.group)
    found |= {
        "x-litellm-response-cost": repr(end.usage.cost),
        "x-litellm-response-duration-ms": repr((end.time - end.request.time) * 1000),
        "x-litellm-overhead-duration-ms": repr(end.overhead_seconds * 1000),
        "x-litellm-attempted-retries": str(max(0, end.attempts - 1 - end.fallbacks)),
        "x-litellm-attempted-fallbacks": str(min(1, end.fallbacks)),
    }
    return found


def _whose(place: Place | None, group: str) -> dict[str, str]:
    if place is None:
        return {}
    named = {"x-litellm-model-id": place.id, "x-litellm-model-name": place.full, "x-litellm-model-api-base": place.base}
    return named | {"x-litellm-model-group": group or place.group}


def _word(call: Call, at: int) -> str:
    return _WORDS[(call.question.prompt + at * 7) % len(_WORDS)] + " "


def _said(end: Answered) -> int:
    return end.usage.output - end.usage.reasoning


def _usage(end: Answered) -> dict[str, Any]:
    usage = end.usage
    found: dict[str, Any] = {
        "completion_tokens": usage.output,
        "prompt_tokens": usage.input,
        "total_tokens": usage.input + usage.output,
    }
    if usage.reasoning:
        found["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    if usage.cached_input:
        found["prompt_tokens_details"] = {"cached_tokens": usage.cached_input}
    return found


def _whole(call: Call, end: Answered) -> dict[str, Any]:
    words = "".join(_word(call, at) for at in range(_said(end)))
    finish = end.finish if end.finish in ("stop", "length") else "stop"
    head = {"id": call.id, "created": int(call.asked.program.clock(end.time)), "model": call.question.model}
    if call.question.route == "/v1/completions":
        choice: dict[str, Any] = {"finish_reason": finish, "index": 0, "text": words, "logprobs": None}
        return head | {"object": "text_completion", "choices": [choice], "usage": _usage(end)}
    message: dict[str, Any] = {"content": words, "role": "assistant"}
    able = _able(call, end)
    if "reasoning" in able:
        message["reasoning_content"] = words
    if "vision" in able and call.question.image:
        message["content"] = "Red."
    if "json" in able and isinstance(call.body.get("response_format"), dict):
        message["content"] = '{"ok": true}'
    if "tools" in able and call.body.get("tools"):
        message, finish = {"content": None, "role": "assistant", "tool_calls": [_called(call)]}, "tool_calls"
    choice = {"finish_reason": finish, "index": 0, "message": message}
    return head | {"object": "chat.completion", "choices": [choice], "usage": _usage(end)}


def _able(call: Call, end: Answered) -> tuple[str, ...]:
    """Return what the model that answered can do; nothing of which its fleet says so."""
    deployment = call.asked.program.deployments.get(end.deployment)
    return (deployment.supports or ()) if deployment is not None else ()


def _called(call: Call) -> dict[str, Any]:
    """Return a call of the first tool."""
    tools = call.body["tools"]
    first = tools[0] if isinstance(tools, list) and isinstance(tools[0], dict) else {}
    function = first.get("function")
    name = function.get("name") if isinstance(function, dict) else ""
    return {"id": f"call_{call.id[-8:]}", "type": "function", "function": {"name": str(name), "arguments": "{}"}}


async def _stream(call: Call) -> web.StreamResponse:
    """Answer word by word; a client that goes away gives its request up."""
    with call.pending:
        return await _streamed(call)


async def _streamed(call: Call) -> web.StreamResponse:
    first, done = call.pending.first, call.pending.done
    both: set[asyncio.Future[Any]] = {first, done}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    if done.done():
        await _ended(call)
    fresh = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Content-Type": "text/event-stream; charset=utf-8"}
    known = answered(done.result()) if done.done() else None
    answer = web.StreamResponse(headers=HEADERS | fresh | _headers(call, known))
    await answer.prepare(call.asked.request)
    async for event in _events(call):
        await answer.write(f"data: {event}\n\n".encode())
    await answer.write_eof()
    return answer


async def _events(call: Call) -> AsyncIterator[str]:
    done = call.pending.done
    sent = 0
    while not done.done():
        yield _chunk(call, sent)
        sent += 1
        await asyncio.wait({done}, timeout=_STEP_SECONDS)
    end = answered(done.result())
    if end.fault is not None:
        yield json.dumps(_failed(call, end, end.fault).body)
        return
    for at in range(sent, _said(end)):
        yield _chunk(call, at)
    yield _frame(call, {}, end.finish if end.finish in ("stop", "length") else "stop")
    options = call.body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        yield json.dumps(_head(call) | {"choices": [], "usage": _usage(end)}, separators=(",", ":"))
    yield "[DONE]"


def _chunk(call: Call, at: int) -> str:
    role = {} if at else {"role": "assistant"}
    return _frame(call, role | {"content": _word(call, at)}, None)


def _head(call: Call) -> dict[str, Any]:
    kind = "text_completion" if call.question.route == "/v1/completions" else "chat.completion.chunk"
    created = int(call.asked.program.clock(call.asked.now))
    return {"id": call.id, "object": kind, "created": created, "model": call.question.model}


def _frame(call: Call, delta: dict[str, str], finish: str | None) -> str:
    choice: dict[str, Any] = {"index": 0}
    if call.question.route == "/v1/completions":
        choice["text"] = delta.get("content", "")
    else:
        choice["delta"] = delta
    if finish is not None:
        choice["finish_reason"] = finish
    return json.dumps(_head(call) | {"choices": [choice]}, separators=(",", ":"))
