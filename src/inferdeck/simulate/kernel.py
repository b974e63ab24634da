"""The discrete-event kernel: what is due in the order of its time, and who is told what happened."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from inferdeck.simulate.events import Event

Handler = Callable[..., None]


class Kernel:
    """One world's time. Nothing in it depends on the time of the machine; belongs to one thread."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._told: dict[tuple[type[Event], str], list[Handler]] = {}
        self._every: list[Handler] = []
        self._whom: dict[tuple[type[Event], str], tuple[Handler, ...]] = {}
        """Who is told of what, as far as it was asked since the last of them came."""

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Do something at a time; what is due at the same time happens in the order in which it was asked for."""
        self._count += 1
        now = self.now
        heapq.heappush(self._due, (time if time > now else now, self._count, action))

    def subscribe(self, handlers: Mapping[tuple[type[Event], str], Handler]) -> None:
        """Tell these handlers of the events of their type and subject; subject "" is every subject."""
        for key, handler in handlers.items():
            self._told.setdefault(key, []).append(handler)
        self._whom.clear()

    def watch(self, handler: Handler) -> None:
        """Tell this handler of every event."""
        self._every.append(handler)
        self._whom.clear()

    def emit(self, event: Event, subject: str) -> None:
        """Say that something happened, now."""
        key = (type(event), subject)
        whom = self._whom.get(key)
        if whom is None:
            told = self._told
            whom = self._whom[key] = (*told.get(key, ()), *told.get((key[0], ""), ()), *self._every)
        for handler in whom:
            handler(event)

    def run_until(self, time: float) -> None:
        """Let everything happen that is due up to and including this time; a time in the past changes nothing."""
        due, pop = self._due, heapq.heappop
        while due and due[0][0] <= time:
            self.now, _, action = pop(due)
            action()
        self.now = max(self.now, time)
