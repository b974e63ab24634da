"""The score of a provider: latency 40 %, errors 30 %, availability 20 %, throughput 10 %; docs/score.md explains it.

Each figure becomes a part from 0 (useless) to 1 (could not be better) on a scale that is the same for all providers, so
that a score does not change because another provider does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from inferdeck.model.answers import Number
from inferdeck.model.metric import Quality
from inferdeck.model.model_catalog import Score, ScorePart

WEIGHTS = {"latency": 0.4, "errors": 0.3, "availability": 0.2, "throughput": 0.1}
BEST_SECONDS = 1.0
WORST_SECONDS = 30.0
"""Where the alert HighLatencyP99 begins."""
WORST_ERRORS = 0.2
"""Where the alert CriticalErrorRate begins."""
WORST_AVAILABILITY = 0.9
BEST_TOKENS_PER_SECOND = 50.0
FEW_REQUESTS = 20.0
GRADES = ((90.0, "A"), (85.0, "B+"), (80.0, "B"), (75.0, "C+"), (70.0, "C"), (60.0, "D"), (0.0, "F"))
FEW = "few requests"
"""Instead of a recommendation, with fewer than FEW_REQUESTS: too little to advise by."""
RECOMMENDATIONS = ((90.0, "Primary"), (75.0, "Secondary"), (60.0, "Fallback only"), (0.0, "Avoid"))


@dataclass(frozen=True, slots=True)
class Performance:
    """What a provider did over a window."""

    requests: float | None
    """How many; None or 0: no traffic."""
    latency_p95: Number
    """Seconds of a whole request."""
    errors: Number
    """Share of requests that failed."""
    availability: Number
    """Share of the window in which the gateway held it to be well."""
    speed: Number
    """Output tokens per second of answering; missing for models that write nothing."""


def score(seen: Performance) -> Score | None:
    """Return the score, None without traffic or where neither latency nor errors are known."""
    if not seen.requests or seen.requests <= 0:
        return None
    parts = (
        _part("latency", seen.latency_p95, latency),
        _part("errors", seen.errors, errors),
        _part("availability", seen.availability, availability),
        _part("throughput", seen.speed, throughput),
    )
    known = [(part.weight, part.value) for part in parts if part.value is not None]
    if parts[0].value is None and parts[1].value is None:
        return None
    value = round(100 * sum(weight * part for weight, part in known) / sum(weight for weight, _ in known), 1)
    enough = seen.requests >= FEW_REQUESTS
    quality = Quality.MEASURED if enough and len(known) == len(parts) else Quality.ESTIMATED
    recommendation = _of(RECOMMENDATIONS, value) if enough else FEW
    return Score(value, _of(GRADES, value), recommendation, parts, quality.value)


def latency(seconds: float) -> float:
    """Return 1 up to BEST_SECONDS, 0 from WORST_SECONDS on, evenly per doubling between."""
    if seconds <= BEST_SECONDS:
        return 1.0
    return _kept(math.log(WORST_SECONDS / seconds) / math.log(WORST_SECONDS / BEST_SECONDS))


def errors(share: float) -> float:
    """Return 1 without errors, 0 from WORST_ERRORS on, evenly between."""
    return _kept(1 - share / WORST_ERRORS)


def availability(share: float) -> float:
    """Return 1 where it was always there, 0 up to WORST_AVAILABILITY, evenly between."""
    return _kept((share - WORST_AVAILABILITY) / (1 - WORST_AVAILABILITY))


def throughput(tokens_per_second: float) -> float:
    """Return 1 from BEST_TOKENS_PER_SECOND on, evenly from 0."""
    return _kept(tokens_per_second / BEST_TOKENS_PER_SECOND)


def _part(name: str, figure: Number, scale: Callable[[float], float]) -> ScorePart:
    value = None if figure.value is None else round(scale(figure.value), 4)
    return ScorePart(name, WEIGHTS[name], figure, value)


def _of(steps: tuple[tuple[float, str], ...], value: float) -> str:
    return next(word for least, word in steps if value >= least)


def _kept(value: float) -> float:
    return min(1.0, max(0.0, value))
