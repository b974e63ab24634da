"""What one query may cost, and the account of what it has cost so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from inferdeck.errors import LimitError, QueryTimeoutError


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one query; past them it ends with LimitError, past its time with QueryTimeoutError."""

    samples: int = 50_000_000
    """Samples read from the store, and values computed at one moment of the evaluation."""
    series: int = 100_000
    """Series that one selector may match, and that one intermediate answer may have."""
    points: int = 11_000
    """Steps of a range query (Prometheus' own limit)."""
    seconds: float = 120.0
    """Time from the start of the evaluation, checked between kernels."""
    canceled: Callable[[], bool] | None = None
    """Asked between kernels too: whether nobody waits for the answer any more."""


class Budget:
    """The running account of one query; for one thread."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._read = 0
        self._ends = time.monotonic() + limits.seconds

    def check_time(self) -> None:
        """Raise QueryTimeoutError where the time is up or nobody waits for the answer."""
        if self.limits.canceled is not None and self.limits.canceled():
            raise QueryTimeoutError("the query was canceled")
        if time.monotonic() > self._ends:
            raise QueryTimeoutError(
                f"the query took longer than {self.limits.seconds:g} seconds; shorten its range, or raise its timeout"
            )

    @property
    def samples_left(self) -> int:
        """How many samples may still be read."""
        return max(0, self.limits.samples - self._read)

    def read(self, samples: int) -> None:
        """Note samples that the store gave."""
        self._read += samples
        if self._read > self.limits.samples:
            raise LimitError(f"the query reads more than {self.limits.samples:,} samples; shorten its range")

    def check_size(self, series: int, steps: int) -> None:
        """Raise LimitError for an intermediate answer that is too large."""
        if series > self.limits.series:
            raise LimitError(f"the query handles more than {self.limits.series:,} series at once; match fewer")
        if series * steps > self.limits.samples:
            raise LimitError(
                f"the query computes {series * steps:,} values at once, at most {self.limits.samples:,} are allowed; "
                "shorten its range or widen its step"
            )
