"""Which series of two vectors belong together: on, ignoring, group_left, group_right, fill (promql/engine.go)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import NAME, Labels, labels
from inferdeck.query.promql.ast import Binary, Cardinality, VectorMatching
from inferdeck.query.promql.eval.native import operated
from inferdeck.query.promql.eval.query import Query
from inferdeck.query.promql.eval.table import Table, empty, masked, stacked, steps_present, unnamed_labels
from inferdeck.query.promql.literals import quote
from inferdeck.query.windows import has_value
from inferdeck.query.windows.grid import Bools, Floats, Ints

_MANY_TO_ONE = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
_NOT_UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"


class Signatures:
    """The match group of every series on both sides: numbers from 0, equal where the matching labels are equal."""

    def __init__(self, left: Sequence[Labels], right: Sequence[Labels], matching: VectorMatching) -> None:
        self._numbers: dict[Labels, int] = {}
        self._chosen = frozenset(matching.labels) if matching.on else frozenset((*matching.labels, NAME))
        self._on = matching.on
        self.left = self._number(left)
        self.right = self._number(right)
        self.count = len(self._numbers)
        self.groups = list(self._numbers)

    def _number(self, series: Sequence[Labels]) -> Ints:
        found = [self._numbers.setdefault(self.labels(each), len(self._numbers)) for each in series]
        return np.array(found, dtype=np.int64)

    def labels(self, series: Labels) -> Labels:
        """Return the labels of a series that take part in the matching."""
        if self._on:
            return tuple(pair for pair in series if pair[0] in self._chosen)
        return tuple(pair for pair in series if pair[0] not in self._chosen)

    @property
    def pairs(self) -> int:
        """How many pairs of series share a match group."""
        sides = (np.bincount(side, minlength=self.count) for side in (self.left, self.right))
        return int(np.multiply(*sides).sum())

    def left_present(self, values: Floats) -> Bools:
        """Return, per match group and step, whether a series on the left has a value."""
        return self._present(values, self.left)

    def right_present(self, values: Floats) -> Bools:
        """Return, per match group and step, whether a series on the right has a value."""
        return self._present(values, self.right)

    def _present(self, values: Floats, group: Ints) -> Bools:
        found = np.zeros((self.count, values.shape[1]), dtype=np.bool_)
        np.logical_or.at(found, group, has_value(values))
        return found


def match(
    query: Query,
    expr: Binary,
    left: Table,
    right: Table,
    arithmetic: Callable[[Floats, Floats], Floats] | None,
    comparison: Callable[[Floats, Floats], Bools] | None,
) -> Table:
    """Return the operation on every pair of series that match; raises EvaluationError where a match is not unique."""
    matching = expr.matching or VectorMatching()
    swapped = matching.cardinality is Cardinality.ONE_TO_MANY
    # Prometheus swaps the sides of group_right, but not the fill values: fill_left is always that of the many side.
    many, one = _filled(*((right, left) if swapped else (left, right)), matching)
    steps = many.values.shape[1]
    signatures = Signatures(many.series, one.series, matching)
    # Where one side is empty at a step, nothing can match there and nothing is wrong either.
    live = steps_present(many.values) & steps_present(one.values)
    _check_one_side(one, signatures, live, "left" if swapped else "right")
    query.budget.check_size(signatures.pairs, steps)
    pairs = _pairs(signatures)
    if not pairs.size:
        return empty(steps)
    many_values, one_values = many.values[pairs[0]], one.values[pairs[1]]
    present = has_value(many_values) & has_value(one_values)
    results = [
        _result_labels(many.series[m], one.series[o], matching, arithmetic is not None) for m, o in pairs.T.tolist()
    ]
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        _check_counts(signatures.left[pairs[0]], present, signatures.count, _MANY_TO_ONE)
    else:
        _check_same_result(signatures.left[pairs[0]], results, present, _NOT_UNIQUE)
    sides = (one_values, many_values) if swapped else (many_values, one_values)
    values, kept, drops = _computed(sides, arithmetic, comparison, bool_modifier=expr.bool_modifier)
    values, kept = operated(query, expr, sides, present, values, kept)
    dropping = np.full(len(results), drops) | (many.dropping[pairs[0]] if arithmetic is None else False)
    return Table(tuple(results), masked(values, present & kept), dropping)


def _computed(
    sides: tuple[Floats, Floats],
    arithmetic: Callable[[Floats, Floats], Floats] | None,
    comparison: Callable[[Floats, Floats], Bools] | None,
    *,
    bool_modifier: bool,
) -> tuple[Floats, Bools, bool]:
    """Return values, where they stay, and whether the metric name goes."""
    everywhere = np.ones((1, 1), dtype=np.bool_)
    with np.errstate(all="ignore"):
        if arithmetic is not None:
            return arithmetic(*sides), everywhere, False
        assert comparison is not None  # noqa: S101  the caller gives one of the two
        holds = comparison(*sides)
    if bool_modifier:
        return holds.astype(np.float64), everywhere, True
    return sides[0], holds, False


def _pairs(signatures: Signatures) -> Ints:
    """Return the pairs of rows (many, one) that share a match group, shape (2, pairs), in order of the many side."""
    members: dict[int, list[int]] = {}
    for row, number in enumerate(signatures.right.tolist()):
        members.setdefault(number, []).append(row)
    found = [(row, other) for row, number in enumerate(signatures.left.tolist()) for other in members.get(number, ())]
    return np.array(found, dtype=np.int64).reshape(-1, 2).T


def _result_labels(many: Labels, one: Labels, matching: VectorMatching, arithmetic: bool) -> Labels:
    """Return the labels of a pair's result (resultMetric)."""
    found = many
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        chosen = frozenset(matching.labels)
        found = tuple(pair for pair in many if (pair[0] in chosen) is matching.on)
    if arithmetic:
        found = unnamed_labels(found)
    if not matching.include:
        return found
    pairs = dict(found)
    for name in matching.include:
        pairs[name] = next((value for key, value in one if key == name), "")
    return labels(pairs)


def _check_one_side(one: Table, signatures: Signatures, live: Bools, side: str) -> None:
    """Raise EvaluationError where two series of the one side are in the same match group at the same step."""
    group = signatures.right
    if np.unique(group).size == group.size:
        return
    counts = _counts(group, has_value(one.values) & live, signatures.count)
    for number, step in np.argwhere(counts > 1).tolist():
        rows = np.flatnonzero((group == number) & has_value(one.values[:, step]))
        first, second = sorted((one.series[rows[0]], one.series[rows[1]]))
        raise EvaluationError(
            f"found duplicate series for the match group {label_text(signatures.groups[number])} on the {side} "
            f"hand-side of the operation: [{label_text(first)}, {label_text(second)}]"
            ";many-to-many matching not allowed: matching labels must be unique on one side"
        )


def _counts(group: Ints, present: Bools, groups: int) -> Ints:
    counts = np.zeros((groups, present.shape[1]), dtype=np.int64)
    np.add.at(counts, group, present)
    return counts


def _check_counts(group: Ints, present: Bools, groups: int, message: str) -> None:
    if np.unique(group).size < group.size and (_counts(group, present, groups) > 1).any():
        raise EvaluationError(message)


def _check_same_result(group: Ints, results: Sequence[Labels], present: Bools, message: str) -> None:
    numbers: dict[tuple[int, Labels], int] = {}
    found = [numbers.setdefault(key, len(numbers)) for key in zip(group.tolist(), results, strict=True)]
    _check_counts(np.array(found, dtype=np.int64), present, len(numbers), message)


def _filled(left: Table, right: Table, matching: VectorMatching) -> tuple[Table, Table]:
    """Return both sides with the fill modifiers' series where a match group lacks one side at a step."""
    if matching.fill_left is None and matching.fill_right is None:
        return left, right
    signatures = Signatures(left.series, right.series, matching)
    on_left, on_right = signatures.left_present(left.values), signatures.right_present(right.values)
    steps = left.values.shape[1]
    more_left = _fill(signatures, matching.fill_left, on_right & ~on_left)
    more_right = _fill(signatures, matching.fill_right, on_left & ~on_right)
    return stacked([left, *more_left], steps), stacked([right, *more_right], steps)


def _fill(signatures: Signatures, value: float | None, where: Bools) -> list[Table]:
    if value is None:
        return []
    series = tuple(signatures.groups)
    values = masked(np.full(where.shape, value), where)
    return [Table(series, values, np.zeros(len(series), dtype=np.bool_))]


def label_text(series: Labels) -> str:
    """Return labels as Prometheus' messages show them: `{__name__="up", job="a"}`."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in series) + "}"
