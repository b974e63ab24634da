"""Our engine as scripts ask it."""

from __future__ import annotations

import numpy as np

from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query.promql.engine import Engine
from inferdeck.query.promql.result import Result, ResultType
from inferdeck.query.promql.script.outcome import Outcome
from inferdeck.store.interface import MetricReader


class Asking:
    """An engine over one store, with the settings of Prometheus' own suite: lookback 5 m, subquery step 1 m."""

    def __init__(self, reader: MetricReader) -> None:
        self._engine = Engine(reader, histograms=True)

    def instant(self, query: str, time_ms: int) -> Outcome:
        """Evaluate at one moment."""
        return outcome(self._engine.instant(query, time_ms))

    def range(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> Outcome:
        """Evaluate on a grid."""
        return outcome(self._engine.range(query, start_ms, end_ms, step_ms))


def outcome(result: Result) -> Outcome:
    """Return an answer row by row, without its holes."""
    warnings, infos = result.warnings, result.infos
    if result.type is ResultType.STRING:
        return Outcome("string", text=result.text, warnings=warnings, infos=infos)
    if result.type is ResultType.SCALAR:
        return Outcome("scalar", scalar=float(result.values[0, 0]), warnings=warnings, infos=infos)
    there = np.ascontiguousarray(result.values).view(np.uint64) != ABSENT_BITS
    stamps = result.steps_ms.tolist()
    rows = tuple(
        (labels, tuple((stamps[place], float(values[place])) for place in np.flatnonzero(present)))
        for labels, values, present in zip(result.series, result.values, there, strict=True)
    )
    return Outcome(result.type.value, rows, warnings=warnings, infos=infos)
