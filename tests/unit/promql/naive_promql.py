"""PromQL one moment at a time in plain Python: a range query is its answer at each step, asked for on its own.

Slow and obvious, written from the documentation. Metric names go as soon as a function takes them away. Where PromQL
fails, ValueError.
"""

from __future__ import annotations

import math
import operator
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inferdeck.model.labels import NAME, Labels, without
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query.promql.ast import (
    Aggregate,
    AtKeyword,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from inferdeck.query.promql.check import value_type
from inferdeck.store.interface import Matcher, MatchOp
from tests.unit.promql import naive_functions as functions
from tests.unit.promql import naive_vectors as vectors
from tests.unit.promql.naive_vectors import Vector
from tests.unit.query import naive_gathered, naive_windows
from tests.unit.query.naive_windows import Window

Points = list[tuple[int, int]]
"""(Unix ms, bits), rising."""
LOOKBACK_MS = 300_000
SUBQUERY_STEP_MS = 60_000

_NAMES = """
rate increase delta irate idelta resets changes sum_over_time avg_over_time min_over_time max_over_time count_over_time
last_over_time present_over_time stdvar_over_time stddev_over_time deriv first_over_time ts_of_first_over_time
ts_of_last_over_time ts_of_min_over_time ts_of_max_over_time mad_over_time
"""
WINDOWS: dict[str, Callable[[Window], float | None]] = {
    name: getattr(naive_windows, name, None) or getattr(naive_gathered, name) for name in _NAMES.split()
}
_KEEP_NAME = ("last_over_time", "first_over_time")


def _power(left: float, right: float) -> float:
    try:
        found = left**right
    except ZeroDivisionError:
        odd = right % 2 == 1
        return math.copysign(math.inf, left) if odd else math.inf
    except OverflowError:
        return -math.inf if left < 0 and right % 2 == 1 else math.inf
    return math.nan if isinstance(found, complex) else found


def _divided(left: float, right: float) -> float:
    if right == 0:
        sign = math.copysign(1, left) * math.copysign(1, right)
        return math.nan if left == 0 or math.isnan(left) else sign * math.inf
    return left / right


def _remainder(left: float, right: float) -> float:
    return math.nan if right == 0 or math.isinf(left) or math.isnan(left) else math.fmod(left, right)


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _remainder,
    "^": _power,
    "atan2": math.atan2,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def _value(bits: int) -> float:
    found: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return found


def _matches(matcher: Matcher, series: Labels) -> bool:
    value = dict(series).get(matcher.name, "")
    if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
        return (value == matcher.value) is (matcher.op is MatchOp.EQUAL)
    return (re.fullmatch(matcher.value, value) is not None) is (matcher.op is MatchOp.MATCH)


def _put(found: Vector, series: Labels, value: float) -> None:
    if series in found:
        raise ValueError("the same labels twice")
    found[series] = value


@dataclass(frozen=True)
class Naive:
    """The samples and the whole query's own times; each method answers at one time `at`, all in Unix ms."""

    samples: Mapping[Labels, Points]
    start: int
    end: int
    step: int

    def vector(self, expr: Expr, at: int) -> Vector:
        if value_type(expr) is ValueType.SCALAR:
            return {(): self.scalar(expr, at)}
        if isinstance(expr, Paren):
            return self.vector(expr.expr, at)
        if isinstance(expr, Unary):
            found = self.vector(expr.expr, at)
            return self._unnamed(found, operator.neg) if expr.operator == "-" else found
        if isinstance(expr, VectorSelector):
            return {series: value for series, (_, value) in self._seen(expr, at).items()}
        if isinstance(expr, Aggregate):
            return self._aggregate(expr, at)
        if isinstance(expr, Binary):
            return self._binary(expr, at)
        assert isinstance(expr, Call)
        return self._call(expr, at)

    def scalar(self, expr: Expr, at: int) -> float:
        if isinstance(expr, NumberLiteral):
            return expr.value
        if isinstance(expr, Paren | Unary):
            inner = self.scalar(expr.expr, at)
            return -inner if isinstance(expr, Unary) and expr.operator == "-" else inner
        if isinstance(expr, Binary):
            left, right = self.scalar(expr.left, at), self.scalar(expr.right, at)
            if expr.operator in COMPARISONS:
                return float(COMPARISONS[expr.operator](left, right))
            return ARITHMETIC[expr.operator](left, right)
        assert isinstance(expr, Call)
        if expr.function == "scalar":
            values = list(self.vector(expr.args[0], at).values())
            return values[0] if len(values) == 1 else math.nan
        if expr.function in ("min_of", "max_of"):
            both = [self.scalar(arg, at) for arg in expr.args]
            better = min if expr.function == "min_of" else max
            return math.nan if any(map(math.isnan, both)) else better(both)
        times = {"time": at, "start": self.start, "end": self.end, "step": self.step, "range": self.end - self.start}
        return math.pi if expr.function == "pi" else times[expr.function] / 1000

    def windows(self, expr: Expr, at: int) -> dict[Labels, Window]:
        if isinstance(expr, Paren):
            return self.windows(expr.expr, at)
        assert isinstance(expr, MatrixSelector | Subquery)
        modified = expr.selector if isinstance(expr, MatrixSelector) else expr
        assert isinstance(expr.range, int | float)
        end, span = self._moment(modified, at), round(expr.range * 1000)
        if isinstance(expr, MatrixSelector):
            points = {s: p for s, p in self.samples.items() if all(_matches(m, s) for m in expr.selector.matchers)}
            found = {series: naive_windows.select(rows, end, span, closed=False) for series, rows in points.items()}
            return {series: window for series, window in found.items() if window.samples}
        assert expr.step is None or isinstance(expr.step, int | float)
        step = SUBQUERY_STEP_MS if expr.step is None else round(expr.step * 1000)
        inner: dict[Labels, list[tuple[int, float]]] = {}
        first = (end - span) // step * step + step
        for moment in range(first, end + 1, step):
            for series, value in self.vector(expr.expr, moment).items():
                inner.setdefault(series, []).append((moment, value))
        return {series: Window(rows, end - span, end, False) for series, rows in inner.items()}

    def _moment(self, node: VectorSelector | Subquery, at: int) -> int:
        fixed = {None: at, AtKeyword.START: self.start, AtKeyword.END: self.end}
        assert isinstance(node.offset, int | float)
        moment = round(node.at * 1000) if isinstance(node.at, int | float) else fixed[node.at]
        return moment - round(node.offset * 1000)

    def _seen(self, selector: VectorSelector, at: int) -> dict[Labels, tuple[float, float]]:
        """The newest sample of each series: its time in seconds and its value; none where it is a stale marker."""
        moment = self._moment(selector, at)
        found = {}
        for series, points in self.samples.items():
            if not all(_matches(matcher, series) for matcher in selector.matchers):
                continue
            value = naive_windows.instant(points, moment, LOOKBACK_MS, closed=False)
            if value is not None:
                time = max(time for time, bits in points if time <= moment and bits != ABSENT_BITS)
                found[series] = (time / 1000, value)
        return found

    @staticmethod
    def _unnamed(vector: Vector, function: Callable[[float], float]) -> Vector:
        found: Vector = {}
        for series, value in vector.items():
            _put(found, without(series, NAME), function(value))
        return found

    def _aggregate(self, expr: Aggregate, at: int) -> Vector:
        vector = self.vector(expr.expr, at)
        if expr.operator != "count_values":
            param = 0.0 if expr.param is None else self.scalar(expr.param, at)
            return vectors.aggregate(expr.operator, vector, expr.grouping, exclude=expr.without, param=param)
        assert isinstance(expr.param, StringLiteral)
        found: Vector = {}
        for series, value in vector.items():
            group = vectors.group_key(series, expr.grouping, exclude=expr.without)
            key = functions.with_label(group, expr.param.value, functions.text(value))
            found[key] = found.get(key, 0.0) + 1
        return found

    def _binary(self, expr: Binary, at: int) -> Vector:
        of_scalars = [value_type(side) is ValueType.SCALAR for side in (expr.left, expr.right)]
        if any(of_scalars):
            number = self.scalar(expr.left if of_scalars[0] else expr.right, at)
            vector = self.vector(expr.right if of_scalars[0] else expr.left, at)
            if expr.operator in ARITHMETIC or expr.bool_modifier:
                function = ARITHMETIC.get(expr.operator) or COMPARISONS[expr.operator]
                swapped = of_scalars[0]
                return self._unnamed(vector, lambda v: float(function(number, v) if swapped else function(v, number)))
            holds = COMPARISONS[expr.operator]
            return {s: v for s, v in vector.items() if (holds(number, v) if of_scalars[0] else holds(v, number))}
        left, right = self.vector(expr.left, at), self.vector(expr.right, at)
        matching = expr.matching or VectorMatching()
        if expr.operator in ("and", "or", "unless"):
            return vectors.set_operation(expr.operator, left, right, matching.labels, on=matching.on)
        swap = matching.cardinality is Cardinality.ONE_TO_MANY
        apply = ARITHMETIC.get(expr.operator) or COMPARISONS[expr.operator]
        include = None if matching.cardinality is Cardinality.ONE_TO_ONE else matching.include
        if expr.operator in COMPARISONS and not expr.bool_modifier:
            raise NotImplementedError("comparing vectors without bool")
        return vectors.arithmetic(
            *((right, left) if swap else (left, right)),
            matching.labels,
            lambda one, other: float(apply(other, one) if swap else apply(one, other)),
            on=matching.on,
            group_left=include,
        )

    def _call(self, expr: Call, at: int) -> Vector:
        name, args = expr.function, expr.args
        if name in functions.OF_ONE:
            return self._unnamed(self.vector(args[0], at), functions.OF_ONE[name])
        if name in functions.DATES:
            seconds: Vector = self.vector(args[0], at) if args else {(): at / 1000}
            return self._unnamed(seconds, lambda value: functions.date(name, value))
        if name in ("round", "clamp", "clamp_min", "clamp_max"):
            return self._bounded(name, self.vector(args[0], at), [self.scalar(arg, at) for arg in args[1:]])
        if name == "vector":
            return {(): self.scalar(args[0], at)}
        if name == "timestamp":
            inner = args[0]
            while isinstance(inner, Paren):
                inner = inner.expr
            if isinstance(inner, VectorSelector):
                return self._unnamed({s: time for s, (time, _) in self._seen(inner, at).items()}, float)
            return self._unnamed(self.vector(inner, at), lambda _: at / 1000)
        if name in ("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"):
            return self.vector(args[0], at)
        if name in ("label_replace", "label_join"):
            return self._relabelled(expr, at)
        if name == "absent":
            return {} if self.vector(args[0], at) else {(): 1.0}
        if name == "info":
            return self._info(self.vector(args[0], at), args[1] if len(args) > 1 else None, at)
        return self._over_time(expr, at)

    def _bounded(self, name: str, vector: Vector, params: Sequence[float]) -> Vector:
        if name == "round":
            return self._unnamed(vector, lambda value: functions.rounded(value, params[0] if params else 1.0))
        low = params[0] if name != "clamp_max" else -math.inf
        high = params[-1] if name != "clamp_min" else math.inf
        if high < low:
            return {}
        unknown = any(map(math.isnan, params))

        def clamped(value: float) -> float:
            return math.nan if unknown or math.isnan(value) else max(low, min(high, value))

        return self._unnamed(vector, clamped)

    def _relabelled(self, expr: Call, at: int) -> Vector:
        texts = [arg.value for arg in expr.args[1:] if isinstance(arg, StringLiteral)]
        found: Vector = {}
        for series, value in self.vector(expr.args[0], at).items():
            if expr.function == "label_replace":
                changed = functions.label_replace(series, *texts)
            else:
                changed = functions.label_join(series, texts[0], texts[1], texts[2:])
            _put(found, changed, value)
        return found

    def _info(self, base: Vector, selector: Expr | None, at: int) -> Vector:
        matchers = selector.matchers if isinstance(selector, VectorSelector) else ()
        of_name = [m for m in matchers if m.name == NAME] or [Matcher(NAME, MatchOp.EQUAL, "target_info")]
        data = [m for m in matchers if m.name != NAME]
        infos = self._seen(VectorSelector("", (*of_name, *data)), at)
        passing = of_name if selector is None or len(data) < len(matchers) else []
        found: Vector = {}
        for series, value in base.items():
            if passing and all(_matches(m, series) for m in passing):
                _put(found, series, value)
                continue
            identity = [dict(series).get(name, "") for name in ("instance", "job")]
            beside = [i for i in infos if [dict(i).get(name, "") for name in ("instance", "job")] == identity]
            newest = self._newest({i: infos[i][0] for i in beside} if any(identity) else {})
            if newest or all(_matches(m, ()) for m in data):
                _put(found, self._informed(series, newest, {m.name for m in data}), value)
        return found

    @staticmethod
    def _newest(times: Mapping[Labels, float]) -> list[Labels]:
        """Of each info metric the one with the newest sample."""
        best: dict[str, Labels] = {}
        for series, time in times.items():
            name = dict(series)[NAME]
            if name in best and times[best[name]] == time:
                raise ValueError("two info series at the same time")
            if name not in best or times[best[name]] < time:
                best[name] = series
        return list(best.values())

    @staticmethod
    def _informed(series: Labels, infos: Sequence[Labels], wanted: set[str]) -> Labels:
        added: dict[str, str] = {}
        for info in infos:
            for name, value in info:
                if name != NAME and (not wanted or name in wanted):
                    if added.get(name, value) != value:
                        raise ValueError("info series contradict each other")
                    added[name] = value
        return tuple(sorted({**added, **dict(series)}.items()))

    def _over_time(self, expr: Call, at: int) -> Vector:
        name = expr.function
        ranged = next(arg for arg in expr.args if value_type(arg) is ValueType.MATRIX)
        windows = self.windows(ranged, at)
        if name == "absent_over_time":
            return {} if windows else {(): 1.0}
        params = [self.scalar(arg, at) for arg in expr.args if arg is not ranged]
        found: Vector = {}
        for series, window in windows.items():
            value = self._of_window(name, params, window, at)
            if value is not None:
                _put(found, series if name in _KEEP_NAME else without(series, NAME), value)
        return found

    @staticmethod
    def _of_window(name: str, params: Sequence[float], window: Window, at: int) -> float | None:
        if name == "quantile_over_time":
            return naive_windows.quantile_over_time(params[0], window)
        if name == "predict_linear":
            # Ahead of the moment of the question, wherever offset and @ put the window.
            return naive_windows.predict_linear(params[0], Window(window.samples, window.start, at, window.closed))
        if name == "double_exponential_smoothing":
            return naive_gathered.double_exponential_smoothing(params[0], params[1], window)
        return WINDOWS[name](window)
