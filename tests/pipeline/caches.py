"""What inferdeck's series of a Redis count of its gateways' commands, told from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator

from inferdeck.simulate.events import Arrived, Attempted
from inferdeck.simulate.fleet import Cache
from inferdeck.simulate.ledger import Record
from tests.pipeline.collecting import Stage
from tests.pipeline.counters import Claim, Key, Truth


class CacheTruth:
    """The ledger's side of one Redis: LiteLLM's rate limiter asks once a request, its router once an attempt."""

    def __init__(self, stage: Stage, cache: Cache) -> None:
        self._stage = stage
        self._gateways = {one.name for one in stage.scenario.fleet.gateways if one.cache == cache.name}

    def claims(self) -> list[Claim]:
        """Return every counter that is compared."""
        ledger = self._stage.ledger
        return [
            Claim("redis_commands_total", (), self._count(ledger.arrivals), (("cmd", "evalsha"),)),
            Claim("redis_commands_total", (), self._count(ledger.attempted), (("cmd", "mget"),)),
        ]

    def _count(self, record: Record[Arrived] | Record[Attempted]) -> Truth:
        def amounts(start: float, end: float) -> Iterator[tuple[Key, float]]:
            for one in record.between(start, end):
                if one.request.gateway in self._gateways:
                    yield (), 1.0

        return amounts
