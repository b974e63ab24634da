"""Remote write requests read by hand: prompb.WriteRequest (1.0) and io.prometheus.write.v2.Request (2.0).

    1.0  WriteRequest { repeated TimeSeries timeseries = 1 }
         TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; exemplars = 3; histograms = 4 }
         Label        { string name = 1; string value = 2 }
    2.0  Request      { repeated string symbols = 4; repeated TimeSeries timeseries = 5 }
         TimeSeries   { repeated uint32 labels_refs = 1; repeated Sample samples = 2; histograms = 3; exemplars = 4 }
    both Sample       { double value = 1; int64 timestamp = 2 }

What is not named here (metadata, start timestamps) is skipped, which reads rc.3 and rc.4 of 2.0 alike. Value bits are
copied, never converted, so stale markers arrive as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from inferdeck.errors import UsageError

Pairs = tuple[tuple[str, str], ...]
_VALUE = struct.Struct("<Q")
_SAMPLE_HEAD = 0x09
_TIME_TAG = 0x10


class MalformedRequestError(UsageError):
    """The bytes are not a remote write request."""


@dataclass(slots=True)
class Series:
    """One series of a request: value bits and Unix milliseconds of its samples.

    labels: what identifies it as it came, the encoded labels (1.0) or the pairs (2.0); None where it names symbols
    that are not there or text that is not UTF-8.
    """

    labels: bytes | Pairs | None = None
    bits: list[int] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    histograms: int = 0
    exemplars: int = 0


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Field numbers of TimeSeries in one version."""

    histograms: int
    exemplars: int


_VERSION_1 = _Numbers(histograms=4, exemplars=3)
_VERSION_2 = _Numbers(histograms=3, exemplars=4)


def read_1(message: bytes) -> Iterator[Series]:
    """Yield the series of a 1.0 request; raises MalformedRequestError."""
    for number, start, end in _fields(message, 0, len(message)):
        if number == 1:
            found = Series()
            found.labels = b"".join(_series(message, start, end, found, _VERSION_1))
            yield found


def read_2(message: bytes) -> Iterator[Series]:
    """Yield the series of a 2.0 request; raises MalformedRequestError."""
    symbols: list[str | None] = []
    bodies = []
    for number, start, end in _fields(message, 0, len(message)):
        if number == 4:
            symbols.append(_text(message, start, end))
        elif number == 5:
            bodies.append((start, end))
    if bodies and (not symbols or symbols[0] != ""):
        raise MalformedRequestError("the first symbol of a 2.0 request must be the empty string")
    for start, end in bodies:
        found = Series()
        references = b"".join(_series(message, start, end, found, _VERSION_2))
        found.labels = _referred(references, symbols)
        yield found


def pairs_1(labels: bytes) -> Pairs | None:
    """Return the pairs of encoded 1.0 labels; None where one is not UTF-8 or not a label."""
    found = []
    at = 0
    while at < len(labels):
        length, at = varint(labels, at)
        name, value = "", ""
        try:
            for number, start, end in _fields(labels, at, at + length):
                text = _text(labels, start, end)
                if text is None:
                    return None
                name, value = (text, value) if number == 1 else (name, text) if number == 2 else (name, value)
        except MalformedRequestError:
            return None
        found.append((name, value))
        at += length
    return tuple(found)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the base-128 varint that begins at `at`, and where it ends; raises MalformedRequestError."""
    found = shift = 0
    while shift < 70:
        if at >= len(data):
            raise MalformedRequestError("the request ends within a number")
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found, at
        shift += 7
    raise MalformedRequestError("a number is longer than ten bytes")


def _series(data: bytes, at: int, end: int, found: Series, numbers: _Numbers) -> list[bytes]:
    """Fill in samples and counts; returns the bodies of field 1, for 1.0 each with its length before it."""
    labels = []
    version_1 = numbers is _VERSION_1
    first = at
    while at < end:
        tag, length = data[at], data[at + 1] if at + 1 < end else 0x80
        if (
            tag == 0x12
            and length < 0x80
            and at + 12 <= end
            and data[at + 2] == _SAMPLE_HEAD
            and _plain(data, at, length)
        ):
            stamp, after = varint(data, at + 12)
            if after == at + 2 + length:
                found.bits.append(_VALUE.unpack_from(data, at + 3)[0])
                found.stamps.append(_signed(stamp))
                at = after
                continue
        first = at
        number, start, at = _field(data, at, end)
        if number == 1 and start >= 0:
            labels.append(data[first + 1 : at] if version_1 else data[start:at])
        elif number == 2 and start >= 0:
            _sample(data, start, at, found)
        elif number == numbers.histograms:
            found.histograms += 1
        elif number == numbers.exemplars:
            found.exemplars += 1
    return labels


def _plain(data: bytes, at: int, length: int) -> bool:
    return length >= 11 and data[at + 11] == _TIME_TAG


def _sample(data: bytes, at: int, end: int, found: Series) -> None:
    bits, stamp = 0, 0
    while at < end:
        tag = data[at]
        if tag == _SAMPLE_HEAD:
            if at + 9 > end:
                raise MalformedRequestError("a sample ends within its value")
            bits, at = _VALUE.unpack_from(data, at + 1)[0], at + 9
        elif tag == _TIME_TAG:
            number, at = varint(data, at + 1)
            stamp = _signed(number)
        else:
            _, _, at = _field(data, at, end)
    found.bits.append(bits)
    found.stamps.append(stamp)


def _signed(number: int) -> int:
    number &= 0xFFFF_FFFF_FFFF_FFFF
    return number - (1 << 64) if number >> 63 else number


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each length-delimited field; skips the others."""
    if end > len(data):
        raise MalformedRequestError("a message is longer than what holds it")
    while at < end:
        number, start, at = _field(data, at, end)
        if start >= 0:
            yield number, start, at


def _field(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return number, start and end of one field; start is -1 where it is not length-delimited."""
    tag, at = varint(data, at)
    kind, number, start = tag & 7, tag >> 3, -1
    if kind == 2:
        length, start = varint(data, at)
        at = start + length
    elif kind == 0:
        _, at = varint(data, at)
    elif kind in (1, 5):
        at += 8 if kind == 1 else 4
    else:
        raise MalformedRequestError(f"field {number} has the unknown wire type {kind}")
    if at > end or not number:
        raise MalformedRequestError("a field is longer than its message")
    return number, start, at


def _text(data: bytes, start: int, end: int) -> str | None:
    try:
        return data[start:end].decode()
    except UnicodeDecodeError:
        return None


def _referred(packed: bytes, symbols: list[str | None]) -> Pairs | None:
    numbers = []
    at = 0
    while at < len(packed):
        number, at = varint(packed, at)
        numbers.append(number)
    if len(numbers) % 2 or any(number >= len(symbols) for number in numbers):
        return None
    texts = [symbols[number] for number in numbers]
    found = []
    for name, value in zip(texts[0::2], texts[1::2], strict=True):
        if name is None or value is None:
            return None
        found.append((name, value))
    return tuple(found)
