"""When and where samples were written, so that remembered results are dropped from the first changed step on."""

from __future__ import annotations

import threading
from bisect import bisect_right

_MERGED_MS = 1000
_MOST_MARKS = 20_000


class WriteLog:
    """Answers "which is the oldest sample written since then?"; from any thread.

    A result that was computed when the log stood at `position()` still holds before `changed_since(position)`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._position = 0
        # Rising positions with rising stamps: an older write that a later one goes back behind tells nothing more.
        self._positions: list[int] = []
        self._stamps: list[int] = []
        self._forgotten = 0

    def position(self) -> int:
        """Return where the log stands; to be taken before a result is computed."""
        with self._lock:
            return self._position

    def wrote(self, stamp_ms: int) -> None:
        """Note a write whose oldest sample has this stamp, after the store has it."""
        with self._lock:
            self._position += 1
            oldest = stamp_ms
            while self._stamps and self._stamps[-1] > oldest - _MERGED_MS:
                # Within a second of each other: one mark with the older stamp stands for both.
                oldest = min(oldest, self._stamps.pop())
                self._positions.pop()
            self._stamps.append(oldest)
            self._positions.append(self._position)
            if len(self._stamps) > _MOST_MARKS:
                half = _MOST_MARKS // 2
                self._forgotten = self._positions[half - 1]
                del self._stamps[:half], self._positions[:half]

    def changed_since(self, position: int) -> int | None:
        """Return the stamp of the oldest sample written after `position`; None where nothing was.

        Where the log no longer reaches back that far, everything may have changed: a stamp before all times.
        """
        with self._lock:
            if position == self._position:
                return None
            if position < self._forgotten:
                return -(2**62)
            return self._stamps[bisect_right(self._positions, position)]
