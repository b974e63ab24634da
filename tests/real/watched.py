"""One target watched as the daemon watches it, and what the store then says of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from inferdeck.config.schema import TargetConfig
from inferdeck.config.targets import Endpoint
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import Labels, get, metric_name
from inferdeck.model.scrape import ABSENT_BITS, STALE_BITS
from inferdeck.model.target import TargetState
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.http import HttpClient
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase

Series = dict[Labels, float]
_GONE = (STALE_BITS, ABSENT_BITS)


class Watched:
    """A runner with one target and a store behind it."""

    def __init__(self, runner: Runner, store: MetricDatabase) -> None:
        self._runner = runner
        self._store = store

    def state(self) -> TargetState:
        """Return the target as the runner knows it."""
        return self._runner.states()[0]

    async def collected_again(self, seconds: float = 60.0) -> None:
        """Wait for a collection that begins after this call and works."""
        asked = time.time() * 1000
        async with asyncio.timeout(seconds):
            while not asked < (state := self.state()).last_attempt_ms <= state.last_success_ms:
                await asyncio.sleep(0.1)

    def latest(self) -> Series:
        """Return the newest value of every series that has not ended."""
        found: Series = {}
        every = [Matcher("__name__", MatchOp.MATCH, ".+")]
        for block in self._store.select(every, 0, 2**53):
            for series, row in zip(block.series, block.values, strict=True):
                bits = np.ascontiguousarray(row).view(np.uint64)
                there = np.flatnonzero(bits != ABSENT_BITS)
                if len(there) and int(bits[there[-1]]) not in _GONE:
                    found[series] = float(row[there[-1]])
        return found


@asynccontextmanager
async def watched(kind: str, config: TargetConfig, directory: Path) -> AsyncIterator[Watched]:
    """Watch one target into a store in `directory`."""
    http, clock = HttpClient(), SystemClock()
    store = MetricDatabase.open(directory, clock=clock)
    writer = SinkWriter(store)
    runner = Runner(clock, writer)
    runner.add(Assembly(http, clock, "tests").target(kind, config, Endpoint(str(config.url), {}, "test")))
    runner.start()
    try:
        yield Watched(runner, store)
    finally:
        await runner.stop()
        await http.aclose()
        writer.close()
        store.close()


def total(found: Mapping[Labels, float], name: str, **wanted: str) -> float:
    """Return the sum over the series of a name with these labels; 0 where there is none."""
    return sum(
        value
        for series, value in found.items()
        if metric_name(series) == name and all(get(series, key) == text for key, text in wanted.items())
    )


def by(found: Mapping[Labels, float], name: str, label: str) -> dict[str, float]:
    """Return the sums over the series of a name by one label, without those that are 0."""
    sums: dict[str, float] = {}
    for series, value in found.items():
        if metric_name(series) == name:
            sums[get(series, label)] = sums.get(get(series, label), 0.0) + value
    return {text: value for text, value in sums.items() if value}
