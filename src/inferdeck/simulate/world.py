"""The world: a fleet, a seed, a timeline, and everything that follows from them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from inferdeck.simulate.card import Card
from inferdeck.simulate.chance import stream
from inferdeck.simulate.cloud import Cloud
from inferdeck.simulate.engine import Server
from inferdeck.simulate.events import Answered, Event, Left, Missed, Rated, Request
from inferdeck.simulate.fleet import Agent, Fleet
from inferdeck.simulate.kernel import Handler, Kernel
from inferdeck.simulate.lifecycle import Processes
from inferdeck.simulate.limits import Spending
from inferdeck.simulate.load import Source
from inferdeck.simulate.pace import Pace
from inferdeck.simulate.proxy import Proxy, Target
from inferdeck.simulate.servers.program import Pending, Question, StillError

OUTSIDE_OUTPUT_TOKENS = 120
"""Tokens of the answer to a real client's request, where it allows so many."""
JUDGED = 0.2
"""Share of the answers that a judge scores."""
JUDGE_NOISE = 0.08


class World:
    """Everything that happens. Deterministic: fleet, seed, start and timeline decide it, and what real clients ask.

    `start` (Unix seconds) is when the first request may arrive; the engines have loaded by then.
    """

    def __init__(self, fleet: Fleet, *, seed: int, start: float, pace: Pace | None = None) -> None:
        self.fleet = fleet
        self.seed = seed
        self.start = start
        self._pace = pace
        lead = max((sum(engine.load_seconds.values()) for engine in fleet.engines), default=0.0) + 1.0
        self.kernel = Kernel(start - lead)
        self._numbers = 0
        self.cards = {gpu.name: Card(gpu, self.kernel, partial(self._clock_changed, gpu.name)) for gpu in fleet.gpus}
        self.servers = {
            engine.name: Server(engine, self.kernel, [self.cards[name] for name in engine.gpus])
            for engine in fleet.engines
        }
        self.clouds = {provider.name: Cloud(provider, self.kernel, seed) for provider in fleet.providers}
        self.spending = {team.name: Spending(team) for team in fleet.teams}
        self.proxies = {
            gateway.name: Proxy(gateway, self.kernel, seed, self.spending, self._reach, self.number)
            for gateway in fleet.gateways
        }
        self.sources = {agent.name: self._source(agent) for agent in fleet.agents}
        self.quality_drop: dict[str, float] = {}
        self.skews: dict[str, float] = {}
        """By how much the clocks of hosts are wrong."""
        self._judge = stream(seed, "judge")
        self._use = {use.name: use for use in fleet.use_cases}
        self.processes = Processes(self)
        self.kernel.at(self.kernel.now, self._begin)

    # Time

    @property
    def now(self) -> float:
        """Return the moment that the world has come to."""
        return self.kernel.now

    def run_until(self, time: float) -> None:
        """Let everything happen up to this moment."""
        self.kernel.run_until(time)

    def present(self) -> float:
        """Bring the world to the present of its pace and return it; without a pace it stands where it is."""
        if self._pace is not None:
            self.kernel.run_until(self._pace.now())
        return self.kernel.now

    def follow(self, pace: Pace | None) -> None:
        """Let `present` follow this pace from now on."""
        self._pace = pace

    def subscribe(self, handlers: Mapping[tuple[type[Event], str], Handler]) -> None:
        """Tell these handlers what happens."""
        self.kernel.subscribe(handlers)

    def number(self) -> int:
        """Return a number that was not given before, for requests and attempts."""
        self._numbers += 1
        return self._numbers

    def emit(self, event: Event, subject: str) -> None:
        """Say that something happened."""
        self.kernel.emit(event, subject)

    # What requests need of the rest

    def send(self, request: Request, heard: Callable[[Answered | None], None]) -> None:
        """Bring an agent's request to its gateway; one that is down answers nobody."""
        proxy = self.proxies.get(request.gateway)
        if proxy is None or not proxy.up:
            self.emit(Missed(self.now, request), request.gateway)
            self.kernel.at(self.now, partial(heard, None))
            return
        proxy.take(request, partial(self._answered, heard))

    def _answered(self, heard: Callable[[Answered | None], None], event: Answered) -> None:
        if event.fault is None:
            self._rate(event)
        heard(event)

    def _rate(self, event: Answered) -> None:
        use, chance = self._use[event.request.use_case], self._judge
        quality = use.quality - self.quality_drop.get(event.group, 0.0)
        if chance.random() < JUDGED:
            score = min(1.0, max(0.0, chance.gauss(quality, JUDGE_NOISE)))
            self._later(chance.uniform(5, 30), Rated(0.0, event.request, "quality", round(score, 3)))
        if chance.random() < use.feedback:
            self._later(
                chance.uniform(10, 120), Rated(0.0, event.request, "feedback", float(chance.random() < quality))
            )

    def _later(self, seconds: float, rated: Rated) -> None:
        def tell() -> None:
            self.emit(replace(rated, time=self.now), rated.request.gateway)

        self.kernel.at(self.now + seconds, tell)

    def _reach(self, target: str) -> tuple[Target, Callable[[int], None]]:
        where = self.servers.get(target) or self.clouds[target]
        return where.send, where.drop

    def _clock_changed(self, gpu: str) -> None:
        for server in self.servers.values():
            if gpu in server.engine.gpus:
                # Not at once: the card is in the middle of telling how it changed.
                self.kernel.at(self.now, server.settle_speed)

    def _source(self, agent: Agent) -> Source:
        use = next(use for use in self.fleet.use_cases if use.name == agent.use_case)
        gateway = agent.gateway or next((gateway.name for gateway in self.fleet.gateways), "")
        return Source(agent, use, gateway, self.kernel, self.seed, self.number, self.send)

    def _begin(self) -> None:
        """Let all processes begin so that they are ready when the first requests come."""
        for card in self.cards.values():
            card.tell()
        self.processes.begin()
        for source in self.sources.values():
            self.kernel.at(self.start, source.begin)

    # Real clients

    def ask_gateway(self, gateway: str, question: Question) -> Pending:
        """Send a real client's request through a gateway, which must be up; raises StillError."""
        self._go_on()
        request = self._outside(gateway, question)
        pending = _pending(partial(self._drop, self.proxies[gateway].drop, request.id))
        pending.where = partial(self.proxies[gateway].trying, request.id)
        self.proxies[gateway].take(request, partial(_settle, pending), partial(_begin, pending))
        return pending

    def ask_engine(self, engine: str, question: Question) -> Pending:
        """Send a real client's request straight to an engine; raises StillError."""
        self._go_on()
        request, attempt = self._outside("", question), self.number()
        pending = _pending(partial(self._drop, self.servers[engine].drop, attempt))
        self.servers[engine].ask(attempt, request, partial(_begin, pending), partial(_settle, pending))
        return pending

    def wake_engine(self, engine: str) -> None:
        """Let an engine that sleeps load its model again; raises StillError."""
        self.present()
        if self.servers[engine].state != "ready":
            self._go_on()
            self.servers[engine].wake()

    def _go_on(self) -> None:
        """Bring the world to the present for somebody who waits for its future."""
        self.present()
        if self._pace is not None and self._pace.speed <= 0:
            raise StillError(self.now)

    def _drop(self, drop: Callable[[int], None], number: int) -> None:
        self.present()
        drop(number)

    def _outside(self, gateway: str, question: Question) -> Request:
        number = self.number()
        return Request(
            id=number,
            time=self.now,
            gateway=gateway,
            agent="outside",
            team=question.team,
            user=question.user,
            session=f"outside-{number}",
            turn=1,
            model=question.model,
            use_case="outside",
            route=question.route,
            stream=question.stream,
            prompt=question.prompt or number,
            prompt_tokens=question.prompt_tokens,
            shared_tokens=0,
            context_tokens=0,
            output_tokens=0 if question.route.endswith(("embeddings", "embed")) else OUTSIDE_OUTPUT_TOKENS,
            reasoning_tokens=0,
            max_tokens=question.max_tokens,
            outside=True,
            retries=question.retries,
            fall_back=question.fall_back,
            mocked=question.mocked,
            image=question.image,
        )


def _pending(drop: Callable[[], None]) -> Pending:
    loop = asyncio.get_running_loop()
    return Pending(loop.create_future(), loop.create_future(), drop)


def _begin(pending: Pending, time: float) -> None:
    if not pending.first.done():
        pending.first.set_result(time)


def _settle(pending: Pending, event: Answered | Left) -> None:
    if not pending.first.done():
        pending.first.cancel()
    if not pending.done.done():
        pending.done.set_result(event)
