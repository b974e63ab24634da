"""The query object of /metrics and /v2/metrics: what may be asked, and the errors where it may not.

Views, measures, dimensions and messages are those of Langfuse's own data model (web/src/features/query): `v1` is what
a v3 server's /metrics takes, `v2` what a v4 server's /v2/metrics takes. Latencies are milliseconds here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from inferdeck.simulate.servers.langfuse.columns import OBSERVATIONS, SCORES, TRACES, Column, Condition, Row, conditions
from inferdeck.simulate.servers.langfuse.records import Observation, Trace, instant
from inferdeck.simulate.servers.langfuse.refused import invalid, not_allowed

Version = Literal["v1", "v2"]
AGGREGATIONS = ("sum", "avg", "count", "max", "min", "p50", "p75", "p90", "p95", "p99", "histogram")
GRANULARITIES = ("auto", "minute", "hour", "day", "week", "month")


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a row; `whole` ones are integers in ClickHouse, which JSON gives as strings once aggregated."""

    of: Callable[[Row], float | None]
    whole: bool = True


def _observed(of: Callable[[Observation], float | None], *, whole: bool = True) -> Measure:
    return Measure(lambda row: of(row.observation) if row.observation else None, whole)


def _traced(of: Callable[[Trace], float | None], *, whole: bool = True) -> Measure:
    return Measure(lambda row: of(row.trace) if row.trace else None, whole)


def _streaming(row: Observation) -> int | None:
    return None if row.completion is None or row.end is None else row.end - row.completion


def _output_speed(row: Observation) -> float | None:
    seconds = (_streaming(row) or 0) // 1000
    return row.used("output") / seconds if seconds else None


def _speed(row: Observation) -> float | None:
    seconds = (row.latency_ms() or 0) // 1000
    return row.total_tokens() / seconds if seconds else None


def _scores_of(row: Row) -> int:
    scores = row.trace.scores if row.trace else []
    return sum(score.observation_id == row.observation.id for score in scores) if row.observation else 0


_OBSERVED: dict[str, Measure] = {
    "count": Measure(lambda row: 1),
    "latency": _observed(Observation.latency_ms),
    "streamingLatency": _observed(_streaming),
    "inputTokens": _observed(lambda row: row.used("input")),
    "outputTokens": _observed(lambda row: row.used("output")),
    "totalTokens": _observed(Observation.total_tokens),
    "outputTokensPerSecond": _observed(_output_speed, whole=False),
    "tokensPerSecond": _observed(_speed, whole=False),
    "inputCost": _observed(lambda row: row.cost_of("input"), whole=False),
    "outputCost": _observed(lambda row: row.cost_of("output"), whole=False),
    "totalCost": _observed(lambda row: row.total_cost, whole=False),
    "timeToFirstToken": _observed(Observation.first_token_ms),
    "countScores": Measure(_scores_of),
}
_TRACED: dict[str, Measure] = {
    "count": Measure(lambda row: 1),
    "observationsCount": _traced(lambda trace: len(trace.observations)),
    "scoresCount": _traced(lambda trace: len(trace.scores)),
    "latency": _traced(Trace.latency_ms),
    "totalTokens": _traced(lambda trace: sum(row.total_tokens() for row in trace.observations)),
    "totalCost": _traced(Trace.total_cost, whole=False),
}
_SCORED: dict[str, Measure] = {
    "count": Measure(lambda row: 1),
    "value": Measure(lambda row: row.score.value if row.score else None, whole=False),
}


@dataclass(frozen=True, slots=True)
class View:
    """What a query can be about."""

    measures: Mapping[str, Measure]
    columns: Mapping[str, Column]
    dimensions: tuple[str, ...]
    high: tuple[str, ...] = ()
    """Dimensions of high cardinality: v2 refuses them but for a top list."""
    data_types: tuple[str, ...] = ()


_SCORE_DIMENSIONS = (
    "environment", "name", "source", "dataType", "configId", "timestampMonth", "timestampDay", "traceName", "tags",
    "traceRelease", "traceVersion", "observationName", "observationModelName", "observationPromptName",
    "observationPromptVersion", "id", "traceId", "userId", "sessionId", "observationId",
)  # fmt: skip
_HIGH_SCORES = ("id", "traceId", "userId", "sessionId", "observationId")
_ONLY_V2 = ("isRootObservation", "release")
_CATEGORIES = {"count": _SCORED["count"]}
VIEWS: dict[str, View] = {
    "traces": View(
        _TRACED, TRACES,
        ("id", "name", "tags", "userId", "sessionId", "release", "version", "environment", "timestampMonth"),
    ),
    "observations": View(
        _OBSERVED, OBSERVATIONS,
        (
            "id", "traceId", "traceName", "environment", "parentObservationId", "type", "name", "level", "version",
            "tags", "release", "providedModelName", "promptName", "promptVersion", "userId", "sessionId",
            "traceRelease", "traceVersion", "isRootObservation", "startTimeMonth",
        ),
        ("id", "traceId", "userId", "sessionId", "parentObservationId"),
    ),
    "scores-numeric": View(_SCORED, SCORES, (*_SCORE_DIMENSIONS, "value"), _HIGH_SCORES, ("NUMERIC", "BOOLEAN")),
    "scores-boolean": View(_SCORED, SCORES, (*_SCORE_DIMENSIONS, "booleanValue"), _HIGH_SCORES, ("BOOLEAN",)),
    "scores-categorical": View(
        _CATEGORIES, SCORES, (*_SCORE_DIMENSIONS, "stringValue"), _HIGH_SCORES, ("CATEGORICAL",)
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """A query that fits."""

    view: str
    dimensions: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...]
    """(measure, aggregation)"""
    conditions: tuple[Condition, ...]
    granularity: str | None
    since: int
    until: int
    order: tuple[tuple[str, str], ...]
    bins: int
    limit: int | None


def query_of(text: str, version: Version) -> Query:
    """Read the `query` parameter; raises RefusedError with Langfuse's 400."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise invalid("query", "Invalid JSON in query parameter") from error
    if not isinstance(raw, dict):
        raise invalid("query", "Expected object")
    try:
        return _query(raw, version)
    except (AttributeError, TypeError) as error:
        raise invalid("query", "Invalid input") from error


def _query(raw: Mapping[str, Any], version: Version) -> Query:
    name = _view_name(raw, version)
    view = VIEWS[name]
    asked = _Asked(
        tuple(_field(entry, "field") for entry in raw.get("dimensions") or []),
        tuple((_field(entry, "measure"), _field(entry, "aggregation")) for entry in raw.get("metrics") or []),
        tuple((_field(entry, "field"), _field(entry, "direction")) for entry in raw.get("orderBy") or []),
        (raw.get("timeDimension") or {}).get("granularity"),
    )
    config = raw.get("config") or {}
    limit = _bounded(config, "row_limit", 1000)
    if version == "v2":
        _refuse_high(view, asked, limited=limit is not None)
    _check(view, asked, version)
    since, until = _moment(raw, "fromTimestamp"), _moment(raw, "toTimestamp")
    if since >= until:
        raise invalid("toTimestamp", "fromTimestamp must be before toTimestamp")
    kept = tuple(conditions(raw.get("filters") or [], _filterable(view, name)))
    limit = limit or (100 if version == "v2" else None)
    bins = _bounded(config, "bins", 100) or 10
    return Query(name, asked.dimensions, asked.metrics, kept, asked.granularity, since, until, asked.order, bins, limit)


class _Asked(NamedTuple):
    dimensions: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...]
    order: tuple[tuple[str, str], ...]
    granularity: str | None


def _view_name(raw: Mapping[str, Any], version: Version) -> str:
    name = raw.get("view")
    names = [view for view in VIEWS if (view != "traces" if version == "v2" else view != "scores-boolean")]
    if not isinstance(name, str) or name not in names:
        raise invalid("view", f"Invalid option: expected one of {'|'.join(names)}")
    return name


def _filterable(view: View, name: str) -> dict[str, Column]:
    time = {"observations": "startTime"}.get(name, "timestamp")
    return {column: view.columns[column] for column in (*view.dimensions, time, "metadata") if column in view.columns}


def _field(entry: Any, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise invalid(name, "Required")
    return value


def _moment(raw: Mapping[str, Any], name: str) -> int:
    try:
        return instant(raw[name])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise invalid(name, "Invalid ISO datetime") from error


def _bounded(config: Any, name: str, largest: int) -> int | None:
    value = config.get(name) if isinstance(config, dict) else None
    if value is None:
        return None
    if not isinstance(value, int) or not 1 <= value <= largest:
        raise invalid(name, f"Expected an integer from 1 to {largest}")
    return value


def _refuse_high(view: View, asked: _Asked, *, limited: bool) -> None:
    """Refuse dimensions of high cardinality, but for a top list with a limit of its own (validateQuery.ts)."""
    high = ", ".join(name for name in asked.dimensions if name in view.high)
    if not high:
        return
    if asked.granularity is not None:
        raise not_allowed(
            f"High cardinality dimension(s) '{high}' cannot be used with timeDimension. Time series queries with high "
            "cardinality dimensions produce unbounded result sets."
        )
    falling = [field for field, direction in asked.order if direction == "desc"]
    if not limited or not falling:
        raise not_allowed(
            f"High cardinality dimension(s) '{high}' require both 'config.row_limit' and 'orderBy' with direction "
            "'desc' on a measure field."
        )
    measures = [measure for measure, _ in asked.metrics]
    strange = [field for field in falling if not any(field == m or field.endswith(f"_{m}") for m in measures)]
    if strange:
        raise not_allowed(
            f"High cardinality dimension(s) '{high}' require 'orderBy' with direction 'desc' on a measure field. "
            f"'{', '.join(strange)}' {'is' if len(strange) == 1 else 'are'} not a measure in this query."
        )


def _check(view: View, asked: _Asked, version: Version) -> None:
    if not asked.metrics:
        raise invalid("metrics", "At least one metric is required")
    if asked.granularity not in (None, *GRANULARITIES):
        raise invalid("timeDimension", f"Invalid option: expected one of {'|'.join(GRANULARITIES)}")
    known = [name for name in view.dimensions if version == "v2" or name not in _ONLY_V2 or view is VIEWS["traces"]]
    for name in asked.dimensions:
        if name not in known:
            raise not_allowed(f"Invalid dimension {name}. Must be one of {','.join(known)}")
    for measure, aggregation in asked.metrics:
        if measure not in view.measures:
            raise not_allowed(f"Invalid metric {measure}. Must be one of {','.join(view.measures)}")
        if aggregation not in AGGREGATIONS:
            raise invalid("aggregation", f"Invalid option: expected one of {'|'.join(AGGREGATIONS)}")
    fields = {*asked.dimensions, *(f"{aggregation}_{measure}" for measure, aggregation in asked.metrics)}
    for field, direction in asked.order:
        if direction not in ("asc", "desc"):
            raise invalid("direction", "Invalid option: expected one of asc|desc")
        if field not in fields and not (asked.granularity and field == "time_dimension"):
            raise not_allowed(f"Invalid orderBy field: {field}. Must be one of the dimension or metric fields.")
