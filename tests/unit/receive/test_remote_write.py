"""What is pushed arrives as it was sent; what is wrong is left out, counted, and harms nothing else."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cramjam
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.errors import LimitError, UsageError
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import NAN_BITS, STALE_BITS
from inferdeck.receive import prompb
from inferdeck.receive.remote_write import LARGEST_MESSAGE, Receiver, Written, decompressed
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.remote_write import wire
from tests.unit.store.remote_write.prompb import WriteRequest

NOW = 1_795_226_500.0
NOW_MS = int(NOW * 1000)
Sample = tuple[int, float]


def request_1(series: Sequence[tuple[Sequence[tuple[str, str]], Sequence[Sample]]]) -> bytes:
    """Encode a 1.0 request with Google's protobuf."""
    request = WriteRequest()
    for pairs, samples in series:
        one = request.timeseries.add()
        for name, value in pairs:
            one.labels.add(name=name, value=value)
        for stamp, number in samples:
            one.samples.add(value=number, timestamp=stamp)
    return wire.compress(request.SerializeToString())


def request_2(series: Sequence[tuple[Sequence[tuple[str, str]], Sequence[Sample]]]) -> bytes:
    """Encode a 2.0 request by its specification, with start timestamps and metadata that must be skipped."""
    symbols, message = [""], b""
    for pairs, samples in series:
        refs = b""
        for text in [part for pair in pairs for part in pair]:
            if text not in symbols:
                symbols.append(text)
            refs += wire.varint(symbols.index(text))
        body = b"\x0a" + wire.varint(len(refs)) + refs
        for stamp, number in samples:
            sample = (
                b"\x09" + struct.pack("<d", number) + b"\x10" + wire.varint(stamp) + b"\x18" + wire.varint(stamp - 5)
            )
            body += b"\x12" + wire.varint(len(sample)) + sample
        body += b"\x2a\x02\x08\x01" + b"\x30" + wire.varint(7)
        message += b"\x2a" + wire.varint(len(body)) + body
    table = b"".join(b"\x22" + wire.varint(len(text.encode())) + text.encode() for text in symbols)
    return wire.compress(table + message)


class Store:
    """A receiver in front of a real store."""

    def __init__(self, directory: Path) -> None:
        clock = ManualClock(NOW)
        self.database = MetricDatabase.open(directory, clock=clock)
        self.writer = SinkWriter(self.database)
        self.receiver = Receiver(self.writer, clock)

    def held(self) -> dict[Labels, list[tuple[int, int]]]:
        """Return every sample, value as bits."""
        found: dict[Labels, list[tuple[int, int]]] = {}
        for block in self.database.select([Matcher("__name__", MatchOp.MATCH, ".+")], 0, 2**41):
            bits = np.ascontiguousarray(block.values).view(np.uint64)
            for series, row in zip(block.series, bits.tolist(), strict=True):
                points = zip(block.timestamps_ms.tolist(), row, strict=True)
                found.setdefault(series, []).extend(point for point in points if point[1] != 0x7FF0000000000003)
        return {series: sorted(points) for series, points in found.items()}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = Store(tmp_path / "data")
    yield found
    found.writer.close()
    found.database.close()


def bits(value: float) -> int:
    return int(np.float64(value).view(np.uint64))


@pytest.mark.parametrize(("version", "encode"), [(1, request_1), (2, request_2)])
async def test_samples_arrive(store: Store, version: int, encode: Any) -> None:
    up = [("__name__", "up"), ("instance", "a:1"), ("job", "j")]
    other = [("zone", "é"), ("__name__", "m"), ("empty", "")]
    written = await store.receiver.write(
        encode([(up, [(NOW_MS - 5, 1.0), (NOW_MS, 0.5)]), (other, [(3, -0.0)])]), version
    )
    assert written == Written(samples=3)
    assert store.held() == {
        labels(up): [(NOW_MS - 5, bits(1.0)), (NOW_MS, bits(0.5))],
        labels({"zone": "é"}, "m"): [(3, bits(-0.0))],
    }


@pytest.mark.parametrize(("version", "encode"), [(1, request_1), (2, request_2)])
async def test_series_with_wrong_labels_are_left_out_and_the_rest_is_kept(
    store: Store, version: int, encode: Any
) -> None:
    good = [("__name__", "good")]
    wrong = [[("job", "nameless")], [("__name__", "m"), ("a", "1"), ("a", "2")], [("__name__", "m"), ("", "x")], []]
    body = encode([(pairs, [(NOW_MS, 1.0)]) for pairs in [*wrong, good]])
    written = await store.receiver.write(body, version)
    assert (written.samples, written.invalid_labels) == (1, 4)
    assert list(store.held()) == [labels(good)]


async def test_stale_markers_stay_and_other_nans_become_one(store: Store) -> None:
    layout = [labels({}, "stale"), labels({}, "odd")]
    values = np.array([[STALE_BITS], [0x7FF8_DEAD_0000_0000]], dtype=np.uint64).view(np.float64)
    for one in wire.encode_block(layout, np.array([NOW_MS]), values):
        await store.receiver.write(one.body, 1)
    assert store.held() == {layout[0]: [(NOW_MS, STALE_BITS)], layout[1]: [(NOW_MS, NAN_BITS)]}


async def test_old_samples_duplicates_and_pieces_of_one_scrape_are_all_kept(store: Store) -> None:
    series = [[("__name__", "m"), ("row", str(row)), ("job", "j")] for row in range(40)]
    expected: dict[Labels, dict[int, float]] = {}
    chance = np.random.default_rng(7)
    for _ in range(60):
        stamp = NOW_MS - int(chance.integers(0, 40)) * 15_000
        some = chance.choice(40, size=10, replace=False).tolist()
        value = float(stamp % 1000 + stamp // 15_000 % 7)
        body = request_1([(series[row], [(stamp, value)]) for row in some])
        assert (await store.receiver.write(body, 1)).samples == 10
        for row in some:
            expected.setdefault(labels(series[row]), {})[stamp] = value
    assert store.held() == {
        one: [(stamp, bits(value)) for stamp, value in sorted(points.items())] for one, points in expected.items()
    }


async def test_a_history_in_one_request(store: Store) -> None:
    points = [(NOW_MS - 15_000 * back, float(back)) for back in range(500)]
    written = await store.receiver.write(request_1([([("__name__", "m")], points)]), 1)
    assert written.samples == 500
    assert store.held() == {labels({}, "m"): [(stamp, bits(value)) for stamp, value in sorted(points)]}


async def test_samples_of_another_century_are_counted_and_left_out(store: Store) -> None:
    ahead = NOW_MS + 11 * 60 * 1000
    written = await store.receiver.write(
        request_1([([("__name__", "m")], [(-5, 1.0), (NOW_MS, 2.0), (ahead, 3.0)])]), 1
    )
    assert (written.samples, written.out_of_bounds) == (1, 2)
    assert "out of bounds" in written.complaint()


def test_a_small_body_that_unpacks_to_much_is_refused_before_it_does() -> None:
    with pytest.raises(LimitError, match="32 MiB"):
        decompressed(wire.varint(LARGEST_MESSAGE + 1) + b"\x00" * 10)


@pytest.mark.parametrize(
    "body", [b"", b"\xff" * 30, b"plain text", wire.compress(b"\x0a\xff\xff\xff\xff\x0f"), wire.compress(b"\x0b")]
)
async def test_garbage_is_refused(store: Store, body: bytes) -> None:
    for version in (1, 2):
        with pytest.raises((UsageError, LimitError)):
            await store.receiver.write(body, version)
    assert store.held() == {}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    for read in (prompb.read_1, prompb.read_2):
        try:
            for series in read(message):
                assert len(series.bits) == len(series.stamps)
                if isinstance(series.labels, bytes):
                    prompb.pairs_1(series.labels)
        except prompb.MalformedRequestError:
            pass


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4),
            st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)), max_size=3),
        ),
        max_size=4,
    )
)
def test_what_protobuf_writes_is_read(series: list[tuple[list[tuple[str, str]], list[Sample]]]) -> None:
    message = bytes(cramjam.snappy.decompress_raw(request_1(series))) if series else b""
    found = list(prompb.read_1(message))
    assert [prompb.pairs_1(one.labels) for one in found if isinstance(one.labels, bytes)] == [
        tuple(p) for p, _ in series
    ]
    assert [list(zip(one.stamps, one.bits, strict=True)) for one in found] == [
        [(stamp, bits(value)) for stamp, value in samples] for _, samples in series
    ]
