"""Which labels the series of an expression have, as far as the catalogs tell."""

from __future__ import annotations

from inferdeck.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from inferdeck.query.promql.check import value_type
from inferdeck.sources import vocabulary

Shape = frozenset[str] | None
"""The labels, or None where nobody knows."""
_CHOOSING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
_WITHOUT_LABELS = frozenset({"vector", "scalar", "time", "absent", "absent_over_time"})


def output_labels(expr: Expr) -> Shape:
    """Return the labels that the result of an expression may have, without the metric's name."""
    if isinstance(expr, Paren | Unary | Subquery):
        return output_labels(expr.expr)
    if isinstance(expr, MatrixSelector):
        return output_labels(expr.selector)
    if isinstance(expr, VectorSelector):
        return _of_selector(expr)
    if isinstance(expr, Aggregate):
        return _of_aggregate(expr)
    if isinstance(expr, Binary):
        return _of_binary(expr)
    return _of_call(expr) if isinstance(expr, Call) else frozenset()


def _of_selector(selector: VectorSelector) -> Shape:
    known = vocabulary.find(selector.name)
    if not known or any(vocabulary.ANY_LABEL in one.metric.descriptor.labels for one in known):
        return None
    labels = {label for one in known for label in one.metric.descriptor.labels} | vocabulary.EVERYWHERE
    return frozenset(labels | {"le"} if any(one.part == "_bucket" for one in known) else labels)


def _of_aggregate(expr: Aggregate) -> Shape:
    inner = output_labels(expr.expr)
    if expr.operator in _CHOOSING:
        return inner
    if not expr.without:
        return frozenset(expr.grouping)
    return None if inner is None else inner - set(expr.grouping)


def _of_binary(expr: Binary) -> Shape:
    left, right = output_labels(expr.left), output_labels(expr.right)
    if value_type(expr.left) is ValueType.SCALAR:
        return right
    if value_type(expr.right) is ValueType.SCALAR or expr.operator in ("and", "unless"):
        return left
    if expr.operator == "or":
        return None if left is None or right is None else left | right
    return _matched(left, right, expr.matching or VectorMatching())


def _matched(left: Shape, right: Shape, matching: VectorMatching) -> Shape:
    if matching.cardinality.value == "one-to-many":
        return None if right is None else right | set(matching.include)
    if matching.cardinality.value == "many-to-one":
        return None if left is None else left | set(matching.include)
    if matching.on:
        return frozenset(matching.labels)
    return None if left is None else left - set(matching.labels)


def _of_call(expr: Call) -> Shape:
    if expr.function in _WITHOUT_LABELS:
        return frozenset()
    inner = next(
        (output_labels(one) for one in expr.args if value_type(one) in (ValueType.VECTOR, ValueType.MATRIX)),
        frozenset(),
    )
    if inner is None:
        return None
    if expr.function.startswith("histogram_"):
        return inner - {"le"}
    if expr.function in ("label_replace", "label_join") and isinstance(expr.args[1], StringLiteral):
        return inner | {expr.args[1].value}
    return inner
