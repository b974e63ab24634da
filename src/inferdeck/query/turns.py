"""Whose turn it is to compute: threads that compete for the interpreter take twice as long as one after the other."""

from __future__ import annotations

import time
from collections import deque
from threading import Event, Lock

SLICE_SECONDS = 0.05
PATIENCE_SECONDS = 1.0


class Turns:
    """One thread computes at a time, the others wait in the order in which they came.

    A turn is over at the first look at `over` after a slice of time in which somebody waited. Courtesy, not exclusion:
    who has waited longer than `patience_seconds`, since another is in a long piece of work, computes beside it.
    """

    def __init__(self, slice_seconds: float = SLICE_SECONDS, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._slice, self._patience = slice_seconds, patience_seconds
        self._lock = Lock()
        self._waiting: deque[Event] = deque()
        self._taken = False
        self._since = 0.0

    def take(self) -> bool:
        """Wait for a turn; False where it did not come in time, and the caller goes on without one."""
        with self._lock:
            if not self._taken:
                self._begin()
                return True
            mine = Event()
            self._waiting.append(mine)
        if mine.wait(self._patience):
            return True
        with self._lock:
            if mine.is_set():
                return True
            self._waiting.remove(mine)
            return False

    def over(self) -> bool:
        """Say whether who has the turn should pass it on."""
        return bool(self._waiting) and time.monotonic() - self._since >= self._slice

    def pass_on(self) -> None:
        """End a turn that `take` gave: the next who waits has it."""
        with self._lock:
            self._taken = False
            if self._waiting:
                self._begin()
                self._waiting.popleft().set()

    def _begin(self) -> None:
        self._taken, self._since = True, time.monotonic()
