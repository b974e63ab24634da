"""Selectors and subqueries: the samples that a part of a query sees at its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import Labels
from inferdeck.query import windows
from inferdeck.query.promql.ast import Duration, Expr, MatrixSelector, Paren, Subquery, VectorSelector
from inferdeck.query.promql.eval.native import refuse
from inferdeck.query.promql.eval.table import Table, merged, named, series_present, stacked
from inferdeck.query.windows import has_value
from inferdeck.query.windows.grid import Floats, Ints, Semantics
from inferdeck.store.interface import Block, SparseBlock, WindowUse

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """A range vector on all steps: blocks in which each series occurs once, and the windows on them.

    window_ms: the end of each step's window; one where `fixed`, the same for every step. dropping: the series whose
    name goes, as in Table. extension: "anchored" or "smoothed" where the windows take samples from beside them, as far
    away as the lookback; the blocks hold those too.
    """

    blocks: list[Block]
    window_ms: Ints
    range_ms: int
    fixed: bool
    dropping: frozenset[Labels]
    extension: str = ""


Kernel = Callable[..., Floats]
_USES = {
    "rate": WindowUse.RISE,
    "increase": WindowUse.RISE,
    "resets": WindowUse.RISE,
    "delta": WindowUse.ENDS,
    "count_over_time": WindowUse.ENDS,
    "first_over_time": WindowUse.ENDS,
    "last_over_time": WindowUse.ENDS,
}
"""What functions over ranges look at, where that is less than every sample."""


def instant_vector(evaluator: Evaluator, selector: VectorSelector, kernel: Kernel = windows.instant) -> Table:
    """Return the value of an instant selector at each step; the kernel may give something else of the sample."""
    query = evaluator.query
    ends, fixed = _shifted(evaluator, selector, selector.offset)
    if selector.extension == "smoothed" and kernel is windows.instant:
        kernel = windows.smoothed_instant
        blocks = _blocks(evaluator, selector, ends, query.lookback_ms, ahead_ms=query.lookback_ms)
        _refuse_histograms(evaluator, blocks)
    else:
        use = WindowUse.LAST if kernel in (windows.instant, windows.instant_seconds) else None
        blocks = _blocks(evaluator, selector, ends, query.lookback_ms, use=use)
    query.budget.check_size(sum(len(block.series) for block in blocks), evaluator.steps.size)
    tables = []
    for block in blocks:
        query.budget.check_time()
        values = kernel(block, ends, query.lookback_ms, semantics=query.semantics)
        tables.append(named(block.series, _widened(values, evaluator.steps.size) if fixed else values))
    return _alive(_in_order(blocks, stacked(tables, evaluator.steps.size)))


def range_vector(evaluator: Evaluator, expr: Expr, reader: str = "") -> Range:
    """Return the samples and windows of a range selector or a subquery; reader: the function that takes them."""
    while isinstance(expr, Paren):
        expr = expr.expr
    if isinstance(expr, Subquery):
        return _subquery(evaluator, expr)
    assert isinstance(expr, MatrixSelector)  # noqa: S101  the type check of the parser
    query = evaluator.query
    selector = expr.selector
    range_ms = query.positive_milliseconds(expr.range)
    ends, fixed = _shifted(evaluator, selector, selector.offset)
    if not selector.extension:
        return Range(
            _blocks(evaluator, selector, ends, range_ms, use=_USES.get(reader)), ends, range_ms, fixed, frozenset()
        )
    readers = windows.EXTENDED[selector.extension]
    if reader and reader not in readers:
        message = f"{selector.extension} modifier can only be used with: {', '.join(readers)} - not with {reader}"
        raise EvaluationError(message)
    ahead_ms = query.lookback_ms if selector.extension == "smoothed" else 0
    blocks = _blocks(evaluator, selector, ends, range_ms + query.lookback_ms, ahead_ms=ahead_ms)
    _refuse_histograms(evaluator, blocks)
    return Range(blocks, ends, range_ms, fixed, frozenset(), selector.extension)


def _refuse_histograms(evaluator: Evaluator, blocks: Sequence[Block]) -> None:
    if evaluator.query.histograms:
        for block in blocks:
            refuse(block.values)


def over_windows(
    evaluator: Evaluator, found: Range, kernel: Callable[[Block, Ints], Floats], *, keep_name: bool = False
) -> Table:
    """Return kernel(block, window ends) of every block as one table; the kernel knows the range."""
    query, steps = evaluator.query, evaluator.steps.size
    query.budget.check_size(sum(len(block.series) for block in found.blocks), steps)
    tables = []
    for block in found.blocks:
        query.budget.check_time()
        values = kernel(block, found.window_ms)
        if values.shape[1] != steps:
            values = _widened(values, steps)
        table = named(block.series, values, dropping=not keep_name)
        if keep_name and found.dropping:
            dropping = np.array([series in found.dropping for series in block.series], dtype=np.bool_)
            table = Table(table.series, table.values, dropping)
        tables.append(table)
    return _alive(_in_order(found.blocks, stacked(tables, steps)))


def _in_order(blocks: Sequence[Block], table: Table) -> Table:
    """Return the rows in the order that they have where no sample is left out: sums depend on it in their last bit."""
    if len(blocks) < 2 or not all(isinstance(block, SparseBlock) for block in blocks):
        return table
    places = np.concatenate([block.places for block in blocks if isinstance(block, SparseBlock)])
    return table.rows(np.argsort(places, kind="stable"))


def _alive(table: Table) -> Table:
    alive = series_present(table.values)
    return table if alive.all() else table.rows(np.flatnonzero(alive))


def _widened(values: Floats, steps: int) -> Floats:
    """Repeat the one column of something fixed by @ for every step; moves bits only."""
    bits = np.repeat(np.ascontiguousarray(values).view(np.uint64), steps, axis=1)
    found: Floats = bits.view(np.float64)
    return found


def _shifted(evaluator: Evaluator, node: VectorSelector | Subquery, offset: Duration) -> tuple[Ints, bool]:
    """Return the window ends that @ and offset make of the steps, and whether that is one for all of them."""
    moment = evaluator.query.moment_ms(node.at)
    shift = evaluator.query.milliseconds(offset)
    if moment is None:
        return evaluator.steps - shift, False
    return np.array([moment - shift], dtype=np.int64), True


def _blocks(
    evaluator: Evaluator,
    selector: VectorSelector,
    ends: Ints,
    range_ms: int,
    *,
    ahead_ms: int = 0,
    use: WindowUse | None = None,
) -> list[Block]:
    query = evaluator.query
    if not ends.size:
        return []
    reach_ms = range_ms - (1 if query.semantics is Semantics.PROMETHEUS_3 else 0)
    if use is not None:
        sparse = query.select_windows(selector.matchers, ends, reach_ms, use)
        if sparse is not None:
            return list[Block](sparse)
    first = int(ends.min()) - reach_ms
    return windows.join(query.select(selector.matchers, first, int(ends.max()) + ahead_ms))


def _subquery(evaluator: Evaluator, expr: Subquery) -> Range:
    query = evaluator.query
    range_ms = query.positive_milliseconds(expr.range)
    step_ms = query.subquery_step_ms if expr.step is None else query.positive_milliseconds(expr.step)
    ends, fixed = _shifted(evaluator, expr, expr.offset)
    if not ends.size:
        return Range([], ends, range_ms, fixed, frozenset())
    before = int(ends.min()) - range_ms
    closed = query.semantics is Semantics.PROMETHEUS_2
    # Inner steps are absolute multiples of the inner step, so that the answer does not move with the outer steps.
    first = -(-before // step_ms) * step_ms if closed else (before // step_ms + 1) * step_ms
    count = max(0, (int(ends.max()) - first) // step_ms + 1)
    query.budget.check_size(1, count)
    steps = first + np.arange(count, dtype=np.int64) * step_ms
    table = merged(evaluator.at(steps).table(expr.expr))
    dropping = frozenset(s for s, drop in zip(table.series, table.dropping.tolist(), strict=True) if drop)
    if not table.series or not count:
        return Range([], ends, range_ms, fixed, dropping)
    dense = bool(has_value(table.values).all())
    return Range([Block(table.series, steps, table.values, dense)], ends, range_ms, fixed, dropping)
