"""A large log followed and asked, beside GNU grep on the same file: memory of the whole process, seconds.

    .venv/bin/python -m bench.logs [--megabytes 1000] [--file PATH]

The source runs in a process of its own as the daemon makes it. It counts the whole file as if all of it had just been
written, then answers: the newest lines, a rare word over the whole file (grep -i -c does the same), a level, and the
lines around a moment in the middle.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from inferdeck.model.clock import SystemClock
from inferdeck.model.log_lines import LogQuery
from inferdeck.model.target import TargetKey
from inferdeck.sources.interface import Collected
from inferdeck.sources.logs import source as logs
from inferdeck.sources.logs.config import LogsConfig
from inferdeck.sources.logs.source import LogsSource

T = TypeVar("T")
BEGIN = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
RARE = "needle in a log"
USUAL = "Engine 000: Avg prompt throughput: 12.1 tokens/s, Running: 3 reqs"
PER_BLOCK = 10_000


def write(path: Path, megabytes: int) -> float:
    """Write vLLM's and LiteLLM's kinds of lines until the file is so large; return the time of its middle."""
    at, size, number = BEGIN, 0, 0
    with path.open("w") as file:
        while size < megabytes * 10**6:
            lines = []
            for _ in range(PER_BLOCK):
                number += 1
                at += 0.05
                stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
                level = "ERROR" if number % 1000 == 0 else "INFO"
                said = RARE if number % 1_000_000 == 0 else USUAL
                lines.append(f"{stamp} {level} [loggers.py:335] {said} request {number}\n")
            text = "".join(lines)
            size += len(text)
            file.write(text)
    return BEGIN + (at - BEGIN) / 2


async def measure(path: Path, middle: float) -> dict[str, Any]:
    """Follow and ask; returns the figures."""
    found: dict[str, Any] = {"rss_before": _rss()}
    key = TargetKey("logs", "bench", "bench")
    logs.READ_SECONDS = 600.0

    def make(files: str) -> LogsSource:
        return logs.make(LogsConfig(files=(files,), timezone="UTC"), None, SystemClock(), key, ())

    growing = path.with_name("growing.log")
    follower = make(str(growing))
    await follower.collect(0.0)
    growing.symlink_to(path)
    began, looks = time.monotonic(), 1
    while _value(collected := await follower.collect(0.0), "inferdeck_log_behind_bytes"):
        looks += 1
    found["follow_seconds"] = time.monotonic() - began
    found["looks"], found["lines"] = looks, _value(collected, "inferdeck_log_lines_total")
    found["rss_follow"] = _rss()
    await follower.aclose()
    growing.unlink()
    asked = make(str(path))
    for name, query in (
        ("newest", LogQuery()),
        ("rare", LogQuery(include=(RARE,), limit=2000)),
        ("level", LogQuery(level="error", limit=200)),
        ("around", LogQuery(around=middle)),
    ):
        found[f"{name}_seconds"], page = await _timed(asked.read(query))
        found[f"{name}_lines"] = len(page.lines)
    found["rss_peak"] = _rss()
    await asked.aclose()
    return found


async def _timed(work: Coroutine[Any, Any, T]) -> tuple[float, T]:
    began = time.monotonic()
    answer = await work
    return time.monotonic() - began, answer


def _value(collected: Collected, name: str) -> float:
    pairs = zip(collected.layout.series, collected.values, strict=True)
    return float(sum(value for series, value in pairs if dict(series)["__name__"] == name))


def _rss() -> float:
    """Return the largest resident memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    """Write the file, measure in a child, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--measure", nargs=2, metavar=("FILE", "MIDDLE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asyncio.run(measure(Path(options.measure[0]), float(options.measure[1])))))
        return
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as folder:
        path = Path(folder) / "big.log"
        middle = write(path, options.megabytes)
        command = [sys.executable, "-m", "bench.logs", "--measure", str(path), str(middle)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        began = time.monotonic()
        counted = subprocess.run(["grep", "-i", "-c", RARE, path], capture_output=True, text=True).stdout.strip()
        grep = time.monotonic() - began
    size = options.megabytes
    print(f"{size} MB, {found['lines']:.0f} lines")
    print(f"memory: {found['rss_before']:.0f} MB before, {found['rss_follow']:.0f} MB after following, "
          f"{found['rss_peak']:.0f} MB at most")  # fmt: skip
    rate = size / found["follow_seconds"]
    print(f"followed in {found['follow_seconds']:.1f} s ({rate:.1f} MB/s, {found['looks']} looks)")
    print(f"rare word over the whole file: {found['rare_lines']} lines in {found['rare_seconds']:.2f} s; "
          f"grep -i -c: {counted} in {grep:.2f} s; ratio {found['rare_seconds'] / grep:.2f}")  # fmt: skip
    for name in ("newest", "level", "around"):
        print(f"{name}: {found[f'{name}_lines']} lines in {found[f'{name}_seconds'] * 1000:.0f} ms")


if __name__ == "__main__":
    main()
