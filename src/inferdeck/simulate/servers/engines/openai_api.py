"""The OpenAI-compatible part of an engine's server: completions and chat, at once or streamed with the engine's pace.

What the bodies look like differs from engine to engine: a subclass says it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, ClassVar
from zlib import crc32

from aiohttp import web

from inferdeck.simulate.servers.engines.text import MESSAGE_TOKENS, fingerprint, tokens_of, words
from inferdeck.simulate.servers.program import Pending, Question

if TYPE_CHECKING:
    from inferdeck.simulate.events import Left
    from inferdeck.simulate.servers.engines.program import EngineProgram

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's request as it was read."""

    route: str
    body: Body
    model: str
    text: str
    prompt_tokens: int
    most: int
    stream: bool
    id: str
    created: int

    @property
    def chat(self) -> bool:
        """Whether it has messages."""
        return "messages" in self.body

    @property
    def prompt(self) -> int:
        """Which prompt it is."""
        return fingerprint(self.text)

    @property
    def wants_usage(self) -> bool:
        """Whether a stream shall end with its usage."""
        options = self.body.get("stream_options")
        return isinstance(options, dict) and bool(options.get("include_usage"))


class RefusedError(Exception):
    """What is answered instead."""

    def __init__(self, status: int, body: Body, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


def content(message: object) -> str:
    """Return the text of one chat message, whose content is a string or a list of parts."""
    value = message.get("content") if isinstance(message, dict) else message
    if isinstance(value, list):
        return " ".join(str(part.get("text", "")) for part in value if isinstance(part, dict))
    return "" if value is None else str(value)


def prompt_of(body: Body) -> tuple[str, int]:
    """Return the prompt's text and its tokens."""
    messages = body.get("messages")
    if isinstance(messages, list):
        texts = [content(message) for message in messages]
        return "\n".join(texts), sum(tokens_of(text) + MESSAGE_TOKENS for text in texts) + 1
    prompt = body.get("prompt", body.get("input", body.get("inputs", "")))
    if isinstance(prompt, list):
        if all(isinstance(part, int) for part in prompt):
            return " ".join(map(str, prompt)), max(1, len(prompt))
        prompt = "\n".join(map(str, prompt))
    return str(prompt), tokens_of(str(prompt))


def whole_number(body: Body, *names: str) -> int | None:
    """Return the first of these fields that is a positive whole number."""
    values = (body.get(name) for name in names)
    return next((value for value in values if isinstance(value, int) and value > 0), None)


class OpenAiApi:
    """Answers requests for one engine."""

    headers: ClassVar[Mapping[str, str]] = {}
    stream_headers: ClassVar[Mapping[str, str]] = {"Content-Type": "text/event-stream; charset=utf-8"}
    id_prefixes: ClassVar[tuple[str, str]] = ("chatcmpl-", "cmpl-")
    default_most: ClassVar[int | None] = None
    """Of an answer where the client says nothing; None: what the context leaves."""

    def __init__(self, program: EngineProgram) -> None:
        self.program = program
        self._number = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/chat/completions or /v1/completions."""
        try:
            asked = self.read(await self.read_json(request), request.path)
        except RefusedError as refused:
            return self.response(refused.body, refused.status, refused.headers)
        pending = self.ask(asked)
        if asked.stream:
            return await self._stream(request, asked, pending)
        left = await self.program.ended(pending)
        if left is None or left.finish not in ("stop", "length"):
            return self.failed(left)
        return self.response(self.whole(asked, words(asked.prompt, 0, left.output_tokens), left))

    def ask(self, asked: Asked) -> Pending:
        """Put the question to the world."""
        question = Question(
            model=asked.model,
            prompt_tokens=asked.prompt_tokens,
            max_tokens=asked.most,
            prompt=asked.prompt,
            stream=asked.stream,
            user=str(asked.body.get("user") or "outside"),
            route=asked.route,
        )
        return self.program.ask(question)

    async def read_json(self, request: web.Request) -> Body:
        """Return the request's body; RefusedError where it is none."""
        text = await request.text()
        try:
            body = json.loads(text)
        except JSONDecodeError as error:
            raise self.no_json(error) from error
        if not isinstance(body, dict):
            raise self.no_json(JSONDecodeError("Expecting an object", text, 0))
        return body

    def read(self, body: Body, route: str) -> Asked:
        """Return what a body asks; RefusedError where it cannot be served."""
        model = self.served(body)
        text, tokens = prompt_of(body)
        context = self.program.engine.model.context
        most = whole_number(body, "max_completion_tokens", "max_tokens", "n_predict", "max_new_tokens")
        self.check_length(text, tokens, most or 0)
        self._number += 1
        now = self.program.clock(self.program.world.present())
        code = crc32(f"{self.program.process}:{now}:{self._number}".encode()) << 32 | crc32(str(self._number).encode())
        return Asked(
            route=route,
            body=body,
            model=model,
            text=text,
            prompt_tokens=tokens,
            most=min(most or self.default_most or context, max(1, context - tokens)),
            stream=bool(body.get("stream")),
            id=f"{self.id_prefixes[0 if 'messages' in body else 1]}{self.identity(code)}",
            created=int(now),
        )

    def identity(self, code: int) -> str:
        """Return the second half of an answer's id."""
        return f"{code:016x}"

    def response(self, body: Body, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
        """Return a JSON answer."""
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        return web.Response(
            text=text, status=status, content_type="application/json", headers={**self.headers, **(headers or {})}
        )

    async def _stream(self, request: web.Request, asked: Asked, pending: Pending) -> web.StreamResponse:
        response = web.StreamResponse(headers={**self.headers, **self.stream_headers})
        with pending, contextlib.suppress(ConnectionResetError, BrokenPipeError):
            await response.prepare(request)
            await self._send_all(response, asked, pending)
            await response.write_eof()
        return response

    async def _send_all(self, response: web.StreamResponse, asked: Asked, pending: Pending) -> None:
        sent = 0
        opened = False
        async for count in self.program.progress(pending):
            if not opened:
                opened = await self._send(response, self.opening(asked))
            for place in range(sent, count):
                await self._send(response, self.chunk(asked, words(asked.prompt, place, place + 1)))
            sent = count
        left = await self.program.ended(pending)
        if left is None or left.finish not in ("stop", "length"):
            await self._send(response, self.error(500, "The engine ended.", "InternalServerError"))
        else:
            if not opened:
                await self._send(response, self.opening(asked))
            for place in range(sent, left.output_tokens - 1):
                await self._send(response, self.chunk(asked, words(asked.prompt, place, place + 1)))
            last = words(asked.prompt, max(sent, left.output_tokens - 1), left.output_tokens)
            for body in self.closing(asked, last, left):
                await self._send(response, body)
        await response.write(b"data: [DONE]\n\n")

    async def _send(self, response: web.StreamResponse, body: Body | None) -> bool:
        if body is not None:
            text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
            await response.write(f"data: {text}\n\n".encode())
        return True

    def served(self, body: Body) -> str:
        """Return the model that a body asks for; RefusedError where it is not served here."""
        return self.program.engine.model.name

    def check_length(self, text: str, tokens: int, most: int) -> None:
        """Refuse a prompt that does not fit."""

    def no_json(self, error: JSONDecodeError) -> RefusedError:
        """Return what is said to a body that is no JSON."""
        return RefusedError(400, self.error(400, f"{error.msg} at {error.pos}", "BadRequestError"))

    def failed(self, left: Left | None) -> web.Response:
        """Return what is said where the engine could not answer."""
        return self.response(self.error(500, "The engine ended.", "InternalServerError"), 500)

    def error(self, status: int, message: str, kind: str, param: str | None = None) -> Body:
        """Return the body of an error."""
        return {"error": {"message": message, "type": kind, "param": param, "code": status}}

    def usage(self, asked: Asked, left: Left) -> Body:
        """Return the tokens of an answer."""
        tokens = left.output_tokens
        return {
            "prompt_tokens": asked.prompt_tokens,
            "total_tokens": asked.prompt_tokens + tokens,
            "completion_tokens": tokens,
        }

    def whole(self, asked: Asked, text: str, left: Left) -> Body:
        """Return an answer that is not streamed."""
        if asked.chat:
            choice: Body = {"index": 0, "message": {"role": "assistant", "content": text}}
        else:
            choice = {"index": 0, "text": text}
        choice |= {"logprobs": None, "finish_reason": left.finish}
        return {**self.frame(asked, "chat.completion" if asked.chat else "text_completion"), "choices": [choice]} | {
            "usage": self.usage(asked, left)
        }

    def frame(self, asked: Asked, kind: str) -> Body:
        """Return what every body begins with."""
        return {"id": asked.id, "object": kind, "created": asked.created, "model": asked.model}

    def opening(self, asked: Asked) -> Body | None:
        """Return the first event of a stream."""
        if not asked.chat:
            return None
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        return {**self.frame(asked, "chat.completion.chunk"), "choices": [choice]}

    def chunk(self, asked: Asked, text: str, finish: str | None = None) -> Body:
        """Return the event of one token."""
        choice: Body = {"index": 0}
        choice |= {"delta": {"content": text}} if asked.chat else {"text": text}
        choice |= {"logprobs": None, "finish_reason": finish}
        kind = "chat.completion.chunk" if asked.chat else "text_completion"
        return {**self.frame(asked, kind), "choices": [choice]}

    def closing(self, asked: Asked, text: str, left: Left) -> list[Body]:
        """Return the last events of a stream: the last token with the reason, and the usage where it is wanted."""
        last = [self.chunk(asked, text, left.finish)]
        if asked.wants_usage:
            kind = "chat.completion.chunk" if asked.chat else "text_completion"
            last.append({**self.frame(asked, kind), "choices": [], "usage": self.usage(asked, left)})
        return last
