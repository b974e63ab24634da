"""Follows a file as it grows, is renamed, emptied or replaced, and counts what is written to it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

from inferdeck.sources.loglines.entries import join, resolve
from inferdeck.sources.loglines.times import Resolver
from inferdeck.sources.logs import blocks, rotated

_LAST_LINES = 50
MOST_BYTES = 16 * 2**20
"""Bytes of one log that one look counts; the rest waits for the next one."""


@dataclass(slots=True)
class Counts:
    """What was written to one log since it is followed. last: Unix seconds of the newest entry, None before one."""

    lines: Counter[str] = field(default_factory=Counter)
    """Entries by level, "" where none is told."""
    size: int = 0
    rotations: int = 0
    last: float | None = None
    behind: int = 0
    """Bytes that wait to be counted."""


class Follower:
    """Belongs to one thread. Begins at the end of the file, or at its start where it appears later."""

    def __init__(self, path: Path, zone: tzinfo | None, *, from_start: bool = False) -> None:
        self.counts = Counts()
        self._path = path
        self._zone = zone
        self._file: BinaryIO | None = None
        self._offset = 0
        self._check = 0
        self._looked = from_start

    def look(self) -> None:
        """Count what is new; raises OSError where the file is there and may not be read."""
        self.counts.behind = 0
        left = MOST_BYTES
        if self._file is not None and not self._is_current():
            # What was written to the old file before the program took the new one.
            left -= self._count(self._file, left, whole=False)
            if self.counts.behind:
                return
            self.close()
            self.counts.rotations += 1
        if self._file is None:
            self._open()
        if self._file is not None:
            self._notice_emptied(self._file)
            self._count(self._file, left, whole=True)
        self._looked = True

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _is_current(self) -> bool:
        try:
            now, held = self._path.stat(), os.fstat(self._file.fileno()) if self._file else None
        except OSError:
            return False
        return held is not None and (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino)

    def _open(self) -> None:
        found = rotated.segment(self._path)
        if found is None or found.packed:
            return
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._offset = 0 if self._looked else _last_line_end(self._file, found.size)
        self._check = rotated.check(self._file, self._offset)

    def _notice_emptied(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        if size < self._offset or rotated.check(file, self._offset) != self._check:
            self._offset = 0
            self.counts.rotations += 1

    def _count(self, file: BinaryIO, most: int, *, whole: bool) -> int:
        """Count up to `most` bytes and return how many."""
        began = self._offset
        last: list[blocks.RawLine] = []
        for block in blocks.forward(file, self._offset, whole=whole):
            self.counts.lines.update(entry.level for entry in join(block, self._zone, exact=False))
            last = block[-_LAST_LINES:]
            self._offset = block[-1][1]
            if self._offset - began >= most:
                break
        self.counts.size += self._offset - began
        status = os.fstat(file.fileno())
        if self._offset - began >= most:
            self.counts.behind = max(0, status.st_size - self._offset)
        if entries := join(last, self._zone):
            resolve(entries, Resolver(status.st_mtime, self._zone))
            time = entries[-1].time
            self.counts.last = time if time is not None else status.st_mtime
        self._check = rotated.check(file, self._offset)
        return self._offset - began


def _last_line_end(file: BinaryIO, size: int) -> int:
    """Return where the last whole line ends."""
    for block in blocks.backward(file, size):
        position, end, raw = block[-1]
        return end if end > position + len(raw) else position
    return 0


class Followers:
    """All files that some patterns match; those that appear are followed from their start."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._followers: dict[Path, Follower] = {}
        self._looked = False

    def look(self, paths: list[Path]) -> Iterator[str]:
        """Count what is new in these files; yield what went wrong, the file first."""
        for gone in self._followers.keys() - set(paths):
            self._followers.pop(gone).close()
        for path in paths:
            follower = self._followers.get(path)
            if follower is None:
                follower = self._followers[path] = Follower(path, self._zone, from_start=self._looked)
            try:
                follower.look()
            except OSError as error:
                yield f"{path}: {(error.strerror or type(error).__name__).lower()}"
        self._looked = True

    def counts(self) -> dict[Path, Counts]:
        """Return the counts of each file."""
        return {path: follower.counts for path, follower in self._followers.items()}

    def close(self) -> None:
        """Let all files go."""
        for follower in self._followers.values():
            with suppress(OSError):
                follower.close()
