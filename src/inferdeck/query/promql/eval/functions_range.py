"""Functions over range vectors: the rate family, *_over_time, lines and smoothing (promql/functions.go)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import Labels, metric_name
from inferdeck.query import windows
from inferdeck.query.promql.annotations import possible_non_counter
from inferdeck.query.promql.ast import Call, Expr, MatrixSelector, Paren, VectorSelector
from inferdeck.query.promql.eval.aggregate import check_quantile
from inferdeck.query.promql.eval.native import is_histogram, ranged
from inferdeck.query.promql.eval.selectors import Range, over_windows, range_vector
from inferdeck.query.promql.eval.table import Table, masked, named, series_present, steps_present
from inferdeck.query.windows.grid import Floats, Ints
from inferdeck.store.interface import Block, MatchOp

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator

Function = Callable[["Evaluator", Call], Table]

_KEEP_NAME = frozenset({"last_over_time", "first_over_time"})
_COUNTERS = frozenset({"rate", "increase"})
_COUNTER_ENDS = ("_total", "_sum", "_count", "_bucket")
_SIMPLE: dict[str, Callable[..., Floats]] = {
    "rate": windows.rate,
    "increase": windows.increase,
    "delta": windows.delta,
    "irate": windows.irate,
    "idelta": windows.idelta,
    "resets": windows.resets,
    "changes": windows.changes,
    "deriv": windows.deriv,
    "avg_over_time": windows.avg_over_time,
    "count_over_time": windows.count_over_time,
    "first_over_time": windows.first_over_time,
    "last_over_time": windows.last_over_time,
    "mad_over_time": windows.mad_over_time,
    "max_over_time": windows.max_over_time,
    "min_over_time": windows.min_over_time,
    "present_over_time": windows.present_over_time,
    "stddev_over_time": windows.stddev_over_time,
    "stdvar_over_time": windows.stdvar_over_time,
    "sum_over_time": windows.sum_over_time,
    "ts_of_first_over_time": windows.ts_of_first_over_time,
    "ts_of_last_over_time": windows.ts_of_last_over_time,
    "ts_of_max_over_time": windows.ts_of_max_over_time,
    "ts_of_min_over_time": windows.ts_of_min_over_time,
}


def _simple(name: str) -> Function:
    function = _SIMPLE[name]

    def evaluate(evaluator: Evaluator, call: Call) -> Table:
        arg, query = call.args[0], evaluator.query
        found = range_vector(evaluator, arg, name)

        def kernel(block: Block, ends: Ints) -> Floats:
            if found.extension:
                size = (found.range_ms, query.lookback_ms)
                return windows.extended(name, found.extension, block, ends, *size, semantics=query.semantics)
            return function(block, ends, found.range_ms, semantics=query.semantics)

        table = over_windows(
            evaluator, found, ranged(evaluator, name, found, arg, kernel), keep_name=name in _KEEP_NAME
        )
        if name in _COUNTERS:
            _check_counters(evaluator, table, arg)
        return table

    return evaluate


def _check_counters(evaluator: Evaluator, table: Table, arg: Expr) -> None:
    """Remark on every metric in an answer that is not named like a counter."""
    for name in dict.fromkeys(metric_name(series) for series in _with_floats(evaluator, table)):
        if name and not name.endswith(_COUNTER_ENDS):
            evaluator.query.note(possible_non_counter(name, arg.span))


def _with_floats(evaluator: Evaluator, table: Table) -> Sequence[Labels]:
    if not evaluator.query.histograms:
        return table.series
    there = series_present(masked(table.values, ~is_histogram(table.values)))
    return [series for series, found in zip(table.series, there.tolist(), strict=True) if found]


def _quantile_over_time(evaluator: Evaluator, call: Call) -> Table:
    q = evaluator.scalar(call.args[0])
    found = range_vector(evaluator, call.args[1], call.function)
    check_quantile(evaluator, q, call.args[0])

    def kernel(block: Block, ends: Ints) -> Floats:
        return windows.quantile_over_time(q, block, ends, found.range_ms, semantics=evaluator.query.semantics)

    found = _spread(evaluator, found)
    return over_windows(evaluator, found, ranged(evaluator, "quantile_over_time", found, call.args[1], kernel))


def _predict_linear(evaluator: Evaluator, call: Call) -> Table:
    found = range_vector(evaluator, call.args[0], call.function)
    ahead = evaluator.scalar(call.args[1])

    def kernel(block: Block, ends: Ints) -> Floats:
        return windows.predict_linear(
            block, ends, found.range_ms, ahead, semantics=evaluator.query.semantics, at_ms=evaluator.steps
        )

    found = _spread(evaluator, found)
    return over_windows(evaluator, found, ranged(evaluator, call.function, found, call.args[0], kernel))


def _smoothing(evaluator: Evaluator, call: Call) -> Table:
    found = range_vector(evaluator, call.args[0], call.function)
    factors = [evaluator.scalar(arg) for arg in call.args[1:]]
    for what, factor in zip(("smoothing", "trend"), factors, strict=True):
        bad = factor[~((factor > 0) & (factor < 1))]
        if bad.size:
            sign = "sf" if what == "smoothing" else "tf"
            raise EvaluationError(f"invalid {what} factor. Expected: 0 < {sign} < 1, got: {bad[0]:f}")

    def kernel(block: Block, ends: Ints) -> Floats:
        return windows.double_exponential_smoothing(
            block, ends, found.range_ms, *factors, semantics=evaluator.query.semantics
        )

    found = _spread(evaluator, found)
    return over_windows(evaluator, found, ranged(evaluator, call.function, found, call.args[0], kernel))


def _spread(evaluator: Evaluator, found: Range) -> Range:
    """Return the range with a window for every step, for kernels that have a parameter per step."""
    if not found.fixed:
        return found
    ends = np.broadcast_to(found.window_ms, evaluator.steps.shape).copy()
    return replace(found, window_ms=ends, fixed=False)


def _absent_over_time(evaluator: Evaluator, call: Call) -> Table:
    found = range_vector(evaluator, call.args[0], call.function)
    semantics = evaluator.query.semantics
    table = over_windows(
        evaluator,
        found,
        lambda block, ends: windows.present_over_time(block, ends, found.range_ms, semantics=semantics),
    )
    return absence(table, call.args[0])


def _absent(evaluator: Evaluator, call: Call) -> Table:
    return absence(evaluator.table(call.args[0]), call.args[0])


def absence(table: Table, arg: Expr) -> Table:
    """Return 1 at each step at which no series has a value, with the labels that the selector is sure of."""
    missing = ~steps_present(table.values)
    values = masked(np.ones((1, missing.size)), missing[None, :])
    return named([_sure_labels(arg)], values)


def _sure_labels(arg: Expr) -> Labels:
    while isinstance(arg, Paren):
        arg = arg.expr
    selector = arg.selector if isinstance(arg, MatrixSelector) else arg
    if not isinstance(selector, VectorSelector):
        return ()
    found: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in selector.matchers:
        if matcher.name == "__name__":
            continue
        if matcher.op is MatchOp.EQUAL and matcher.name not in seen:
            seen.add(matcher.name)
            found[matcher.name] = matcher.value
        else:
            found.pop(matcher.name, None)
    return tuple(sorted(pair for pair in found.items() if pair[1]))


RANGES: dict[str, Function] = {
    **{name: _simple(name) for name in _SIMPLE},
    "quantile_over_time": _quantile_over_time,
    "predict_linear": _predict_linear,
    "double_exponential_smoothing": _smoothing,
    "absent_over_time": _absent_over_time,
    "absent": _absent,
}
