"""An application with the `llm_*` families of the usage dashboard."""

from __future__ import annotations

from collections import deque

from inferdeck.simulate.events import FAULTS, Answered, AttemptEnded, CacheFlushed, Fault, Reconfigured, Request
from inferdeck.simulate.servers.applications.counting import DURATION_BOUNDS, NOWHERE, Counting
from inferdeck.simulate.servers.program import Handlers
from inferdeck.simulate.table import Table

_UNREACHABLE = FAULTS[Fault.UNREACHABLE][0]


class UsageApplication(Counting):
    """It counts each request at its end, under the model asked for and the provider that was tried last.

    token_type is input (cached tokens included) or output (reasoning included), so that their sum is the total;
    status success or error; error_type LiteLLM's exception class. Active requests are attempts at a provider. A
    tenant is a team; the size of the cache is how many of its responses are remembered and have not run out.
    """

    python = True

    def declare(self, table: Table) -> None:
        """Declare the families in a new table."""
        by_model = ("agent_id", "model", "provider")
        self.requests = table.counter("llm_requests_total", "Total requests", (*by_model, "status"))
        self.tokens = table.counter("llm_tokens_used_total", "Token usage", (*by_model, "token_type"))
        self.hits = table.counter("llm_cache_hits_total", "Cache hits", ("agent_id", "model"))
        self.misses = table.counter("llm_cache_misses_total", "Cache misses", ("agent_id", "model"))
        self.errors = table.counter("llm_errors_total", "Errors", (*by_model, "error_type"))
        self.cost = table.counter("llm_cost_total", "Costs in USD", by_model)
        self.duration = table.histogram("llm_request_duration_seconds", DURATION_BOUNDS, "Request latency", by_model)
        self.active = table.gauge("llm_active_requests", "Active requests", ("agent_id", "provider"))
        self.size = table.gauge("llm_cache_size", "Cache size", ("tenant_id",))
        self._good: dict[tuple[str, str, str], tuple[int, int, int, int]] = {}
        self._remembered: dict[tuple[str, int, str], tuple[float, str]] = {}
        """(gateway, prompt, model) -> when the response runs out, and the team that it was made for."""
        self._running_out: deque[tuple[float, tuple[str, int, str]]] = deque()

    def handlers(self) -> Handlers:
        """Return what to call for which events."""
        return {**super().handlers(), (CacheFlushed, ""): self._flushed, (Reconfigured, ""): self._set}

    def refresh(self, now: float) -> None:
        """Forget the responses that ran out."""
        while self._running_out and self._running_out[0][0] <= now:
            until, key = self._running_out.popleft()
            if self._remembered.get(key, (0.0, ""))[0] == until:
                self._forget(key)

    def _forget(self, key: tuple[str, int, str]) -> None:
        self.size.inc((self._remembered.pop(key)[1],), -1.0)

    def _set(self, event: Reconfigured) -> None:
        self.keep_seconds[event.gateway] = event.settings.cache_seconds

    def _flushed(self, event: CacheFlushed) -> None:
        gateways = {gateway.name for gateway in self.gateways if gateway.cache in ("", event.cache)}
        for key in [key for key in self._remembered if key[0] in gateways]:
            self._forget(key)

    def missed(self, request: Request) -> None:
        """Count a request that found its gateway down."""
        labels = (request.agent, request.model, NOWHERE)
        self.requests.inc((*labels, "error"))
        self.errors.inc((*labels, _UNREACHABLE))

    def cache_asked(self, request: Request, *, hit: bool) -> None:
        """Count a look into the cache."""
        (self.hits if hit else self.misses).inc((request.agent, request.model))

    def attempted(self, request: Request, provider: str) -> None:
        """Count an attempt that begins."""
        self.active.inc((request.agent, provider))

    def attempt_ended(self, event: AttemptEnded, provider: str) -> None:
        """Count an attempt that is over."""
        self.active.inc((event.request.agent, provider), -1.0)

    def answered(self, event: Answered, provider: str) -> None:
        """Count a finished request."""
        request, usage = event.request, event.usage
        labels = (request.agent, request.model, provider)
        self.duration.observe(event.time - request.time, labels)
        if event.fault is not None:
            self.requests.inc((*labels, "error"))
            self.errors.inc((*labels, FAULTS[event.fault][0]))
            return
        requests, tokens_in, tokens_out, cost = self._good.get(labels) or self._bind(labels)
        values = self.tables[0].values
        values[requests] += 1.0
        values[tokens_in] += usage.input
        values[tokens_out] += usage.output
        values[cost] += usage.cost
        if request.id in self.asked:
            self._remember(event)

    def _bind(self, labels: tuple[str, str, str]) -> tuple[int, int, int, int]:
        """Look the places of a good answer's counters up, once for each label set."""
        found = self._good[labels] = (
            self.requests.child((*labels, "success")),
            self.tokens.child((*labels, "input")),
            self.tokens.child((*labels, "output")),
            self.cost.child(labels),
        )
        return found

    def _remember(self, event: Answered) -> None:
        request = event.request
        seconds = self.keep_seconds.get(request.gateway)
        if seconds is None:
            return
        key, until = (request.gateway, request.prompt, request.model), event.time + seconds
        if key in self._remembered:
            self._forget(key)
        self._remembered[key] = (until, request.team)
        self._running_out.append((until, key))
        self.size.inc((request.team,))
        if len(self._running_out) > 2 * len(self._remembered) + 1000:
            self.refresh(event.time)
