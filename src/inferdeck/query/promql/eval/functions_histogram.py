"""Quantiles and fractions of classic histograms (promql/functions.go)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from inferdeck.errors import NeedsHistogramsError
from inferdeck.model.labels import get, labels, metric_name
from inferdeck.query import windows
from inferdeck.query.promql.annotations import bad_bucket_label, forced_monotonicity
from inferdeck.query.promql.ast import Call, Expr
from inferdeck.query.promql.eval.aggregate import check_quantile, plain_text
from inferdeck.query.promql.eval.table import Table, empty, named, series_present, stacked
from inferdeck.query.windows import Buckets, has_value
from inferdeck.query.windows.grid import Floats

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator

Function = Callable[["Evaluator", Call], Table]


def _histogram_quantile(evaluator: Evaluator, call: Call) -> Table:
    q = evaluator.scalar(call.args[0])
    check_quantile(evaluator, q, call.args[0])
    table = evaluator.only_floats(call.args[1])
    return _quantiles(evaluator, table, _buckets(evaluator, table, call.args[1]), q, call.args[1])


def _histogram_quantiles(evaluator: Evaluator, call: Call) -> Table:
    table = evaluator.only_floats(call.args[0])
    label = evaluator.string(call.args[1])
    groups = _buckets(evaluator, table, call.args[0])
    tables = []
    for arg in call.args[2:]:
        q = evaluator.scalar(arg)
        check_quantile(evaluator, q, arg)
        found = _quantiles(evaluator, table, groups, q, call.args[0])
        for value in dict.fromkeys(map(_open_metrics_text, q.tolist())):
            here = np.array([_open_metrics_text(each) == value for each in q.tolist()])
            series = tuple(labels({**dict(each), label: value}) for each in found.series)
            some = found.where(has_value(found.values) & here)
            tables.append(Table(series, some.values, found.dropping))
    return stacked(tables, evaluator.steps.size)


def _histogram_fraction(evaluator: Evaluator, call: Call) -> Table:
    lower, upper = evaluator.scalar(call.args[0]), evaluator.scalar(call.args[1])
    table = evaluator.only_floats(call.args[2])
    groups = _buckets(evaluator, table, call.args[2])
    rows = [windows.histogram_fraction(lower, upper, group.bounds, table.values[group.rows]) for group in groups]
    return _rows(evaluator, groups, rows)


def _quantiles(evaluator: Evaluator, table: Table, groups: list[Buckets], q: Floats, arg: Expr) -> Table:
    rows = []
    for group in groups:
        evaluator.query.budget.check_time()
        values, forced = windows.histogram_quantile(q, group.bounds, table.values[group.rows])
        rows.append(values)
        if forced.any():
            evaluator.query.note(forced_monotonicity(metric_name(group.labels), arg.span))
    return _rows(evaluator, groups, rows)


def _rows(evaluator: Evaluator, groups: list[Buckets], rows: list[Floats]) -> Table:
    if not rows:
        return empty(evaluator.steps.size)
    return named([group.labels for group in groups], np.stack(rows), dropping=True)


def _buckets(evaluator: Evaluator, table: Table, arg: Expr) -> list[Buckets]:
    groups, bad = windows.group_buckets(table.series)
    if evaluator.query.stands_in and any(np.unique(group.bounds).size < group.bounds.size for group in groups):
        raise NeedsHistogramsError
    alive = series_present(table.values)
    for row in bad:
        if alive[row]:
            series = table.series[row]
            evaluator.query.note(bad_bucket_label(metric_name(series), get(series, "le"), arg.span))
    return groups


def _open_metrics_text(value: float) -> str:
    """Return a number as OpenMetrics writes it: 1.0, 0.25, NaN."""
    text = plain_text(value) if not 0 < abs(value) < 1e-4 and not abs(value) >= 1e6 else repr(value)
    return text if not np.isfinite(value) or "." in text or "e" in text else f"{text}.0"


HISTOGRAMS: dict[str, Function] = {
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    "histogram_fraction": _histogram_fraction,
}
