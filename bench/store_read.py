"""Time to read flushed series from the store: 600 series x 24 h of a fleet of 2,000, 15 s apart.

    python -m bench.store_read [hours] [--profile]

Prints, for some selections, the time of the first `select` after opening, the median and best of those that read the
day files again each time, and of those that may find what an earlier one decoded.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.store_data import START_MS, llm_data
from inferdeck.model.clock import ManualClock
from inferdeck.store.interface import Block, Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.decoded import DecodedBlocks

SELECTIONS = {
    "600 buckets": [Matcher("__name__", MatchOp.EQUAL, "vllm:e2e_request_latency_seconds_bucket")],
    "30 sums": [Matcher("__name__", MatchOp.EQUAL, "vllm:e2e_request_latency_seconds_sum")],
    "500 of hosts": [Matcher("job", MatchOp.EQUAL, "host")],
    "all 2,000": [Matcher("job", MatchOp.NOT_EQUAL, "")],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hours", type=float, nargs="?", default=24.0)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="inferdeck-bench-"))
    try:
        end = _fill(folder, options.hours)
        store = MetricDatabase.open(folder, clock=ManualClock(end / 1000 + 2 * 86_400))
        for name, matchers in SELECTIONS.items():
            _measure(store, name, matchers, end)
        if options.profile:
            _profile(lambda: store.select(SELECTIONS["600 buckets"], START_MS, end))
        store.close()
    finally:
        shutil.rmtree(folder)


def _fill(folder: Path, hours: float) -> int:
    layout, stamps, values = llm_data(hours)
    end = int(stamps[-1])
    store = MetricDatabase.open(folder, clock=ManualClock(end / 1000 + 2 * 86_400))
    for low in range(0, stamps.size, 480):
        part = slice(low, low + 480)
        store.append_block("fleet", layout, stamps[part], np.ascontiguousarray(values[:, part]))
    store.flush_all()
    store.close()
    return end


def _measure(store: MetricDatabase, name: str, matchers: list[Matcher], end: int) -> None:
    def select() -> list[Block]:
        return store.select(matchers, START_MS, end)

    first, blocks = _timed(select)
    kept = [_timed(select)[0] for _ in range(15)]
    store._querier.decoded = DecodedBlocks(0)
    again = [_timed(select)[0] for _ in range(15)]
    store._querier.decoded = DecodedBlocks()
    shape = f"{sum(len(b.series) for b in blocks)} series x {max(b.timestamps_ms.size for b in blocks)} times"
    print(f"{name:13} {shape:26} first {first * 1e3:6.1f} ms; decoded anew {_figures(again)}; kept {_figures(kept)}")


def _timed(select: Callable[[], list[Block]]) -> tuple[float, list[Block]]:
    begin = time.perf_counter()
    blocks = select()
    return time.perf_counter() - begin, blocks


def _figures(seconds: list[float]) -> str:
    return f"{np.median(seconds) * 1e3:6.1f} ms median, {min(seconds) * 1e3:5.1f} best"


def _profile(select: Callable[[], object]) -> None:
    profile = cProfile.Profile()
    profile.enable()
    select()
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
