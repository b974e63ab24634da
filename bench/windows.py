"""Window kernels beside Debian's Prometheus, in one run, on the same samples: 600 series x 24 h at 15 s, 1,000 steps.

    .venv/bin/python bench/windows.py

What is compared is not the same work. Ours is the kernel alone, on arrays in memory. Prometheus' "eval" is its own
timing of the evaluation (stats=all, evalTotalTime), which includes reading and decoding chunks; its "http" is the
whole request with JSON. Nothing is asserted; the ratios say whether a kernel is in the right class.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from inferdeck.model.labels import labels, without  # noqa: E402
from inferdeck.model.scrape import ABSENT_BITS  # noqa: E402
from inferdeck.query import windows  # noqa: E402
from inferdeck.store.interface import Block  # noqa: E402
from inferdeck.store.remote_write.wire import encode_block  # noqa: E402
from tests.real.programs import prometheus  # noqa: E402

Floats = NDArray[np.float64]
SAMPLES, STEPS, RUNS = 5760, 1000, 5
BOUNDS = [*(f"{2.0**power / 1000:g}" for power in range(19)), "+Inf"]


def data(start_ms: int) -> dict[str, Block]:
    chance = np.random.default_rng(7)
    times = start_ms + np.arange(SAMPLES, dtype=np.int64) * 15_000
    counts = np.cumsum(np.cumsum(chance.poisson(0.2, (30, 20, SAMPLES)), axis=1), axis=2).reshape(600, SAMPLES)
    values = counts.astype(np.float64)
    values[::7, 3000:] -= values[::7, 3000:3001]
    buckets = tuple(
        labels({"model": f"m{model:02}", "le": bound}, "ttft_bucket") for model in range(30) for bound in BOUNDS
    )
    gauges = tuple(labels({"gpu": f"{number:02}"}, "busy") for number in range(84))
    holed = values.copy()
    holed.view(np.uint64)[chance.random(holed.shape) < 0.01] = ABSENT_BITS
    renamed = tuple(labels({**dict(without(series, "__name__"))}, "holed_bucket") for series in buckets)
    return {
        "ttft_bucket": Block(buckets, times, values, dense=True),
        "holed_bucket": Block(renamed, times, holed, dense=False),
        "busy": Block(gauges, times, np.cumsum(chance.normal(0, 1, (84, SAMPLES)), axis=1), dense=True),
    }


def load(url: str, blocks: dict[str, Block]) -> None:
    for first in range(0, SAMPLES, 120):
        some = slice(first, first + 120)
        for block in blocks.values():
            for request in encode_block(block.series, block.timestamps_ms[some], block.values[:, some]):
                headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
                post = urllib.request.Request(f"{url}/api/v1/write", request.body, headers)
                urllib.request.urlopen(post, timeout=60).close()


def best(work: Callable[[], object]) -> float:
    """Return the best of some runs in milliseconds."""
    found = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return min(found)


def ask(url: str, expression: str, steps: NDArray[np.int64]) -> tuple[float, float]:
    """Return Prometheus' best evaluation and request times in milliseconds."""
    step = float(steps[1] - steps[0]) / 1000
    form = {"query": expression, "start": steps[0] / 1000, "end": steps[-1] / 1000, "step": step, "stats": "all"}
    body = urllib.parse.urlencode(form).encode()
    evaluated, whole = [], []
    for _ in range(RUNS):
        start = time.perf_counter()
        with urllib.request.urlopen(f"{url}/api/v1/query_range", body, timeout=120) as response:
            answer = response.read()
        whole.append((time.perf_counter() - start) * 1000)
        evaluated.append(json.loads(answer)["data"]["stats"]["timings"]["evalTotalTime"] * 1000)
    return min(evaluated), min(whole)


def kernels(blocks: dict[str, Block], steps: NDArray[np.int64]) -> dict[str, Callable[[], object]]:
    buckets, holed, busy = blocks["ttft_bucket"], blocks["holed_bucket"], blocks["busy"]
    groups, _ = windows.group_buckets(buckets.series)

    def quantiles() -> list[Floats]:
        rates = windows.rate(buckets, steps, 300_000)
        return [windows.histogram_quantile(0.99, group.bounds, rates[group.rows])[0] for group in groups]

    return {
        "rate(ttft_bucket[5m])": lambda: windows.rate(buckets, steps, 300_000),
        "rate(holed_bucket[5m])": lambda: windows.rate(holed, steps, 300_000),
        "increase(ttft_bucket[1h])": lambda: windows.increase(buckets, steps, 3_600_000),
        "ttft_bucket": lambda: windows.instant(buckets, steps),
        "histogram_quantile(0.99, rate(ttft_bucket[5m]))": quantiles,
        "sum_over_time(busy[1h])": lambda: windows.sum_over_time(busy, steps, 3_600_000),
        "avg_over_time(busy[1h])": lambda: windows.avg_over_time(busy, steps, 3_600_000),
        "max_over_time(busy[30m])": lambda: windows.max_over_time(busy, steps, 1_800_000),
        "quantile_over_time(0.9, busy[30m])": lambda: windows.quantile_over_time(0.9, busy, steps, 1_800_000),
        "stddev_over_time(busy[30m])": lambda: windows.stddev_over_time(busy, steps, 1_800_000),
        "deriv(busy[30m])": lambda: windows.deriv(busy, steps, 1_800_000),
    }


def main() -> None:
    start = (int(time.time()) - 25 * 3600) // 60 * 60_000
    blocks = data(start)
    times = blocks["busy"].timestamps_ms
    steps = times[0] + np.arange(STEPS, dtype=np.int64) * 86_000
    with tempfile.TemporaryDirectory() as directory, prometheus(Path(directory), receive_remote_write=True) as server:
        load(server.url, blocks)
        print(
            f"{'query (24 h, 1,000 steps)':50}{'kernel':>9}{'eval':>9}{'http':>9}{'kernel/eval':>13}{'kernel/http':>13}"
        )
        for expression, kernel in kernels(blocks, steps).items():
            mine = best(kernel)
            evaluated, whole = ask(server.url, expression, steps)
            ratios = f"{mine / evaluated:13.2f}{mine / whole:13.2f}"
            print(f"{expression:50}{mine:9.1f}{evaluated:9.1f}{whole:9.1f}{ratios}", flush=True)
    print("milliseconds, best of", RUNS, "- kernel: ours, arrays in memory; eval, http: Prometheus (see the docstring)")


if __name__ == "__main__":
    main()
