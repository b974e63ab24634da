"""What a span of time held, by the metrics route of either version: the question, and the answer as samples.

/v2/metrics (version 4) has no view of traces, but tells root observations apart: one per trace. /metrics (version 3)
has the view, which is a question of its own. Whole numbers come as text there (ClickHouse's 64-bit integers).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from inferdeck.sources.columns import Pairs, Sample
from inferdeck.sources.langfuse import answers

MOST_ROWS = 1000
"""What one answer may hold (config.row_limit)."""
_ERROR = "ERROR"
_MODEL, _LEVEL, _ROOT = "providedModelName", "level", "isRootObservation"
_COUNT, _COST = "count_count", "sum_totalCost"
_TOKENS = {"input_tokens": "sum_inputTokens", "output_tokens": "sum_outputTokens", "total_tokens": "sum_totalTokens"}
_LEAN = (("count", "count"), ("totalCost", "sum"), ("totalTokens", "sum"))
_FULL = (*_LEAN, ("inputTokens", "sum"), ("outputTokens", "sum"))


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time that ends now."""

    name: str
    seconds: float


HOUR, DAY = Window("last_hour", 3600.0), Window("last_day", 86_400.0)


@dataclass(frozen=True, slots=True)
class Row:
    """What the observations of one model and level come to; a number that is not there is None."""

    model: str
    level: str
    root: bool
    observations: float
    cost: float | None
    tokens: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Totals:
    """One window's totals; `until` in Unix seconds. traces: None where it was not told."""

    window: Window
    until: float
    rows: tuple[Row, ...]
    traces: float | None


def question(window: Window, until: float, *, v2: bool, lean: bool = False, traces: bool = False) -> bytes:
    """Return the query object; `lean` leaves out what versions before 3.80 do not have, `traces` counts traces alone.

    The largest groups come first, so that nothing but the smallest could be missing.
    """
    measures = (("count", "count"),) if traces else (_LEAN if lean else _FULL)
    dimensions = () if traces else (_MODEL, _LEVEL, *((_ROOT,) if v2 else ()))
    return orjson.dumps(
        {
            "view": "traces" if traces else "observations",
            "dimensions": [{"field": name} for name in dimensions],
            "metrics": [{"measure": measure, "aggregation": how} for measure, how in measures],
            "filters": [],
            "fromTimestamp": answers.instant(until - window.seconds),
            "toTimestamp": answers.instant(until),
            "orderBy": [] if traces else [{"field": _COUNT, "direction": "desc"}],
            "config": {"row_limit": MOST_ROWS},
        }
    )


def rows(body: bytes) -> tuple[Row, ...] | None:
    """Read an answer about observations; None where the body is not one."""
    found = _data(body)
    if found is None:
        return None
    return tuple(row for entry in found if (row := _row(entry)) is not None)


def count(body: bytes) -> float | None:
    """Read an answer about traces."""
    found = _data(body)
    return _number(found[0].get(_COUNT)) if found else None


def roots(found: Sequence[Row]) -> float:
    """Return the root observations, of which each trace has one."""
    return math.fsum(row.observations for row in found if row.root)


def samples(found: Totals, project: str) -> Iterator[Sample]:
    """Yield a window's totals, and the part of each model; what no row tells is missing, not 0."""
    start, own = f"langfuse_{found.window.name}", (("project", project),)
    yield f"{start}_end_timestamp_seconds", own, found.until
    if found.traces is not None:
        yield f"{start}_traces", own, found.traces
    yield f"{start}_observations", own, math.fsum(row.observations for row in found.rows)
    yield f"{start}_errors", own, math.fsum(row.observations for row in found.rows if row.level == _ERROR)
    yield from _sums(start, own, found.rows)
    yield from _by_model(start, own, found.rows)


def _sums(start: str, own: Pairs, found: Sequence[Row]) -> Iterator[Sample]:
    """An idle window has cost nothing; one whose rows tell no cost has an unknown one."""
    costs = [row.cost for row in found if row.cost is not None]
    if costs or not found:
        yield f"{start}_cost_usd", own, math.fsum(costs)
    for name in _TOKENS:
        tokens = [row.tokens[name] for row in found if name in row.tokens]
        if tokens or not found:
            yield f"{start}_{name}", own, math.fsum(tokens)


def _by_model(start: str, own: Pairs, found: Sequence[Row]) -> Iterator[Sample]:
    """Spans that called no model have none: they are in the totals alone."""
    counts: defaultdict[tuple[str, str], float] = defaultdict(float)
    costs: defaultdict[str, float] = defaultdict(float)
    tokens: defaultdict[str, float] = defaultdict(float)
    for row in found:
        if not row.model:
            continue
        counts[row.model, row.level] += row.observations
        if row.cost is not None:
            costs[row.model] += row.cost
        if "total_tokens" in row.tokens:
            tokens[row.model] += row.tokens["total_tokens"]
    for (model, level), value in counts.items():
        yield f"{start}_model_observations", (*own, ("model", model), ("level", level)), value
    for name, values in (("cost_usd", costs), ("total_tokens", tokens)):
        for model, value in values.items():
            yield f"{start}_model_{name}", (*own, ("model", model)), value


def _row(entry: Mapping[str, Any]) -> Row | None:
    number = _number(entry.get(_COUNT))
    if number is None:
        return None
    root = entry.get(_ROOT)
    return Row(
        model=answers.text(entry.get(_MODEL)),
        level=answers.text(entry.get(_LEVEL)),
        root=root is True or root in ("true", "1", 1),
        observations=number,
        cost=_number(entry.get(_COST)),
        tokens={name: value for name, key in _TOKENS.items() if (value := _number(entry.get(key))) is not None},
    )


def _data(body: bytes) -> list[Mapping[str, Any]] | None:
    found = answers.mapping(body).get("data")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
