"""What a v4 server (events_only) reads: /v2/observations, /v2/metrics, /v3/scores; paging by cursor."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from inferdeck.simulate.servers.langfuse.aggregate import answer
from inferdeck.simulate.servers.langfuse.bodies import GROUPS, observation_v2, score_v3
from inferdeck.simulate.servers.langfuse.columns import OBSERVATIONS, Condition, Row, parsed
from inferdeck.simulate.servers.langfuse.query import query_of
from inferdeck.simulate.servers.langfuse.records import Observation, Score, Trace, instant, iso
from inferdeck.simulate.servers.langfuse.refused import invalid, no_page, not_allowed, not_found
from inferdeck.simulate.servers.langfuse.site import Asked

LATER = "Learn more at: https://langfuse.com/docs/v4"
BETA = "v2 APIs are currently in beta and only available on Langfuse Cloud"


def observations(asked: Asked) -> dict[str, Any]:
    """GET /v2/observations."""
    _only_v4(asked, "observations", since=(3, 133))
    if asked.boolean("parseIoAsJson"):
        raise not_allowed(
            "parseIoAsJson is no longer supported. Input/output fields are always returned as raw strings."
        )
    limit = asked.whole("limit", 50, 1000)
    groups = asked.groups("fields", GROUPS, ("core", "basic"))
    conditions, since, until = _wanted(asked)
    last = _cursor(asked, ("lastStartTimeTo", "lastTraceId", "lastId"))
    # A row lies between its trace's beginning and end, so these bounds leave out whole traces.
    newest = last[0] if last and (until is None or last[0] < until) else until
    rows = [
        (trace, row)
        for trace in asked.window.traces(since, newest)
        for row in trace.observations
        if (last is None or _key(row) < last) and all(condition.holds(Row(trace, row)) for condition in conditions)
    ]
    rows.sort(key=lambda pair: _key(pair[1]), reverse=True)
    shown = rows[:limit]
    data = [observation_v2(trace, row, groups, asked.models.match(row.model, row.start)) for trace, row in shown]
    meta = {}
    if len(rows) > limit:
        start, trace_id, name = _key(shown[-1][1])
        meta["cursor"] = encoded({"lastStartTimeTo": iso(start), "lastTraceId": trace_id, "lastId": name})
    return {"data": data, "meta": meta}


def _key(row: Observation) -> tuple[int, str, str]:
    return row.start, row.trace_id, row.id


def _wanted(asked: Asked) -> tuple[list[Condition], int | None, int | None]:
    """Return what rows must fulfil, and time bounds that hold for all of them; `filter` overrides the others."""
    text = asked.text("filter")
    if text is not None:
        conditions = parsed(text, OBSERVATIONS)
        times = [condition for condition in conditions if condition.column is OBSERVATIONS["startTime"]]
        lower = [condition.value for condition in times if condition.operator.startswith(">")]
        upper = [condition.value for condition in times if condition.operator.startswith("<")]
        return conditions, max(lower, default=None), min(upper, default=None)
    plain = {
        "name": "name", "userId": "userId", "sessionId": "sessionId", "type": "type", "traceId": "traceId",
        "level": "level", "version": "version",
    }  # fmt: skip
    found = [Condition(OBSERVATIONS[key], "string", "=", value) for key in plain if (value := asked.text(key))]
    if "parentObservationId" in asked.query:
        parent = asked.query["parentObservationId"]
        column = OBSERVATIONS["parentObservationId"]
        found.append(Condition(column, "string", "=", parent) if parent else Condition(column, "null", "is null", None))
    root = asked.boolean("isRootObservation")
    if root is not None:
        found.append(Condition(OBSERVATIONS["isRootObservation"], "boolean", "=", root))
    if environments := asked.query.getall("environment", []):
        found.append(Condition(OBSERVATIONS["environment"], "stringOptions", "any of", environments))
    since, until = asked.moment("fromStartTime"), asked.moment("toStartTime")
    if since is not None:
        found.append(Condition(OBSERVATIONS["startTime"], "datetime", ">=", since))
    if until is not None:
        found.append(Condition(OBSERVATIONS["startTime"], "datetime", "<", until))
    return found, since, until


def metrics(asked: Asked) -> dict[str, Any]:
    """GET /v2/metrics."""
    _only_v4(asked, "metrics", since=(3, 137))
    text = asked.text("query")
    if text is None:
        raise invalid("query", "Invalid input: expected string, received undefined")
    return {"data": answer(query_of(text, "v2"), asked.window)}


def _only_v4(asked: Asked, name: str, *, since: tuple[int, int]) -> None:
    if asked.version < since:
        raise no_page()
    if asked.version < (3, 200):
        raise not_found(BETA)
    if asked.version < (4,):
        raise not_found(f"The {name} v2 API is only available in a Langfuse v4 write mode. {LATER}")


def scores(asked: Asked) -> dict[str, Any]:
    """GET /v3/scores."""
    if asked.version < (3, 179):
        raise no_page()
    limit = asked.whole("limit", 50, 100)
    groups = ("details", "subject", "annotation")
    wanted = asked.several("fields")
    if strange := [name for name in wanted if name not in (*groups, "core")]:
        raise invalid("fields", f"Unknown field group {strange[0]}. Allowed: {', '.join(groups)}")
    if asked.text("observationId") and not asked.text("traceId"):
        raise invalid("observationId", "observationId requires traceId")
    found = [(score, trace) for score, trace in asked.window.scores() if _fits(asked, score, trace)]
    last = _cursor(asked, ("lastTimestamp", "lastId"))
    kept = sorted((score.timestamp, score.id, score) for score, _ in found if last is None or _before(score, last))
    kept.reverse()
    meta: dict[str, Any] = {"limit": limit}
    if len(kept) > limit:
        moment, name, _ = kept[limit - 1]
        meta["cursor"] = encoded({"lastTimestamp": iso(moment), "lastId": name})
    return {"data": [score_v3(score, tuple(wanted)) for _, _, score in kept[:limit]], "meta": meta}


def _before(score: Score, last: tuple[Any, ...]) -> bool:
    return (score.timestamp, score.id) < last


def _fits(asked: Asked, score: Score, trace: Trace | None) -> bool:
    session = score.session_id
    given = {
        "id": score.id, "name": score.name, "environment": score.environment, "configId": score.config_id,
        "traceId": score.trace_id, "observationId": score.observation_id, "sessionId": session,
        "queueId": None, "authorUserId": None, "experimentId": None,
    }  # fmt: skip
    if any((wanted := asked.several(name)) and value not in wanted for name, value in given.items()):
        return False
    upper = {"source": score.source, "dataType": score.data_type}
    if any((wanted := asked.several(name)) and value not in map(str.upper, wanted) for name, value in upper.items()):
        return False
    since, until = asked.moment("fromTimestamp"), asked.moment("toTimestamp")
    if (since is not None and score.timestamp < since) or (until is not None and score.timestamp >= until):
        return False
    return _valued(asked, score)


def _valued(asked: Asked, score: Score) -> bool:
    kinds = [kind.upper() for kind in asked.several("dataType")]
    wanted, bounds = asked.several("value"), {name: asked.text(name) for name in ("valueMin", "valueMax")}
    if wanted and (len(kinds) != 1 or kinds[0] not in ("NUMERIC", "BOOLEAN", "CATEGORICAL")):
        raise invalid("value", "value requires a single dataType of NUMERIC, BOOLEAN or CATEGORICAL")
    if any(bounds.values()) and kinds != ["NUMERIC"]:
        raise invalid("valueMin", "valueMin and valueMax require dataType=NUMERIC")
    try:
        low, high = (None if text is None else float(text) for text in bounds.values())
        numbers = [float(text) for text in wanted] if kinds == ["NUMERIC"] else []
    except ValueError as error:
        raise invalid("value", "Invalid input: expected number, received NaN") from error
    if score.value is not None and (
        (low is not None and score.value < low) or (high is not None and score.value > high)
    ):
        return False
    if numbers:
        return score.value in numbers
    return not wanted or str(score.polymorphic()).lower() in map(str.lower, wanted)


def encoded(cursor: dict[str, str]) -> str:
    """Return a cursor as it goes over the wire: base64url of JSON."""
    return base64.urlsafe_b64encode(json.dumps(cursor, separators=(",", ":")).encode()).decode().rstrip("=")


def _cursor(asked: Asked, names: tuple[str, ...]) -> Any:
    """Return a cursor's values, a time first; None without one."""
    text = asked.text("cursor")
    if text is None:
        return None
    try:
        raw = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return (instant(raw[names[0]]), *(str(raw[name]) for name in names[1:]))
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise invalid("cursor", "Invalid cursor format") from error
