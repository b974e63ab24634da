"""Our side of bench/scrape.py, in a process of its own: the real path from fetch to store.

    python -m bench.scrape_worker TARGETS INTERVAL DATA_DIRECTORY URL TICK_SECONDS

Prints one JSON line of figures about itself whenever it reads a line, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path

import orjson

from inferdeck.model.clock import SystemClock
from inferdeck.model.target import TargetKey
from inferdeck.sources import catalog, registry
from inferdeck.sources.http import HttpClient
from inferdeck.sources.mapping import Mapper
from inferdeck.sources.pipeline import target_labels
from inferdeck.sources.prometheus.config import PrometheusConfig
from inferdeck.sources.repair import Repair
from inferdeck.sources.runner import Runner, Target
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.database import MetricDatabase


def target(number: int, interval: float, url: str, http: HttpClient, clock: SystemClock) -> Target:
    """Return one target: any exposition endpoint, repaired and mapped as a gateway's is."""
    key = TargetKey("litellm", f"gateway-{number}:4000", "bench")
    config = PrometheusConfig(url=f"{url}/{number}", metrics_path="/metrics", interval=interval, deadline=10)
    extra = target_labels(key, {})
    tables = catalog.load("litellm")
    return Target(
        key,
        registry.make("prometheus", config, http, clock, key, extra),
        config,
        url,
        extra,
        repair=lambda carry: Repair(tables, carry),
        mapper=Mapper(tables, dict(extra)),
    )


async def main(targets: int, interval: float, folder: Path, url: str, tick_seconds: float) -> None:
    """Scrape until standard input ends."""
    clock = SystemClock()
    http = HttpClient()
    database = MetricDatabase.open(folder, clock=clock, retention_seconds=None, retention_bytes=None)
    writer = SinkWriter(database)
    runner = Runner(clock, writer)
    for number in range(targets):
        runner.add(target(number, interval, url, http, clock))
    runner.start()
    ticking = asyncio.ensure_future(_tick(writer, database, tick_seconds))
    gc.freeze()
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        states = runner.states()
        figures = {
            "collections": sum(state.collections_total for state in states),
            "failures": sum(state.failures_total for state in states),
            "native": states[0].native_series,
            "canonical": states[0].canonical_series,
            "counted_cpu_seconds": sum(state.cpu_seconds_total for state in states),
            "trouble": sorted({text for state in states for text in (*state.warnings, state.last_error) if text}),
        }
        print(orjson.dumps(figures).decode(), flush=True)
    ticking.cancel()
    await runner.stop()
    writer.close()
    database.close()
    await http.aclose()


async def _tick(writer: SinkWriter, database: MetricDatabase, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await writer.run(database.tick)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], float(sys.argv[5])))
