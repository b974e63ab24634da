"""vLLM's HTTP server (FastAPI on uvicorn)."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar
from zlib import crc32

from aiohttp import web

from inferdeck.simulate.servers.engines.openai_api import Asked, Body, OpenAiApi, RefusedError, prompt_of
from inferdeck.simulate.servers.engines.text import pieces, tokens_of, vector
from inferdeck.simulate.servers.engines.vllm.http_families import UNCOUNTED

if TYPE_CHECKING:
    from inferdeck.simulate.events import Left
    from inferdeck.simulate.servers.engines.vllm.program import Vllm

BYTES_PER_TOKEN_AT_MOST = 5
EMBEDDING_SIZE = 64
EXPOSITION = "text/plain; version=1.0.0; charset=utf-8"


def routes(program: Vllm) -> Sequence[web.AbstractRouteDef]:
    """Return vLLM's routes."""
    api = VllmApi(program)
    posts = {
        "/v1/chat/completions": api.answer,
        "/v1/completions": api.answer,
        "/v1/embeddings": api.embeddings,
        "/tokenize": api.tokenize,
    }
    gets = {
        "/metrics": api.metrics,
        "/health": api.health,
        "/ping": api.health,
        "/version": api.version,
        "/load": api.load,
        "/v1/models": api.models,
    }
    found = [program.route("GET", path, api.counted(path, answer)) for path, answer in gets.items()]
    found += [program.route("POST", path, api.counted(path, answer)) for path, answer in posts.items()]
    return [*found, program.route("*", "/{path:.*}", api.counted("none", api.unknown))]


class VllmApi(OpenAiApi):
    """Answers as vLLM of the program's version does."""

    headers: ClassVar[Mapping[str, str]] = {"Server": "uvicorn", "Vary": "Origin"}

    def __init__(self, program: Vllm) -> None:
        super().__init__(program)
        self.vllm = program

    @property
    def mark(self) -> str:
        """The system fingerprint."""
        return f"vllm-{self.vllm.version}-{crc32(self.vllm.engine.model.name.encode()):08x}"

    def counted(
        self, handler: str, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Count an answer, unless its request went into the batch: then its events do."""

        async def respond(request: web.Request) -> web.StreamResponse:
            begun = time.perf_counter()
            response = await answer(request)
            generated = response.status == 200 and handler in ("/v1/chat/completions", "/v1/completions")
            if handler not in UNCOUNTED and not generated and response.status != 500:
                now = self.vllm.clock(self.vllm.world.present())
                status, sent = f"{response.status // 100}xx", response.content_length or 0
                received = request.content_length or 0
                seconds = time.perf_counter() - begun
                self.vllm.http.count(handler, request.method, status, seconds, received, sent, now)
            return response

        return respond

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        self.vllm.refresh(self.vllm.world.present())
        text = self.vllm.tables[0].text()
        return web.Response(body=text.encode(), headers={**self.headers, "Content-Type": EXPOSITION})

    async def health(self, request: web.Request) -> web.Response:
        """GET /health and /ping: an empty 200."""
        return web.Response(headers=dict(self.headers))

    async def version(self, request: web.Request) -> web.Response:
        """GET /version."""
        return self.response({"version": self.vllm.version})

    async def load(self, request: web.Request) -> web.Response:
        """GET /load: 0, as without --enable-server-load-tracking."""
        return self.response({"server_load": 0})

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models; `created` is now."""
        model, now = self.vllm.engine.model, int(self.vllm.clock(self.vllm.world.present()))
        permission = {
            "id": f"modelperm-{crc32(f'{model.name}:{now}'.encode()):016x}",
            "object": "model_permission",
            "created": now,
            "allow_create_engine": False,
            "allow_sampling": True,
            "allow_logprobs": True,
            "allow_search_indices": False,
            "allow_view": True,
            "allow_fine_tuning": False,
            "organization": "*",
            "group": None,
            "is_blocking": False,
        }
        card = {"id": model.name, "object": "model", "created": now, "owned_by": "vllm"}
        card |= {"root": model.repository or model.name, "parent": None, "max_model_len": model.context}
        return self.response({"object": "list", "data": [{**card, "permission": [permission]}]})

    async def tokenize(self, request: web.Request) -> web.StreamResponse:
        """POST /tokenize."""
        try:
            body = await self.read_json(request)
        except RefusedError as refused:
            return self.response(refused.body, refused.status)
        tokens = list(pieces(prompt_of(body)[0]))
        context = self.vllm.engine.model.context
        return self.response({"count": len(tokens), "max_model_len": context, "tokens": tokens, "token_strs": None})

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/embeddings: only a model for embeddings has it."""
        if self.vllm.engine.model.mode != "embedding":
            return await self.unknown(request)
        try:
            body = await self.read_json(request)
            self.served(body)
        except RefusedError as refused:
            return self.response(refused.body, refused.status)
        given = body.get("input", "")
        texts = [str(text) for text in given] if isinstance(given, list) else [str(given)]
        data = [
            {"index": place, "object": "embedding", "embedding": vector(text, EMBEDDING_SIZE)}
            for place, text in enumerate(texts)
        ]
        tokens = sum(map(tokens_of, texts))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0, "prompt_tokens_details": None}
        name = self.vllm.engine.model.name
        return self.response({"object": "list", "model": name, "data": data, "usage": usage})

    async def unknown(self, request: web.Request) -> web.Response:
        """Answer a path that is none."""
        return self.response({"detail": "Not Found"}, 404)

    def error(self, status: int, message: str, kind: str, param: str | None = None) -> Body:
        """Return the body of an error; before 0.10 it was flat."""
        if self.vllm.names.newer:
            return super().error(status, message, kind, param)
        return {"object": "error", "message": message, "type": kind, "param": param, "code": status}

    def served(self, body: Body) -> str:
        """Return the model, or refuse another one's name."""
        name = self.vllm.engine.model.name
        asked = body.get("model")
        if asked in (None, "", name):
            return name
        aliases = f" Valid aliases: {name}." if self.vllm.names.newer else ""
        message = f"The model `{asked}` does not exist.{aliases}"
        raise RefusedError(404, self.error(404, message, "NotFoundError", "model" if self.vllm.names.newer else None))

    def check_length(self, text: str, tokens: int, most: int) -> None:
        """Refuse a prompt that does not fit into the context."""
        context = self.vllm.engine.model.context
        begin = f"This model's maximum context length is {context} tokens. However, "
        bound = context * BYTES_PER_TOKEN_AT_MOST
        if len(text) > bound:
            message = (
                f"{begin}your prompt contains {len(text)} characters (more than {bound} characters, which is the upper "
                f"bound for {context} input tokens). Please reduce the length of the input prompt. "
                f"(parameter=input_text, value={len(text)})"
            )
            raise RefusedError(400, self.error(400, message, "BadRequestError", "input_text"))
        if tokens + most > context:
            message = (
                f"{begin}you requested {most} output tokens and your prompt contains at least {tokens} input tokens, "
                f"for a total of at least {tokens + most} tokens. Please reduce the length of the input prompt or the "
                f"number of requested output tokens. (parameter=input_tokens, value={tokens})"
            )
            raise RefusedError(400, self.error(400, message, "BadRequestError", "input_tokens"))

    def no_json(self, error: json.JSONDecodeError) -> RefusedError:
        """Return FastAPI's validation error in vLLM's frame."""
        place = f"body.{error.pos}"
        detail = (
            f"{{'type': 'json_invalid', 'loc': '{place}', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', "
            f"'ctx': {{'error': {error.msg!r}}}}}"
        )
        return RefusedError(400, self.error(400, f"1 validation error:\n  {detail}", "Bad Request", place))

    def usage(self, asked: Asked, left: Left) -> Body:
        """Return the tokens; details are null, as without --enable-prompt-tokens-details."""
        return {**super().usage(asked, left), "prompt_tokens_details": None, "completion_tokens_details": None}

    def whole(self, asked: Asked, text: str, left: Left) -> Body:
        """Return an answer with every field that vLLM prints."""
        end = {"logprobs": None, "finish_reason": left.finish, "stop_reason": None}
        usage = self.usage(asked, left)
        if not self.vllm.names.newer:
            usage.pop("completion_tokens_details")
            if asked.chat:
                message: Body = {"role": "assistant", "reasoning_content": None, "content": text, "tool_calls": []}
                frame = self.frame(asked, "chat.completion")
                return {**frame, "choices": [{"index": 0, "message": message, **end}], "usage": usage} | {
                    "prompt_logprobs": None
                }
            choice: Body = {"index": 0, "text": text, **end, "prompt_logprobs": None}
            return {**self.frame(asked, "text_completion"), "choices": [choice], "usage": usage}
        nothing = dict.fromkeys(("kv_transfer_params", "ec_transfer_params", "metrics"))
        frame = {"service_tier": None, "system_fingerprint": self.mark, "usage": usage}
        if asked.chat:
            extras = dict.fromkeys(("refusal", "annotations", "audio", "function_call", "reasoning"))
            message = {"role": "assistant", "content": text, **extras}
            choice = {"index": 0, "message": message, **end, "token_ids": None, "routed_experts": None}
            nothing = {**dict.fromkeys(("prompt_logprobs", "prompt_token_ids", "prompt_text")), **nothing}
            return {**self.frame(asked, "chat.completion"), "choices": [choice], **frame, **nothing}
        more = dict.fromkeys(("token_ids", "prompt_logprobs", "prompt_token_ids", "routed_experts"))
        choice = {"index": 0, "text": text, **end, **more}
        return {**self.frame(asked, "text_completion"), "choices": [choice], **frame, **nothing}

    def opening(self, asked: Asked) -> Body | None:
        """Return the first event of a stream."""
        body = super().opening(asked)
        if body is not None and self.vllm.names.newer:
            body |= {"prompt_token_ids": None, "prompt_text": None}
        return body

    def chunk(self, asked: Asked, text: str, finish: str | None = None) -> Body:
        """Return the event of one token."""
        body = super().chunk(asked, text, finish)
        choice = body["choices"][0]
        if finish is not None or not asked.chat:
            choice["stop_reason"] = None
        if self.vllm.names.newer:
            choice["token_ids"] = None
        return body

    def closing(self, asked: Asked, text: str, left: Left) -> list[Body]:
        """Return the last token with its reason, and the usage where it is wanted."""
        bodies = super().closing(asked, text, left)
        if len(bodies) > 1:
            usage = bodies[1]["usage"]
            bodies[1]["usage"] = {name: usage[name] for name in ("prompt_tokens", "total_tokens", "completion_tokens")}
            if self.vllm.names.newer:
                bodies[1]["system_fingerprint"] = self.mark
        return bodies
