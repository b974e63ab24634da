"""What a v3 server reads: traces, observations, sessions, metrics, daily metrics and scores; paging by pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inferdeck.simulate.servers.langfuse.aggregate import answer
from inferdeck.simulate.servers.langfuse.bodies import (
    TRACE_GROUPS,
    observation_v1,
    score_v2,
    session,
    trace_core,
    trace_listed,
)
from inferdeck.simulate.servers.langfuse.columns import OBSERVATIONS, OPERATORS, TRACES, Row, day, parsed
from inferdeck.simulate.servers.langfuse.query import query_of
from inferdeck.simulate.servers.langfuse.records import Observation, Score, Trace
from inferdeck.simulate.servers.langfuse.refused import invalid, not_allowed, not_found
from inferdeck.simulate.servers.langfuse.site import Asked, page

_ORDERED: dict[str, Callable[[Trace], Any]] = {
    "timestamp": lambda trace: trace.timestamp,
    "id": lambda trace: trace.id,
    "name": lambda trace: trace.name or "",
    "userId": lambda trace: trace.user or "",
    "sessionId": lambda trace: trace.session or "",
    "release": lambda trace: trace.release or "",
    "version": lambda trace: trace.version or "",
    "public": lambda trace: False,
    "bookmarked": lambda trace: False,
}


def traces(asked: Asked) -> dict[str, Any]:
    """GET /traces."""
    groups = asked.groups("fields", TRACE_GROUPS, TRACE_GROUPS)
    field, _, direction = (asked.text("orderBy") or "timestamp.desc").partition(".")
    if field not in _ORDERED or direction not in ("asc", "desc"):
        raise invalid("orderBy", f"Invalid orderBy {field}.{direction}")
    text = asked.text("filter")
    if text is not None:
        conditions = parsed(text, TRACES)
        found = [trace for trace in asked.window.traces() if all(c.holds(Row(trace)) for c in conditions)]
    else:
        found = _filtered_traces(asked)
    found.sort(key=lambda trace: (_ORDERED[field](trace), trace.id), reverse=direction == "desc")
    shown, meta = page(asked, found)
    return {"data": [trace_listed(trace, groups) for trace in shown], "meta": meta}


def _filtered_traces(asked: Asked, name: str = "name") -> list[Trace]:
    since, until = asked.moment("fromTimestamp"), asked.moment("toTimestamp")
    environments, tags = asked.query.getall("environment", []), set(asked.several("tags"))
    wanted = {key: asked.text(key) for key in ("userId", "sessionId", "version", "release", name)}
    found = []
    for trace in asked.window.traces(since, until):
        given = {
            "userId": trace.user, "sessionId": trace.session, "version": trace.version, "release": trace.release,
            name: trace.name,
        }  # fmt: skip
        if any(value is not None and given[key] != value for key, value in wanted.items()):
            continue
        if (since is not None and trace.timestamp < since) or (until is not None and trace.timestamp >= until):
            continue
        if (not environments or trace.environment in environments) and tags <= set(trace.tags):
            found.append(trace)
    return found


def trace(asked: Asked) -> dict[str, Any]:
    """GET /traces/{traceId}."""
    name = asked.names["traceId"]
    found = asked.window.trace(name)
    if found is None:
        raise not_found(f"Trace {name} not found within authorized project")
    groups = asked.groups("fields", TRACE_GROUPS, TRACE_GROUPS)
    scores = [score for score, owner in asked.window.scores() if owner is found]
    return {
        **trace_listed(found, groups),
        "observations": [_row(asked, found, row) for row in found.observations] if "observations" in groups else [],
        "scores": [score_v2(score, found, full=False) for score in scores] if "scores" in groups else [],
    }


def _row(asked: Asked, owner: Trace, row: Observation) -> dict[str, Any]:
    return observation_v1(owner, row, asked.models.match(row.model, row.start))


def observations(asked: Asked) -> dict[str, Any]:
    """GET /observations."""
    text = asked.text("filter")
    since, until = asked.moment("fromStartTime"), asked.moment("toStartTime")
    if text is not None:
        conditions, since, until = parsed(text, OBSERVATIONS), None, None
        rows = [
            (trace, row)
            for trace in asked.window.traces()
            for row in trace.observations
            if all(condition.holds(Row(trace, row)) for condition in conditions)
        ]
    else:
        rows = [
            (trace, row)
            for trace in asked.window.traces(since, until)
            for row in trace.observations
            if _fits(asked, trace, row, since, until)
        ]
    rows.sort(key=lambda pair: (pair[1].start, pair[1].id), reverse=True)
    shown, meta = page(asked, rows)
    return {"data": [_row(asked, trace, row) for trace, row in shown], "meta": meta}


def _fits(asked: Asked, owner: Trace, row: Observation, since: int | None, until: int | None) -> bool:
    if (since is not None and row.start < since) or (until is not None and row.start >= until):
        return False
    given = {
        "name": row.name, "userId": owner.user, "type": row.type, "traceId": row.trace_id, "level": row.level,
        "parentObservationId": row.parent, "version": row.version,
    }  # fmt: skip
    environments = asked.query.getall("environment", [])
    return all((wanted := asked.text(name)) is None or wanted == value for name, value in given.items()) and (
        not environments or owner.environment in environments
    )


def observation(asked: Asked) -> dict[str, Any]:
    """GET /observations/{observationId}."""
    for owner in asked.window.traces():
        for row in owner.observations:
            if row.id == asked.names["observationId"]:
                return _row(asked, owner, row)
    raise not_found("Observation not found within authorized project")


def sessions(asked: Asked) -> dict[str, Any]:
    """GET /sessions: newest first."""
    since, until = asked.moment("fromTimestamp"), asked.moment("toTimestamp")
    environments = asked.query.getall("environment", [])
    found = [
        (created, name, environment)
        for name, (created, environment) in _sessions(asked).items()
        if (since is None or created >= since)
        and (until is None or created < until)
        and (not environments or environment in environments)
    ]
    shown, meta = page(asked, sorted(found, reverse=True))
    return {"data": [session(name, created, environment) for created, name, environment in shown], "meta": meta}


def _sessions(asked: Asked) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for one in asked.window.traces():
        if one.session is not None:
            known = found.get(one.session)
            if known is None or one.timestamp < known[0]:
                found[one.session] = (one.timestamp, one.environment)
    return found


def one_session(asked: Asked) -> dict[str, Any]:
    """GET /sessions/{sessionId}."""
    name = asked.names["sessionId"]
    found = sorted((t for t in asked.window.traces() if t.session == name), key=lambda t: t.timestamp)
    if not found:
        raise not_found("Session not found within authorized project")
    return {
        **session(name, found[0].timestamp, found[0].environment),
        "traces": [{**trace_core(one), "input": None, "output": None, "metadata": dict(one.metadata)} for one in found],
    }


def metrics(asked: Asked) -> dict[str, Any]:
    """GET /metrics."""
    text = asked.text("query")
    if text is None:
        raise invalid("query", "Invalid input: expected string, received undefined")
    return {"data": answer(query_of(text, "v1"), asked.window)}


def daily(asked: Asked) -> dict[str, Any]:
    """GET /metrics/daily: newest day first; inputUsage and outputUsage are the parts of exactly these names."""
    days: dict[str, list[Trace]] = {}
    for one in _filtered_traces(asked, "traceName"):
        days.setdefault(day(one.timestamp), []).append(one)
    shown, meta = page(asked, sorted(days, reverse=True))
    return {"data": [_day(date, days[date]) for date in shown], "meta": meta}


def _day(date: str, found: list[Trace]) -> dict[str, Any]:
    models: dict[str | None, list[Observation]] = {}
    for one in found:
        for row in one.observations:
            models.setdefault(row.model, []).append(row)
    return {
        "date": date,
        "countTraces": len(found),
        "countObservations": sum(map(len, models.values())),
        "totalCost": sum(one.total_cost() for one in found),
        "usage": [
            {
                "model": model,
                "inputUsage": sum(row.usage.get("input", 0) for row in rows),
                "outputUsage": sum(row.usage.get("output", 0) for row in rows),
                "totalUsage": sum(row.total_tokens() for row in rows),
                "totalCost": sum(row.total_cost or 0.0 for row in rows),
                "countObservations": len(rows),
                "countTraces": len({row.trace_id for row in rows}),
            }
            for model, rows in models.items()
        ],
    }


def scores(asked: Asked) -> dict[str, Any]:
    """GET /v2/scores."""
    groups = asked.several("fields") or ["score", "trace"]
    if "score" not in groups:
        raise not_allowed("Scores needs to be selected always.")
    if "trace" not in groups and (asked.text("userId") or asked.text("traceTags")):
        raise not_allowed(
            "Cannot filter by trace properties (userId, traceTags) when 'trace' field is not included. Please add "
            "'trace' to the fields parameter or remove trace filters."
        )
    found = [(score, trace) for score, trace in asked.window.scores() if _score_fits(asked, score, trace)]
    found.sort(key=lambda pair: (pair[0].timestamp, pair[0].id), reverse=True)
    shown, meta = page(asked, found)
    return {"data": [score_v2(score, owner, full="trace" in groups) for score, owner in shown], "meta": meta}


def _score_fits(asked: Asked, score: Score, owner: Trace | None) -> bool:
    given = {
        "name": score.name, "source": score.source, "dataType": score.data_type, "configId": score.config_id,
        "sessionId": score.session_id or (owner.session if owner else None), "traceId": score.trace_id,
        "userId": owner.user if owner else None, "queueId": None, "datasetRunId": None,
    }  # fmt: skip
    if any((wanted := asked.text(name)) is not None and wanted != value for name, value in given.items()):
        return False
    several = {"scoreIds": score.id, "observationId": score.observation_id, "environment": score.environment}
    if any((listed := asked.several(name)) and value not in listed for name, value in several.items()):
        return False
    if not set(asked.several("traceTags")) <= set(owner.tags if owner else ()):
        return False
    since, until = asked.moment("fromTimestamp"), asked.moment("toTimestamp")
    if (since is not None and score.timestamp < since) or (until is not None and score.timestamp >= until):
        return False
    operator, value = asked.text("operator"), asked.text("value")
    if operator is None or value is None:
        return True
    if operator not in ("<", ">", "<=", ">=", "!=", "="):
        raise invalid("operator", "Invalid option: expected one of <|>|<=|>=|!=|=")
    try:
        return score.value is not None and OPERATORS[operator](score.value, float(value))
    except ValueError as error:
        raise invalid("value", "Invalid input: expected number, received NaN") from error


def score(asked: Asked) -> dict[str, Any]:
    """GET /v2/scores/{scoreId}."""
    for found, owner in asked.window.scores():
        if found.id == asked.names["scoreId"]:
            return score_v2(found, owner, full=False)
    raise not_found("Score not found within authorized project")
