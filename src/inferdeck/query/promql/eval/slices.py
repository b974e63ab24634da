"""Cuts a long range query into slices of steps, so that its memory stays bounded whatever its range."""

from __future__ import annotations

import numpy as np

from inferdeck.query.promql.ast import Expr, MatrixSelector, Subquery, VectorSelector
from inferdeck.query.promql.eval.query import Query
from inferdeck.query.promql.walk import nodes
from inferdeck.query.windows.grid import Ints

# A slice may touch about this many cells, of samples or of answers: a few arrays of them stay below 150 MB.
_CELLS = 4_000_000
# The usual distance of samples; a store that has more of them only makes the slices larger.
_SAMPLE_MS = 15_000
_FEW_STEPS = 16


def step_slices(query: Query, expr: Expr, steps: Ints) -> list[Ints]:
    """Return the steps in consecutive slices; every step of an expression can be evaluated by itself."""
    if steps.size <= _FEW_STEPS:
        return [steps]
    series, before_ms, finest_ms = 0, 0, _SAMPLE_MS
    for node in nodes(expr):
        if isinstance(node, VectorSelector):
            series += len(query.reader.series(node.matchers, int(steps[0]), int(steps[-1])))
            query.budget.check_size(series, 1)
        elif isinstance(node, MatrixSelector):
            before_ms = max(before_ms, query.milliseconds(node.range))
        elif isinstance(node, Subquery):
            before_ms = max(before_ms, query.milliseconds(node.range))
            step_ms = query.subquery_step_ms if node.step is None else query.milliseconds(node.step)
            finest_ms = min(finest_ms, max(step_ms, 1))
    per_step = max(series, 1) * max(1.0, query.step_ms / finest_ms)
    fixed = max(series, 1) * (before_ms / finest_ms)
    room = max(_CELLS - fixed, _CELLS / 4)
    most = max(_FEW_STEPS, int(room / per_step))
    return np.array_split(steps, -(-steps.size // most))
