"""The PromQL engine: instant and range queries over any MetricReader."""

from __future__ import annotations

from inferdeck.query.promql.ast import Expr
from inferdeck.query.promql.eval.budget import Limits
from inferdeck.query.promql.result import Result
from inferdeck.query.windows import LOOKBACK_MS, Semantics
from inferdeck.store.interface import MetricReader

__all__ = ["Engine", "Limits"]


class Engine:
    """Evaluates queries; holds no state between them, so any thread may ask it at any time."""

    def __init__(
        self,
        reader: MetricReader,
        *,
        lookback_ms: int = LOOKBACK_MS,
        limits: Limits | None = None,
        semantics: Semantics = Semantics.PROMETHEUS_3,
        subquery_step_ms: int = 60_000,
    ) -> None:
        self._reader = reader
        self._lookback_ms = lookback_ms
        self._limits = limits or Limits()
        self._semantics = semantics
        self._subquery_step_ms = subquery_step_ms

    def instant(
        self, query: str | Expr, time_ms: int, *, limits: Limits | None = None, lookback_ms: int | None = None
    ) -> Result:
        """Return the answer at one moment (Unix ms); raises QueryError, LimitError, QueryTimeoutError, StoreError."""
        raise NotImplementedError

    def range(
        self,
        query: str | Expr,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        *,
        limits: Limits | None = None,
        lookback_ms: int | None = None,
    ) -> Result:
        """Return the answer at start, start + step, … up to end (Unix ms, end included); raises as `instant`."""
        raise NotImplementedError
