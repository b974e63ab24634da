"""The questions answered in the daemon itself: from the store's reader and the daemon's surroundings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from inferdeck.errors import NotFoundError
from inferdeck.model.annotations import Event
from inferdeck.model.answers import Diagnosis, SourceAnswer, Sources, Status
from inferdeck.model.labels import Labels
from inferdeck.model.target import TargetState
from inferdeck.query import at_once, doctor, status
from inferdeck.query.evidence import Facts
from inferdeck.query.interface import DEFAULT_OPTIONS, FamilyFacts, Listing, QueryOptions
from inferdeck.query.past import moment
from inferdeck.query.promql.ast import Expr
from inferdeck.query.promql.engine import Engine, Limits
from inferdeck.query.promql.parser import parse, parse_selector
from inferdeck.query.promql.result import Result
from inferdeck.query.workers import Ticket, Workers
from inferdeck.store.interface import Matcher, MetricReader, ReadyReader

Item = TypeVar("Item", str, Labels)
_REMEMBERED_TEXT = 4096
_OF_NOW = "names, addresses, versions and what is watched at all are those of now; advice is left out"


@dataclass(frozen=True, slots=True)
class LocalQuestions:
    """Implements Questions; what it is made of is asked for anew at each question and is safe from any thread."""

    reader: MetricReader
    around: Callable[[], status.Surroundings]
    facts: Callable[[], Facts]
    changes: Callable[[float | None], Sequence[Event]] = lambda _until: ()
    """What changed last in the stack, newest first: up to now, or up to a moment."""

    def status(self, at: float | None = None) -> Status:
        seen = moment.seen(self.reader, self.around(), at, _OF_NOW)
        advice = doctor.advice(seen.around) if seen.past is None else ()
        found = status.status(seen.reader, seen.around, advice)
        return replace(found, changes=tuple(self.changes(at)), past=seen.past)

    def sources(self) -> Sources:
        around = self.around()
        targets = tuple(status.source(state, around.now) for state in status.in_order(around.states))
        return Sources(targets, tuple(around.discovered), tuple(around.not_found))

    def source(self, identity: str) -> SourceAnswer:
        around = self.around()
        return status.source(_find(list(around.states), identity), around.now)

    def doctor(self) -> Diagnosis:
        return doctor.diagnose(self.reader, self.around(), self.facts())


def _find(states: list[TargetState], identity: str) -> TargetState:
    for wanted in (
        [state for state in states if state.key.id == identity],
        [state for state in states if identity in (state.name, state.key.instance, state.url)],
        [state for state in states if identity == state.source_kind],
    ):
        if len(wanted) == 1:
            return wanted[0]
        if wanted:
            ids = ", ".join(sorted(state.key.id for state in wanted))
            raise NotFoundError(f'"{identity}" names several sources; say which one: {ids}')
    raise NotFoundError(f'no source is called "{identity}"; `inferdeck sources list` names them all')


class LocalQueryService:
    """Implements QueryService with the own evaluator, on threads of its own; `families` is asked at each question."""

    def __init__(
        self,
        reader: MetricReader,
        *,
        limits: Limits | None = None,
        parallel: int = 4,
        families: Callable[[], Mapping[str, Sequence[FamilyFacts]]] = dict,
    ) -> None:
        self._reader = reader
        self._ready = reader if isinstance(reader, ReadyReader) else None
        self._limits = limits or Limits()
        self._engine = Engine(reader, limits=self._limits)
        self._workers = Workers(parallel)
        self._families = families

    def at_once(self, text: str, time_ms: int, options: QueryOptions = DEFAULT_OPTIONS) -> Result | None:
        # A timeout may be over before it begins, which is looked after on the other way.
        if self._ready is None or len(text) > at_once.LONGEST_TEXT or options.timeout_seconds is not None:
            return None
        return at_once.answer(self._ready, parsed(text), time_ms, self._limits, options.lookback_ms)

    async def instant(self, text: str, time_ms: int, options: QueryOptions = DEFAULT_OPTIONS) -> Result:
        def evaluate(ticket: Ticket) -> Result:
            limits = self._limited(ticket)
            return self._engine.instant(parsed(text), time_ms, limits=limits, lookback_ms=options.lookback_ms)

        return await self._workers.run(evaluate, self._seconds(options))

    async def range(
        self, text: str, start_ms: int, end_ms: int, step_ms: int, options: QueryOptions = DEFAULT_OPTIONS
    ) -> Result:
        def evaluate(ticket: Ticket) -> Result:
            limits = self._limited(ticket)
            return self._engine.range(
                parsed(text), start_ms, end_ms, step_ms, limits=limits, lookback_ms=options.lookback_ms
            )

        return await self._workers.run(evaluate, self._seconds(options))

    async def series(self, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0) -> Listing[Labels]:
        found = await self._union(selectors, lambda matchers: self._reader.series(matchers, start_ms, end_ms))
        return _cut(found, limit)

    async def label_names(self, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0) -> Listing[str]:
        found = await self._union(selectors, lambda matchers: self._reader.label_names(matchers, start_ms, end_ms))
        return _cut(found, limit)

    async def label_values(
        self, name: str, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0
    ) -> Listing[str]:
        def values(matchers: Sequence[Matcher]) -> list[str]:
            return self._reader.label_values(name, matchers, start_ms, end_ms)

        return _cut(await self._union(selectors, values), limit)

    async def metadata(self, metric: str = "") -> Mapping[str, Sequence[FamilyFacts]]:
        known = self._families()
        if metric:
            return {metric: known[metric]} if metric in known else {}
        return known

    def close(self) -> None:
        """End the threads."""
        self._workers.close()

    async def _union(self, selectors: Sequence[str], ask: Callable[[Sequence[Matcher]], list[Item]]) -> set[Item]:
        def work(_ticket: Ticket) -> set[Item]:
            sets = [parse_selector(text) for text in selectors] or [()]
            return {item for matchers in sets for item in ask(matchers)}

        return await self._workers.run(work, self._limits.seconds)

    def _seconds(self, options: QueryOptions) -> float:
        wanted = options.timeout_seconds
        return self._limits.seconds if wanted is None else min(wanted, self._limits.seconds)

    def _limited(self, ticket: Ticket) -> Limits:
        return replace(self._limits, seconds=ticket.seconds_left, canceled=ticket.given_up)


def parsed(text: str) -> Expr:
    """Return the checked syntax tree; those of texts of usual size are remembered. Raises QueryError, LimitError."""
    return _remembered(text) if len(text) <= _REMEMBERED_TEXT else parse(text)


@lru_cache(maxsize=512)
def _remembered(text: str) -> Expr:
    return parse(text)


def _cut(found: set[Item], limit: int) -> Listing[Item]:
    items = sorted(found)
    return Listing(tuple(items[:limit] if limit else items), bool(limit) and len(items) > limit)
