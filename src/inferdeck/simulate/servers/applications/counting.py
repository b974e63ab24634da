"""What both applications have in common: whose requests they count, which provider served one, and /metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from aiohttp import web

from inferdeck.simulate.events import (
    Answered,
    Arrived,
    Attempted,
    AttemptEnded,
    CacheAsked,
    ClockShifted,
    Ended,
    Missed,
    Request,
    Started,
)
from inferdeck.simulate.fleet import Application, Fleet
from inferdeck.simulate.servers.program import Handlers, World
from inferdeck.simulate.table import Family, Table

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CACHE, NOWHERE = "cache", "none"
"""What stands for the provider of a remembered response, and of a request that was sent to nobody."""
DURATION_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
FIRST_TOKEN_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)


class Counting(ABC):
    """One application. It counts what its agents sent while it was up; what was under way when it ended, it forgets."""

    port = 8000
    python = False
    """Its exposition looks as that of Python's client."""

    def __init__(self, application: Application, fleet: Fleet, world: World) -> None:
        self.process = application.name
        self.tables: list[Table] = []
        self.clock_offset = 0.0
        self.started = 0.0
        self.gateways = fleet.gateways
        self.keep_seconds = {gateway.name: gateway.cache_seconds for gateway in fleet.gateways}
        """How long each gateway remembers a response."""
        self._host = application.host
        self._agents = frozenset(application.agents)
        self._world = world
        self._up = False
        engines = {engine.name: engine.kind for engine in fleet.engines}
        self.providers: dict[tuple[str, str], str] = {
            (gateway.name, deployment.id): engines.get(deployment.target, deployment.target)
            for gateway in fleet.gateways
            for deployment in gateway.deployments
        }
        """(gateway, deployment) -> the provider in the cloud, or the kind of the engine."""
        self.open: dict[int, str] = {}
        """Requests under way -> the provider that was tried last."""
        self.trying: dict[int, str] = {}
        """Attempts under way -> their provider."""
        self.asked: set[int] = set()
        """Requests under way for which the cache had nothing."""
        self._fresh()

    def handlers(self) -> Handlers:
        """Return what to call for which events."""
        return {
            (Started, self.process): self._start,
            (Ended, self.process): self._end,
            (ClockShifted, self._host): self._shift,
            (Arrived, ""): self._arrived,
            (Missed, ""): self._missed,
            (CacheAsked, ""): self._cache_asked,
            (Attempted, ""): self._attempted,
            (AttemptEnded, ""): self._attempt_ended,
            (Answered, ""): self._answered,
        }

    def refresh(self, now: float) -> None:
        """Bring what depends on the time itself to this moment."""

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return its routes."""
        return [web.get("/metrics", self._metrics), web.get("/health", self._health)]

    async def _metrics(self, _request: web.Request) -> web.Response:
        self.refresh(self._world.present())
        return web.Response(body=self.tables[0].text().encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _health(self, _request: web.Request) -> web.Response:
        self._world.present()
        return web.json_response({"status": "ok"})

    # What happens

    def _fresh(self) -> None:
        """Begin with all counters at 0."""
        table = Table(python=self.python)
        self.tables = [table]
        self.declare(table)
        # The process collector's: what tells a restart apart from a counter that stands still.
        begun = table.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
        begun.set(self.started + self.clock_offset)
        self.open.clear()
        self.trying.clear()
        self.asked.clear()

    def _start(self, event: Started) -> None:
        self._up, self.started = True, event.time
        self._fresh()

    def _end(self, event: Ended) -> None:
        self._up = False

    def _shift(self, event: ClockShifted) -> None:
        self.clock_offset = event.seconds

    def _mine(self, request: Request) -> bool:
        return self._up and (not self._agents or request.agent in self._agents)

    def _arrived(self, event: Arrived) -> None:
        if self._mine(event.request):
            self.open[event.request.id] = NOWHERE

    def _missed(self, event: Missed) -> None:
        if self._mine(event.request):
            self.missed(event.request)

    def _cache_asked(self, event: CacheAsked) -> None:
        request = event.request
        if request.id in self.open:
            if not event.hit:
                self.asked.add(request.id)
            self.cache_asked(request, hit=event.hit)

    def _attempted(self, event: Attempted) -> None:
        request = event.request
        if request.id in self.open:
            provider = self.providers.get((request.gateway, event.deployment), NOWHERE)
            self.open[request.id] = self.trying[event.attempt] = provider
            self.attempted(request, provider)

    def _attempt_ended(self, event: AttemptEnded) -> None:
        provider = self.trying.pop(event.attempt, None)
        if provider is not None:
            self.attempt_ended(event, provider)

    def _answered(self, event: Answered) -> None:
        provider = self.open.pop(event.request.id, None)
        if provider is not None:
            self.answered(event, CACHE if event.cached else provider)
            self.asked.discard(event.request.id)

    # What each application makes of it

    @abstractmethod
    def declare(self, table: Table) -> None:
        """Declare the families in a new table."""

    @abstractmethod
    def missed(self, request: Request) -> None:
        """Count a request that found its gateway down."""

    @abstractmethod
    def cache_asked(self, request: Request, *, hit: bool) -> None:
        """Count a look into the cache."""

    @abstractmethod
    def attempted(self, request: Request, provider: str) -> None:
        """Count an attempt that begins."""

    @abstractmethod
    def attempt_ended(self, event: AttemptEnded, provider: str) -> None:
        """Count an attempt that is over."""

    @abstractmethod
    def answered(self, event: Answered, provider: str) -> None:
        """Count a finished request."""


def touch(family: Family, *labels: tuple[str, ...]) -> None:
    """Make children at 0 before anything happens."""
    for values in labels:
        family.child(values)
