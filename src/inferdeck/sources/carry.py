"""Repair's state as bytes that are stored with the scrape they belong to, so that a restart of ours changes nothing.

    "IDR1", u32 length of the first part, first part, second part; both zstd frames with a checksum, little endian
    first:  u8 turns, u32 children, u32 totals, keys (2 × u64) and created (f64) of the bound children, keys of totals,
            f64 current process start, u32 workers, then for each: f64 start, u32 age in scrapes, u8 whole, u32 n, keys,
            created, last values; then u32 n, keys and values of totals that have no child now; at the end, where a
            carry has it, u32 length and JSON of the series that are absent: [[labels, family, key], …]
    second: last values of the bound children, totals; each as 8 planes of bytes

The first part changes only when series come or go, so it is encoded once and kept.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from inferdeck.model.labels import Labels, labels
from inferdeck.sources.increases import Increases, Worker
from inferdeck.sources.repair_plan import Key, Total, Tracked

MAGIC = b"IDR1"
LARGEST_BYTES = 64 << 20
Values = NDArray[np.float64]


class CarryError(ValueError):
    """Bytes that are no carry of this version."""


class Encoder:
    """Encodes one target's state; keeps the part that seldom changes."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
        self._shape = -1
        self._first = b""

    def encode(self, state: Increases) -> bytes:
        """Return the state as it is now."""
        tracked, created, last, totals = state.bound
        if self._shape != state.shape:
            self._first = self._compressor.compress(_first(state, tracked, created))
            self._shape = state.shape
        second = self._compressor.compress(_planes(last) + _planes(totals))
        return b"".join((MAGIC, struct.pack("<I", len(self._first)), self._first, second))


def decode(carry: bytes) -> Increases:
    """Return the state that was encoded; raises CarryError for anything else."""
    if carry[:4] != MAGIC or len(carry) < 8:
        raise CarryError("not a carry of this version")
    (length,) = struct.unpack_from("<I", carry, 4)
    try:
        first = _Cursor(_decompress(carry[8 : 8 + length]))
        second = _decompress(carry[8 + length :])
        return _state(first, second)
    except (zstandard.ZstdError, struct.error, ValueError, TypeError, IndexError) as error:
        raise CarryError(f"the carry is damaged: {error}") from error


def _decompress(frame: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(frame, max_output_size=LARGEST_BYTES)


def _first(state: Increases, tracked: Tracked, created: Values) -> bytes:
    parts = [struct.pack("<BII", state.turns, len(tracked.keys), len(tracked.totals)), _keys(tracked.keys)]
    parts += [created.tobytes(), _keys(tracked.totals)]
    current = state.current.start if state.current is not None else 0.0
    parts.append(struct.pack("<dI", current, len(state.workers)))
    for worker in state.workers.values():
        parts.append(struct.pack("<dIBI", worker.start, state.clock - worker.seen, worker.whole, len(worker.table)))
        parts.append(_keys([key[:2] for key in worker.table]))
        parts.append(_floats(key[2] for key in worker.table))
        parts.append(_floats(worker.table.values()))
    parts += [struct.pack("<I", len(state.totals)), _keys(state.totals), _floats(state.totals.values())]
    absent = json.dumps([[output, total.family, total.key] for output, total in state.absent.items()]).encode()
    return b"".join([*parts, struct.pack("<I", len(absent)), absent])


def _state(first: _Cursor, second: bytes) -> Increases:
    state = Increases()
    turns, children, totals = first.unpack("<BII")
    state.turns = bool(turns)
    keys, created, outputs = first.keys(children), first.floats(children), first.keys(totals)
    current, workers = first.unpack("<dI")
    for _ in range(workers):
        start, age, whole, size = first.unpack("<dIBI")
        old, began, last = first.keys(size), first.floats(size), first.floats(size)
        table = {(*key, when): value for key, when, value in zip(old, began, last, strict=True)}
        state.workers[start] = Worker(start, -age, table, bool(whole))
    (size,) = first.unpack("<I")
    state.totals = dict(zip(first.keys(size), first.floats(size), strict=True))
    state.absent = dict(_absent(first))
    values = _unplanes(second[: 8 * children], children), _unplanes(second[8 * children :], totals)
    state.current = state.workers.get(current)
    if state.current is not None:
        found = zip(keys, created, values[0].tolist(), strict=True)
        state.current.table.update({(*key, when): last for key, when, last in found if np.isfinite(last)})
    state.totals.update(zip(outputs, values[1].tolist(), strict=True))
    return state


def _absent(first: _Cursor) -> Iterator[tuple[Labels, Total]]:
    if first.ended:
        return
    (length,) = first.unpack("<I")
    for output, family, (child, part) in json.loads(first.text(length)):
        yield labels([(name, value) for name, value in output]), Total(family, (child, part))


class _Cursor:
    """Reads one field after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._data)

    def text(self, length: int) -> bytes:
        found = self._data[self._at : self._at + length]
        self._at += length
        return found

    def unpack(self, form: str) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return found

    def keys(self, count: int) -> list[Key]:
        first, second = self._array(count, np.uint64), self._array(count, np.uint64)
        return list(zip(first, second, strict=True))

    def floats(self, count: int) -> list[float]:
        found: list[float] = self._array(count, np.float64)
        return found

    def _array(self, count: int, kind: type[np.generic]) -> list[Any]:
        found: list[Any] = np.frombuffer(self._data, kind, count, self._at).tolist()
        self._at += 8 * count
        return found


def _keys(keys: Iterable[Sequence[int]]) -> bytes:
    found = [tuple(key) for key in keys]
    return (
        np.array([key[0] for key in found], np.uint64).tobytes()
        + np.array([key[1] for key in found], np.uint64).tobytes()
    )


def _floats(values: Iterable[float]) -> bytes:
    return np.array(list(values), np.float64).tobytes()


def _planes(values: Values) -> bytes:
    """Return the bytes sorted by significance, which zstd then finds equal; NaN bits stay as they are."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8).T.tobytes()


def _unplanes(data: bytes, count: int) -> Values:
    if len(data) != 8 * count:
        raise CarryError("the carry has the wrong length")
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(8, count).T).view(np.float64).reshape(count)
