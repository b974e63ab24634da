"""vLLM's fold: what each event does to its metrics."""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import TYPE_CHECKING

from aiohttp import web

from inferdeck.simulate.events import Admitted, FirstToken, Left, Preempted
from inferdeck.simulate.servers.engines.process_families import process_families
from inferdeck.simulate.servers.engines.program import EngineProgram
from inferdeck.simulate.servers.engines.state import Batch, Sequence
from inferdeck.simulate.servers.engines.vllm import api
from inferdeck.simulate.servers.engines.vllm.families import Dialect, Families, dialect
from inferdeck.simulate.servers.engines.vllm.http_families import HttpFamilies, request_bytes, response_bytes
from inferdeck.simulate.table import Table

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet
    from inferdeck.simulate.servers.program import World

BLOCK_TOKENS = 16
RESIDENT_BYTES, VIRTUAL_BYTES, OPEN_FILES = 646_701_056.0, 1_916_170_240.0, 35
"""Of the idle API server, as captured."""


class Vllm(EngineProgram):
    """One vLLM server."""

    port = 8000

    def __init__(self, engine: Engine, fleet: Fleet, world: World) -> None:
        self.names: Dialect = dialect(engine.version)
        super().__init__(engine, fleet, world)

    @property
    def listening(self) -> bool:
        """Whether its port is open: only once the model is loaded."""
        return self.loaded

    @property
    def blocks(self) -> int:
        """Blocks of its key-value memory."""
        return max(1, self.engine.kv_tokens // BLOCK_TOKENS)

    def routes(self) -> Many[web.AbstractRouteDef]:
        """Return its routes."""
        return api.routes(self)

    def _table(self, now: float) -> Table:
        self.names = dialect(self.version)
        table, clock, model = Table(), self.clock(now), self.engine.model
        self._process = process_families(table, clock, resident=RESIDENT_BYTES, virtual=VIRTUAL_BYTES, files=OPEN_FILES)
        self.families = Families(table, self.names, model.name, model.context, clock)
        self._cache_config(table)
        self.http = HttpFamilies(table, clock)
        families, key = self.families, self.families.key
        label = families.labelled
        self._success = {reason: label("finished_reason", reason) for reason in ("stop", "length", "abort", "error")}
        self._capacity = (*key, "capacity")
        self._computed, self._hit = label("source", "local_compute"), label("source", "local_cache_hit")
        self._device = label("source", "device")
        self._step_sum = families.iteration.sum_place
        self._prefilled = 0
        return table

    def _batch(self, now: float) -> Batch:
        return Batch(now, self.engine.max_sequences, self._gap, self._step)

    def _gap(self, seconds: float, count: int) -> None:
        self.families.gap.observe(seconds, count)

    def _step(self, tokens: int, count: int, seconds: float) -> None:
        self.families.iteration.observe(tokens, count)

    def _cache_config(self, table: Table) -> None:
        engine = self.engine
        facts = {
            "block_size": str(BLOCK_TOKENS),
            "cache_dtype": "auto",
            "enable_prefix_caching": str(engine.prefix_cache),
            "gpu_memory_utilization": "0.92" if self.names.newest else "0.9",
            "is_attention_free": "False",
            "num_cpu_blocks": "None",
            "num_gpu_blocks": str(self.blocks),
            "num_gpu_blocks_override": "None",
            "prefix_caching_hash_algo": "sha256" if self.names.newer else "builtin",
            "sliding_window": "None",
        }
        if self.names.newer:
            facts |= {"engine": "0", **CONFIGURATION}
            facts["kv_cache_size_tokens"] = str(self.blocks * BLOCK_TOKENS)
            facts["kv_cache_max_concurrency"] = str(self.blocks * BLOCK_TOKENS / engine.model.context)
            facts["effective_attention_block_size"] = str(BLOCK_TOKENS)
        else:
            facts |= {"cpu_offload_gb": "0", "swap_space": "4", "swap_space_bytes": "4294967296"}
            facts["calculate_kv_scales"] = "False"
        labels = tuple(sorted(facts))
        info = table.gauge("vllm:cache_config_info", "Information of the LLMEngine CacheConfig", labels)
        info.set(1.0, tuple(facts[label] for label in labels))

    def _gauges(self, now: float) -> None:
        families, batch, key = self.families, self.batch, self.families.key
        families.running.set(float(batch.running), key)
        families.waiting.set(float(batch.waiting), key)
        if families.waiting_by is not None:
            families.waiting_by.set(float(batch.waiting), self._capacity)
        families.usage.set(min(1.0, batch.kv_tokens(now) / self.engine.kv_tokens), key)
        families.generation.set(float(batch.generated), key)
        for tally in (*families.tallies, *self.http.tallies):
            tally.flush()
        # The step under way is in the sum already, so that the sum is that of all tokens; its bucket follows.
        self.tables[0].values[self._step_sum] = float(self._prefilled + batch.generated)
        self._process.set(batch.busy_seconds(now), len(batch.sequences))

    def _on_admitted(self, event: Admitted, sequence: Sequence) -> None:
        families, key = self.families, self.families.key
        if event.again:
            return
        asked, hit = event.computed_tokens + event.cached_tokens, event.cached_tokens
        if self.names.newer:
            families.queries.inc(key, asked)
            families.hits.inc(key, hit)
            if families.cached_by is not None:
                families.cached_by.inc(self._device, hit)
        else:
            families.queries.inc(key, asked // BLOCK_TOKENS)
            families.hits.inc(key, hit // BLOCK_TOKENS)

    def _on_first(self, event: FirstToken, sequence: Sequence) -> None:
        self._count_prompt(sequence)
        self.families.first.observe(event.time - sequence.queued)

    def _count_prompt(self, sequence: Sequence) -> None:
        families, key = self.families, self.families.key
        self._prefilled += sequence.computed
        families.prompt.inc(key, sequence.prompt_tokens)
        if families.by_source is not None and families.cached is not None:
            families.by_source.inc(self._computed, sequence.prompt_tokens - sequence.cached)
            families.by_source.inc(self._hit, sequence.cached)
            families.cached.inc(key, sequence.cached)

    def _on_preempted(self, event: Preempted, sequence: Sequence) -> None:
        self.families.preemptions.inc(self.families.key)

    def _on_left(self, event: Left, sequence: Sequence) -> None:
        if event.finish != "abort":
            if event.first_token is None and event.finish != "error":
                self._count_prompt(sequence)
            self._finished(event)
        status = "5xx" if event.finish == "error" else "2xx"
        self.http.count(
            sequence.route,
            "POST",
            status,
            event.time - event.queued,
            request_bytes(event.prompt_tokens),
            response_bytes(event.output_tokens, stream=sequence.stream),
            self.clock(event.time),
        )

    def _finished(self, event: Left) -> None:
        families = self.families
        success = self._success.get(event.finish)
        if success is not None and (self.names.newer or event.finish != "error"):
            families.success.inc(success)
        families.whole.observe(event.time - event.queued)
        inference = event.prefill_seconds + event.decode_seconds
        families.queue.observe(max(0.0, event.time - event.queued - inference))
        families.inference.observe(inference)
        families.prefill.observe(event.prefill_seconds)
        families.decode.observe(event.decode_seconds)
        if families.per_token is not None:
            rest = event.output_tokens - 1
            families.per_token.observe(event.decode_seconds / rest if rest > 0 else 0.0)
        families.request_prompt.observe(event.prompt_tokens)
        families.request_generation.observe(event.output_tokens)
        families.request_most.observe(event.output_tokens)
        families.params_n.observe(1)
        families.params_most.observe(event.max_tokens)
        if families.request_preemptions is not None:
            families.request_preemptions.observe(event.preemptions)
        if families.computed is not None:
            families.computed.observe(event.prompt_tokens - event.cached_tokens)


CONFIGURATION = {
    "_block_size_resolved": "True",
    "cache_hit_alignment_tokens": "None",
    "enable_mamba_shared_prefix_checkpoint": "False",
    "hash_block_size": "None",
    "kv_cache_dtype_skip_layers": "[]",
    "kv_cache_layout": "None",
    "kv_cache_memory_bytes": "None",
    "kv_offloading_backend": "native",
    "kv_offloading_size": "None",
    "kv_sharing_fast_prefill": "False",
    "mamba_block_size": "None",
    "mamba_cache_dtype": "auto",
    "mamba_cache_mode": "none",
    "mamba_page_size_padded": "None",
    "mamba_ssm_cache_dtype": "float32",
    "prefix_cache_retention_interval": "0",
    "prefix_match_unit": "None",
    "replayssm_buffer_len": "16",
    "skip_page_size_padded": "None",
    "swa_bounded_replay": "True",
    "use_kda_recoverssm": "False",
    "use_replayssm": "False",
    "user_specified_block_size": "False",
}
"""Settings of the cache that the captured process prints and that nothing of ours changes."""
