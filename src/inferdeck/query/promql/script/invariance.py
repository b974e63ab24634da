"""An instant case again with `@` on every selector: then its result must not move with the evaluation time."""

from __future__ import annotations

from dataclasses import replace

from inferdeck.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from inferdeck.query.promql.format import one_line
from inferdeck.query.promql.functions import FUNCTIONS
from inferdeck.query.promql.parser import parse


def pinned_cases(query: str, time_ms: int) -> list[tuple[str, int]]:
    """Return (query, time in ms) of the same question at other times; none where a function reads the time itself."""
    pinned, unsafe = _pin(parse(query), time_ms / 1000)
    if unsafe:
        return []
    text = one_line(pinned)
    others = [-10 * time_ms, 0, time_ms // 5, time_ms, 10 * time_ms] if time_ms else [-1000, 0, 1000]
    return [(text, other) for other in others]


def _pin(expr: Expr, at: float) -> tuple[Expr, bool]:
    """Return the tree with `at` on its selectors and outermost subqueries, and whether the time is read elsewhere."""
    if isinstance(expr, VectorSelector):
        return _at(expr, at), False
    if isinstance(expr, MatrixSelector):
        return replace(expr, selector=_at(expr.selector, at)), False
    if isinstance(expr, Subquery):
        return (expr if isinstance(expr.at, float) else replace(expr, at=at)), False
    if isinstance(expr, Paren | Unary):
        inner, unsafe = _pin(expr.expr, at)
        return replace(expr, expr=inner), unsafe
    if isinstance(expr, Binary):
        (left, first), (right, second) = _pin(expr.left, at), _pin(expr.right, at)
        return replace(expr, left=left, right=right), first or second
    if isinstance(expr, Aggregate):
        inner, first = _pin(expr.expr, at)
        param, second = (None, False) if expr.param is None else _pin(expr.param, at)
        return replace(expr, expr=inner, param=param), first or second
    if isinstance(expr, Call):
        pinned = [_pin(arg, at) for arg in expr.args]
        unsafe = FUNCTIONS[expr.function].at_unsafe or any(one for _, one in pinned)
        return replace(expr, args=tuple(arg for arg, _ in pinned)), unsafe
    return expr, False


def _at(selector: VectorSelector, at: float) -> VectorSelector:
    return selector if isinstance(selector.at, float) else replace(selector, at=at)
