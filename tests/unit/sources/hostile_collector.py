"""Reads the targets named on the command line until each was tried often enough, in a process whose memory is measured.

    python -m tests.unit.sources.hostile_collector NAME=URL ...

Prints one JSON object: what the runner says of each target, and the peak memory of the process in bytes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from inferdeck.model.clock import SystemClock
from inferdeck.sources.http import HttpClient
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from tests.unit.sources.endpoint import MemorySink, endpoint

ROUNDS = 2
HEALTHY_ROUNDS = 20
DEADLINES = {"hangs": 1.0, "drips": 1.0}


def peak_bytes() -> int:
    """Return this program's largest resident size; ru_maxrss would count what its parent had when it forked."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def main(places: dict[str, str]) -> None:
    """Collect and print."""
    http, sink = HttpClient(), MemorySink()
    writer = SinkWriter(sink)
    runner = Runner(SystemClock(), writer)
    for name, url in places.items():
        runner.add(endpoint(url, http, name, interval=0.2, deadline=DEADLINES.get(name, 120.0)))
    runner.start()
    while not all(
        state.failures_total + (state.last_success_ms > 0) >= (1 if state.last_success_ms else ROUNDS)
        and (state.key.instance != "good" or state.collections_total >= HEALTHY_ROUNDS)
        for state in runner.states()
    ):
        await asyncio.sleep(0.05)
        sink.scrapes.clear()
    found = {
        state.key.instance: {
            "health": state.health,
            "error": state.last_error,
            "warnings": state.warnings,
            "failures": state.failures_total,
            "series": state.native_series,
            "dropped": state.dropped_series,
        }
        for state in runner.states()
    }
    await runner.stop()
    writer.close()
    await http.aclose()
    print(json.dumps({"targets": found, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    asyncio.run(main(dict(one.split("=", 1) for one in sys.argv[1:])))
