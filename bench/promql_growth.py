"""How the time of one query grows with series and range, ours and Prometheus'; run by `bench.promql --growth`.

    .venv/bin/python -m bench.promql --growth [--every 60] [--days 30] [--rounds 3]

Four families of 10, 100, 600 and 2,000 counters; each question is the same rate over one family in at most 250 steps.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.promql import Client, Panel, resident, send
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import labels
from inferdeck.model.scrape import Layout
from inferdeck.store.metrics.database import MetricDatabase
from tests.real.daemon import Place
from tests.real.programs import Running, prometheus

FAMILIES = (10, 100, 600, 2000)
HOURS = {"1 h": 1, "24 h": 24, "7 d": 168, "30 d": 720}
STEPS = 240

Part = tuple[NDArray[np.int64], NDArray[np.float64]]


def run(days: int, every: int, rounds: int) -> None:
    """Fill both stores and print a table of medians."""
    layout = Layout(tuple(labels({"number": str(i)}, f"grown{size}_total") for size in FAMILIES for i in range(size)))
    end = int(time.time()) // every * every - 60
    print(
        f"{len(layout):,} series x {days * 86400 // every:,} samples, {every} s apart; medians of {rounds} rounds, ms"
    )
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-growth-")))
        ours = stack.enter_context(_ours(folder / "ours", layout, end, days, every))
        keep = "--storage.tsdb.retention.time=1y"
        other = stack.enter_context(prometheus(folder / "prometheus", arguments=[keep], receive_remote_write=True))
        for stamps, values in _parts(end, days, every, len(layout)):
            send(other, stamps, layout, values, slice_=max(1, 1800 // every))
        programs = {"ours": ours, "prometheus": other}
        clients = {name: Client(program) for name, program in programs.items()}
        print(f"{'ours / prometheus (ratio)':>26}" + "".join(f"{name:>26}" for name in HOURS))
        for size in FAMILIES:
            cells = [_cell(clients, size, hours, end, every, rounds) for hours in HOURS.values() if hours <= days * 24]
            print(f"{size:>19} series" + "".join(f"{cell:>26}" for cell in cells))
        for name, program in programs.items():
            print(f"{name:>12}: {resident(program):5.0f} MiB resident")


def _cell(clients: dict[str, Client], size: int, hours: int, end: int, every: int, rounds: int) -> str:
    step = max(every, hours * 3600 // STEPS)
    panel = Panel("", f"sum(rate(grown{size}_total[{{range}}]))", hours, step, "")
    median = {}
    for name, client in clients.items():
        taken = [client.ask(panel, turn + 5 * every, end)[0] * 1000 for turn in range(rounds + 1)][1:]
        median[name] = statistics.median(taken)
    return f"{median['ours']:.1f} / {median['prometheus']:.1f} ({median['ours'] / median['prometheus']:.2f})"


def _parts(end: int, days: int, every: int, series: int) -> Iterator[Part]:
    """Yield the samples day by day: counters that grow by chance."""
    rng, before = np.random.default_rng(5), np.zeros((series, 1))
    for day in range(days, 0, -1):
        seconds = np.arange(end - day * 86400 + every, end - (day - 1) * 86400 + 1, every, dtype=np.int64)
        values = before + np.cumsum(rng.poisson(3, (series, seconds.size)), axis=1)
        before = values[:, -1:]
        yield seconds * 1000, values


@contextlib.contextmanager
def _ours(folder: Path, layout: Layout, end: int, days: int, every: int) -> Iterator[Running]:
    place = Place.of(folder, "host: {enabled: false}")
    place.config.write_text(place.config.read_text() + "query: {cache_size: off}\n")
    database = MetricDatabase.open(folder / "data" / "metrics", clock=SystemClock())
    for stamps, values in _parts(end, days, every, len(layout)):
        database.append_block("bench", layout, stamps, values)
        database.flush_all()
    database.close()
    with place.up() as program:
        yield program
