"""Visits the nodes of a tree."""

from __future__ import annotations

from collections.abc import Iterator

from inferdeck.query.promql.ast import Aggregate, Binary, Call, Expr, MatrixSelector, Paren, Subquery, Unary


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions directly below a node, in text order."""
    if isinstance(expr, Paren | Unary | Subquery):
        return (expr.expr,)
    if isinstance(expr, Binary):
        return (expr.left, expr.right)
    if isinstance(expr, Aggregate):
        return (expr.expr,) if expr.param is None else (expr.param, expr.expr)
    if isinstance(expr, Call):
        return expr.args
    return (expr.selector,) if isinstance(expr, MatrixSelector) else ()


def nodes(expr: Expr) -> Iterator[Expr]:
    """Yield the node and everything below it, parents first."""
    waiting = [expr]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(children(one))
