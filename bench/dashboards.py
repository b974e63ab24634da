"""A dashboard of 15 panels for 50 viewers, and a cold one over 30 days: `inferdeck up` in a process of its own.

    .venv/bin/python -m bench.dashboards [--days 30] [--interval 15] [--seconds 40]

The store holds so many days of 2,000 series, and samples for the time of the bench. Every viewer looks at the
last hour and asks every 10 s, each at another moment. The share of one core is the CPU time of the daemon's process by
the wall's, beside its share while nobody looks. The peer: the same viewers ask each panel's PromQL at query_range.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import aiohttp
import numpy as np
import orjson

from bench.store_data import llm_data
from inferdeck.model.clock import ManualClock
from inferdeck.store.metrics.database import MetricDatabase
from tests.real.programs import free_port

VIEWERS = 50
TICK_SECONDS = 10.0
DAY_MS = 86_400_000
FINE_HOURS = 4
_CONFIG = "listen: {{port: {port}}}\ndata_dir: {folder}/data\ndiscovery: {{enabled: false}}\n"
_RATED = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:num_preemptions_total")
_TIMED = ("vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds")
QUERIES = (
    *(f"sum by (model_name) (rate({name}[$__rate_interval]))" for name in _RATED),
    *(f"sum by (instance) (rate({name}[$__rate_interval]))" for name in _RATED),
    "sum by (model_name) (vllm:num_requests_running)",
    "sum by (model_name) (vllm:num_requests_waiting)",
    "avg by (model_name) (vllm:kv_cache_usage)",
    *(f"histogram_quantile(0.95, sum by (le, model_name) (rate({name}_bucket[$__rate_interval])))" for name in _TIMED),
    "sum by (instance) (rate(node_cpu_seconds_total[$__rate_interval]))",
    "max by (instance) (DCGM_FI_DEV_GPU_TEMP)",
    "sum by (instance) (DCGM_FI_DEV_POWER_USAGE)",
    "sum by (instance) (node_memory_bytes)",
)


def fill(folder: Path, days: int, interval: int) -> None:
    """Write the same day again and again, one sample per series every `interval` seconds; the last hours every 15 s.

    They end an hour from now, so that the newest steps of a viewer have samples as long as the bench takes.
    """
    layout, _, values = llm_data(24)
    coarse = np.ascontiguousarray(values[:, :: interval // 15])
    end = (int(time.time()) * 1000 + 3_600_000) // 15_000 * 15_000
    database = MetricDatabase.open(folder, clock=ManualClock(end / 1000))
    fine_from = end - FINE_HOURS * 3_600_000
    for day in range(days, 0, -1):
        stamps = end - day * DAY_MS + np.arange(coarse.shape[1], dtype=np.int64) * interval * 1000
        old = int((stamps < fine_from).sum())
        for start in range(0, old, 480):
            part = slice(start, min(old, start + 480))
            database.append_block("fleet", layout, stamps[part], coarse[:, part])
    fine = np.arange(FINE_HOURS * 240, dtype=np.int64)
    database.append_block("fleet", layout, fine_from + fine * 15_000, np.ascontiguousarray(values[:, fine]))
    database.close()


def survey(folder: Path) -> tuple[int, float, float, float]:
    """Do what the daemon's ticks do in the minutes after a day is over; (ticks, CPU seconds, bytes before, after)."""
    clock = ManualClock(time.time())
    database = MetricDatabase.open(folder, clock=clock)
    before = database.stats().bytes
    database.tick()
    clock.jump(61)
    ticks, used = 0, time.process_time()
    while not database.surveyed():
        database.tick()
        ticks += 1
    used = time.process_time() - used
    after = database.stats().bytes
    database.close()
    return ticks, used, before, after


def definition() -> bytes:
    """Return the dashboard of 15 panels."""
    panels = [
        {"id": f"p{number}", "title": expr[:40], "kind": "timeseries", "queries": [expr], "width": 8}
        for number, expr in enumerate(QUERIES)
    ]
    return orjson.dumps({"uid": "bench", "title": "Bench", "rows": [{"panels": panels}]})


class Daemon:
    """`inferdeck up` over a folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        config = folder / "inferdeck.yaml"
        config.write_text(_CONFIG.format(port=self.port, folder=folder))
        command = [sys.executable, "-m", "inferdeck", "up", "--config", str(config)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """Return what all its threads have used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=120) as answer:
            return bytes(answer.read())

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=30)

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self.get("/-/ready")
                self.get("/api/dashboards/bench")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise SystemExit("the daemon does not answer")


Look = Callable[[aiohttp.ClientSession, dict[str, str]], Awaitable[int]]


async def watch(daemon: Daemon, seconds: float, look: Look) -> tuple[float, float]:
    """Let the viewers look once, then measure: (share of one core, bytes per viewer and tick)."""
    connector = aiohttp.TCPConnector(limit=VIEWERS)
    received: list[int] = []
    async with aiohttp.ClientSession(daemon.url, connector=connector, auto_decompress=False) as session:
        states: list[dict[str, str]] = [{} for _ in range(VIEWERS)]
        for state in states:
            await look(session, state)

        async def viewer(number: int) -> None:
            await asyncio.sleep(TICK_SECONDS * number / VIEWERS)
            until = time.monotonic() + seconds - TICK_SECONDS * number / VIEWERS
            while time.monotonic() < until:
                received.append(await look(session, states[number]))
                await asyncio.sleep(TICK_SECONDS)

        began, used = time.monotonic(), daemon.cpu_seconds()
        await asyncio.gather(*(viewer(number) for number in range(VIEWERS)))
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - began)))
        share = (daemon.cpu_seconds() - used) / (time.monotonic() - began)
    return share, sum(received) / max(1, len(received))


async def carried_on(session: aiohttp.ClientSession, state: dict[str, str]) -> int:
    """Ask for the steps since the last answer, as our own faces do."""
    parameters = {"from": "now-1h", **state}
    async with session.get("/api/dashboards/bench/data", params=parameters) as answer:
        body = await answer.read()
        assert answer.status == 200, body[:300]
    found = orjson.loads(body if body[:1] == b"{" else gzip.decompress(body))
    state["since"] = str(found["end"])
    return len(body)


async def whole(session: aiohttp.ClientSession, state: dict[str, str]) -> int:
    """Ask for everything, unless it is the same."""
    headers = {"If-None-Match": state.get("tag", "")}
    async with session.get("/api/dashboards/bench/data", params={"from": "now-1h"}, headers=headers) as answer:
        assert answer.status in (200, 304)
        state["tag"] = answer.headers["ETag"]
        return len(await answer.read())


async def each_panel(session: aiohttp.ClientSession, state: dict[str, str]) -> int:
    """Ask each panel's query by itself, aligned to the step, as Grafana does."""
    end = int(time.time()) // 15 * 15
    size = 0
    for expr in QUERIES:
        text = expr.replace("$__rate_interval", "60s")
        span = {"query": text, "start": str(end - 3600), "end": str(end), "step": "15"}
        async with session.get("/api/v1/query_range", params=span) as answer:
            assert answer.status == 200
            size += len(await answer.read())
    return size


def cold(folder: Path, days: int) -> tuple[float, float]:
    """Return seconds until the first answer of a daemon that has just started, and what its process used for it."""
    daemon = Daemon(folder)
    try:
        time.sleep(3.0)  # its start is over
        began, used = time.perf_counter(), daemon.cpu_seconds()
        found = orjson.loads(daemon.get(f"/api/dashboards/bench/data?from=now-{days}d"))
        taken = time.perf_counter() - began, daemon.cpu_seconds() - used
        assert all(panel["status"] == "ok" for panel in found["panels"]), [panel["status"] for panel in found["panels"]]
        return taken
    finally:
        daemon.stop()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--interval", type=int, default=15, help="seconds between samples, a multiple of 15")
    parser.add_argument("--seconds", type=float, default=40.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dashboards").mkdir()
        (folder / "dashboards" / "bench.json").write_bytes(definition())
        began = time.perf_counter()
        fill(folder / "data" / "metrics", options.days, options.interval)
        written = time.perf_counter() - began
        print(f"{options.days} days of 2,000 series every {options.interval} s written in {written:.0f} s", flush=True)
        ticks, used, before, after = survey(folder / "data" / "metrics")
        print(
            f"milestones: {ticks} ticks of {used / max(1, ticks) * 1000:.1f} ms CPU, "
            f"{(after / before - 1) * 100:+.1f} % bytes on disk",
            flush=True,
        )
        times = [cold(folder, options.days) for _ in range(3)]
        wall, cpu = (median(values) for values in zip(*times, strict=True))
        print(f"cold dashboard over {options.days} days: {wall:.2f} s, {cpu:.2f} s CPU (goal: below 2)", flush=True)
        daemon = Daemon(folder)
        try:
            idle_from, used = time.monotonic(), daemon.cpu_seconds()
            time.sleep(options.seconds / 2)
            idle = (daemon.cpu_seconds() - used) / (time.monotonic() - idle_from)
            print(f"nobody looks: {idle * 100:.2f} % of a core")
            results = {}
            for title, look in (("new steps only", carried_on), ("whole, or 304", whole), ("each panel", each_panel)):
                share, size = asyncio.run(watch(daemon, options.seconds, look))
                results[title] = max(0.0, share - idle)
                print(
                    f"{VIEWERS} viewers, {title}: {share * 100:.2f} % of a core, {results[title] * 100:.2f} % theirs, "
                    f"{size / 1000:.1f} kB per viewer and tick"
                )
            ratio = results["new steps only"] / (results["each panel"] or 1.0)
            print(f"new steps only / each panel: {ratio:.3f} (goal: below 1 % of a core)")
        finally:
            daemon.stop()


if __name__ == "__main__":
    main()
