"""What we encode by hand is what an independent protobuf implementation reads."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS, Layout
from inferdeck.store.remote_write import wire
from tests.unit.store.remote_write import prompb

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
SERIES = st.dictionaries(TEXT, TEXT, min_size=1, max_size=6).map(labels)
# Our NaNs are normalised; Python and protobuf would quieten other signalling ones than the stale marker's own route.
BITS = st.one_of(
    st.floats(allow_nan=False).map(lambda value: int(np.float64(value).view(np.uint64))),
    st.just(NAN_BITS),
)
STAMP = st.one_of(st.integers(1_600_000_000_000, 1_900_000_000_000), st.integers(-(2**62), 2**62))


@given(series=st.lists(SERIES, min_size=1, max_size=20), stamp=STAMP, data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_scrape_is_read_back_as_it_was(series: list[Labels], stamp: int, data: st.DataObject) -> None:
    bits = data.draw(st.lists(BITS, min_size=len(series), max_size=len(series)))
    values = np.array(bits, dtype=np.uint64).view(np.float64)
    encoder = wire.LayoutEncoder(Layout(tuple(series)))
    for moment in (stamp, stamp + 1, 1_700_000_000_000):
        requests = encoder.encode(moment, values)
        found = [entry for request in requests for entry in prompb.read(request.body)]
        assert found == [(name, [(moment, raw)]) for name, raw in zip(series, bits, strict=True)]
        assert sum(request.samples for request in requests) == len(series)


@given(
    series=st.lists(SERIES, min_size=1, max_size=5),
    stamps=st.lists(st.one_of(STAMP, st.integers(0, 5)), min_size=1, max_size=30),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
def test_a_block_is_read_back_in_order_and_without_holes(
    series: list[Labels], stamps: list[int], data: st.DataObject
) -> None:
    row = st.lists(st.one_of(BITS, st.just(ABSENT_BITS)), min_size=len(stamps), max_size=len(stamps))
    rows = data.draw(st.lists(row, min_size=len(series), max_size=len(series)))
    values = np.array(rows, dtype=np.uint64).view(np.float64)
    requests = list(wire.encode_block(series, np.array(stamps, dtype=np.int64), values))
    found = [entry for request in requests for entry in prompb.read(request.body)]
    wanted = []
    for name, bits in zip(series, rows, strict=True):
        samples = sorted({stamp: raw for stamp, raw in zip(stamps, bits, strict=True) if raw != ABSENT_BITS}.items())
        if samples:
            wanted.append((name, samples))
    assert found == wanted
    assert sum(request.samples for request in requests) == sum(len(samples) for _, samples in wanted)


@given(st.integers(-(2**63), 2**63 - 1))
def test_varint_is_protobufs(number: int) -> None:
    request = prompb.WriteRequest()
    request.timeseries.add().samples.add(timestamp=number)
    encoded = request.SerializeToString()
    assert encoded.endswith(wire.varint(number)) or number == 0


def test_the_stale_marker_keeps_its_bits() -> None:
    stale = np.array([STALE_BITS], dtype=np.uint64).view(np.float64)
    one = labels({"job": "x"}, "up")
    expected = STALE_BITS.to_bytes(8, "little")
    (scrape,) = wire.LayoutEncoder(Layout((one,))).encode(1_700_000_000_000, stale)
    (block,) = wire.encode_block([one], np.array([1_700_000_000_000]), stale[None, :])
    assert expected in wire.decompress(scrape.body)
    assert wire.decompress(block.body) == wire.decompress(scrape.body)


def test_large_layouts_and_long_series_are_split() -> None:
    many = Layout(tuple(labels({"n": str(number)}, "x") for number in range(2 * wire.SAMPLES_PER_REQUEST + 1)))
    values = np.arange(len(many), dtype=np.float64)
    requests = wire.LayoutEncoder(many).encode(1_700_000_000_000, values)
    assert [request.samples for request in requests] == [wire.SAMPLES_PER_REQUEST, wire.SAMPLES_PER_REQUEST, 1]
    assert [entry[0] for request in requests for entry in prompb.read(request.body)] == list(many.series)
    stamps = np.arange(wire.SAMPLES_PER_REQUEST + 10, dtype=np.int64) + 1_700_000_000_000
    requests = list(wire.encode_block([many.series[0]], stamps, stamps[None, :].astype(np.float64)))
    assert [request.samples for request in requests] == [wire.SAMPLES_PER_REQUEST, 10]


def test_joined_requests_carry_all_samples_in_order() -> None:
    encoder = wire.LayoutEncoder(Layout((labels({}, "a"), labels({}, "b"))))
    requests = [encoder.encode(1000 * moment, np.array([1.0, 2.0]))[0] for moment in range(1, 4)]
    joined = wire.join(requests)
    assert prompb.read(joined.body) == [entry for request in requests for entry in prompb.read(request.body)]
    assert joined.samples == 6


def test_text_that_utf8_cannot_say_does_not_stop_a_request() -> None:
    (request,) = wire.LayoutEncoder(Layout((labels({"path": "\udcff"}, "a"),))).encode(1000, np.array([1.0]))
    assert prompb.read(request.body)[0][0] == (("__name__", "a"), ("path", "?"))
