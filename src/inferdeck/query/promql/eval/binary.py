"""Binary operators between scalars, between vector and scalar, and set operators (promql/engine.go)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from inferdeck.query.promql.annotations import incompatible_types
from inferdeck.query.promql.ast import Binary, ValueType, VectorMatching
from inferdeck.query.promql.check import value_type
from inferdeck.query.promql.eval.matching import Signatures, match
from inferdeck.query.promql.eval.native import operated, refuse
from inferdeck.query.promql.eval.table import Table, empty, masked, stacked
from inferdeck.query.windows import has_value
from inferdeck.query.windows.grid import Bools, Floats

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator

ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISONS: dict[str, Callable[[Floats, Floats], Bools]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def binary_scalars(evaluator: Evaluator, expr: Binary) -> Floats:
    """Return an operation on two scalars; comparisons give 0 or 1."""
    left, right = evaluator.scalar(expr.left), evaluator.scalar(expr.right)
    with np.errstate(all="ignore"):
        if expr.operator in COMPARISONS:
            return COMPARISONS[expr.operator](left, right).astype(np.float64)
        return ARITHMETIC[expr.operator](left, right)


def binary_table(evaluator: Evaluator, expr: Binary) -> Table:
    """Return an operation with a vector on at least one side."""
    scalar_left = value_type(expr.left) is ValueType.SCALAR
    if scalar_left or value_type(expr.right) is ValueType.SCALAR:
        scalar = evaluator.scalar(expr.left if scalar_left else expr.right)
        return _with_scalar(evaluator, expr, evaluator.table(expr.right if scalar_left else expr.left), scalar)
    left, right = evaluator.table(expr.left), evaluator.table(expr.right)
    matching = expr.matching or VectorMatching()
    if expr.operator in _SETS:
        return _SETS[expr.operator](left, right, matching)
    if expr.operator not in ARITHMETIC and expr.operator not in COMPARISONS:
        return _for_histograms(evaluator, expr, left, right)
    arithmetic, comparison = ARITHMETIC.get(expr.operator), COMPARISONS.get(expr.operator)
    return match(evaluator.query, expr, left, right, arithmetic, comparison)


def _with_scalar(evaluator: Evaluator, expr: Binary, table: Table, scalar: Floats) -> Table:
    left_scalar = value_type(expr.left) is ValueType.SCALAR
    sides = (scalar, table.values) if left_scalar else (table.values, scalar)
    present = has_value(table.values)
    if expr.operator in ARITHMETIC:
        with np.errstate(all="ignore"):
            values = ARITHMETIC[expr.operator](*sides)
        values, kept = operated(evaluator.query, expr, sides, present, values, present)
        return Table(table.series, masked(values, kept), table.unnamed().dropping)
    if expr.operator not in COMPARISONS:
        return _for_histograms(evaluator, expr, table)
    with np.errstate(all="ignore"):
        holds = COMPARISONS[expr.operator](*sides)
    if expr.bool_modifier:
        values, kept = operated(evaluator.query, expr, sides, present, holds.astype(np.float64), present)
        return Table(table.series, masked(values, kept), table.unnamed().dropping)
    _, kept = operated(evaluator.query, expr, sides, present, table.values, present & holds)
    return table.where(kept)


def _for_histograms(evaluator: Evaluator, expr: Binary, *sides: Table) -> Table:
    """The operators that trim native histograms leave floats out, with a remark."""
    if evaluator.query.histograms:
        for side in sides:
            refuse(side.values)
    evaluator.query.note(incompatible_types("float", expr.operator, "float", expr.span))
    return empty(evaluator.steps.size)


def _and(left: Table, right: Table, matching: VectorMatching) -> Table:
    signatures = Signatures(left.series, right.series, matching)
    return left.where(has_value(left.values) & signatures.right_present(right.values)[signatures.left])


def _unless(left: Table, right: Table, matching: VectorMatching) -> Table:
    signatures = Signatures(left.series, right.series, matching)
    return left.where(has_value(left.values) & ~signatures.right_present(right.values)[signatures.left])


def _or(left: Table, right: Table, matching: VectorMatching) -> Table:
    signatures = Signatures(left.series, right.series, matching)
    free = ~signatures.left_present(left.values)[signatures.right]
    return stacked([left, right.where(has_value(right.values) & free)], left.values.shape[1])


_SETS: dict[str, Callable[[Table, Table, VectorMatching], Table]] = {"and": _and, "or": _or, "unless": _unless}
