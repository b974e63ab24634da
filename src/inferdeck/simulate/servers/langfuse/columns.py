"""What can be filtered and grouped by: the columns of observations, traces and scores, and Langfuse's filter arrays."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from inferdeck.simulate.servers.langfuse.records import Observation, Score, Trace, instant
from inferdeck.simulate.servers.langfuse.refused import invalid


class Row(NamedTuple):
    """One row of a view with what it belongs to."""

    trace: Trace | None
    observation: Observation | None = None
    score: Score | None = None


Column = Callable[[Row], Any]


def _of_observation(name: str) -> Column:
    return lambda row: None if row.observation is None else getattr(row.observation, name)


def _of_trace(name: str) -> Column:
    return lambda row: None if row.trace is None else getattr(row.trace, name)


def _of_score(name: str) -> Column:
    return lambda row: None if row.score is None else getattr(row.score, name)


def _seconds(row: Row) -> float | None:
    latency = row.observation.latency_ms() if row.observation else None
    return None if latency is None else latency / 1000


def _first_token(row: Row) -> float | None:
    first = row.observation.first_token_ms() if row.observation else None
    return None if first is None else first / 1000


def _speed(row: Row) -> float | None:
    seconds = _seconds(row)
    return row.observation.used("output") / seconds if row.observation and seconds else None


def _used(part: str) -> Column:
    return lambda row: row.observation.used(part) if row.observation else None


def _cost(part: str) -> Column:
    return lambda row: row.observation.cost_of(part) if row.observation else None


def month(milliseconds: int) -> str:
    """Return the month of a time as YYYY-MM."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m}"


def day(milliseconds: int) -> str:
    """Return the day of a time as YYYY-MM-DD."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"


_SHARED: dict[str, Column] = {
    "userId": _of_trace("user"),
    "sessionId": _of_trace("session"),
    "environment": _of_trace("environment"),
    "tags": lambda row: row.trace.tags if row.trace else (),
    "traceTags": lambda row: row.trace.tags if row.trace else (),
    "release": _of_trace("release"),
    "traceName": _of_trace("name"),
    "traceRelease": _of_trace("release"),
    "traceVersion": _of_trace("version"),
    "traceEnvironment": _of_trace("environment"),
}

OBSERVATIONS: dict[str, Column] = {
    **_SHARED,
    "id": _of_observation("id"),
    "traceId": _of_observation("trace_id"),
    "type": _of_observation("type"),
    "name": _of_observation("name"),
    "startTime": _of_observation("start"),
    "endTime": _of_observation("end"),
    "level": _of_observation("level"),
    "statusMessage": _of_observation("status_message"),
    "version": _of_observation("version"),
    "parentObservationId": _of_observation("parent"),
    "isRootObservation": _of_observation("root"),
    "latency": _seconds,
    "timeToFirstToken": _first_token,
    "tokensPerSecond": _speed,
    "inputTokens": _used("input"),
    "outputTokens": _used("output"),
    "totalTokens": lambda row: row.observation.total_tokens() if row.observation else None,
    "tokens": lambda row: row.observation.total_tokens() if row.observation else None,
    "inputCost": _cost("input"),
    "outputCost": _cost("output"),
    "totalCost": _of_observation("total_cost"),
    "model": _of_observation("model"),
    "providedModelName": _of_observation("model"),
    "promptName": lambda row: None,
    "promptVersion": lambda row: None,
    "input": _of_observation("input"),
    "output": _of_observation("output"),
    "metadata": _of_observation("metadata"),
    "startTimeMonth": lambda row: month(row.observation.start) if row.observation else None,
}

TRACES: dict[str, Column] = {
    **_SHARED,
    "id": _of_trace("id"),
    "name": _of_trace("name"),
    "timestamp": _of_trace("timestamp"),
    "version": _of_trace("version"),
    "metadata": _of_trace("metadata"),
    "bookmarked": lambda row: False,
    "latency": lambda row: row.trace.latency_ms() / 1000 if row.trace else None,
    "totalCost": lambda row: row.trace.total_cost() if row.trace else None,
    "level": lambda row: row.trace.level() if row.trace else None,
    "timestampMonth": lambda row: month(row.trace.timestamp) if row.trace else None,
}

SCORES: dict[str, Column] = {
    **_SHARED,
    "id": _of_score("id"),
    "traceId": _of_score("trace_id"),
    "observationId": _of_score("observation_id"),
    "name": _of_score("name"),
    "source": _of_score("source"),
    "dataType": _of_score("data_type"),
    "configId": _of_score("config_id"),
    "environment": _of_score("environment"),
    "timestamp": _of_score("timestamp"),
    "value": _of_score("value"),
    "stringValue": _of_score("text"),
    "booleanValue": lambda row: None if row.score is None else row.score.value == 1,
    "metadata": _of_score("metadata"),
    "timestampMonth": lambda row: month(row.score.timestamp) if row.score else None,
    "timestampDay": lambda row: day(row.score.timestamp) if row.score else None,
    "observationName": _of_observation("name"),
    "observationModelName": _of_observation("model"),
    "observationPromptName": lambda row: None,
    "observationPromptVersion": lambda row: None,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a filter array."""

    column: Column
    type: str
    operator: str
    value: Any
    key: str | None = None

    def holds(self, row: Row) -> bool:
        """Say whether a row passes."""
        value = self.column(row)
        if self.type == "null":
            return (value is None or value == "") == (self.operator == "is null")
        if self.key is not None:
            value = value.get(self.key) if isinstance(value, Mapping) else None
        if self.operator in ("none of", "does not contain", "<>") and value is None:
            return True
        try:
            return value is not None and OPERATORS[self.operator](value, self.value)
        except (TypeError, ValueError):
            # A text is neither more nor less than a number.
            return False


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _members(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, (tuple, list)) else (_text(value),)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b
    return _text(a) == _text(b)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": _same,
    "<>": lambda a, b: not _same(a, b),
    "!=": lambda a, b: not _same(a, b),
    ">": lambda a, b: float(a) > float(b),
    "<": lambda a, b: float(a) < float(b),
    ">=": lambda a, b: float(a) >= float(b),
    "<=": lambda a, b: float(a) <= float(b),
    "contains": lambda a, b: _text(b) in _text(a),
    "matches": lambda a, b: _text(b).lower() in _text(a).lower(),
    "does not contain": lambda a, b: _text(b) not in _text(a),
    "starts with": lambda a, b: _text(a).startswith(_text(b)),
    "ends with": lambda a, b: _text(a).endswith(_text(b)),
    "any of": lambda a, b: bool(set(_members(a)) & set(_members(b))),
    "none of": lambda a, b: not set(_members(a)) & set(_members(b)),
    "all of": lambda a, b: set(_members(b)) <= set(_members(a)),
}

_EQUALITY = ("=", "contains", "does not contain", "starts with", "ends with")
_ORDER = (">", "<", ">=", "<=")
_ALLOWED: dict[str, Sequence[str]] = {
    "datetime": _ORDER,
    "string": (*_EQUALITY, "matches"),
    "number": ("=", *_ORDER),
    "stringOptions": ("any of", "none of"),
    "categoryOptions": ("any of", "none of"),
    "arrayOptions": ("any of", "none of", "all of"),
    "stringObject": (*_EQUALITY, "matches"),
    "numberObject": ("=", *_ORDER),
    "boolean": ("=", "<>"),
    "booleanObject": ("=", "<>"),
    "null": ("is null", "is not null"),
}


def conditions(entries: Any, columns: Mapping[str, Column]) -> list[Condition]:
    """Read a filter array; raises RefusedError with Langfuse's 400 where it does not fit."""
    if not isinstance(entries, list):
        raise invalid("filter", "Expected array")
    return [_condition(entry, columns) for entry in entries]


def parsed(text: str, columns: Mapping[str, Column]) -> list[Condition]:
    """Read the `filter` parameter of a list."""
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise invalid("filter", "Invalid JSON in filter parameter") from error
    return conditions(entries, columns)


def _condition(entry: Any, columns: Mapping[str, Column]) -> Condition:
    if not isinstance(entry, Mapping):
        raise invalid("filter", "Expected object")
    kind, operator, column = entry.get("type"), entry.get("operator"), entry.get("column")
    if not isinstance(kind, str) or kind not in _ALLOWED:
        raise invalid("filter", f"Invalid filter type {kind}")
    if operator not in _ALLOWED[kind]:
        raise invalid("filter", f"Invalid operator {operator} for type {kind}")
    if not isinstance(operator, str) or not isinstance(column, str) or column not in columns:
        raise invalid("filter", f"Invalid filter column {column}. Must be one of {','.join(columns)}")
    key = entry.get("key")
    if kind in ("stringObject", "numberObject", "categoryOptions", "booleanObject") and not isinstance(key, str):
        raise invalid("filter", f"type {kind} requires a 'key' property")
    value = _value(kind, entry.get("value"))
    return Condition(columns[column], kind, operator, value, key if isinstance(key, str) else None)


def _value(kind: str, value: Any) -> Any:
    try:
        if kind == "datetime":
            return instant(str(value))
        if kind in ("number", "numberObject"):
            return float(value)
    except (TypeError, ValueError) as error:
        raise invalid("filter", f"Invalid value {value!r} for type {kind}") from error
    if kind.endswith("Options") and not isinstance(value, list):
        raise invalid("filter", f"{kind} type requires an array of values")
    return value
