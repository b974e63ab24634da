"""Queries over HTTP against Debian's Prometheus and VictoriaMetrics on the same data, interleaved in one run.

    .venv/bin/python -m bench.promql [--engines 30] [--hosts 500] [--hours 24] [--rounds 5] [--growth]

Every request differs in its expression and range, result caches are off, answers are read to the end without
compression; medians of the rounds, and ratios of them. At the end: p99 with eight clients at once, memory beyond what
each program holds before the first query, and what a refreshed dashboard costs with our results remembered. With
--growth instead: how one query's time grows with series and range (bench/promql_growth.py).
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import http.client
import statistics
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from bench.store_data import STEP_MS, llm_data
from inferdeck.model.clock import SystemClock
from inferdeck.model.scrape import Layout
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.remote_write import wire
from tests.real.daemon import Place
from tests.real.programs import AbsentError, Running, prometheus, victoria_metrics

SLICE = 120
"""Samples of each series that are sent before the next series' turn: half an hour, which Prometheus' head takes."""
TTFT = "vllm:time_to_first_token_seconds_bucket"


@dataclass(frozen=True, slots=True)
class Panel:
    """One question; {range} and {zero} are filled in anew for each request."""

    name: str
    query: str
    hours: float
    step: int
    aim: str


PANELS = (
    Panel(
        "quantile, 600 series, 24 h",
        "histogram_quantile(0.99, sum by (le, model_name) (rate(@[{range}])))",
        24,
        86,
        "0.4",
    ),
    Panel("rate by model, 600 series, 24 h", "sum by (le, model_name) (rate(@[{range}]))", 24, 86, "0.4"),
    Panel("quantile, 600 series, 1 h", "histogram_quantile(0.99, sum by (le) (rate(@[{range}])))", 1, 15, "0.4"),
    Panel("rate, 600 series raw, 24 h", "rate(@[{range}])", 24, 86, "1.0"),
    Panel("rate of 30 counters, 1 h", "rate(vllm:generation_tokens_total[{range}]) + {zero}", 1, 15, "1.3"),
    Panel("gauge of 30 engines, 1 h", "vllm:num_requests_running + {zero}", 1, 15, "1.3"),
    Panel("one number, now", "sum(vllm:num_requests_running) + {zero}", 0, 15, "1.3"),
    Panel("avg over time, 100 gauges, 24 h", "avg_over_time(DCGM_FI_DEV_GPU_TEMP[{range}])", 24, 86, ""),
    Panel("max over time, 100 gauges, 24 h", "max_over_time(DCGM_FI_DEV_GPU_TEMP[{range}])", 24, 86, ""),
    Panel("sum by model of 600 series, 24 h", "sum by (model_name) (@) + {zero}", 24, 86, ""),
)


class Client:
    """One connection that stays open."""

    def __init__(self, program: Running) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=300)

    def ask(self, panel: Panel, number: int, end: int) -> tuple[float, int]:
        """Return seconds and bytes of one request; `number` makes it differ from all others."""
        query = (
            panel.query.replace("@", TTFT).replace("{range}", f"{300 + number}s").replace("{zero}", f"0 * {number + 1}")
        )
        stop = end - 15 * (number % 40)
        fields = {"query": query, "start": stop - panel.hours * 3600, "end": stop, "step": panel.step}
        path = "query_range" if panel.hours else "query"
        if not panel.hours:
            fields = {"query": query, "time": stop}
        began = time.perf_counter()
        self._connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(fields)}")
        answer = self._connection.getresponse()
        body = answer.read()
        taken = time.perf_counter() - began
        assert answer.status == 200, body[:300]
        return taken, len(body)


def main() -> None:
    """Run everything and print it."""
    options = _options()
    if options.growth:
        from bench import promql_growth

        promql_growth.run(options.days, options.every, options.rounds)
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-promql-")))
        times, layout, values = _data(options)
        programs = dict(_started(stack, folder, times, layout, values))
        print(f"{len(layout):,} series x {times.size:,} samples; medians of {options.rounds} rounds, milliseconds")
        end = int(times[-1] // 1000)
        with Watched(programs) as memory:
            _panels(programs, end, options.rounds)
            _parallel(programs, end)
        memory.show()
    _refresh(options, times, layout, values)


def _panels(programs: dict[str, Running], end: int, rounds: int) -> None:
    clients = {name: Client(program) for name, program in programs.items()}
    number = 0
    print(f"{'':34}" + "".join(f"{name:>12}" for name in programs) + "   ours/prometheus  (limit)   ours/victoria")
    for panel in PANELS:
        taken: dict[str, list[float]] = {name: [] for name in programs}
        size = 0
        for turn in range(rounds + 1):
            for name, client in clients.items():
                number += 1
                seconds, found = client.ask(panel, number, end)
                size = found if name == "ours" else size
                if turn:  # the first round warms up
                    taken[name].append(seconds * 1000)
        median = {name: statistics.median(found) for name, found in taken.items()}
        ratios = [
            f"{median['ours'] / median[name]:.2f}" if name in median else "-" for name in ("prometheus", "victoria")
        ]
        figures = "".join(f"{median[name]:12.1f}" for name in programs)
        print(f"{panel.name:34}{figures}{ratios[0]:>18} {panel.aim:>9} {ratios[1]:>15}   {size / 1e6:.2f} MB")


def _parallel(programs: dict[str, Running], end: int, clients: int = 8, requests: int = 30) -> None:
    panel = PANELS[2]
    for name, program in programs.items():
        if name == "victoria":
            continue

        def work(first: int, program: Running = program) -> list[float]:
            client = Client(program)
            return [client.ask(panel, first * requests + turn, end)[0] for turn in range(requests)]

        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            found = sorted(one for some in pool.map(work, range(clients)) for one in some)
        middle, high = found[len(found) // 2] * 1000, found[int(len(found) * 0.99)] * 1000
        print(f"{name:>12}: {clients} clients, {panel.name}: median {middle:.0f} ms, p99 {high:.0f} ms")


def _refresh(
    options: argparse.Namespace, times: NDArray[np.int64], layout: Layout, values: NDArray[np.float64]
) -> None:
    """A dashboard of 24 h panels, asked again as its window moves one step on."""
    dashboard = [panel for panel in PANELS if panel.hours == 24 and "raw" not in panel.name]
    step, end = dashboard[0].step, int(times[-1] // 1000)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-promql-")))
        client = Client(stack.enter_context(_ours(folder, times, layout, values, cache="64MB")))
        stops = [end - step * back for back in range(12, -1, -1)]
        took = [sum(_same(client, panel, stop // step * step) for panel in dashboard) for stop in stops]
    first, later = took[0] * 1000, statistics.median(took[1:]) * 1000
    print(
        f"dashboard of {len(dashboard)} panels, 24 h: first load {first:.0f} ms, refreshed {later:.1f} ms, "
        f"ratio {later / first:.3f} (limit 0.1)"
    )


def _same(client: Client, panel: Panel, stop: int) -> float:
    return client.ask(Panel(panel.name, panel.query, 24, panel.step, ""), 0, stop)[0]


def _data(options: argparse.Namespace) -> tuple[NDArray[np.int64], Layout, NDArray[np.float64]]:
    """Return the fleet's data with its last sample a minute ago."""
    layout, stamps, values = llm_data(options.hours, engines=options.engines, hosts=options.hosts)
    newest = int(time.time() * 1000) // STEP_MS * STEP_MS - 60_000
    return stamps + (newest - int(stamps[-1])), layout, values


def _started(
    stack: contextlib.ExitStack, folder: Path, times: NDArray[np.int64], layout: Layout, values: NDArray[np.float64]
) -> Iterator[tuple[str, Running]]:
    yield "ours", stack.enter_context(_ours(folder / "ours", times, layout, values, cache="off"))
    server = stack.enter_context(prometheus(folder / "prometheus", receive_remote_write=True))
    send(server, times, layout, values)
    yield "prometheus", server
    with contextlib.suppress(AbsentError):
        victoria = stack.enter_context(victoria_metrics(folder / "victoria", "-search.disableCache"))
        send(victoria, times, layout, values)
        time.sleep(2)
        yield "victoria", victoria


@contextlib.contextmanager
def _ours(
    folder: Path, times: NDArray[np.int64], layout: Layout, values: NDArray[np.float64], cache: str
) -> Iterator[Running]:
    place = Place.of(folder, "host: {enabled: false}")
    place.config.write_text(place.config.read_text() + f"query: {{cache_size: {cache}}}\n")
    database = MetricDatabase.open(folder / "data" / "metrics", clock=SystemClock())
    for first in range(0, times.size, 480):
        part = slice(first, first + 480)
        database.append_block("bench", layout, times[part], values[:, part])
    database.flush_all()
    database.close()
    with place.up() as program:
        yield program


def send(
    program: Running, times: NDArray[np.int64], layout: Layout, values: NDArray[np.float64], slice_: int = SLICE
) -> None:
    """Write samples to a server by remote write."""
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=300)
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    for first in range(0, times.size, slice_):
        part = slice(first, first + slice_)
        for request in wire.encode_block(layout.series, times[part], values[:, part]):
            connection.request("POST", "/api/v1/write", request.body, headers)
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == 204, said[:300]


class Watched:
    """Notes how much memory programs hold, before and at most while the block runs."""

    def __init__(self, programs: dict[str, Running]) -> None:
        self._programs = programs
        self._before = {name: resident(program) for name, program in programs.items()}
        self._most = dict(self._before)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            for name, program in self._programs.items():
                self._most[name] = max(self._most[name], resident(program))

    def show(self) -> None:
        """Print a line per program."""
        for name, before in self._before.items():
            most, limit = self._most[name], " (limit +150)" if name == "ours" else ""
            print(f"{name:>12}: {before:4.0f} MiB resident before, {most:4.0f} at most, +{most - before:.0f}{limit}")


def resident(program: Running) -> float:
    """Return the resident MiB of a program and its children."""
    leader = psutil.Process(program.process.pid)
    return sum(one.memory_info().rss for one in (leader, *leader.children(recursive=True))) / 2**20


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", type=int, default=30, help="of 50 series each")
    parser.add_argument("--hosts", type=int, default=500, help="series of hosts and GPUs")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--growth", action="store_true", help="time over series and range instead")
    parser.add_argument("--days", type=int, default=30, help="with --growth")
    parser.add_argument("--every", type=int, default=60, help="with --growth: seconds between samples")
    return parser.parse_args()


if __name__ == "__main__":
    main()
