"""Holds an answer against the expectation of a case (rules: prometheus promql/promqltest/test.go)."""

from __future__ import annotations

import math
import re
import sys

from inferdeck.model.labels import Labels, text
from inferdeck.query.promql.literals import float_text, quote
from inferdeck.query.promql.patterns import compiled
from inferdeck.query.promql.script.commands import Case, Expectation, Remark, SeriesPoints
from inferdeck.query.promql.script.outcome import Outcome
from inferdeck.query.promql.script.points import Mark

RELATIVE_ERROR = 1e-6
_PLACE = re.compile(r" \(\d+:\d+\)\Z")


def almost_equal(first: float, second: float) -> bool:
    """Return whether two values agree to 1e-6 of their sum; NaN equals NaN (prometheus util/almost)."""
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and math.isnan(second)
    if first == second:
        return True
    total, difference = abs(first) + abs(second), abs(first - second)
    if first == 0 or second == 0 or total < sys.float_info.min:
        return difference < RELATIVE_ERROR * sys.float_info.min
    return difference / min(total, sys.float_info.max) < RELATIVE_ERROR


def difference(case: Case, found: Outcome) -> str:
    """Return what is wrong with the values, "" where they are as expected."""
    if found.kind == "string":
        return "" if found.text == case.text else f"expected string {quote(case.text or '')}, got {quote(found.text)}"
    if case.text is not None:
        return f"expected string {quote(case.text)}, got a {found.kind}"
    if found.kind == "scalar":
        if case.scalar is None:
            return f"expected series, got the scalar {float_text(found.scalar)}"
        wrong = f"expected scalar {float_text(case.scalar)}, got {float_text(found.scalar)}"
        return "" if almost_equal(case.scalar, found.scalar) else wrong
    if case.scalar is not None:
        return f"expected the scalar {float_text(case.scalar)}, got a {found.kind} of {len(found.rows)} series"
    return _vector(case, found) if found.kind == "vector" else _matrix(case, found)


def _vector(case: Case, found: Outcome) -> str:
    expected = {one.series: one for one in case.series}
    seen: set[Labels] = set()
    for place, (series, ((_, value), *_)) in enumerate(found.rows, start=1):
        wanted = expected.get(series)
        if wanted is None:
            return f"unexpected series {text(series)} with {float_text(value)}"
        if case.expects(Remark.ORDERED) and wanted.place != place:
            return f"expected {text(series)} at place {wanted.place}, it is at {place}"
        point = wanted.points[0] if wanted.points else Mark.GAP
        if isinstance(point, Mark) or not almost_equal(point, value):
            return f"expected {_shown(point)} for {text(series)}, got {float_text(value)}"
        if series in seen:
            return f"{text(series)} comes twice"
        seen.add(series)
    return _missing(case, seen)


def _matrix(case: Case, found: Outcome) -> str:
    if case.expects(Remark.ORDERED):
        return "expected an ordered result, got a matrix"
    names = [series for series, _ in found.rows]
    if names != sorted(names):
        return "the series of a matrix must be sorted by their labels"
    expected = {one.series: one for one in case.series}
    for series, got in found.rows:
        if series not in expected:
            return f"unexpected series {text(series)} with {_points(got)}"
        if wrong := _row(case, expected[series], got):
            return wrong
    return _missing(case, set(names))


def _row(case: Case, wanted: SeriesPoints, got: tuple[tuple[int, float], ...]) -> str:
    start, end, step = case.matrix or (case.start_ms, case.end_ms, case.step_ms)
    expected: list[tuple[int, float]] = []
    for index, point in enumerate(wanted.points):
        when = start + index * step
        if when > end:
            return f"expected {len(wanted.points)} points for {text(wanted.series)}, the time range has fewer"
        if isinstance(point, float):
            expected.append((when, point))
    name = text(wanted.series)
    if len(expected) != len(got):
        return f"expected {len(expected)} points for {name}, got {_points(got)}"
    for (when, value), (got_when, got_value) in zip(expected, got, strict=True):
        if when != got_when:
            return f"expected a point of {name} at {when} ms, it is at {got_when} ms"
        if not almost_equal(value, got_value):
            return f"expected {float_text(value)} for {name} at {when} ms, got {float_text(got_value)}"
    return ""


def _missing(case: Case, seen: set[Labels]) -> str:
    for one in case.series:
        if one.series not in seen:
            return f"expected series {text(one.series)} was not found"
    return ""


def remarks(case: Case, found: Outcome) -> str:
    """Return what is wrong with the annotations, "" where they are as expected."""
    for name, got, wanted, none in (
        ("warning", found.warnings, Remark.WARN, Remark.NO_WARN),
        ("info", found.infos, Remark.INFO, Remark.NO_INFO),
    ):
        if got and case.expects(none):
            return f"unexpected {name}: {got[0]}"
        expectations = [one for one in case.expectations if one.remark is wanted]
        if not expectations:
            continue
        for one in expectations:
            if not any(met(one, message) for message in got):
                return f"expected {name}{_wanted(one)}, got {'; '.join(got) or 'none'}"
        for message in got:
            if not any(met(one, message) for one in expectations):
                return f"unexpected {name}: {message}"
    return ""


def failure(case: Case, message: str) -> str:
    """Return what is wrong with a failed query, "" where it was expected to fail like this."""
    expectations = [one for one in case.expectations if one.remark is Remark.FAIL]
    if not expectations:
        return f"failed: {message}"
    for one in expectations:
        if not met(one, message):
            return f"expected to fail{_wanted(one)}, failed with: {message}"
    return ""


def met(expectation: Expectation, message: str) -> bool:
    """Return whether a message is the one that is expected; a pattern may match anywhere in it.

    An expected text without the place in the query is met by the remark at any place.
    """
    if expectation.message is not None:
        return expectation.message in (message, _PLACE.sub("", message))
    return expectation.pattern is None or compiled(expectation.pattern).search(message) is not None


def _wanted(expectation: Expectation) -> str:
    if expectation.message is not None:
        return f" {quote(expectation.message)}"
    return "" if expectation.pattern is None else f" matching {quote(expectation.pattern)}"


def _points(points: tuple[tuple[int, float], ...]) -> str:
    shown = " ".join(f"{float_text(value)}@{when}" for when, value in points[:8])
    return f"{len(points)} points: {shown}{' …' if len(points) > 8 else ''}"


def _shown(point: float | Mark) -> str:
    return point.value if isinstance(point, Mark) else float_text(point)
