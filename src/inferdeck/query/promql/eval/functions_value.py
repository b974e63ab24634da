"""Functions of one sample at a time: arithmetic, rounding, clamping; and the bridge between scalars and vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from inferdeck.query.promql.ast import Call
from inferdeck.query.promql.eval.table import Table, empty, mapped, named
from inferdeck.query.windows import has_value
from inferdeck.query.windows.grid import Floats

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator

Function = Callable[["Evaluator", Call], Table]
ScalarFunction = Callable[["Evaluator", Call], Floats]

_ELEMENTWISE: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / math.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda values: values * math.pi / 180,
    "sgn": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}


def _elementwise(name: str) -> Function:
    return lambda evaluator, call: mapped(evaluator.floats(call.args[0]), _ELEMENTWISE[name])


def _round(evaluator: Evaluator, call: Call) -> Table:
    table = evaluator.floats(call.args[0])
    nearest = evaluator.scalar(call.args[1]) if len(call.args) > 1 else np.ones(evaluator.steps.size)
    with np.errstate(all="ignore"):
        # The inverse first, as Prometheus does: it is what makes 0.1 come out well.
        inverse = 1 / nearest
    return mapped(table, lambda values: np.floor(values * inverse + 0.5) / inverse)


def _clamp(evaluator: Evaluator, call: Call) -> Table:
    table = evaluator.floats(call.args[0])
    low, high = evaluator.scalar(call.args[1]), evaluator.scalar(call.args[2])
    found = mapped(table, lambda values: np.maximum(low, np.minimum(high, values)))
    return found.where(has_value(table.values) & ~(high < low))


def _clamp_min(evaluator: Evaluator, call: Call) -> Table:
    low = evaluator.scalar(call.args[1])
    return mapped(evaluator.floats(call.args[0]), lambda values: np.maximum(low, values))


def _clamp_max(evaluator: Evaluator, call: Call) -> Table:
    high = evaluator.scalar(call.args[1])
    return mapped(evaluator.floats(call.args[0]), lambda values: np.minimum(high, values))


def _vector(evaluator: Evaluator, call: Call) -> Table:
    return named([()], evaluator.scalar(call.args[0])[None, :])


def _scalar(evaluator: Evaluator, call: Call) -> Floats:
    table = evaluator.floats(call.args[0])
    present = has_value(table.values)
    found = np.full(evaluator.steps.size, np.nan)
    if not table.series:
        return found
    only = np.flatnonzero(present.sum(axis=0) == 1)
    found[only] = table.values[present[:, only].argmax(axis=0), only]
    return found


def _sort(sign: int) -> Function:
    def evaluate(evaluator: Evaluator, call: Call) -> Table:
        table = evaluator.floats(call.args[0])
        if evaluator.steps.size != 1 or not table.series:
            return table
        value = table.values[:, 0]
        alive = np.flatnonzero(has_value(table.values)[:, 0])
        order = sorted(alive.tolist(), key=lambda row: (bool(np.isnan(value[row])), sign * value[row]))
        return table.rows(np.array(order, dtype=np.int64))

    return evaluate


def _only_histograms(evaluator: Evaluator, call: Call) -> Table:
    """Functions of native histograms leave floats out."""
    evaluator.only_floats(call.args[0])
    return empty(evaluator.steps.size)


def _extreme_of(better: np.ufunc) -> ScalarFunction:
    def evaluate(evaluator: Evaluator, call: Call) -> Floats:
        found: Floats = better(evaluator.scalar(call.args[0]), evaluator.scalar(call.args[1]))
        return found

    return evaluate


VALUES: dict[str, Function] = {
    **{name: _elementwise(name) for name in _ELEMENTWISE},
    **{f"histogram_{part}": _only_histograms for part in ("avg", "count", "sum", "stddev", "stdvar")},
    "round": _round,
    "clamp": _clamp,
    "clamp_min": _clamp_min,
    "clamp_max": _clamp_max,
    "vector": _vector,
    "sort": _sort(1),
    "sort_desc": _sort(-1),
}
VALUE_SCALARS: dict[str, ScalarFunction] = {
    "scalar": _scalar,
    "pi": lambda evaluator, _: np.full(evaluator.steps.size, math.pi),
    "min_of": _extreme_of(np.minimum),
    "max_of": _extreme_of(np.maximum),
}
