"""What a proxy keeps of requests on their way, and of the limits that they use up."""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.simulate.events import Answered
from inferdeck.simulate.servers.litellm.identity import Place
from inferdeck.simulate.servers.litellm.meter import Timing


@dataclass(slots=True)
class Flight:
    """A request that is being answered."""

    worker: int
    place: Place | None = None
    """Where its last attempt went."""
    started: float = 0.0
    ended: float = 0.0
    first: float | None = None
    begun: bool = False
    """Its stream had begun when its last attempt failed."""


@dataclass(slots=True)
class Window:
    """What was used in the current minute, and spent in the current budget period."""

    minute: int = -1
    requests: int = 0
    tokens: int = 0
    period: int = -1
    spent: float = 0.0

    def at(self, now: float) -> Window:
        """Begin a new minute where it is one."""
        minute = int(now // 60.0)
        if minute != self.minute:
            self.minute, self.requests, self.tokens = minute, 0, 0
        return self

    def pay(self, now: float, period: float, cost: float) -> float:
        """Add a cost to its budget period and return what was spent in it."""
        number = int(now // period)
        if number != self.period:
            self.period, self.spent = number, 0.0
        self.spent += cost
        return self.spent


def timing(event: Answered, flight: Flight) -> Timing:
    """Return how long an answer took."""
    request = event.request
    total = event.time - request.time
    if event.cached or flight.place is None:
        return Timing(total, event.overhead_seconds, None, None)
    first = event.first_token if event.first_token is not None else flight.first
    begun = first - flight.started if request.stream and first is not None else None
    return Timing(total, event.overhead_seconds, flight.ended - flight.started, begun)
