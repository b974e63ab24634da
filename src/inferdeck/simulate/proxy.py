"""A gateway: limits, the response cache, routing, retries, cooldowns, fallbacks, and what it all costs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from inferdeck.simulate.chance import draw, stream
from inferdeck.simulate.cloud import REFUSAL_SECONDS, Served
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
    Filed,
    Limited,
    Reconfigured,
    Repriced,
    Request,
    Usage,
)
from inferdeck.simulate.fleet import Gateway, Price
from inferdeck.simulate.kernel import Kernel
from inferdeck.simulate.limits import Spending
from inferdeck.simulate.responses import Response, Responses
from inferdeck.simulate.routing import Route, Router, cost
from inferdeck.simulate.setup import Setup

RETRIED = {Fault.RATE_LIMIT, Fault.OUTAGE, Fault.UNREACHABLE, Fault.TIMEOUT, Fault.ABORTED}
ON_THE_WAY = 0.5
"""Share of a gateway's overhead that comes before the first attempt."""

Target = Callable[[int, Request, Callable[[float], None], Callable[[Served], None]], None]


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
    route: Route | None = None
    started: float = 0.0
    first_token: float | None = None


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
        self._turn = 0
        self.up = False
        self.cache_up = True
        self.overhead_factor = 1.0
        self.filed = Setup(gateway)
        """What its configuration file says."""
        self._router = Router(gateway, stream(seed, "gateway", gateway.name, "choice"))
        self._works: dict[int, _Work] = {}
        self._open_attempts: set[int] = set()
        self._responses = Responses()

    # What a scenario changes

    @property
    def setup(self) -> Setup:
        """Return what it works with."""
        return Setup(self.gateway, self.overhead_factor)

    def reconfigure(self, setup: Setup) -> None:
        """Work with other settings from now on."""
        self.gateway, self.overhead_factor = setup.gateway, setup.overhead_factor
        self._router.follow(self.gateway)
        self._emit(Reconfigured(self._kernel.now, self.gateway.name, self.gateway))

    def write_file(self, setup: Setup) -> None:
        """Have its configuration file say this from now on."""
        self.filed = setup
        self._emit(Filed(self._kernel.now, self.gateway.name, setup.gateway))

    def read_file(self) -> None:
        """Work with what its file says, as one does that begins."""
        if self.filed != self.setup:
            self.reconfigure(self.filed)

    def reprice(self, prices: Mapping[str, Price]) -> dict[str, Price]:
        """Reckon with other prices for deployments, by id; return those before."""
        before = {}
        for route in self._router.routes():
            name = route.deployment.id
            if name in prices:
                before[name], route.price = route.price, prices[name]
                price = route.price
                event = Repriced(
                    self._kernel.now, self.gateway.name, name, price.input, price.output, price.cached_input
                )
                self._emit(event)
        return before

    def prices(self) -> dict[str, Price]:
        """Return what it reckons with for each deployment, by id."""
        return {route.deployment.id: route.price for route in self._router.routes()}

    def serves(self, model: str) -> bool:
        """Say whether there is such a public model."""
        return self._router.serves(model)

    def rename(self, model: str, to: str) -> None:
        """Give a public model another name; who asks for the old one fails from now on."""
        if not self._router.serves(model):
            return
        self.write_file(self.filed.renamed(model, to))
        self.reconfigure(self.setup.renamed(model, to))

    def forget(self) -> None:
        """The cache lost its keys."""
        self._responses.forget()

    def end(self) -> None:
        """The process ends: what is on its way fails."""
        self.up = False
        for work in list(self._works.values()):
            self._give_up(work)
        self._router.forget()

    def trying(self, request: int) -> tuple[str, str]:
        """Return which public model and which deployment try a request now; "" where none does."""
        work = self._works.get(request)
        return (work.group, work.route.deployment.id) if work is not None and work.route is not None else ("", "")

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
        others = self.gateway.fallbacks.get(request.model, ()) if request.fall_back else ()
        groups = deque((request.model, *others))
        work = _Work(request, worker, overhead, answered, first, groups)
        self._works[request.id] = work
        self._emit(Arrived(now, request, worker))
        self._kernel.at(now + overhead * ON_THE_WAY, partial(self._check, work))

    def _check(self, work: _Work) -> None:
        if work.request.id not in self._works:
            return None
        request, now = work.request, self._kernel.now
        if not self._router.serves(request.model):
            return self._finish(work, Fault.UNKNOWN_MODEL)
        spending = self._teams.get(request.team)
        limit = spending.take(now) if spending is not None else ""
        if limit:
            self._emit(Limited(now, request, limit))
            return self._finish(work, Fault.BUDGET if limit == "budget" else Fault.RATE_LIMIT)
        if request.mocked:
            work.groups.popleft()
            work.fault = Fault.MOCKED
            return self._next_group(work)
        if self.gateway.cache_seconds is not None and self.cache_up:
            found = self._responses.find(request.prompt, request.model, now)
            self._emit(CacheAsked(now, request, found is not None))
            if found is not None:
                return self._kernel.at(now + work.overhead * (1 - ON_THE_WAY), partial(self._from_cache, work, found))
        return self._next_group(work)

    def _from_cache(self, work: _Work, found: Response) -> None:
        if work.request.id in self._works:
            work.first_token = self._kernel.now
            if work.first is not None:
                work.first(self._kernel.now)
            usage = replace(found.usage, cost=0.0)
            self._answer(work, None, usage, found.group, found.deployment, cached=True)

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
        route = self._router.choose(work.group, now)
        if route is None:
            return False
        work.route, work.attempt, work.started = route, self._number(), now
        self._emit(Attempted(now, request, work.attempt, work.attempts, work.group, route.deployment.id))
        work.attempts += 1
        work.tries += 1
        self._open_attempts.add(work.attempt)
        number = work.attempt
        if request.image and route.deployment.supports is not None and "vision" not in route.deployment.supports:
            self._kernel.at(now + REFUSAL_SECONDS, partial(self._ended, work, number, _UNSUPPORTED))
            return True
        send, _ = self._reach(route.deployment.target)
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
            if (spending := self._teams.get(work.request.team)) is not None:
                spending.spend(now, usage)
            route.minute.tokens += usage.input + usage.output
            rest = work.overhead * (1 - ON_THE_WAY)
            self._kernel.at(now + rest, partial(self._complete, work, usage, served.finish))
            return
        if self._router.failed(route, served.fault, now):
            self._emit(CooledDown(now, self.gateway.name, route.deployment.id, route.cool_until, served.fault))
        work.fault = served.fault
        self._kernel.at(now, partial(self._again, work, served.fault))

    def _again(self, work: _Work, fault: Fault) -> None:
        if work.request.id not in self._works:
            return
        retries = self.gateway.retries if work.request.retries is None else work.request.retries
        if fault in RETRIED and work.tries <= retries and self._attempt(work):
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

    def _complete(self, work: _Work, usage: Usage, finish: str) -> None:
        if work.request.id not in self._works or work.route is None:
            return
        seconds = self.gateway.cache_seconds
        if seconds is not None and self.cache_up:
            now, request = self._kernel.now, work.request
            response = Response(now + seconds, usage, work.group, work.route.deployment.id)
            self._responses.keep(request.prompt, request.model, now, response)
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

    def _emit(self, event: Event) -> None:
        self._kernel.emit(event, self.gateway.name)


_ABORTED = Served(Fault.ABORTED, "abort", None, 0.0, 0.0, 0.0, 0, 0, 0)
_UNSUPPORTED = Served(Fault.UNSUPPORTED, "error", None, 0.0, REFUSAL_SECONDS, 0.0, 0, 0, 0)
_TIMED_OUT = Served(Fault.TIMEOUT, "abort", None, 0.0, 0.0, 0.0, 0, 0, 0)
