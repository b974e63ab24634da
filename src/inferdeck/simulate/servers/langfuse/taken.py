"""What real clients send: OTLP spans, the legacy ingestion's batches, and scores become rows of the window."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from inferdeck.simulate.servers.langfuse.models import Models
from inferdeck.simulate.servers.langfuse.otlp import Span
from inferdeck.simulate.servers.langfuse.records import Observation, Score, Trace, instant
from inferdeck.simulate.servers.langfuse.refused import invalid
from inferdeck.simulate.servers.langfuse.window import Window, identity

REMEDY = (
    "Upgrade the client or integration to a v4-compatible SDK or OTLP ingestion path. As a temporary migration bridge, "
    "set LANGFUSE_MIGRATION_V4_WRITE_MODE=dual on both the web and worker services and redeploy. Docs: "
    "https://langfuse.com/self-hosting/upgrade/upgrade-guides/upgrade-v3-to-v4"
)


def take_span(span: Span, window: Window, models: Models, now: int) -> None:
    """Add a span, with what it says of its trace."""
    given = span.attributes
    start = span.start // 1_000_000
    trace = window.sent_trace(span.trace_id, start, now)
    trace.timestamp = min(trace.timestamp, start)
    root = not span.parent or given.get("langfuse.internal.is_app_root") is True
    _describe(trace, given, span.name if root else None)
    model = _first(given, "langfuse.observation.model.name", "gen_ai.response.model", "gen_ai.request.model")
    row = Observation(
        span.id,
        span.trace_id,
        str(given.get("langfuse.observation.type") or ("generation" if model else "span")).upper(),
        span.name,
        start,
        span.end // 1_000_000 if span.end else None,
        parent=span.parent or None,
        root=root,
        level=str(given.get("langfuse.observation.level") or ("ERROR" if span.failed else "DEFAULT")),
        status_message=given.get("langfuse.observation.status_message") or span.message or None,
        model=model,
        model_parameters=_object(given.get("langfuse.observation.model.parameters")),
        metadata={
            key.removeprefix("langfuse.observation.metadata."): value
            for key, value in given.items()
            if key.startswith("langfuse.observation.metadata.")
        },
        version=given.get("langfuse.version"),
        input=given.get("langfuse.observation.input"),
        output=given.get("langfuse.observation.output"),
        created=now,
    )
    completion = _object_or_text(given.get("langfuse.observation.completion_start_time"))
    row.completion = instant(completion) if isinstance(completion, str) else None
    _spend(row, _object(given.get("langfuse.observation.usage_details")) or _tokens(given),
           _object(given.get("langfuse.observation.cost_details")), models)  # fmt: skip
    _put(trace, row)


def take_event(event: Mapping[str, Any], window: Window, models: Models, now: int) -> None:
    """Add one event of a legacy batch; raises ValueError or KeyError where it does not fit."""
    kind, body = str(event["type"]), event["body"]
    moment = instant(body.get("timestamp") or body.get("startTime") or event["timestamp"])
    if kind == "score-create":
        window.sent_score(score_of(body, now))
    elif kind == "trace-create":
        trace = window.sent_trace(body["id"], moment, now)
        for name, key in (("name", "name"), ("user", "userId"), ("session", "sessionId"), ("release", "release")):
            if body.get(key) is not None:
                setattr(trace, name, str(body[key]))
        trace.version = body.get("version") or trace.version
        trace.environment = body.get("environment") or trace.environment
        trace.tags = tuple(body.get("tags") or trace.tags)
        trace.metadata = _object(body.get("metadata")) or trace.metadata
    elif kind != "sdk-log":
        _take_observation(kind, body, moment, window, models, now)


def _take_observation(
    kind: str, body: Mapping[str, Any], moment: int, window: Window, models: Models, now: int
) -> None:
    trace = window.sent_trace(body.get("traceId") or body["id"], moment, now)
    old = next((row for row in trace.observations if row.id == body["id"]), None)
    kind_of = str(body.get("type") or kind.partition("-")[0]).upper()
    row = old or Observation(body["id"], trace.id, kind_of, None, moment, created=now)
    row.parent = body.get("parentObservationId") or row.parent
    row.root = row.parent is None
    for name, key in (("name", "name"), ("model", "model"), ("level", "level"), ("status_message", "statusMessage")):
        if body.get(key) is not None:
            setattr(row, name, str(body[key]))
    row.end = instant(body["endTime"]) if body.get("endTime") else row.end
    row.completion = instant(body["completionStartTime"]) if body.get("completionStartTime") else row.completion
    row.model_parameters = _object(body.get("modelParameters")) or row.model_parameters
    row.metadata = _object(body.get("metadata")) or row.metadata
    row.input, row.output = _text(body.get("input")) or row.input, _text(body.get("output")) or row.output
    usage = body.get("usage") or {}
    given = body.get("usageDetails") or {
        "input": usage.get("input") or usage.get("promptTokens"),
        "output": usage.get("output") or usage.get("completionTokens"),
        "total": usage.get("total") or usage.get("totalTokens"),
    }
    _spend(row, given, body.get("costDetails") or {}, models)
    _put(trace, row)


def score_of(body: Mapping[str, Any], now: int) -> Score:
    """Return a score of a real client; raises RefusedError where it does not fit."""
    name, value = body.get("name"), body.get("value")
    if not isinstance(name, str) or not name:
        raise invalid("name", "Required")
    if not isinstance(value, (int, float, str)):
        raise invalid("value", "Required")
    kind = body.get("dataType") or ("CATEGORICAL" if isinstance(value, str) else "NUMERIC")
    if isinstance(value, str) != (kind in ("CATEGORICAL", "TEXT", "CORRECTION")):
        raise invalid("value", f"Value does not fit data type {kind}")
    if not any(body.get(key) for key in ("traceId", "sessionId", "datasetRunId")):
        raise invalid("traceId", "Provide either traceId or sessionId")
    moment = instant(body["timestamp"]) if body.get("timestamp") else now
    boolean = {1: "True", 0: "False"}.get(int(value)) if kind == "BOOLEAN" else None
    return Score(
        str(body.get("id") or identity(f"score {name} {now} {body}", 16)),
        name,
        None if isinstance(value, str) else float(value),
        kind,
        str(body.get("source") or "API"),
        moment,
        trace_id=body.get("traceId"),
        observation_id=body.get("observationId"),
        session_id=body.get("sessionId"),
        text=value if isinstance(value, str) else boolean,
        comment=body.get("comment"),
        metadata=_object(body.get("metadata")),
        environment=str(body.get("environment") or "default"),
        config_id=body.get("configId"),
        created=now,
    )


def _describe(trace: Trace, given: Mapping[str, Any], root_name: str | None) -> None:
    trace.name = given.get("langfuse.trace.name") or trace.name or root_name
    trace.user = _first(given, "user.id", "langfuse.user.id") or trace.user
    trace.session = _first(given, "session.id", "langfuse.session.id") or trace.session
    trace.environment = _first(given, "langfuse.environment", "deployment.environment") or trace.environment
    trace.release = given.get("langfuse.release") or trace.release
    trace.version = given.get("langfuse.version") or trace.version
    tags = given.get("langfuse.trace.tags")
    if isinstance(tags, list):
        trace.tags = tuple(sorted({*trace.tags, *map(str, tags)}))


def _spend(row: Observation, usage: Mapping[str, Any], costs: Mapping[str, Any], models: Models) -> None:
    used = {name: int(count) for name, count in usage.items() if isinstance(count, (int, float))}
    if used:
        row.usage = {**used, "total": used.get("total", sum(used.values()))}
    paid = {name: float(cost) for name, cost in costs.items() if isinstance(cost, (int, float))}
    price = models.match(row.model, row.start)
    if not paid and used and price:
        paid = {name: count * price.prices[name] for name, count in used.items() if name in price.prices}
    if paid:
        row.costs = {**paid, "total": paid.get("total", sum(paid.values()))}


def _put(trace: Trace, row: Observation) -> None:
    trace.observations = [*(old for old in trace.observations if old.id != row.id), row]


def _tokens(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "input": _first(given, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output": _first(given, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    }


def _first(given: Mapping[str, Any], *names: str) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _object_or_text(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _object(value: Any) -> dict[str, Any]:
    read = _object_or_text(value)
    return dict(read) if isinstance(read, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
