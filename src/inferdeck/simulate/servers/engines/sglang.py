"""SGLang with --enable-metrics. Unverified: no capture holds it.

Names, types and help of 0.5.23 as read off its sources, labels as documented, buckets from the sources' newest version
(whose label `is_streaming` is left out). Families for what a fleet does not have (speculative decoding, LoRA, host
cache, disaggregation, grammars) are absent. Tokens count when their request ends, as the real one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import web

from inferdeck.simulate.events import Admitted, FirstToken, Left, Phase
from inferdeck.simulate.servers.engines.openai_api import Asked, Body, OpenAiApi, RefusedError
from inferdeck.simulate.servers.engines.process_families import process_families
from inferdeck.simulate.servers.engines.program import EngineProgram
from inferdeck.simulate.servers.engines.state import Batch, Sequence
from inferdeck.simulate.servers.engines.tally import SETTLED, Tally
from inferdeck.simulate.servers.engines.text import words
from inferdeck.simulate.table import Family, Table

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet
    from inferdeck.simulate.servers.program import World

LABELS = ("engine_type", "model_name", "moe_ep_rank", "pp_rank", "tp_rank")
_FIRST = "0.1 0.2 0.4 0.6 0.8 1 2 4 6 8 10 20 40 60 80 100 200 400"
_GAP = "0.002 0.004 0.006 0.008 0.01 0.015 0.02 0.025 0.03 0.035 0.04 0.06 0.08 0.1 0.2 0.4 0.6 0.8 1 2 4 6 8"
_QUEUE = "0 0.001 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2 3 4 5 10 15 20 30 40 50 60 70 80 90 100 200 300 400 500 600 700"
_TOKENS = (
    "100 300 500 700 1000 1500 2000 3000 4000 5000 6000 7000 8000 9000 10000 12500 15000 17500 20000 22500 25000 27500 "
    "30000 35000 40000 60000 80000 100000 200000 300000 400000 600000 800000 1000000 1100000"
)
FIRST, GAP, TOKENS, QUEUE = (tuple(map(float, text.split())) for text in (_FIRST, _GAP, _TOKENS, _QUEUE))
WHOLE = (*FIRST, 600.0, 1200.0, 1800.0, 2400.0)
GIB = 2.0**30
RESIDENT_BYTES, VIRTUAL_BYTES, OPEN_FILES = 900e6, 9e9, 40


def build(engine: Engine, fleet: Fleet, world: World) -> SgLang:
    """Return an SGLang."""
    return SgLang(engine, fleet, world)


class SgLang(EngineProgram):
    """One SGLang server."""

    port = 30_000

    @property
    def listening(self) -> bool:
        """Whether its port is open: only once the model is loaded."""
        return self.loaded

    def routes(self) -> Many[web.AbstractRouteDef]:
        """Return its routes."""
        api = SgLangApi(self)
        gets = {
            "/metrics": api.metrics,
            "/health": api.health,
            "/ready": api.health,
            "/health_generate": api.health_generate,
            "/model_info": api.model_info,
            "/get_model_info": api.model_info,
            "/server_info": api.server_info,
            "/get_server_info": api.server_info,
            "/v1/models": api.models,
            "/v1/loads": api.loads,
        }
        posts = {"/v1/chat/completions": api.answer, "/v1/completions": api.answer, "/generate": api.generate}
        found = [self.route("GET", path, answer) for path, answer in gets.items()]
        found += [self.route("POST", path, answer) for path, answer in posts.items()]
        return [*found, self.route("*", "/{path:.*}", api.unknown)]

    def _batch(self, now: float) -> Batch:
        return Batch(now, self.engine.max_sequences, gap=self._gap)

    def _gap(self, seconds: float, count: int) -> None:
        self.gap.observe(seconds, count)

    def _table(self, now: float) -> Table:
        table = Table()
        self._tallies: list[Tally] = []
        self.key = ("unified", self.engine.model.name, "0", "0", "0")
        self._process = process_families(
            table, self.clock(now), resident=RESIDENT_BYTES, virtual=VIRTUAL_BYTES, files=OPEN_FILES
        )
        self._constants(table)
        self.running = self._gauge(table, "num_running_reqs", "The number of running requests.")
        self.waiting = self._gauge(table, "num_queue_reqs", "The number of requests in the waiting queue.")
        self._gauge(table, "num_grammar_queue_reqs", "The number of requests in the grammar waiting queue.")
        self.throughput = self._gauge(table, "gen_throughput", "The generation throughput (token/s).")
        self.hit_rate = self._gauge(table, "cache_hit_rate", "The prefix cache hit rate.")
        self.lengths = self._gauge(table, "decode_sum_seq_lens", "The sum of all sequence lengths in decode.")
        self.usage = self._gauge(table, "token_usage", "The token usage.")
        self.full_usage = self._gauge(table, "full_token_usage", "The token usage for full attention layers.")
        self.used = self._gauge(table, "num_used_tokens", "The number of used tokens.")
        self.kv_used = self._gauge(table, "kv_used_tokens", "Number of actively used token slots in the KV cache pool.")
        self.kv_free = self._gauge(table, "kv_available_tokens", "Number of free token slots in the KV cache pool.")
        self.retracted = self._gauge(table, "num_retracted_reqs", "The number of retracted requests.")
        self._requests(table)
        return table

    def _constants(self, table: Table) -> None:
        engine, model = self.engine, self.engine.model
        facts = {
            "max_total_num_tokens": ("Maximum total number of tokens in the KV cache pool.", engine.kv_tokens),
            "context_len": ("Maximum context length.", model.context),
            "page_size": ("KV cache page size in tokens.", 1),
            "num_pages": ("Number of KV cache pages.", engine.kv_tokens),
            "weight_memory_usage_gb": ("Memory used by model weights in GB.", model.weights_bytes / GIB),
        }
        for name, (text, value) in facts.items():
            self._gauge(table, name, text).set(float(value), self.key)
        text = "Engine startup duration by phase in seconds."
        self.startup = table.gauge("sglang:startup_time_seconds", text, tuple(sorted((*LABELS, "phase"))))

    def _requests(self, table: Table) -> None:
        self.prompt = self._counter(table, "prompt_tokens_total", "Number of prefill tokens processed.")
        self.generation = self._counter(table, "generation_tokens_total", "Number of generation tokens processed.")
        text = "Number of cached prompt tokens by source (device/host/storage)."
        self.cached = table.counter("sglang:cached_tokens_total", text, ("cache_source", *LABELS))
        self.requests = self._counter(table, "num_requests_total", "Number of requests processed.")
        self.aborted = self._counter(table, "num_aborted_requests_total", "Number of requests aborted.")
        text = "Histogram of prompt token length."
        self.prompt_lengths = self._histogram(table, "prompt_tokens_histogram", TOKENS, text)
        text = "Histogram of uncached (compute) prompt token length."
        self.uncached_lengths = self._histogram(table, "uncached_prompt_tokens_histogram", TOKENS, text)
        text = "Histogram of generation token length."
        self.generation_lengths = self._histogram(table, "generation_tokens_histogram", TOKENS, text)
        text = "Histogram of time to first token in seconds."
        self.first = self._histogram(table, "time_to_first_token_seconds", FIRST, text)
        text = "Histogram of inter-token latency in seconds."
        self.gap = self._histogram(table, "inter_token_latency_seconds", GAP, text, grain=SETTLED)
        text = "Histogram of End-to-end request latency in seconds"
        self.whole = self._histogram(table, "e2e_request_latency_seconds", WHOLE, text)
        self.queue = self._histogram(table, "queue_time_seconds", QUEUE, "Histogram of queueing time in seconds.")

    def _gauge(self, table: Table, name: str, text: str) -> Family:
        family = table.gauge(f"sglang:{name}", text, LABELS)
        family.set(0.0, self.key)
        return family

    def _counter(self, table: Table, name: str, text: str) -> Family:
        family = table.counter(f"sglang:{name}", text, LABELS)
        family.set(0.0, self.key)
        return family

    def _histogram(self, table: Table, name: str, bounds: Many[float], text: str, *, grain: float = 0.0) -> Tally:
        tally = Tally(table, table.histogram(f"sglang:{name}", bounds, text, LABELS), self.key, grain=grain)
        self._tallies.append(tally)
        return tally

    def _gauges(self, now: float) -> None:
        batch, key = self.batch, self.key
        kv = batch.kv_tokens(now)
        self.running.set(float(batch.running), key)
        self.waiting.set(float(batch.waiting), key)
        self.throughput.set(batch.decoding * batch.speed, key)
        self.lengths.set(
            float(sum(found.prompt_tokens + found.generated for found in batch.sequences.values() if found.decoding)),
            key,
        )
        for family in (self.usage, self.full_usage):
            family.set(min(1.0, kv / self.engine.kv_tokens), key)
        for family in (self.used, self.kv_used):
            family.set(float(round(kv)), key)
        self.kv_free.set(float(max(0, self.engine.kv_tokens - round(kv))), key)
        preempted = sum(found.generated > 0 and not found.decoding for found in batch.sequences.values())
        self.retracted.set(float(preempted), key)
        for tally in self._tallies:
            tally.flush()
        self._process.set(batch.busy_seconds(now), len(batch.sequences))

    def _on_phase(self, event: Phase) -> None:
        if event.phase != "ready":
            return
        marks = sorted((begun, name) for name, begun in self.phases.items())
        took = {name: end - begun for (begun, name), (end, _) in pairwise(marks)}
        whole = event.time - self.started
        times = {"load_weight": took.get("weights", 0.0), "kv_cache_allocation": took.get("warmup", 0.0)}
        for phase, seconds in {**times, "scheduler_e2e": whole, "tokenizer_e2e": whole}.items():
            kind, model, moe, pp, tp = self.key
            self.startup.set(seconds, (kind, model, moe, phase, pp, tp))

    def _on_admitted(self, event: Admitted, sequence: Sequence) -> None:
        asked = event.computed_tokens + event.cached_tokens
        self.hit_rate.set(event.cached_tokens / asked if asked else 0.0, self.key)

    def _on_first(self, event: FirstToken, sequence: Sequence) -> None:
        self.first.observe(event.time - sequence.queued)
        self.queue.observe(max(0.0, event.time - sequence.queued - event.prefill_seconds))

    def _on_left(self, event: Left, sequence: Sequence) -> None:
        key = self.key
        if event.finish not in ("stop", "length"):
            self.aborted.inc(key)
        if event.first_token is None and event.finish != "stop":
            return
        self.prompt.inc(key, event.prompt_tokens)
        self.generation.inc(key, event.output_tokens)
        if event.cached_tokens:
            self.cached.inc(("device", *key), event.cached_tokens)
        self.requests.inc(key)
        self.whole.observe(event.time - event.queued)
        self.prompt_lengths.observe(event.prompt_tokens)
        self.uncached_lengths.observe(event.prompt_tokens - event.cached_tokens)
        self.generation_lengths.observe(event.output_tokens)


class SgLangApi(OpenAiApi):
    """SGLang's HTTP server (FastAPI on uvicorn)."""

    headers: ClassVar[Mapping[str, str]] = {"Server": "uvicorn"}
    id_prefixes: ClassVar[tuple[str, str]] = ("", "")

    def __init__(self, program: SgLang) -> None:
        super().__init__(program)
        self.sglang = program

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        self.sglang.refresh(self.sglang.world.present())
        headers = {**self.headers, "Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=self.sglang.tables[0].text().encode(), headers=headers)

    async def health(self, request: web.Request) -> web.Response:
        """GET /health: an empty 200."""
        return web.Response(headers=dict(self.headers))

    async def health_generate(self, request: web.Request) -> web.Response:
        """GET /health_generate, which generates a token."""
        asked = self.read({"prompt": "health", "max_tokens": 1}, "/health_generate")
        left = await self.sglang.ended(self.ask(asked))
        return web.Response(status=200 if left is not None and left.finish != "error" else 503)

    async def model_info(self, request: web.Request) -> web.Response:
        """GET /model_info."""
        model = self.sglang.engine.model
        path = model.repository or model.name
        return self.response({"model_path": path, "tokenizer_path": path, "is_generation": model.mode != "embedding"})

    async def server_info(self, request: web.Request) -> web.Response:
        """GET /server_info."""
        engine, model = self.sglang.engine, self.sglang.engine.model
        body: dict[str, Any] = {"model_path": model.repository or model.name, "served_model_name": model.name}
        body |= {"context_length": model.context, "max_total_num_tokens": engine.kv_tokens}
        body |= {"max_running_requests": engine.max_sequences, "enable_metrics": True, "version": self.sglang.version}
        return self.response(body)

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        model, now = self.sglang.engine.model, int(self.sglang.clock(self.sglang.world.present()))
        card = {"id": model.name, "object": "model", "created": now, "owned_by": "sglang"}
        card |= {"root": model.name, "parent": None, "max_model_len": model.context}
        return self.response({"object": "list", "data": [card]})

    async def loads(self, request: web.Request) -> web.Response:
        """GET /v1/loads."""
        now = self.sglang.world.present()
        batch = self.sglang.batch
        load = {"dp_rank": 0, "num_running_reqs": batch.running, "num_waiting_reqs": batch.waiting}
        load |= {"num_used_tokens": round(batch.kv_tokens(now)), "max_total_num_tokens": self.sglang.engine.kv_tokens}
        return self.response({"loads": [load]})

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """POST /generate, SGLang's own form, not streamed."""
        try:
            body = await self.read_json(request)
            settings = body.get("sampling_params") or {}
            asked = self.read(
                {"prompt": body.get("text", ""), "max_tokens": settings.get("max_new_tokens")}, "/generate"
            )
        except RefusedError as refused:
            return self.response(refused.body, refused.status)
        left = await self.sglang.ended(self.ask(asked))
        if left is None or left.finish not in ("stop", "length"):
            return self.failed(left)
        meta: Body = {"id": asked.id, "finish_reason": {"type": left.finish}, "prompt_tokens": left.prompt_tokens}
        meta |= {"completion_tokens": left.output_tokens, "cached_tokens": left.cached_tokens}
        meta["e2e_latency"] = left.time - left.queued
        return self.response({"text": words(asked.prompt, 0, left.output_tokens), "meta_info": meta})

    async def unknown(self, request: web.Request) -> web.Response:
        """Answer a path that is none."""
        return self.response({"detail": "Not Found"}, 404)

    def error(self, status: int, message: str, kind: str, param: str | None = None) -> Body:
        """Return the body of an error."""
        return {"object": "error", "message": message, "type": kind, "param": param, "code": status}

    def check_length(self, text: str, tokens: int, most: int) -> None:
        """Refuse a prompt that does not fit into the context."""
        context = self.sglang.engine.model.context
        if tokens + most > context:
            message = (
                f"Requested token count exceeds the model's maximum context length of {context} tokens. You requested "
                f"a total of {tokens + most} tokens: {tokens} tokens from the input messages and {most} tokens for the "
                "completion. Please reduce the number of tokens in the input messages or the completion to fit within "
                "the limit."
            )
            raise RefusedError(400, self.error(400, message, "BadRequestError"))

    def usage(self, asked: Asked, left: Left) -> Body:
        """Return the tokens."""
        return {**super().usage(asked, left), "prompt_tokens_details": None}
