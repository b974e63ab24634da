"""Langfuse's rate limits: a fixed window of a minute for each resource, counted in the reader's own time.

Real limits exist on Langfuse Cloud alone and differ by resource and plan; here one number holds for each. As in the
real one, the request that would take the last point is refused already (RateLimitService.ts: remainingPoints < 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from inferdeck.simulate.servers.langfuse.records import iso, milliseconds
from inferdeck.simulate.servers.langfuse.refused import RefusedError

WINDOW_SECONDS = 60.0


class Limiter:
    """Counts the requests of each resource; `clock` is monotonic (s), for what is limited are real clients."""

    def __init__(self, per_minute: int | None, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, resource: str, now: float, *, structured: bool) -> None:
        """Count a request; raises RefusedError with 429. `now` is the server's wall clock, which the headers show."""
        if self.per_minute is None:
            return
        moment = self._clock()
        start, count = self._windows.get(resource, (moment, 0))
        if moment - start >= WINDOW_SECONDS:
            start, count = moment, 0
        count += 1
        self._windows[resource] = (start, count)
        remaining = max(0, self.per_minute - count)
        if remaining >= 1:
            return
        wait = start + WINDOW_SECONDS - moment
        headers = {
            "Retry-After": str(math.ceil(wait)),
            "X-RateLimit-Limit": str(self.per_minute),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": script_date(now + wait),
        }
        if not structured:
            raise RefusedError(429, "429 - rate limit exceeded", {**headers, "Content-Type": "text/plain"})
        details = {
            "retryAfterSeconds": math.ceil(wait),
            "limit": self.per_minute,
            "remaining": remaining,
            "resetAt": iso(milliseconds(now + wait)),
        }
        raise RefusedError(429, {"message": "Rate limit exceeded", "code": "rate_limited", "details": details}, headers)


def script_date(seconds: float) -> str:
    """Return a time as JavaScript's Date.toString does on a server in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)"
