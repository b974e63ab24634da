"""What a proxy says of its models and settings; bodies as captured from 1.109.1 with what the fleet says put in."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from inferdeck.simulate.fleet import Engine
from inferdeck.simulate.servers.litellm.config_file import SUPPORTS, costs, parameters, routing
from inferdeck.simulate.servers.litellm.http import NO_DATABASE, Asked, Refused, error, reply, template

CREATED = 1_677_610_602
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
    prices, limits = costs(price), {"tpm": one.tokens_per_minute, "rpm": one.requests_per_minute}
    found["litellm_params"] = parameters(place, one, price) | found["litellm_params"]
    info = found["model_info"]
    info |= {"id": name, "pricing_overrides": list(prices), "key": place.full, "litellm_provider": place.provider}
    info |= prices | limits
    if one.supports is not None:
        info |= {key: word in one.supports for word, key in SUPPORTS.items()}
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


async def router_settings(asked: Asked) -> web.Response:
    """GET /router/settings: a form with its values."""
    found, values = template("router_settings"), routing(asked.program.gateway)
    found["current_values"] |= values
    for field in found["fields"]:
        name = field["field_name"]
        if name in values:
            field["field_value"] = values[name]
            found["source"][name] = "config" if values[name] is not None else "default"
    return reply(found)


async def callbacks(asked: Asked) -> web.Response:
    """GET /get/config/callbacks: effective fallbacks and callbacks."""
    found = template("callbacks")["config"]
    found["router_settings"] |= routing(asked.program.gateway)
    if asked.program.push is not None:
        endpoint = {"GENERIC_LOGGER_ENDPOINT": asked.program.push.url, "GENERIC_LOGGER_HEADERS": None}
        found["callbacks"].append({"name": "generic_api", "variables": endpoint, "type": "success_and_failure"})
    return reply(found)


async def cost_map(asked: Asked) -> web.Response:
    """GET /public/litellm_model_cost_map: of our models alone, where the real one has some 4,500."""
    program, found = asked.program, {}
    for name, place in program.places.items():
        price, engine = program.prices[name], _engine(asked, name)
        mode = engine.model.mode if engine else "chat"
        entry = costs(price) | {"litellm_provider": place.provider, "mode": mode}
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
