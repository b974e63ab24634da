"""CPU per scrape beside Debian's Prometheus, in one run: the same target, the same samples, the same number of scrapes.

    .venv/bin/python -m bench.scrape [--scrapes 100] [--interval 0.5] [--targets 20]

Ours is the whole path: fetch, parse, repair, canonical mapping (which Prometheus does not do) and durable storing. CPU
is that of each whole process by the kernel's account (/proc/PID/task/*/schedstat), after a warm-up. Then the memory of
one process of ours with 20 targets of 2,000 series, with a full window in memory (4 minutes). 0 leaves a part out.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import orjson

from tests.real.programs import free_port

SAMPLES = 2_000
WARM_UP = 10
FULL_HEAD = 480
REAL_INTERVAL = 15.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of every thread that a process has now, in seconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1e9


def memory_mb(pid: int, what: str) -> float:
    """Return VmRSS or VmHWM of a process in MB (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{what}:"))


class Ours:
    """The worker process."""

    def __init__(
        self, stack: ExitStack, targets: int, interval: float, folder: Path, url: str, tick: float = 1.0
    ) -> None:
        words = (str(targets), str(interval), str(folder), url, str(tick))
        command = [sys.executable, "-m", "bench.scrape_worker", *words]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stack.callback(self._stop)

    def figures(self) -> dict[str, float | list[str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        found: dict[str, float | list[str]] = orjson.loads(self.process.stdout.readline())
        return found

    def collections(self) -> int:
        found = self.figures()["collections"]
        assert isinstance(found, int)
        return found

    def _stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=20)


def prometheus(stack: ExitStack, folder: Path, port: int, target_port: int, interval: float) -> subprocess.Popen[bytes]:
    """Start Debian's Prometheus with one target."""
    program = shutil.which("prometheus")
    if program is None:
        raise SystemExit("prometheus is not installed: scripts/real light")
    config = folder / "prometheus.yml"
    job = f"{{job_name: litellm, metrics_path: /0/metrics, static_configs: [{{targets: ['127.0.0.1:{target_port}']}}]}}"
    config.write_text(f"global: {{scrape_interval: {round(interval * 1000)}ms}}\nscrape_configs: [{job}]\n")
    process = subprocess.Popen(
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def scrapes_of(port: int) -> int:
    """Return how many scrapes Prometheus has stored, by its own count."""
    query = "query=count_over_time(up[1h])"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=5) as answer:
        found = orjson.loads(answer.read())["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


def wait_for(what: str, ready: object, seconds: float) -> None:
    """Wait until `ready()` is true."""
    assert callable(ready)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"{what} did not happen within {seconds:g} s")


def serve(stack: ExitStack, samples: int = SAMPLES) -> int:
    """Start the target; return its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.exposition_target", str(port), str(samples)])
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_for("the target", lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2), 60)
    return port


def compare(scrapes: int, interval: float) -> None:
    """Print CPU per scrape of both, and the ratio."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        target_port, port = serve(stack), free_port()
        theirs = prometheus(stack, folder, port, target_port, interval)
        ours = Ours(stack, 1, interval, folder / "ours", f"http://127.0.0.1:{target_port}")
        wait_for("warm-up", lambda: min(ours.collections(), scrapes_of(port)) >= WARM_UP, 60 + WARM_UP * interval)
        before = (cpu_seconds(ours.process.pid), ours.collections(), cpu_seconds(theirs.pid), scrapes_of(port))
        time.sleep(scrapes * interval)
        after = (cpu_seconds(ours.process.pid), ours.collections(), cpu_seconds(theirs.pid), scrapes_of(port))
        figures = ours.figures()
        mine = (after[0] - before[0]) / (after[1] - before[1]) * 1000
        his = (after[2] - before[2]) / (after[3] - before[3]) * 1000
        print(f"native {figures['native']} + canonical {figures['canonical']} series, failures {figures['failures']}")
        print(f"scrapes                 ours {after[1] - before[1]}, prometheus {after[3] - before[3]}")
        print(f"CPU ms per scrape       ours {mine:.2f}, prometheus {his:.2f}")
        print(f"ours/prometheus CPU     {mine / his:.2f}   (goal at most 1.0, aim 0.8)")
        print(f"RSS MB                  ours {memory_mb(ours.process.pid, 'VmRSS'):.0f}, ", end="")
        print(f"prometheus {memory_mb(theirs.pid, 'VmRSS'):.0f}")
        print(*figures["trouble"], sep="\n")  # type: ignore[misc]


def memory(targets: int, interval: float) -> None:
    """Print the memory of one process of ours with many targets, when the window in memory is full: 480 scrapes each.

    480 scrapes are two hours at 15 s; here they come faster, and the ticks
    of the store with them, so that the slabs of the head fill within minutes.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = serve(stack)
        ours = Ours(
            stack, targets, interval, folder / "ours", f"http://127.0.0.1:{port}", tick=interval / REAL_INTERVAL
        )
        for rounds in (20, FULL_HEAD):
            seconds = 120 + 3 * rounds * interval
            wait_for("scrapes", lambda rounds=rounds: ours.collections() >= targets * rounds, seconds)
            figures = ours.figures()
            rss, peak = memory_mb(ours.process.pid, "VmRSS"), memory_mb(ours.process.pid, "VmHWM")
            native, canonical = figures["native"], figures["canonical"]
            print(f"{targets} targets of {native} + {canonical} series after {rounds} scrapes each: ", end="")
            print(f"RSS {rss:.0f} MB now, {peak:.0f} at most, failures {figures['failures']}", flush=True)
        print("goal: at most 250 MB with the full window")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scrapes", type=int, default=100)
    arguments.add_argument("--interval", type=float, default=0.5)
    arguments.add_argument("--targets", type=int, default=20)
    arguments.add_argument("--memory-interval", type=float, default=0.5)
    chosen = arguments.parse_args()
    if chosen.scrapes:
        compare(chosen.scrapes, chosen.interval)
    if chosen.targets:
        memory(chosen.targets, chosen.memory_interval)
