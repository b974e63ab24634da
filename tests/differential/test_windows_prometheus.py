"""The window kernels against the real Prometheus 2.x over the same samples, with the rules of 2.x switched on."""

from __future__ import annotations

import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inferdeck.model.labels import Labels, labels, metric_name, without
from inferdeck.query import windows
from inferdeck.query.windows import Semantics
from inferdeck.store.interface import Block
from inferdeck.store.remote_write.wire import encode_block
from tests.differential.prometheus_data import SAMPLES, blocks
from tests.real.programs import prometheus

pytestmark = pytest.mark.real

OLD = Semantics.PROMETHEUS_2
STEP_MS = 20_000
Points = dict[int, float]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Server:
    url: str
    blocks: list[Block]
    start_ms: int

    @property
    def steps(self) -> Ints:
        return self.start_ms - 60_000 + np.arange(SAMPLES * 15_000 // STEP_MS + 30, dtype=np.int64) * STEP_MS

    def query(self, expression: str) -> dict[Labels, Points]:
        steps = self.steps
        form = {"query": expression, "start": steps[0] / 1000, "end": steps[-1] / 1000, "step": STEP_MS / 1000}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{self.url}/api/v1/query_range", body, timeout=60) as response:
            answer = json.load(response)
        return {
            labels(series["metric"]): {round(at * 1000): float(value) for at, value in series["values"]}
            for series in answer["data"]["result"]
        }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    start = (int(time.time()) - 3 * 3600) // 60 * 60_000
    data = blocks(start)
    with prometheus(tmp_path_factory.mktemp("prometheus"), receive_remote_write=True) as running:
        # A Prometheus takes nothing that is more than an hour older than its newest sample.
        for first in range(0, SAMPLES, 120):
            for block in data:
                some = slice(first, first + 120)
                send(running.url, block.series, block.timestamps_ms[some], block.values[:, some])
        yield Server(running.url, data, start)


def send(url: str, series: Sequence[Labels], times: Ints, values: Floats) -> None:
    for request in encode_block(series, times, values):
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        post = urllib.request.Request(f"{url}/api/v1/write", request.body, headers)
        with urllib.request.urlopen(post, timeout=30) as response:
            assert response.status == 204


def same(found: float, wanted: float) -> bool:
    if math.isnan(found) or math.isnan(wanted):
        return math.isnan(found) and math.isnan(wanted)
    return found == wanted or math.isclose(found, wanted, rel_tol=1e-12)


def points(row: Floats, steps: Ints) -> Points:
    there = windows.has_value(row)
    return dict(zip(steps[there].tolist(), row[there].tolist(), strict=True))


def differences(
    ours: dict[Labels, Points],
    theirs: dict[Labels, Points],
    alike: Callable[[Labels, int, float, float], bool] | None = None,
) -> list[str]:
    """Return every point that differs by more than 1e-12 and is not `alike` (series, time, ours, Prometheus) either."""
    found = []
    for series in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(series, {}), theirs.get(series, {})
        found += [f"{series} at {at}: only one has a value" for at in mine.keys() ^ other.keys()]
        found += [
            f"{series} at {at}: ours {mine[at]!r}, Prometheus {other[at]!r}"
            for at in mine.keys() & other.keys()
            if not same(mine[at], other[at]) and not (alike and alike(series, at, mine[at], other[at]))
        ]
    return found


def ours(server: Server, kernel: Callable[[Block], Any], *, keep_name: bool = False) -> dict[Labels, Points]:
    found = {}
    for block in server.blocks:
        for series, row in zip(block.series, kernel(block), strict=True):
            if some := points(row, server.steps):
                found[series if keep_name else (("name", metric_name(series)), *without(series, "__name__"))] = some
    return found


def theirs(server: Server, expression: str, *, keep_name: bool = False) -> dict[Labels, Points]:
    """Ask for each metric by itself, since functions drop the name and same labels would collide."""
    found: dict[Labels, Points] = {}
    for name in sorted({metric_name(series) for block in server.blocks for series in block.series}):
        for series, some in server.query(expression.format(name)).items():
            found[series if keep_name else (("name", name), *series)] = some
    return found


RANGES = {"30s": 30_000, "5m": 300_000, "37m": 2_220_000}


@pytest.mark.parametrize("span", list(RANGES))
@pytest.mark.parametrize(
    "name",
    [
        "rate",
        "increase",
        "delta",
        "irate",
        "idelta",
        "resets",
        "changes",
        "sum_over_time",
        "min_over_time",
        "max_over_time",
        "count_over_time",
        "last_over_time",
        "present_over_time",
    ],
)
def test_kernel_equals_prometheus(server: Server, name: str, span: str) -> None:
    kernel = getattr(windows, name)
    keep = name == "last_over_time"
    mine = ours(server, lambda block: kernel(block, server.steps, RANGES[span], semantics=OLD), keep_name=keep)
    assert differences(mine, theirs(server, f"{name}({{}}[{span}])", keep_name=keep)) == []


@pytest.mark.parametrize("span", list(RANGES))
def test_avg_over_time_equals_prometheus(server: Server, span: str) -> None:
    """2.x averages as it goes, 3.x and we divide the sum: equal to the digits that the largest sample leaves."""

    def kernel_of(name: str) -> dict[Labels, Points]:
        kernel = getattr(windows, name)
        return ours(server, lambda block: kernel(block, server.steps, RANGES[span], semantics=OLD))

    low, high = kernel_of("min_over_time"), kernel_of("max_over_time")

    def alike(series: Labels, at: int, mine: float, other: float) -> bool:
        return abs(mine - other) <= 1e-15 * max(abs(low[series][at]), abs(high[series][at]))

    assert differences(kernel_of("avg_over_time"), theirs(server, f"avg_over_time({{}}[{span}])"), alike) == []


@pytest.mark.parametrize("span", list(RANGES))
@pytest.mark.parametrize("name", ["stddev_over_time", "stdvar_over_time", "deriv"])
def test_spread_and_slope_equal_prometheus(server: Server, name: str, span: str) -> None:
    def alike(series: Labels, at: int, mine: float, other: float) -> bool:
        # 2.x turns a variance that overflows into NaN; 3.x and we say +Inf.
        return math.isinf(mine) and math.isnan(other)

    kernel = getattr(windows, name)
    mine = ours(server, lambda block: kernel(block, server.steps, RANGES[span], semantics=OLD))
    assert differences(mine, theirs(server, f"{name}({{}}[{span}])"), alike) == []


@pytest.mark.parametrize("span", list(RANGES))
def test_predict_linear_equals_prometheus(server: Server, span: str) -> None:
    mine = ours(server, lambda block: windows.predict_linear(block, server.steps, RANGES[span], 3600, semantics=OLD))
    assert differences(mine, theirs(server, f"predict_linear({{}}[{span}], 3600)")) == []


@pytest.mark.parametrize("q", [0, 0.25, 0.5, 0.99, 1, -1, 2])
def test_quantile_over_time_equals_prometheus(server: Server, q: float) -> None:
    mine = ours(server, lambda block: windows.quantile_over_time(q, block, server.steps, 300_000, semantics=OLD))
    assert differences(mine, theirs(server, f"quantile_over_time({q}, {{}}[5m])")) == []


def test_instant_selection_equals_prometheus(server: Server) -> None:
    mine = ours(server, lambda block: windows.instant(block, server.steps, semantics=OLD), keep_name=True)
    assert differences(mine, theirs(server, "{}", keep_name=True)) == []
    seconds = ours(server, lambda block: windows.instant_seconds(block, server.steps, semantics=OLD))
    assert differences(seconds, theirs(server, "timestamp({})")) == []


@pytest.mark.parametrize("q", [0, 0.3, 0.9, 1, -1, 2])
def test_quantile_over_series_equals_prometheus(server: Server, q: float) -> None:
    for block in server.blocks:
        found = windows.quantile(q, windows.instant(block, server.steps, semantics=OLD))
        mine: dict[Labels, Points] = {(): points(found, server.steps)}
        assert differences(mine, server.query(f"quantile({q}, {metric_name(block.series[0])})")) == []


# The highest quantile of rates is left out: 2.x lets noise in the last digit of a bucket decide it, 3.x and we do not.
@pytest.mark.parametrize(
    ("inner", "q"),
    [
        *(("{}", q) for q in (0, 0.1, 0.5, 0.9, 0.99, 1, -1, 2)),
        *(("rate({}[5m])", q) for q in (0, 0.1, 0.5, 0.9, 0.99, -1, 2)),
    ],
)
def test_histogram_quantile_equals_prometheus(server: Server, q: float, inner: str) -> None:
    block = server.blocks[-1]
    kernel = windows.rate if inner.startswith("rate") else windows.instant
    counts = kernel(block, server.steps, 300_000, semantics=OLD)
    groups, bad = windows.group_buckets([without(series, "__name__") for series in block.series])
    assert not bad
    mine = {}
    for group in groups:
        found, _ = windows.histogram_quantile(q, group.bounds, counts[group.rows])
        mine[group.labels] = points(found, server.steps)
    assert differences(mine, server.query(f"histogram_quantile({q}, {inner.format('seconds_bucket')})")) == []
