"""A gateway: limits, the response cache, routing, retries, cooldowns, fallbacks, and what it all costs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

from inferdeck.simulate.chance import draw, stream
from inferdeck.simulate.cloud import Minute, Served
from inferdeck.simulate.events import (
    Answered,
    Arrived,
    Attempted,
    AttemptEnded,
    CacheAsked,
    CooledDown,
    Event,
    Fault,
    FellBack,
    Limited,
    Repriced,
    Request,
    Usage,
)
from inferdeck.simulate.fleet import Deployment, Gateway, Price, Team
from inferdeck.simulate.kernel import Kernel

FAIL_WINDOW_SECONDS = 60.0
RETRIED = {Fault.RATE_LIMIT, Fault.OUTAGE, Fault.UNREACHABLE, Fault.TIMEOUT, Fault.ABORTED}
ON_THE_WAY = 0.5
"""Share of a gateway's overhead that comes before the first attempt."""

Target = Callable[[int, Request, Callable[[float], None], Callable[[Served], None]], None]


@dataclass(slots=True)
class _Route:
    """One deployment as the gateway keeps it."""

    deployment: Deployment
    price: Price
    weight: float
    minute: Minute = field(default_factory=Minute)
    fails: deque[float] = field(default_factory=deque)
    cool_until: float = float("-inf")


@dataclass(slots=True)
class _Work:
    """One request on its way."""

    request: Request
    worker: int
    overhead: float
    answered: Callable[[Answered], None] | None
    first: Callable[[float], None] | None
    groups: deque[str]
    group: str = ""
    tries: int = 0
    attempts: int = 0
    fallbacks: int = 0
    fault: Fault | None = None
    """Why the last attempt failed."""
    cause: Fault = Fault.NO_DEPLOYMENT
    """Why the group before this one failed."""
    attempt: int = -1
    route: _Route | None = None
    started: float = 0.0
    first_token: float | None = None


@dataclass(slots=True)
class Spending:
    """What a team has used of its limits."""

    team: Team
    minute: Minute = field(default_factory=Minute)
    period: int = -1
    usd: float = 0.0

    def turn(self, now: float) -> None:
        """Begin a new budget period where one is due."""
        if (period := int(now // self.team.budget_seconds)) != self.period:
            self.period, self.usd = period, 0.0


class Proxy:
    """One gateway of the fleet; `reach` gives the target of a deployment by name."""

    def __init__(
        self,
        gateway: Gateway,
        kernel: Kernel,
        seed: int,
        teams: dict[str, Spending],
        reach: Callable[[str], tuple[Target, Callable[[int], None]]],
        number: Callable[[], int],
    ) -> None:
        self.gateway = gateway
        self._kernel = kernel
        self._teams = teams
        self._reach = reach
        self._number = number
        self._noise: Random = stream(seed, "gateway", gateway.name, "noise")
        self._choice: Random = stream(seed, "gateway", gateway.name, "choice")
        self._turn = 0
        self.up = False
        self.cache_up = True
        self.overhead_factor = 1.0
        self._routes: dict[str, list[_Route]] = {}
        for one in gateway.deployments:
            self._routes.setdefault(one.model, []).append(_Route(one, one.price, one.weight))
        self._works: dict[int, _Work] = {}
        self._open_attempts: set[int] = set()
        self._remembered: dict[tuple[int, str], tuple[float, Usage, str, str]] = {}

    # What a scenario changes

    def set_weight(self, deployment: str, weight: float) -> None:
        """Give a deployment another share."""
        for route in self._all():
            if route.deployment.id == deployment:
                route.weight = weight

    def reprice(self, served: str, price: Price) -> None:
        """Reckon with another price for a served model."""
        for route in self._all():
            if route.deployment.served == served:
                route.price = price
                self._emit(
                    Repriced(
                        self._kernel.now,
                        self.gateway.name,
                        route.deployment.id,
                        price.input,
                        price.output,
                        price.cached_input,
                    )
                )

    def rename(self, model: str, to: str) -> None:
        """Give a public model another name; who asks for the old one fails from now on."""
        if model in self._routes:
            self._routes[to] = self._routes.pop(model)
            fallbacks = {
                (to if name == model else name): tuple(to if one == model else one for one in others)
                for name, others in self.gateway.fallbacks.items()
            }
            self.gateway = replace(self.gateway, fallbacks=fallbacks)

    def forget(self) -> None:
        """The cache lost its keys."""
        self._remembered.clear()

    def end(self) -> None:
        """The process ends: what is on its way fails."""
        self.up = False
        for work in list(self._works.values()):
            self._give_up(work)
        for route in self._all():
            route.fails.clear()
            route.cool_until = float("-inf")

    def drop(self, request: int) -> None:
        """Give a request up, if it is still on its way: its client went away."""
        work = self._works.get(request)
        if work is not None:
            self._give_up(work)

    def _give_up(self, work: _Work) -> None:
        if work.route is not None and work.attempt in self._open_attempts:
            self._close_attempt(work, replace(_ABORTED, prefill_seconds=self._kernel.now - work.started))
            self._reach(work.route.deployment.target)[1](work.attempt)
        self._answer(work, Fault.ABORTED, Usage(), "", "")

    # One request

    def take(
        self,
        request: Request,
        answered: Callable[[Answered], None] | None = None,
        first: Callable[[float], None] | None = None,
    ) -> None:
        """Serve a request that arrives now, through a process that is up."""
        now = self._kernel.now
        worker = self._turn % self.gateway.workers
        self._turn += 1
        overhead = draw(self.gateway.overhead_seconds, self._noise, self.overhead_factor)
        groups = deque((request.model, *self.gateway.fallbacks.get(request.model, ())))
        work = _Work(request, worker, overhead, answered, first, groups)
        self._works[request.id] = work
        self._emit(Arrived(now, request, worker))
        self._kernel.at(now + overhead * ON_THE_WAY, partial(self._check, work))

    def _check(self, work: _Work) -> None:
        if work.request.id not in self._works:
            return None
        request, now = work.request, self._kernel.now
        if request.model not in self._routes:
            return self._finish(work, Fault.UNKNOWN_MODEL)
        limit = self._limit(request, now)
        if limit:
            self._emit(Limited(now, request, limit))
            return self._finish(work, Fault.BUDGET if limit == "budget" else Fault.RATE_LIMIT)
        if self.gateway.cache_seconds is not None and self.cache_up:
            found = self._remembered.get((request.prompt, request.model))
            hit = found is not None and found[0] > now
            self._emit(CacheAsked(now, request, hit))
            if hit and found is not None:
                return self._kernel.at(
                    now + work.overhead * (1 - ON_THE_WAY), partial(self._from_cache, work, *found[1:])
                )
        return self._next_group(work)

    def _from_cache(self, work: _Work, usage: Usage, group: str, deployment: str) -> None:
        if work.request.id in self._works:
            work.first_token = self._kernel.now
            if work.first is not None:
                work.first(self._kernel.now)
            self._answer(work, None, replace(usage, cost=0.0), group, deployment, cached=True)

    def _limit(self, request: Request, now: float) -> str:
        spending = self._teams.get(request.team)
        if spending is None:
            return ""
        team = spending.team
        spending.turn(now)
        if team.budget_usd is not None and spending.usd >= team.budget_usd:
            return "budget"
        if not spending.minute.within(now, team.requests_per_minute, None):
            return "requests"
        if not spending.minute.within(now, None, team.tokens_per_minute):
            return "tokens"
        spending.minute.requests += 1
        return ""

    def _next_group(self, work: _Work) -> None:
        while work.groups:
            work.group = work.groups.popleft()
            work.tries = 0
            if work.fault is not None:
                work.fallbacks += 1
                work.cause = work.fault
            if self._attempt(work):
                return
            work.fault = work.fault or Fault.NO_DEPLOYMENT
        self._finish(work, work.fault or Fault.NO_DEPLOYMENT)

    def _attempt(self, work: _Work) -> bool:
        """Send the request to a deployment of its group; False where none takes it."""
        now, request = self._kernel.now, work.request
        able = [
            route
            for route in self._routes.get(work.group, ())
            if route.cool_until <= now
            and route.weight > 0
            and route.minute.within(now, route.deployment.requests_per_minute, route.deployment.tokens_per_minute)
        ]
        if not able:
            return False
        route = self._choice.choices(able, [one.weight for one in able])[0] if len(able) > 1 else able[0]
        route.minute.requests += 1
        work.route, work.attempt, work.started = route, self._number(), now
        self._emit(Attempted(now, request, work.attempt, work.attempts, work.group, route.deployment.id))
        work.attempts += 1
        work.tries += 1
        self._open_attempts.add(work.attempt)
        send, _ = self._reach(route.deployment.target)
        number = work.attempt
        send(number, request, partial(self._first, work, number), partial(self._ended, work, number))
        self._kernel.at(now + self.gateway.timeout_seconds, partial(self._time_out, work, number))
        return True

    def _first(self, work: _Work, attempt: int, time: float) -> None:
        if work.attempt == attempt and work.first is not None:
            work.first(time)

    def _time_out(self, work: _Work, attempt: int) -> None:
        if attempt in self._open_attempts and work.route is not None:
            self._reach(work.route.deployment.target)[1](attempt)
            if attempt in self._open_attempts:
                now = self._kernel.now
                self._ended(work, attempt, replace(_TIMED_OUT, prefill_seconds=now - work.started))

    def _ended(self, work: _Work, attempt: int, served: Served) -> None:
        if attempt not in self._open_attempts or work.request.id not in self._works:
            return
        usage = self._close_attempt(work, served)
        route, now = work.route, self._kernel.now
        if route is None:
            return
        if served.fault is None:
            self._tell_fallback(work, succeeded=True)
            work.first_token = served.first_token
            self._spend(work, usage)
            route.minute.tokens += usage.input + usage.output
            rest = work.overhead * (1 - ON_THE_WAY)
            self._kernel.at(now + rest, partial(self._complete, work, usage, served.finish))
            return
        self._note_failure(route, served.fault)
        work.fault = served.fault
        self._kernel.at(now, partial(self._again, work, served.fault))

    def _again(self, work: _Work, fault: Fault) -> None:
        if work.request.id not in self._works:
            return
        if fault in RETRIED and work.tries <= self.gateway.retries and self._attempt(work):
            return
        self._tell_fallback(work, succeeded=False)
        self._next_group(work)

    def _tell_fallback(self, work: _Work, *, succeeded: bool) -> None:
        if work.fallbacks:
            self._emit(FellBack(self._kernel.now, work.request, work.group, work.cause, succeeded))

    def _close_attempt(self, work: _Work, served: Served) -> Usage:
        self._open_attempts.discard(work.attempt)
        route = work.route
        assert route is not None  # noqa: S101 - an attempt has its deployment
        usage = Usage() if served.fault is not None else self._usage(work.request, route.price, served)
        self._emit(
            AttemptEnded(
                self._kernel.now,
                work.request,
                work.attempt,
                work.attempts - 1,
                work.group,
                route.deployment.id,
                work.started,
                served.first_token,
                served.queue_seconds,
                served.prefill_seconds,
                served.decode_seconds,
                usage,
                served.fault,
                served.finish,
            )
        )
        return usage

    @staticmethod
    def _usage(request: Request, price: Price, served: Served) -> Usage:
        reasoning = min(request.reasoning_tokens, served.output)
        return Usage(served.input, served.output, served.cached, reasoning, cost(price, served))

    def _spend(self, work: _Work, usage: Usage) -> None:
        spending = self._teams.get(work.request.team)
        if spending is not None:
            spending.turn(self._kernel.now)
            spending.usd += usage.cost
            spending.minute.turn(self._kernel.now)
            spending.minute.tokens += usage.input + usage.output

    def _note_failure(self, route: _Route, fault: Fault) -> None:
        now = self._kernel.now
        if fault is Fault.CONTEXT:
            return
        route.fails.append(now)
        while route.fails and route.fails[0] <= now - FAIL_WINDOW_SECONDS:
            route.fails.popleft()
        if (len(route.fails) > self.gateway.allowed_fails or fault is Fault.RATE_LIMIT) and route.cool_until <= now:
            route.cool_until = now + self.gateway.cooldown_seconds
            route.fails.clear()
            self._emit(CooledDown(now, self.gateway.name, route.deployment.id, route.cool_until, fault))

    def _complete(self, work: _Work, usage: Usage, finish: str) -> None:
        if work.request.id not in self._works or work.route is None:
            return
        seconds = self.gateway.cache_seconds
        if seconds is not None and self.cache_up:
            until = self._kernel.now + seconds
            key = (work.request.prompt, work.request.model)
            self._remembered.pop(key, None)
            self._remembered[key] = (until, usage, work.group, work.route.deployment.id)
            while self._remembered and next(iter(self._remembered.values()))[0] <= self._kernel.now:
                del self._remembered[next(iter(self._remembered))]
        self._answer(work, None, usage, work.group, work.route.deployment.id, finish=finish)

    def _finish(self, work: _Work, fault: Fault) -> None:
        rest = work.overhead * (1 - ON_THE_WAY)
        self._kernel.at(self._kernel.now + rest, partial(self._fail, work, fault))

    def _fail(self, work: _Work, fault: Fault) -> None:
        if work.request.id in self._works:
            self._answer(work, fault, Usage(), "", "")

    def _answer(
        self,
        work: _Work,
        fault: Fault | None,
        usage: Usage,
        group: str,
        deployment: str,
        *,
        cached: bool = False,
        finish: str = "stop",
    ) -> None:
        del self._works[work.request.id]
        event = Answered(
            self._kernel.now,
            work.request,
            work.worker,
            group,
            deployment,
            usage,
            cached,
            fault,
            work.attempts,
            work.fallbacks,
            work.overhead,
            work.first_token,
            "error" if fault is not None else finish,
        )
        self._emit(event)
        if work.answered is not None:
            work.answered(event)

    def _all(self) -> list[_Route]:
        return [route for routes in self._routes.values() for route in routes]

    def _emit(self, event: Event) -> None:
        self._kernel.emit(event, self.gateway.name)


_ABORTED = Served(Fault.ABORTED, "abort", None, 0.0, 0.0, 0.0, 0, 0, 0)
_TIMED_OUT = Served(Fault.TIMEOUT, "abort", None, 0.0, 0.0, 0.0, 0, 0, 0)


def cost(price: Price, served: Served) -> float:
    """Return USD: tokens times price, cached ones at theirs."""
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = served.input - served.cached
    return (fresh * price.input + served.cached * cached_price + served.output * price.output) / 1e6
