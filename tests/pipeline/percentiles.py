"""Percentiles that PromQL answers from stored histograms, beside those of the ledger."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from inferdeck.model.labels import get
from inferdeck.query.promql.engine import Engine
from inferdeck.simulate.events import Left
from tests.pipeline.collecting import Stage
from tests.pipeline.counters import stored
from tests.pipeline.engines import DONE, EngineTruth
from tests.pipeline.gateways import GatewayTruth

QUANTILES = (0.5, 0.9, 0.99)


def of_gateway(stage: Stage, process: str, truth: GatewayTruth) -> int:
    """Compare latencies and times to the first token of all that inferdeck could see; return how many percentiles."""
    seen = [one for start, end in _visible(stage, process) for one in truth.good(start, end)]
    latencies = [one.time - one.request.time for one in seen]
    firsts = [seconds for one in seen if (seconds := truth.first_token_seconds(one)) is not None]
    return _compared(stage, process, "llm_request_duration_seconds", latencies) + _compared(
        stage, process, "llm_time_to_first_token_seconds", firsts
    )


def of_engine(stage: Stage, process: str, kind: str, truth: EngineTruth) -> int:
    """Compare those of one engine since it last began, under its own names and under the canonical ones."""
    if kind not in NAMES:
        return 0
    end = stage.watched[process].read[-1]
    begun = stage.ledger.beginnings(float("-inf"), end, process)[-1].time
    firsts = [one.time - one.queued for one in stage.ledger.first_tokens.between(begun, end) if one.engine == process]
    whole = [one.time - one.queued for one in truth.left(begun, end) if counts(kind, one)]
    both = zip(NAMES[kind], CANONICAL, (firsts, whole), strict=True)
    made_of = [(name, own, true) for own, canonical, true in both if own for name in (own, canonical)]
    return sum(_compared(stage, process, name, true, own) for name, own, true in made_of)


NAMES = {
    "vllm": ("vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds"),
    "sglang": ("sglang:time_to_first_token_seconds", "sglang:e2e_request_latency_seconds"),
    "tgi": ("", "tgi_request_duration"),
}
CANONICAL = ("llm_engine_time_to_first_token_seconds", "llm_engine_e2e_latency_seconds")


def counts(kind: str, one: Left) -> bool:
    """Whether an engine of this kind measures a sequence that left it."""
    if kind == "vllm":
        return one.finish != "abort"
    return one.finish in DONE or (kind == "sglang" and one.first_token is not None)


def _visible(stage: Stage, process: str) -> list[tuple[float, float]]:
    """Return the parts of the time whose counters were read: not those between a last collection and an end."""
    read, start, parts = stage.watched[process].read, float("-inf"), []
    for ended in stage.ledger.ended.between(float("-inf"), read[-1]):
        if ended.process == process:
            before = [time for time in read if time <= ended.time]
            parts.append((start, before[-1] if before else start))
            start = ended.time
    return [*parts, (start, read[-1])]


def _compared(stage: Stage, process: str, family: str, true: list[float], made_of: str = "") -> int:
    """Compare a histogram's percentiles: they are within a bucket of it, or of the coarser one that it is made of."""
    one = stage.watched[process]
    bounds = _bounds(stage, process, family)
    coarser = _bounds(stage, process, made_of) if made_of else bounds
    if not true or not bounds:
        assert not true, f"{process}: {family} has no series, and the ledger has {len(true)}"
        return 0
    true.sort()
    chosen = f'{family}_bucket{{job="{one.target.key.job}",instance="{one.target.key.instance}"}}'
    engine, at = Engine(stage.database), round(one.read[-1] * 1000)
    for quantile in QUANTILES:
        answer = engine.instant(f"histogram_quantile({quantile}, sum by (le) ({chosen}))", at)
        assert answer.values.shape == (1, 1), f"{process}: {family} has no percentile"
        seen = float(answer.values[0, 0])
        exact = true[math.ceil(quantile * len(true)) - 1]
        apart = min(abs(_bucket(known, seen) - _bucket(known, exact)) for known in (bounds, coarser))
        assert apart <= 1, f"{process}: {family} p{100 * quantile:g} is {seen}, the ledger has {exact}"
    return len(QUANTILES)


def _bounds(stage: Stage, process: str, family: str) -> list[float]:
    series = [series for series, _ in stored(stage, stage.watched[process], f"{family}_bucket")]
    return sorted({float(get(found, "le")) for found in series} - {math.inf})


def _bucket(bounds: Sequence[float], value: float) -> int:
    # Past the last bound PromQL answers that bound.
    return min(bisect_left(bounds, value), len(bounds) - 1)
