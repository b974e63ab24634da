"""What inferdeck's series of an inference engine count, told from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inferdeck.simulate.events import Admitted, Left
from inferdeck.simulate.fleet import Engine
from inferdeck.simulate.ledger import Record
from tests.pipeline.collecting import Stage
from tests.pipeline.counters import Claim, Key, Truth

Amounts = Iterator[tuple[Key, float]]
DONE = ("stop", "length")
BLOCK_TOKENS, COUNTS_TOKENS = 16, (0, 12)
"""Before this version vLLM counts its prefix cache in blocks, under other names."""


class EngineTruth:
    """The ledger's side of one engine."""

    def __init__(self, stage: Stage, engine: Engine) -> None:
        self._stage = stage
        self._engine = engine

    def claims(self) -> list[Claim]:
        """Return every counter that is compared; Ollama shows none."""
        kinds = {"vllm": self._vllm, "sglang": self._sglang, "tgi": self._tgi, "llamacpp": self._llamacpp}
        return kinds[self._engine.kind]() if self._engine.kind in kinds else []

    def left(self, start: float, end: float) -> list[Left]:
        """Return what left it in a window."""
        return self._stage.ledger.sequences(start, end, self._engine.name)

    def _vllm(self) -> list[Claim]:
        ledger, model = self._stage.ledger, ("model_name",)
        # A client that went away counts in no request family; before 0.10 an error does not either.
        return [
            Claim("vllm:prompt_tokens_total", model, self._prompted),
            Claim("vllm:generation_tokens_total", model, self._generated),
            Claim("vllm:num_preemptions_total", model, self._events(ledger.preempted)),
            Claim("vllm:time_to_first_token_seconds_count", model, self._events(ledger.first_tokens)),
            Claim("vllm:request_success_total", (*model, "finished_reason"), self._finished("stop", "length")),
            Claim("vllm:e2e_request_latency_seconds_count", model, self._whole),
            Claim("vllm:request_generation_tokens_sum", model, self._output),
            Claim("vllm:prefix_cache_hits_total", model, self._looked(hits=True, newer=True)),
            Claim("vllm:prefix_cache_queries_total", model, self._looked(hits=False, newer=True)),
            Claim("vllm:gpu_prefix_cache_hits_total", model, self._looked(hits=True, newer=False)),
            Claim("vllm:gpu_prefix_cache_queries_total", model, self._looked(hits=False, newer=False)),
            # Under the canonical names, whatever the version calls them.
            Claim("llm_engine_prompt_tokens_total", ("model",), self._prompted),
            Claim("llm_engine_generation_tokens_total", ("model",), self._generated),
            Claim("llm_engine_preemptions_total", ("model",), self._events(ledger.preempted)),
            Claim("llm_engine_time_to_first_token_seconds_count", ("model",), self._events(ledger.first_tokens)),
            Claim("llm_engine_e2e_latency_seconds_count", ("model",), self._whole),
            Claim("llm_engine_prefix_cache_hits_total", ("model",), self._looked_in_tokens(hits=True)),
            Claim("llm_engine_prefix_cache_queries_total", ("model",), self._looked_in_tokens(hits=False)),
        ]

    def _sglang(self) -> list[Claim]:
        model = ("model_name",)
        return [
            Claim("sglang:num_requests_total", model, self._counted),
            Claim("sglang:prompt_tokens_total", model, self._input),
            Claim("sglang:generation_tokens_total", model, self._counted_output),
            Claim("llm_engine_prompt_tokens_total", ("model",), self._input),
            Claim("llm_engine_generation_tokens_total", ("model",), self._counted_output),
            Claim("llm_engine_prefix_cache_queries_total", ("model",), self._input),
            Claim("llm_engine_e2e_latency_seconds_count", ("model",), self._counted),
        ]

    def _tgi(self) -> list[Claim]:
        return [
            Claim("tgi_request_count", (), self._bare(self._stage.ledger.queued)),
            Claim("tgi_request_success", (), self._done),
            Claim("tgi_request_generated_tokens_sum", (), self._done_output),
            Claim("llm_engine_prompt_tokens_total", (), self._accepted),
            Claim("llm_engine_generation_tokens_total", (), self._done_output),
            Claim("llm_engine_e2e_latency_seconds_count", (), self._done),
        ]

    def _llamacpp(self) -> list[Claim]:
        return [
            Claim("llamacpp:prompt_tokens_total", (), self._taken_in(computed=True)),
            Claim("llamacpp:prompt_tokens_cached_total", (), self._taken_in(computed=False)),
            Claim("llm_engine_prompt_tokens_total", (), self._taken_in(computed=True)),
            Claim("llamacpp:tokens_predicted_total", (), self._done_output),
            Claim("llm_engine_generation_tokens_total", (), self._done_output),
        ]

    def _name(self) -> Key:
        return (self._engine.model.name,)

    def _mark(self, place: int, start: float, end: float) -> float:
        marks = self._stage.marks
        return float(marks[self._engine.name, end][place] - marks[self._engine.name, start][place])

    def _generated(self, start: float, end: float) -> Amounts:
        yield self._name(), self._mark(0, start, end)

    def _prompted(self, start: float, end: float) -> Amounts:
        yield self._name(), self._mark(1, start, end)

    def _events(self, record: Record[Any]) -> Truth:
        def amounts(start: float, end: float) -> Amounts:
            yield self._name(), self._count(record, start, end)

        return amounts

    def _bare(self, record: Record[Any]) -> Truth:
        def amounts(start: float, end: float) -> Amounts:
            yield (), self._count(record, start, end)

        return amounts

    def _count(self, record: Record[Any], start: float, end: float) -> float:
        own = [one for one in record.between(start, end) if getattr(one, "engine", "") == self._engine.name]
        return float(len(own))

    def _finished(self, *reasons: str) -> Truth:
        def amounts(start: float, end: float) -> Amounts:
            for one in self.left(start, end):
                if one.finish in reasons:
                    yield (*self._name(), one.finish), 1.0

        return amounts

    def _whole(self, start: float, end: float) -> Amounts:
        for one in self.left(start, end):
            yield self._name(), float(one.finish != "abort")

    def _output(self, start: float, end: float) -> Amounts:
        for one in self.left(start, end):
            yield self._name(), float(one.output_tokens if one.finish != "abort" else 0)

    def _looked(self, *, hits: bool, newer: bool) -> Truth:
        def amounts(start: float, end: float) -> Amounts:
            for one in self._admitted(start, end):
                if not one.again and self._newer(one.time) == newer:
                    tokens = one.cached_tokens + (0 if hits else one.computed_tokens)
                    yield self._name(), float(tokens if newer else tokens // BLOCK_TOKENS)

        return amounts

    def _looked_in_tokens(self, *, hits: bool) -> Truth:
        """Return what was looked up in the prefix cache: all of its tokens, or those of whole blocks."""

        def amounts(start: float, end: float) -> Amounts:
            for one in self._admitted(start, end):
                if not one.again:
                    tokens = one.cached_tokens + (0 if hits else one.computed_tokens)
                    whole = tokens // BLOCK_TOKENS * BLOCK_TOKENS
                    yield self._name(), float(tokens if self._newer(one.time) else whole)

        return amounts

    def _accepted(self, start: float, end: float) -> Amounts:
        for one in self._stage.ledger.queued.between(start, end):
            if one.engine == self._engine.name:
                yield (), float(one.prompt_tokens)

    def _taken_in(self, *, computed: bool) -> Truth:
        """Return what the prompts that were done in a window cost: tokens computed, or found in the prefix cache."""

        def amounts(start: float, end: float) -> Amounts:
            firsts = self._stage.ledger.first_tokens.between(start, end)
            done = {one.attempt for one in firsts if one.engine == self._engine.name}
            done |= {one.attempt for one in self.left(start, end) if one.first_token is None and one.finish in DONE}
            for one in self._admitted(float("-inf"), end) if done else ():
                if not one.again and one.attempt in done:
                    yield (), float(one.computed_tokens if computed else one.cached_tokens)

        return amounts

    def _admitted(self, start: float, end: float) -> list[Admitted]:
        return [one for one in self._stage.ledger.admitted.between(start, end) if one.engine == self._engine.name]

    def _newer(self, time: float) -> bool:
        """Whether it then was a version that counts its prefix cache in tokens."""
        lives = self._stage.ledger.beginnings(float("-inf"), time, self._engine.name)
        return tuple(int(part) for part in lives[-1].version.split(".")[:2]) >= COUNTS_TOKENS

    def _counted(self, start: float, end: float) -> Amounts:
        for one in self.left(start, end):
            yield self._name(), float(one.first_token is not None or one.finish == "stop")

    def _input(self, start: float, end: float) -> Amounts:
        for one in self.left(start, end):
            if one.first_token is not None or one.finish == "stop":
                yield self._name(), float(one.prompt_tokens)

    def _counted_output(self, start: float, end: float) -> Amounts:
        for one in self.left(start, end):
            if one.first_token is not None or one.finish == "stop":
                yield self._name(), float(one.output_tokens)

    def _done(self, start: float, end: float) -> Amounts:
        for one in self.left(start, end):
            yield (), float(one.finish in DONE)

    def _done_output(self, start: float, end: float) -> Amounts:
        for one in self.left(start, end):
            yield (), float(one.output_tokens if one.finish in DONE else 0)
