"""The vLLM source: one GET /metrics per collection; version, health and models now and then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels, get, metric_name
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import TargetKey
from inferdeck.sources.asking import Question, models, text
from inferdeck.sources.columns import Sample
from inferdeck.sources.exposition import Exposition
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Probe
from inferdeck.sources.served import AVAILABLE, ERROR, NOT_READY, Known, ServedSource
from inferdeck.sources.vllm.config import VllmConfig

PROBES = (
    Probe("metrics", "GET /metrics", SideEffect.NONE, required=True),
    Probe("version", "GET /version", SideEffect.NONE, "every info_interval"),
    Probe("health", "GET /health", SideEffect.NONE, "every info_interval; asks whether the engine's process lives"),
    Probe(
        "models",
        "GET /v1/models",
        SideEffect.POLLUTES_COUNTERS,
        "every info_interval; vLLM counts it in its http_* families, in no vllm:* family",
        required=True,
    ),
)
_AWAKE = "vllm:engine_sleep_state"
_BLOCKS = {
    "vllm:gpu_prefix_cache_queries_total": "llm_engine_prefix_cache_queries_total",
    "vllm:gpu_prefix_cache_hits_total": "llm_engine_prefix_cache_hits_total",
}
"""What versions before 0.12 call the prefix cache's counters, the first of them in blocks instead of tokens."""
_TOKENS = "vllm:prefix_cache_queries_total"


class VllmSource(ServedSource):
    """One vLLM server. Its port is closed until the model is loaded, so that a loading one is a target that is down."""

    kind = "vllm"
    prefix = "vllm:"
    switch = "start vLLM without --disable-log-stats, and look whether this is its port"
    probes: Sequence[Probe] = PROBES

    def __init__(self, config: VllmConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> None:
        super().__init__(config, http, clock, target, extra, config.info_interval)
        self._awake: list[int] = []
        self._cached: list[tuple[int, str, str, float]] = []

    async def look(self, ask: Question) -> Known:
        """Ask for the version, for what is served, and whether the engine behind the server lives."""
        version = text((await ask.mapping("/version")).get("version"))
        dead = await ask.status("/health", NOT_READY) == NOT_READY
        served = models(await ask.mapping("/v1/models"))
        return Known(ERROR if dead else AVAILABLE, version, served)

    def meet(self, exposition: Exposition) -> None:
        """Find the sleep state, and the prefix cache's counters where they count in blocks."""
        self._awake, self._cached = [], []
        old = all(metric_name(series) != _TOKENS for series in exposition.layout.series)
        sizes = _block_sizes(exposition) if old else {}
        for place, series in enumerate(exposition.layout.series):
            name = metric_name(series)
            if name == _AWAKE and get(series, "sleep_state") == "awake":
                self._awake.append(place)
            elif old and name in _BLOCKS:
                tokens = _tokens(exposition, name, sizes.get(get(series, "engine"), sizes.get("", 0)))
                if tokens:
                    self._cached.append((place, _BLOCKS[name], get(series, "model_name"), tokens))

    def derived(self, exposition: Exposition) -> Iterator[Sample]:
        """Yield the prefix cache's counters in tokens where the version counts blocks."""
        found: dict[tuple[str, str], float] = {}
        for place, name, model, tokens in self._cached:
            found[name, model] = found.get((name, model), 0.0) + float(exposition.values[place]) * tokens
        for (name, model), value in found.items():
            yield name, self.of_model(model), value

    def sleeping(self, exposition: Exposition) -> bool | None:
        """Return whether no engine of the server is awake; None before 0.12, which does not say."""
        return all(exposition.values[place] == 0 for place in self._awake) if self._awake else None


def _block_sizes(exposition: Exposition) -> dict[str, int]:
    """Return the tokens of a block by engine; "" for that of any."""
    found: dict[str, int] = {}
    for series in exposition.layout.series:
        if metric_name(series) == "vllm:cache_config_info" and (size := get(series, "block_size")).isdecimal():
            found[get(series, "engine")] = found[""] = int(size)
    return found


def _tokens(exposition: Exposition, name: str, block: int) -> int:
    """Return how many tokens one count means: a whole block in 0.8 and 0.9, one token later; 0 where unknown."""
    descriptor = exposition.families.get(name) or exposition.families.get(name.removesuffix("_total"))
    return block if descriptor is not None and "blocks" in descriptor.help else 1


def make(config: VllmConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> VllmSource:
    """Return the source of one target."""
    return VllmSource(config, http, clock, target, extra)
