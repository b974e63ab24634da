"""An engine as a process: it loads its model in phases, serves, sleeps, ends, and warms its cards.

Unverified, measured on no engine: how busy a card is with a prompt, with one sequence and with many, and the share of
its memory beyond the weights that engines take which do not reserve it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from inferdeck.simulate.batch import Batch
from inferdeck.simulate.card import Card
from inferdeck.simulate.cloud import Served
from inferdeck.simulate.events import Fault, Left, Phase, Request
from inferdeck.simulate.fleet import Engine
from inferdeck.simulate.kernel import Kernel

RESERVING = ("vllm", "sglang", "tgi")
"""Engines that take nine tenths of their cards' memory when they load, whatever they use of it."""
RESERVED = 0.9
WORKING = 1.15
"""Memory of the others: their weights and this much for what they compute with."""
REFUSED_SECONDS = 0.004
"""How long a refused connection takes."""
LOADING_BUSY = 0.1
PREFILL_BUSY = 1.0
DECODE_FLOOR = 0.35
"""How busy one decoding sequence keeps a card; many of them approach 1."""
DECODE_HALF = 8.0


class Server:
    """One engine of the fleet."""

    def __init__(self, engine: Engine, kernel: Kernel, cards: list[Card]) -> None:
        self.engine = engine
        self._kernel = kernel
        self._cards = cards
        self.batch = Batch(engine, kernel, self._changed)
        self.slow = 1.0
        self.state = "down"
        """down, loading, ready, sleeping or waking (loading, for a request that waits)."""
        self._version = 0
        self._idle_since = kernel.now

    def begin(self, phases: Mapping[str, float] | None = None) -> None:
        """Load the model, phase by phase."""
        self.state = "loading"
        self._version += 1
        time = self._kernel.now
        for phase, seconds in (self.engine.load_seconds if phases is None else phases).items():
            if seconds > 0:
                self._kernel.at(time, partial(self._enter, self._version, phase))
                time += seconds
        self._kernel.at(time, partial(self._enter, self._version, "ready"))
        self._warm()

    def end(self) -> None:
        """The process is gone, and all that it did with it."""
        self._version += 1
        self.state = "down"
        self.batch.open = False
        self.batch.empty()
        self._warm()

    def send(
        self, attempt: int, request: Request, first: Callable[[float], None], done: Callable[[Served], None]
    ) -> None:
        """Serve one attempt of a gateway; a process that is not there refuses it at once."""
        if (fault := self._refuses(request)) is not None:
            served = Served(fault, "error", None, 0.0, REFUSED_SECONDS, 0.0, 0, 0, 0)
            self._kernel.at(self._kernel.now + REFUSED_SECONDS, partial(done, served))
            return
        self.batch.add(attempt, request, first, lambda left: done(served_by(left)))

    def ask(self, attempt: int, request: Request, first: Callable[[float], None], done: Callable[[Left], None]) -> None:
        """Serve a client of its own; where it cannot, it ends at once with `error` and no tokens."""
        if self._refuses(request) is not None:
            now, name = self._kernel.now, self.engine.name
            done(Left(now, name, attempt, "error", now, None, None, 0, 0, 0, request.max_tokens, 0.0, 0.0, 0))
            return
        self.batch.add(attempt, request, first, done)

    def _refuses(self, request: Request) -> Fault | None:
        if self.state in ("down", "loading"):
            return Fault.UNREACHABLE
        if request.prompt_tokens >= self.batch.limit(request):
            return Fault.CONTEXT
        self.wake()
        return None

    def wake(self) -> None:
        """Load the model again, where it sleeps."""
        if self.state == "sleeping":
            self.begin({"weights": self.engine.load_seconds.get("weights", 0.0)})
            self.state = "waking"

    def drop(self, attempt: int) -> None:
        """Give one attempt up: its client went away."""
        self.batch.drop(attempt)

    def settle_speed(self) -> None:
        """Take over the clocks of its cards and its own slowness."""
        factor = self.slow * min((card.speed for card in self._cards), default=1.0)
        if factor != self.batch.speed_factor:
            self.batch.settle()
            self.batch.speed_factor = factor
            self.batch.change()

    def _enter(self, version: int, phase: str) -> None:
        if version != self._version:
            return
        self._kernel.emit(Phase(self._kernel.now, self.engine.name, phase), self.engine.name)
        if phase == "ready":
            self.state = "ready"
            self.batch.settle()
            self.batch.open = True
            self.batch.change()
        self._warm()

    def _changed(self) -> None:
        if self.batch.running or self.batch.waiting:
            self._idle_since = self._kernel.now
        elif self.state == "ready" and self.engine.sleep_after_seconds is not None:
            self._idle_since = self._kernel.now
            self._kernel.at(self._idle_since + self.engine.sleep_after_seconds, partial(self._sleep, self._idle_since))
        self._warm()

    def _sleep(self, idle_since: float) -> None:
        if idle_since == self._idle_since and self.state == "ready" and not self.batch.running:
            self.state = "sleeping"
            self.batch.open = False
            self._version += 1
            self._kernel.emit(Phase(self._kernel.now, self.engine.name, "sleeping"), self.engine.name)
            self._warm()

    def _warm(self) -> None:
        busy = self._busy()
        for card in self._cards:
            card.load(self.engine.name, busy, self._memory(card))

    def _busy(self) -> float:
        if self.state in ("loading", "waking"):
            return LOADING_BUSY
        if self.batch.computing:
            return PREFILL_BUSY
        count = len(self.batch.decoding)
        return DECODE_FLOOR + (1 - DECODE_FLOOR) * (count - 1) / (count - 1 + DECODE_HALF) if count else 0.0

    def _memory(self, card: Card) -> float:
        if self.state in ("down", "sleeping"):
            return 0.0
        if self.engine.kind in RESERVING:
            return RESERVED * card.gpu.memory_bytes
        return self.engine.model.weights_bytes * WORKING / len(self._cards)


def served_by(left: Left) -> Served:
    """Return how an attempt ended from how its sequence left."""
    fault = {"abort": Fault.TIMEOUT, "error": Fault.ABORTED}.get(left.finish)
    whole = left.time - left.queued
    queue = whole - left.prefill_seconds - left.decode_seconds
    cached = left.cached_tokens if left.first_token is not None or fault is None else 0
    return Served(
        fault,
        left.finish,
        left.first_token,
        max(0.0, queue),
        left.prefill_seconds,
        left.decode_seconds,
        left.prompt_tokens if left.first_token is not None or fault is None else 0,
        left.output_tokens,
        cached,
    )
