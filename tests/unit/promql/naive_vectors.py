"""PromQL on one vector at a time in plain Python: slow, obvious, written from Prometheus' definitions.

A vector is a dictionary from labels (with the metric name) to a value. Where PromQL fails, ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from inferdeck.model.labels import NAME, Labels, without
from tests.unit.query.naive_windows import (
    Window,
    avg_over_time,
    max_over_time,
    min_over_time,
    quantile,
    stddev_over_time,
    stdvar_over_time,
)

Vector = dict[Labels, float]


def _window(values: list[float]) -> Window:
    return Window(list(enumerate(values)), 0, len(values), closed=False)


def group_key(series: Labels, names: Sequence[str], *, exclude: bool) -> Labels:
    if exclude:
        return without(series, NAME, *names)
    return tuple(pair for pair in series if pair[0] in names)


def _groups(vector: Vector, names: Sequence[str], *, exclude: bool) -> dict[Labels, list[tuple[Labels, float]]]:
    found: dict[Labels, list[tuple[Labels, float]]] = {}
    for series in sorted(vector):
        found.setdefault(group_key(series, names, exclude=exclude), []).append((series, vector[series]))
    return found


def _sum(values: list[float]) -> float:
    return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)


_FOLDS: dict[str, Callable[[list[float]], float | None]] = {
    "sum": _sum,
    "avg": lambda values: avg_over_time(_window(values)),
    "min": lambda values: min_over_time(_window(values)),
    "max": lambda values: max_over_time(_window(values)),
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
    "stdvar": lambda values: stdvar_over_time(_window(values)),
    "stddev": lambda values: stddev_over_time(_window(values)),
}


def aggregate(operator: str, vector: Vector, names: Sequence[str], *, exclude: bool, param: float = 0.0) -> Vector:
    found: Vector = {}
    for key, members in _groups(vector, names, exclude=exclude).items():
        values = [value for _, value in members]
        if operator in ("topk", "bottomk"):
            sign = -1 if operator == "topk" else 1
            members.sort(key=lambda member: (math.isnan(member[1]), 0 if math.isnan(member[1]) else sign * member[1]))
            found |= dict(members[: max(0, int(param))])
        elif operator == "limitk":
            found |= dict(members[: max(0, int(param))])
        elif operator == "quantile":
            found[key] = quantile(param, values)
        else:
            value = _FOLDS[operator](values)
            assert value is not None
            found[key] = value
    return found


def signature(series: Labels, names: Sequence[str], *, on: bool) -> Labels:
    return tuple(pair for pair in series if pair[0] in names) if on else without(series, NAME, *names)


def set_operation(operator: str, left: Vector, right: Vector, names: Sequence[str], *, on: bool) -> Vector:
    on_left = {signature(series, names, on=on) for series in left}
    on_right = {signature(series, names, on=on) for series in right}
    if operator == "and":
        return {series: value for series, value in left.items() if signature(series, names, on=on) in on_right}
    if operator == "unless":
        return {series: value for series, value in left.items() if signature(series, names, on=on) not in on_right}
    return left | {series: value for series, value in right.items() if signature(series, names, on=on) not in on_left}


def arithmetic(
    left: Vector,
    right: Vector,
    names: Sequence[str],
    function: Callable[[float, float], float],
    *,
    on: bool,
    group_left: Sequence[str] | None,
) -> Vector:
    """left op right, one-to-one, or many-to-one where group_left names the labels to take over."""
    if not left or not right:
        return {}
    one: dict[Labels, Labels] = {}
    for series in right:
        if one.setdefault(signature(series, names, on=on), series) != series:
            raise ValueError("many-to-many")
    found: Vector = {}
    for series, value in left.items():
        key = signature(series, names, on=on)
        if key not in one:
            continue
        if group_left is None:
            result = key if on else without(series, NAME, *names)
        else:
            taken = dict(without(series, NAME)) | {name: dict(one[key]).get(name, "") for name in group_left}
            result = tuple(sorted(pair for pair in taken.items() if pair[1]))
        if result in found:
            raise ValueError("not unique")
        found[result] = function(value, right[one[key]])
    return found
