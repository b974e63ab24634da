"""Ollama: no metrics, its own API with durations in nanoseconds, a model that loads on demand and expires.

Unverified: no capture holds it; shapes as its Go types and the official client have them. Each Ollama of a fleet knows
one model, and its keep-alive is the engine's: what a request says of `keep_alive` is read and has no effect, pulling
and deleting are refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from collections.abc import Sequence as Many
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import web

from inferdeck.simulate.engine import WORKING
from inferdeck.simulate.events import Left
from inferdeck.simulate.servers.engines.openai_api import Asked, Body, OpenAiApi, RefusedError, content
from inferdeck.simulate.servers.engines.program import EngineProgram
from inferdeck.simulate.servers.engines.state import Sequence
from inferdeck.simulate.servers.engines.text import vector, words
from inferdeck.simulate.table import Table

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet
    from inferdeck.simulate.servers.program import World

FOREVER_SECONDS = 9_223_372_036.0
"""What a keep-alive of -1 adds to now: the longest duration that Go knows."""
NEVER = "0001-01-01T00:00:00Z"
EMBEDDING_SIZE = 64
GENERATION_TYPE = "application/x-ndjson"


def build(engine: Engine, fleet: Fleet, world: World) -> Ollama:
    """Return an Ollama."""
    return Ollama(engine, fleet, world)


class Ollama(EngineProgram):
    """One Ollama with one model."""

    port = 11_434

    def __init__(self, engine: Engine, fleet: Fleet, world: World) -> None:
        self.last_use = 0.0
        super().__init__(engine, fleet, world)

    @property
    def name(self) -> str:
        """The model with its tag."""
        name = self.engine.model.name
        return name if ":" in name else f"{name}:latest"

    def routes(self) -> Many[web.AbstractRouteDef]:
        """Return its routes."""
        api, openai = OllamaApi(self), OpenAiOfOllama(self)
        gets = {
            "/": api.root,
            "/api/version": api.version,
            "/api/tags": api.tags,
            "/api/ps": api.ps,
            "/api/status": api.status,
            "/v1/models": api.models,
        }
        posts = {
            "/api/show": api.show,
            "/api/generate": api.generate,
            "/api/chat": api.generate,
            "/api/embed": api.embed,
            "/api/embeddings": api.embed,
            "/v1/chat/completions": openai.when_loaded,
            "/v1/completions": openai.when_loaded,
        }
        # A GET route of aiohttp answers HEAD as well.
        found = [self.route("GET", path, answer) for path, answer in gets.items()]
        found += [self.route("POST", path, answer) for path, answer in posts.items()]
        return [*found, self.route("*", "/{path:.*}", api.unknown)]

    def _table(self, now: float) -> Table:
        return Table()

    def _on_left(self, event: Left, sequence: Sequence) -> None:
        self.last_use = event.time

    async def until_loaded(self) -> None:
        """Wait until the model can answer: a request makes it load."""
        if self.up and not self.loaded:
            self.world.wake_engine(self.engine.name)
        while self.up and not self.loaded:
            await asyncio.sleep(0.02)
            self.world.present()

    def stamp(self, now: float) -> str:
        """Return a moment as Go prints it, by its host's clock."""
        moment = self.clock(now)
        return f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%dT%H:%M:%S}.{int(moment % 1 * 1e9):09d}Z"

    def expires(self, now: float) -> str:
        """Return when the model will leave memory; the zero time while it is loading."""
        if self.ready is None or self.phase != "ready":
            return NEVER
        if self.engine.sleep_after_seconds is None:
            return self.stamp(now + FOREVER_SECONDS)
        since = now if self.batch.sequences else max(self.ready, self.last_use)
        return self.stamp(since + self.engine.sleep_after_seconds)

    def facts(self) -> Body:
        """Return what every list says of the model."""
        return {"name": self.name, "model": self.name}

    @property
    def digest(self) -> str:
        """The model's digest."""
        return sha256(f"{self.name}:{self.engine.model.weights_bytes}".encode()).hexdigest()

    @property
    def family(self) -> str:
        """The architecture, from the model's name."""
        return self.name.partition(":")[0].rpartition("/")[2].partition("-")[0].replace(".", "")

    def details(self) -> Body:
        """Return the model's details."""
        model = self.engine.model
        return {
            "parent_model": "",
            "format": "gguf",
            "family": self.family,
            "families": [self.family],
            "parameter_size": f"{model.parameters / 1e9:.1f}B",
            "quantization_level": model.quantization or "F16",
        }


class OllamaApi:
    """Ollama's own API (gin)."""

    def __init__(self, program: Ollama) -> None:
        self.ollama = program
        self._reader = OpenAiOfOllama(program)

    async def root(self, request: web.Request) -> web.Response:
        """GET /."""
        return web.Response(text="Ollama is running")

    async def version(self, request: web.Request) -> web.Response:
        """GET /api/version."""
        return _json({"version": self.ollama.version})

    async def status(self, request: web.Request) -> web.Response:
        """GET /api/status."""
        return _json({"cloud": {"disabled": True, "source": "config"}})

    async def tags(self, request: web.Request) -> web.Response:
        """GET /api/tags: what is on the disk."""
        ollama = self.ollama
        model = {**ollama.facts(), "modified_at": self._installed, "size": int(ollama.engine.model.weights_bytes)}
        return _json({"models": [{**model, "digest": ollama.digest, "details": ollama.details()}]})

    @property
    def _installed(self) -> str:
        return self.ollama.stamp(self.ollama.started)

    async def ps(self, request: web.Request) -> web.Response:
        """GET /api/ps: what is in memory, or on its way there."""
        ollama, now = self.ollama, self.ollama.world.present()
        if ollama.sleeping or not ollama.phase:
            return _json({"models": []})
        size = int(ollama.engine.model.weights_bytes * WORKING)
        model = {**ollama.facts(), "size": size, "digest": ollama.digest, "details": ollama.details()}
        model |= {"expires_at": ollama.expires(now), "size_vram": size if ollama.engine.gpus else 0}
        return _json({"models": [{**model, "context_length": ollama.engine.model.context}]})

    async def show(self, request: web.Request) -> web.Response:
        """POST /api/show."""
        try:
            body = await self._reader.read_json(request)
            self._reader.served(body)
        except RefusedError as refused:
            return _json(refused.body, refused.status)
        ollama = self.ollama
        model, family = ollama.engine.model, ollama.family
        kind = "embedding" if model.mode == "embedding" else "completion"
        info = {
            "general.architecture": family,
            "general.parameter_count": int(model.parameters),
            "general.quantization_version": 2,
            f"{family}.context_length": model.context,
            f"{family}.embedding_length": 4096,
        }
        answer = {
            "license": model.licence,
            "modelfile": f"FROM {ollama.name}",
            "parameters": "",
            "template": "{{ .Prompt }}",
        }
        details = {"details": ollama.details(), "model_info": info, "capabilities": [kind]}
        return _json({**answer, **details, "modified_at": self._installed})

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        created = int(self.ollama.clock(self.ollama.started))
        card = {"id": self.ollama.name, "object": "model", "created": created, "owned_by": "library"}
        return _json({"object": "list", "data": [card]})

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """POST /api/generate and /api/chat; streamed unless `stream` is false."""
        try:
            body = await self._reader.read_json(request)
            asked = self._read(body, request.path)
        except RefusedError as refused:
            return _json(refused.body, refused.status)
        await self.ollama.until_loaded()
        if not body.get("prompt") and not body.get("messages"):
            self.ollama.world.wake_engine(self.ollama.engine.name)
            return _json({**self._part(asked, ""), "done": True, "done_reason": "load"})
        pending = self._reader.ask(asked)
        if asked.stream:
            return await self._stream(request, asked, pending)
        left = await self.ollama.ended(pending)
        if left is None or left.finish not in ("stop", "length"):
            return _json({"error": "llama runner process has terminated"}, 500)
        return _json({**self._part(asked, words(asked.prompt, 0, left.output_tokens)), **self._end(left)})

    async def _stream(self, request: web.Request, asked: Asked, pending: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": GENERATION_TYPE})
        with pending, contextlib.suppress(ConnectionResetError, BrokenPipeError):
            await response.prepare(request)
            sent = 0
            async for count in self.ollama.progress(pending):
                for place in range(sent, count):
                    await _line(response, {**self._part(asked, words(asked.prompt, place, place + 1)), "done": False})
                sent = count
            left = await self.ollama.ended(pending)
            if left is None or left.finish not in ("stop", "length"):
                await _line(response, {"error": "llama runner process has terminated"})
            else:
                for place in range(sent, left.output_tokens):
                    await _line(response, {**self._part(asked, words(asked.prompt, place, place + 1)), "done": False})
                await _line(response, {**self._part(asked, ""), **self._end(left)})
            await response.write_eof()
        return response

    async def embed(self, request: web.Request) -> web.Response:
        """POST /api/embed, and /api/embeddings with one prompt."""
        try:
            body = await self._reader.read_json(request)
            asked = self._read(body, request.path)
        except RefusedError as refused:
            return _json(refused.body, refused.status)
        await self.ollama.until_loaded()
        left = await self.ollama.ended(self._reader.ask(asked))
        if left is None or left.finish == "error":
            return _json({"error": "llama runner process has terminated"}, 500)
        if request.path == "/api/embeddings":
            return _json({"embedding": vector(asked.text, EMBEDDING_SIZE)})
        given = body.get("input", "")
        texts = [str(text) for text in given] if isinstance(given, list) else [str(given)]
        answer: Body = {"model": asked.model, "embeddings": [vector(text, EMBEDDING_SIZE) for text in texts]}
        end = self._end(left)
        return _json(answer | {name: end[name] for name in ("total_duration", "load_duration", "prompt_eval_count")})

    async def unknown(self, request: web.Request) -> web.Response:
        """Answer a path that is none."""
        return web.Response(status=404, text="404 page not found")

    def _read(self, body: Body, route: str) -> Asked:
        options = body.get("options")
        most = options.get("num_predict") if isinstance(options, dict) else None
        stream = body.get("stream")
        system = content(body.get("system")) if body.get("system") else ""
        taken = {**body, "stream": True if stream is None else bool(stream), "max_tokens": most}
        if system and "prompt" in body:
            taken["prompt"] = f"{system}\n{body['prompt']}"
        return self._reader.read(taken, route)

    def _part(self, asked: Asked, text: str) -> Body:
        body: Body = {"model": asked.model, "created_at": self.ollama.stamp(self.ollama.world.present())}
        if asked.route == "/api/chat":
            return body | {"message": {"role": "assistant", "content": text}}
        return body | {"response": text}

    def _end(self, left: Left) -> Body:
        ready = self.ollama.ready or 0.0
        return {
            "done": True,
            "done_reason": left.finish,
            "total_duration": _nanoseconds(left.time - left.queued),
            "load_duration": _nanoseconds(max(0.0, ready - left.queued)),
            "prompt_eval_count": left.prompt_tokens,
            "prompt_eval_duration": _nanoseconds(left.prefill_seconds),
            "eval_count": left.output_tokens,
            "eval_duration": _nanoseconds(left.decode_seconds),
        }


class OpenAiOfOllama(OpenAiApi):
    """Ollama's OpenAI-compatible part."""

    stream_headers: ClassVar[Mapping[str, str]] = {"Content-Type": "text/event-stream"}

    def __init__(self, program: Ollama) -> None:
        super().__init__(program)
        self.ollama = program

    async def when_loaded(self, request: web.Request) -> web.StreamResponse:
        """Answer once the model is loaded."""
        await self.ollama.until_loaded()
        return await self.answer(request)

    def identity(self, code: int) -> str:
        """Return an id as short as Ollama's."""
        return str(code % 1000)

    def served(self, body: Body) -> str:
        """Return the model; Ollama names one that it does not have."""
        asked = str(body.get("model") or body.get("name") or "")
        if asked and self.ollama.name not in (asked, f"{asked}:latest"):
            message = f"model '{asked}' not found"
            if "messages" in body and body.get("stream_options") is not None:
                raise RefusedError(404, self.error(404, message, "api_error"))
            raise RefusedError(404, {"error": message})
        return asked or self.ollama.name

    def error(self, status: int, message: str, kind: str, param: str | None = None) -> Body:
        """Return the body of an error."""
        return {"error": {"message": message, "type": kind, "param": param, "code": None}}

    def frame(self, asked: Asked, kind: str) -> Body:
        """Return what every body begins with."""
        return {**super().frame(asked, kind), "system_fingerprint": "fp_ollama"}


def _json(body: Any, status: int = 200) -> web.Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json", charset="utf-8")


async def _line(response: web.StreamResponse, body: Body) -> None:
    await response.write(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
