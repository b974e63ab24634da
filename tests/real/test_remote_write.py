"""The real Prometheus receives by remote write and gives everything back by remote read, stale markers included."""

from __future__ import annotations

import struct
import time
import urllib.request
from pathlib import Path

import cramjam
import numpy as np
import pytest

from inferdeck.config.schema import RemoteWriteConfig
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS, Layout, Scrape
from inferdeck.store.remote_write import Backoff, RemoteWriteSink
from tests.real.programs import prometheus
from tests.unit.store.remote_write import prompb
from tests.unit.store.remote_write.receiver import until

pytestmark = pytest.mark.real


def read_back(url: str, start_ms: int, end_ms: int) -> dict[Labels, list[prompb.Sample]]:
    """Ask for the raw samples of every series (prompb.ReadRequest); a query would hide the stale markers."""
    matcher = b"\x08\x02\x12\x08__name__\x1a\x02.+"
    query = b"\x08" + varint(start_ms) + b"\x10" + varint(end_ms) + b"\x1a" + varint(len(matcher)) + matcher
    body = bytes(cramjam.snappy.compress_raw(b"\x0a" + varint(len(query)) + query))
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    headers["X-Prometheus-Remote-Read-Version"] = "0.1.0"
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/read", body, headers), timeout=30) as response:
        raw = bytes(cramjam.snappy.decompress_raw(response.read()))
    # ReadResponse { repeated QueryResult results = 1 }, QueryResult { repeated TimeSeries timeseries = 1 }
    # The inner message has the shape of a WriteRequest: series as field 1.
    size, at = 0, 1
    assert raw[0] == 0x0A
    for shift in range(0, 70, 7):
        byte = raw[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    assert at + size == len(raw)
    return dict(prompb.read(bytes(cramjam.snappy.compress_raw(raw[at:]))))


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def bits(value: float) -> int:
    found: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return found


async def test_everything_sent_is_read_back_equal(tmp_path: Path) -> None:
    start = int(time.time() * 1000) - 3_600_000
    layout = Layout(
        (
            labels({"job": "t", "quote": 'a"b\\c\nd', "letters": "äöü→🦙"}, "scraped"),
            labels({"job": "t", "le": "+Inf"}, "scraped_bucket"),
        )
    )
    wanted: dict[Labels, list[prompb.Sample]] = {series: [] for series in layout.series}
    with prometheus(tmp_path / "prometheus", receive_remote_write=True) as server:
        url = f"{server.url}/api/v1/write"
        config = RemoteWriteConfig.model_validate({"url": url, "spool_size": 10**8, "deadline": 20})
        sink = RemoteWriteSink(config, tmp_path / "spool", clock=SystemClock(), backoff=Backoff(0.05, 0.5))
        special = [NAN_BITS, STALE_BITS, bits(0.0), bits(float("inf")), bits(-1e-300), bits(5e-324)]
        for number in range(200):
            stamp = start + number * 1000
            pair = np.array([bits(number / 3), special[number % len(special)]], dtype=np.uint64)
            sink.append(Scrape("t", stamp, layout, pair.view(np.float64)))
            for series, raw in zip(layout.series, pair.tolist(), strict=True):
                wanted[series].append((stamp, raw))
        grid = start + 300_000 + np.arange(6000, dtype=np.int64) * 10
        blocked = Layout((labels({"job": "b"}, "blocked"), labels({"job": "b"}, "holed")))
        values = np.random.default_rng(1).random((2, grid.size))
        values.view(np.uint64)[1, ::3] = ABSENT_BITS
        values.view(np.uint64)[0, -1] = STALE_BITS
        sink.append_block("b", blocked, grid, values)
        for series, row in zip(blocked.series, values.view(np.uint64).tolist(), strict=True):
            pairs = zip(grid.tolist(), row, strict=True)
            wanted[series] = [(stamp, raw) for stamp, raw in pairs if raw != ABSENT_BITS]
        sink.start()
        await until(lambda: sink.stats().spooled_samples == 0, seconds=60)
        assert sink.stats().rejected_samples_total == 0, sink.stats()
        assert sink.stats().sent_samples_total == sum(len(samples) for samples in wanted.values())
        await sink.aclose()
        assert read_back(server.url, start - 1, start + 3_600_000) == wanted


async def test_what_prometheus_refuses_is_counted_and_the_next_goes_through(tmp_path: Path) -> None:
    start = int(time.time() * 1000) - 60_000
    series = labels({"job": "t"}, "x")
    with prometheus(tmp_path / "prometheus", receive_remote_write=True) as server:
        url = f"{server.url}/api/v1/write"
        config = RemoteWriteConfig.model_validate({"url": url, "spool_size": 10**8, "deadline": 20})
        sink = RemoteWriteSink(config, tmp_path / "spool", clock=SystemClock(), backoff=Backoff(0.05, 0.5))
        sink.start()
        for sent, moments in enumerate(([start], [start - 1000], [start + 1000])):
            sink.append_series(series, np.array(moments), np.array([1.0]))
            done = sent + 1
            await until(lambda: sink.stats().sent_samples_total + sink.stats().rejected_samples_total == done)  # noqa: B023
        assert sink.stats().rejected_samples_total == 1
        assert "out of order" in sink.stats().last_error
        await sink.aclose()
        assert [stamp for stamp, _ in read_back(server.url, start - 5000, start + 5000)[series]] == [
            start,
            start + 1000,
        ]
