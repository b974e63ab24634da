"""StandardLoggingPayload: how LiteLLM's callbacks see one call, with the fields of 1.106.2 as captured."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from inferdeck.simulate.fleet import Price
from inferdeck.simulate.servers.litellm.books import Row, uuid_of

_CALLS = {"/v1/completions": "atext_completion", "/v1/embeddings": "aembedding"}


def payload(row: Row, price: Price) -> dict[str, Any]:
    """Return one call as an event; neither prompt nor answer are in it, as with `turn_off_message_logging`."""
    request, used, place = row.request, row.used, row.place
    cost = 0.0 if row.hit or row.failure else used.cost
    found: dict[str, Any] = json.loads(_template()) | {
        "id": row.id,
        "litellm_call_id": row.call,
        "trace_id": uuid_of(f"trace {request.id}").replace("-", ""),
        "call_type": call_type(request.route),
        "cache_hit": True if row.hit else False if request.stream or row.failure else None,
        "stream": True if request.stream and not row.failure else None,
        "custom_llm_provider": place.provider,
        "saved_cache_cost": _saved(row, price),
        "startTime": row.start,
        "endTime": row.end,
        "completionStartTime": row.first,
        "response_time": (row.first if request.stream else row.end) - row.start,
        "model": place.full,
        "model_group": place.group,
        "model_id": place.id,
        "api_base": place.called,
        "response_cost": cost,
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.input + used.output,
        "end_user": request.user or None,
        "requester_ip_address": row.who.client,
        "user_agent": row.who.agent,
        "request_tags": tags(row),
        "cost_breakdown": None if row.failure else breakdown(row, price),
    }
    _metadata(found["metadata"], row)
    _outcome(found, row)
    return found


def call_type(route: str) -> str:
    """Return what LiteLLM calls a route's function."""
    return _CALLS.get(route, "acompletion")


def tags(row: Row) -> list[str]:
    """Return the tags that LiteLLM gives of itself."""
    agent = row.who.agent
    return [f"User-Agent: {agent.partition('/')[0]}", f"User-Agent: {agent}"] if agent else []


def usage(row: Row) -> dict[str, Any]:
    """Return the usage object of an answer."""
    used = row.used
    return {
        "completion_tokens": used.output,
        "prompt_tokens": used.input,
        "total_tokens": used.input + used.output,
        "completion_tokens_details": {"reasoning_tokens": used.reasoning} if used.reasoning else None,
        "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": used.cached} if used.cached else None,
    }


def breakdown(row: Row, price: Price) -> dict[str, Any]:
    """Return what a call cost in USD by kind of token; `input_cost` holds that of cached tokens too."""
    used = row.used
    total = 0.0 if row.hit else used.cost
    output = 0.0 if row.hit else used.output * price.output / 1e6
    cached = used.cached * (price.input if price.cached_input is None else price.cached_input) / 1e6
    found: dict[str, Any] = json.loads(_template())["cost_breakdown"]
    found |= {"input_cost": total - output, "output_cost": output, "total_cost": total, "original_cost": total}
    if used.cached and not row.hit:
        found["cache_read_cost"] = cached
    else:
        found.pop("cache_read_cost", None)
    return found


def _saved(row: Row, price: Price) -> float:
    used = row.used
    return (used.input * price.input + used.output * price.output) / 1e6 if row.hit else 0.0


def _metadata(found: dict[str, Any], row: Row) -> None:
    who = row.who
    found |= {
        "user_api_key_hash": who.key,
        "user_api_key_alias": who.alias or None,
        "user_api_key_team_id": who.team or None,
        "user_api_key_team_alias": who.team_alias or None,
        "user_api_key_user_id": who.user or None,
        "user_api_key_end_user_id": row.request.user or None,
        "user_api_key_request_route": row.request.route,
        "requester_ip_address": who.client,
        "user_agent": who.agent,
        "requester_metadata": {"session_id": row.request.session},
        "usage_object": {} if row.failure else usage(row),
    }


def _outcome(found: dict[str, Any], row: Row) -> None:
    hidden = found["hidden_params"]
    hidden["additional_headers"] = None
    if row.failure is None:
        hidden |= {"model_id": row.place.id, "api_base": row.place.called, "response_cost": found["response_cost"]}
        hidden["litellm_model_name"] = row.place.full
        return
    found["status"] = "failure"
    found["status_fields"]["llm_api_status"] = "failure"
    name = row.failure.name.rpartition(".")[2]
    found["error_str"] = f"litellm.{name}"
    found["error_information"] |= {
        "error_code": row.failure.code,
        "error_class": name,
        "llm_provider": row.place.provider,
        "error_message": f"litellm.{name}",
        "traceback": "",
    }


@cache
def _template() -> str:
    return (files(__package__) / "bodies" / "payload.json").read_text("utf-8")
