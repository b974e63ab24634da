"""What the families of the applications count, told from the ledger alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inferdeck.simulate.events import FAULTS, Answered
from inferdeck.simulate.fleet import Application
from tests.pipeline.collecting import Stage
from tests.pipeline.counters import Claim, Key

Amounts = Iterator[tuple[Key, float]]
PREFIX = "llm_gateway_llm_gateway_"


class ApplicationTruth:
    """The ledger's side of one application: what its agents sent, those that found their gateway down too."""

    def __init__(self, stage: Stage, application: Application) -> None:
        self._stage = stage
        self._application = application
        everyone = tuple(agent.name for agent in stage.scenario.fleet.agents)
        self._agents = frozenset(application.agents or everyone)

    def claims(self) -> list[Claim]:
        """Return every counter that is compared."""
        return self._usage() if self._application.metrics == "llm" else self._edge()

    def answers(self, start: float, end: float) -> list[Answered]:
        """Return the answers that its agents got in a window."""
        return [one for one in self._stage.ledger.answers.between(start, end) if one.request.agent in self._agents]

    def _usage(self) -> list[Claim]:
        label = ("agent_id", "model")
        return [
            Claim("llm_requests_total", (*label, "status"), self._requests(by_agent=True)),
            Claim("llm_errors_total", (*label, "error_type"), self._errors),
            *(
                Claim("llm_tokens_used_total", label, self._tokens(read, by_agent=True), (("token_type", kind),))
                for kind, read in TOKENS.items()
            ),
            Claim("llm_cost_total", label, self._cost, exact=False),
            Claim("llm_cache_hits_total", label, self._looks(hit=True)),
            Claim("llm_cache_misses_total", label, self._looks(hit=False)),
            Claim("llm_request_duration_seconds_count", label, self._durations),
        ]

    def _edge(self) -> list[Claim]:
        return [
            Claim(f"{PREFIX}requests_total", ("model", "status"), self._requests(by_agent=False)),
            *(
                Claim(f"{PREFIX}tokens_total", ("model",), self._tokens(read, by_agent=False), (("type", kind),))
                for kind, read in TOKENS.items()
            ),
            Claim(f"{PREFIX}cache_operations_total", (), self._gets(hit=True), (("operation", "get"), HIT)),
            Claim(f"{PREFIX}cache_operations_total", (), self._gets(hit=False), (("operation", "get"), MISS)),
        ]

    def _key(self, one: Answered, *, by_agent: bool) -> Key:
        return (one.request.agent, one.request.model) if by_agent else (one.request.model,)

    def _requests(self, *, by_agent: bool) -> Callable[[float, float], Amounts]:
        def amounts(start: float, end: float) -> Amounts:
            for one in self.answers(start, end):
                yield (*self._key(one, by_agent=by_agent), "success" if one.fault is None else "error"), 1.0
            for missed in self._stage.ledger.missed.between(start, end):
                request = missed.request
                if request.agent in self._agents:
                    yield (*((request.agent, request.model) if by_agent else (request.model,)), "error"), 1.0

        return amounts

    def _errors(self, start: float, end: float) -> Amounts:
        for one in self.answers(start, end):
            if one.fault is not None:
                yield (*self._key(one, by_agent=True), FAULTS[one.fault][0]), 1.0
        for missed in self._stage.ledger.missed.between(start, end):
            if missed.request.agent in self._agents:
                yield (missed.request.agent, missed.request.model, "APIConnectionError"), 1.0

    def _tokens(self, read: Callable[[Answered], int], *, by_agent: bool) -> Callable[[float, float], Amounts]:
        def amounts(start: float, end: float) -> Amounts:
            for one in self.answers(start, end):
                if one.fault is None:
                    yield self._key(one, by_agent=by_agent), read(one)

        return amounts

    def _cost(self, start: float, end: float) -> Amounts:
        for one in self.answers(start, end):
            yield self._key(one, by_agent=True), one.usage.cost

    def _durations(self, start: float, end: float) -> Amounts:
        for one in self.answers(start, end):
            yield self._key(one, by_agent=True), 1.0

    def _looks(self, *, hit: bool) -> Callable[[float, float], Amounts]:
        def amounts(start: float, end: float) -> Amounts:
            for one in self._stage.ledger.cache_looks.between(start, end):
                if one.hit == hit and one.request.agent in self._agents:
                    yield (one.request.agent, one.request.model), 1.0

        return amounts

    def _gets(self, *, hit: bool) -> Callable[[float, float], Amounts]:
        def amounts(start: float, end: float) -> Amounts:
            for _, count in self._looks(hit=hit)(start, end):
                yield (), count

        return amounts


HIT, MISS = ("result", "hit"), ("result", "miss")
TOKENS: dict[str, Callable[[Answered], int]] = {
    "input": lambda one: one.usage.input,
    "output": lambda one: one.usage.output,
}
