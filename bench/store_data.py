"""LLM-like series for the store's benches: 30 engines x 50 vLLM-like series and 500 host and GPU series, 15 s apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import Layout

STEP_MS = 15_000
START_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000
BUCKETS = ("0.001", "0.005", "0.01", "0.02", "0.04", "0.06", "0.08", "0.1", "0.25", "0.5", "0.75", "1", "2.5", "5",
           "7.5", "10", "20", "40", "80", "+Inf")  # fmt: skip


def engine_series(engine: int) -> list[Labels]:
    """Return the 50 series of one engine: two histograms, counters and gauges."""
    base = {
        "job": "vllm",
        "instance": f"gpu{engine // 4:02}:80{engine % 4:02}",
        "model_name": f"org/model-{engine % 7}",
    }
    found = []
    for family in ("vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds"):
        found += [labels({**base, "le": bound}, f"{family}_bucket") for bound in BUCKETS]
        found += [labels(base, f"{family}_sum"), labels(base, f"{family}_count")]
    found += [labels(base, f"vllm:{name}_total") for name in ("prompt_tokens", "generation_tokens", "num_preemptions")]
    found += [
        labels(base, f"vllm:{name}") for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage")
    ]
    return found


def engine_values(rng: np.random.Generator, times: int, busy: float) -> NDArray[np.float64]:
    """Return values, shape (50, times), of an engine that answers requests in a share `busy` of the intervals."""
    active = rng.random(times) < busy
    requests = np.where(active, rng.poisson(3, times), 0)
    rows: list[NDArray[np.float64]] = []
    for scale in (0.08, 4.0):
        shares = np.diff(1 - np.exp(-np.array([0.0, *(float(b) for b in BUCKETS[:-1]), 1e9]) / scale))
        counts = np.cumsum(np.cumsum(rng.multinomial(requests, shares / shares.sum()), axis=1), axis=0)
        rows += list(counts.T.astype(np.float64))
        rows += [np.cumsum(requests * rng.gamma(2, scale / 2, times)), np.cumsum(requests).astype(np.float64)]
    rows += [
        np.cumsum(requests * k).astype(np.float64) for k in (rng.integers(50, 900, times), rng.integers(20, 300, times))
    ]
    rows.append(np.cumsum(rng.random(times) < 0.001).astype(np.float64))
    rows += [np.where(active, rng.poisson(4, times), 0).astype(np.float64)]
    rows += [np.where(rng.random(times) < 0.1, rng.poisson(1, times), 0).astype(np.float64)]
    rows += [np.where(active, np.round(rng.random(times), 4), 0.0)]
    return np.stack(rows)


def host_series(count: int) -> list[Labels]:
    """Return host and GPU series."""
    kinds = ("node_cpu_seconds_total", "node_memory_bytes", "DCGM_FI_DEV_GPU_TEMP", "node_filesystem_size_bytes",
             "DCGM_FI_DEV_POWER_USAGE")  # fmt: skip
    return [
        labels({"job": "host", "instance": f"h{i // 25}:9100", "device": str(i % 25)}, kinds[i % 5])
        for i in range(count)
    ]


def host_values(rng: np.random.Generator, count: int, times: int) -> NDArray[np.float64]:
    """Return values of counters in hundredths, byte sizes, whole degrees, constants and watts."""
    out = np.empty((count, times))
    for i in range(count):
        if i % 5 == 0:
            out[i] = np.round(np.cumsum(rng.integers(0, 1500, times)) / 100, 2)
        elif i % 5 == 1:
            out[i] = 4096.0 * (10**6 + np.cumsum(rng.integers(-50, 50, times)) * (rng.random(times) < 0.5))
        elif i % 5 == 2:
            out[i] = 50 + np.round(np.cumsum(rng.choice([-1, 0, 0, 0, 0, 1], times)) / 3)
        elif i % 5 == 3:
            out[i] = 4096.0 * (10**7 + i)
        else:
            out[i] = np.round(250 + rng.normal(0, 2, times), 3)
    return out


def llm_data(
    hours: float, *, engines: int = 30, hosts: int = 500, busy: float = 0.5, seed: int = 1
) -> tuple[Layout, NDArray[np.int64], NDArray[np.float64]]:
    """Return (layout, timestamps, values of shape (series, times)) of a fleet; 2,000 series by default."""
    rng = np.random.default_rng(seed)
    times = int(hours * 3600_000 / STEP_MS)
    names: list[Labels] = []
    rows = []
    for engine in range(engines):
        names += engine_series(engine)
        rows.append(engine_values(rng, times, busy * rng.random() * 2))
    names += host_series(hosts)
    rows.append(host_values(rng, hosts, times))
    stamps = START_MS + np.arange(times, dtype=np.int64) * STEP_MS
    return Layout(tuple(names)), stamps, np.concatenate(rows)
