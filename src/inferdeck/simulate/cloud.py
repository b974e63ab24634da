"""A provider in the cloud: a time to the first token, a speed, limits by the minute, faults.

Unverified: how long refusals and failures take, that limits count in whole minutes, and that each provider remembers
prompts by the rule that OpenAI documents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from inferdeck.simulate.chance import draw, stream
from inferdeck.simulate.events import Fault, Request
from inferdeck.simulate.fleet import Provider
from inferdeck.simulate.kernel import Kernel

REFUSAL_SECONDS = 0.12
"""How long a provider takes to refuse."""
NO_KEY_SECONDS = 0.01
"""How long a gateway takes to see that it has no key."""
OUTAGE_SECONDS = 1.5
"""How long a request takes to fail in an outage."""
SMALLEST_PREFIX = 1024
PREFIX_STEP = 128
PREFIX_SECONDS = 300.0
"""A prompt's beginning of at least 1024 tokens is remembered for five minutes, in steps of 128 (OpenAI's rule)."""


@dataclass(slots=True)
class Served:
    """How an attempt at a target ended, which nobody changes; the three times add up to the whole."""

    fault: Fault | None
    finish: str
    first_token: float | None
    queue_seconds: float
    prefill_seconds: float
    decode_seconds: float
    input: int
    output: int
    cached: int


class Minute:
    """Requests and tokens in windows of a minute."""

    def __init__(self) -> None:
        self._window = -1
        self.requests = 0
        self.tokens = 0

    def turn(self, now: float) -> None:
        """Begin a new window where one is due."""
        if (window := int(now // 60)) != self._window:
            self._window, self.requests, self.tokens = window, 0, 0

    def within(self, now: float, requests: int | None, tokens: int | None) -> bool:
        """Say whether one more request fits."""
        self.turn(now)
        return (requests is None or self.requests < requests) and (tokens is None or self.tokens < tokens)


class Cloud:
    """One provider; `outage` and `slow` are set by the scenario."""

    def __init__(self, provider: Provider, kernel: Kernel, seed: int) -> None:
        self.provider = provider
        self._kernel = kernel
        self._noise: Random = stream(seed, "provider", provider.name, "noise")
        self._faults: Random = stream(seed, "provider", provider.name, "faults")
        self.outage: tuple[float, int] = (0.0, 503)
        """Share of requests that fail, and their HTTP status."""
        self.slow = 1.0
        self._minute = Minute()
        self._prefixes: dict[str, float] = {}
        self._open: set[int] = set()

    def send(
        self, attempt: int, request: Request, first: Callable[[float], None], done: Callable[[Served], None]
    ) -> None:
        """Serve one attempt."""
        provider, now = self.provider, self._kernel.now
        self._open.add(attempt)
        share, status = self.outage
        chance = self._faults.random()
        if not provider.key:
            return self._fail(attempt, Fault.NO_KEY, NO_KEY_SECONDS, done)
        if not self._minute.within(now, provider.requests_per_minute, provider.tokens_per_minute):
            return self._fail(attempt, Fault.RATE_LIMIT, REFUSAL_SECONDS, done)
        if chance < share:
            fault = Fault.RATE_LIMIT if status == 429 else Fault.OUTAGE
            return self._fail(attempt, fault, REFUSAL_SECONDS if status == 429 else OUTAGE_SECONDS, done)
        if chance > 1 - provider.error_share:
            return self._fail(attempt, Fault.OUTAGE, OUTAGE_SECONDS, done)
        self._minute.requests += 1
        output = min(request.output_tokens, request.max_tokens)
        self._minute.tokens += request.prompt_tokens + output
        waiting = draw(provider.first_token_seconds, self._noise, self.slow)
        decoding = max(0, output - 1) / draw(provider.decode_speed, self._noise, 1 / self.slow)
        finish = "stop" if request.output_tokens <= request.max_tokens else "length"
        cached = self._cached(request)
        token = now + waiting if output else None
        served = Served(None, finish, token, 0.0, waiting, decoding, request.prompt_tokens, output, cached)
        if output:
            self._kernel.at(now + waiting, partial(self._begin, attempt, first))
        self._kernel.at(now + waiting + decoding, partial(self._end, attempt, served, done))
        return None

    def drop(self, attempt: int) -> None:
        """Forget an attempt: its client went away."""
        self._open.discard(attempt)

    def _begin(self, attempt: int, first: Callable[[float], None]) -> None:
        if attempt in self._open:
            first(self._kernel.now)

    def _fail(self, attempt: int, fault: Fault, seconds: float, done: Callable[[Served], None]) -> None:
        served = Served(fault, "error", None, 0.0, seconds, 0.0, 0, 0, 0)
        self._kernel.at(self._kernel.now + seconds, partial(self._end, attempt, served, done))

    def _end(self, attempt: int, served: Served, done: Callable[[Served], None]) -> None:
        if attempt in self._open:
            self._open.discard(attempt)
            done(served)

    def _cached(self, request: Request) -> int:
        now, last = self._kernel.now, self._prefixes.get(request.session, float("-inf"))
        shared = request.context_tokens
        if now - last > PREFIX_SECONDS:
            last = self._prefixes.get(request.agent, float("-inf"))
            shared = request.shared_tokens
        self._prefixes[request.session] = self._prefixes[request.agent] = now
        if len(self._prefixes) > 10_000:
            self._prefixes = {key: time for key, time in self._prefixes.items() if now - time <= PREFIX_SECONDS}
        if now - last > PREFIX_SECONDS or shared < SMALLEST_PREFIX:
            return 0
        return shared // PREFIX_STEP * PREFIX_STEP
