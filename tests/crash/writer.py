"""A nursery of writers that are killed: run as a module, it forks one writer per line of its standard input.

A line is a data directory. The writer announces on standard output, each as one line: `pid N`, `a STAMP` before an
append, `c STAMP` after it returned (the acknowledgement), `f` before a tick that flushes, `m` before one that makes
milestones, `r` before one that may drop a day. When the writer is dead, the nursery writes `ended`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import STALE_BITS, Layout, Scrape
from inferdeck.store.metrics.database import RETENTION_EVERY_TICKS, MetricDatabase
from tests.unit.store.samples import START_MS, layout

HOUR_MS = 3_600_000
RETENTION_SECONDS = 2 * 86_400.0
LAYOUTS = (layout(40), layout(36, first=8))
TICKS_PER_SCRAPE = 5


def open_store(path: Path, stamp_ms: int) -> MetricDatabase:
    """Open as the writer does: blocks of two scrapes, slices of ten series, two days of history."""
    clock = ManualClock(stamp_ms / 1000)
    return MetricDatabase.open(
        path, clock=clock, block_ms=2 * HOUR_MS, flush_slice=10, retention_seconds=RETENTION_SECONDS, reserve_bytes=0
    )


def values_at(stamp_ms: int) -> NDArray[np.float64]:
    """Return what the target says at a moment: a function of the time alone, so that the parent knows it too."""
    hour = (stamp_ms - START_MS) // HOUR_MS
    numbers = np.arange(len(layout_at(stamp_ms)))
    values: NDArray[np.float64] = np.where(numbers % 3 == 0, 0.25, 0.0)
    values += (hour * (numbers + 1)) % 97
    values.view(np.uint64)[(numbers + hour) % 11 == 0] = STALE_BITS
    return values


def layout_at(stamp_ms: int) -> Layout:
    """Return the layout at a moment; it changes every few scrapes, also inside a block."""
    return LAYOUTS[(stamp_ms - START_MS) // HOUR_MS // 7 % 2]


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def write(path: Path) -> None:
    """Append one scrape per simulated hour, for ever."""
    store = open_store(path, START_MS)
    newest = store.stats().newest_ms
    stamp = START_MS if newest is None else newest + HOUR_MS
    ticks = 0
    clock = store._state.clock
    assert isinstance(clock, ManualClock)
    while True:
        clock.jump(stamp / 1000 - clock.now())
        say(f"a {stamp}")
        store.append(Scrape("t", stamp, layout_at(stamp), values_at(stamp), str(stamp).encode()))
        say(f"c {stamp}")
        for _ in range(TICKS_PER_SCRAPE):
            if ticks % RETENTION_EVERY_TICKS == 0:
                say("r")
            elif store._flusher._job is not None:
                say("f")
            elif not store.surveyed():
                say("m")
            store.tick()
            ticks += 1
        stamp += HOUR_MS


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            say(f"pid {os.getpid()}")
            write(Path(line.strip()))
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main()
