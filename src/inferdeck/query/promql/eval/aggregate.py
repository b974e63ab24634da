"""Aggregation operators: groups of series at each step (promql/engine.go, aggregation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import NAME, Labels, labels
from inferdeck.query import windows
from inferdeck.query.promql.annotations import invalid_quantile
from inferdeck.query.promql.ast import Aggregate, Expr
from inferdeck.query.promql.eval.native import aggregated, to_aggregate
from inferdeck.query.promql.eval.ranking import choose
from inferdeck.query.promql.eval.table import Table, empty, masked, named, series_present
from inferdeck.query.promql.literals import quote
from inferdeck.query.windows import has_value
from inferdeck.query.windows.grid import Floats, Ints

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator

_CHOOSING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})


def aggregate(evaluator: Evaluator, expr: Aggregate) -> Table:
    """Return one series per group, or for topk and its like the chosen series of each."""
    if expr.operator == "count_values":
        return _count_values(evaluator, expr)
    param = evaluator.scalar(expr.param) if expr.param is not None else np.zeros(0)
    table = to_aggregate(evaluator.query, expr, evaluator.table(expr.expr))
    group, keys = grouped(table.series, expr.grouping, without=expr.without)
    if expr.operator in _CHOOSING:
        return choose(evaluator.query, expr, table, group, len(keys), param)
    if expr.operator == "quantile":
        values = _quantiles(evaluator, expr, table, group, len(keys), param)
    elif expr.operator == "group":
        counts = windows.aggregate("count", table.values, group, len(keys))
        values = masked(np.ones(counts.shape), has_value(counts))
    else:
        values = aggregated(evaluator.query, expr, table, group, len(keys))
    dropping = np.zeros(len(keys), dtype=np.bool_)
    np.logical_or.at(dropping, group, table.dropping & series_present(table.values))
    return Table(tuple(keys), values, dropping)


def grouped(series: tuple[Labels, ...], grouping: tuple[str, ...], *, without: bool) -> tuple[Ints, list[Labels]]:
    """Return each series' group, numbered in order of first sight, and the labels of each group."""
    chosen = frozenset((*grouping, NAME) if without else grouping)
    keys: dict[Labels, int] = {}
    if not chosen:
        return np.zeros(len(series), dtype=np.int64), [()] if series else []
    group = [
        keys.setdefault(tuple([pair for pair in each if (pair[0] in chosen) is not without]), len(keys))
        for each in series
    ]
    return np.array(group, dtype=np.int64), list(keys)


def check_quantile(evaluator: Evaluator, q: Floats, expr: Expr) -> None:
    """Remark on quantiles that are no number between 0 and 1."""
    bad = q[~((q >= 0) & (q <= 1))]
    for value in dict.fromkeys("NaN" if np.isnan(each) else repr(float(each)) for each in bad.tolist()):
        evaluator.query.note(invalid_quantile(float(value), expr.span))


def _quantiles(evaluator: Evaluator, expr: Aggregate, table: Table, group: Ints, groups: int, q: Floats) -> Floats:
    assert expr.param is not None  # noqa: S101  the type check of the parser
    check_quantile(evaluator, q, expr.param)
    rows = [windows.quantile(q, table.values[group == number]) for number in range(groups)]
    return np.stack(rows) if rows else empty(evaluator.steps.size).values


def _count_values(evaluator: Evaluator, expr: Aggregate) -> Table:
    assert expr.param is not None  # noqa: S101  the type check of the parser
    name = evaluator.string(expr.param)
    if not name or not _is_utf8(name):
        raise EvaluationError(f"invalid label name {quote(name)}")
    table = to_aggregate(evaluator.query, expr, evaluator.table(expr.expr))
    group, keys = grouped(table.series, expr.grouping, without=expr.without)
    counts: dict[Labels, Floats] = {}
    for number, key in enumerate(keys):
        values = table.values[group == number]
        present = has_value(values)
        # By their bits, since 0 and -0 are equal and have texts of their own; every NaN has the same text.
        bits = np.where(np.isnan(values), np.nan, values).view(np.uint64)
        distinct = np.unique(bits[present])
        evaluator.query.budget.check_size(len(counts) + distinct.size, evaluator.steps.size)
        for value in distinct:
            found = ((bits == value) & present).sum(axis=0)
            series = labels({**dict(key), name: plain_text(float(value.view(np.float64)))})
            counts[series] = counts[series] + found if series in counts else found
    if not counts:
        return empty(evaluator.steps.size)
    total = np.array(list(counts.values()), dtype=np.float64)
    return named(counts, masked(total, total > 0))


def plain_text(value: float) -> str:
    """Return a number without exponent, the shortest that reads back (Go's strconv 'f', -1)."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return np.format_float_positional(value, trim="-")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
