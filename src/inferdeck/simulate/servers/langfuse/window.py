"""The bounded window of what Langfuse remembers of the world: the newest requests, and what real clients sent.

The fold keeps the events themselves; rows are made when somebody reads. A trace is one request: a root span with the
agent's name, and one generation for each attempt (with the deployment's own model name, as LiteLLM's callback reports
it). A remembered response has one generation that costs nothing. What the world does not have (prompts, answers) is
null, as on an instance that masks them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from inferdeck.simulate.events import FAULTS, Answered, AttemptEnded, Fault, Rated, Request, Usage
from inferdeck.simulate.fleet import Price
from inferdeck.simulate.servers.langfuse.records import Observation, Score, Trace, milliseconds

TRACES = 10_000
"""How many requests are remembered; likewise how many traces and scores of real clients."""

_NAMES = {"/v1/embeddings": "litellm-aembedding", "/v1/completions": "litellm-atext_completion"}
_NAME = "litellm-acompletion"
_WITHOUT_MODEL = ("", Price())


class Kept:
    """One finished request with its attempts, and the trace that it becomes when somebody reads."""

    __slots__ = ("answered", "attempts", "offset", "rated", "trace")

    def __init__(self, answered: Answered, attempts: list[tuple[AttemptEnded, str, Price]], offset: float) -> None:
        self.answered = answered
        self.attempts = attempts
        self.offset = offset
        """By how much the gateway's clock was wrong (s)."""
        self.rated: list[Rated] = []
        self.trace: Trace | None = None


class Window:
    """Everything that can be read, bounded by count."""

    def __init__(self, environment: str, size: int = TRACES) -> None:
        self.environment = environment
        self.size = size
        self.prices: dict[tuple[str, str], tuple[str, Price]] = {}
        """(gateway, deployment) -> the model's name at its provider, and its price now."""
        self._pending: dict[int, list[tuple[AttemptEnded, str, Price]]] = {}
        self._order: deque[Kept] = deque()
        self._kept: dict[int, Kept] = {}
        self._sent: dict[str, Trace] = {}
        self._sent_scores: deque[Score] = deque(maxlen=size)

    def attempt(self, event: AttemptEnded) -> None:
        """Remember an attempt until its request is answered."""
        request = event.request
        model, price = self.prices.get((request.gateway, event.deployment), _WITHOUT_MODEL)
        self._pending.setdefault(request.id, []).append((event, model, price))
        if len(self._pending) > self.size:
            # Attempts that ended after their request was answered: nobody asks for them any more.
            del self._pending[next(iter(self._pending))]

    def answered(self, event: Answered, offset: float, *, keep: bool) -> None:
        """Remember a finished request, unless nobody was there to take it."""
        attempts = self._pending.pop(event.request.id, [])
        if not keep:
            return
        kept = Kept(event, attempts, offset)
        self._order.append(kept)
        self._kept[event.request.id] = kept
        if len(self._order) > self.size:
            del self._kept[self._order.popleft().answered.request.id]

    def rated(self, event: Rated) -> None:
        """Add a score to a request that is still remembered."""
        kept = self._kept.get(event.request.id)
        if kept is not None:
            kept.rated.append(event)
            kept.trace = None

    def traces(self, since: int | None = None, until: int | None = None) -> Iterator[Trace]:
        """Yield the traces, newest request last, that may have a row between two moments (ms; until is included)."""
        for kept in self._order:
            answered = kept.answered
            shift = milliseconds(kept.offset)
            if since is not None and milliseconds(answered.time) + shift < since:
                continue
            if until is not None and milliseconds(answered.request.time) + shift > until:
                continue
            if kept.trace is None:
                kept.trace = trace_of(kept, self.environment, self.prices)
            yield kept.trace
        yield from self._sent.values()

    def trace(self, name: str) -> Trace | None:
        """Return the trace with this id."""
        return next((trace for trace in self.traces() if trace.id == name), None)

    def scores(self) -> Iterator[tuple[Score, Trace | None]]:
        """Yield all scores with the traces that they belong to."""
        for trace in self.traces():
            for score in trace.scores:
                yield score, trace
        known: dict[str, Trace] | None = None
        for score in self._sent_scores:
            if known is None:
                known = {trace.id: trace for trace in self.traces()}
            yield score, known.get(score.trace_id or "")

    def sent_trace(self, name: str, timestamp: int, now: int) -> Trace:
        """Return the trace of a real client, making it where it is new."""
        trace = self._sent.get(name)
        if trace is None:
            trace = self._sent[name] = Trace(name, timestamp, created=now)
            if len(self._sent) > self.size:
                del self._sent[next(iter(self._sent))]
        return trace

    def sent_score(self, score: Score) -> None:
        """Keep a real client's score; one with the same id replaces it."""
        for old in [old for old in self._sent_scores if old.id == score.id]:
            self._sent_scores.remove(old)
        self._sent_scores.append(score)


def trace_of(kept: Kept, environment: str, prices: Mapping[tuple[str, str], tuple[str, Price]]) -> Trace:
    """Return a request as a trace."""
    answered, request = kept.answered, kept.answered.request
    start, end = (milliseconds(moment + kept.offset) for moment in (request.time, answered.time))
    trace = Trace(
        identity(f"trace {request.id}", 16),
        start,
        name=request.agent,
        user=request.user or None,
        session=request.session or None,
        environment=environment,
        tags=(f"team:{request.team}", f"use-case:{request.use_case}"),
        metadata=_metadata(request),
        created=end,
    )
    root = Observation(
        identity(f"span {request.id}", 8), trace.id, "SPAN", request.agent, start, end,
        root=True, metadata=trace.metadata, created=end,
    )  # fmt: skip
    if answered.fault is not None:
        root.level, root.status_message = "ERROR", _message(answered.fault, request.model)
    trace.observations.append(root)
    trace.observations += [_generation(trace, root, kept, *attempt) for attempt in kept.attempts]
    if answered.cached:
        trace.observations.append(_remembered(trace, root, kept, prices))
    trace.scores = [_score(trace, event, kept.offset) for event in kept.rated]
    return trace


def _generation(
    trace: Trace, root: Observation, kept: Kept, ended: AttemptEnded, model: str, price: Price
) -> Observation:
    request = ended.request
    row = Observation(
        identity(f"attempt {ended.attempt}", 8), trace.id, "GENERATION", _NAMES.get(request.route, _NAME),
        milliseconds(ended.started + kept.offset), milliseconds(ended.time + kept.offset),
        parent=root.id, model=model or ended.group, created=root.created,
        model_parameters={"max_tokens": request.max_tokens, "stream": request.stream},
        metadata={**trace.metadata, "model_group": ended.group, "deployment": ended.deployment, "try": ended.number},
    )  # fmt: skip
    if request.stream and ended.first_token is not None:
        row.completion = milliseconds(ended.first_token + kept.offset)
    if ended.fault is not None:
        row.level, row.status_message = "ERROR", _message(ended.fault, ended.group)
    if ended.fault is None or ended.usage.input or ended.usage.output:
        row.usage, row.costs = usage_details(ended.usage), cost_details(ended.usage, price)
    return row


def _remembered(
    trace: Trace, root: Observation, kept: Kept, prices: Mapping[tuple[str, str], tuple[str, Price]]
) -> Observation:
    answered, request = kept.answered, kept.answered.request
    model = prices.get((request.gateway, answered.deployment), _WITHOUT_MODEL)[0]
    return Observation(
        identity(f"cached {request.id}", 8), trace.id, "GENERATION", _NAMES.get(request.route, _NAME),
        root.start, root.end, parent=root.id, model=model or answered.group or request.model, created=root.created,
        model_parameters={"max_tokens": request.max_tokens, "stream": request.stream},
        metadata={**trace.metadata, "model_group": answered.group or request.model, "cache_hit": "True"},
        usage=usage_details(answered.usage), costs={"total": 0.0},
    )  # fmt: skip


def _metadata(request: Request) -> dict[str, Any]:
    return {
        "agent_id": request.agent,
        "team": request.team,
        "use_case": request.use_case,
        "gateway": request.gateway,
        "requested_model": request.model,
        "turn": request.turn,
    }


def _score(trace: Trace, event: Rated, offset: float) -> Score:
    """Return a rating: a user rates the whole (a boolean over the API), a judge the last generation (a number)."""
    moment = milliseconds(event.time + offset)
    boolean = event.name == "feedback"
    return Score(
        identity(f"score {event.request.id} {event.name} {event.time!r}", 16),
        event.name,
        event.value,
        "BOOLEAN" if boolean else "NUMERIC",
        "API" if boolean else "EVAL",
        moment,
        trace_id=trace.id,
        observation_id=None if boolean or trace.observations[-1].type != "GENERATION" else trace.observations[-1].id,
        text=("True" if event.value == 1 else "False") if boolean else None,
        environment=trace.environment,
        created=moment,
    )


def usage_details(usage: Usage) -> dict[str, int]:
    """Return the tokens by Langfuse's names: cached ones are no part of `input`, reasoning ones none of `output`."""
    parts = {
        "input": usage.input - usage.cached_input,
        "input_cached_tokens": usage.cached_input,
        "output": usage.output - usage.reasoning,
        "output_reasoning_tokens": usage.reasoning,
    }
    kept = {name: count for name, count in parts.items() if count or name in ("input", "output")}
    return {**kept, "total": usage.input + usage.output}


def cost_details(usage: Usage, price: Price) -> dict[str, float]:
    """Return what the parts cost in USD; `total` is what the gateway charged, to the last bit."""
    cached = price.input if price.cached_input is None else price.cached_input
    parts = {
        "input": (usage.input - usage.cached_input) * price.input / 1e6,
        "input_cached_tokens": usage.cached_input * cached / 1e6,
        "output": (usage.output - usage.reasoning) * price.output / 1e6,
        "output_reasoning_tokens": usage.reasoning * price.output / 1e6,
    }
    if abs(sum(parts.values()) - usage.cost) > 1e-12 + 1e-9 * usage.cost:
        return {"total": usage.cost}
    kept = {name: cost for name, cost in parts.items() if cost or name in ("input", "output")}
    return {**kept, "total": usage.cost}


def identity(text: str, size: int) -> str:
    """Return an id of `size` bytes in hexadecimal: the same in every run of the same world."""
    return blake2b(text.encode(), digest_size=size).hexdigest()


def _message(fault: Fault, model: str) -> str:
    name, status = FAULTS[fault]
    return f"litellm.{name}: {fault.value} (HTTP {status}). Received Model Group={model}"
