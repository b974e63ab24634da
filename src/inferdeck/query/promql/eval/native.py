"""Native histograms, whose content is not kept: where one is ignored, carried on, or needed.

Samples that are one carry HISTOGRAM_BITS. Only stores that can hold such samples pay for the looks here
(Query.histograms); what is ignored, dropped and remarked on is as in Prometheus (promql/engine.go, functions.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from inferdeck.errors import NeedsHistogramsError
from inferdeck.model.labels import metric_name
from inferdeck.model.scrape import HISTOGRAM_BITS
from inferdeck.query import windows
from inferdeck.query.promql.annotations import (
    Annotation,
    histogram_ignored,
    histograms_ignored_in_range,
    incompatible_types,
    mixed_aggregation,
    mixed_range,
)
from inferdeck.query.promql.ast import Aggregate, Binary, Expr, Span
from inferdeck.query.promql.eval.table import Table, masked
from inferdeck.query.windows import has_value
from inferdeck.query.windows.grid import Bools, Floats, Ints
from inferdeck.store.interface import Block

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator
    from inferdeck.query.promql.eval.query import Query
    from inferdeck.query.promql.eval.selectors import Range

Kernel = Callable[[Block, Ints], Floats]

_BITS = np.uint64(HISTOGRAM_BITS)
_FLOAT_AGGREGATIONS = frozenset({"min", "max", "stddev", "stdvar", "quantile", "topk", "bottomk"})
# Of any sample, whatever its type.
_EITHER = frozenset(
    {
        "count_over_time",
        "present_over_time",
        "absent_over_time",
        "first_over_time",
        "last_over_time",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
    }
)
# Samples of one type that a histogram comes out of.
_ADDING = {"sum_over_time": 1, "avg_over_time": 1, "rate": 2, "increase": 2, "delta": 2}
_LAST_TWO = frozenset({"irate", "idelta"})
_COMPARING = frozenset({"resets", "changes"})
_HISTOGRAM_RESULTS = frozenset(
    {
        ("histogram", "+", "histogram"),
        ("histogram", "-", "histogram"),
        ("float", "*", "histogram"),
        ("histogram", "*", "float"),
        ("histogram", "/", "float"),
        ("histogram", "</", "float"),
        ("histogram", ">/", "float"),
    }
)


def is_histogram(values: Floats) -> Bools:
    """Return where an array holds native histograms."""
    found: Bools = np.ascontiguousarray(values).view(np.uint64) == _BITS
    return found


def with_histograms(values: Floats, where: Bools) -> Floats:
    """Return values with a native histogram where `where` holds; moves bits only."""
    found: Floats = np.where(where, _BITS, np.ascontiguousarray(values).view(np.uint64)).view(np.float64)
    return found


def floats(table: Table) -> Table:
    """Return a table with its floats only."""
    there = is_histogram(table.values)
    return table.where(~there) if there.any() else table


def refuse(values: Floats) -> None:
    """Raise NeedsHistogramsError where an array holds native histograms."""
    if is_histogram(values).any():
        raise NeedsHistogramsError


def to_aggregate(query: Query, expr: Aggregate, table: Table) -> Table:
    """Return what an aggregation reads of its input."""
    if not query.histograms or not is_histogram(table.values).any():
        return table
    if expr.operator == "count_values":
        raise NeedsHistogramsError
    if expr.operator not in _FLOAT_AGGREGATIONS:
        return table
    query.note(histogram_ignored(expr.operator, expr.expr.span))
    return floats(table)


def aggregated(query: Query, expr: Aggregate, table: Table, group: Ints, groups: int) -> Floats:
    """Return windows.aggregate for groups that may hold histograms: sums and averages do not mix the types."""
    if not query.histograms or expr.operator not in ("sum", "avg") or not is_histogram(table.values).any():
        return windows.aggregate(expr.operator, table.values, group, groups)
    there = is_histogram(table.values)
    histograms = has_value(windows.aggregate("count", masked(table.values, there), group, groups))
    values = windows.aggregate(expr.operator, masked(table.values, ~there), group, groups)
    mixed = histograms & has_value(values)
    if mixed.any():
        query.note(mixed_aggregation(expr.expr.span))
    return masked(with_histograms(values, histograms), (histograms | has_value(values)) & ~mixed)


def operated(
    query: Query, expr: Binary, sides: tuple[Floats, Floats], present: Bools, values: Floats, kept: Bools
) -> tuple[Floats, Bools]:
    """Return the values of an operation and where they stay, put right where a side is a histogram."""
    if not query.histograms:
        return values, kept
    left, right = (np.broadcast_to(is_histogram(side), present.shape) & present for side in sides)
    if not (left.any() or right.any()):
        return values, kept
    values, kept = np.broadcast_to(values, present.shape), np.broadcast_to(kept, present.shape)
    for kinds, where in (
        (("histogram", "histogram"), left & right),
        (("histogram", "float"), left & ~right),
        (("float", "histogram"), ~left & right),
    ):
        if not where.any():
            continue
        if expr.operator in ("==", "!=") and kinds == ("histogram", "histogram"):
            raise NeedsHistogramsError
        if (kinds[0], expr.operator, kinds[1]) in _HISTOGRAM_RESULTS:
            values, kept = with_histograms(values, where), kept | where
        else:
            query.note(incompatible_types(kinds[0], expr.operator, kinds[1], expr.span))
            kept = kept & ~where
    return values, kept


def ranged(evaluator: Evaluator, name: str, found: Range, arg: Expr, kernel: Kernel) -> Kernel:
    """Return the kernel of a range function, put right for windows that hold histograms."""
    if not evaluator.query.histograms or name in _EITHER:
        return kernel
    look = _Look(evaluator.query, name, found.range_ms, arg.span)

    def evaluate(block: Block, ends: Ints) -> Floats:
        there = is_histogram(block.values)
        return look.at(block, ends, there, kernel) if there.any() else kernel(block, ends)

    return evaluate


class _Look:
    """One range function over blocks that hold histograms; arg is its range vector's place in the query."""

    def __init__(self, query: Query, name: str, range_ms: int, arg: Span) -> None:
        self._query = query
        self._name = name
        self._range_ms = range_ms
        self._arg = arg

    def at(self, block: Block, ends: Ints, there: Bools, kernel: Kernel) -> Floats:
        """Return the function's value for each series and step."""
        some = Block(block.series, block.timestamps_ms, masked(block.values, ~there), dense=False)
        values = kernel(some, ends)
        if self._name in _LAST_TWO:
            return self._last_two(block, ends, there, values)
        float_count = self._over("count_over_time", some, ends)
        only = Block(block.series, block.timestamps_ms, masked(block.values, there), dense=False)
        count = self._over("count_over_time", only, ends)
        histograms, both = has_value(count), has_value(count) & has_value(float_count)
        if self._name in _COMPARING:
            if both.any() or (count[histograms] > 1).any():
                raise NeedsHistogramsError
            return np.where(histograms, 0.0, values) if histograms.any() else values
        if self._name not in _ADDING:
            self._note(block, both, histograms_ignored_in_range)
            return values
        self._note(block, both, mixed_range)
        enough = histograms & ~both
        enough[enough] = count[enough] >= _ADDING[self._name]
        return with_histograms(masked(values, has_value(values) & ~both), enough)

    def _last_two(self, block: Block, ends: Ints, there: Bools, values: Floats) -> Floats:
        usable = has_value(block.values) & ~windows.is_stale(block.values)
        kinds = Block(block.series, block.timestamps_ms, masked(there.astype(np.float64), usable), dense=False)
        change, last = self._over("idelta", kinds, ends), self._over("last_over_time", kinds, ends)
        both = has_value(change) & (change != 0)
        self._note(block, both, mixed_range)
        alike = has_value(change) & ~both
        histograms = alike & (last == 1)
        return with_histograms(masked(values, has_value(values) & alike), histograms)

    def _over(self, name: str, block: Block, ends: Ints) -> Floats:
        function = {
            "count_over_time": windows.count_over_time,
            "idelta": windows.idelta,
            "last_over_time": windows.last_over_time,
        }[name]
        return function(block, ends, self._range_ms, semantics=self._query.semantics)

    def _note(self, block: Block, where: Bools, make: Callable[[str, Span], Annotation]) -> None:
        for row in np.flatnonzero(where.any(axis=1)).tolist():
            self._query.note(make(metric_name(block.series[row]), self._arg))
