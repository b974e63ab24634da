"""The bulk door's format: what is written is read back, and what is wrong is told."""

from __future__ import annotations

import struct

import numpy as np
import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.errors import UsageError
from inferdeck.model.labels import labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.receive import blocks

SERIES = (labels({"a": "1"}, "x"), labels({"a": 'quote " and \n', "b": "ü"}, "y_total"))
STAMPS = np.array([1_000, 16_000, 31_000], dtype=np.int64)


def body(**changes: object) -> bytes:
    series = changes.pop("series", [[list(pair) for pair in one] for one in SERIES])
    assert isinstance(series, list)
    text = b"\n".join(orjson.dumps(line) for line in ({"target": "t", "times": 3, **changes}, *series))
    values = np.zeros((2, 3)).tobytes()
    return b"IDB1" + struct.pack("<I", len(text)) + text + STAMPS.tobytes() + values


def test_a_block_comes_back_as_it_was_with_its_holes() -> None:
    values = np.array([[1.5, 2.5, 3.5], [0.0, -0.0, 1e308]])
    values.view(np.uint64)[0, 1] = ABSENT_BITS
    found = blocks.decode(blocks.encode("redis/a:1", SERIES, STAMPS, values))
    assert found.target == "redis/a:1"
    assert found.layout.series == SERIES
    np.testing.assert_array_equal(found.timestamps_ms, STAMPS)
    np.testing.assert_array_equal(found.values.view(np.uint64), values.view(np.uint64))


def test_a_block_may_come_as_it_is_or_as_a_frame() -> None:
    plain = body()
    streamed = zstandard.ZstdCompressor(write_content_size=False).compress(plain)
    for sent in (plain, zstandard.compress(plain), streamed):
        assert blocks.decode(sent).layout.series == SERIES


def test_a_frame_that_holds_more_than_is_allowed_is_not_unpacked() -> None:
    bomb = b"\0" * (blocks.LARGEST_BYTES + 1)
    for frame, words in (
        (zstandard.compress(bomb), "are allowed"),
        (zstandard.ZstdCompressor(write_content_size=False).compress(bomb), "cannot be read"),
    ):
        assert len(frame) < 10_000
        with pytest.raises(UsageError, match=words):
            blocks.decode(frame)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (b"", "must begin with IDB1"),
        (b"PK\x03\x04 something else", "must begin with IDB1"),
        (body()[:-8], "2 series x 3 times make"),
        (body() + b"12345678", "2 series x 3 times make"),
        (body(times=4), "make"),
        (body(times=True), "times (a whole number)"),
        (body(times=0), "1 to 10000 times"),
        (body(target=""), "needs a target"),
        (body(target=7), "needs a target"),
        (body(series=[]), "1 to 20000 series"),
        (body(series=[[["a", "1"]], [["__name__", "x"]]]), "needs a __name__"),
        (body(series=[[["__name__", 5]]]), "pairs of texts"),
        (body(series=[[["__name__", "x"]]] * 2), "stands twice"),
        (body(series=[[["__name__", "x"], ["a", "1"], ["a", "2"]]]), "each label once"),
        (body(series=[[["__name__", "x"], ["", "2"]]]), "each label once, with a name"),
        (body(series=[["ab", ["__name__", "x"]]]), "pairs of texts"),
        (body(series=[["__name__"]]), "pairs of texts"),
        (body(series=[7]), "cannot be read"),
        (body() + b"\n", "2 series x 3 times make"),
        (body(series=[[["__name__", "x"]], "\n"]), "pairs of texts"),
        (b"IDB1" + struct.pack("<I", 3) + b"{{{", "cannot be read"),
        (zstandard.compress(body())[:-4], "zstd frame that cannot be read"),
        (zstandard.compress(zstandard.compress(body())), "must begin with IDB1"),
        (b"IDB1" + struct.pack("<I", 2**32 - 1) + b"{}", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told(wrong: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=r"block|target|times|series|header") as told:
        blocks.decode(wrong)
    assert words in str(told.value)


def test_times_that_go_back_are_refused() -> None:
    turned = blocks.encode("t", SERIES, STAMPS[::-1].copy(), np.zeros((2, 3)))
    with pytest.raises(UsageError, match="strictly increasing"):
        blocks.decode(turned)
    with pytest.raises(UsageError, match="10 minutes ahead"):
        blocks.decode(blocks.encode("t", SERIES, STAMPS, np.zeros((2, 3))), int(STAMPS[-1]) - 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    for wrong in (noise, b"IDB1" + noise, zstandard.FRAME_HEADER + noise, body()[: len(noise)]):
        with pytest.raises(UsageError):
            blocks.decode(wrong)
