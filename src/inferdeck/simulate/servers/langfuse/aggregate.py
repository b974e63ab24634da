"""What a metrics query answers: rows grouped by dimensions and time, as ClickHouse's JSON gives them.

Integers come as strings, decimals and quantiles as numbers, days and months as dates, hours as times. With a time
dimension and no order of one's own, gaps are filled as `WITH FILL` does. Histograms have bins of equal width, where
ClickHouse adapts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from inferdeck.simulate.servers.langfuse.columns import Row
from inferdeck.simulate.servers.langfuse.query import VIEWS, Measure, Query
from inferdeck.simulate.servers.langfuse.window import Window

_HOURS = ((2, "minute"), (72, "hour"), (1440, "day"), (8760, "week"))
_QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_NOT_NULL = ("environment", "type", "level", "name", "source", "dataType")


def answer(query: Query, window: Window) -> list[dict[str, Any]]:
    """Return the rows of a query."""
    granularity = _granularity(query)
    view = VIEWS[query.view]
    columns = [view.columns[name] for name in query.dimensions]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row, moment in _rows(query, window):
        if all(condition.holds(row) for condition in query.conditions):
            key = (*(column(row) for column in columns), _floor(moment, granularity) if granularity else None)
            groups.setdefault(key, []).append(row)
    if not query.dimensions and granularity is None:
        groups.setdefault((None,), [])
    found = [_group(query, key, rows, view.measures) for key, rows in groups.items()]
    if granularity is not None and not query.order:
        found += _fill(query, granularity, {row["time_dimension"] for row in found})
    found = _ordered(query, found)[: query.limit]
    return [_written(query, row, granularity, view.measures) for row in found]


def _rows(query: Query, window: Window) -> Iterator[tuple[Row, int]]:
    if query.view == "traces":
        for trace in window.traces(query.since, query.until):
            if query.since <= trace.timestamp <= query.until:
                yield Row(trace), trace.timestamp
    elif query.view == "observations":
        for trace in window.traces(query.since, query.until):
            for row in trace.observations:
                if query.since <= row.start <= query.until:
                    yield Row(trace, row), row.start
    else:
        kinds = VIEWS[query.view].data_types
        for score, owner in window.scores():
            if score.data_type in kinds and query.since <= score.timestamp <= query.until:
                rows = owner.observations if owner else []
                yield Row(owner, next((r for r in rows if r.id == score.observation_id), None), score), score.timestamp


def _granularity(query: Query) -> str | None:
    if query.granularity != "auto":
        return query.granularity
    hours = (query.until - query.since) / 3.6e6
    return next((name for most, name in _HOURS if hours < most), "month")


def _floor(moment: int, granularity: str) -> datetime:
    time = datetime.fromtimestamp(moment / 1000, UTC).replace(second=0, microsecond=0)
    if granularity == "minute":
        return time
    time = time.replace(minute=0)
    if granularity == "hour":
        return time
    time = time.replace(hour=0)
    if granularity == "week":
        return time - timedelta(days=time.weekday())
    return time if granularity == "day" else time.replace(day=1)


def _next(time: datetime, granularity: str) -> datetime:
    if granularity == "month":
        return (time.replace(day=28) + timedelta(days=4)).replace(day=1)
    return time + timedelta(**{f"{granularity}s": 1})


def _group(query: Query, key: tuple[Any, ...], rows: list[Row], measures: Mapping[str, Measure]) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(query.dimensions, key[:-1], strict=True))
    if query.granularity is not None:
        found["time_dimension"] = key[-1]
    for measure, aggregation in query.metrics:
        values = [value for row in rows if (value := measures[measure].of(row)) is not None]
        found[f"{aggregation}_{measure}"] = aggregated(aggregation, values, query.bins)
    return found


def aggregated(aggregation: str, values: list[float], bins: int = 10) -> Any:
    """Return the aggregate of the values that are there; None where none is and none can be."""
    if aggregation == "count":
        return len(values)
    if aggregation == "sum":
        return sum(values)
    if not values:
        return [] if aggregation == "histogram" else None
    if aggregation in ("max", "min"):
        return max(values) if aggregation == "max" else min(values)
    if aggregation == "avg":
        return float(np.mean(values))
    if aggregation == "histogram":
        counts, edges = np.histogram(values, bins)
        return [[float(a), float(b), float(n)] for a, b, n in zip(edges, edges[1:], counts, strict=False) if n]
    return float(np.quantile(values, _QUANTILES[aggregation]))


def _fill(query: Query, granularity: str, present: set[datetime]) -> list[dict[str, Any]]:
    time, end = _floor(query.since, granularity), _floor(query.until, granularity)
    made: list[dict[str, Any]] = []
    while time < end and len(present) + len(made) < 10_000:
        if time not in present:
            row: dict[str, Any] = {name: "" if name in _NOT_NULL else None for name in query.dimensions}
            row["time_dimension"] = time
            for measure, aggregation in query.metrics:
                row[f"{aggregation}_{measure}"] = aggregated(aggregation, [])
            made.append(row)
        time = _next(time, granularity)
    return made


def _ordered(query: Query, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    measure, aggregation = query.metrics[0]
    first = ("time_dimension", "asc") if query.granularity is not None else (f"{aggregation}_{measure}", "desc")
    for field, direction in reversed(query.order or (first,)):
        known = [row for row in rows if row[field] is not None]
        unknown = [row for row in rows if row[field] is None]
        # ClickHouse puts nulls last in either direction.
        known.sort(key=lambda row, field=field: _comparable(row[field]), reverse=direction == "desc")  # type: ignore[misc]
        rows = known + unknown
    return rows


def _comparable(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _written(
    query: Query, row: Mapping[str, Any], granularity: str | None, measures: Mapping[str, Measure]
) -> dict[str, Any]:
    written = {name: list(row[name]) if isinstance(row[name], tuple) else row[name] for name in query.dimensions}
    if granularity is not None:
        form = "%Y-%m-%dT%H:%M:%SZ" if granularity in ("minute", "hour") else "%Y-%m-%d"
        written["time_dimension"] = f"{row['time_dimension']:{form}}"
    for measure, aggregation in query.metrics:
        name = f"{aggregation}_{measure}"
        value = row[name]
        whole = aggregation == "count" or (measures[measure].whole and aggregation in ("sum", "max", "min"))
        written[name] = str(int(value)) if whole and value is not None else value
    return written
