"""Runs a script over a store and an engine, case by case."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inferdeck.errors import InferdeckError, NeedsHistogramsError, QueryError
from inferdeck.model.labels import NAME, Labels, get, labels, metric_name
from inferdeck.model.scrape import ABSENT_BITS, HISTOGRAM_BITS, NAN_BITS, STALE_BITS
from inferdeck.query.promql.ast import Call, Expr, MatrixSelector, VectorSelector
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.patterns import matches
from inferdeck.query.promql.script.commands import Case, Clear, Command, Load, Remark
from inferdeck.query.promql.script.comparing import difference, failure, remarks
from inferdeck.query.promql.script.invariance import pinned_cases
from inferdeck.query.promql.script.outcome import Outcome
from inferdeck.query.promql.script.points import Mark, Point
from inferdeck.query.promql.walk import nodes
from inferdeck.store.interface import MetricReader, MetricSink

_CONTEXT = re.compile(r"(start|end|range|step)\(\)")
_MINUTE_MS = 60_000
_CLASSIC = ("_bucket", "_count", "_sum")
_READ_STARTS = frozenset({"rate", "irate", "increase", "resets"})


class Store(MetricSink, MetricReader, Protocol):
    """Where a script keeps its data."""


class Asked(Protocol):
    """An engine over one store; raises InferdeckError for a query that fails."""

    def instant(self, query: str, time_ms: int) -> Outcome:
        """Evaluate at one moment."""
        ...

    def range(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> Outcome:
        """Evaluate on a grid, both ends included."""
        ...


class State(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the case at this line ended, and why where it did not pass."""

    line: int
    query: str
    state: State
    reason: str = ""


def run(commands: list[Command], new_store: Callable[[], Store], ask: Callable[[MetricReader], Asked]) -> list[Verdict]:
    """Run all commands in order over stores of `new_store`; one verdict per case."""
    runner = _Runner(new_store, ask)
    return [verdict for command in commands if (verdict := runner.execute(command)) is not None]


class _Runner:
    def __init__(self, new_store: Callable[[], Store], ask: Callable[[MetricReader], Asked]) -> None:
        self._new_store = new_store
        self._ask = ask
        self._clear()

    def _clear(self) -> None:
        self._store = self._new_store()
        self._engine = self._ask(self._store)
        self._native: set[Labels] = set()
        self._started: set[Labels] = set()

    def execute(self, command: Command) -> Verdict | None:
        """Run one command."""
        if isinstance(command, Clear):
            self._clear()
        elif isinstance(command, Load):
            self._load(command)
        else:
            return self._case(command)
        return None

    def _load(self, command: Load) -> None:
        self._started.update(command.started)
        for one in command.series:
            self._store.append_series(one.series, *arrays(one.points, command.step_ms))
            if Mark.HISTOGRAM in one.points:
                self._native.add(one.series)
            if command.nhcb and (base := _base_of_classic(one.series)):
                self._native.add(base)
                made = tuple(Mark.HISTOGRAM if isinstance(point, float) else Mark.GAP for point in one.points)
                self._store.append_series(base, *arrays(made, command.step_ms))
        # An engine may remember what it has read.
        self._engine = self._ask(self._store)

    def _case(self, case: Case) -> Verdict:
        try:
            wrong = self._range(case) if case.step_ms else self._instant(case)
        except QueryError as error:
            wrong = failure(case, error.headline)
        except NeedsHistogramsError as error:
            wrong = str(error)
            # Nothing else is set aside: a wrong answer over floats beside histograms is a failure.
            if reason := self._needs_native(case):
                return Verdict(case.line, case.query, State.SKIPPED, reason)
        if not wrong:
            return Verdict(case.line, case.query, State.PASSED)
        if self._started and self._needs_starts(case):
            reason = "the counters it reads have start timestamps, which are not kept"
            return Verdict(case.line, case.query, State.SKIPPED, reason)
        return Verdict(case.line, case.query, State.FAILED, wrong)

    def _needs_native(self, case: Case) -> str:
        if any(Mark.HISTOGRAM in one.points for one in case.series):
            return "the expected result holds a native histogram"
        if not self._native:
            return ""
        if any(isinstance(node, VectorSelector) and _selects(node, self._native) for node in _nodes(case)):
            return "the data it reads holds native histograms"
        return ""

    def _needs_starts(self, case: Case) -> bool:
        """Say whether a function that looks for restarts reads counters that came with start timestamps."""
        return any(
            isinstance(node, Call)
            and node.function in _READ_STARTS
            and isinstance(node.args[0], MatrixSelector)
            and _selects(node.args[0].selector, self._started)
            for node in _nodes(case)
        )

    def _range(self, case: Case) -> str:
        try:
            found = self._engine.range(case.query, case.start_ms, case.end_ms, case.step_ms)
        except NeedsHistogramsError:
            raise
        except InferdeckError as error:
            return failure(case, _message(error))
        return _judged(case, found)

    def _instant(self, case: Case) -> str:
        if wrong := self._instant_once(case, case.query, case.start_ms):
            return wrong
        for query, time_ms in pinned_cases(case.query, case.start_ms):
            if wrong := self._instant_once(case, query, time_ms):
                return f"{wrong} (asked as {query} at {time_ms} ms)"
        return ""

    def _instant_once(self, case: Case, query: str, time_ms: int) -> str:
        try:
            found = self._engine.instant(query, time_ms)
        except NeedsHistogramsError:
            raise
        except InferdeckError as error:
            return failure(case, _message(error))
        if wrong := _judged(case, found):
            return wrong
        once_only = case.matrix is not None or case.text is not None or found.kind in ("matrix", "string")
        if once_only or case.expects(Remark.ORDERED) or _CONTEXT.search(query):
            return ""
        try:
            grid = self._engine.range(query, time_ms - _MINUTE_MS, time_ms + _MINUTE_MS, _MINUTE_MS)
        except NeedsHistogramsError:
            raise
        except InferdeckError as error:
            return f"as a range query it failed: {_message(error)}"
        wrong = difference(case, _column(grid, time_ms, scalar=found.kind == "scalar"))
        return f"{wrong} (asked as a range query)" if wrong else ""


def _nodes(case: Case) -> list[Expr]:
    try:
        return list(nodes(parse(case.query)))
    except InferdeckError:
        return []


def _selects(selector: VectorSelector, series: Iterable[Labels]) -> bool:
    return any(all(matches(matcher, get(each, matcher.name)) for matcher in selector.matchers) for each in series)


def _judged(case: Case, found: Outcome) -> str:
    if case.expects(Remark.FAIL):
        return "expected to fail, it did not"
    return remarks(case, found) or difference(case, found)


def _column(grid: Outcome, time_ms: int, *, scalar: bool) -> Outcome:
    column = grid.at(time_ms)
    if not scalar:
        return column
    values = [points[0][1] for _, points in column.rows]
    return Outcome("scalar", scalar=values[0]) if values else column


def _message(error: InferdeckError) -> str:
    return error.headline if isinstance(error, QueryError) else str(error)


def arrays(points: tuple[Point, ...], step_ms: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the times and the values of what is not a gap, stale markers by their bits."""
    bits = np.full(len(points), ABSENT_BITS, dtype=np.uint64)
    for index, point in enumerate(points):
        if point is Mark.STALE:
            bits[index] = STALE_BITS
        elif point is Mark.HISTOGRAM:
            bits[index] = HISTOGRAM_BITS
        elif isinstance(point, float):
            bits[index] = NAN_BITS if point != point else np.float64(point).view(np.uint64)
    there = bits != ABSENT_BITS
    times = np.arange(len(points), dtype=np.int64) * step_ms
    return times[there], bits[there].view(np.float64)


def _base_of_classic(series: Labels) -> Labels:
    """Return the native histogram that belongs to a series of a classic one, () where it is none."""
    name = metric_name(series)
    for suffix in _CLASSIC:
        if name.endswith(suffix):
            return labels({**dict(series), NAME: name.removesuffix(suffix), "le": ""})
    return ()
