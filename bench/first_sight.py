"""How long the event loop waits while a target of 50,000 series is seen for the first time, through the whole path.

.venv/bin/python -m bench.first_sight
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import scrape_worker
from bench.scrape import serve
from inferdeck.model.clock import SystemClock
from inferdeck.sources.http import HttpClient
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.database import MetricDatabase

SERIES = 50_000
PAUSE = 0.001


async def probe(lags: list[float]) -> None:
    """Note how much later than asked each short sleep ends, in seconds."""
    while True:
        started = time.perf_counter()
        await asyncio.sleep(PAUSE)
        lags.append(time.perf_counter() - started - PAUSE)


async def measure(url: str, folder: Path) -> None:
    """Print the worst waits during first sight and during the scrapes after it."""
    clock, http = SystemClock(), HttpClient()
    database = MetricDatabase.open(folder, clock=clock, retention_seconds=None, retention_bytes=None)
    writer = SinkWriter(database)
    runner = Runner(clock, writer)
    runner.add(scrape_worker.target(0, 5.0, url, http, clock))
    lags: list[float] = []
    probing = asyncio.ensure_future(probe(lags))
    started = time.perf_counter()
    runner.start()
    while not (state := runner.states()[0]).last_success_ms:
        await asyncio.sleep(0.01)
    print(f"first sight of {state.native_series} + {state.canonical_series} series")
    print(f"took s                  {time.perf_counter() - started:.1f}, all of it in slices or on the writer thread")
    print(f"worst loop wait ms      {max(lags) * 1000:.0f}   (goal under 50)")
    lags.clear()
    while runner.states()[0].collections_total < 4:
        await asyncio.sleep(0.01)
    print(f"worst afterwards ms     {max(lags) * 1000:.0f}")
    probing.cancel()
    await runner.stop()
    writer.close()
    database.close()
    await http.aclose()


if __name__ == "__main__":
    with ExitStack() as cleanup:
        port = serve(cleanup, SERIES)
        data = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
        asyncio.run(measure(f"http://127.0.0.1:{port}", data))
