"""kill -9 in the middle of spooling and sending: what was acknowledged arrives, in order, however often it dies."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from inferdeck.config.schema import RemoteWriteConfig
from inferdeck.model.clock import SystemClock
from inferdeck.store.remote_write import Backoff, RemoteWriteSink
from tests.crash.remote_write_child import LAYOUT, T0
from tests.unit.store.remote_write.receiver import Receiver, answer, receiver, samples, until

KILLS = 12


async def live_and_die(directory: Path, url: str, first: int, lines: int) -> int:
    """Run the child until it has printed so many numbers, kill it, and return the last number it acknowledged."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.remote_write_child", str(directory), url, str(first),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.stdout is not None
    last = first - 1
    for _ in range(lines):
        line = await child.stdout.readline()
        assert line, "the child died by itself"
        last = int(line)
    child.kill()
    # What it printed before it died counts, too; a torn last line does not.
    rest = (await child.stdout.read()).decode()
    await child.wait()
    whole = rest[: rest.rfind("\n") + 1].split()
    return int(whole[-1]) if whole else last


def numbers(target: Receiver, series: int) -> list[int]:
    found = samples(target.accepted).get(LAYOUT.series[series], [])
    return [time - T0 for time, _ in found]


async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    chance = random.Random(4)
    async with receiver() as target:
        last = -1
        for _ in range(KILLS):
            target.script += [answer(500)] * chance.randrange(4)
            last = await live_and_die(tmp_path, target.url, last + 1, chance.randrange(1, 200))
        config = RemoteWriteConfig.model_validate({"url": target.url, "spool_size": 10**8, "deadline": 30})
        sink = RemoteWriteSink(config, tmp_path, clock=SystemClock(), backoff=Backoff(0.01, 0.05))
        sink.start()
        await until(lambda: sink.stats().spooled_samples == 0, seconds=200)
        await sink.aclose()
        for series in (0, 99, 199):
            arrived = numbers(target, series)
            assert set(arrived) >= set(range(last + 1))
            first_time = list(dict.fromkeys(arrived))
            assert first_time == sorted(first_time)
