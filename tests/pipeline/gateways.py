"""What inferdeck's series of a LiteLLM proxy count, told from the ledger alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from inferdeck.simulate.events import Answered, AttemptEnded, Fault
from inferdeck.simulate.fleet import Gateway
from tests.pipeline.collecting import Stage
from tests.pipeline.counters import Claim, Key

FAULTS = {
    Fault.OUTAGE: "ServiceUnavailableError",
    Fault.UNREACHABLE: "InternalServerError",
    Fault.TIMEOUT: "Timeout",
    Fault.CONTEXT: "ContextWindowExceededError",
    Fault.BUDGET: "BudgetExceededError",
    Fault.NO_DEPLOYMENT: "RouterRateLimitError",
    Fault.ABORTED: "InternalServerError",
}
MERGED = {"APIConnectionError": "InternalServerError"}
"""A stream that broke off and an answer that did are one thing to the ledger."""
NEWER = (1, 88)
"""Since this version LiteLLM counts cached and reasoning tokens, looks into its cache, and names streams as asked."""

Amounts = Iterator[tuple[Key, float]]


class GatewayTruth:
    """The ledger's side of one gateway."""

    def __init__(self, stage: Stage, gateway: Gateway) -> None:
        self._stage = stage
        self._gateway = gateway
        self._known = {agent.name for agent in stage.scenario.fleet.agents} if gateway.database else set()
        self._served = {one.id: one.served for one in gateway.deployments}
        major, minor = gateway.version.split(".")[:2]
        self.newer = (int(major), int(minor)) >= NEWER
        """Whether LiteLLM counts as it has since NEWER."""
        self._attempts: dict[int, AttemptEnded] = {}
        self._seen = 0

    def claims(self) -> list[Claim]:
        """Return every counter that is compared."""
        by_model = ("model", "team")
        answers = {
            "input": lambda one: one.usage.input,
            "output": lambda one: one.usage.output,
        }
        if self.newer:
            answers |= {
                "cached_input": lambda one: one.usage.cached_input,
                "reasoning": lambda one: one.usage.reasoning,
            }
        tokens = [
            Claim("llm_tokens_used_total", by_model, self._tokens(count), (("token_type", kind),))
            for kind, count in answers.items()
        ]
        return [
            Claim("llm_requests_total", (*by_model, "status"), self._requests),
            Claim("llm_errors_total", (*by_model, "error_type"), self._errors, merge=_merged),
            *tokens,
            Claim("llm_cost_total", by_model, self._cost, exact=False),
            *(self._cache() if self.newer else ()),
            Claim("llm_fallbacks_total", ("from_model", "to_model", "status"), self._fallbacks),
            Claim("llm_provider_attempts_total", ("model", "status"), self._attempted),
            Claim("llm_request_duration_seconds_count", by_model, self._durations),
            Claim("llm_time_to_first_token_seconds_count", by_model, self._streams),
            Claim("litellm_input_tokens_metric_total", ("requested_model",), self._native_input),
            Claim("litellm_spend_metric_total", (), self._spend, exact=False),
        ]

    def _cache(self) -> list[Claim]:
        return [
            Claim("llm_cache_hits_total", ("model", "team"), self._hits),
            Claim("litellm_cache_misses_metric_total", (), self._misses),
        ]

    def answers(self, start: float, end: float) -> list[Answered]:
        """Return what this gateway answered in a window."""
        return self._stage.ledger.requests(start, end, gateway=self._gateway.name)

    def good(self, start: float, end: float) -> Iterable[Answered]:
        """Return its successes."""
        return (one for one in self.answers(start, end) if one.fault is None)

    def first_token_seconds(self, one: Answered) -> float | None:
        """Return from the last attempt's begin to its first token, as LiteLLM times streams; None where it does not."""
        if not one.request.stream or one.cached or one.first_token is None:
            return None
        every = self._stage.ledger.attempts.events
        for attempt in every[self._seen :]:
            self._attempts[attempt.request.id] = attempt
        self._seen = len(every)
        return one.first_token - self._attempts[one.request.id].started

    def _team(self, one: Answered) -> str:
        return one.request.team if one.request.agent in self._known else ""

    def _tokens(self, count: Callable[[Answered], int]) -> Callable[[float, float], Amounts]:
        def amounts(start: float, end: float) -> Amounts:
            for one in self.good(start, end):
                yield (one.group, self._team(one)), count(one)

        return amounts

    def _requests(self, start: float, end: float) -> Amounts:
        for one in self.answers(start, end):
            if one.fault is not None:
                model = "other" if one.fault is Fault.UNKNOWN_MODEL else one.request.model
            else:
                renamed = one.request.stream and not self.newer
                model = one.group if renamed else one.request.model
            yield (model, self._team(one), "success" if one.fault is None else "error"), 1.0

    def _errors(self, start: float, end: float) -> Amounts:
        for one in self.answers(start, end):
            if one.fault is None:
                continue
            model, name = one.request.model, FAULTS.get(one.fault, "")
            if one.fault is Fault.UNKNOWN_MODEL:
                model, name = "other", "ProxyModelNotFoundError" if self.newer else "HTTPException"
            elif one.fault is Fault.RATE_LIMIT:
                # The proxy's own limits are plain HTTP errors; a provider's come through its client library.
                name = "RateLimitError" if one.attempts else "HTTPException"
            yield (model, self._team(one), name), 1.0

    def _cost(self, start: float, end: float) -> Amounts:
        for one in self.good(start, end):
            yield (one.group, self._team(one)), 0.0 if one.cached else one.usage.cost

    def _spend(self, start: float, end: float) -> Amounts:
        yield (), self._stage.ledger.totals(start, end, gateway=self._gateway.name).cost

    def _hits(self, start: float, end: float) -> Amounts:
        for one in self.good(start, end):
            if one.cached:
                yield (self._served[one.deployment], self._team(one)), 1.0

    def _misses(self, start: float, end: float) -> Amounts:
        for one in self.good(start, end):
            # LiteLLM counts a miss of a stream alone.
            yield (), float(one.request.stream and not one.cached)

    def _fallbacks(self, start: float, end: float) -> Amounts:
        for one in self._stage.ledger.fallbacks.between(start, end):
            if one.request.gateway == self._gateway.name:
                yield (one.request.model, one.to, "success" if one.succeeded else "error"), 1.0

    def _attempted(self, start: float, end: float) -> Amounts:
        """An answer is one success; LiteLLM counts the first failed attempt of a request alone, and no refused key."""
        for one in self.good(start, end):
            yield (one.group, "success"), 1.0
        for attempt in self._stage.ledger.attempts.between(start, end):
            failed = attempt.fault not in (None, Fault.AUTH)
            if attempt.request.gateway == self._gateway.name and attempt.number == 0 and failed:
                yield (attempt.group, "error"), 1.0

    def _durations(self, start: float, end: float) -> Amounts:
        for one in self.good(start, end):
            yield (one.group, self._team(one)), 1.0

    def _streams(self, start: float, end: float) -> Amounts:
        for one in self.good(start, end):
            if self.first_token_seconds(one) is not None:
                # Before, a first token's time was told by the name of the deployment's own model alone.
                yield (one.group if self.newer else self._served[one.deployment], self._team(one)), 1.0

    def _native_input(self, start: float, end: float) -> Amounts:
        for one in self.good(start, end):
            yield (one.group,), one.usage.input


def _merged(key: Key) -> Key:
    return tuple(MERGED.get(part, part) for part in key)
