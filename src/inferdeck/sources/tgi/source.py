"""The TGI source: one GET /metrics per collection, /info now and then."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import TargetKey
from inferdeck.sources.asking import Model, Question, text, whole
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Probe
from inferdeck.sources.served import AVAILABLE, ERROR, NOT_READY, Known, ServedSource
from inferdeck.sources.tgi.config import TgiConfig

PROBES = (
    Probe("metrics", "GET /metrics", SideEffect.NONE, required=True),
    Probe("info", "GET /info", SideEffect.NONE, "every info_interval"),
    Probe(
        "health",
        "GET /health",
        SideEffect.COSTS_MONEY,
        "generates a token while the router has served none, or its last one failed; then every info_interval",
        enabled_by="health",
    ),
)
_EMBEDDING = ("feature-extraction", "sentence-similarity")


class TgiSource(ServedSource):
    """One TGI router; its metrics name no model, so its series carry the one of /info.

    Its port is closed until the shards have loaded the model, so that a loading one is a target that is down.
    """

    kind = "tgi"
    switch = "look whether this is the router's own port"
    probes: Sequence[Probe] = PROBES

    def __init__(self, config: TgiConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> None:
        super().__init__(config, http, clock, target, extra, config.info_interval)
        self._health = config.health

    async def look(self, ask: Question) -> Known:
        """Ask what it serves, and its health where that is switched on."""
        info = await ask.mapping("/info")
        failing = self._health and await ask.status("/health", NOT_READY) == NOT_READY
        name = text(info.get("model_id"))
        tag = text(info.get("model_pipeline_tag"))
        facts = {
            "root": name,
            "type": "" if not tag else ("Embedding" if tag in _EMBEDDING else "LLM"),
            # Before 2.3 the first of the two was called max_input_length; the context is the second one in all.
            "context": whole(info.get("max_total_tokens")),
            "capabilities": "vision" if tag == "image-text-to-text" else "",
        }
        dtype = text(info.get("model_dtype")).removeprefix("torch.")
        served = (Model(name, {key: value for key, value in facts.items() if value}),) if name else ()
        return Known(
            ERROR if failing else AVAILABLE, text(info.get("version")), served, {"dtype": dtype} if dtype else {}
        )

    def own_labels(self, known: Known) -> dict[str, str]:
        """Return the model, which the exposition does not name."""
        return {"model": known.models[0].name} if known.models else {}


def make(config: TgiConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> TgiSource:
    """Return the source of one target."""
    return TgiSource(config, http, clock, target, extra)
