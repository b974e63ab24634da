"""Does the store disturb the event loop? A probe sleeps 1 ms on the loop while the store works on threads.

    python -m bench.store_stall

Prints the longest lag of the loop and the longest writer tick during a flush, a 24 h read, a check, first sight of
50,000 series, and the memory of 20 targets x 2,000 series with a two-hour window. The lag of an idle loop is printed
beside them, since the machine has its own.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.store_data import START_MS, STEP_MS, llm_data
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import labels
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase

DAY = 86_400_000


async def longest_lag(work: Callable[[], object], pool: ThreadPoolExecutor) -> tuple[float, float]:
    """Return the loop's longest lag in ms while `work` runs on a thread, and how many seconds that took."""
    begin = time.perf_counter()
    future = asyncio.get_running_loop().run_in_executor(pool, work)
    worst = 0.0
    while not future.done():
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - before - 0.001)
    await future
    return worst * 1e3, time.perf_counter() - begin


def rss_mb() -> float:
    """Return this process' resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def report(name: str, work: Callable[[], object], pool: ThreadPoolExecutor) -> None:
    """Measure and print one line."""
    lag, seconds = await longest_lag(work, pool)
    print(f"{name:38} longest loop lag {lag:6.1f} ms, took {seconds:6.2f} s, RSS {rss_mb():5.0f} MB")


async def stalls(folder: Path, pool: ThreadPoolExecutor) -> None:
    layout, stamps, values = llm_data(24)
    clock = ManualClock(START_MS / 1000)
    store = MetricDatabase.open(folder / "day", clock=clock)
    await report("idle", lambda: time.sleep(2), pool)

    def fill() -> None:
        for start in range(0, stamps.size, 480):
            part = slice(start, start + 480)
            store.append_block("fleet", layout, stamps[part], values[:, part])

    await report("bulk write of 2,000 series x 24 h", fill, pool)
    for i in range(480):
        store.append(Scrape("fleet", START_MS + DAY + i * STEP_MS, layout, values[:, i]))
    clock.jump((START_MS + 2 * DAY) / 1000 - clock.now())
    ticks: list[float] = []

    def flush() -> None:
        for _ in range(60):
            begin = time.perf_counter()
            store.tick()
            ticks.append(time.perf_counter() - begin)

    await report("flush of 2,000 series x 2 h", flush, pool)
    ordered = sorted(ticks)
    print(f"{'':38} tick: median {ordered[30] * 1e3:.1f} ms, longest {ordered[-1] * 1e3:.1f} ms")
    everything = [Matcher("__name__", MatchOp.MATCH, ".+")]
    await report("24 h read of 2,000 series", lambda: store.select(everything, START_MS, START_MS + DAY), pool)
    await report("check", store.check, pool)
    wide = Layout(tuple(labels({"job": "wide", "i": str(i), "zone": str(i % 50)}, "wide_total") for i in range(50_000)))
    first = Scrape("wide", START_MS + DAY, wide, np.zeros(50_000))
    await report("first sight of 50,000 series", lambda: store.append(first), pool)
    second = Scrape("wide", START_MS + DAY + STEP_MS, wide, np.ones(50_000))
    await report("second scrape of 50,000 series", lambda: store.append(second), pool)
    store.close()


async def memory(folder: Path, pool: ThreadPoolExecutor) -> None:
    base, _, values = llm_data(2)
    columns = np.ascontiguousarray(values.T)
    del values
    layouts = [
        Layout(tuple(tuple((k, f"t{t}:{v}" if k == "instance" else v) for k, v in series) for series in base.series))
        for t in range(20)
    ]
    clock = ManualClock(START_MS / 1000)
    before = rss_mb()
    store = MetricDatabase.open(folder / "wide", clock=clock)

    def fill() -> None:
        for i in range(480):
            for t, layout in enumerate(layouts):
                store.append(Scrape(f"t{t}", START_MS + i * STEP_MS + t, layout, columns[i]))
            for _ in range(15):
                store.tick()

    await report("20 targets x 2,000 series x 2 h", fill, pool)
    print(f"{'':38} RSS before {before:.0f} MB (layouts and the bench's data included), after {rss_mb():.0f} MB")
    store.close()


def main() -> None:
    for part in (memory, stalls):
        folder = Path(tempfile.mkdtemp(prefix="inferdeck-bench-"))
        try:
            with ThreadPoolExecutor(1) as pool:
                asyncio.run(part(folder, pool))
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
