"""What a LiteLLM proxy says of itself, as facts: only fields named here are read, so no secret slips through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

import orjson

from inferdeck.model.masking import mask
from inferdeck.model.target import Fact
from inferdeck.sources.columns import Sample

NO_DATABASE = (
    "DB not connected",
    "Database not connected",
    "No db connected",
    "Prisma Client is not initialized",
    "Database not initialized",
)
CALLBACK = "prometheus"
_DAY = re.compile(r"20\d\d-\d\d-\d\d")
COST_MAP = "/public/litellm_model_cost_map"
PRICES = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)
_GROUP = ("mode", "max_input_tokens", "max_output_tokens", *PRICES[:2], "tpm", "rpm", "description")
_LIMITS = ("rpm", "tpm", "order", "weight")
_LENGTHS = ("max_input_tokens", "max_output_tokens")
SUPPORTS = {
    "supports_vision": "vision",
    "supports_function_calling": "tools",
    "supports_parallel_function_calling": "parallel_tools",
    "supports_response_schema": "json",
    "supports_reasoning": "reasoning",
    "supports_native_streaming": "streaming",
    "supports_prompt_caching": "prompt_caching",
    "supports_pdf_input": "pdf",
    "supports_audio_input": "audio_input",
    "supports_audio_output": "audio_output",
    "supports_video_input": "video",
    "supports_web_search": "web_search",
    "supports_computer_use": "computer_use",
    "supports_system_messages": "system_messages",
}
"""LiteLLM's names of what a model can do, and ours."""
_STREAMED = ("chat", "completion", "responses")
_FALLBACKS = {
    "fallbacks": "any error",
    "context_window_fallbacks": "context window",
    "content_policy_fallbacks": "policy",
}


@dataclass(frozen=True, slots=True)
class Service:
    """The proxy itself; "" where it does not say."""

    version: str = ""
    status: str = ""
    database: str = ""
    cache: str = ""

    def fact(self, gateway: str) -> Fact:
        """Return it as a fact under the gateway's name."""
        facts = {"version": self.version, "status": self.status, "database": self.database, "cache": self.cache}
        return Fact("service", gateway, {key: value for key, value in facts.items() if value})


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of the proxy's model list: the public name, and what stands behind it."""

    id: str
    model: str
    provider: str
    target: str
    mode: str
    facts: Mapping[str, str] = field(default_factory=dict)


def service(body: bytes) -> Service:
    """Read /health/readiness or /health/readiness/details."""
    found = _mapping(body)
    return Service(_text(found.get("litellm_version")), *(_text(found.get(key)) for key in ("status", "db", "cache")))


def deployments(body: bytes) -> tuple[Deployment, ...]:
    """Read /model/info; an entry without a name or id is left out."""
    return tuple(one for entry in _list(body) if (one := _deployment(entry)).id and one.model)


def _deployment(entry: Mapping[str, Any]) -> Deployment:
    params, info = _inner(entry, "litellm_params"), _inner(entry, "model_info")
    target = _text(params.get("model"))
    provider = _text(info.get("litellm_provider")) or _text(params.get("custom_llm_provider"))
    if not provider and "/" in target:
        provider = target.partition("/")[0]
    facts = {"api_base": _place(_text(params.get("api_base"))), **{key: _text(params.get(key)) for key in _LIMITS}}
    facts["origin"] = "database" if info.get("db_model") else "file"
    facts |= _prices(params, info) | {key: _text(info.get(key)) for key in _LENGTHS}
    facts |= {"supports": _supported(info, True), "supports_not": _supported(info, False)}
    facts["cost_map_key"] = _text(info.get("key"))
    return Deployment(
        _text(info.get("id")),
        _text(entry.get("model_name")),
        provider,
        target,
        _text(info.get("mode")),
        {key: value for key, value in facts.items() if value},
    )


def _prices(params: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, str]:
    """Return what the proxy reckons per token, and whether its operator said so or its cost map does."""
    found = {key: _amount(info.get(key) if params.get(key) is None else params[key]) for key in PRICES}
    overrides = info.get("pricing_overrides")
    told = any(params.get(key) is not None for key in PRICES) or (isinstance(overrides, list) and bool(overrides))
    known = any(found.values())
    return {**found, "price_origin": ("configuration" if told else "cost map") if known else ""}


def _supported(info: Mapping[str, Any], value: bool) -> str:
    """Return what a model can (or cannot) do; of what stands there as null nothing is known."""
    found = {name for key, name in SUPPORTS.items() if info.get(key) is value}
    parameters = info.get("supported_openai_params")
    if value and info.get("mode") in _STREAMED and isinstance(parameters, list) and "stream" in parameters:
        found.add("streaming")
    return ", ".join(sorted(found))


def deprecations(body: bytes) -> dict[str, str]:
    """Read the day on which a model ends (YYYY-MM-DD) by its key, from the proxy's cost map of thousands of models."""
    found = ((key, one.get("deprecation_date")) for key, one in _mapping(body).items() if isinstance(one, dict))
    return {key: day for key, day in found if isinstance(day, str) and _DAY.fullmatch(day)}


def deployment_facts(found: tuple[Deployment, ...], ends: Mapping[str, str] | None = None) -> Iterator[Fact]:
    """Yield one fact per deployment; `ends` is what `deprecations` gave."""
    for one in found:
        facts = {
            "model": one.model,
            "provider": one.provider,
            "litellm_model": one.target,
            "mode": one.mode,
            **one.facts,
            "deprecation_date": (ends or {}).get(one.facts.get("cost_map_key", ""), ""),
        }
        yield Fact("deployment", one.id, {key: value for key, value in facts.items() if value})


def model_info(gateway: str, found: tuple[Deployment, ...]) -> Iterator[Sample]:
    """Yield `llm_model_info` per deployment: 1, with facts for joins by `deployment`."""
    for one in found:
        facts = (("provider", one.provider), ("litellm_model", one.target), ("mode", one.mode))
        yield "llm_model_info", (("gateway", gateway), ("model", one.model), ("deployment", one.id), *facts), 1.0


def model_ends(gateway: str, found: tuple[Deployment, ...], ends: Mapping[str, str]) -> Iterator[Sample]:
    """Yield `llm_model_deprecation_timestamp_seconds` per deployment whose end the cost map names: that day's begin."""
    for one in found:
        day = ends.get(one.facts.get("cost_map_key", ""), "")
        try:
            moment = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
        labels = (("gateway", gateway), ("model", one.model), ("deployment", one.id))
        yield "llm_model_deprecation_timestamp_seconds", labels, moment


def groups(body: bytes) -> Iterator[Fact]:
    """Read /model_group/info."""
    for entry in _list(body):
        name = _text(entry.get("model_group"))
        providers = entry.get("providers")
        facts = {key: (_amount if key in PRICES else _text)(entry.get(key)) for key in _GROUP}
        # Written by hand, so that it may hold anything.
        facts["description"] = mask(facts["description"])
        # A group says "false" also of models that the proxy knows nothing of.
        facts["supports"] = _supported(entry, True)
        facts["providers"] = ", ".join(map(_text, providers)) if isinstance(providers, list) else ""
        if name:
            yield Fact("model_group", name, {key: value for key, value in facts.items() if value})


def names(body: bytes) -> Iterator[Fact]:
    """Read /v1/models, which a key sees that may read nothing else."""
    for entry in _list(body):
        if name := _text(entry.get("id")):
            yield Fact("model_group", name, {"mode": mode} if (mode := _text(entry.get("mode"))) else {})


def routing(body: bytes) -> tuple[tuple[Fact, ...], bool | None]:
    """Read /get/config/callbacks: fallbacks, and whether the Prometheus callback is on (None: it does not say)."""
    found = _mapping(body)
    settings = _inner(found, "router_settings")
    facts = [
        Fact("fallback", model, {"to": ", ".join(targets), "on": reason})
        for key, reason in _FALLBACKS.items()
        for model, targets in _chains(settings.get(key))
    ]
    if strategy := _text(settings.get("routing_strategy")):
        facts.append(Fact("routing", strategy, {key: _text(settings.get(key)) for key in ("num_retries", "timeout")}))
    callbacks = found.get("callbacks")
    if not isinstance(callbacks, list):
        return tuple(facts), None
    return tuple(facts), any(isinstance(one, dict) and one.get("name") == CALLBACK for one in callbacks)


def backlog(body: bytes) -> float | None:
    """Read the requests that wait from /health/backlog."""
    queued = _mapping(body).get("queued_requests")
    return float(queued) if isinstance(queued, int | float) else None


def without_database(body: bytes) -> bool:
    """Tell whether an error means that the proxy has no database; its status and form differ from route to route."""
    text = body[:4096].decode("utf-8", "replace")
    return any(words in text for words in NO_DATABASE)


def _chains(value: Any) -> Iterator[tuple[str, list[str]]]:
    for entry in value if isinstance(value, list) else ():
        for model, targets in entry.items() if isinstance(entry, dict) else ():
            named = [one.get("model") if isinstance(one, dict) else one for one in targets if one] if targets else []
            yield _text(model), [_text(one) for one in named]


def _place(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.scheme and parts.hostname else ""


def _mapping(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _list(body: bytes) -> list[Mapping[str, Any]]:
    found = _mapping(body).get("data")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _inner(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _amount(value: Any) -> str:
    """Return a price as plain decimal text, exactly; LiteLLM also takes text such as "1e-06" for one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return ""
    return f"{found.normalize():f}" if found.is_finite() and 0 <= found < 1000 and found.adjusted() > -30 else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:300] if isinstance(value, str | int) else ""
