"""What one widget costs, in CPU and memory, beside `python -c pass` and three other ways.

    python -m bench.widgets [--runs N] [--twin PYTHON]

All of them ask the same running daemon, in turns, so that a busy machine weighs on all alike: `inferdeck widget` over
the unix socket, curl with jq on /api/status, and a typer+httpx program, which needs a Python that has both:
`uv venv twin && uv pip install --compile-bytecode --python twin/bin/python typer httpx rich`. CPU is user and system
time of the process; memory is its peak, told by a small program that starts it: a process inherits the peak of what
started it. Then the same against a daemon that hangs: how long the longest run took by the clock on the wall.

Goals: at most 1.7 times the CPU of an empty Python, under 12 MB, never more than 500 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.real.daemon import Place

GOAL, GOAL_MB, GOAL_SECONDS = 1.7, 12.0, 0.5
SCRIPT = str(Path(sys.executable).parent / "inferdeck")
TWIN = """
import httpx, typer
from rich.console import Console
from rich.table import Table
app = typer.Typer()
@app.command()
def health(path: str) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
        found = client.get("http://localhost/api/status").json()
    table = Table("Service", "Port", "State")
    for one in found["services"]:
        table.add_row(one["name"], str(one["port"]), one["health"])
    Console().print(table)
app()
"""
STARTER = """
import posix, sys
quiet = [(posix.POSIX_SPAWN_OPEN, number, "/dev/null", posix.O_WRONLY, 0) for number in (1, 2)]
child = posix.posix_spawn(sys.argv[1], sys.argv[1:], posix.environ, file_actions=quiet)
print(posix.wait4(child, 0)[2].ru_maxrss)
"""
OLD_LAUNCHER = "import re, sys; from inferdeck.cli import main; sys.exit(main())"
"""What pip wrote as a console script before it left out re."""
FILTER = '.services[] | "\\(.name) (\\(.port)) \\(.health)"'


def cpu_seconds(command: list[str], environ: dict[str, str]) -> float:
    """Return user and system seconds of one run of the command; raises CalledProcessError where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def peak_mb(command: list[str], environ: dict[str, str]) -> float:
    """Return the most memory that a run of the command had resident, in MiB; no less than an empty Python's."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", STARTER, *command], env=environ, capture_output=True, text=True, check=True
    )
    return int(done.stdout) / 1024


@contextlib.contextmanager
def hanging(path: Path) -> Iterator[None]:
    """Accept connections at a path, and answer none."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    bound.listen(64)
    kept: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                kept.append(bound.accept()[0])

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        bound.close()


def ways(place: Place, twin: str) -> dict[str, list[str]]:
    """Return what is compared, by name."""
    path = str(place.socket)
    curl = f"curl -s --unix-socket {path} http://localhost/api/status | jq -r '{FILTER}'"
    found = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "inferdeck widget": [SCRIPT, "widget", "health", "--host", "text"],
        "inferdeck widget, old pip": [sys.executable, "-c", OLD_LAUNCHER, "widget", "health", "--host", "text"],
        "inferdeck widget, argparse": [SCRIPT, "widget", "health", "--hos=text"],
        "inferdeck --version": [SCRIPT, "--version"],
    }
    if shutil.which("curl") and shutil.which("jq"):
        found["curl | jq"] = ["sh", "-c", curl]
    if twin:
        found["typer + httpx"] = [twin, "-c", TWIN, path]
    return found


def main() -> int:
    """Print one line per way; exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--twin", default="", help="a Python that has typer, httpx and rich")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Place.of(Path(folder) / "place", "host: {interval: {interval}}")
        known = {**os.environ, **place.environment, "XDG_CACHE_HOME": f"{folder}/cache"}
        environ = {name: value for name, value in known.items() if value is not None}
        with place.up():
            met = compare(ways(place, options.twin), environ, options.runs)
        place.socket.parent.mkdir(parents=True, exist_ok=True)
        with hanging(place.socket):
            longest = hung(environ, place, options.runs)
    print(f"a daemon that hangs: longest of {options.runs} runs {longest * 1e3:.0f} ms wall")
    print(f"goal: at most {GOAL_SECONDS * 1e3:.0f} ms: {'met' if longest <= GOAL_SECONDS else 'missed'}")
    return 0 if met and longest <= GOAL_SECONDS else 1


def compare(commands: dict[str, list[str]], environ: dict[str, str], runs: int) -> bool:
    """Print what each way costs, and return whether ours meets its goals."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            times[name].append(cpu_seconds(command, environ))
    # The first run of each compiles modules and fills caches.
    medians = {name: statistics.median(found[1:]) for name, found in times.items()}
    base = medians["python -c pass"]
    for name, command in commands.items():
        # Of a pipeline it would be the shell's.
        memory = "" if command[0] == "sh" else f"{peak_mb(command, environ):7.1f} MB"
        print(f"{name:28} {medians[name] * 1e3:7.1f} ms CPU (median of {runs}) {medians[name] / base:6.2f} ×{memory}")
    ratio, peak = medians["inferdeck widget"] / base, peak_mb(commands["inferdeck widget"], environ)
    good = ratio <= GOAL and peak < GOAL_MB
    print(f"goal: at most {GOAL:g} × and under {GOAL_MB:g} MB: {'met' if good else 'missed'}")
    return good


def hung(environ: dict[str, str], place: Place, runs: int) -> float:
    """Return the seconds of the longest run while the daemon answers nothing."""
    longest = 0.0
    for number in range(runs):
        began = time.monotonic()
        address = f"--url=unix://{place.socket}"
        name = ("health", "cost")[number % 2]
        subprocess.run([SCRIPT, "widget", name, address], env=environ, stdout=subprocess.DEVNULL, check=True)
        longest = max(longest, time.monotonic() - began)
    return longest


if __name__ == "__main__":
    sys.exit(main())
