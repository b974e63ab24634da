"""First sight of many series, without the garbage collector: it would look through them all again and again.

First sight makes hundreds of thousands of objects, all of which stay. Each full collection among them holds every
thread for up to 100 ms (measured with 50,000 series) and finds nothing.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 2_000
"""So many new series are worth keeping out of collections; ten thousand make one take 40 ms."""

_lock = threading.Lock()
_state = {"inside": 0, "was_on": 0, "fresh": 0}


@contextmanager
def undisturbed() -> Iterator[None]:
    """Pause the collector for the block; blocks may overlap, also in several threads."""
    with _lock:
        if not _state["inside"]:
            _state["was_on"] = int(gc.isenabled())
            gc.disable()
        _state["inside"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["inside"] -= 1
            if not _state["inside"] and _state["was_on"]:
                gc.enable()


class Settled:
    """Keeps what a target's first sight made out of later collections.

    Done when the targets of this process have together brought enough that is new, a target counting again only when it
    has doubled, since what is kept out is never looked at for cycles.
    """

    def __init__(self) -> None:
        self._most = 0

    def note(self, series: int) -> None:
        """Take note that a target of this many series has been seen through every stage."""
        if series < max(1, 2 * self._most):
            return
        with _lock:
            _state["fresh"] += series - self._most
            full = _state["fresh"] >= _MANY
            if full:
                _state["fresh"] = 0
        self._most = series
        if full:
            gc.freeze()
