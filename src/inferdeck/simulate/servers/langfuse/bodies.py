"""What the routes answer of one row each. Latencies and times to the first token are seconds here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inferdeck.simulate.servers.langfuse.models import decimal
from inferdeck.simulate.servers.langfuse.records import PROJECT, ModelPrice, Observation, Score, Trace, iso

GROUPS = ("core", "basic", "time", "io", "metadata", "model", "usage", "prompt", "metrics", "trace_context")
TRACE_GROUPS = ("core", "io", "scores", "observations", "metrics")


def _iso(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)


def _seconds(moment: int | None) -> float | None:
    return None if moment is None else moment / 1000


def observation_v2(trace: Trace, row: Observation, groups: tuple[str, ...], price: ModelPrice | None) -> dict[str, Any]:
    """Return a row of /v2/observations with the field groups asked for; prices are null without the group `model`."""
    if "model" not in groups:
        price = None
    found: dict[str, Any] = {
        "id": row.id,
        "traceId": row.trace_id,
        "startTime": iso(row.start),
        "endTime": _iso(row.end),
        "projectId": PROJECT,
        "parentObservationId": row.parent,
        "type": row.type,
        "modelId": price.id if price else None,
        "inputPrice": decimal(price.prices.get("input")) if price else None,
        "outputPrice": decimal(price.prices.get("output")) if price else None,
        "totalPrice": None,
    }
    for group in groups:
        if group in _V2:
            found.update(_V2[group](trace, row, price))
    return found


def _basic(trace: Trace, row: Observation, price: ModelPrice | None) -> dict[str, Any]:
    return {
        "name": row.name,
        "level": row.level,
        "statusMessage": row.status_message,
        "version": row.version,
        "environment": trace.environment,
        "bookmarked": False,
        "public": False,
        "userId": trace.user,
        "sessionId": trace.session,
        "isRootObservation": row.root,
    }


def _time(trace: Trace, row: Observation, price: ModelPrice | None) -> dict[str, Any]:
    return {
        "completionStartTime": _iso(row.completion),
        "createdAt": iso(row.created),
        "updatedAt": iso(row.created),
    }


def _model(trace: Trace, row: Observation, price: ModelPrice | None) -> dict[str, Any]:
    # Its documents called this providedModelName until September 2026; the server never did.
    return {
        "model": row.model,
        "internalModelId": price.id if price else None,
        "modelParameters": dict(row.model_parameters) if row.type == "GENERATION" else None,
    }


def _usage(trace: Trace, row: Observation, price: ModelPrice | None) -> dict[str, Any]:
    return {
        "usageDetails": dict(row.usage),
        "costDetails": dict(row.costs),
        "totalCost": row.total_cost,
        "usagePricingTierName": None,
    }


def _prompt(trace: Trace, row: Observation, price: ModelPrice | None) -> dict[str, Any]:
    return {"promptId": None, "promptName": None, "promptVersion": None}


def _metrics(trace: Trace, row: Observation, price: ModelPrice | None) -> dict[str, Any]:
    return {"latency": _seconds(row.latency_ms()), "timeToFirstToken": _seconds(row.first_token_ms())}


_V2: dict[str, Callable[[Trace, Observation, ModelPrice | None], dict[str, Any]]] = {
    "basic": _basic,
    "time": _time,
    "io": lambda trace, row, price: {"input": row.input, "output": row.output},
    "metadata": lambda trace, row, price: {"metadata": dict(row.metadata)},
    "model": _model,
    "usage": _usage,
    "prompt": _prompt,
    "metrics": _metrics,
    "trace_context": lambda trace, row, price: {
        "tags": list(trace.tags),
        "release": trace.release,
        "traceName": trace.name,
    },
}


def observation_v1(trace: Trace, row: Observation, price: ModelPrice | None) -> dict[str, Any]:
    """Return a row of v3's /observations: all fields, prices as numbers."""
    tokens = {"input": row.used("input"), "output": row.used("output"), "total": row.total_tokens()}
    costs = {"input": row.cost_of("input"), "output": row.cost_of("output"), "total": row.total_cost}
    known = bool(row.costs)
    return {
        **observation_v2(trace, row, ("time", "io", "metadata"), None),
        "name": row.name,
        "level": row.level,
        "statusMessage": row.status_message,
        "version": row.version,
        "environment": trace.environment,
        "model": row.model,
        "modelParameters": dict(row.model_parameters) if row.type == "GENERATION" else None,
        "promptId": None,
        "promptName": None,
        "promptVersion": None,
        "usage": {
            **tokens,
            "unit": "TOKENS",
            **{f"{part}Cost": cost if known else None for part, cost in costs.items()},
        },
        "usageDetails": dict(row.usage),
        "costDetails": dict(row.costs),
        "unit": "TOKENS",
        "promptTokens": tokens["input"],
        "completionTokens": tokens["output"],
        "totalTokens": tokens["total"],
        "modelId": price.id if price else None,
        "inputPrice": price.prices.get("input") if price else None,
        "outputPrice": price.prices.get("output") if price else None,
        "totalPrice": None,
        "calculatedInputCost": costs["input"] if known else None,
        "calculatedOutputCost": costs["output"] if known else None,
        "calculatedTotalCost": costs["total"],
        "latency": _seconds(row.latency_ms()),
        "timeToFirstToken": _seconds(row.first_token_ms()),
    }


def trace_core(trace: Trace) -> dict[str, Any]:
    """Return what every trace has."""
    return {
        "id": trace.id,
        "projectId": PROJECT,
        "timestamp": iso(trace.timestamp),
        "name": trace.name,
        "userId": trace.user,
        "sessionId": trace.session,
        "release": trace.release,
        "version": trace.version,
        "environment": trace.environment,
        "tags": list(trace.tags),
        "bookmarked": False,
        "public": False,
        "externalId": None,
        "createdAt": iso(trace.created),
        "updatedAt": iso(trace.created),
    }


def trace_listed(trace: Trace, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return a row of /traces: latency and cost are -1 and the lists empty where their group is not asked for."""
    io = {"input": None, "output": None, "metadata": dict(trace.metadata)} if "io" in groups else {}
    measured = "metrics" in groups
    return {
        **trace_core(trace),
        **io,
        "htmlPath": f"/project/{PROJECT}/traces/{trace.id}",
        "latency": trace.latency_ms() / 1000 if measured else -1,
        "totalCost": trace.total_cost() if measured else -1,
        "observations": [row.id for row in trace.observations] if "observations" in groups else [],
        "scores": [score.id for score in trace.scores] if "scores" in groups else [],
    }


def score_v2(score: Score, trace: Trace | None, *, full: bool = True) -> dict[str, Any]:
    """Return a row of /v2/scores, with what its trace adds; a boolean is a number with its text."""
    found: dict[str, Any] = {
        "id": score.id,
        "projectId": PROJECT,
        "name": score.name,
        "value": score.value if score.value is not None else 0,
        "dataType": score.data_type,
        "source": score.source,
        "timestamp": iso(score.timestamp),
        "createdAt": iso(score.created),
        "updatedAt": iso(score.created),
        "authorUserId": None,
        "comment": score.comment,
        "metadata": dict(score.metadata),
        "configId": score.config_id,
        "queueId": None,
        "environment": score.environment,
        "traceId": score.trace_id,
        "sessionId": score.session_id,
        "observationId": score.observation_id,
        "datasetRunId": None,
    }
    if score.data_type != "NUMERIC":
        found["stringValue"] = score.text
    if full and trace is not None:
        found["trace"] = {
            "userId": trace.user,
            "tags": list(trace.tags),
            "environment": trace.environment,
            "sessionId": trace.session,
        }
    return found


def score_v3(score: Score, groups: tuple[str, ...]) -> dict[str, Any]:
    """Return a row of /v3/scores with the field groups asked for."""
    found: dict[str, Any] = {
        "id": score.id,
        "projectId": PROJECT,
        "name": score.name,
        "value": score.polymorphic(),
        "dataType": score.data_type,
        "source": score.source,
        "timestamp": iso(score.timestamp),
        "environment": score.environment,
        "createdAt": iso(score.created),
        "updatedAt": iso(score.created),
    }
    if "details" in groups:
        found.update(comment=score.comment, configId=score.config_id, metadata=dict(score.metadata))
    if "subject" in groups:
        found["subject"] = _subject(score)
    if "annotation" in groups:
        found.update(authorUserId=None, queueId=None)
    return found


def _subject(score: Score) -> dict[str, Any]:
    if score.observation_id:
        return {"kind": "observation", "id": score.observation_id, "traceId": score.trace_id}
    if score.session_id:
        return {"kind": "session", "id": score.session_id}
    return {"kind": "trace", "id": score.trace_id}


def session(name: str, created: int, environment: str) -> dict[str, Any]:
    """Return a row of /sessions."""
    return {"id": name, "createdAt": iso(created), "projectId": PROJECT, "environment": environment}
