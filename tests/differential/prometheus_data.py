"""Series for comparing with Prometheus: counters with resets and gaps, gauges, odd values, histograms, stale markers.

Every kind of grid occurs: regular and dense, jittered, with holes, and series that end and begin again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS
from inferdeck.store.interface import Block

SAMPLES = 480
BOUNDS = ["0.005", "0.01", "0.1", "0.5", "1", "1.0", "2.5", "10", "+Inf"]


def blocks(start_ms: int) -> list[Block]:
    """Return two hours at 15 seconds of everything, from `start_ms` on."""
    chance = np.random.default_rng(20_26)
    regular = start_ms + np.arange(SAMPLES, dtype=np.int64) * 15_000
    jittered = regular + chance.integers(-4000, 4000, SAMPLES)
    return [
        _block("dense", regular, _counters(chance)),
        _block("holed", jittered, _holed(chance, _counters(chance))),
        _block("gauge", jittered, _gauges(chance)),
        _block("odd", regular, _holed(chance, _odd(chance))),
        _histograms(regular, chance),
    ]


def _block(name: str, times: NDArray[np.int64], values: NDArray[np.float64]) -> Block:
    series = tuple(labels({"row": f"{row:02}"}, name) for row in range(values.shape[0]))
    return Block(series, times, values, dense=not bool((values.view(np.uint64) == ABSENT_BITS).any()))


def _counters(chance: np.random.Generator) -> NDArray[np.float64]:
    steps = np.vstack(
        [
            chance.integers(0, 9, (3, SAMPLES)).astype(float),
            chance.random((3, SAMPLES)),
            np.zeros((1, SAMPLES)),
            1e15 + chance.integers(0, 3, (1, SAMPLES)),
        ]
    )
    values = np.cumsum(steps, axis=1)
    for row, moments in ((1, [100, 101, 300]), (2, range(20, 470, 7)), (4, [50, 250]), (5, range(5, 480, 9))):
        for moment in moments:
            values[row, moment:] -= values[row, moment] - chance.random() * (row == 4)
    return values


def _gauges(chance: np.random.Generator) -> NDArray[np.float64]:
    values = np.cumsum(chance.normal(0, 1, (6, SAMPLES)), axis=1)
    values[1] = np.round(values[1])
    values[2] = values[2] * 1e-9 + 1e6
    values[3, 100:300] = 7.25
    values[4] *= 1e12
    values[5] = 42.0
    return values


def _odd(chance: np.random.Generator) -> NDArray[np.float64]:
    values = _gauges(chance)
    raw = values.view(np.uint64)
    for row, bits in ((0, NAN_BITS), (1, np.float64(np.inf).view(np.uint64)), (2, np.float64(-np.inf).view(np.uint64))):
        raw[row, chance.random(SAMPLES) < 0.03] = bits
        raw[3, chance.random(SAMPLES) < 0.01] = bits
    values[4] = np.where(chance.random(SAMPLES) < 0.1, 1.7e308, values[4])
    values[5] = np.where(chance.random(SAMPLES) < 0.1, 1e22, chance.random(SAMPLES))
    return values


def _holed(chance: np.random.Generator, values: NDArray[np.float64]) -> NDArray[np.float64]:
    raw = values.copy().view(np.uint64)
    raw[chance.random(raw.shape) < 0.1] = ABSENT_BITS
    raw[::2, 200:260] = ABSENT_BITS
    raw[1, 150] = STALE_BITS
    raw[3, 350] = STALE_BITS
    raw[3, 351:400] = ABSENT_BITS
    raw[4, :] = np.where(np.arange(SAMPLES) % 40 == 0, raw[4], ABSENT_BITS)
    return raw.view(np.float64)


def _histograms(times: NDArray[np.int64], chance: np.random.Generator) -> Block:
    series: list[Labels] = []
    rows = []
    for model in ("a", "b", "c"):
        each = chance.poisson(chance.random((len(BOUNDS), 1)) * 3, (len(BOUNDS), SAMPLES))
        counts = np.cumsum(np.cumsum(each, axis=0), axis=1).astype(float)
        if model == "b":
            counts[:, 200:] -= counts[:, 200:201]
        if model == "c":
            # A target that contradicts itself: a larger bucket that has counted less.
            counts[4, 100:] *= 0.5
            counts[:, :50] = 0
        for row, bound in enumerate(BOUNDS):
            series.append(labels({"model": model, "le": bound}, "seconds_bucket"))
            rows.append(counts[row])
    return Block(tuple(series), times, np.array(rows), dense=True)
