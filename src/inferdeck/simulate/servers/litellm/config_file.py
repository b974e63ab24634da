"""LiteLLM's config.yaml, as its documentation (proxy/configs) writes it: what a gateway of the fleet begins with.

Keys for providers come from the environment; those for engines and the master key stand there in plain, as they ought
not to. All of them are made up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from inferdeck.simulate.fleet import Deployment, Engine, Fleet, Gateway, Price
from inferdeck.simulate.servers.litellm import identity
from inferdeck.simulate.servers.litellm.identity import MASTER_KEY, Place

STRATEGY = "simple-shuffle"
SUPPORTS = {
    "vision": "supports_vision",
    "tools": "supports_function_calling",
    "json": "supports_response_schema",
    "reasoning": "supports_reasoning",
}
HEAD = "# Of a simulated LiteLLM: whoever looks at it reads this file, nothing else does.\n"
REDIS_PORT = 6379


def text(gateway: Gateway, prices: Mapping[str, Price], fleet: Fleet) -> str:
    """Return the file of a gateway with these settings; prices by deployment."""
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    # In the order in which its documentation has the keys.
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 10_000
    # Names may hold letters that do not print, or turn round what stands behind them.
    yaml.allow_unicode = False
    stream = StringIO()
    yaml.dump(_content(gateway, prices, fleet), stream)
    return HEAD + stream.getvalue()


def parameters(place: Place, one: Deployment, price: Price) -> dict[str, Any]:
    """Return the `litellm_params` of a deployment but for its key, as the file has and /model/info shows them."""
    found: dict[str, Any] = {"model": place.full}
    if place.base:
        found["api_base"] = place.base
    found |= costs(price)
    limits = {"rpm": one.requests_per_minute, "tpm": one.tokens_per_minute}
    found |= {key: value for key, value in limits.items() if value is not None}
    return found | {"weight": one.weight}


def costs(price: Price) -> dict[str, Any]:
    """Return a price as LiteLLM has it, in USD per token."""
    found = {"input_cost_per_token": price.input / 1e6, "output_cost_per_token": price.output / 1e6}
    if price.cached_input is not None:
        found["cache_read_input_token_cost"] = price.cached_input / 1e6
    return found


def routing(gateway: Gateway) -> dict[str, Any]:
    """Return the `router_settings`; without fallbacks they are None."""
    chains = [{model: list(targets)} for model, targets in gateway.fallbacks.items()]
    return {
        "routing_strategy": STRATEGY,
        "num_retries": gateway.retries,
        "timeout": gateway.timeout_seconds,
        "fallbacks": chains or None,
        "allowed_fails": gateway.allowed_fails,
        "cooldown_time": gateway.cooldown_seconds,
    }


def provider_key(place: Place) -> str:
    """Return the reference to a provider's key."""
    return f"os.environ/{_upper(place.provider)}_API_KEY"


def engine_key(name: str) -> str:
    """Return the key of an engine, in plain."""
    return "sk-" + sha256(f"inferdeck key of {name}".encode()).hexdigest()[:24]


def _content(gateway: Gateway, prices: Mapping[str, Price], fleet: Fleet) -> dict[str, Any]:
    places = identity.places(gateway, fleet)
    engines = {one.name: one for one in fleet.engines}
    keyed = {one.name for one in fleet.providers if one.key}
    models = []
    for one in gateway.deployments:
        place, engine = places[one.id], engines.get(one.target)
        params = parameters(place, one, prices[one.id])
        if engine is not None:
            params["api_key"] = engine_key(engine.name)
        elif one.target in keyed:
            params["api_key"] = provider_key(place)
        models.append({"model_name": one.model, "litellm_params": params, "model_info": _info(one, engine)})
    settings = {key: value for key, value in routing(gateway).items() if value is not None}
    found = {"model_list": models, "litellm_settings": _settings(gateway), "router_settings": settings}
    if gateway.guardrails:
        found["guardrails"] = [_guardrail(name) for name in gateway.guardrails]
    return found | {"general_settings": _general(gateway)}


def _info(one: Deployment, engine: Engine | None) -> dict[str, Any]:
    found: dict[str, Any] = {"id": one.id}
    if engine is not None:
        found |= {"mode": engine.model.mode, "max_input_tokens": engine.model.context}
    if one.supports is not None:
        found |= {key: word in one.supports for word, key in SUPPORTS.items()}
    return found


def _settings(gateway: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = {"callbacks": ["prometheus"], "cache": gateway.cache_seconds is not None}
    if gateway.cache_seconds is not None:
        where = {"host": gateway.cache, "port": REDIS_PORT, "password": "os.environ/REDIS_PASSWORD"}
        kind = {"type": "redis", **where} if gateway.cache else {"type": "local"}
        found["cache_params"] = {**kind, "ttl": gateway.cache_seconds}
    return found


def _guardrail(name: str) -> dict[str, Any]:
    params = {
        "guardrail": "generic_guardrail_api",
        "mode": "pre_call",
        "api_base": "http://guardrails:8080",
        "api_key": f"os.environ/{_upper(name)}_KEY",
        "default_on": True,
    }
    return {"guardrail_name": name, "litellm_params": params}


def _general(gateway: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = {"master_key": MASTER_KEY}
    if gateway.database:
        found["database_url"] = "os.environ/DATABASE_URL"
    if gateway.mock_testing:
        found["dangerously_allow_mock_testing_request_params"] = True
    return found


def _upper(name: str) -> str:
    """Return a name as that of an environment variable."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())
