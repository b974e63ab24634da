"""The demo as a user meets it: how soon it answers, how soon its past is there, what it costs afterwards.

    .venv/bin/python -m bench.demo [--days 30] [--after 60]

Seconds are of the machine it runs on; memory is the proportional set size of all its processes, at its largest and at
the end. It is looked at once a second, since each look costs some hundredths of a core.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from inferdeck.client.tiny import Address, Client

COMMAND = str(Path(sys.executable).parent / "inferdeck")


@dataclass
class Peak:
    """The moment at which all processes together held most."""

    total: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)

    def take(self, shares: dict[str, float]) -> None:
        """Look at one moment."""
        total = sum(shares.values())
        if total > self.total:
            self.total, self.shares = total, shares

    def __str__(self) -> str:
        shares = ", ".join(f"{name} {share:.0f}" for name, share in self.shares.items())
        return f"{self.total:.0f} MiB ({self.total * 2**20 / 1e6:.0f} MB) in all: {shares}"


def main() -> None:
    """Run one demo and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--after", type=float, default=60.0, help="seconds over which the cost afterwards is taken")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="d-") as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "PYTHONUNBUFFERED": "1"}
        began = time.monotonic()
        process = subprocess.Popen(
            [COMMAND, "demo", "--days", str(options.days)], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            _measure(process, Path(cache), began, options.after)
        finally:
            process.terminate()
            process.wait(60)


def _measure(process: subprocess.Popen[str], cache: Path, began: float, after: float) -> None:
    peak, ending = Peak(), threading.Event()
    watch = threading.Thread(target=_watch, args=(process.pid, peak, ending), daemon=True)
    watch.start()
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C stops" in line:
            (socket,) = cache.glob("inferdeck/demo-*/inferdeck.sock")
            client = Client(Address(socket_path=str(socket)), 30.0)
            up = 0
            while not up:
                up = sum(service.health == "up" for service in client.status().services)
                time.sleep(0.05)
            after_seconds, spent = time.monotonic() - began, _cpu(process.pid)
            print(f"answers with a service that is up after {after_seconds:.1f} s, {spent:.1f} s of processor time")
        elif line.startswith(("the past:", "all ")):
            print(f"{time.monotonic() - began:6.1f} s  {line.strip()}")
        if line.startswith("all "):
            break
    ending.set()
    watch.join()
    print(f"peak PSS: {peak}")
    cpu, since = _cpu(process.pid), time.monotonic()
    time.sleep(after)
    share = (_cpu(process.pid) - cpu) / (time.monotonic() - since)
    print(f"afterwards: {share:.1%} of one processor, {sum(_memory(process.pid).values()):.0f} MiB in all")


def _family(pid: int) -> list[psutil.Process]:
    found = psutil.Process(pid)
    return [found, *found.children(recursive=True)]


def _cpu(pid: int) -> float:
    total = 0.0
    for one in _family(pid):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def _memory(pid: int) -> dict[str, float]:
    """Return the proportional set size in MiB by process."""
    found = {}
    for one in _family(pid):
        with contextlib.suppress(psutil.Error):
            module = next((word for word in one.cmdline() if word.startswith("inferdeck.")), "daemon")
            found[f"{module.rpartition('.')[2]} {one.pid}"] = one.memory_full_info().pss / 2**20
    return found


def _watch(pid: int, peak: Peak, ending: threading.Event) -> None:
    while not ending.wait(1.0):
        with contextlib.suppress(psutil.Error):
            peak.take(_memory(pid))


if __name__ == "__main__":
    main()
