"""What every engine's program has in common: its process, its phases, its batch, and how it answers a request."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from collections.abc import Sequence as Many
from typing import TYPE_CHECKING

from aiohttp import web

from inferdeck.simulate.events import (
    Admitted,
    Attempted,
    BatchChanged,
    ClockShifted,
    Ended,
    FirstToken,
    Left,
    Phase,
    Preempted,
    Queued,
    Resumed,
    Started,
)
from inferdeck.simulate.servers.engines.state import Batch, Sequence
from inferdeck.simulate.servers.program import Handlers, Pending, Question, World
from inferdeck.simulate.table import Table

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
LOADING = ("download", "weights", "compile", "warmup")
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.1
"""Between two looks at how far a streamed answer has come, seconds."""
MANY_ATTEMPTS, MANY_OUTSIDE = 10_000, 1_000


class EngineProgram(ABC):
    """One engine: folds its events into a batch and a table; a subclass gives names to what it finds there."""

    port = 8000

    def __init__(self, engine: Engine, fleet: Fleet, world: World) -> None:
        self.engine = engine
        self.fleet = fleet
        self.world = world
        self.process = engine.name
        self.version = engine.version
        self.clock_offset = 0.0
        self.up = False
        self.phase = ""
        self.started = 0.0
        self.ready: float | None = None
        """When its model was last loaded."""
        self.phases: dict[str, float] = {}
        """When each phase of its present process began."""
        self._routes: dict[int, tuple[str, bool]] = {}
        self._outside: list[tuple[int, int, str, bool]] = []
        self._mine = {
            gateway.name: frozenset(d.id for d in gateway.deployments if d.target == engine.name)
            for gateway in fleet.gateways
        }
        self.batch = self._batch(0.0)
        self.tables = [self._table(0.0)]

    @property
    def listening(self) -> bool:
        """Whether its port is open at all."""
        return self.up

    @property
    def loaded(self) -> bool:
        """Whether it can answer a request."""
        return self.up and self.ready is not None

    @property
    def sleeping(self) -> bool:
        """Whether its model is out of memory until somebody asks for it."""
        return self.phase == "sleeping"

    def handlers(self) -> Handlers:
        """Return what to call for which events."""
        name = self.engine.name
        own: dict[tuple[type, str], Callable[..., None]] = {
            (Started, name): self._started,
            (Ended, name): self._ended,
            (Phase, name): self._entered,
            (Queued, name): self._queued,
            (Admitted, name): self._admitted,
            (FirstToken, name): self._first,
            (Preempted, name): self._preempted,
            (Resumed, name): self._resumed,
            (Left, name): self._left,
            (BatchChanged, name): self._changed,
        }
        if self.engine.host:
            own[ClockShifted, self.engine.host] = self._shifted
        own.update({(Attempted, gateway): self._attempted for gateway, mine in self._mine.items() if mine})
        return own

    def refresh(self, now: float) -> None:
        """Count every token up to this moment and set the gauges."""
        self.batch.settle(now)
        self._gauges(now)

    def clock(self, now: float) -> float:
        """Return what its host's clock shows."""
        return now + self.clock_offset

    @abstractmethod
    def routes(self) -> Many[web.AbstractRouteDef]:
        """Return its routes."""

    @abstractmethod
    def _table(self, now: float) -> Table:
        """Make the table of a new process."""

    def _batch(self, now: float) -> Batch:
        return Batch(now, self.engine.max_sequences)

    def _gauges(self, now: float) -> None:
        """Set what depends on the moment."""

    def _on_admitted(self, event: Admitted, sequence: Sequence) -> None: ...

    def _on_first(self, event: FirstToken, sequence: Sequence) -> None: ...

    def _on_preempted(self, event: Preempted, sequence: Sequence) -> None: ...

    def _on_left(self, event: Left, sequence: Sequence) -> None: ...

    def _on_phase(self, event: Phase) -> None: ...

    def _started(self, event: Started) -> None:
        self.up, self.version, self.started = True, event.version, event.time
        self.phase, self.ready, self.phases = "", None, {}
        self.batch = self._batch(event.time)
        self.tables[0] = self._table(event.time)

    def _ended(self, event: Ended) -> None:
        self.up, self.phase = False, ""

    def _entered(self, event: Phase) -> None:
        if event.phase == "ready":
            self.ready = event.time
        self.phase = event.phase
        self.phases[event.phase] = event.time
        self._on_phase(event)

    def _shifted(self, event: ClockShifted) -> None:
        self.clock_offset = event.seconds

    def _attempted(self, event: Attempted) -> None:
        request = event.request
        if event.deployment in self._mine[request.gateway]:
            self._routes[event.attempt] = (request.route, request.stream)
            if len(self._routes) > MANY_ATTEMPTS:
                del self._routes[next(iter(self._routes))]

    def _queued(self, event: Queued) -> None:
        route = self._routes.pop(event.attempt, None)
        if route is None:
            route = self._asked_from_outside(event.prompt_tokens, event.max_tokens)
        self.batch.queue(event, *route)

    def _asked_from_outside(self, prompt_tokens: int, max_tokens: int) -> tuple[str, bool]:
        for place, asked in enumerate(self._outside):
            if asked[:2] == (prompt_tokens, max_tokens):
                del self._outside[place]
                return asked[2:]
        return "/v1/chat/completions", False

    def _admitted(self, event: Admitted) -> None:
        self._on_admitted(event, self.batch.admit(event))

    def _first(self, event: FirstToken) -> None:
        self._on_first(event, self.batch.begin(event))

    def _preempted(self, event: Preempted) -> None:
        self._on_preempted(event, self.batch.preempt(event))

    def _resumed(self, event: Resumed) -> None:
        self.batch.resume(event)

    def _left(self, event: Left) -> None:
        if event.attempt in self.batch.sequences:
            self._on_left(event, self.batch.leave(event))

    def _changed(self, event: BatchChanged) -> None:
        self.batch.change(event)

    def route(self, method: str, path: str, answer: Answer) -> web.RouteDef:
        """Return a route that first brings the world to this moment; a closed port answers nothing."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            self.world.present()
            if not self.listening:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=503)
            return await answer(request)

        return web.route(method, path, guarded)

    def ask(self, question: Question) -> Pending:
        """Send a real client's request into the batch."""
        self._outside.append((question.prompt_tokens, question.max_tokens, question.route, question.stream))
        del self._outside[:-MANY_OUTSIDE]
        return self.world.ask_engine(self.engine.name, question)

    async def progress(self, pending: Pending) -> AsyncIterator[int]:
        """Yield how many tokens there are, each time that it are more, until the answer is done."""
        while not (pending.first.done() or pending.done.done()):
            await asyncio.wait(
                (pending.first, pending.done), timeout=SHORTEST_PAUSE, return_when=asyncio.FIRST_COMPLETED
            )
            self.world.present()
        sequence, seen = None, 0
        if pending.first.done() and not pending.first.cancelled():
            sequence = self.batch.at(pending.first.result())
        while not pending.done.done():
            now = self.world.present()
            self.batch.settle(now)
            if sequence is not None and sequence.generated > seen:
                seen = sequence.generated
                yield seen
            pause = 1.0 / self.batch.speed if self.batch.speed > 0 else LONGEST_PAUSE
            await asyncio.wait((pending.done,), timeout=min(max(pause, SHORTEST_PAUSE), LONGEST_PAUSE))

    async def ended(self, pending: Pending) -> Left | None:
        """Return how an answer ended; None where the engine went away before. A client that goes gives it up."""
        with pending:
            while not pending.done.done():
                await asyncio.wait((pending.done,), timeout=LONGEST_PAUSE / 4)
                self.world.present()
        if pending.done.cancelled() or pending.done.exception() is not None:
            return None
        left = pending.done.result()
        return left if isinstance(left, Left) else None
