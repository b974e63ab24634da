"""Remote write 1.0 on the wire: prompb.WriteRequest by hand, in snappy's block format.

    WriteRequest { repeated TimeSeries timeseries = 1 }
    TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2 }
    Label        { string name = 1; string value = 2 }
    Sample       { double value = 1; int64 timestamp = 2 }

https://prometheus.io/docs/specs/prw/remote_write_spec/ and prompb/{remote,types}.proto. The messages of several
requests joined are the message of one. Value bits are copied, never converted, so stale markers arrive as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cramjam
import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS, Layout

SAMPLES_PER_REQUEST = 5000
"""Receivers bound the size of a request; Prometheus itself sends 2,000 samples in one."""

_SERIES_TAG = 0x0A
_LABEL_TAG = 0x0A
_SAMPLE_TAG = 0x12
_VALUE_TAG = 0x09
_TIME_TAG = 0x10
_LONGEST_VARINT = 10
_VALUE_AT = 3
"""In an encoded sample: tag, length, tag of the value, then its eight bytes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One encoded request: snappy bytes and how many samples they carry."""

    body: bytes
    samples: int


def compress(message: bytes) -> bytes:
    """Return snappy's block format of some bytes."""
    return bytes(cramjam.snappy.compress_raw(message))


def decompress(body: bytes) -> bytes:
    """Return the bytes that `compress` was given."""
    return bytes(cramjam.snappy.decompress_raw(body))


def join(requests: Sequence[Request]) -> Request:
    """Return one request that carries all samples of several, in their order."""
    if len(requests) == 1:
        return requests[0]
    message = b"".join(decompress(request.body) for request in requests)
    return Request(compress(message), sum(request.samples for request in requests))


def varint(number: int) -> bytes:
    """Return the base-128 varint of an int64 (negative ones as their two's complement, ten bytes)."""
    rest = number & 0xFFFF_FFFF_FFFF_FFFF
    found = bytearray()
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    found.append(rest)
    return bytes(found)


def label_bytes(series: Labels) -> bytes:
    """Return the encoded labels of a series, all of its fields 1."""
    parts = bytearray()
    for pair in series:
        # Text from outside may hold lone surrogates, which UTF-8 cannot say.
        name, value = (text.encode("utf-8", "replace") for text in pair)
        label = b"\x0a" + varint(len(name)) + name + b"\x12" + varint(len(value)) + value
        parts += bytes([_LABEL_TAG]) + varint(len(label)) + label
    return bytes(parts)


class LayoutEncoder:
    """Scrapes of one layout: everything but values and time is encoded once, then filled in by array assignment."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._labels = [label_bytes(series) for series in layout.series]
        self._templates: dict[int, list[_Template]] = {}

    def encode(self, timestamp_ms: int, values: NDArray[np.float64]) -> list[Request]:
        """Return the requests that carry one scrape; values: float64, one per series of the layout."""
        stamp = varint(timestamp_ms)
        templates = self._templates.get(len(stamp))
        if templates is None:
            # The length of a stamp changes once in decades; an old template would only hold memory.
            templates = [
                _Template(self._labels[top : top + SAMPLES_PER_REQUEST], len(stamp))
                for top in range(0, len(self._labels), SAMPLES_PER_REQUEST)
            ]
            self._templates = {len(stamp): templates}
        raw = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
        requests = []
        for number, template in enumerate(templates):
            top = number * SAMPLES_PER_REQUEST
            body = compress(template.fill(stamp, raw[top : top + SAMPLES_PER_REQUEST]))
            requests.append(Request(body, template.samples))
        return requests


class _Template:
    """The bytes of one request with one sample per series, and where values and stamps stand in them."""

    def __init__(self, labels: Sequence[bytes], stamp_length: int) -> None:
        parts, ends, end = [], np.empty(len(labels), dtype=np.int64), 0
        sample = _sample_head(stamp_length) + bytes(8) + bytes([_TIME_TAG]) + bytes(stamp_length)
        for number, encoded in enumerate(labels):
            length = varint(len(encoded) + len(sample))
            parts.append(bytes([_SERIES_TAG]) + length + encoded + sample)
            end += len(parts[-1])
            ends[number] = end
        self.samples = len(labels)
        self._bytes = np.frombuffer(b"".join(parts), dtype=np.uint8)
        starts = ends - len(sample)
        self._values_at = starts[:, None] + _VALUE_AT + np.arange(8)
        self._stamps_at = ends[:, None] - stamp_length + np.arange(stamp_length)

    def fill(self, stamp: bytes, values: NDArray[np.uint8]) -> bytes:
        filled = self._bytes.copy()
        filled[self._values_at] = values
        filled[self._stamps_at] = np.frombuffer(stamp, dtype=np.uint8)
        return filled.tobytes()


def encode_block(
    series: Sequence[Labels], timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]
) -> Iterator[Request]:
    """Yield the requests that carry a block, values of shape (series, times), in order of time for each series.

    Cells with ABSENT_BITS are left out, of two at one moment the last stays; a series is split over requests only where
    it alone is too long for one.
    """
    order = np.argsort(timestamps_ms, kind="stable")
    stamps = timestamps_ms[order]
    repeats = bool((stamps[1:] == stamps[:-1]).any())
    written = [varint(int(stamp)) for stamp in stamps]
    lengths = np.array([len(stamp) for stamp in written], dtype=np.int64)
    padded = np.frombuffer(b"".join(stamp.ljust(_LONGEST_VARINT, b"\0") for stamp in written), dtype=np.uint8)
    padded = padded.reshape(-1, _LONGEST_VARINT)
    raw = np.ascontiguousarray(values[:, order]).view(np.uint64)
    message, samples = bytearray(), 0
    for labels, row in zip(series, raw, strict=True):
        there = np.flatnonzero(row != np.uint64(ABSENT_BITS))
        if repeats and there.size:
            there = there[np.append(stamps[there][1:] != stamps[there][:-1], True)]
        encoded = label_bytes(labels) if there.size else b""
        for top in range(0, there.size, SAMPLES_PER_REQUEST):
            some = there[top : top + SAMPLES_PER_REQUEST]
            if samples and samples + some.size > SAMPLES_PER_REQUEST:
                yield Request(compress(bytes(message)), samples)
                message, samples = bytearray(), 0
            body = encoded + _encode_samples(lengths[some], padded[some], row[some])
            message += bytes([_SERIES_TAG]) + varint(len(body)) + body
            samples += some.size
    if samples:
        yield Request(compress(bytes(message)), samples)


def _sample_head(stamp_length: int) -> bytes:
    return bytes([_SAMPLE_TAG, 1 + 8 + 1 + stamp_length, _VALUE_TAG])


def _encode_samples(lengths: NDArray[np.int64], stamps: NDArray[np.uint8], raw: NDArray[np.uint64]) -> bytes:
    """Return the encoded samples of one series; stamps of equal length on the wire are written as one array.

    lengths: of each stamp. stamps: (samples, 10), each from the left. raw: the bits of the values.
    """
    bounds = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), lengths.size]
    parts = []
    for start, stop in pairwise(bounds):
        length = int(lengths[start])
        head = _sample_head(length)
        rows = np.empty((stop - start, len(head) + 9 + length), dtype=np.uint8)
        rows[:, :_VALUE_AT] = np.frombuffer(head, dtype=np.uint8)
        rows[:, _VALUE_AT : _VALUE_AT + 8] = np.ascontiguousarray(raw[start:stop]).view(np.uint8).reshape(-1, 8)
        rows[:, _VALUE_AT + 8] = _TIME_TAG
        rows[:, _VALUE_AT + 9 :] = stamps[start:stop, :length]
        parts.append(rows.tobytes())
    return b"".join(parts)
