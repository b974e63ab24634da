"""Series and samples as JSON bytes, text for text as Prometheus writes them (util/jsonutil/marshal.go).

Wide results are bound by their JSON, so a row becomes text in one orjson call, is cut into tokens, and is joined with
the prefixes of its timestamps that were made once for all rows; the few tokens that Prometheus writes otherwise
(exponents, NaN, infinities) are replaced one by one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query.promql.result import Result, ResultType

_ABSENT = np.uint64(ABSENT_BITS)
_SMALLEST_PLAIN = 1e-6
_LARGEST_PLAIN = 1e21

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]


def number(value: float) -> str:
    """Return a sample value: the shortest decimal that reads back, with an exponent outside [1e-6, 1e21)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    if "e" in text and _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        return np.format_float_positional(value, trim="-")
    return text.removesuffix(".0")


def timestamp(milliseconds: int) -> str:
    """Return Unix seconds, with three decimals where they are not whole."""
    sign, size = ("-", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    seconds, rest = divmod(size, 1000)
    return f"{sign}{seconds}.{rest:03}" if rest else f"{sign}{seconds}"


def plain(value: object) -> bytes:
    """Return any JSON-like value; text that UTF-8 cannot say (lone surrogates) gets question marks."""
    try:
        return orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def metric(series: Labels) -> bytes:
    """Return the labels of a series as an object."""
    return plain(dict(series))


def sample(milliseconds: int, value: float) -> bytes:
    """Return one point: [seconds,"value"]."""
    return f'[{timestamp(milliseconds)},"{number(value)}"]'.encode()


def text_sample(milliseconds: int, text: str) -> bytes:
    """Return the point of a string result."""
    return b"[" + timestamp(milliseconds).encode() + b"," + plain(text) + b"]"


def vector(series: Sequence[Labels], milliseconds: int, values: Floats) -> bytes:
    """Return the samples of an instant vector, all at one moment; values: float64 (series,)."""
    stamp = timestamp(milliseconds).encode()
    found = zip(series, tokens(values), strict=True)
    return (
        b"["
        + b",".join(
            [b'{"metric":' + metric(each) + b',"value":[' + stamp + b',"' + text + b'"]}' for each, text in found]
        )
        + b"]"
    )


def points(stamps_ms: Stamps, values: Floats) -> Iterator[bytes]:
    """Yield the points of each series of a grid, joined with commas, b"" where it has none.

    values: float64 (series, times); cells with ABSENT_BITS are left out.
    """
    prefixes = _prefixes(stamps_ms)
    holes = np.ascontiguousarray(values).view(np.uint64) == _ABSENT
    holed = holes.any(axis=1).tolist()
    for row, holes_of_it, has_any in zip(values, holes, holed, strict=True):
        if not has_any:
            yield _points(prefixes, row)
            continue
        there = np.flatnonzero(~holes_of_it)
        yield _points([prefixes[column] for column in there.tolist()], row[there])


def tokens(values: Floats) -> list[bytes]:
    """Return the text of each value of a row, without quotes."""
    if not values.size:
        return []
    row = np.ascontiguousarray(values, dtype=np.float64)
    raw = orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY)
    found = raw[1:-1].replace(b".0,", b",").removesuffix(b".0").split(b",")
    if b"e" in raw or b"u" in raw:  # an exponent, or null for what is not finite
        size = np.abs(row)
        odd = ~np.isfinite(row) | ((size < 1e-3) & (size > 0)) | (size >= 1e15)
        for column in np.flatnonzero(odd).tolist():
            found[column] = number(float(row[column])).encode()
    return found


def _points(prefixes: list[bytes], values: Floats) -> bytes:
    if not prefixes:
        return b""
    parts = [b""] * (2 * len(prefixes) + 1)
    parts[0:-1:2] = prefixes
    parts[1:-1:2] = tokens(values)
    parts[0] = parts[0][3:]  # the end of a point before it
    parts[-1] = b'"]'
    return b"".join(parts)


def _prefixes(stamps_ms: Stamps) -> list[bytes]:
    """Return what stands before each value: the end of the point before, then the timestamp."""
    if stamps_ms.size and (stamps_ms % 1000 == 0).all() and stamps_ms[0] >= 0:
        return [b'"],[%d,"' % second for second in (stamps_ms // 1000).tolist()]
    return [f'"],[{timestamp(stamp)},"'.encode() for stamp in stamps_ms.tolist()]


def result(found: Result) -> list[bytes]:
    """Return a query's answer as the content of `data`, in parts, without its end: statistics may follow."""
    head = b'{"resultType":"' + found.type.value.encode() + b'","result":'
    if found.type is ResultType.MATRIX:
        texts = points(found.steps_ms, found.values) if found.points is None else found.points
        return [head, *_matrix(found.series, texts)]
    moment = int(found.steps_ms[0])
    if found.type is ResultType.STRING:
        return [head, text_sample(moment, found.text)]
    if found.type is ResultType.SCALAR:
        return [head, sample(moment, float(found.values[0, 0]))]
    return [head, vector(found.series, moment, found.values[:, 0])]


def _matrix(series: Sequence[Labels], texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield an array of objects, one per series that has points."""
    before = b'[{"metric":'
    for each, text in zip(series, texts, strict=True):
        if text:
            yield before + metric(each) + b',"values":['
            yield text
            before = b']},{"metric":'
    yield b"[]" if before.startswith(b"[") else b"]}]"
