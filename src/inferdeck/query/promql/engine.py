"""The PromQL engine: instant and range queries over any MetricReader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from inferdeck.errors import LimitError, NeedsHistogramsError, UsageError
from inferdeck.model.labels import Labels
from inferdeck.query.promql.annotations import Level
from inferdeck.query.promql.ast import Aggregate, Call, Expr, Paren, ValueType
from inferdeck.query.promql.check import value_type
from inferdeck.query.promql.classic import of_classic
from inferdeck.query.promql.eval.budget import Budget, Limits
from inferdeck.query.promql.eval.evaluator import Evaluator
from inferdeck.query.promql.eval.native import refuse
from inferdeck.query.promql.eval.query import Query
from inferdeck.query.promql.eval.selectors import range_vector
from inferdeck.query.promql.eval.slices import step_slices
from inferdeck.query.promql.eval.table import Table, finished, masked
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.result import Result, ResultType
from inferdeck.query.windows import LOOKBACK_MS, Semantics, absent, extended_block, has_value, is_stale
from inferdeck.query.windows.grid import Floats, Ints
from inferdeck.query.windows.patience import interruptible
from inferdeck.store.interface import MetricReader

__all__ = ["Engine", "Limits"]


class Engine:
    """Evaluates queries; holds no state between them, so any thread may ask it at any time."""

    def __init__(
        self,
        reader: MetricReader,
        *,
        lookback_ms: int = LOOKBACK_MS,
        limits: Limits | None = None,
        semantics: Semantics = Semantics.PROMETHEUS_3,
        subquery_step_ms: int = 60_000,
        histograms: bool = False,
    ) -> None:
        """`histograms`: whether the reader may give samples with HISTOGRAM_BITS; looking for them takes time."""
        self._histograms = histograms
        self._reader = reader
        self._lookback_ms = lookback_ms
        self._limits = limits or Limits()
        self._semantics = semantics
        self._subquery_step_ms = subquery_step_ms

    def instant(
        self, query: str | Expr, time_ms: int, *, limits: Limits | None = None, lookback_ms: int | None = None
    ) -> Result:
        """Return the answer at one moment (Unix ms).

        Raises QueryError, EvaluationError, LimitError, QueryTimeoutError, StoreError.
        """
        running = self._query(query, time_ms, time_ms, 0, limits, lookback_ms)
        with interruptible(running.budget.check_time):
            return self._asked(query, self._instant, running)

    def range(
        self,
        query: str | Expr,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        *,
        limits: Limits | None = None,
        lookback_ms: int | None = None,
    ) -> Result:
        """Return the answer at start, start + step, … up to end (Unix ms, end included); raises as `instant`."""
        if step_ms <= 0:
            raise UsageError("zero or negative query resolution step widths are not accepted, try a positive integer")
        if end_ms < start_ms:
            raise UsageError("end timestamp must not be before start time")
        count = (end_ms - start_ms) // step_ms + 1
        most = (limits or self._limits).points
        if count - 1 > most:
            raise LimitError(
                f"exceeded maximum resolution of {most:,} points per timeseries; widen the step or shorten the range"
            )
        running = self._query(query, start_ms, end_ms, step_ms, limits, lookback_ms)
        with interruptible(running.budget.check_time):
            return self._asked(query, self._range, running)

    def _asked(self, query: str | Expr, answer: Callable[[Expr, Query], Result], running: Query) -> Result:
        """Return the answer; of classic histograms where the question is for native ones and there are none."""
        expr = parse(query) if isinstance(query, str) else query
        refused: NeedsHistogramsError | None = None
        found: Result | None = None
        try:
            found = answer(expr, running)
        except NeedsHistogramsError as error:
            refused = error
        if found is not None and (found.series or found.type is ResultType.STRING):
            return found
        other = of_classic(expr)
        classic = None if other is None else answer(other, replace(running, annotations={}, stands_in=found is None))
        if classic is not None and classic.series:
            return classic
        if found is None:
            assert refused is not None  # noqa: S101  either an answer or a refusal
            raise refused
        return found

    @staticmethod
    def _instant(expr: Expr, running: Query) -> Result:
        steps = np.array([running.start_ms], dtype=np.int64)
        evaluator = Evaluator(running, steps)
        kind = value_type(expr)
        if kind is ValueType.STRING:
            return Result(ResultType.STRING, (), steps, np.zeros((0, 1)), text=evaluator.string(expr))
        if kind is ValueType.SCALAR:
            values = evaluator.scalar(expr)[None, :]
            return _answer(running, ResultType.SCALAR, ((),), steps, values)
        if kind is ValueType.MATRIX:
            return _samples(running, evaluator, expr)
        table = finished(evaluator.table(expr))
        ordered = _is_ordered(expr)
        return _answer(running, ResultType.VECTOR, *_in_order(table, steps, ordered=ordered), ordered=ordered)

    @staticmethod
    def _range(expr: Expr, running: Query) -> Result:
        if value_type(expr) not in (ValueType.VECTOR, ValueType.SCALAR):
            shown = value_type(expr).value
            raise UsageError(f'invalid expression type "{shown}" for range query, must be Scalar or instant Vector')
        steps = np.arange(running.start_ms, running.end_ms + 1, running.step_ms, dtype=np.int64)
        slices = step_slices(running, expr, steps)
        parts = [finished(Evaluator(running, some).table(expr)) for some in slices]
        table = parts[0] if len(parts) == 1 else _side_by_side(parts, slices)
        running.budget.check_size(len(table.series), steps.size)
        return _answer(running, ResultType.MATRIX, *_in_order(table, steps, ordered=False))

    def _query(
        self, query: str | Expr, start_ms: int, end_ms: int, step_ms: int, limits: Limits | None, lookback: int | None
    ) -> Query:
        budget = Budget(limits or self._limits)
        text = query if isinstance(query, str) else ""
        return Query(
            reader=self._reader,
            budget=budget,
            start_ms=start_ms,
            end_ms=end_ms,
            step_ms=step_ms,
            lookback_ms=self._lookback_ms if lookback is None else lookback,
            subquery_step_ms=self._subquery_step_ms,
            semantics=self._semantics,
            text=text,
            histograms=self._histograms,
        )


_ORDERING = frozenset({"sort", "sort_desc", "sort_by_label", "sort_by_label_desc"})


def _is_ordered(expr: Expr) -> bool:
    while isinstance(expr, Paren):
        expr = expr.expr
    if isinstance(expr, Aggregate):
        return expr.operator in ("topk", "bottomk")
    return isinstance(expr, Call) and expr.function in _ORDERING


def _in_order(table: Table, steps: Ints, *, ordered: bool) -> tuple[tuple[Labels, ...], Ints, Floats]:
    if ordered:
        return table.series, steps, table.values
    order = sorted(range(len(table.series)), key=table.series.__getitem__)
    if order == list(range(len(order))):
        return table.series, steps, table.values
    table = table.rows(order)
    return table.series, steps, table.values


def _answer(
    query: Query,
    kind: ResultType,
    series: tuple[Labels, ...],
    steps: Ints,
    values: Floats,
    *,
    ordered: bool = False,
) -> Result:
    if query.histograms:
        refuse(values)
    lines = [(annotation.level, annotation.text(query.text)) for annotation in query.annotations]
    return Result(
        kind,
        series,
        steps,
        values,
        ordered,
        warnings=tuple(line for level, line in lines if level is Level.WARNING),
        infos=tuple(line for level, line in lines if level is Level.INFO),
    )


def _samples(query: Query, evaluator: Evaluator, expr: Expr) -> Result:
    """Return the samples of a range vector at one moment: stale markers are none."""
    found = range_vector(evaluator, expr)
    end = int(found.window_ms[0])
    begin = end - found.range_ms + (0 if query.semantics is Semantics.PROMETHEUS_2 else 1)
    tables, times = [], []
    for block in found.blocks:
        if found.extension:
            begin = end - found.range_ms
            block = extended_block(block, begin, end, query.lookback_ms, found.extension)
        inside = (block.timestamps_ms >= begin) & (block.timestamps_ms <= end)
        values = block.values[:, inside]
        dropping = np.array([series in found.dropping for series in block.series], dtype=np.bool_)
        tables.append(Table(block.series, masked(values, has_value(values) & ~is_stale(values)), dropping))
        times.append(block.timestamps_ms[inside])
    steps = np.unique(np.concatenate(times)) if times else np.zeros(0, dtype=np.int64)
    query.budget.check_size(sum(len(table.series) for table in tables), steps.size)
    table = finished(_side_by_side(tables, times))
    return _answer(query, ResultType.MATRIX, *_in_order(table, steps, ordered=False))


def _side_by_side(parts: Sequence[Table], times: Sequence[Ints]) -> Table:
    """Return tables on different times as one on all of them, each label set once."""
    steps = np.unique(np.concatenate(times)) if times else np.zeros(0, dtype=np.int64)
    row_of: dict[Labels, int] = {}
    for part in parts:
        for series in part.series:
            row_of.setdefault(series, len(row_of))
    values = absent((len(row_of), steps.size))
    dropping = np.zeros(len(row_of), dtype=np.bool_)
    for part, some in zip(parts, times, strict=True):
        rows = np.array([row_of[series] for series in part.series], dtype=np.intp)
        values.view(np.uint64)[np.ix_(rows, steps.searchsorted(some))] = part.values.view(np.uint64)
        dropping[rows] |= part.dropping
    return Table(tuple(row_of), values, dropping)
