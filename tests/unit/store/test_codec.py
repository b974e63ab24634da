"""Chunks, grids and raw scrapes come back bit for bit, and changed bytes are noticed."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS
from inferdeck.store.metrics import codec
from inferdeck.store.metrics.codec import CodecName

CODECS = cast("list[CodecName]", ["pcodec", "zstd"])
SPECIAL = [STALE_BITS, NAN_BITS, ABSENT_BITS, 0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 1, 0,
           0xFFF8000000000000, 0x7FFFFFFFFFFFFFFF]  # fmt: skip
bits = st.one_of(
    st.sampled_from(SPECIAL),
    st.integers(0, 2**64 - 1),
    st.floats(allow_nan=False).map(lambda x: int(np.float64(x).view(np.uint64))),
    st.integers(-(2**53), 2**53).map(lambda x: int(np.float64(x).view(np.uint64))),
)


@pytest.mark.parametrize("name", CODECS)
@given(values=st.lists(bits, min_size=1, max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_chunk_comes_back_bit_for_bit(name: CodecName, values: list[int]) -> None:
    row = np.array([values], dtype=np.uint64)
    (blob,) = codec.encode_rows([77], 3, row, name)
    assert np.array_equal(codec.decode_row(blob, 77, 3, len(values)), row[0])


@pytest.mark.parametrize("name", CODECS)
def test_counters_gauges_and_constants_take_little_room(name: CodecName) -> None:
    rng = np.random.default_rng(1)
    counter = np.cumsum(rng.integers(0, 3, 480)).astype(np.float64)
    constant = np.full(480, 17.5)
    late = counter.copy()
    late.view(np.uint64)[:100] = ABSENT_BITS
    blobs = codec.encode_rows([1, 2, 3], 1, np.stack([counter, constant, late]).view(np.uint64), name)
    assert len(blobs[0]) < 300
    assert len(blobs[1]) == 13
    assert len(blobs[2]) < len(blobs[0]) + 40


@given(flip=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_is_noticed(flip: int) -> None:
    row = np.arange(50, dtype=np.float64).view(np.uint64)[None, :] ** 1
    blob = bytearray(codec.encode_rows([5], 9, row, "auto")[0])
    blob[flip // 8 % len(blob)] ^= 1 << flip % 8
    with pytest.raises(codec.CorruptError):
        codec.decode_row(bytes(blob), 5, 9, 50)


def test_a_chunk_in_the_wrong_row_is_noticed() -> None:
    (blob,) = codec.encode_rows([5], 9, np.zeros((1, 4), dtype=np.uint64), "auto")
    for key, grid in ((6, 9), (5, 8)):
        with pytest.raises(codec.CorruptError):
            codec.decode_row(blob, key, grid, 4)


@given(first=st.integers(0, 2**41), steps=st.lists(st.integers(1, 10**6), max_size=200))
@settings(max_examples=80, deadline=None)
def test_a_grid_comes_back(first: int, steps: list[int]) -> None:
    stamps = np.cumsum(np.array([first, *steps], dtype=np.int64))
    blob = codec.encode_grid(stamps)
    assert np.array_equal(codec.decode_grid(blob, codec.grid_crc(stamps, 4, 5), 4, 5), stamps)
    with pytest.raises(codec.CorruptError):
        codec.decode_grid(blob, codec.grid_crc(stamps, 4, 5), 4, 6)


@given(rows=st.lists(st.lists(bits, min_size=4, max_size=4), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_raw_scrapes_come_back_and_columns_may_grow(rows: list[list[int]]) -> None:
    previous = None
    read = None
    for i, values in enumerate(rows):
        row = np.array(values + values[: i % 3], dtype=np.uint64)
        row = row if previous is None else codec.widened(row, previous.size)
        blob = codec.encode_scrape(i, row, None if previous is None else codec.widened(previous, row.size), i - 1)
        assert codec.check_scrape(blob, i) == i - 1
        read = codec.decode_scrape(blob, row.size, read)
        assert np.array_equal(read, row)
        previous = row
    with pytest.raises(codec.CorruptError):
        codec.check_scrape(codec.encode_scrape(1, np.zeros(3, dtype=np.uint64)), 2)
