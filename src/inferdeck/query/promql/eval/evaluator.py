"""Walks a syntax tree and gives each node its value on all steps at once."""

from __future__ import annotations

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Expr,
    NumberLiteral,
    Paren,
    StringLiteral,
    Unary,
    ValueType,
    VectorSelector,
)
from inferdeck.query.promql.check import value_type
from inferdeck.query.promql.eval import native
from inferdeck.query.promql.eval.aggregate import aggregate
from inferdeck.query.promql.eval.binary import binary_scalars, binary_table
from inferdeck.query.promql.eval.functions import SCALARS, TABLES
from inferdeck.query.promql.eval.query import Query
from inferdeck.query.promql.eval.selectors import instant_vector
from inferdeck.query.promql.eval.table import Table, empty, mapped, named
from inferdeck.query.windows.grid import Floats, Ints


class Evaluator:
    """One query on one grid of steps; a subquery is evaluated by another one on its own grid."""

    def __init__(self, query: Query, steps: Ints) -> None:
        self.query: Query = query
        self.steps: Ints = steps

    def at(self, steps: Ints) -> Evaluator:
        """Return the evaluator of the same query on other steps."""
        return Evaluator(self.query, steps)

    def table(self, expr: Expr) -> Table:
        """Return an instant vector; a scalar becomes a series without labels, as vector() does."""
        self.query.budget.check_time()
        while isinstance(expr, Paren):
            expr = expr.expr
        if isinstance(expr, VectorSelector):
            return instant_vector(self, expr)
        if isinstance(expr, Aggregate):
            return aggregate(self, expr)
        if value_type(expr) is ValueType.SCALAR:
            return named([()], self.scalar(expr)[None, :])
        if isinstance(expr, Binary):
            return binary_table(self, expr)
        if isinstance(expr, Unary):
            inner = self.table(expr.expr)
            return self._negated(inner) if expr.operator == "-" else inner
        if isinstance(expr, Call):
            if expr.function not in TABLES:
                raise EvaluationError(f"the function {expr.function}() cannot be evaluated yet")
            return TABLES[expr.function](self, expr)
        return empty(self.steps.size)

    def floats(self, expr: Expr) -> Table:
        """Return an instant vector without its native histograms."""
        table = self.table(expr)
        return native.floats(table) if self.query.histograms else table

    def only_floats(self, expr: Expr) -> Table:
        """Return an instant vector; raises NeedsHistogramsError where it holds native histograms."""
        table = self.table(expr)
        if self.query.histograms:
            native.refuse(table.values)
        return table

    def _negated(self, table: Table) -> Table:
        found = mapped(table, np.negative)
        if not self.query.histograms:
            return found
        return Table(
            found.series, native.with_histograms(found.values, native.is_histogram(table.values)), found.dropping
        )

    def scalar(self, expr: Expr) -> Floats:
        """Return a scalar at each step, shape (steps,)."""
        self.query.budget.check_time()
        while isinstance(expr, Paren):
            expr = expr.expr
        if isinstance(expr, NumberLiteral):
            return np.full(self.steps.size, expr.value)
        if isinstance(expr, Unary):
            found = self.scalar(expr.expr)
            return -found if expr.operator == "-" else found
        if isinstance(expr, Binary):
            return binary_scalars(self, expr)
        assert isinstance(expr, Call)  # noqa: S101  the type check of the parser
        return SCALARS[expr.function](self, expr)

    def string(self, expr: Expr) -> str:
        """Return a string."""
        while isinstance(expr, Paren):
            expr = expr.expr
        assert isinstance(expr, StringLiteral)  # noqa: S101  the type check of the parser
        return expr.value
