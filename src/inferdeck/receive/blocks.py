"""The bulk door: many scrapes of one target in one body, as the store keeps them.

A body is the four bytes IDB1, the length of the header (uint32), the header, then the arrays, little-endian:
int64 timestamps in milliseconds (times), float64 values (series x times, row by row). The header is lines of JSON:
{"target": id, "times": n}, then [[name, value], ...] for each series; a cell with the bits of model/scrape.ABSENT_BITS
is a hole. What is there already is replaced, and live scrapes go on beside it. All of it may be one zstd frame: most
series of a target are as they were before, or as their neighbours.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from inferdeck.errors import UsageError
from inferdeck.model.labels import Labels
from inferdeck.model.scrape import Layout
from inferdeck.receive.remote_write import checked
from inferdeck.sources.own_times import OwnTimeGroup

MAGIC = b"IDB1"
MOST_TIMES = 10_000
MOST_SERIES = 20_000
LARGEST_BYTES = 16 << 20
"""Of a block, also where it comes as a frame that is smaller."""
FARTHEST_MS = 253_402_300_800_000
"""The end of the year 9999."""
_LENGTH = struct.Struct("<I")
_FRAME = zstandard.FRAME_HEADER
_REMEMBERED_SERIES = 20_000
"""What fills a history names the same series in each of its blocks."""
_REMEMBERED_BYTES = 4096


def encode(
    target: str, series: tuple[Labels, ...], timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]
) -> bytes:
    """Return the body, a zstd frame; timestamps_ms strictly increasing, values of shape (series, times)."""
    header = b"\n".join((orjson.dumps({"target": target, "times": len(timestamps_ms)}), *map(orjson.dumps, series)))
    body = b"".join(
        (
            MAGIC,
            _LENGTH.pack(len(header)),
            header,
            np.ascontiguousarray(timestamps_ms, dtype="<i8").tobytes(),
            np.ascontiguousarray(values, dtype="<f8").tobytes(),
        )
    )
    return zstandard.ZstdCompressor(level=1).compress(body)


def decode(body: bytes, latest_ms: int = FARTHEST_MS) -> OwnTimeGroup:
    """Return what a body holds, nothing of it after `latest_ms`; raises UsageError that says what is wrong with it."""
    if body[:4] == _FRAME:
        body = _unpacked(body)
    if body[:4] != MAGIC or len(body) < 8:
        raise UsageError("the body is not a block: it must begin with IDB1 (docs/http-api.md has the format)")
    size = _LENGTH.unpack_from(body, 4)[0]
    target, times, series = _header(body[8 : 8 + size])
    expected = 8 + size + 8 * times * (1 + len(series))
    if len(body) != expected:
        raise UsageError(f"the block has {len(body)} bytes; {len(series)} series x {times} times make {expected}")
    stamps = np.frombuffer(body, dtype="<i8", count=times, offset=8 + size).astype(np.int64)
    if stamps[0] < 0 or stamps[-1] > latest_ms or np.any(np.diff(stamps) <= 0):
        raise UsageError(
            "timestamps must be milliseconds after 1970, strictly increasing, none more than 10 minutes ahead"
        )
    values = np.frombuffer(body, dtype="<f8", offset=8 + size + 8 * times).reshape(len(series), times)
    return OwnTimeGroup(target, Layout(series), stamps, values.astype(np.float64))


def _unpacked(frame: bytes) -> bytes:
    try:
        size = zstandard.frame_content_size(frame)
        if size > LARGEST_BYTES:
            raise UsageError(f"the block has {size} bytes, {LARGEST_BYTES} are allowed: send fewer series at once")
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=LARGEST_BYTES)
    except zstandard.ZstdError as error:
        raise UsageError(f"the block is a zstd frame that cannot be read: {error}") from error


def _header(text: bytes) -> tuple[str, int, tuple[Labels, ...]]:
    first, *lines = text.split(b"\n")
    try:
        found = orjson.loads(first)
        target, times = found["target"], found["times"]
        series = tuple(_series(line) if len(line) <= _REMEMBERED_BYTES else _read(line) for line in lines)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the header of the block cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(target, str) or not 0 < len(target) <= 1000 or type(times) is not int:
        raise UsageError("the header of the block needs a target (text) and times (a whole number)")
    if not 0 < times <= MOST_TIMES or not 0 < len(series) <= MOST_SERIES:
        raise UsageError(f"a block has 1 to {MOST_TIMES} times and 1 to {MOST_SERIES} series")
    if len(set(series)) != len(series):
        raise UsageError("a series stands twice in the block")
    return target, times, series


@lru_cache(_REMEMBERED_SERIES)
def _series(line: bytes) -> Labels:
    return _read(line)


def _read(line: bytes) -> Labels:
    texts: list[tuple[str, str]] = []
    for pair in orjson.loads(line):
        match pair:
            case [str(name), str(value)]:
                texts.append((name, value))
            case _:
                raise UsageError("the labels of a series must be pairs of texts")
    found = checked(tuple(texts))
    if found is None:
        raise UsageError("every series needs a __name__, and each label once, with a name")
    return found
