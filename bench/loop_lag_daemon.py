"""`inferdeck up` as it is, with a probe on its event loop, for bench/loop_lag.py.

    python -m bench.loop_lag_daemon up [options]

Answers each line of standard input ("lag", "read": a 24 h read on a thread, "flushed": after the block that waits has
its chunks) with the longest lag in ms since the answer before.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import time
from typing import Literal

from inferdeck.cli import main
from inferdeck.config.schema import Settings
from inferdeck.daemon import composition, history
from inferdeck.model.clock import Clock
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase

Asked = Literal["lag", "read", "flushed"]
_PAUSE = 0.001
_TOLD_SECONDS = 0.04
"""With INFERDECK_BENCH_STACKS set, what every thread does is printed when the loop is held for longer."""
_DAY_MS = 86_400_000
_FLUSHED_SAMPLES = 100_000
"""Fewer than the block that waits, more than what the daemon has collected by then."""


class Probe:
    """The longest lag of the loop, in ms."""

    def __init__(self) -> None:
        self.worst = 0.0
        self.database: MetricDatabase | None = None
        self.told = bool(os.environ.get("INFERDECK_BENCH_STACKS"))

    def open_store(self, settings: Settings, clock: Clock) -> MetricDatabase:
        """Open the store as the daemon does, and keep hold of it."""
        self.database = history.open_store(settings, clock)
        return self.database

    async def run(self) -> None:
        """Sleep again and again, and note how late each sleep ended."""
        while True:
            started = time.perf_counter()
            if self.told:
                faulthandler.dump_traceback_later(_TOLD_SECONDS)
            await asyncio.sleep(_PAUSE)
            self.worst = max(self.worst, (time.perf_counter() - started - _PAUSE) * 1000)

    async def answer(self) -> None:
        """Do what standard input asks for."""
        while asked := await asyncio.to_thread(sys.stdin.readline):
            if asked == "read\n":
                await asyncio.to_thread(self._read)
            if asked == "flushed\n":
                await asyncio.to_thread(self._wait_for_flush)
            print(f"lag {self.worst:.3f}", flush=True)
            self.worst = 0.0

    def _read(self) -> None:
        assert self.database is not None
        now = int(time.time() * 1000)
        blocks = self.database.select([Matcher("job", MatchOp.MATCH, "vllm|host")], now - _DAY_MS, now)
        samples = sum(block.values.size for block in blocks)
        assert samples > 1_000_000, samples

    def _wait_for_flush(self) -> None:
        assert self.database is not None
        while self.database.stats().head_samples > _FLUSHED_SAMPLES:
            time.sleep(0.5)


_run = composition.Daemon.run


async def _run_probed(daemon: composition.Daemon) -> None:
    tasks = [asyncio.ensure_future(work) for work in (probe.run(), probe.answer())]
    await _run(daemon)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    probe = Probe()
    composition.open_store = probe.open_store  # type: ignore[attr-defined]
    composition.Daemon.run = _run_probed  # type: ignore[method-assign,assignment]
    sys.exit(main(sys.argv[1:]))
