"""Bytes per sample and cost of the store beside Prometheus' blocks, on the same samples.

    python -m bench.store_bytes [hours]

Prints the CPU of one append of 2,000 samples, the bytes per sample after the flush (whole files, free pages counted),
those of the blocks that promtool makes of the same samples, and the time to load 500 series x 1 h.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.store_data import START_MS, STEP_MS, llm_data
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import NAME, escape, metric_name
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase


def main() -> None:
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    layout, stamps, values = llm_data(hours)
    changed = np.count_nonzero(np.diff(values, axis=1)) / values[:, 1:].size
    print(f"{len(layout)} series x {stamps.size} scrapes ({hours:g} h), {1 - changed:.0%} of samples unchanged")
    folder = Path(tempfile.mkdtemp(prefix="inferdeck-bench-"))
    try:
        ours = measure_ours(folder / "ours", layout, stamps, values)
        theirs = measure_prometheus(folder, layout, stamps, values)
        if theirs:
            print(f"bytes per sample, ours / Prometheus: {ours / theirs:.2f} (goal: at most 0.6)")
    finally:
        shutil.rmtree(folder)


def measure_ours(path: Path, layout: Layout, stamps: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    clock = ManualClock(START_MS / 1000)
    store = MetricDatabase.open(path, clock=clock)
    columns = np.ascontiguousarray(values.T)
    cpu = []
    ticks = []
    for stamp, row in zip(stamps.tolist(), columns, strict=True):
        clock.jump(stamp / 1000 - clock.now())
        start = time.process_time()
        store.append(Scrape("fleet", stamp, layout, row))
        cpu.append(time.process_time() - start)
        for _ in range(2):
            begin = time.perf_counter()
            store.tick()
            ticks.append(time.perf_counter() - begin)
    print(f"append: {np.median(cpu) * 1e3:.3f} ms CPU median, {np.mean(cpu) * 1e3:.3f} mean per {len(layout)} samples")
    print(f"tick:   {np.median(ticks) * 1e3:.2f} ms median, {np.max(ticks) * 1e3:.1f} longest")
    clock.jump(86_400 * 2)
    store.flush_all()
    before = store.stats()
    for _ in store.compact():
        pass
    after = store.stats()
    print(f"ours: {before.bytes_per_sample:.3f} B/sample just flushed, {after.bytes_per_sample:.3f} when tidied up "
          f"({after.bytes / 1e6:.2f} MB)")  # fmt: skip
    picked = [Matcher("__name__", MatchOp.EQUAL, "vllm:e2e_request_latency_seconds_bucket"),
              Matcher("instance", MatchOp.MATCH, "gpu0[0-5].*|gpu06:800[01]")]  # fmt: skip
    end = START_MS + 4 * 3600_000 - STEP_MS
    loads = []
    found = 0
    for _ in range(15):
        begin = time.perf_counter()
        blocks = store.select(picked, end - 3600_000 + 1, end)
        loads.append(time.perf_counter() - begin)
        found = sum(len(block.series) for block in blocks)
    print(f"load {found} series x 1 h: {np.median(loads) * 1e3:.1f} ms median, {min(loads) * 1e3:.1f} best")
    store.close()
    assert before.bytes_per_sample is not None
    return before.bytes_per_sample


def measure_prometheus(folder: Path, layout: Layout, stamps: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    if shutil.which("promtool") is None:
        print("promtool is not installed: no comparison")
        return 0.0
    text = folder / "samples.om"
    order = sorted(range(len(layout)), key=lambda i: metric_name(layout.series[i]))
    seconds = (stamps / 1000).tolist()
    with text.open("w", encoding="utf-8") as out:
        last = ""
        for i in order:
            series = layout.series[i]
            if metric_name(series) != last:
                last = metric_name(series)
                out.write(f"# TYPE {last} unknown\n")
            body = ",".join(f'{key}="{escape(value)}"' for key, value in series if key != NAME)
            head = f"{last}{{{body}}} "
            out.writelines(f"{head}{value!r} {at}\n" for value, at in zip(values[i].tolist(), seconds, strict=True))
        out.write("# EOF\n")
    blocks = folder / "blocks"
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(blocks)],
        check=True,
        capture_output=True,
    )
    total = sum(path.stat().st_size for path in blocks.rglob("*") if path.is_file())
    print(f"Prometheus: {total / values.size:.3f} B/sample ({total / 1e6:.2f} MB of blocks)")
    return total / float(values.size)


if __name__ == "__main__":
    main()
