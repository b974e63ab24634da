"""The ledger: what truly happened, kept apart from what the programs say, and asked by any label and window.

It watches the event log itself and shares no code with the programs' folds, so that it can witness against them.
Windows are (start, end]: what happened at `start` is not in it, what happened at `end` is, as between two scrapes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, TypeVar

from inferdeck.simulate.events import (
    Admitted,
    Answered,
    Arrived,
    Attempted,
    AttemptEnded,
    BatchChanged,
    CacheAsked,
    Ended,
    Event,
    FellBack,
    FirstToken,
    Left,
    Missed,
    Preempted,
    Queued,
    Request,
    Resumed,
    Started,
)
from inferdeck.simulate.kernel import Handler

AnEvent = TypeVar("AnEvent", bound=Event)
_time = attrgetter("time")

LABELS: dict[str, Callable[[Request], object]] = {
    "gateway": attrgetter("gateway"),
    "agent": attrgetter("agent"),
    "team": attrgetter("team"),
    "user": attrgetter("user"),
    "session": attrgetter("session"),
    "requested_model": attrgetter("model"),
    "use_case": attrgetter("use_case"),
    "route": attrgetter("route"),
    "stream": attrgetter("stream"),
    "outside": attrgetter("outside"),
}
"""Labels of every event with a request. `model` is the group that served it, `deployment` its deployment."""


class Record(Generic[AnEvent]):
    """The events of one type in the order of their times."""

    def __init__(self) -> None:
        self.events: list[AnEvent] = []

    def note(self, event: AnEvent) -> None:
        """Take one more event."""
        self.events.append(event)

    def between(self, start: float, end: float) -> list[AnEvent]:
        """Return what happened in (start, end]."""
        return self.events[bisect_right(self.events, start, key=_time) : bisect_right(self.events, end, key=_time)]

    def forget(self, before: float) -> None:
        """Drop what happened up to this moment."""
        del self.events[: bisect_right(self.events, before, key=_time)]


@dataclass(slots=True)
class Totals:
    """What a set of answers adds up to; tokens as the gateway reckons them, cost in USD."""

    requests: int = 0
    failed: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)


class Ledger:
    """Keeps what happened since it was made, and no more than `keep_seconds` of it where that is given."""

    def __init__(self, keep_seconds: float | None = None) -> None:
        self._keep = keep_seconds
        self._noted = 0
        self.answers: Record[Answered] = Record()
        self.arrivals: Record[Arrived] = Record()
        self.missed: Record[Missed] = Record()
        self.attempts: Record[AttemptEnded] = Record()
        self.attempted: Record[Attempted] = Record()
        self.fallbacks: Record[FellBack] = Record()
        self.cache_looks: Record[CacheAsked] = Record()
        self.queued: Record[Queued] = Record()
        self.admitted: Record[Admitted] = Record()
        self.first_tokens: Record[FirstToken] = Record()
        self.preempted: Record[Preempted] = Record()
        self.left: Record[Left] = Record()
        self.begun: Record[Started] = Record()
        self.ended: Record[Ended] = Record()
        self._progress: dict[str, _Progress] = defaultdict(_Progress)
        self._bounded: tuple[Record[Any], ...] = (
            self.answers,
            self.arrivals,
            self.missed,
            self.attempts,
            self.attempted,
            self.fallbacks,
            self.cache_looks,
            self.queued,
            self.admitted,
            self.first_tokens,
            self.preempted,
            self.left,
        )

    def handlers(self) -> dict[tuple[type[Event], str], Handler]:
        """Return what to subscribe to a world."""
        records: dict[type[Event], Any] = {
            Answered: self.answers,
            Arrived: self.arrivals,
            Missed: self.missed,
            AttemptEnded: self.attempts,
            Attempted: self.attempted,
            FellBack: self.fallbacks,
            CacheAsked: self.cache_looks,
            Queued: self.queued,
            Admitted: self.admitted,
            Left: self.left,
            Started: self.begun,
            Ended: self.ended,
        }
        found: dict[tuple[type[Event], str], Handler] = {(kind, ""): one.note for kind, one in records.items()}
        found[Answered, ""] = self._answered
        found[Queued, ""] = self._queued
        found[Left, ""] = self._left
        for kind in (BatchChanged, Resumed):
            found[kind, ""] = self._follow
        found[FirstToken, ""] = self._first_token
        found[Preempted, ""] = self._preempted
        return found

    # Of requests

    def requests(self, start: float, end: float, **labels: object) -> list[Answered]:
        """Return the answers of a window; `labels` as in LABELS, and model and deployment (of what served)."""
        return list(_chosen(self.answers.between(start, end), labels))

    def totals(self, start: float, end: float, **labels: object) -> Totals:
        """Add the answers of a window up. Answers from the cache count as requests, their tokens and cost do not."""
        found = Totals()
        for one in self.requests(start, end, **labels):
            found.requests += 1
            found.failed += one.fault is not None
            found.cached += one.cached
            if one.fault is not None:
                found.faults[one.fault] += 1
            if not one.cached:
                found.input_tokens += one.usage.input
                found.output_tokens += one.usage.output
                found.cached_input_tokens += one.usage.cached_input
                found.reasoning_tokens += one.usage.reasoning
                found.cost += one.usage.cost
        return found

    def latencies(self, start: float, end: float, **labels: object) -> list[float]:
        """Return the seconds from arrival to answer of the successes of a window that were not remembered, sorted."""
        answers = self.requests(start, end, **labels)
        return sorted(one.time - one.request.time for one in answers if one.fault is None and not one.cached)

    def tries(self, start: float, end: float, **labels: object) -> list[AttemptEnded]:
        """Return the attempts that ended in a window; a label `model` is their group."""
        return list(_chosen(self.attempts.between(start, end), labels))

    def in_flight(self, time: float, gateway: str) -> int:
        """Return how many requests a gateway had taken and not answered at a moment."""
        came = sum(one.request.gateway == gateway for one in self.arrivals.between(float("-inf"), time))
        return came - sum(one.request.gateway == gateway for one in self.answers.between(float("-inf"), time))

    # Of engines

    def sequences(self, start: float, end: float, engine: str) -> list[Left]:
        """Return what left an engine in a window."""
        return [one for one in self.left.between(start, end) if one.engine == engine]

    def generated(self, engine: str, time: float) -> int:
        """Return the tokens that an engine has generated up to now, which `time` must be: also unfinished ones."""
        return self._progress[engine].generated(time)

    def prompted(self, engine: str) -> int:
        """Return the prompt tokens of all sequences of an engine that have their first token."""
        return self._progress[engine].prompts

    # Of processes

    def beginnings(self, start: float, end: float, process: str) -> list[Started]:
        """Return when a process began in a window."""
        return [one for one in self.begun.between(start, end) if one.process == process]

    def _answered(self, event: Answered) -> None:
        self.answers.note(event)
        self._noted += 1
        if self._keep is not None and self._noted % 1000 == 0:
            for record in self._bounded:
                record.forget(event.time - self._keep)

    def _queued(self, event: Queued) -> None:
        self.queued.note(event)
        self._progress[event.engine].waiting[event.attempt] = event.prompt_tokens

    def _left(self, event: Left) -> None:
        self.left.note(event)
        self._progress[event.engine].left(event)

    def _first_token(self, event: FirstToken) -> None:
        self.first_tokens.note(event)
        self._progress[event.engine].follow(event)

    def _preempted(self, event: Preempted) -> None:
        self.preempted.note(event)
        self._progress[event.engine].follow(event)

    def _follow(self, event: BatchChanged | Resumed) -> None:
        self._progress[event.engine].follow(event)


class _Progress:
    """Tokens of one engine from its events, sequence by sequence."""

    def __init__(self) -> None:
        self.prompts = 0
        self.waiting: dict[int, int] = {}
        """Attempt -> prompt tokens, of those without their first token."""
        self._done = 0
        self._live: dict[int, tuple[int, float]] = {}
        """Attempt -> tokens before its present turn of decoding, seconds times speed at its beginning."""
        self._paused: dict[int, int] = {}
        self._made = 0.0
        self._speed = 0.0
        self._since = 0.0

    def _settle(self, time: float) -> None:
        self._made += (time - self._since) * self._speed
        self._since = time

    def follow(self, event: BatchChanged | FirstToken | Resumed | Preempted) -> None:
        self._settle(event.time)
        if isinstance(event, BatchChanged):
            self._speed = event.speed
        elif isinstance(event, FirstToken):
            self._live[event.attempt] = (1, self._made)
            self.prompts += self.waiting.pop(event.attempt)
        elif isinstance(event, Resumed):
            self._live[event.attempt] = (self._paused.pop(event.attempt), self._made)
        else:
            self._live.pop(event.attempt, None)
            self._paused[event.attempt] = event.generated

    def left(self, event: Left) -> None:
        self._settle(event.time)
        self._live.pop(event.attempt, None)
        self._paused.pop(event.attempt, None)
        self._done += event.output_tokens
        self.waiting.pop(event.attempt, None)

    def generated(self, time: float) -> int:
        made = self._made + (time - self._since) * self._speed
        running = sum(before + int(made - begun + 1e-9) for before, begun in self._live.values())
        return self._done + running + sum(self._paused.values())


def _chosen(events: Iterable[_Attempt], labels: dict[str, object]) -> Iterator[_Attempt]:
    wanted = [(LABELS[name], value) for name, value in labels.items() if name in LABELS]
    own = [
        (attrgetter({"model": "group"}.get(name, name)), value) for name, value in labels.items() if name not in LABELS
    ]
    for event in events:
        if all(read(event.request) == value for read, value in wanted) and all(
            read(event) == value for read, value in own
        ):
            yield event


_Attempt = TypeVar("_Attempt", Answered, AttemptEnded)
