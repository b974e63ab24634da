"""A syntax tree as JSON, in the shape of Prometheus' parse_query (web/api/v1/translate_ast.go)."""

from __future__ import annotations

from typing import Any

from inferdeck.model.labels import NAME
from inferdeck.query import encode
from inferdeck.query.promql.ast import (
    Aggregate,
    AtKeyword,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from inferdeck.query.promql.functions import FUNCTIONS

_TYPES = {"instant vector": "vector", "range vector": "matrix"}


def tree(expr: Expr) -> dict[str, Any]:
    """Return one expression as an object."""
    match expr:
        case VectorSelector():
            return {"type": "vectorSelector", **_selector(expr)}
        case MatrixSelector():
            return {"type": "matrixSelector", "range": _milliseconds(expr.range), **_selector(expr.selector)}
        case Subquery():
            where = {"offset": _milliseconds(expr.offset), **_at(expr)}
            step = 0 if expr.step is None else _milliseconds(expr.step)
            return {
                "type": "subquery",
                "expr": tree(expr.expr),
                "range": _milliseconds(expr.range),
                "step": step,
                **where,
            }
        case NumberLiteral():
            return {"type": "numberLiteral", "val": encode.number(expr.value)}
        case StringLiteral():
            return {"type": "stringLiteral", "val": expr.value}
        case Paren():
            return {"type": "parenExpr", "expr": tree(expr.expr)}
        case Unary():
            return {"type": "unaryExpr", "op": expr.operator, "expr": tree(expr.expr)}
        case _:
            return _compound(expr)


def _compound(expr: Expr) -> dict[str, Any]:
    match expr:
        case Aggregate():
            return {
                "type": "aggregation",
                "op": expr.operator,
                "expr": tree(expr.expr),
                "param": None if expr.param is None else tree(expr.param),
                "grouping": list(expr.grouping),
                "without": expr.without,
            }
        case Binary():
            return {
                "type": "binaryExpr",
                "op": expr.operator,
                "lhs": tree(expr.left),
                "rhs": tree(expr.right),
                "matching": None if expr.matching is None else _matching(expr.matching),
                "bool": expr.bool_modifier,
            }
        case Call():
            known = FUNCTIONS[expr.function]
            shape = {
                "name": known.name,
                "argTypes": [_TYPES.get(kind.value, kind.value) for kind in known.args],
                "variadic": known.variadic,
                "returnType": _TYPES.get(known.returns.value, known.returns.value),
            }
            return {"type": "call", "func": shape, "args": [tree(argument) for argument in expr.args]}
        case _:
            raise AssertionError(f"no shape for {type(expr).__name__}")


def _selector(expr: VectorSelector) -> dict[str, Any]:
    matchers = [{"name": each.name, "type": each.op.value, "value": each.value} for each in expr.matchers]
    name = expr.name or next((each.value for each in expr.matchers if each.name == NAME and each.op.value == "="), "")
    return {"name": name, "offset": _milliseconds(expr.offset), "matchers": matchers, **_at(expr)}


def _at(expr: VectorSelector | Subquery) -> dict[str, Any]:
    at = expr.at
    return {
        "timestamp": round(at * 1000) if isinstance(at, float | int) else None,
        "startOrEnd": at.value if isinstance(at, AtKeyword) else None,
    }


def _matching(matching: VectorMatching) -> dict[str, Any]:
    return {
        "card": matching.cardinality.value,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    }


def _milliseconds(duration: object) -> int:
    """A duration that is an expression has no value before it is evaluated, and is 0 as in Prometheus' own tree."""
    return round(duration * 1000) if isinstance(duration, float | int) else 0
