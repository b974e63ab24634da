"""What a proxy's database holds: one row per logged call (the newest ones), sums per day, spend per key, team and user.

The database outlives the proxy: a restart resets its metrics and nothing here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from inferdeck.simulate.events import Request
from inferdeck.simulate.servers.litellm.errors import Failure
from inferdeck.simulate.servers.litellm.identity import Caller, Place
from inferdeck.simulate.servers.litellm.meter import Tokens

ROWS = 10_000
"""How many rows are kept; the oldest go first, as with `maximum_spend_logs_retention_period`."""
DAYS = 400
_DAY = 86_400.0


@dataclass(slots=True)
class Row:
    """One logged call: an answer, or the failure that LiteLLM's callback saw."""

    request: Request
    who: Caller
    place: Place
    start: float
    end: float
    first: float
    used: Tokens
    hit: bool
    failure: Failure | None

    @property
    def call(self) -> str:
        """LiteLLM's id of the request; a failure and the fallback that rescued it share it."""
        return call_id(self.request)

    @property
    def id(self) -> str:
        """The id of the answer, or of the failure."""
        return self.call if self.failure else answer_id(self.request)


@dataclass(slots=True)
class Sums:
    """What happened in one day under one label set."""

    spend: float = 0.0
    input: int = 0
    output: int = 0
    cached: int = 0
    succeeded: int = 0
    failed: int = 0
    limited: int = 0
    """Failures with status 429."""
    milliseconds: int = 0

    def add(self, other: Sums) -> None:
        """Add another's sums to these."""
        self.spend += other.spend
        self.input += other.input
        self.output += other.output
        self.cached += other.cached
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.limited += other.limited
        self.milliseconds += other.milliseconds


def uuid_of(text: str) -> str:
    """Return the UUID that a text gives."""
    return str(UUID(bytes=sha256(text.encode()).digest()[:16], version=4))


def call_id(request: Request) -> str:
    """Return LiteLLM's id of a request."""
    return uuid_of(f"litellm call {request.gateway} {request.id}")


def answer_id(request: Request) -> str:
    """Return the id of the answer to a request."""
    return f"chatcmpl-{uuid_of(f'answer {request.prompt} {request.id}')}"


Key = tuple[int, Caller, Place, str]
"""Day since 1970, who, where, route."""


@dataclass(slots=True)
class Books:
    """All that the spend and activity routes read."""

    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=ROWS))
    days: dict[Key, Sums] = field(default_factory=dict)
    keys: dict[str, float] = field(default_factory=dict)
    """Spend by hashed key since the beginning."""
    active: dict[str, float] = field(default_factory=dict)
    """When each key was last used."""
    _today: int = -1

    def enter(self, row: Row, route: str) -> None:
        """Take a call into the books."""
        self.rows.append(row)
        day = int(row.start // _DAY)
        if day > self._today:
            self._new_day(day)
        key = (day, row.who, row.place, route)
        sums = self.days.get(key)
        if sums is None:
            sums = self.days[key] = Sums()
        who = row.who.key
        self.active[who] = row.end
        if row.failure is not None:
            sums.failed += 1
            sums.limited += row.failure.status == 429
            self.keys.setdefault(who, 0.0)
            return
        used = row.used
        cost = 0.0 if row.hit else used.cost
        sums.spend += cost
        sums.input += used.input
        sums.output += used.output
        sums.cached += used.cached
        sums.succeeded += 1
        sums.milliseconds += int((row.end - row.start) * 1000)
        self.keys[who] = self.keys.get(who, 0.0) + cost

    def _new_day(self, day: int) -> None:
        self._today = day
        for key in [key for key in self.days if key[0] < day - DAYS]:
            del self.days[key]
