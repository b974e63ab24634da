"""What all nodes of one query share: where data comes from, the query's own times, remarks and limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.query.promql.annotations import Annotation
from inferdeck.query.promql.ast import At, AtKeyword, Duration
from inferdeck.query.promql.eval.budget import Budget
from inferdeck.query.windows import Semantics
from inferdeck.query.windows.grid import Ints
from inferdeck.store.interface import Block, Matcher, MetricReader, SparseBlock, SparseReader, WindowUse


@dataclass(slots=True, eq=False)
class Query:
    """One running query; start, end and step are those of the whole query, also while a part of it is evaluated.

    step_ms is 0 for an instant query. histograms: whether samples may carry HISTOGRAM_BITS.
    stands_in: classic histograms are asked in place of native ones that are there; buckets with one bound in two
    spellings then say something else.
    """

    reader: MetricReader
    budget: Budget
    start_ms: int
    end_ms: int
    step_ms: int
    lookback_ms: int
    subquery_step_ms: int
    semantics: Semantics
    text: str
    histograms: bool = False
    stands_in: bool = False
    annotations: dict[Annotation, None] = field(default_factory=dict)

    def note(self, annotation: Annotation) -> None:
        """Remember a remark; the same one only once."""
        self.annotations.setdefault(annotation)

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Block]:
        """Return the samples of the matching series in (start - 1, end]; counts them."""
        self.budget.check_time()
        blocks = self.reader.select(matchers, start_ms, end_ms, max_samples=self._most())
        self._account(blocks)
        return blocks

    def select_windows(
        self, matchers: Sequence[Matcher], ends_ms: Ints, reach_ms: int, use: WindowUse
    ) -> list[SparseBlock] | None:
        """Return what a function of this use needs of the windows, None where the reader can only give everything."""
        if self.histograms or not isinstance(self.reader, SparseReader):
            return None
        blocks = self.reader.select_windows(matchers, ends_ms, reach_ms, use, max_samples=self._most())
        if blocks is not None:
            self._account(blocks)
        return blocks

    def _account(self, blocks: Sequence[Block]) -> None:
        self.budget.read(sum(block.values.size for block in blocks))
        self.budget.check_size(sum(len(block.series) for block in blocks), 1)
        self.budget.check_time()

    def _most(self) -> int:
        return self.budget.samples_left

    def milliseconds(self, duration: Duration) -> int:
        """Return a duration in milliseconds, its arithmetic done; parts of one are cut off, as in Prometheus."""
        seconds = self._seconds(duration)
        if not np.isfinite(seconds) or abs(seconds) > 9.2e9:
            raise EvaluationError("duration out of range")
        return math.trunc(round(seconds * 1e9) / 1e6)

    def positive_milliseconds(self, duration: Duration) -> int:
        """Return a duration that has to be above zero."""
        found = self.milliseconds(duration)
        if found <= 0:
            raise EvaluationError("duration must be greater than 0")
        return found

    def moment_ms(self, at: At) -> int | None:
        """Return the fixed moment of an @ modifier, None without one."""
        if at is None:
            return None
        if isinstance(at, AtKeyword):
            return self.start_ms if at is AtKeyword.START else self.end_ms
        return round(at * 1000)

    def _seconds(self, duration: Duration) -> float:
        if isinstance(duration, int | float):
            return float(duration)
        sign = duration.operator
        if sign == "step":
            return self.step_ms / 1000
        if sign == "range":
            return (self.end_ms - self.start_ms) / 1000
        values = [self._seconds(operand) for operand in duration.operands]
        if len(values) == 1:
            return -values[0] if sign == "-" else values[0]
        left, right = values
        if sign in "/%" and right == 0:
            raise EvaluationError("division by zero" if sign == "/" else "modulo by zero")
        with np.errstate(all="ignore"):
            return _DURATION_ARITHMETIC[sign](left, right)


_DURATION_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: float(np.fmod(left, right)),
    "^": lambda left, right: float(np.float64(left) ** right),
    "min": min,
    "max": max,
}
