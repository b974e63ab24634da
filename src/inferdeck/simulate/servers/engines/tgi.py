"""Hugging Face's Text Generation Inference. Unverified: no capture holds it.

Names, types, buckets and help as read off the router's source; its exporter writes no unit and no `_created`. The real
one shows a histogram when it is first touched, this one from the start.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from collections.abc import Sequence as Many
from itertools import accumulate, repeat
from json import JSONDecodeError
from operator import mul
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web

from inferdeck.simulate.events import FirstToken, Left, Queued
from inferdeck.simulate.servers.engines.openai_api import Asked, Body, OpenAiApi, RefusedError
from inferdeck.simulate.servers.engines.program import EngineProgram
from inferdeck.simulate.servers.engines.state import Batch, Sequence
from inferdeck.simulate.servers.engines.tally import Tally
from inferdeck.simulate.servers.engines.text import words
from inferdeck.simulate.table import Table

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet
    from inferdeck.simulate.servers.program import Pending, World

DURATION = tuple(accumulate(repeat(1.5, 35), mul, initial=0.0001))[1:]
"""Multiplied step by step, as the router does, so that the last digits are its."""
BATCH = tuple(float(size) for size in range(1, 1025))
FAILURES = {"abort": "dropped", "error": "generation"}


def build(engine: Engine, fleet: Fleet, world: World) -> Tgi:
    """Return a TGI."""
    return Tgi(engine, fleet, world)


def hundredths(largest: int) -> tuple[float, ...]:
    """Return a hundred bounds up to `largest`."""
    return tuple(largest / 100 * step for step in range(1, 101))


class Tgi(EngineProgram):
    """One TGI router with its shards."""

    port = 8080

    @property
    def listening(self) -> bool:
        """Whether its port is open: only once the model is loaded."""
        return self.loaded

    def routes(self) -> Many[web.AbstractRouteDef]:
        """Return its routes."""
        api = TgiApi(self)
        gets = {"/metrics": api.metrics, "/health": api.health, "/info": api.info, "/v1/models": api.models}
        posts = {"/v1/chat/completions": api.answer, "/v1/completions": api.answer, "/generate": api.generate}
        found = [self.route("GET", path, answer) for path, answer in gets.items()]
        found += [self.route("POST", path, answer) for path, answer in posts.items()]
        found.append(self.route("POST", "/generate_stream", api.generate_stream))
        return [*found, self.route("*", "/{path:.*}", api.unknown)]

    def _batch(self, now: float) -> Batch:
        return Batch(now, self.engine.max_sequences, step=self._step)

    def _step(self, tokens: int, count: int, seconds: float) -> None:
        for family in (self.forward, self.inference):
            family["decode"].observe(seconds / count, count)

    def _table(self, now: float) -> Table:
        table, context = Table(), self.engine.model.context
        self.count = table.counter("tgi_request_count", "Total number of requests")
        self.success = table.counter("tgi_request_success", "Number of successful requests")
        self.failure = table.counter("tgi_request_failure", "Number of failed requests", ("err",))
        self.steps = table.counter(
            "tgi_batch_inference_count", "Inference calls per method (prefill or decode)", ("method",)
        )
        text = "Number of successful inference calls per method (prefill or decode)"
        self.good_steps = table.counter("tgi_batch_inference_success", text, ("method",))
        self.size = table.gauge("tgi_batch_current_size", "Current batch size")
        self.queue_size = table.gauge("tgi_queue_size", "Current queue size")
        self.most_tokens = table.gauge("tgi_batch_current_max_tokens", "Maximum tokens for the current batch")
        for gauge in (self.size, self.queue_size, self.most_tokens):
            gauge.set(0.0)
        self._tallies: list[Tally] = []

        def histogram(name: str, bounds: Many[float], text: str) -> Tally:
            tally = Tally(table, table.histogram(f"tgi_{name}", bounds, text))
            self._tallies.append(tally)
            return tally

        self.whole = histogram("request_duration", DURATION, "Request duration")
        self.validation = histogram("request_validation_duration", DURATION, "Request validation duration")
        self.queue = histogram("request_queue_duration", DURATION, "Request queue duration")
        self.request_inference = histogram("request_inference_duration", DURATION, "Request inference duration")
        text = "Mean time per token per request"
        self.per_token = histogram("request_mean_time_per_token_duration", DURATION, text)
        self.input = histogram("request_input_length", hundredths(context - 1), "Input token length per request")
        self.output = histogram("request_generated_tokens", hundredths(context), "Generated tokens per request")
        self.most = histogram("request_max_new_tokens", hundredths(context), "Maximum new tokens per request")
        self.inference = self._by_method(table, "inference", "Batch inference duration")
        self.forward = self._by_method(table, "forward", "Batch forward duration per method (prefill or decode)")
        self.next_size = histogram("batch_next_size", BATCH, "Batch size")
        return table

    def _by_method(self, table: Table, name: str, text: str) -> dict[str, Tally]:
        family = table.histogram(f"tgi_batch_{name}_duration", DURATION, text, ("method",))
        tallies = {method: Tally(table, family, (method,)) for method in ("prefill", "decode")}
        self._tallies += tallies.values()
        return tallies

    def _gauges(self, now: float) -> None:
        batch = self.batch
        for tally in self._tallies:
            tally.flush()
        self.size.set(float(batch.running))
        self.queue_size.set(float(batch.waiting))
        running = [found for found in batch.sequences.values() if found.slot >= 0]
        self.most_tokens.set(float(sum(found.prompt_tokens + found.max_tokens for found in running)))
        if batch.steps:
            self.steps.set(float(batch.steps), ("decode",))
            self.good_steps.set(float(batch.steps), ("decode",))

    def _queued(self, event: Queued) -> None:
        super()._queued(event)
        self.count.inc()
        self.input.observe(event.prompt_tokens)
        self.most.observe(event.max_tokens)

    def _on_first(self, event: FirstToken, sequence: Sequence) -> None:
        for family in (self.steps, self.good_steps):
            family.inc(("prefill",))
        self.forward["prefill"].observe(event.prefill_seconds)
        self.inference["prefill"].observe(event.prefill_seconds)
        self.next_size.observe(1)

    def _on_left(self, event: Left, sequence: Sequence) -> None:
        failure = FAILURES.get(event.finish)
        if failure is not None:
            self.failure.inc((failure,))
            return
        inference = event.prefill_seconds + event.decode_seconds
        self.success.inc()
        self.whole.observe(event.time - event.queued)
        self.validation.observe(0.0)
        self.queue.observe(max(0.0, event.time - event.queued - inference))
        self.request_inference.observe(inference)
        self.per_token.observe(inference / event.output_tokens if event.output_tokens else 0.0)
        self.output.observe(event.output_tokens)


class TgiApi(OpenAiApi):
    """TGI's HTTP server (axum)."""

    default_most: ClassVar[int | None] = 100
    id_prefixes: ClassVar[tuple[str, str]] = ("", "")
    stream_headers: ClassVar[Mapping[str, str]] = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}

    def __init__(self, program: Tgi) -> None:
        super().__init__(program)
        self.tgi = program

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        self.tgi.refresh(self.tgi.world.present())
        return web.Response(text=self.tgi.tables[0].text(), content_type="text/plain", charset="utf-8")

    async def health(self, request: web.Request) -> web.Response:
        """GET /health: an empty 200."""
        return web.Response()

    async def info(self, request: web.Request) -> web.Response:
        """GET /info."""
        engine, model = self.tgi.engine, self.tgi.engine.model
        body: Body = {
            "model_id": model.repository or model.name,
            "model_sha": None,
            "model_pipeline_tag": "text-generation",
        }
        body |= {"max_concurrent_requests": 128, "max_best_of": 2, "max_stop_sequences": 4}
        body |= {"max_input_tokens": model.context - 1, "max_total_tokens": model.context, "validation_workers": 2}
        body |= {"max_client_batch_size": 4, "router": "text-generation-router", "version": self.tgi.version}
        body |= {"sha": None, "docker_label": None, "max_batch_total_tokens": engine.kv_tokens}
        return self.response(body)

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        model = self.tgi.engine.model
        name = model.repository or model.name
        card = {"id": name, "object": "model", "created": 0, "owned_by": name}
        return self.response({"object": "list", "data": [card]})

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """POST /generate."""
        try:
            asked = self._read_own(await self.read_json(request), "/generate")
        except RefusedError as refused:
            return self.response(refused.body, refused.status)
        left = await self.tgi.ended(self.ask(asked))
        if left is None or left.finish not in ("stop", "length"):
            return self.failed(left)
        details = {"finish_reason": _reason(left), "generated_tokens": left.output_tokens, "seed": None}
        return self.response({"generated_text": words(asked.prompt, 0, left.output_tokens), "details": details})

    async def generate_stream(self, request: web.Request) -> web.StreamResponse:
        """POST /generate_stream."""
        try:
            asked = self._read_own(await self.read_json(request), "/generate_stream")
        except RefusedError as refused:
            return self.response(refused.body, refused.status)
        response = web.StreamResponse(headers=dict(self.stream_headers))
        with self.ask(asked) as pending, contextlib.suppress(ConnectionResetError, BrokenPipeError):
            await response.prepare(request)
            await self._tokens(response, asked, pending)
            await response.write_eof()
        return response

    async def _tokens(self, response: web.StreamResponse, asked: Asked, pending: Pending) -> None:
        sent = 0
        async for count in self.tgi.progress(pending):
            for place in range(sent, count):
                await self._token(response, asked, place, None)
            sent = count
        left = await self.tgi.ended(pending)
        if left is not None and left.finish in ("stop", "length"):
            for place in range(sent, left.output_tokens):
                await self._token(response, asked, place, left if place == left.output_tokens - 1 else None)
            if sent == left.output_tokens:
                await self._token(response, asked, sent, left)

    async def _token(self, response: web.StreamResponse, asked: Asked, place: int, left: Left | None) -> None:
        token = {"id": place, "text": words(asked.prompt, place, place + 1), "logprob": 0.0, "special": False}
        body: Body = {"index": place + 1, "token": token, "generated_text": None, "details": None}
        if left is not None:
            body["generated_text"] = words(asked.prompt, 0, left.output_tokens)
            body["details"] = {"finish_reason": _reason(left), "generated_tokens": left.output_tokens, "seed": None}
        await response.write(f"data:{json.dumps(body, separators=(',', ':'))}\n\n".encode())

    def _read_own(self, body: Body, route: str) -> Asked:
        settings = body.get("parameters") or {}
        return self.read({"prompt": body.get("inputs", ""), "max_tokens": settings.get("max_new_tokens")}, route)

    async def unknown(self, request: web.Request) -> web.Response:
        """Answer a path that is none: an empty 404."""
        return web.Response(status=404)

    def error(self, status: int, message: str, kind: str, param: str | None = None) -> Body:
        """Return the body of an error."""
        return {"error": message, "error_type": kind}

    def no_json(self, error: JSONDecodeError) -> RefusedError:
        """Return what axum says to a body that is no JSON."""
        return RefusedError(
            422, self.error(422, f"Failed to parse the request body as JSON: {error.msg}", "validation")
        )

    def failed(self, left: Left | None) -> web.Response:
        """Return what is said where the engine could not answer."""
        return self.response(self.error(424, "Request failed during generation", "generation"), 424)

    def check_length(self, text: str, tokens: int, most: int) -> None:
        """Refuse a prompt that does not fit into the context."""
        context = self.tgi.engine.model.context
        if tokens + most > context:
            message = (
                f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {context}. "
                f"Given: {tokens} `inputs` tokens and {most} `max_new_tokens`"
            )
            self.tgi.count.inc()
            self.tgi.failure.inc(("validation",))
            raise RefusedError(422, self.error(422, message, "validation"))


def _reason(left: Left) -> str:
    return "length" if left.finish == "length" else "eos_token"
