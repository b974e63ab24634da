"""A log and what rotation made of it: NAME.1, NAME.2.gz, NAME-20261121.gz, stem-2026-11-21.log."""

from __future__ import annotations

import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

MOST_ROTATED = 100
CHECKED_BYTES = 64
"""Bytes before a position that are compared, to notice that the file was emptied and written anew."""
_ENDING = re.compile(
    r"[.-](?:\d{1,4}|\d{8}(?:[-_T]?\d{2,6}|-\d{10})?|\d{4}-\d\d-\d\d(?:[_T-][\d-]{2,8})?|old|bak)(\.gz)?"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a log."""

    path: Path
    device: int
    inode: int
    size: int
    written: float
    """Unix seconds of its last change."""
    packed: bool = False

    @property
    def identity(self) -> str:
        """What stays when it is renamed."""
        return f"{self.device:x}-{self.inode:x}"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a log: the byte where a line begins, or (between) the end of what was read.

    check: the sum of the bytes before it; time: that of the line, which tells the day of lines without a date.
    """

    identity: str
    offset: int
    between: bool = False
    check: int = 0
    time: float | None = None

    def __str__(self) -> str:
        time = "" if self.time is None else f"{self.time:.6f}"
        return f"{'e' if self.between else 'l'}_{self.identity}_{self.offset}_{self.check:x}_{time}"


def position(text: str) -> Position | None:
    """Return the position of a text, None where it is none."""
    found = re.fullmatch(r"([el])_([0-9a-f]+-[0-9a-f]+)_(\d{1,18})_([0-9a-f]{1,8})_(\d{1,12}\.\d{6})?", text)
    if not found:
        return None
    time = float(found[5]) if found[5] else None
    return Position(found[2], int(found[3]), found[1] == "e", int(found[4], 16), time)


def segment(path: Path) -> Segment | None:
    """Return a regular file; None where there is none or it may not be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Segment(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime, path.suffix == ".gz")


def segments(path: Path) -> list[Segment]:
    """Return a log's files, the oldest first, itself last."""
    found: dict[str, Segment] = {}
    try:
        names = [entry.name for entry in os.scandir(path.parent)]
    except OSError:
        names = []
    for name in names:
        if name != path.name and is_rotated(name, path.name) and (one := segment(path.parent / name)):
            found.setdefault(one.identity, one)
    older = sorted(found.values(), key=lambda one: one.written)[-MOST_ROTATED:]
    own = segment(path)
    return [*(one for one in older if own is None or one.identity != own.identity), *([own] if own else [])]


def is_rotated(name: str, log: str) -> bool:
    """Return whether rotation may have made `name` of a log with this name."""
    if name.startswith(log) and _ENDING.fullmatch(name[len(log) :]):
        return True
    stem, dot, ending = log.rpartition(".")
    bare = name.removesuffix(".gz")
    if not dot or not bare.endswith(f".{ending}") or not bare.startswith(stem):
        return False
    return bool(_ENDING.fullmatch(bare[len(stem) : -len(ending) - 1]))


@contextmanager
def opened(one: Segment) -> Iterator[BinaryIO]:
    """Open a segment for reading bytes, unpacked; raises OSError. The path is not followed to a device or a pipe."""
    descriptor = os.open(one.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as raw:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{one.path}: not a regular file")
        if one.packed:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield cast("BinaryIO", raw)


def check(file: BinaryIO, offset: int) -> int:
    """Return the sum of the bytes before an offset."""
    start = max(0, offset - CHECKED_BYTES)
    file.seek(start)
    return zlib.crc32(file.read(offset - start))
