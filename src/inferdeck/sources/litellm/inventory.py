"""What a LiteLLM proxy says of itself, as facts: only fields named here are read, so no secret slips through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

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
_GROUP = (
    "mode",
    "max_input_tokens",
    "max_output_tokens",
    "input_cost_per_token",
    "output_cost_per_token",
    "tpm",
    "rpm",
)
_LIMITS = ("rpm", "tpm", "order", "weight")
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
    return Deployment(
        _text(info.get("id")),
        _text(entry.get("model_name")),
        provider,
        target,
        _text(info.get("mode")),
        {key: value for key, value in facts.items() if value},
    )


def deployment_facts(found: tuple[Deployment, ...]) -> Iterator[Fact]:
    """Yield one fact per deployment."""
    for one in found:
        facts = {
            "model": one.model,
            "provider": one.provider,
            "litellm_model": one.target,
            "mode": one.mode,
            **one.facts,
        }
        yield Fact("deployment", one.id, {key: value for key, value in facts.items() if value})


def model_info(gateway: str, found: tuple[Deployment, ...]) -> Iterator[Sample]:
    """Yield `llm_model_info` per deployment: 1, with facts for joins by `deployment`."""
    for one in found:
        facts = (("provider", one.provider), ("litellm_model", one.target), ("mode", one.mode))
        yield "llm_model_info", (("gateway", gateway), ("model", one.model), ("deployment", one.id), *facts), 1.0


def groups(body: bytes) -> Iterator[Fact]:
    """Read /model_group/info."""
    for entry in _list(body):
        name = _text(entry.get("model_group"))
        providers = entry.get("providers")
        facts = {key: _text(entry.get(key)) for key in _GROUP}
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


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:300] if isinstance(value, str | int) else ""
