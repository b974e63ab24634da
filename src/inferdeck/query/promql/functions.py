"""Every function of Prometheus 3 with its signature (shape and names: prometheus promql/parser/functions.go)."""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.query.promql.ast import ValueType

_SCALAR, _VECTOR, _MATRIX, _STRING = ValueType.SCALAR, ValueType.VECTOR, ValueType.MATRIX, ValueType.STRING


@dataclass(frozen=True, slots=True)
class Function:
    """One signature.

    variadic: how often the last argument may be missing or repeated: 0 never, 1 it may be left out, n it may occur up
    to n times, -1 any number of times, none included. at_unsafe: the result moves with the evaluation time although
    its arguments do not.
    """

    name: str
    args: tuple[ValueType, ...]
    returns: ValueType = _VECTOR
    variadic: int = 0
    experimental: bool = False
    at_unsafe: bool = False

    @property
    def fewest(self) -> int:
        """How many arguments a call needs."""
        return len(self.args) - (1 if self.variadic else 0)

    @property
    def most(self) -> int | None:
        """How many arguments a call may have; None where there is no limit."""
        return None if self.variadic < 0 else self.fewest + self.variadic if self.variadic else len(self.args)

    def expected(self, index: int) -> ValueType:
        """Return the type of the argument at this place; the last one repeats."""
        return self.args[min(index, len(self.args) - 1)]


def _many(names: str, *args: ValueType, variadic: int = 0, experimental: bool = False) -> list[Function]:
    return [Function(name, args, _VECTOR, variadic, experimental) for name in names.split()]


_TIME_PARTS = "days_in_month day_of_month day_of_week day_of_year hour minute month year"
_ALL = [
    *_many(
        "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count "
        "histogram_sum histogram_stddev histogram_stdvar ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh",
        _VECTOR,
    ),
    *_many(
        "absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time "
        "max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time",
        _MATRIX,
    ),
    *_many(
        "first_over_time mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time "
        "ts_of_min_over_time",
        _MATRIX,
        experimental=True,
    ),
    *_many("clamp", _VECTOR, _SCALAR, _SCALAR),
    *_many("clamp_max clamp_min", _VECTOR, _SCALAR),
    *_many("round", _VECTOR, _SCALAR, variadic=1),
    *_many("histogram_fraction", _SCALAR, _SCALAR, _VECTOR),
    *_many("histogram_quantile", _SCALAR, _VECTOR),
    *_many("histogram_quantiles", _VECTOR, _STRING, _SCALAR, _SCALAR, variadic=9, experimental=True),
    *_many("quantile_over_time", _SCALAR, _MATRIX),
    *_many("double_exponential_smoothing", _MATRIX, _SCALAR, _SCALAR, experimental=True),
    *_many("integral", _MATRIX, _SCALAR, variadic=1, experimental=True),
    *_many("info", _VECTOR, _VECTOR, variadic=1, experimental=True),
    *_many("label_replace", _VECTOR, _STRING, _STRING, _STRING, _STRING),
    *_many("label_join", _VECTOR, _STRING, _STRING, _STRING, variadic=-1),
    *_many("sort_by_label sort_by_label_desc", _VECTOR, _STRING, variadic=-1, experimental=True),
    *_many("vector", _SCALAR),
    *(Function(name, (_VECTOR,), variadic=1, at_unsafe=True) for name in _TIME_PARTS.split()),
    Function("predict_linear", (_MATRIX, _SCALAR), at_unsafe=True),
    Function("timestamp", (_VECTOR,), at_unsafe=True),
    Function("time", (), _SCALAR, at_unsafe=True),
    Function("pi", (), _SCALAR),
    Function("scalar", (_VECTOR,), _SCALAR),
    *(Function(name, (), _SCALAR, 0, experimental=True, at_unsafe=True) for name in ("start", "end", "step", "range")),
    *(Function(name, (_SCALAR, _SCALAR), _SCALAR, 0, experimental=True) for name in ("min_of", "max_of")),
]
FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
"""All of them by name; names are written in lower case and matched exactly."""

AGGREGATORS: dict[str, ValueType | None] = {
    "avg": None,
    "bottomk": _SCALAR,
    "count": None,
    "count_values": _STRING,
    "group": None,
    "limit_ratio": _SCALAR,
    "limitk": _SCALAR,
    "max": None,
    "min": None,
    "quantile": _SCALAR,
    "stddev": None,
    "stdvar": None,
    "sum": None,
    "topk": _SCALAR,
}
"""The aggregation operators and the type of their parameter, None where they have none."""
EXPERIMENTAL_AGGREGATORS = frozenset({"limitk", "limit_ratio"})
