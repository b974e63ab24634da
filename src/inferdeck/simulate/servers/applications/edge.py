"""A gateway with the `llm_gateway_llm_gateway_*` families of the gateway dashboard."""

from __future__ import annotations

from inferdeck.simulate.events import FAULTS, Answered, AttemptEnded, CooledDown, Fault, Limited, Request
from inferdeck.simulate.servers.applications.counting import (
    DURATION_BOUNDS,
    FIRST_TOKEN_BOUNDS,
    NOWHERE,
    Counting,
    touch,
)
from inferdeck.simulate.servers.program import Handlers
from inferdeck.simulate.table import Table

PREFIX = "llm_gateway_llm_gateway_"
CLOSED, OPEN, HALF_OPEN = 0.0, 1.0, 2.0
FAILURES = 3
"""So many attempts in a row that a provider fails make it unhealthy."""
_ILL = (Fault.OUTAGE, Fault.UNREACHABLE, Fault.TIMEOUT, Fault.ABORTED)


class Breaker:
    """One provider's circuit breaker and health, from its failures and the cooldowns of its deployments."""

    __slots__ = ("failures", "state", "until")

    def __init__(self) -> None:
        self.state = CLOSED
        self.until = 0.0
        self.failures = 0

    @property
    def healthy(self) -> float:
        """1 while it may be asked: not open, and not failing again and again."""
        return 0.0 if self.state == OPEN or self.failures >= FAILURES else 1.0

    def trip(self, until: float) -> None:
        """Open it: a deployment is left alone until then."""
        self.state, self.until = OPEN, max(self.until, until)

    def pass_to(self, now: float) -> None:
        """Half-open it where the time of its cooldowns is over."""
        if self.state == OPEN and now >= self.until:
            self.state = HALF_OPEN

    def ended(self, now: float, fault: Fault | None) -> None:
        """Take what became of an attempt: a success closes a half-open one, a failure leaves it as it is."""
        self.pass_to(now)
        if fault is None:
            self.failures = 0
            if self.state == HALF_OPEN:
                self.state = CLOSED
        elif fault in _ILL:
            self.failures += 1


class EdgeGateway(Counting):
    """It counts requests at their end and errors attempt by attempt, under the provider's name.

    errors_total has every failed attempt, and a request that was sent to nobody under the provider none;
    tokens_per_second is the speed of the last answer; cache operations are get (hit, miss) and set (ok). A tenant is a
    team, limit_type requests, tokens or budget.
    """

    port = 8080

    def declare(self, table: Table) -> None:
        """Declare the families in a new table, with health and breaker of each provider."""
        pair = ("model", "provider")
        self.requests = table.counter(f"{PREFIX}requests_total", "Total requests", (*pair, "status", "streaming"))
        self.duration = table.histogram(
            f"{PREFIX}request_duration_seconds", DURATION_BOUNDS, "Request latency", (*pair, "streaming")
        )
        self.tokens = table.counter(f"{PREFIX}tokens_total", "Total tokens processed", (*pair, "type"))
        self.active = table.gauge(f"{PREFIX}active_requests", "Currently active requests", ("provider",))
        self.health = table.gauge(f"{PREFIX}provider_health", "Provider health (1=healthy, 0=unhealthy)", ("provider",))
        self.errors = table.counter(f"{PREFIX}errors_total", "Total errors", ("provider", "error_type"))
        self.breaker = table.gauge(
            f"{PREFIX}circuit_breaker_state",
            "Circuit breaker state (0=closed, 1=open, 2=half-open)",
            ("provider",),
        )
        self.limited = table.counter(f"{PREFIX}rate_limit_hits_total", "Rate limit hits", ("tenant", "limit_type"))
        self.cache = table.counter(f"{PREFIX}cache_operations_total", "Cache operations", ("operation", "result"))
        self.first_token = table.histogram(f"{PREFIX}ttft_seconds", FIRST_TOKEN_BOUNDS, "Time to first token", pair)
        self.speed = table.gauge(f"{PREFIX}tokens_per_second", "Token generation rate", pair)
        self._good: dict[tuple[str, str, str], tuple[int, int, int]] = {}
        self.breakers = {provider: Breaker() for provider in dict.fromkeys(self.providers.values())}
        for provider in self.breakers:
            touch(self.active, (provider,))
            self._show(provider)

    def handlers(self) -> Handlers:
        """Return what to call for which events."""
        return {**super().handlers(), (CooledDown, ""): self._cooled, (Limited, ""): self._limited}

    def refresh(self, now: float) -> None:
        """Half-open the breakers whose time is over."""
        for provider, breaker in self.breakers.items():
            if breaker.state == OPEN and now >= breaker.until:
                breaker.pass_to(now)
                self._show(provider)

    def _show(self, provider: str) -> None:
        breaker = self.breakers[provider]
        self.breaker.set(breaker.state, (provider,))
        self.health.set(breaker.healthy, (provider,))

    def _cooled(self, event: CooledDown) -> None:
        provider = self.providers.get((event.gateway, event.deployment))
        if self._up and provider is not None:
            self.breakers[provider].trip(event.until)
            self._show(provider)

    def _limited(self, event: Limited) -> None:
        if event.request.id in self.open:
            self.limited.inc((event.request.team, event.limit))

    def missed(self, request: Request) -> None:
        """Count a request that found the gateway behind it down."""
        self.requests.inc((request.model, NOWHERE, "error", _truth(request.stream)))
        self.errors.inc((NOWHERE, FAULTS[Fault.UNREACHABLE][0]))

    def cache_asked(self, request: Request, *, hit: bool) -> None:
        """Count a look into the cache."""
        self.cache.inc(("get", "hit" if hit else "miss"))

    def attempted(self, request: Request, provider: str) -> None:
        """Count an attempt that begins."""
        self.active.inc((provider,))

    def attempt_ended(self, event: AttemptEnded, provider: str) -> None:
        """Count an attempt that is over."""
        self.active.inc((provider,), -1.0)
        if event.fault is not None:
            self.errors.inc((provider, FAULTS[event.fault][0]))
        elif event.first_token is not None:
            labels = (event.request.model, provider)
            if event.request.stream:
                self.first_token.observe(event.first_token - event.started, labels)
            if event.time > event.first_token:
                self.speed.set(event.usage.output / (event.time - event.first_token), labels)
        breaker = self.breakers.get(provider)
        if breaker is not None and (event.fault is not None or breaker.state != CLOSED or breaker.failures):
            breaker.ended(event.time, event.fault)
            self._show(provider)

    def answered(self, event: Answered, provider: str) -> None:
        """Count a finished request."""
        request, usage = event.request, event.usage
        streaming = _truth(request.stream)
        self.duration.observe(event.time - request.time, (request.model, provider, streaming))
        if event.fault is not None:
            self.requests.inc((request.model, provider, "error", streaming))
            if provider == NOWHERE:
                self.errors.inc((NOWHERE, FAULTS[event.fault][0]))
            return
        key = (request.model, provider, streaming)
        requests, tokens_in, tokens_out = self._good.get(key) or self._bind(key)
        values = self.tables[0].values
        values[requests] += 1.0
        values[tokens_in] += usage.input
        values[tokens_out] += usage.output
        if request.id in self.asked:
            self.cache.inc(("set", "ok"))

    def _bind(self, key: tuple[str, str, str]) -> tuple[int, int, int]:
        """Look the places of a good answer's counters up, once for each label set."""
        model, provider, streaming = key
        found = self._good[key] = (
            self.requests.child((model, provider, "success", streaming)),
            self.tokens.child((model, provider, "input")),
            self.tokens.child((model, provider, "output")),
        )
        return found


def _truth(value: bool) -> str:
    return "true" if value else "false"
