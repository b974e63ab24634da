"""Appends scrapes to a remote-write sink for ever and prints the number of each once it is kept; is killed by its test.

python -m tests.crash.remote_write_child DIRECTORY URL FIRST
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np

from inferdeck.config.schema import RemoteWriteConfig
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import labels
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.store.remote_write import Backoff, RemoteWriteSink

T0 = 1_700_000_000_000
LAYOUT = Layout(tuple(labels({"n": str(number)}, "x") for number in range(200)))


async def main(directory: Path, url: str, first: int) -> None:
    config = RemoteWriteConfig.model_validate({"url": url, "spool_size": 10**8, "deadline": 5})
    sink = RemoteWriteSink(config, directory, clock=SystemClock(), backoff=Backoff(0.01, 0.05))
    sink.start()
    number = first
    while True:
        values = np.full(len(LAYOUT), float(number))
        await asyncio.to_thread(sink.append, Scrape("t", T0 + number, LAYOUT, values))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
