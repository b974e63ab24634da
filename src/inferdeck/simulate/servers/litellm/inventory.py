"""What a proxy says of its models and settings; bodies as captured from 1.109.1 with what the fleet says put in."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from inferdeck.simulate.fleet import Engine
from inferdeck.simulate.servers.litellm.http import NO_DATABASE, Asked, Refused, error, reply, template

CREATED = 1_677_610_602
_SUPPORTS = {
    "vision": "supports_vision",
    "tools": "supports_function_calling",
    "json": "supports_response_schema",
    "reasoning": "supports_reasoning",
}
_NO_BUDGETS = (
    "No provider budget config found. Please set a provider budget config in the router settings. "
    "https://docs.litellm.ai/docs/proxy/provider_budget_routing"
)


async def models(asked: Asked) -> web.Response:
    """GET /v1/models."""
    return reply({"data": [_model(asked, name) for name in asked.program.models()], "object": "list"})


async def one_model(asked: Asked) -> web.Response:
    """GET /v1/models/{name}."""
    name = asked.request.match_info["name"]
    if name not in asked.program.models():
        raise Refused(404, error(f"The model `{name}` does not exist", "invalid_request_error", 404, "model"))
    return reply({"id": name, "object": "model", "created": CREATED, "owned_by": "openai"})


def _model(asked: Asked, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"id": name, "object": "model", "created": CREATED, "owned_by": "openai"}
    engine = _engine(asked, asked.program.models()[name][0])
    if engine is not None and engine.model.mode != "chat":
        found["mode"] = engine.model.mode
    return found


async def model_info(asked: Asked) -> web.Response:
    """GET /model/info, of all or of `litellm_model_id`."""
    wanted = asked.query.get("litellm_model_id")
    deployments = [one.id for one in asked.program.gateway.deployments if wanted in (None, one.id)]
    return reply({"data": [_deployment(asked, one) for one in deployments]})


async def model_info_paged(asked: Asked) -> web.Response:
    """GET /v2/model/info."""
    if not asked.program.gateway.database:
        raise Refused(500, {"detail": {"error": NO_DATABASE}})
    found = [_deployment(asked, one.id) for one in asked.program.gateway.deployments]
    page, size = _number(asked, "page", 1), _number(asked, "size", 50)
    shown = found[(page - 1) * size : page * size]
    pages = max(1, -(-len(found) // size))
    return reply({"data": shown, "total_count": len(found), "current_page": page, "total_pages": pages, "size": size})


def _number(asked: Asked, name: str, otherwise: int) -> int:
    text = asked.query.get(name, "")
    return max(1, int(text)) if text.isdigit() else otherwise


def _deployment(asked: Asked, name: str) -> dict[str, Any]:
    program = asked.program
    place, one, price = program.places[name], program.deployments[name], program.prices[name]
    found = template("model")
    prices: dict[str, Any] = {
        "input_cost_per_token": price.input / 1e6,
        "output_cost_per_token": price.output / 1e6,
    }
    if price.cached_input is not None:
        prices["cache_read_input_token_cost"] = price.cached_input / 1e6
    limits = {"tpm": one.tokens_per_minute, "rpm": one.requests_per_minute}
    set_limits = {key: value for key, value in limits.items() if value is not None}
    params = {**prices, **({"api_base": place.base} if place.base else {}), **set_limits, "weight": one.weight}
    found["litellm_params"] = params | found["litellm_params"] | {"model": place.full}
    info = found["model_info"]
    info |= {"id": name, "pricing_overrides": list(prices), "key": place.full, "litellm_provider": place.provider}
    info |= prices | limits
    if one.supports is not None:
        info |= {key: word in one.supports for word, key in _SUPPORTS.items()}
    engine = _engine(asked, name)
    info["mode"] = engine.model.mode if engine else "chat"
    if engine is not None:
        info["max_input_tokens"] = engine.model.context
    return {"model_name": program.groups[name], **found}


def _engine(asked: Asked, deployment: str) -> Engine | None:
    target = asked.program.deployments[deployment].target
    return next((engine for engine in asked.program.fleet.engines if engine.name == target), None)


async def model_group_info(asked: Asked) -> web.Response:
    """GET /model_group/info."""
    wanted = asked.query.get("model_group")
    groups = [name for name in asked.program.models() if wanted in (None, name)]
    return reply({"data": [_group(asked, name) for name in groups]})


def _group(asked: Asked, name: str) -> dict[str, Any]:
    program, found = asked.program, template("group")
    members = program.models()[name]
    engines = [engine for engine in (_engine(asked, one) for one in members) if engine is not None]
    tokens = [program.deployments[one].tokens_per_minute or 0 for one in members]
    requests = [program.deployments[one].requests_per_minute or 0 for one in members]
    return found | {
        "model_group": name,
        "providers": list(dict.fromkeys(program.places[one].provider for one in members)),
        "max_input_tokens": float(max(engine.model.context for engine in engines)) if engines else None,
        "input_cost_per_token": max(program.prices[one].input for one in members) / 1e6,
        "output_cost_per_token": max(program.prices[one].output for one in members) / 1e6,
        "mode": engines[0].model.mode if engines else "chat",
        "tpm": sum(tokens) or None,
        "rpm": sum(requests) or None,
    }


def _routing(asked: Asked) -> dict[str, Any]:
    gateway = asked.program.gateway
    chains = [{model: list(targets)} for model, targets in gateway.fallbacks.items()]
    return {
        "routing_strategy": "simple-shuffle",
        "num_retries": gateway.retries,
        "timeout": gateway.timeout_seconds,
        "fallbacks": chains or None,
        "allowed_fails": gateway.allowed_fails,
        "cooldown_time": gateway.cooldown_seconds,
    }


async def router_settings(asked: Asked) -> web.Response:
    """GET /router/settings: a form with its values."""
    found, routing = template("router_settings"), _routing(asked)
    found["current_values"] |= routing
    for field in found["fields"]:
        name = field["field_name"]
        if name in routing:
            field["field_value"] = routing[name]
            found["source"][name] = "config" if routing[name] is not None else "default"
    return reply(found)


async def callbacks(asked: Asked) -> web.Response:
    """GET /get/config/callbacks: effective fallbacks and callbacks."""
    found = template("callbacks")["config"]
    found["router_settings"] |= _routing(asked)
    if asked.program.push is not None:
        endpoint = {"GENERIC_LOGGER_ENDPOINT": asked.program.push.url, "GENERIC_LOGGER_HEADERS": None}
        found["callbacks"].append({"name": "generic_api", "variables": endpoint, "type": "success_and_failure"})
    return reply(found)


async def cost_map(asked: Asked) -> web.Response:
    """GET /public/litellm_model_cost_map: of our models alone, where the real one has some 4,500."""
    program, found = asked.program, {}
    for name, place in program.places.items():
        price, engine = program.prices[name], _engine(asked, name)
        entry: dict[str, Any] = {
            "input_cost_per_token": price.input / 1e6,
            "output_cost_per_token": price.output / 1e6,
            "litellm_provider": place.provider,
            "mode": engine.model.mode if engine else "chat",
        }
        if price.cached_input is not None:
            entry["cache_read_input_token_cost"] = price.cached_input / 1e6
        if engine is not None:
            entry["max_input_tokens"] = engine.model.context
        found[place.full] = entry
    return reply(found)


async def hub(asked: Asked) -> web.Response:
    """GET /public/model_hub: nothing is published."""
    return reply([])


async def provider_budgets(asked: Asked) -> web.Response:
    """GET /provider/budgets: none is configured."""
    raise Refused(500, error(_NO_BUDGETS, "internal_server_error", 500))


async def cache_ping(asked: Asked) -> web.Response:
    """GET /cache/ping."""
    program = asked.program
    cache = next((cache for cache in program.fleet.caches if cache.name == program.gateway.cache), None)
    if cache is None:
        raise Refused(503, error("Cache not initialized. litellm.cache is None", "internal_server_error", 503, "None"))
    found = template("cache_ping")
    found["health_check_cache_params"]["redis_kwargs"]["host"] = cache.name
    found["health_check_cache_params"]["redis_version"] = cache.version
    return reply(found)
