"""Histogram buckets: the canonical ladders, and how counts under other bounds come to stand on them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence

_LONG = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_ENGINE = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0)
LADDERS: dict[str, tuple[float, ...]] = {
    "llm_request_duration_seconds": _LONG,
    "llm_time_to_first_token_seconds": (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0),
    "llm_engine_e2e_latency_seconds": _ENGINE,
    "llm_engine_queue_time_seconds": _ENGINE,
    "llm_engine_time_to_first_token_seconds": (
        *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0),
        *(2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0),
    ),
    "llm_engine_inter_token_latency_seconds": (
        *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0),
    ),
    "llm_engine_iteration_tokens": (
        *(1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0),
    ),
}
"""The upper bounds of each canonical histogram, without +Inf.

Those of the gateway are bounds of LiteLLM since 1.88, those of engines are vLLM's; both reach beyond the highest alert
threshold of their family.
"""

Part = tuple[int, float]
"""(position of a bucket's sample, weight)."""


def parse_le(text: str) -> float | None:
    """Return a bucket's bound, None where it is no number."""
    try:
        bound = float(text)
    except ValueError:
        return None
    return None if math.isnan(bound) else bound


def le_text(bound: float) -> str:
    """Return a bound as OpenMetrics writes it: 0.5, 1.0, +Inf."""
    return "+Inf" if math.isinf(bound) else repr(float(bound))


def weights(bound: float, known: Sequence[float]) -> tuple[tuple[tuple[float, float], ...], bool]:
    """Return which known bounds (finite, ascending) make up the count at `bound`, as (bound, weight), and if exactly.

    Between two bounds the counts are interpolated, below the first one from 0 at 0; past the last one nothing is known
    to lie between, so its count stands. All weights are >= 0, so that a counter stays one.
    """
    place = bisect_left(known, bound)
    if place < len(known) and known[place] == bound:
        return ((bound, 1.0),), True
    if place == len(known):
        return (((known[-1], 1.0),) if known else ()), False
    upper = known[place]
    lower = known[place - 1] if place else 0.0
    share = (bound - lower) / (upper - lower) if upper > lower else 1.0
    return (((lower, 1.0 - share),) if place else ()) + ((upper, share),), False


def rebucket(
    buckets: Mapping[float, Sequence[int]], ladder: Sequence[float]
) -> list[tuple[float, list[list[Part]], bool]]:
    """Return (bound, one list of inputs per known bound that counts, exact) for each bound of the ladder and +Inf."""
    known = sorted(bound for bound in buckets if math.isfinite(bound))
    made = []
    for bound in ladder:
        shares, exact = weights(bound, known)
        if shares:
            made.append((bound, [[(at, share) for at in buckets[near]] for near, share in shares], exact))
    return [*made, (math.inf, [[(at, 1.0) for at in buckets[math.inf]]], True)]
