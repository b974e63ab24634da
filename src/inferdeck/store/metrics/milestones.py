"""Milestones: of every series of a day that is over, the samples on both sides of each full hour.

A panel over a month looks at a sample or two per step, and decoding all the others is what it costs. A row of
milestones holds what some series of one day say around each hour, around each stale marker, and around each fall of a
counter. That is enough to answer last values and increases over whole hours exactly (see thinning.py). The chunks stay
the truth: triggers in the file drop the milestones in the transaction that changes a chunk, whoever writes it, and
they are made anew when the day has rested.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.scrape import STALE_BITS
from inferdeck.store.metrics import codec
from inferdeck.store.metrics.chunks import Stamps
from inferdeck.store.metrics.codec import Bits, CorruptError
from inferdeck.store.metrics.day_file import DAY_MS
from inferdeck.store.metrics.index import Ids

APART_MS = 3_600_000
"""Between two milestones. The steps of dashboards over more than five days are multiples of it."""
DENSE, RISING, WHOLE = 1, 2, 4
"""Marks of a series in a day: its milestones are here; it falls only where both sides are milestones; whole numbers."""
MOST_FALLS = 6
MOST_STALE = 8
DONE = "milestones"

_KIND = 1
_HEAD = struct.Struct("<BIqqII")
_SIZES = struct.Struct("<qqII")
_STALE = np.uint64(STALE_BITS)
_WHOLE_LIMIT = float(2**62)
_FORGET = f"BEGIN DELETE FROM milestone; DELETE FROM meta WHERE key='{DONE}'; END"  # noqa: S608 (our name)
TABLES = (
    "CREATE TABLE IF NOT EXISTS milestone(id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, "
    "data BLOB NOT NULL)",
    *(
        f"CREATE TRIGGER IF NOT EXISTS chunk_{change.lower()} AFTER {change} ON chunk {_FORGET}"
        for change in ("INSERT", "UPDATE", "DELETE")
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Milestones:
    """What one row says. ids: sorted; marks: per series; values: of the series with DENSE, in this order.

    The series with DENSE have samples and stale markers at the same times of the day. times: int64, shape (5,
    milestones): the stamp, how many samples there are up to it, stale markers not counted, how far the stamp before it
    is and how far the one after it (0: the day has none), 1 where it was kept for a stale marker or a fall. values:
    bit patterns, (series with DENSE, milestones).
    """

    target: int
    ids: Ids
    marks: NDArray[np.uint8]
    times: Stamps
    values: Bits


def around_hours(stamps: Stamps, day: int) -> Stamps:
    """Return the positions of the stamps on both sides of each full hour of a day, its ends included."""
    hours = np.arange(day * DAY_MS, (day + 1) * DAY_MS + 1, APART_MS)
    after = stamps.searchsorted(hours, side="right")
    places: Stamps = np.clip(np.concatenate([after - 1, after]), 0, stamps.size - 1).astype(np.int64)
    return places


def row_of(target: int, day: int, stamps: Stamps, ids: Ids, rows: Bits) -> Milestones:
    """Return the milestones of series that have samples and stale markers at the same stamps, and no hole.

    rows: bit patterns, (series, stamps).
    """
    stale = rows[0] == _STALE
    if stale.sum() > MOST_STALE:
        return unmarked(target, ids)
    real = np.flatnonzero(~stale)
    floats = (rows[:, real] if stale.any() else rows).view(np.float64)
    falls = ~(floats[:, 1:] >= floats[:, :-1])  # a NaN too: what it is compared with has to be there
    rising = falls.sum(axis=1) <= MOST_FALLS
    fell = np.flatnonzero(falls[rising].any(axis=0))
    beside = np.flatnonzero(stale)
    special = np.unique(
        np.concatenate(
            [real[fell], real[fell + 1], np.clip((beside[:, None] + [-1, 0, 1]), 0, stamps.size - 1).ravel()]
        )
    ).astype(np.int64)
    places = np.unique(np.concatenate([around_hours(stamps, day), special]))
    steps = np.diff(stamps)
    real_ones = np.cumsum(~stale)
    kept = np.isin(places, special)
    times = np.stack([stamps[places], real_ones[places], np.r_[0, steps][places], np.r_[steps, 0][places], kept])
    values = np.ascontiguousarray(rows[:, places])
    return Milestones(target, ids, DENSE | _whole(values) * WHOLE | rising * np.uint8(RISING), times, values)


def _whole(values: Bits) -> NDArray[np.uint8]:
    """Return, per row, 1 where all are whole numbers."""
    small = np.abs(values.view(np.float64)).max(axis=1) < _WHOLE_LIMIT
    numbers = np.where(small[:, None], values.view(np.float64), 0.0).astype(np.int64)
    whole: NDArray[np.uint8] = (numbers.astype(np.float64).view(np.uint64) == values).all(axis=1).astype(np.uint8)
    return whole


def unmarked(target: int, ids: Ids) -> Milestones:
    """Return a row that only says that these series have chunks in the day."""
    return Milestones(
        target, ids, np.zeros(ids.size, np.uint8), np.zeros((5, 0), dtype=np.int64), np.zeros((0, 0), np.uint64)
    )


def encode(found: Milestones, day: int) -> bytes:
    """Return the bytes of a row, checksum included."""
    whole = (found.marks[(found.marks & DENSE) > 0] & WHOLE) > 0
    numbers = found.values[whole].view(np.float64).astype(np.int64)
    bits = found.values[~whole].copy()
    bits[:, 1:] ^= found.values[~whole][:, :-1]
    parts = (
        np.diff(found.ids.astype("<u4"), prepend=np.uint32(0)).astype("<u4").tobytes(),
        found.marks.tobytes(),
        _steps(found.times),
        _steps(numbers),
        codec.shuffle(np.ascontiguousarray(bits).reshape(-1)),
    )
    payload = codec.compress(b"".join(parts), small=True)
    sizes = (found.target, day, found.ids.size, found.times.shape[1])
    return _HEAD.pack(_KIND, crc32(payload, crc32(_SIZES.pack(*sizes))), *sizes) + payload


def decode(blob: object, day: int) -> Milestones:
    """Return what `encode` was given; raises CorruptError."""
    if not isinstance(blob, bytes) or len(blob) < _HEAD.size:
        raise CorruptError("not the bytes that were written")
    kind, crc, target, written, series, times = _HEAD.unpack_from(blob)
    payload = blob[_HEAD.size :]
    if kind != _KIND or written != day or crc != crc32(payload, crc32(_SIZES.pack(target, day, series, times))):
        raise CorruptError("the checksum of milestones does not match")
    data = codec.decompress(payload, series * 5 + times * 40 + series * times * 8)
    ids = np.cumsum(np.frombuffer(data, "<u4", series), dtype=np.uint32)
    marks = np.frombuffer(data, np.uint8, series, series * 4)
    place = series * 5
    stamps = _sums(data[place : place + times * 40], times)
    place += times * 40
    whole = (marks[(marks & DENSE) > 0] & WHOLE) > 0
    cut = place + int(whole.sum()) * times * 8
    values = np.empty((whole.size, times), dtype=np.uint64)
    if times:
        values[whole] = _sums(data[place:cut], times).astype(np.float64).view(np.uint64)
        values[~whole] = np.bitwise_xor.accumulate(codec.unshuffle(data[cut:]).reshape(-1, times), axis=1)
    return Milestones(target, ids, marks, stamps, values)


def _steps(numbers: NDArray[np.int64]) -> bytes:
    return codec.shuffle(np.ascontiguousarray(np.diff(numbers, axis=1, prepend=np.int64(0))).reshape(-1))


def _sums(data: bytes, times: int) -> NDArray[np.int64]:
    """Return what `_steps` took apart, shape (rows, times)."""
    steps = codec.unshuffle(data).view(np.int64)
    return np.cumsum(steps.reshape(-1, times) if times else np.zeros((5, 0), np.int64), axis=1, dtype=np.int64)


def listed(connection: sqlite3.Connection, ids: Ids) -> tuple[list[int], bool]:
    """Return the numbers of a day's rows that may hold some of these sorted series, and whether the rows are all."""
    if not _exist(connection):
        return [], False
    found = connection.execute(
        "SELECT id FROM milestone WHERE first<=? AND last>=? ORDER BY id", (int(ids[-1]), int(ids[0]))
    )
    done = connection.execute("SELECT 1 FROM meta WHERE key=?", (DONE,)).fetchone() is not None
    return [number for (number,) in found], done


def forget(connection: sqlite3.Connection) -> None:
    """Drop all milestones of a day; inside the caller's transaction."""
    if _exist(connection):
        connection.execute("DELETE FROM milestone")
        connection.execute("DELETE FROM meta WHERE key=?", (DONE,))


def blobs(connection: sqlite3.Connection) -> Iterator[object]:
    """Yield every row as it is in the file."""
    if _exist(connection):
        for (blob,) in connection.execute("SELECT data FROM milestone"):
            yield blob


def _exist(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE name='milestone'").fetchone() is not None
