"""Lets questions written for native histograms be answered from classic ones.

`histogram_quantile(0.9, rate(x[5m]))` asks for the native histogram x. Where there is only a classic one, its series
are x_bucket, x_count and x_sum; the question becomes
`histogram_quantile(0.9, rate(x[5m])) or histogram_quantile(0.9, rate(x_bucket[5m]))`, so that what x itself has wins.
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
    Cardinality,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from inferdeck.store.interface import Matcher, MatchOp

_BUCKETED = {"histogram_quantile": 1, "histogram_fraction": 2, "histogram_quantiles": 0}
_LINEAR = frozenset(
    {"rate", "increase", "irate", "delta", "idelta", "sum_over_time", "avg_over_time", "last_over_time"}
)
_EITHER = VectorMatching(Cardinality.MANY_TO_MANY)


def with_classic(expr: Expr) -> Expr:
    """Return the tree with every such call joined by its classic counterpart."""
    if isinstance(expr, Call):
        expr = replace(expr, args=tuple(map(with_classic, expr.args)))
        other = _counterpart(expr)
        return expr if other is None else Paren(_or(expr, other), span=expr.span)
    if isinstance(expr, Paren | Unary | Subquery):
        return replace(expr, expr=with_classic(expr.expr))
    if isinstance(expr, Binary):
        return replace(expr, left=with_classic(expr.left), right=with_classic(expr.right))
    if isinstance(expr, Aggregate):
        param = None if expr.param is None else with_classic(expr.param)
        return replace(expr, expr=with_classic(expr.expr), param=param)
    return expr


def _or(first: Expr, second: Expr) -> Expr:
    return Binary("or", first, second, matching=_EITHER, span=first.span)


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
