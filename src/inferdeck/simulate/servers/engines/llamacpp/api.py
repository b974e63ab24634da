"""llama.cpp's HTTP server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, ClassVar
from zlib import crc32

from aiohttp import web

from inferdeck.simulate.servers.engines.llamacpp.settings import PARAMS, PROPERTIES
from inferdeck.simulate.servers.engines.openai_api import Asked, Body, OpenAiApi, RefusedError
from inferdeck.simulate.servers.engines.text import pieces, vector

if TYPE_CHECKING:
    from inferdeck.simulate.events import Left
    from inferdeck.simulate.servers.engines.llamacpp.program import LlamaCpp

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
EMBEDDING_SIZE = 64
VOCABULARY = 151_936


class LlamaApi(OpenAiApi):
    """Answers as llama-server does."""

    headers: ClassVar[Mapping[str, str]] = {"Server": "llama.cpp", "Access-Control-Allow-Origin": ""}
    stream_headers: ClassVar[Mapping[str, str]] = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    id_prefixes: ClassVar[tuple[str, str]] = ("chatcmpl-", "chatcmpl-")

    def __init__(self, program: LlamaCpp) -> None:
        super().__init__(program)
        self.llama = program

    def loaded(self, answer: Answer) -> Answer:
        """Answer 503 on every path until the model is loaded."""

        async def respond(request: web.Request) -> web.StreamResponse:
            if not self.llama.loaded:
                return self.error_response(503, "Loading model", "unavailable_error")
            return await answer(request)

        return respond

    def error(self, status: int, message: str, kind: str, param: str | None = None) -> Body:
        """Return the body of an error."""
        return {"error": {"code": status, "message": message, "type": kind}}

    def error_response(self, status: int, message: str, kind: str) -> web.Response:
        """Return an error of the server itself, whose code stands last."""
        return self.response({"error": {"message": message, "type": kind, "code": status}}, status)

    def response(self, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
        """Return a JSON answer."""
        response = super().response(body, status, headers)
        response.charset = "utf-8"
        return response

    async def health(self, request: web.Request) -> web.Response:
        """GET /health."""
        return self.response({"status": "ok"})

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics, which sets the averages back."""
        llama = self.llama
        llama.refresh(llama.world.present())
        lines = []
        for family in llama.tables[0].families:
            lines.append(f"# HELP {family.name} {family.text_}\n# TYPE {family.name} {family.kind}\n")
            lines.append(f"{family.name} {_number(family.get())}\n")
        llama.forget()
        start = str(int(llama.started * 1e6) % 2**32)
        headers = {**self.headers, "Process-Start-Time-Unix": start, "Content-Type": "text/plain; version=0.0.4"}
        return web.Response(body="".join(lines).encode(), headers=headers)

    async def slots(self, request: web.Request) -> web.Response:
        """GET /slots, which wakes a model that sleeps."""
        llama = self.llama
        llama.world.wake_engine(llama.engine.name)
        llama.batch.settle(llama.world.present())
        bodies = llama.slot_bodies()
        if request.query.get("fail_on_no_slot") and all(body["is_processing"] for body in bodies):
            return self.response(self.error(503, "no slot available", "unavailable_error"), 503)
        return self.response(bodies)

    async def props(self, request: web.Request) -> web.Response:
        """GET /props; does not wake the model."""
        llama = self.llama
        model = llama.engine.model
        mark = crc32(f"{llama.process}:{llama.started}".encode())
        body: Body = {"default_generation_settings": {"params": PARAMS, "n_ctx": model.context}}
        body |= {"total_slots": llama.engine.max_sequences, "model_alias": model.name, "model_ftype": self.ftype}
        body |= {
            "model_path": self.path,
            "modalities": PROPERTIES["modalities"],
            "media_marker": f"<__media_{mark:08x}__>",
        }
        body |= {name: value for name, value in PROPERTIES.items() if name != "modalities"}
        body |= {"build_info": llama.build_info, "is_sleeping": llama.sleeping, "cors_proxy_enabled": False}
        return self.response(body)

    @property
    def ftype(self) -> str:
        """The quantization in llama.cpp's words, such as Q4_K - Medium."""
        quantization = self.llama.engine.model.quantization
        sizes = {"S": "Small", "M": "Medium", "L": "Large"}
        base, _, size = quantization.rpartition("_")
        return f"{base} - {sizes[size]}" if size in sizes else quantization or "BF16"

    @property
    def path(self) -> str:
        """Where its file lies."""
        model = self.llama.engine.model
        return f"/models/{model.name}{'-' + model.quantization if model.quantization else ''}.gguf"

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models: OpenAI's list, and one in Ollama's manner."""
        model, now = self.llama.engine.model, int(self.llama.clock(self.llama.world.present()))
        details: Body = {"parent_model": "", "format": "gguf", "family": "", "families": [""]}
        details |= {"parameter_size": "", "quantization_level": ""}
        like_ollama: Body = {"name": model.name, "model": model.name, "modified_at": "", "size": "", "digest": ""}
        like_ollama |= {"type": "model", "description": "", "tags": [""], "capabilities": ["completion"]}
        meta = {"vocab_type": 2, "n_vocab": VOCABULARY, "n_ctx": model.context, "n_ctx_train": model.context}
        meta |= {"n_embd": 4096, "n_params": int(model.parameters), "size": int(model.weights_bytes)}
        card: Body = {"id": model.name, "aliases": [model.name], "tags": [], "object": "model"}
        card["architecture"] = {"input_modalities": ["text"], "output_modalities": ["text"]}
        card |= {"created": now, "owned_by": "llamacpp", "meta": {**meta, "ftype": self.ftype}}
        models = [{**like_ollama, "parameters": "", "details": details}]
        return self.response({"models": models, "object": "list", "data": [card]})

    async def adapters(self, request: web.Request) -> web.Response:
        """GET /lora-adapters: none."""
        return self.response([])

    async def tokenize(self, request: web.Request) -> web.Response:
        """POST /tokenize."""
        try:
            body = await self.read_json(request)
        except RefusedError as refused:
            return self.response(refused.body, refused.status)
        return self.response({"tokens": list(pieces(str(body.get("content", ""))))})

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/embeddings: only a server started for them has it."""
        if self.llama.engine.model.mode != "embedding":
            text = "This server does not support embeddings. Start it with `--embeddings`"
            return self.response(self.error(501, text, "not_supported_error"), 501)
        try:
            asked = self.read(await self.read_json(request), "/v1/embeddings")
        except RefusedError as refused:
            return self.response(refused.body, refused.status)
        left = await self.llama.ended(self.ask(asked))
        if left is None or left.finish == "error":
            return self.failed(left)
        given = asked.body.get("input", "")
        texts = [str(text) for text in given] if isinstance(given, list) else [str(given)]
        data = [
            {"embedding": vector(text, EMBEDDING_SIZE), "index": place, "object": "embedding"}
            for place, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": asked.prompt_tokens, "total_tokens": asked.prompt_tokens}
        return self.response({"model": asked.model, "object": "list", "usage": usage, "data": data})

    async def rerank(self, request: web.Request) -> web.Response:
        """POST /v1/rerank: not here."""
        text = "This server does not support reranking. Start it with `--reranking`"
        return self.response(self.error(501, text, "not_supported_error"), 501)

    async def unknown(self, request: web.Request) -> web.Response:
        """Answer a path that is none."""
        return self.error_response(404, "File Not Found", "not_found_error")

    def check_length(self, text: str, tokens: int, most: int) -> None:
        """Refuse a prompt that does not fit into the context."""
        context = self.llama.engine.model.context
        if tokens >= context:
            text = f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
            body = self.error(400, text, "exceed_context_size_error")
            body["error"] |= {"n_prompt_tokens": tokens, "n_ctx": context}
            raise RefusedError(400, body)

    def no_json(self, error: JSONDecodeError) -> RefusedError:
        """Return what nlohmann's parser says, in its frame."""
        before = error.doc[: error.pos]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        text = (
            f"[json.exception.parse_error.101] parse error at line {line}, column {column}: syntax error while parsing "
            f"value - {error.msg}"
        )
        if error.msg == "Expecting ':' delimiter":
            what = "unexpected end of input; expected ':'"
            text = (
                f"[json.exception.parse_error.101] parse error at line {line}, column {column}: syntax error while "
                f"parsing object separator - {what}"
            )
        return RefusedError(400, self.error(400, text, "invalid_request_error"))

    def failed(self, left: Left | None) -> web.Response:
        """Return what is said where the engine could not answer."""
        return self.response(self.error(500, "Failed to decode", "server_error"), 500)

    def timings(self, left: Left) -> Body:
        """Return how long it took."""
        computed = left.prompt_tokens - left.cached_tokens
        return {
            "cache_n": left.cached_tokens,
            **_timing("prompt", computed, left.prefill_seconds),
            **_timing("predicted", left.output_tokens, left.decode_seconds),
        }

    def usage(self, asked: Asked, left: Left) -> Body:
        """Return the tokens, with those from the cache."""
        return {
            "completion_tokens": left.output_tokens,
            "prompt_tokens": left.prompt_tokens,
            "total_tokens": left.prompt_tokens + left.output_tokens,
            "prompt_tokens_details": {"cached_tokens": left.cached_tokens},
        }

    def whole(self, asked: Asked, text: str, left: Left) -> Body:
        """Return an answer that is not streamed."""
        if asked.chat:
            choice: Body = {"finish_reason": left.finish, "index": 0, "message": {"role": "assistant", "content": text}}
        else:
            choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": left.finish}
        tail = {"usage": self.usage(asked, left), "id": asked.id, "timings": self.timings(left)}
        return {"choices": [choice], **self._frame(asked, "chat.completion"), **tail}

    def _frame(self, asked: Asked, kind: str) -> Body:
        kind = kind if asked.chat else "text_completion"
        frame = {"created": asked.created, "model": asked.model, "system_fingerprint": self.llama.build_info}
        return {**frame, "object": kind}

    def _event(self, asked: Asked, choices: list[Body]) -> Body:
        frame = self._frame(asked, "chat.completion.chunk")
        return {"choices": choices, "created": frame.pop("created"), "id": asked.id, **frame}

    def opening(self, asked: Asked) -> Body | None:
        """Return the first event of a stream."""
        if not asked.chat:
            return None
        return self._event(
            asked, [{"finish_reason": None, "index": 0, "delta": {"role": "assistant", "content": None}}]
        )

    def chunk(self, asked: Asked, text: str, finish: str | None = None) -> Body:
        """Return the event of one token."""
        if asked.chat:
            return self._event(asked, [{"finish_reason": finish, "index": 0, "delta": {"content": text}}])
        return self._event(asked, [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}])

    def closing(self, asked: Asked, text: str, left: Left) -> list[Body]:
        """Return the last token, the reason, and the usage with the timings."""
        end: Body = {"finish_reason": left.finish, "index": 0, "delta": {}}
        if not asked.chat:
            end = {"text": "", "index": 0, "logprobs": None, "finish_reason": left.finish}
        bodies = [self.chunk(asked, text)] if text else []
        bodies.append(self._event(asked, [end]))
        if asked.wants_usage:
            bodies.append({**self._event(asked, []), "usage": self.usage(asked, left), "timings": self.timings(left)})
        else:
            bodies[-1]["timings"] = self.timings(left)
        return bodies


def _timing(name: str, tokens: int, seconds: float) -> Body:
    milliseconds = seconds * 1e3
    return {
        f"{name}_n": tokens,
        f"{name}_ms": milliseconds,
        f"{name}_per_token_ms": milliseconds / tokens if tokens else 0.0,
        f"{name}_per_second": tokens / seconds if seconds else 0.0,
    }


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6g}"
