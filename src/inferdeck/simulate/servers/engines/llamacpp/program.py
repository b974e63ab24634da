"""llama.cpp's fold: what each event does to its metrics and slots."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

from aiohttp import web

from inferdeck.simulate.events import Admitted, FirstToken, Left
from inferdeck.simulate.servers.engines.llamacpp.routes import routes
from inferdeck.simulate.servers.engines.llamacpp.settings import PARAMS
from inferdeck.simulate.servers.engines.program import EngineProgram
from inferdeck.simulate.servers.engines.state import Batch, Sequence
from inferdeck.simulate.table import Family, Table

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet
    from inferdeck.simulate.servers.program import World


@dataclass(slots=True)
class Slot:
    """What a slot shows of its present or last task."""

    attempt: int
    tokens: int
    computed: int
    cached: int
    most: int


class LlamaCpp(EngineProgram):
    """One llama-server, started with --metrics."""

    port = 8080

    def __init__(self, engine: Engine, fleet: Fleet, world: World) -> None:
        self.slots: dict[int, Slot] = {}
        super().__init__(engine, fleet, world)

    @property
    def build_info(self) -> str:
        """The build, such as b11434-1a2b3c4."""
        return f"{self.version}-{crc32(self.version.encode()) & 0xFFFFFFF:07x}"

    def routes(self) -> Many[web.AbstractRouteDef]:
        """Return its routes."""
        return routes(self)

    def _batch(self, now: float) -> Batch:
        self.slots = {}
        return Batch(now, self.engine.max_sequences)

    def _table(self, now: float) -> Table:
        table = Table()

        def counter(name: str, text: str) -> Family:
            family = table.counter(f"llamacpp:{name}", text)
            family.set(0.0)
            return family

        def gauge(name: str, text: str) -> Family:
            family = table.gauge(f"llamacpp:{name}", text)
            family.set(0.0)
            return family

        self.prompt = counter("prompt_tokens_total", "Number of prompt tokens processed, excluding cached tokens")
        self.cached = counter("prompt_tokens_cached_total", "Number of prompt tokens reused from the cache")
        self.prompt_seconds = counter("prompt_seconds_total", "Total time spent processing prompts")
        self.predicted = counter("tokens_predicted_total", "Number of generation tokens processed")
        self.predicted_seconds = counter("tokens_predicted_seconds_total", "Total time spent generating tokens")
        text = "Total number of llama_decode() calls, excluding speculative decoding and multimodal decoding"
        self.decodes = counter("n_decode_total", text)
        self.longest = counter("n_tokens_max", "Largest observed sequence length (prompt + generation)")
        counter("spec_decode_num_draft_tokens_total", "Speculative: Total draft tokens generated")
        text = "Speculative: Total draft tokens accepted by the target model"
        counter("spec_decode_num_accepted_tokens_total", text)
        text = "Speculative: Total speculative decoding verification steps"
        counter("spec_decode_num_drafts_total", text)
        self.prompt_speed = gauge("prompt_tokens_seconds", "Average prompt throughput in tokens/s")
        self.predicted_speed = gauge("predicted_tokens_seconds", "Average generation throughput in tokens/s")
        self.processing = gauge("requests_processing", "Number of requests processing")
        self.deferred = gauge("requests_deferred", "Number of requests deferred")
        text = "Average number of busy slots per llama_decode() call"
        self.busy = gauge("n_busy_slots_per_decode", text)
        self._seconds = [0.0, 0.0]
        self.forget()
        return table

    def forget(self) -> None:
        """Begin the averages anew, as each scrape does."""
        self._since = [0.0, 0.0, 0.0, 0.0]

    def _gauges(self, now: float) -> None:
        batch = self.batch
        prompt, prompt_seconds, predicted, predicted_seconds = self._since
        self.prompt_speed.set(prompt / prompt_seconds if prompt_seconds else 0.0)
        self.predicted_speed.set(predicted / predicted_seconds if predicted_seconds else 0.0)
        self.processing.set(float(batch.running))
        self.deferred.set(float(batch.waiting))
        self.decodes.set(float(batch.steps))
        self.busy.set(batch.generated / batch.steps if batch.steps else 0.0)
        self.longest.set(float(max(0, batch.longest - 1)))

    def _on_admitted(self, event: Admitted, sequence: Sequence) -> None:
        self.slots[sequence.slot] = Slot(
            event.attempt, sequence.prompt_tokens, event.computed_tokens, event.cached_tokens, sequence.max_tokens
        )

    def _on_first(self, event: FirstToken, sequence: Sequence) -> None:
        self._count_prompt(sequence, event.prefill_seconds)

    def _count_prompt(self, sequence: Sequence, seconds: float) -> None:
        self.prompt.inc(by=sequence.computed)
        self.cached.inc(by=sequence.cached)
        self._seconds[0] += seconds
        self.prompt_seconds.set(written(self._seconds[0]))
        self._since[0] += sequence.computed
        self._since[1] += seconds

    def _on_left(self, event: Left, sequence: Sequence) -> None:
        slot = next((slot for slot in self.slots.values() if slot.attempt == event.attempt), None)
        if slot is not None:
            # Its last token is not in the cache: nothing was computed after it.
            slot.tokens = event.prompt_tokens + max(0, event.output_tokens - 1)
        if event.finish not in ("stop", "length"):
            return
        if event.first_token is None:
            self._count_prompt(sequence, event.prefill_seconds)
        self.predicted.inc(by=event.output_tokens)
        self._seconds[1] += event.decode_seconds
        self.predicted_seconds.set(written(self._seconds[1]))
        self._since[2] += event.output_tokens
        self._since[3] += event.decode_seconds

    def slot_bodies(self) -> list[dict[str, Any]]:
        """Return what /slots shows."""
        running = {sequence.slot: sequence for sequence in self.batch.sequences.values() if sequence.slot >= 0}
        bodies = []
        for number in range(self.engine.max_sequences):
            sequence, slot = running.get(number), self.slots.get(number)
            body: dict[str, Any] = {"id": number, "n_ctx": self.engine.model.context, "speculative": False}
            body["is_processing"] = sequence is not None
            if slot is not None:
                body |= _task(slot, sequence)
            bodies.append(body)
        return bodies


def written(value: float) -> float:
    """Return a value as the program writes it, in six digits: what the past has must not lie above what is scraped."""
    return float(f"{value:.6g}")


def _task(slot: Slot, sequence: Sequence | None) -> dict[str, Any]:
    decoded = sequence.generated if sequence is not None else 0
    remain = slot.most - decoded if sequence is not None else -1
    token = {"has_next_token": sequence is not None, "has_new_line": False, "n_remain": remain, "n_decoded": decoded}
    return {
        "id_task": slot.attempt,
        "n_prompt_tokens": slot.tokens + decoded,
        "n_prompt_tokens_processed": slot.computed if sequence is not None else 0,
        "n_prompt_tokens_cache": slot.cached if sequence is not None else 0,
        "params": {**PARAMS, "max_tokens": slot.most, "n_predict": slot.most},
        "next_token": [token],
    }
