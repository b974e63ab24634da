"""Lets questions written for native histograms be answered from classic ones (docs/decisions/0008).

`histogram_quantile(0.9, rate(x[5m]))` asks for the native histogram x. Where there is only a classic one, its series
are x_bucket, x_count and x_sum, and Prometheus' answer is empty; here `histogram_quantile(0.9, rate(x_bucket[5m]))`
is asked then. Only queries that must be empty without the native histogram, at every step, have such a counterpart.
This is the reverse of Prometheus' convert_classic_histograms_to_nhcb, under which dashboards use the short names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from inferdeck.model.labels import NAME
from inferdeck.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from inferdeck.query.promql.check import value_type
from inferdeck.query.promql.eval.binary import ARITHMETIC, COMPARISONS
from inferdeck.store.interface import Matcher, MatchOp

_BUCKETED = {"histogram_quantile": 1, "histogram_fraction": 2, "histogram_quantiles": 0}
_LINEAR = frozenset(
    {"rate", "increase", "irate", "delta", "idelta", "sum_over_time", "avg_over_time", "last_over_time"}
)
_EMPTY_OF_EMPTY = frozenset({"and", *ARITHMETIC, *COMPARISONS})
# Functions that give something for an empty vector.
_FROM_NOTHING = frozenset({"absent", "absent_over_time"})


def of_classic(expr: Expr) -> Expr | None:
    """Return the same question to classic histograms; None where an answer can hold more than native ones give."""
    if isinstance(expr, Paren | Unary | Subquery | Aggregate):
        inner = of_classic(expr.expr)
        return inner and replace(expr, expr=inner)
    if isinstance(expr, Binary):
        return _binary(expr)
    if not isinstance(expr, Call):
        return None
    if (found := _counterpart(expr)) is not None:
        return found
    if expr.function in _FROM_NOTHING or value_type(expr) is not ValueType.VECTOR:
        return None
    for place, arg in enumerate(expr.args):
        if value_type(arg) in (ValueType.VECTOR, ValueType.MATRIX):
            inner = of_classic(arg)
            return inner and replace(expr, args=(*expr.args[:place], inner, *expr.args[place + 1 :]))
    return None


def _binary(expr: Binary) -> Expr | None:
    left, right = of_classic(expr.left), of_classic(expr.right)
    matching = expr.matching
    filled = matching is not None and not (matching.fill_left is None and matching.fill_right is None)
    if expr.operator in _EMPTY_OF_EMPTY and not filled:
        # One side that must be empty makes all of it empty.
        return replace(expr, left=left or expr.left, right=right or expr.right) if left or right else None
    if expr.operator == "unless":
        return left and replace(expr, left=left, right=right or expr.right)
    return replace(expr, left=left, right=right) if left and right else None


def _counterpart(call: Call) -> Expr | None:
    if call.function in _BUCKETED:
        place = _BUCKETED[call.function]
        found = _renamed(call.args[place], "_bucket")
        return found and replace(call, args=(*call.args[:place], found, *call.args[place + 1 :]))
    if call.function in ("histogram_count", "histogram_sum"):
        found = _renamed(call.args[0], call.function.removeprefix("histogram"))
        # Adding nothing drops the name, as the function does.
        return found and Binary("+", Paren(found, span=call.span), NumberLiteral(0.0, span=call.span), span=call.span)
    if call.function == "histogram_avg":
        sums, counts = _renamed(call.args[0], "_sum"), _renamed(call.args[0], "_count")
        if sums is None or counts is None:
            return None
        return Binary("/", sums, counts, matching=VectorMatching(), span=call.span)
    return None


def _renamed(expr: Expr, suffix: str) -> Expr | None:
    """Return the expression over the series of a classic histogram; None where it is already, or cannot be."""

    def inside(inner: Expr, make: Callable[[Expr], Expr]) -> Expr | None:
        found = _renamed(inner, suffix)
        return None if found is None else make(found)

    if isinstance(expr, VectorSelector):
        return _selector(expr, suffix)
    if isinstance(expr, MatrixSelector):
        found = _selector(expr.selector, suffix)
        return found and replace(expr, selector=found)
    if isinstance(expr, Paren):
        return inside(expr.expr, lambda found: replace(expr, expr=found))
    if isinstance(expr, Call) and expr.function in _LINEAR:
        return inside(expr.args[0], lambda found: replace(expr, args=(found,)))
    if isinstance(expr, Aggregate) and expr.operator in ("sum", "avg") and "le" not in expr.grouping:
        grouping = expr.grouping if expr.without or suffix != "_bucket" else (*expr.grouping, "le")
        return inside(expr.expr, lambda found: replace(expr, expr=found, grouping=grouping))
    return None


def _selector(expr: VectorSelector, suffix: str) -> VectorSelector | None:
    if not expr.name or expr.name.endswith("_bucket") or any(matcher.name == "le" for matcher in expr.matchers):
        return None
    name = expr.name + suffix
    matchers = tuple(
        Matcher(NAME, MatchOp.EQUAL, name) if matcher.name == NAME else matcher for matcher in expr.matchers
    )
    return replace(expr, name=name, matchers=matchers)
