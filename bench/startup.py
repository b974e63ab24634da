"""CPU of `inferdeck --help` as a ratio of `python -c pass`, in one run: python bench/startup.py [--runs N].

The goal is at most 4. User and system time of the children are counted, not the clock on the wall, and the two take
turns, so that a busy machine weighs on both alike.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from pathlib import Path

GOAL = 4.0
SCRIPT = str(Path(sys.executable).parent / "inferdeck")
PEER = [sys.executable, "-c", "pass"]
COMMANDS = {
    "inferdeck --help": [SCRIPT, "--help"],
    "inferdeck --version": [SCRIPT, "--version"],
    "inferdeck status --help": [SCRIPT, "status", "--help"],
}


def cpu_seconds(command: list[str]) -> float:
    """Return user and system seconds of one run of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> int:
    """Print one line per command; exit 1 where --help misses the goal."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--runs", type=int, default=40)
    runs = parser.parse_args().runs
    peer: list[float] = []
    ours: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        peer.append(cpu_seconds(PEER))
        for name, command in COMMANDS.items():
            ours[name].append(cpu_seconds(command))
    base = statistics.median(peer)
    print(f"{'python -c pass':28} {base * 1e3:7.1f} ms CPU (median of {runs})")
    for name, times in ours.items():
        print(f"{name:28} {statistics.median(times) * 1e3:7.1f} ms CPU  {statistics.median(times) / base:5.2f} ×")
    ratio = statistics.median(ours["inferdeck --help"]) / base
    print(f"goal for --help: at most {GOAL:g} ×: {'met' if ratio <= GOAL else 'missed'}")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
