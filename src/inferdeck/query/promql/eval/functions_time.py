"""Functions about time: of samples, of steps, of the query, and their parts in UTC."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inferdeck.query import windows
from inferdeck.query.promql.ast import Call, Paren, VectorSelector
from inferdeck.query.promql.eval.selectors import instant_vector
from inferdeck.query.promql.eval.table import Table, mapped, named
from inferdeck.query.windows.grid import Floats

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator

Function = Callable[["Evaluator", Call], Table]
ScalarFunction = Callable[["Evaluator", Call], Floats]
Moments = NDArray[np.datetime64]


def _timestamp(evaluator: Evaluator, call: Call) -> Table:
    """The time of the sample itself for a plain selector, of the step for everything else."""
    arg = call.args[0]
    while isinstance(arg, Paren):
        arg = arg.expr
    if isinstance(arg, VectorSelector):
        return instant_vector(evaluator, arg, windows.instant_seconds).unnamed()
    seconds = evaluator.steps / 1000
    return mapped(evaluator.table(arg), lambda values: np.broadcast_to(seconds, values.shape))


def _month(moments: Moments) -> Floats:
    months = moments.astype("datetime64[M]").astype(np.int64)
    found: Floats = (months % 12 + 1).astype(np.float64)
    return found


def _year(moments: Moments) -> Floats:
    found: Floats = (moments.astype("datetime64[Y]").astype(np.int64) + 1970).astype(np.float64)
    return found


def _days(moments: Moments, unit: str) -> Floats:
    """Return the day's number inside its month or year, from 1."""
    days = moments.astype("datetime64[D]")
    first = moments.astype(f"datetime64[{unit}]").astype("datetime64[D]")
    found: Floats = (days - first).astype(np.float64) + 1
    return found


def _days_in_month(moments: Moments) -> Floats:
    month = moments.astype("datetime64[M]")
    found: Floats = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.float64)
    return found


def _seconds(moments: Moments) -> NDArray[np.int64]:
    return moments.astype(np.int64)


_PARTS: dict[str, Callable[[Moments], Floats]] = {
    "year": _year,
    "month": _month,
    "day_of_month": lambda moments: _days(moments, "M"),
    "day_of_year": lambda moments: _days(moments, "Y"),
    "day_of_week": lambda moments: ((_seconds(moments) // 86_400 + 4) % 7).astype(np.float64),
    "days_in_month": _days_in_month,
    "hour": lambda moments: (_seconds(moments) // 3600 % 24).astype(np.float64),
    "minute": lambda moments: (_seconds(moments) // 60 % 60).astype(np.float64),
}
# Year 292 million: beyond it numpy's calendar and Go's both end.
_LATEST_SECONDS = 9e15


def _part(name: str) -> Function:
    part = _PARTS[name]

    def of(values: Floats) -> Floats:
        known = np.abs(values) < _LATEST_SECONDS
        moments = np.where(known, np.trunc(np.where(known, values, 0.0)), 0.0).astype(np.int64)
        return np.where(known, part(moments.astype("datetime64[s]")), np.nan)

    def evaluate(evaluator: Evaluator, call: Call) -> Table:
        if call.args:
            return mapped(evaluator.floats(call.args[0]), of)
        return named([()], of(evaluator.steps / 1000)[None, :])

    return evaluate


def _constant(seconds: Callable[[Evaluator], float]) -> ScalarFunction:
    return lambda evaluator, _: np.full(evaluator.steps.size, seconds(evaluator))


TIMES: dict[str, Function] = {"timestamp": _timestamp, **{name: _part(name) for name in _PARTS}}
TIME_SCALARS: dict[str, ScalarFunction] = {
    "time": lambda evaluator, _: evaluator.steps / 1000,
    "start": _constant(lambda evaluator: evaluator.query.start_ms / 1000),
    "end": _constant(lambda evaluator: evaluator.query.end_ms / 1000),
    "step": _constant(lambda evaluator: evaluator.query.step_ms / 1000),
    "range": _constant(lambda evaluator: (evaluator.query.end_ms - evaluator.query.start_ms) / 1000),
}
