"""Decoded storage blocks that queries asked for lately: a dashboard asks for the same series again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from inferdeck.store.metrics.chunks import Piece
from inferdeck.store.metrics.day_file import DayFile
from inferdeck.store.metrics.milestones import Milestones

DECODED_BYTES = 64 * 2**20
MILESTONE_BYTES = 32 * 2**20
_MADE_AT_ONCE = 16
_ENTRY_BYTES = 600
"""What an entry takes beside its samples, about; a block without these series is an entry too."""
_Key = tuple[int, int, bytes]


class DecodedBlocks:
    """At most so many bytes of samples, the least lately used go first; safe from any thread.

    An entry holds while its day file's generation stays the same, that is until its chunks may have changed. The
    caller reads the generation before it begins to read the file: what is kept is then never older than it says.
    """

    def __init__(self, most_bytes: int = DECODED_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[_Key, tuple[int, list[Piece], int]] = OrderedDict()
        self._bytes = 0

    def get(self, day: DayFile, generation: int, block: int, ids: bytes) -> list[Piece] | None:
        """Return all samples of these series in a block, or None where they are not kept or have changed."""
        with self._lock:
            return self._get((day.serial, block, ids), generation)

    def all(self, day: DayFile, generation: int, blocks: Iterable[int], ids: bytes) -> list[Piece] | None:
        """Return all samples of these series in some blocks, or None where one of them is not kept."""
        pieces: list[Piece] = []
        with self._lock:
            for block in blocks:
                found = self._get((day.serial, block, ids), generation)
                if found is None:
                    return None
                pieces += found
        return pieces

    def _get(self, key: _Key, generation: int) -> list[Piece] | None:
        found = self._entries.get(key)
        if found is None:
            return None
        if found[0] != generation:
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return found[1]

    def keep(self, day: DayFile, generation: int, block: int, ids: bytes, pieces: list[Piece]) -> None:
        """Keep what a block holds of these series; nobody may write to it from now on."""
        size = _ENTRY_BYTES + len(ids) + sum(piece.rows.nbytes for piece in pieces)
        if size > self._most:
            return
        for piece in pieces:
            piece.rows.flags.writeable = False
        key = (day.serial, block, ids)
        with self._lock:
            self._remove(key)
            self._entries[key] = (generation, pieces, size)
            self._bytes += size
            while self._bytes > self._most:
                self._remove(next(iter(self._entries)))

    def _remove(self, key: _Key) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self._bytes -= found[2]


class KeptMilestones:
    """Rows of milestones that queries asked for lately, by day and number; bounded, safe from any thread, read-only."""

    def __init__(self, most_bytes: int = MILESTONE_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._making = tuple(threading.Lock() for _ in range(_MADE_AT_ONCE))
        self._entries: OrderedDict[tuple[int, int], tuple[int, Milestones]] = OrderedDict()
        self._bytes = 0

    def once(self, day: DayFile, generation: int, number: int, make: Callable[[], Milestones]) -> Milestones:
        """Return a row of a day file that is kept and cannot have changed, else what `make` gives.

        The panels of a dashboard ask for the same rows at the same time, which are then made once.
        """
        found = self._get(day, generation, number)
        if found is None:
            with self._making[(day.serial + number) % _MADE_AT_ONCE]:
                found = self._get(day, generation, number)
                if found is None:
                    found = make()
                    self._keep(day, generation, number, found)
        return found

    def _get(self, day: DayFile, generation: int, number: int) -> Milestones | None:
        with self._lock:
            found = self._entries.get((day.serial, number))
            if found is None or found[0] != generation:
                return None
            self._entries.move_to_end((day.serial, number))
            return found[1]

    def _keep(self, day: DayFile, generation: int, number: int, row: Milestones) -> None:
        row.values.flags.writeable = False
        with self._lock:
            before = self._entries.pop((day.serial, number), None)
            self._bytes += _row_bytes(row) - (0 if before is None else _row_bytes(before[1]))
            self._entries[day.serial, number] = (generation, row)
            while self._bytes > self._most:
                _, (_, oldest) = self._entries.popitem(last=False)
                self._bytes -= _row_bytes(oldest)


def _row_bytes(row: Milestones) -> int:
    return _ENTRY_BYTES + row.values.nbytes + row.times.nbytes + 5 * row.ids.size
