"""The SGLang source: one GET /metrics per collection; readiness, model and settings now and then.

/health and /health_generate are never asked: unless the server is busy, both generate a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import TargetKey
from inferdeck.sources.asking import Model, Question, models, text, whole
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Probe
from inferdeck.sources.served import AVAILABLE, LOADING, NOT_READY, Known, ServedSource
from inferdeck.sources.sglang.config import SglangConfig

_OWN = "every info_interval; SGLang counts it in sglang:http_requests_total under its own endpoint"
PROBES = (
    Probe("metrics", "GET /metrics", SideEffect.NONE, required=True),
    Probe("ready", "GET /ready", SideEffect.NONE, "every info_interval; 0.5.23 has it, older versions answer 404"),
    Probe("model", "GET /model_info, or /get_model_info", SideEffect.NONE, _OWN),
    Probe(
        "server",
        "GET /server_info, or /get_server_info",
        SideEffect.NONE,
        "once in a process's life, since its scheduler answers between two batches; "
        "the answer holds API keys: five fields are read and the rest is forgotten",
    ),
    Probe("models", "GET /v1/models", SideEffect.NONE, _OWN),
    Probe("health", "GET /health", SideEffect.COSTS_MONEY, "generates a token on an idle server; never sent"),
    Probe("generate", "GET /health_generate", SideEffect.COSTS_MONEY, "generates a token; never sent"),
)
_CAPABILITIES = {
    "has_image_understanding": "vision",
    "has_audio_understanding": "audio",
    "tool_call_parser": "tools",
    "reasoning_parser": "reasoning",
}


class SglangSource(ServedSource):
    """One SGLang server. Its port is closed until the weights are loaded; then it warms up, which counts as loading."""

    kind = "sglang"
    switch = "start SGLang with --enable-metrics"
    probes: Sequence[Probe] = PROBES

    def __init__(self, config: SglangConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> None:
        super().__init__(config, http, clock, target, extra, config.info_interval)
        self._server: dict[str, str] = {}

    async def look(self, ask: Question) -> Known:
        """Ask whether it is ready, what it serves, and how it was started."""
        ready = await ask.status("/ready", 404, NOT_READY)
        model = await ask.mapping("/model_info", "/get_model_info")
        if self.fresh:
            self._server = _settings(await ask.mapping("/server_info", "/get_server_info"))
        server = self._server
        served = models(await ask.mapping("/v1/models"))
        name = text(model.get("served_model_name")) or server.get("served_model_name", "")
        facts = _facts(model, server)
        told = tuple(_with(one, facts) for one in served) or ((Model(name, facts),) if name else ())
        about = {key: facts[key] for key in ("quantization",) if key in facts}
        return Known(LOADING if ready == NOT_READY else AVAILABLE, server.get("version", ""), told, about)


def _settings(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return the few settings that are told; nothing else of /server_info is looked at, since it holds keys."""
    names = ("version", "served_model_name", "model_path", "quantization")
    found = {name: text(answer.get(name)) for name in names}
    found["context_length"] = whole(answer.get("context_length"))
    return {name: value for name, value in found.items() if value}


def _facts(model: Mapping[str, Any], server: Mapping[str, str]) -> dict[str, str]:
    """Return what the base model's fact says."""
    generates = model.get("is_generation")
    facts = {
        "root": text(model.get("model_path")) or server.get("model_path", ""),
        "type": "" if generates is None else ("LLM" if generates is True else "Embedding"),
        "quantization": server.get("quantization", ""),
        "context": server.get("context_length", ""),
        "capabilities": ",".join(name for key, name in _CAPABILITIES.items() if model.get(key)),
    }
    return {key: value for key, value in facts.items() if value}


def _with(model: Model, facts: Mapping[str, str]) -> Model:
    """Add to what the list of models says of a base model; an adapter's root and context are its own."""
    if "adapter_of" in model.facts:
        return model
    # Its own list of models repeats the name as the root, and knows the context that holds.
    own = {key: model.facts[key] for key in ("context",) if key in model.facts}
    return replace(model, facts={**model.facts, **facts, **own})


def make(config: SglangConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> SglangSource:
    """Return the source of one target."""
    return SglangSource(config, http, clock, target, extra)
