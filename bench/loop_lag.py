"""The event loop of a whole daemon under its heaviest work: `inferdeck up` in a process of its own, watched twice.

    .venv/bin/python -m bench.loop_lag

From inside, a probe on the daemon's own loop sleeps 1 ms again and again and notes by how much each sleep was late.
From outside, `/-/healthy` is asked every 10 ms. The daemon starts on a store that holds 24 h of 2,000 series and a full
2-hour block of them that waits for its flush. What `/metrics` says of its loop is printed at the end.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import orjson

from bench.loop_lag_daemon import Asked
from bench.scrape import serve, wait_for
from bench.store_data import llm_data
from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.store.metrics.database import MetricDatabase
from tests.real.programs import free_port

GOAL_MS = 50.0
SERIES = 50_000
BLOCK_SECONDS = 7200
_TOKEN = "only-for-this-bench"
_CONFIG = """\
listen: {{port: {port}}}
data_dir: {folder}/data
discovery: {{enabled: false}}
auth: {{operator_token: {{env: INFERDECK_BENCH_TOKEN}}}}
sources:
  host: [{{interval: 5}}]
  litellm: [{{url: "http://127.0.0.1:{small}"}}]
"""


def fill(folder: Path) -> None:
    """Write 24 h of 2,000 series as chunks, then the 2-hour block that ended last as raw scrapes."""
    layout, stamps, values = llm_data(26)
    ended = int(time.time()) // BLOCK_SECONDS * BLOCK_SECONDS * 1000
    stamps = stamps - stamps[0] + ended - 26 * 3_600_000
    clock = ManualClock(ended / 1000)
    database = MetricDatabase.open(folder, clock=clock)
    old = stamps.size - 480
    for start in range(0, old, 480):
        part = slice(start, min(old, start + 480))
        database.append_block("past", layout, stamps[part], values[:, part])
    names = Layout(tuple(tuple((k, "waits" if k == "job" else v) for k, v in one) for one in layout.series))
    for at in range(old, stamps.size):
        database.append(Scrape("waits", int(stamps[at]), names, values[:, at].copy()))
    database.close()


class Daemon:
    """`inferdeck up` with a probe on its loop (loop_lag_daemon.py)."""

    def __init__(self, stack: ExitStack, folder: Path, small: int) -> None:
        self.port = free_port()
        config = folder / "inferdeck.yaml"
        config.write_text(_CONFIG.format(port=self.port, folder=folder, small=small))
        command = [sys.executable, "-m", "bench.loop_lag_daemon", "up", "--config", str(config)]
        environment = {**os.environ, "INFERDECK_BENCH_TOKEN": _TOKEN}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program does not compile itself at each start
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        stack.callback(self._stop)

    def ask(self, what: Asked) -> float:
        """Let the daemon do something; return the longest lag in ms since the last question."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what}\n".encode())
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("the daemon ended")
            if line.startswith(b"lag "):
                return float(line.split()[1])

    def get(self, path: str) -> bytes:
        return self._send(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}"))

    def post(self, path: str, body: object) -> dict[str, object]:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", orjson.dumps(body), headers)
        found: dict[str, object] = orjson.loads(self._send(request))
        return found

    def _send(self, request: urllib.request.Request) -> bytes:
        request.add_header("Authorization", f"Bearer {_TOKEN}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    def run_job(self, kind: str) -> None:
        """Run one piece of work on the store to its end."""
        job = self.post(f"/api/store/{kind}", {})
        while orjson.loads(self.get(f"/api/jobs/{job['id']}"))["state"] == "running":
            time.sleep(0.1)

    def _stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)


class Healthy:
    """Asks /-/healthy every 10 ms on one connection, and keeps the longest answer in ms."""

    def __init__(self, port: int) -> None:
        self.worst = 0.0
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        threading.Thread(target=self._ask, daemon=True).start()

    def take(self) -> float:
        worst, self.worst = self.worst, 0.0
        return worst

    def _ask(self) -> None:
        while True:
            started = time.perf_counter()
            try:
                self._connection.request("GET", "/-/healthy")
                self._connection.getresponse().read()
            except OSError:
                return
            self.worst = max(self.worst, (time.perf_counter() - started) * 1000)
            time.sleep(0.01)


def measure(daemon: Daemon, wide_port: int) -> float:
    """Run every phase; return the longest lag in ms."""
    wait_for("the daemon", lambda: daemon.get("/-/ready"), 60)
    healthy = Healthy(daemon.port)
    worst = daemon.ask("lag")
    print(f"{'phase':46}  loop lag  /-/healthy")
    print(f"{'start: catalogs, 2-hour block back to memory':46} {worst:6.1f} ms")
    wide = {"kind": "prometheus", "entry": {"url": f"http://127.0.0.1:{wide_port}/metrics", "interval": "10s"}}
    phases: list[tuple[str, Callable[[], object]]] = [
        ("idle, 5 s", lambda: time.sleep(5)),
        ("flush of 2,000 series x 2 h", lambda: daemon.ask("flushed")),
        (f"sources add: {SERIES:,} series read and parsed", lambda: daemon.post("/api/sources", wide)),
        (f"first sight of {SERIES:,} series, 15 s", lambda: time.sleep(15)),
        ("24 h read of 2,000 series", lambda: daemon.ask("read")),
        ("store check", lambda: daemon.run_job("check")),
        ("status, doctor, /metrics, 5 times each", lambda: [daemon.get(path) for path in _READS * 5]),
    ]
    for name, work in phases:
        daemon.ask("lag")
        healthy.take()
        started = time.perf_counter()
        found = work()
        lag = max(daemon.ask("lag"), found if isinstance(found, float) else 0.0)
        worst = max(worst, lag)
        print(f"{name:46} {lag:6.1f} ms  {healthy.take():7.1f} ms   took {time.perf_counter() - started:.1f} s")
    own = [line for line in daemon.get("/metrics").decode().splitlines() if line.startswith("inferdeck_loop_")]
    print("/metrics:", "; ".join(own))
    return worst


_READS = ["/api/status", "/api/doctor", "/metrics"]


def main() -> int:
    """Print one line per phase; exit 1 where the loop was held for longer than the goal."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "data").mkdir()
        fill(folder / "data" / "metrics")
        small, wide = serve(stack), serve(stack, SERIES)
        worst = measure(Daemon(stack, folder, small), wide)
    print(f"longest loop lag {worst:.1f} ms, goal at most {GOAL_MS:g} ms: {'met' if worst <= GOAL_MS else 'missed'}")
    return 0 if worst <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
