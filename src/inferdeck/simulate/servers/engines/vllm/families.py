"""The names that vLLM gives its metrics, by version.

0.33 is as captured from 0.32.0 (no metric differs by vLLM's own sources); 0.20 is that less what came later; 0.8.5 is
vLLM's source of that version, not captured: it counts the prefix cache in blocks and calls the pause between tokens
`time_per_output_token_seconds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.simulate.servers.engines.tally import SETTLED, Tally
from inferdeck.simulate.table import Family, Table

_REQUEST = "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680"
_FIRST = "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 640 2560"
REQUEST = tuple(map(float, _REQUEST.split()))
FIRST = tuple(map(float, _FIRST.split()))
TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0)
STEP = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
PREEMPTIONS = (1, 2, 3, 4, 5, 10, 20)
ENGINE = ("engine", "model_name")


@dataclass(frozen=True, slots=True)
class Dialect:
    """A generation of names."""

    name: str
    newer: bool
    """Has what came between 0.8.5 and 0.20."""
    newest: bool
    """Has what came after 0.20."""


def dialect(version: str) -> Dialect:
    """Return the names that a version uses: the newest generation that is not newer than it."""
    numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:3] if part.isdigit())
    if numbers < (0, 12):
        return Dialect("0.8.5", newer=False, newest=False)
    return Dialect("0.33", True, True) if numbers >= (0, 32) else Dialect("0.20", newer=True, newest=False)


def decades(largest: int) -> tuple[float, ...]:
    """Return 1, 2, 5, 10, 20, … up to `largest`."""
    steps = (factor * 10**power for power in range(12) for factor in (1, 2, 5))
    return tuple(float(step) for step in steps if step <= largest)


class Families:
    """Every `vllm:` family of one process; a family that the version lacks is None."""

    def __init__(self, table: Table, names: Dialect, model: str, context: int, now: float) -> None:
        self._table, self._now = table, now
        self.key = ("0", model)
        self.tallies: list[Tally] = []
        lengths = decades(context)
        if names.newer:
            gpu = "per GPU (for Model Flops Utilization calculations)."
            self._zero("estimated_flops_per_gpu", f"Estimated number of floating point operations {gpu}")
            self._zero("estimated_read_bytes_per_gpu", f"Estimated number of bytes read from memory {gpu}")
            self._zero("estimated_write_bytes_per_gpu", f"Estimated number of bytes written to memory {gpu}")
        self.running = self._gauge("num_requests_running", "Number of requests in model execution batches.")
        self.waiting = self._gauge("num_requests_waiting", "Number of requests waiting to be processed.")
        self.waiting_by = self._states(names) if names.newer else None
        if names.newer:
            self.usage = self._gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.")
            what = "in terms of number of queried tokens."
            self.queries = self._counter("prefix_cache_queries", f"Prefix cache queries, {what}")
            self.hits = self._counter("prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens.")
            self._absent_caches()
        else:
            self.usage = self._gauge("gpu_cache_usage_perc", "GPU KV-cache usage. 1 means 100 percent usage.")
            text = "GPU prefix cache queries, in terms of number of queried blocks."
            self.queries = self._counter("gpu_prefix_cache_queries", text)
            self.hits = self._counter(
                "gpu_prefix_cache_hits", "GPU prefix cache hits, in terms of number of cached blocks."
            )
        self.preemptions = self._counter("num_preemptions", "Cumulative number of preemption from the engine.")
        self.prompt = self._counter("prompt_tokens", "Number of prefill tokens processed.")
        self._prompt_sources(names)
        self.generation = self._counter("generation_tokens", "Number of generation tokens processed.")
        self._finished(names)
        self._lengths(lengths)
        self._times(names)
        if names.newest:
            text = "Histogram of the number of times a request was preempted."
            self.request_preemptions: Tally | None = self._histogram("request_num_preemptions", PREEMPTIONS, text)
        else:
            self.request_preemptions = None
        text = "Histogram of new KV tokens computed during prefill (excluding cached tokens)."
        self.computed = self._histogram("request_prefill_kv_computed_tokens", lengths, text) if names.newer else None

    def _states(self, names: Dialect) -> Family:
        text = (
            "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; "
            "'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). "
            "Sum of all reasons equals vllm:num_requests_waiting."
        )
        waiting = self._table.gauge("vllm:num_requests_waiting_by_reason", text, (*ENGINE, "reason"))
        for reason in ("capacity", "deferred"):
            waiting.set(0.0, (*self.key, reason))
        text = (
            "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; "
            "weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2."
        )
        sleep = self._table.gauge("vllm:engine_sleep_state", text, (*ENGINE, "sleep_state"))
        for state, value in (("awake", 1.0), ("weights_offloaded", 0.0), ("discard_all", 0.0)):
            sleep.set(value, (*self.key, state))
        return waiting

    def _absent_caches(self) -> None:
        sharing = "from KV connector cross-instance cache sharing, in terms of number of"
        self._zero("external_prefix_cache_queries", f"External prefix cache queries {sharing} queried tokens.")
        self._zero("external_prefix_cache_hits", f"External prefix cache hits {sharing} cached tokens.")
        self._zero("mm_cache_queries", "Multi-modal cache queries, in terms of number of queried items.")
        self._zero("mm_cache_hits", "Multi-modal cache hits, in terms of number of cached items.")

    def _prompt_sources(self, names: Dialect) -> None:
        self.by_source = self.cached = self.cached_by = None
        if names.newer:
            sources = ("local_compute", "local_cache_hit", "external_kv_transfer")
            text = "Number of prompt tokens by source."
            self.by_source = self._counter("prompt_tokens_by_source", text, "source", sources)
            self.cached = self._counter("prompt_tokens_cached", "Number of cached prompt tokens (local + external).")
        if names.newest:
            text = (
                "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to "
                "DRAM), disk, p2p (transferred from another vLLM instance) or external_unspecified. Counted at "
                "admission; sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits."
            )
            tiers = ("device", "host", "p2p", "disk", "external_unspecified")
            self.cached_by = self._counter("prompt_tokens_cached_by_source", text, "source", tiers)

    def _finished(self, names: Dialect) -> None:
        reasons = ("stop", "length", "abort", "error", "repetition") if names.newer else ("stop", "length", "abort")
        text = "Count of successfully processed requests."
        self.success = self._counter("request_success", text, "finished_reason", reasons)
        if names.newest:
            text = "Number of admission attempts rejected by a queue limit, by reason."
            family = self._table.counter("vllm:admission_rejections_total", text, ("model_name", "reason"))
            made = self._table.gauge("vllm:admission_rejections_created", text, ("model_name", "reason"))
            for reason in ("max_num_queued_reqs", "max_num_queued_tokens"):
                family.set(0.0, (self.key[1], reason))
                made.set(self._now, (self.key[1], reason))

    def _lengths(self, lengths: Sequence[float]) -> None:
        self.request_prompt = self._histogram("request_prompt_tokens", lengths, "Number of prefill tokens processed.")
        text = "Number of generation tokens processed."
        self.request_generation = self._histogram("request_generation_tokens", lengths, text)
        text = "Histogram of number of tokens per engine_step."
        self.iteration = self._histogram("iteration_tokens_total", STEP, text, created="iteration_tokens_total_created")
        text = "Histogram of maximum number of requested generation tokens."
        self.request_most = self._histogram("request_max_num_generation_tokens", lengths, text)
        text = "Histogram of the n request parameter."
        self.params_n = self._histogram("request_params_n", (1, 2, 5, 10, 20), text)
        text = "Histogram of the max_tokens request parameter."
        self.params_most = self._histogram("request_params_max_tokens", lengths, text)

    def _times(self, names: Dialect) -> None:
        text = "Histogram of time to first token in seconds."
        self.first = self._histogram("time_to_first_token_seconds", FIRST, text)
        self.per_token = None
        if names.newer:
            text = "Histogram of inter-token latency in seconds."
            self.gap = self._histogram("inter_token_latency_seconds", TOKEN, text, grain=SETTLED)
            text = "Histogram of time_per_output_token_seconds per request."
            self.per_token = self._histogram("request_time_per_output_token_seconds", TOKEN, text)
        else:
            text = "Histogram of time per output token in seconds."
            self.gap = self._histogram("time_per_output_token_seconds", TOKEN, text, grain=SETTLED)
        self.whole = self._histogram(
            "e2e_request_latency_seconds", REQUEST, "Histogram of e2e request latency in seconds."
        )
        phase = "Histogram of time spent in {} phase for request."
        self.queue = self._histogram("request_queue_time_seconds", REQUEST, phase.format("WAITING"))
        self.inference = self._histogram("request_inference_time_seconds", REQUEST, phase.format("RUNNING"))
        self.prefill = self._histogram("request_prefill_time_seconds", REQUEST, phase.format("PREFILL"))
        self.decode = self._histogram("request_decode_time_seconds", REQUEST, phase.format("DECODE"))

    def _gauge(self, name: str, text: str) -> Family:
        family = self._table.gauge(f"vllm:{name}", text, ENGINE)
        family.set(0.0, self.key)
        return family

    def _counter(self, name: str, text: str, label: str = "", children: Sequence[str] = ()) -> Family:
        labels = tuple(sorted((*ENGINE, label))) if label else ENGINE
        family = self._table.counter(f"vllm:{name}_total", text, labels)
        made = self._table.gauge(f"vllm:{name}_created", text, labels)
        for child in children or ("",):
            key = self.labelled(label, child) if label else self.key
            family.set(0.0, key)
            made.set(self._now, key)
        return family

    def labelled(self, label: str, value: str) -> tuple[str, ...]:
        """Return the label values of a child, in the order of the labels' names."""
        named = sorted((("engine", "0"), ("model_name", self.key[1]), (label, value)))
        return tuple(text for _, text in named)

    def _zero(self, name: str, text: str) -> None:
        self._counter(name, text)

    def _histogram(
        self, name: str, bounds: Sequence[float], text: str, created: str = "", *, grain: float = 0.0
    ) -> Tally:
        family = self._table.histogram(f"vllm:{name}", bounds, text, ENGINE)
        tally = Tally(self._table, family, self.key, grain=grain)
        self.tallies.append(tally)
        self._table.gauge(f"vllm:{created or name + '_created'}", text, ENGINE).set(self._now, self.key)
        return tally
