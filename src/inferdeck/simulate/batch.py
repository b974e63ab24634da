"""An engine with continuous batching, as a fluid: between two events every decoding sequence goes on at one speed.

Sequences wait in a queue, are admitted while there is room in the batch and in key-value memory, compute their prompts
one after the other (prefill), and decode together. With n of them decoding, each has speed / (1 + (n - 1) / half)
tokens per second, so that more of them are served at once, each more slowly. Where key-value memory runs full, the
newest goes back to the queue's head and computes everything anew (vLLM's recompute preemption).

Unverified, measured on no engine: that a batch slows its sequences by this formula, that decoding goes on at 0.6 of its
speed while a prompt is computed, and that prompts are computed one after the other rather than in chunks together.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from inferdeck.simulate.events import Admitted, BatchChanged, FirstToken, Left, Preempted, Queued, Request, Resumed
from inferdeck.simulate.fleet import Engine
from inferdeck.simulate.kernel import Kernel
from inferdeck.simulate.prefixes import Prefixes

PREFILL_SHARE = 0.6
"""Speed of decoding while a prompt is computed in the same steps."""
_ROUNDING = 1e-9
_INSTANT_SECONDS = 1e-6
"""What is due within this is due now: Unix seconds as floats are no finer than a quarter of it."""


@dataclass(slots=True)
class Sequence:
    """What an engine makes of an attempt."""

    attempt: int
    request: Request
    output: int
    """Tokens that it will generate."""
    finish: str
    first: Callable[[float], None]
    done: Callable[[Left], None]
    queued: float
    mark: float
    """When its present phase began."""
    admitted: float | None = None
    first_token: float | None = None
    generated: int = 0
    """Before its present turn of decoding."""
    start: float = 0.0
    """The engine's progress when that turn began."""
    computed: int = 0
    cached: int = 0
    queue_seconds: float = 0.0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    preemptions: int = 0
    gone: bool = False


class Batch:
    """The scheduler of one engine; `speed_factor` may change at any time through `settle` and `change`."""

    def __init__(self, engine: Engine, kernel: Kernel, changed: Callable[[], None]) -> None:
        self.engine = engine
        self._kernel = kernel
        self._changed = changed
        self.waiting: deque[Sequence] = deque()
        self.prefilling: deque[Sequence] = deque()
        self.decoding: dict[int, Sequence] = {}
        self._sequences: dict[int, Sequence] = {}
        self._ends: list[tuple[float, int, Sequence, int]] = []
        self.speed_factor = 1.0
        self.open = False
        """Whether it takes sequences from its queue."""
        self._progress = 0.0
        self._speed = 0.0
        self._since = kernel.now
        self._kv = 0.0
        self._version = 0
        self._prefill_until = math.inf
        self._prefixes = Prefixes(engine.kv_tokens) if engine.prefix_cache else None

    @property
    def running(self) -> int:
        """Sequences in the batch."""
        return len(self.prefilling) + len(self.decoding)

    @property
    def computing(self) -> bool:
        """Whether a prompt is being computed."""
        return bool(self.prefilling)

    def limit(self, request: Request) -> int:
        """Return how many tokens a request may have in all."""
        return min(self.engine.model.context, self.engine.kv_tokens)

    def add(self, attempt: int, request: Request, first: Callable[[float], None], done: Callable[[Left], None]) -> None:
        """Queue a request, whose prompt must be shorter than `limit`."""
        now = self._kernel.now
        room = self.limit(request) - request.prompt_tokens
        most = min(request.max_tokens, room)
        finish = "stop" if request.output_tokens <= most else "length"
        output = min(request.output_tokens, most)
        sequence = Sequence(attempt, request, output, finish, first, done, now, now)
        self.settle()
        self.waiting.append(sequence)
        self._sequences[attempt] = sequence
        self._emit(Queued(now, self.engine.name, attempt, request.prompt_tokens, request.max_tokens))
        self.change()

    def drop(self, attempt: int, finish: str = "abort") -> None:
        """Let a sequence leave before its end."""
        sequence = self._sequences.get(attempt)
        if sequence is not None:
            self.settle()
            self._leave(sequence, finish)
            self.change()

    def empty(self, finish: str = "error") -> None:
        """Let all leave, and forget all prefixes: the process ended."""
        self.settle()
        for sequence in list(self._sequences.values()):
            self._leave(sequence, finish)
        if self._prefixes is not None:
            self._prefixes.forget()
        self.change()

    def settle(self) -> None:
        """Bring progress and memory to this moment; call it before anything that changes the speed."""
        now = self._kernel.now
        made = (now - self._since) * self._speed
        self._progress += made
        self._kv += made * len(self.decoding)
        self._since = now

    def change(self) -> None:
        """Admit what there is room for, reckon the new speed, and say what the batch is like now."""
        if self.open:
            self._admit()
        self._set_speed()
        self._schedule()
        now, engine = self._kernel.now, self.engine.name
        decoding = len(self.decoding)
        growth = decoding * self._speed
        event = BatchChanged(now, engine, len(self.waiting), self.running, decoding, self._kv, growth, self._speed)
        self._emit(event)
        self._changed()

    def _set_speed(self) -> None:
        count = len(self.decoding)
        share = PREFILL_SHARE if self.prefilling else 1.0
        engine = self.engine
        self._speed = (
            engine.decode_speed * self.speed_factor * share / (1 + (count - 1) / engine.decode_batch) if count else 0.0
        )

    def _admit(self) -> None:
        while self.waiting and self.running < self.engine.max_sequences:
            sequence = self.waiting[0]
            needed = sequence.request.prompt_tokens + sequence.generated
            if self.running and self._kv + needed > 0.98 * self.engine.kv_tokens:
                return
            self.waiting.popleft()
            self._kv += needed
            again = sequence.preemptions > 0
            cached = self._prefixes.take(sequence.request, needed) if self._prefixes is not None else 0
            if not again:
                sequence.cached = cached
                sequence.admitted = self._kernel.now
            sequence.computed = needed - cached
            self.prefilling.append(sequence)
            self._emit(Admitted(self._kernel.now, self.engine.name, sequence.attempt, sequence.computed, cached, again))
            if len(self.prefilling) == 1:
                self._begin_prefill()

    def _begin_prefill(self) -> None:
        sequence, now = self.prefilling[0], self._kernel.now
        sequence.queue_seconds += now - sequence.mark
        sequence.mark = now
        self._prefill_until = now + sequence.computed / (self.engine.prefill_speed * self.speed_factor)

    def _end_prefill(self) -> None:
        sequence, now = self.prefilling.popleft(), self._kernel.now
        sequence.prefill_seconds += now - sequence.mark
        sequence.mark = now
        self._prefill_until = math.inf
        if self.prefilling:
            self._begin_prefill()
        sequence.start = self._progress
        if sequence.output and sequence.first_token is None:
            sequence.first_token = now
            sequence.generated = 1
            self._kv += 1
            self._emit(FirstToken(now, self.engine.name, sequence.attempt, sequence.queued, sequence.prefill_seconds))
            sequence.first(now)
        elif sequence.output:
            self._emit(Resumed(now, self.engine.name, sequence.attempt, sequence.generated))
        if sequence.gone:
            return
        if sequence.generated >= sequence.output:
            self._leave(sequence, sequence.finish)
            return
        self.decoding[sequence.attempt] = sequence
        end = self._progress + sequence.output - sequence.generated
        heapq.heappush(self._ends, (end, sequence.attempt, sequence, sequence.preemptions))

    def _schedule(self) -> None:
        self._version += 1
        due = self._prefill_until
        end = self._next_end()
        if end is not None and self._speed > 0:
            due = min(due, self._since + max(0.0, end - self._progress) / self._speed)
            if self.running > 1:
                free = self.engine.kv_tokens - self._kv
                due = min(due, self._since + max(0.0, free) / (self._speed * len(self.decoding)))
        if due < math.inf:
            self._kernel.at(due, partial(self._happen, self._version))

    def _next_end(self) -> float | None:
        while self._ends:
            end, attempt, sequence, turn = self._ends[0]
            if self.decoding.get(attempt) is sequence and sequence.preemptions == turn:
                return end
            heapq.heappop(self._ends)
        return None

    def _happen(self, version: int) -> None:
        """Something that was scheduled came: a prompt is computed, a sequence is complete, or memory is full."""
        if version != self._version:
            return
        self.settle()
        now = self._kernel.now
        if self._prefill_until <= now:
            self._end_prefill()
        near = max(self._speed * _INSTANT_SECONDS, _ROUNDING * self._progress)
        while (end := self._next_end()) is not None and end <= self._progress + near:
            sequence = heapq.heappop(self._ends)[2]
            self._leave(sequence, sequence.finish, complete=True)
        while self.decoding and self.running > 1 and self._kv >= self.engine.kv_tokens - near * len(self.decoding):
            self._preempt()
        self.change()

    def _preempt(self) -> None:
        sequence = next(reversed(self.decoding.values()))
        now = self._kernel.now
        del self.decoding[sequence.attempt]
        self._release(sequence)
        sequence.generated = self._made(sequence)
        sequence.preemptions += 1
        sequence.decode_seconds += now - sequence.mark
        sequence.mark = now
        self.waiting.appendleft(sequence)
        self._emit(Preempted(now, self.engine.name, sequence.attempt, sequence.generated))

    def _made(self, sequence: Sequence) -> int:
        """Return the whole tokens that a decoding sequence has generated; the last one comes with its end."""
        made = sequence.generated + math.floor(self._progress - sequence.start + _ROUNDING)
        return min(made, sequence.output - 1) if sequence.output else 0

    def _release(self, sequence: Sequence) -> None:
        """Give back what a decoding sequence holds, which grew with its progress."""
        held = sequence.request.prompt_tokens + sequence.generated + self._progress - sequence.start
        self._kv = max(0.0, self._kv - held)

    def _leave(self, sequence: Sequence, finish: str, *, complete: bool = False) -> None:
        now = self._kernel.now
        spent = now - sequence.mark
        if sequence.attempt in self.decoding:
            del self.decoding[sequence.attempt]
            self._release(sequence)
            sequence.generated = sequence.output if complete else self._made(sequence)
            sequence.decode_seconds += spent
        elif sequence in self.prefilling:
            self._leave_prefill(sequence, spent)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)
            sequence.queue_seconds += spent
        else:
            # It ends with the computation of its prompt, which was counted.
            self._kv = max(0.0, self._kv - sequence.request.prompt_tokens - sequence.generated)
        if not self.prefilling and not self.decoding:
            self._kv = 0.0
        sequence.gone = True
        del self._sequences[sequence.attempt]
        left = Left(
            now,
            self.engine.name,
            sequence.attempt,
            finish,
            sequence.queued,
            sequence.admitted,
            sequence.first_token,
            sequence.request.prompt_tokens,
            sequence.cached,
            sequence.generated,
            sequence.request.max_tokens,
            sequence.prefill_seconds,
            sequence.decode_seconds,
            sequence.preemptions,
        )
        self._emit(left)
        sequence.done(left)

    def _leave_prefill(self, sequence: Sequence, spent: float) -> None:
        first = self.prefilling[0] is sequence
        self.prefilling.remove(sequence)
        self._kv = max(0.0, self._kv - sequence.request.prompt_tokens - sequence.generated)
        if not first:
            sequence.queue_seconds += spent
            return
        sequence.prefill_seconds += spent
        self._prefill_until = math.inf
        if self.prefilling:
            self._begin_prefill()

    def _emit(self, event: Queued | Admitted | FirstToken | Resumed | Preempted | Left | BatchChanged) -> None:
        self._kernel.emit(event, self.engine.name)
