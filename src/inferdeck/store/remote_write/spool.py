"""What waits to be sent, on disk: a queue of records in segment files, bounded in bytes, that survives kill -9.

    <number>.segment   records one after the other: length, samples, CRC-32 (little endian, 4 bytes each), body
    cursor             number of the segment and offset of the first record that waits, CRC-32

A record is written by one write() and counts from then on; a torn or damaged tail is cut off when the spool is opened.
A lost cursor costs repetition, never a gap: receivers take the same sample twice without harm. Thread-safe.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import threading
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from inferdeck.errors import StoreError, StoreFullError
from inferdeck.store.remote_write.wire import Request

_HEADER = struct.Struct("<III")
_CURSOR = struct.Struct("<QQI")
_SEGMENTS = 64
_SMALLEST_SEGMENT = 1 << 16
_LARGEST_SEGMENT = 1 << 24
_SUFFIX = ".segment"


class Position(NamedTuple):
    """A place in the queue; earlier ones compare as smaller."""

    segment: int
    offset: int


class Record(NamedTuple):
    """One waiting request and the place right behind it."""

    request: Request
    end: Position


@dataclass(frozen=True, slots=True)
class SpoolStats:
    """Bytes and samples that wait, and what was lost since the spool was opened."""

    waiting_bytes: int
    waiting_samples: int
    overflow_samples_total: int
    """Samples dropped, oldest first, because the spool was full."""
    damaged_records_total: int
    """Records that failed their checksum and were passed over."""


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    size: int = 0
    samples: int = 0
    """Samples of the records that still wait."""


class Spool:
    """The queue; `limit_bytes` bounds the files together. Raises StoreError where the directory cannot be used."""

    def __init__(self, directory: Path, limit_bytes: int, *, sync: Literal["normal", "full"] = "normal") -> None:
        self._directory = directory
        self._limit = limit_bytes
        self._sync = sync == "full"
        self._segment_size = min(max(limit_bytes // _SEGMENTS, _SMALLEST_SEGMENT), _LARGEST_SEGMENT)
        self._lock = threading.Lock()
        self._segments: deque[_Segment] = deque()
        self._overflow = 0
        self._damaged = 0
        self._cursor = Position(0, 0)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            # Read and written in place for as long as the spool is open.
            self._cursor_file = os.open(directory / "cursor", os.O_RDWR | os.O_CREAT, 0o600)
            self._cursor = self._read_cursor()
            self._load()
            self._tail = self._open_tail()
            self._move(self._cursor)
        except OSError as error:
            raise StoreError(f"{directory}: the remote-write spool cannot be opened: {error}") from error

    def append(self, request: Request) -> None:
        """Put a request at the end; drops the oldest segments first where it would not fit.

        Raises StoreFullError where the disk is full, StoreError where it fails; then nothing was kept.
        """
        size = _HEADER.size + len(request.body)
        head = _HEADER.pack(len(request.body), request.samples, _checksum(request.samples, request.body))
        with self._lock:
            if self._cursor_file < 0:
                raise StoreError(f"{self._directory}: the remote-write spool is closed")
            if size > self._limit:
                self._overflow += request.samples
                return
            try:
                self._make_room(size)
                self._write(head + request.body)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise StoreFullError(
                        f"{self._directory}: no space left for the remote-write spool: free some, or lower spool_size"
                    ) from error
                raise StoreError(f"{self._directory}: the remote-write spool cannot be written: {error}") from error
            self._segments[-1].size += size
            self._segments[-1].samples += request.samples

    def peek(self, samples: int, size: int) -> list[Record]:
        """Return the oldest waiting records, at least one if any waits, up to so many samples and bytes."""
        found: list[Record] = []
        with self._lock:
            if self._cursor_file < 0:
                return found
            at, total, length = self._cursor, 0, 0
            for segment in self._segments:
                if segment.number < at.segment:
                    continue
                offset = at.offset if segment.number == at.segment else 0
                if offset >= segment.size:
                    continue
                with segment.path.open("rb") as stream:
                    stream.seek(offset)
                    while offset < segment.size:
                        request, step = self._read(stream, segment, offset)
                        offset += step
                        if request is None and found:
                            return found
                        if request is None:
                            self._pass_over(segment, offset)
                            continue
                        total, length = total + request.samples, length + len(request.body)
                        if found and (total > samples or length > size):
                            return found
                        found.append(Record(request, Position(segment.number, offset)))
            return found

    def done(self, records: list[Record]) -> None:
        """Take records that `peek` returned off the queue."""
        with self._lock:
            if not records or self._cursor_file < 0:
                return
            end = records[-1].end
            for record in records:
                if record.end > self._cursor:
                    self._segment(record.end.segment).samples -= record.request.samples
            if end > self._cursor:
                self._move(end)
            while len(self._segments) > 1 and self._segments[0].number < self._cursor.segment:
                self._segments.popleft().path.unlink(missing_ok=True)
            last = self._segments[-1]
            if self._cursor == (last.number, last.size) and last.size:
                # Emptied in place: on a full disk there may be no room for another file, not even an empty one.
                self._move(Position(last.number, 0))
                os.ftruncate(self._tail, 0)
                last.size = last.samples = 0

    def stats(self) -> SpoolStats:
        """Return sizes and losses now."""
        with self._lock:
            behind = self._cursor.offset if self._segments[0].number == self._cursor.segment else 0
            samples = sum(segment.samples for segment in self._segments)
            return SpoolStats(self._size() - behind, samples, self._overflow, self._damaged)

    def close(self) -> None:
        """Close the files; what waits is found again by the next one."""
        with self._lock:
            if self._cursor_file >= 0:
                os.close(self._tail)
                os.close(self._cursor_file)
                self._cursor_file = -1

    def _size(self) -> int:
        return sum(segment.size for segment in self._segments)

    def _segment(self, number: int) -> _Segment:
        return next(segment for segment in self._segments if segment.number == number)

    def _load(self) -> None:
        paths = sorted(path for path in self._directory.glob("*" + _SUFFIX) if path.stem.isdigit())
        for path in paths:
            segment = _Segment(int(path.stem), path)
            if segment.number < self._cursor.segment:
                path.unlink()
                continue
            self._scan(segment, last=path == paths[-1])
            self._segments.append(segment)
        if not self._segments:
            self._segments.append(self._new(self._cursor.segment))
        first, last = self._segments[0], self._segments[-1]
        if self._cursor.segment < first.number:
            self._cursor = Position(first.number, 0)
        if self._cursor.segment == last.number and self._cursor.offset > last.size:
            # The cursor reached the disk and the records did not (a power cut): nothing of this segment waits.
            self._cursor = Position(last.number, last.size)

    def _scan(self, segment: _Segment, *, last: bool) -> None:
        """Find out how far a segment can be read; the last one's torn tail is cut off."""
        length = segment.path.stat().st_size
        with segment.path.open("rb") as stream:
            while segment.size + _HEADER.size <= length:
                stream.seek(segment.size)
                size, samples, checksum = _HEADER.unpack(stream.read(_HEADER.size))
                end = segment.size + _HEADER.size + size
                if end > length or (last and checksum != _checksum(samples, stream.read(size))):
                    break
                if Position(segment.number, segment.size) >= self._cursor:
                    segment.samples += samples
                segment.size = end
        if segment.size < length:
            self._damaged += 1
            if last:
                os.truncate(segment.path, segment.size)

    def _read(self, stream: BinaryIO, segment: _Segment, offset: int) -> tuple[Request | None, int]:
        """Return the next record (None where it is damaged) and how far to move on."""
        head = stream.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return None, segment.size - offset
        size, samples, checksum = _HEADER.unpack(head)
        body = stream.read(min(size, segment.size - offset))
        if len(body) == size and checksum == _checksum(samples, body):
            return Request(body, samples), _HEADER.size + size
        return None, min(_HEADER.size + size, segment.size - offset)

    def _pass_over(self, segment: _Segment, offset: int) -> None:
        """Go on behind a damaged record; how many samples it had is known only once its segment is done."""
        self._damaged += 1
        self._move(Position(segment.number, offset))
        if offset >= segment.size:
            segment.samples = 0

    def _new(self, number: int) -> _Segment:
        path = self._directory / f"{number:016d}{_SUFFIX}"
        path.touch(mode=0o600)
        return _Segment(number, path)

    def _open_tail(self) -> int:
        return os.open(self._segments[-1].path, os.O_WRONLY | os.O_APPEND)

    def _roll(self) -> None:
        segment = self._new(self._segments[-1].number + 1)
        os.close(self._tail)
        self._segments.append(segment)
        self._tail = self._open_tail()

    def _drop_oldest(self) -> None:
        if len(self._segments) == 1:
            self._roll()
        oldest = self._segments.popleft()
        self._overflow += oldest.samples
        oldest.path.unlink(missing_ok=True)
        if self._cursor.segment <= oldest.number:
            self._move(Position(self._segments[0].number, 0))

    def _make_room(self, size: int) -> None:
        while self._size() + size > self._limit:
            self._drop_oldest()
        if self._segments[-1].size and self._segments[-1].size + size > self._segment_size:
            self._roll()

    def _write(self, record: bytes) -> None:
        before = self._segments[-1].size
        try:
            if os.write(self._tail, record) < len(record):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301
            if self._sync:
                os.fdatasync(self._tail)
        except OSError:
            os.ftruncate(self._tail, before)
            raise

    def _move(self, position: Position) -> None:
        self._cursor = position
        head = struct.pack("<QQ", *position)
        # Its few bytes were written when the spool was opened, so that a full disk has room for them; where it fails
        # nonetheless, a restart sends again what was sent already.
        with contextlib.suppress(OSError):
            os.pwrite(self._cursor_file, head + struct.pack("<I", zlib.crc32(head)), 0)

    def _read_cursor(self) -> Position:
        raw = os.pread(self._cursor_file, _CURSOR.size, 0)
        if len(raw) < _CURSOR.size:
            return Position(0, 0)
        segment, offset, checksum = _CURSOR.unpack(raw)
        return Position(segment, offset) if checksum == zlib.crc32(raw[:16]) else Position(0, 0)


def _checksum(samples: int, body: bytes) -> int:
    return zlib.crc32(body, samples)
