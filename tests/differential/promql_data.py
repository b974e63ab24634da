"""What LLM servers export, for comparing two engines: counters, gauges and histograms with resets, gaps, stale ends.

No sample lies on a multiple of a second, so that windows open and closed at the left hold the same samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS
from inferdeck.store.interface import Block

SAMPLES = 240
INTERVAL_MS = 15_000
BOUNDS = ("0.1", "0.5", "1.0", "2.5", "10", "+Inf")
MODELS = ("llama", "qwen", "gpt")


def blocks(start_ms: int) -> list[Block]:
    """Return one hour of two instances' series, from `start_ms` on; every instance has a grid of its own."""
    chance = np.random.default_rng(4711)
    found = []
    for instance in ("a:8000", "b:8000"):
        times = start_ms + np.arange(SAMPLES, dtype=np.int64) * INTERVAL_MS + chance.integers(100, 900, SAMPLES)
        found += [
            _counters(instance, times, chance),
            _gauges(instance, times, chance),
            _histograms(instance, times, chance),
        ]
    return found


def _block(series: list[Labels], times: NDArray[np.int64], values: NDArray[np.float64]) -> Block:
    raw = np.ascontiguousarray(values).view(np.uint64)
    return Block(tuple(series), times, raw.view(np.float64), dense=not bool((raw == ABSENT_BITS).any()))


def _counters(instance: str, times: NDArray[np.int64], chance: np.random.Generator) -> Block:
    series, rows = [], []
    for model in MODELS:
        for status in ("200", "429", "500"):
            row = np.cumsum(chance.poisson(2 if status == "200" else 0.1, times.size)).astype(float)
            for moment in chance.integers(10, times.size, 2 if instance.startswith("b") else 0):
                row[moment:] -= row[moment]
            series.append(
                labels({"instance": instance, "model": model, "status": status, "job": "vllm"}, "requests_total")
            )
            rows.append(row)
    return _holed(series, times, np.array(rows), chance)


def _gauges(instance: str, times: NDArray[np.int64], chance: np.random.Generator) -> Block:
    series, rows = [], []
    for model in MODELS:
        for name, scale in (("queue_depth", 5.0), ("cache_usage_ratio", 0.01), ("power_watts", 300.0)):
            series.append(labels({"instance": instance, "model": model, "job": "vllm"}, name))
            rows.append(scale * np.abs(1 + np.cumsum(chance.normal(0, 0.2, times.size))))
    rows[0][100:104] = np.array([NAN_BITS]).view(np.float64)
    return _holed(series, times, np.array(rows), chance)


def _histograms(instance: str, times: NDArray[np.int64], chance: np.random.Generator) -> Block:
    series, rows = [], []
    for model in MODELS:
        each = chance.poisson(chance.random((len(BOUNDS), 1)) * 2, (len(BOUNDS), times.size))
        counts = np.cumsum(np.cumsum(each, axis=0), axis=1).astype(float)
        for bound, row in zip(BOUNDS, counts, strict=True):
            series.append(labels({"instance": instance, "model": model, "le": bound}, "latency_seconds_bucket"))
            rows.append(row)
        series.append(labels({"instance": instance, "model": model}, "latency_seconds_count"))
        rows.append(counts[-1])
        series.append(labels({"instance": instance, "model": model}, "latency_seconds_sum"))
        rows.append(counts[-1] * 0.7 + 0.25)
    return _block(series, times, np.array(rows))


def _holed(
    series: list[Labels], times: NDArray[np.int64], values: NDArray[np.float64], chance: np.random.Generator
) -> Block:
    raw = values.copy().view(np.uint64)
    raw[1, chance.random(times.size) < 0.2] = ABSENT_BITS
    raw[2, 60:90] = ABSENT_BITS
    raw[4, 120] = STALE_BITS
    raw[4, 121:150] = ABSENT_BITS
    raw[5, 180] = STALE_BITS
    raw[5, 181:] = ABSENT_BITS
    return _block(series, times, raw.view(np.float64))
