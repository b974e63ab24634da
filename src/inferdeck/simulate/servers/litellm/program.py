"""A LiteLLM proxy as a fold of the event log: one meter per worker, one set of books where it has a database."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from inferdeck.simulate.events import (
    Answered,
    Arrived,
    AttemptEnded,
    ClockShifted,
    CooledDown,
    Ended,
    Fault,
    FellBack,
    Reconfigured,
    Repriced,
    Request,
    Started,
)
from inferdeck.simulate.fleet import Deployment, Fleet, Gateway, Price, Team
from inferdeck.simulate.servers.litellm import dialect, errors, identity
from inferdeck.simulate.servers.litellm.books import Books, Row
from inferdeck.simulate.servers.litellm.flights import Flight, Window, timing
from inferdeck.simulate.servers.litellm.identity import HEALTH, Caller, Place
from inferdeck.simulate.servers.litellm.meter import Meter, Plan, Tokens
from inferdeck.simulate.servers.litellm.payload import payload
from inferdeck.simulate.servers.litellm.push import FLUSH_SECONDS, Push
from inferdeck.simulate.servers.program import Handlers, World
from inferdeck.simulate.table import Table

_NOTHING = Tokens(0, 0, 0, 0, 0.0)


class Litellm:
    """One proxy; see the package for what backs it."""

    port = 4000

    def __init__(self, gateway: Gateway, fleet: Fleet, world: World) -> None:
        self.process = gateway.name
        self.gateway = gateway
        self.fleet = fleet
        self.world = world
        self.dialect = dialect.of(gateway.version)
        self.places = identity.places(gateway, fleet)
        self.deployments: dict[str, Deployment] = {one.id: one for one in gateway.deployments}
        self.prices: dict[str, Price] = {one.id: one.price for one in gateway.deployments}
        self.groups: dict[str, str] = {one.id: one.model for one in gateway.deployments}
        """Deployment -> the public model that it serves now."""
        self.callers = identity.Callers(gateway, fleet, self.dialect)
        self.books = Books()
        self.arrived: Request | None = None
        """The request that came last."""
        self.checks: deque[dict[str, Any]] = deque(maxlen=1000)
        """Health checks as the database keeps them, the newest last."""
        self.clock_offset = 0.0
        self.up = True
        self.started = 0.0
        self.push: Push | None = None
        self.meters: list[Meter] = []
        self.tables: list[Table] = []
        self.teams: dict[str, Team] = {team.name: team for team in fleet.teams}
        self._windows: dict[str, Window] = {}
        self._groups: dict[str, Window] = {}
        self._limits: dict[str, tuple[int, int]] = {}
        self._flights: dict[int, Flight] = {}
        self._flying = [0] * gateway.workers
        self._last_worker = 0
        self._turn = 0
        self._begin(0.0)

    def handlers(self) -> Handlers:
        """Return what to call for which events."""
        name = self.process
        return {
            (Started, name): self._on_started,
            (Ended, name): self._on_ended,
            (Arrived, name): self._on_arrived,
            (AttemptEnded, name): self._on_attempt,
            (Answered, name): self._on_answered,
            (FellBack, name): self._on_fallback,
            (CooledDown, name): self._on_cooldown,
            (Repriced, name): self._on_price,
            (Reconfigured, name): self._on_settings,
            (ClockShifted, self.gateway.host): self._on_clock,
        }

    def refresh(self, now: float) -> None:
        """All that it shows changes with events alone."""

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return its routes."""
        from inferdeck.simulate.servers.litellm import app

        return app.routes(self)

    def send_to(self, url: str, headers: Mapping[str, str] | None = None, flush_seconds: float = FLUSH_SECONDS) -> Push:
        """Have every logged call sent to a URL from now on, as `generic_api` does; start what is returned."""
        self.push = Push(url, self._payload, self.dialect.version, headers, flush_seconds)
        return self.push

    def _payload(self, row: Row) -> dict[str, Any]:
        return payload(row, self.prices[row.place.id])

    def meter(self) -> Meter:
        """Return the worker whose turn it is to answer."""
        self._turn = (self._turn + 1) % len(self.meters)
        return self.meters[self._turn]

    def flying(self) -> int:
        """Return how many requests the worker that answered last has in flight."""
        return self._flying[self._turn]

    def clock(self, now: float) -> float:
        """Return what its host's clock shows."""
        return now + self.clock_offset

    def models(self) -> dict[str, list[str]]:
        """Return the public models with their deployments."""
        found: dict[str, list[str]] = {}
        for place, group in self.groups.items():
            found.setdefault(group, []).append(place)
        return found

    def spent(self, team: Team, now: float) -> float:
        """Return what a team spent in its current budget period, in USD."""
        window = self._windows.get(team.name)
        return window.pay(now, team.budget_seconds, 0.0) if window else 0.0

    def resets_at(self, team: Team, now: float) -> float:
        """Return when a team's next budget period begins."""
        return math.floor(now / team.budget_seconds + 1.0) * team.budget_seconds

    def _begin(self, started: float) -> None:
        self.started = started
        redis = bool(self.gateway.cache)
        self.meters = [Meter(self.dialect, started, redis=redis) for _ in range(self.gateway.workers)]
        self.tables[:] = [meter.table for meter in self.meters]
        for meter in self.meters:
            for one in self.gateway.deployments:
                meter.configured(self.places[one.id], one.requests_per_minute, one.tokens_per_minute)
        self._flights.clear()
        self._flying = [0] * self.gateway.workers

    def _on_started(self, event: Started) -> None:
        self.dialect = dialect.of(event.version)
        self.callers = identity.Callers(self.gateway, self.fleet, self.dialect)
        self._begin(self.clock(event.time))
        self.up = True

    def _on_ended(self, event: Ended) -> None:
        self.up = False

    def _on_clock(self, event: ClockShifted) -> None:
        self.clock_offset = event.seconds

    def _on_price(self, event: Repriced) -> None:
        self.prices[event.deployment] = Price(event.input, event.output, event.cached_input)

    def _on_settings(self, event: Reconfigured) -> None:
        self.gateway = event.settings
        self.deployments = {one.id: one for one in self.gateway.deployments}
        for one in self.gateway.deployments:
            self.places[one.id] = self._place(one.id, one.model)
            self.groups[one.id] = one.model
        self._limits.clear()

    def _on_arrived(self, event: Arrived) -> None:
        if not self.up:
            return
        worker = event.worker % len(self.meters)
        self.arrived = event.request
        self._flights[event.request.id] = Flight(worker)
        self._flying[worker] += 1
        self.meters[worker].flying(self._flying[worker])

    def _on_attempt(self, event: AttemptEnded) -> None:
        flight = self._flights.get(event.request.id)
        if flight is None or not self.up:
            return
        flight.place = place = self._place(event.deployment, event.group)
        flight.started, flight.ended, flight.first = event.started, event.time, event.first_token
        self._last_worker = flight.worker
        fault = event.fault
        if fault is None:
            return
        flight.begun = event.request.stream and event.first_token is not None
        # LiteLLM logs the first failure of a request and none of its retries and further fallbacks.
        if event.number == 0 and fault not in (Fault.AUTH, Fault.NO_KEY):
            self._failed(event, fault, flight, place)

    def _failed(self, event: AttemptEnded, fault: Fault, flight: Flight, place: Place) -> None:
        who = self.callers.of(event.request)
        failure = errors.of(fault, place.provider, self.dialect, begun=flight.begun)
        meter = self.meters[flight.worker]
        meter.table.now = self.clock(event.time)
        if who.key == HEALTH:
            meter.rejected(who, place, failure)
        else:
            meter.failed(who, place, failure)
        self._log(event.request, who, place, event.started, event.time, event.time, _NOTHING, False, failure)

    def _on_answered(self, event: Answered) -> None:
        flight = self._flights.pop(event.request.id, None)
        if flight is None or not self.up:
            return
        worker = flight.worker
        meter = self.meters[worker]
        self._flying[worker] -= 1
        meter.flying(self._flying[worker])
        meter.busy(event.overhead_seconds)
        meter.table.now = self.clock(event.time)
        if event.fault is None:
            self._succeeded(event, flight, meter)
        else:
            self._refused(event, event.fault, flight, meter)

    def _succeeded(self, event: Answered, flight: Flight, meter: Meter) -> None:
        request, usage = event.request, event.usage
        who = self.callers.of(request)
        place = flight.place or self._any(event.deployment, event.group or request.model)
        if place is None:
            return
        used = Tokens(usage.input, usage.output, usage.cached_input, usage.reasoning, usage.cost)
        plan = meter.success(who, place, request.model, request.route, stream=request.stream)
        meter.count(plan, used, timing(event, flight), stream=request.stream, hit=event.cached)
        self._budget(event.time, who, request.team, 0.0 if event.cached else usage.cost, used, meter)
        one = self.deployments.get(place.id)
        if one is not None and (one.requests_per_minute or one.tokens_per_minute):
            self._remaining(event.time, meter, plan, place, one, used)
        first = event.first_token if request.stream and event.first_token is not None else event.time
        self._log(request, who, place, request.time, event.time, first, used, event.cached, None)

    def _remaining(self, now: float, meter: Meter, plan: Plan, place: Place, one: Deployment, used: Tokens) -> None:
        """Show limits and, as the router reckons it, what is left of those of the whole group in this minute."""
        meter.limit(plan, one.requests_per_minute, one.tokens_per_minute)
        window = self._groups.get(place.group)
        if window is None:
            window = self._groups[place.group] = Window()
        window.at(now)
        window.requests += 1
        window.tokens += used.input + used.output
        limits = self._limits.get(place.group)
        if limits is None:
            limits = self._limits[place.group] = self._sum(place.group)
        requests, tokens = limits
        left = requests - window.requests if requests else None, tokens - window.tokens if tokens else None
        meter.left(plan, *left)

    def _sum(self, group: str) -> tuple[int, int]:
        """Return the limits of all deployments of a group together, in requests and tokens a minute."""
        mates = [self.deployments[mate] for mate, name in self.groups.items() if name == group]
        requests = sum(mate.requests_per_minute or 0 for mate in mates)
        return requests, sum(mate.tokens_per_minute or 0 for mate in mates)

    def _refused(self, event: Answered, fault: Fault, flight: Flight, meter: Meter) -> None:
        request = event.request
        who = self.callers.of(request)
        asked = "other" if fault is Fault.UNKNOWN_MODEL else request.model
        place = flight.place if event.attempts else self._any("", request.model)
        provider = place.provider if place and event.attempts and fault is not Fault.NO_DEPLOYMENT else ""
        failure = errors.of(fault, provider, self.dialect, begun=flight.begun)
        if who.key != HEALTH:
            meter.refused(who, place, asked, request.route, failure)
        if not event.attempts and place:
            if fault is not Fault.NO_DEPLOYMENT:
                meter.rejected(who, place, failure)
            self._log(request, who, place, request.time, event.time, event.time, _NOTHING, False, failure)

    def _on_fallback(self, event: FellBack) -> None:
        if not self.up:
            return
        flight = self._flights.get(event.request.id)
        meter = self.meters[flight.worker if flight else self._last_worker]
        place = self._any("", event.request.model)
        failure = errors.of(event.fault, place.provider if place else "", self.dialect)
        meter.table.now = self.clock(event.time)
        who = self.callers.of(event.request)
        meter.fell_back(who, event.request.model, event.to, failure, succeeded=event.succeeded)

    def _on_cooldown(self, event: CooledDown) -> None:
        place = self.places.get(event.deployment)
        if not self.up or place is None:
            return
        meter = self.meters[self._last_worker]
        meter.table.now = self.clock(event.time)
        meter.cooled(place, errors.of(event.fault, place.provider, self.dialect).code)

    def _budget(self, now: float, who: Caller, name: str, cost: float, used: Tokens, meter: Meter) -> None:
        team = self.teams.get(name) if who.team else None
        if team is None:
            meter.budget(who, None, 0.0, None)
            return
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = Window()
        spent = window.pay(now, team.budget_seconds, cost)
        hours = None
        if team.budget_usd is not None:
            hours = (self.resets_at(team, now) - now) / 3600.0
        meter.budget(who, team.budget_usd, spent, hours)
        window.at(now)
        window.requests += 1
        window.tokens += used.input + used.output
        if team.requests_per_minute is not None:
            meter.team_limit(who, "requests", team.requests_per_minute, window.requests)
        if team.tokens_per_minute is not None:
            meter.team_limit(who, "tokens", team.tokens_per_minute, window.tokens)

    def _log(
        self,
        request: Request,
        who: Caller,
        place: Place,
        start: float,
        end: float,
        first: float,
        used: Tokens,
        hit: bool,
        failure: errors.Failure | None,
    ) -> None:
        if not self.gateway.database and self.push is None:
            return
        off = self.clock_offset
        row = Row(request, who, place, start + off, end + off, first + off, used, hit, failure)
        if self.gateway.database:
            self.books.enter(row, request.route)
        if self.push is not None:
            self.push.add(row)

    def _place(self, deployment: str, group: str) -> Place:
        """Return where an attempt went; one that began before a rename goes by the name that it began with."""
        place = self.places[deployment]
        if place.group == group:
            return place
        return Place(place.id, group, place.model, place.provider, place.base, place.called)

    def _any(self, deployment: str, group: str) -> Place | None:
        """Return a deployment, or else the first of its group."""
        if deployment in self.places:
            return self.places[deployment]
        return next((self.places[one] for one, model in self.groups.items() if model == group), None)
