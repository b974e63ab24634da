"""The labels that an expression gives on what is live; None where that cannot be said."""

from __future__ import annotations

from collections.abc import Iterable

from inferdeck.dashboards import meaning
from inferdeck.dashboards.grafana.live import Live
from inferdeck.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from inferdeck.sources import vocabulary

Found = frozenset[str] | None
_SAME = ("topk", "bottomk", "limitk", "limit_ratio")


def given(expr: Expr, live: Live) -> Found:
    """Return the labels of an expression's result."""
    if isinstance(expr, VectorSelector):
        return _selector(expr, live)
    if isinstance(expr, MatrixSelector):
        return _selector(expr.selector, live)
    if isinstance(expr, Paren | Unary | Subquery):
        return given(expr.expr, live)
    if isinstance(expr, Aggregate):
        return _aggregate(expr, live)
    if isinstance(expr, Call):
        return _call(expr, live)
    return _binary(expr, live) if isinstance(expr, Binary) else None


def exact(expr: Expr) -> bool:
    """Tell whether the labels of a result are those that the query names, so that nothing was added by a Prometheus."""
    if isinstance(expr, Paren | Unary):
        return exact(expr.expr)
    if isinstance(expr, Aggregate):
        return exact(expr.expr) if expr.operator in _SAME else not expr.without
    if isinstance(expr, Call):
        return expr.function == "histogram_quantile" and exact(expr.args[1])
    if isinstance(expr, Binary):
        sides = [side for side in (expr.left, expr.right) if not _plain(side)]
        return bool(sides) and all(exact(side) for side in sides)
    return False


def _selector(node: VectorSelector, live: Live) -> Found:
    """What a live series has, and what the catalog says that it may have: a label may come with the next event."""
    name = meaning.metric_name(node)
    if not live.known or not name:
        return None
    own = live.samples.get(name)
    if own is None:
        return None
    known = [one.metric.descriptor.labels for one in vocabulary.find(name)]
    if any(vocabulary.ANY_LABEL in labels for labels in known):
        return None
    return own.union(*known)


def _aggregate(node: Aggregate, live: Live) -> Found:
    inner = given(node.expr, live)
    if node.operator in _SAME:
        return inner
    more = [node.param.value] if node.operator == "count_values" and isinstance(node.param, StringLiteral) else []
    if not node.without:
        return frozenset([*node.grouping, *more])
    return None if inner is None else (inner - frozenset(node.grouping)) | frozenset(more)


def _call(node: Call, live: Live) -> Found:
    if node.function in ("absent", "absent_over_time", "vector", "time", "scalar", "info"):
        return None
    vectors = [arg for arg in node.args if not isinstance(arg, StringLiteral)]
    inner = _first(given(arg, live) for arg in vectors if not _plain(arg))
    if node.function in ("label_replace", "label_join"):
        target = node.args[1]
        return _with(inner, [target.value] if isinstance(target, StringLiteral) else [])
    return inner - {"le"} if inner is not None and node.function == "histogram_quantile" else inner


def _plain(expr: Expr) -> bool:
    return not isinstance(expr, VectorSelector | MatrixSelector | Paren | Unary | Subquery | Aggregate | Call | Binary)


def _first(found: Iterable[Found]) -> Found:
    return next(iter(found), None)


def _binary(node: Binary, live: Live) -> Found:
    if _plain(node.left):
        return given(node.right, live)
    if _plain(node.right):
        return given(node.left, live)
    left, right = given(node.left, live), given(node.right, live)
    if node.operator == "or":
        return None if left is None or right is None else left | right
    if node.operator in ("and", "unless"):
        return left
    matching = node.matching
    if matching is None:
        # A scalar on one side, such as time(): the labels are those of the other one.
        return _with(left, right or ()) if left is not None and right is not None else None
    if matching.cardinality is Cardinality.MANY_TO_ONE:
        return _with(left, matching.include)
    if matching.cardinality is Cardinality.ONE_TO_MANY:
        return _with(right, matching.include)
    if matching.on:
        return frozenset(matching.labels)
    return None if left is None else left - frozenset(matching.labels)


def _with(found: Found, more: Iterable[str]) -> Found:
    return None if found is None else found | frozenset(more)
