"""The fold that every engine shares: who waits and runs, how far each sequence has come, what its memory holds.

Between two events of an engine each decoding sequence gains `speed` tokens a second. V is the integral of that speed; a
sequence whose first token came at V0 has `1 + floor(V - V0)` tokens, and `Left.output_tokens` is the final truth. From
the same V follow the time of each token (so the pause before it) and the steps of the engine: step j takes in every
token that comes in (j - 1, j].
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from inferdeck.simulate.events import Admitted, BatchChanged, FirstToken, Left, Preempted, Queued, Resumed

NEARLY = 1e-9
LONGEST_HISTORY = 4096
"""Changes of speed that are kept before the running sequences are brought up to date."""

Gap = Callable[[float, int], None]
"""Takes seconds and how often they were seen."""
Step = Callable[[int, int, float], None]
"""Takes the tokens of a step, how many such steps there were, and the seconds that they took together."""


@dataclass(slots=True)
class Sequence:
    """One sequence in its engine; tokens, seconds."""

    attempt: int
    queued: float
    prompt_tokens: int
    max_tokens: int
    route: str = ""
    stream: bool = False
    admitted: float | None = None
    """When it was first admitted."""
    computed: int = 0
    cached: int = 0
    """Of its prompt, at its first admission."""
    first: float | None = None
    decoding: bool = False
    start: float = 0.0
    """V when its present run of tokens began."""
    before: int = 0
    """Tokens up to and with the one at `start`."""
    since: int = 0
    """Tokens after `start` that are counted."""
    last: float = 0.0
    """When its last counted token came."""
    slot: int = -1

    @property
    def generated(self) -> int:
        """Tokens that are counted."""
        return self.before + self.since


class Batch:
    """What goes on in one engine, from its process' start on.

    `gap` is told the pause before each token but a sequence's first, `step` the tokens of each finished step of the
    engine with its prompts' computed ones. Both hear of what happened when `settle` or a `Left` counts it.
    """

    def __init__(self, now: float, slots: int, gap: Gap | None = None, step: Step | None = None) -> None:
        self.sequences: dict[int, Sequence] = {}
        self.waiting = self.running = self.decoding = 0
        self.generated = 0
        """Tokens of all sequences, as counted."""
        self.steps = 0
        """Finished steps."""
        self.kv = self.kv_growth = self.kv_peak = 0.0
        self.longest = 0
        """The longest sequence seen, prompt and answer."""
        self._gap = gap
        self._step = step
        self._times = [now]
        self._levels = [0.0]
        self._speeds = [0.0]
        self._edges: dict[int, int] = {}
        self._chunks: dict[int, int] = {}
        self._next_step = 0
        self._width = 0
        self._stepped = now
        self._members = 0
        self._changed = now
        self._busy = 0.0
        self._free = list(range(slots - 1, -1, -1))

    def level(self, now: float) -> float:
        """Return V."""
        return self._levels[-1] + self._speeds[-1] * (now - self._times[-1])

    @property
    def speed(self) -> float:
        """Tokens a second of each decoding sequence."""
        return self._speeds[-1]

    def kv_tokens(self, now: float) -> float:
        """Return the tokens in key-value memory."""
        return self.kv + self.kv_growth * (now - self._changed)

    def busy_seconds(self, now: float) -> float:
        """Return how long there was something in the batch."""
        return self._busy + (now - self._changed if self.running else 0.0)

    def queue(self, event: Queued, route: str = "", stream: bool = False) -> Sequence:
        """Take a new sequence."""
        sequence = Sequence(event.attempt, event.time, event.prompt_tokens, event.max_tokens, route, stream)
        self.sequences[event.attempt] = sequence
        return sequence

    def admit(self, event: Admitted) -> Sequence:
        """Put a sequence into the batch; it takes the free slot with the lowest number."""
        sequence = self.sequences[event.attempt]
        if sequence.admitted is None:
            sequence.admitted, sequence.computed, sequence.cached = (
                event.time,
                event.computed_tokens,
                event.cached_tokens,
            )
        if sequence.slot < 0 and self._free:
            sequence.slot = self._free.pop()
        return sequence

    def begin(self, event: FirstToken) -> Sequence:
        """Let a sequence decode: its first token is out."""
        sequence = self.sequences[event.attempt]
        level = self.level(event.time)
        sequence.first = sequence.last = event.time
        sequence.before = 1
        self.generated += 1
        self._join(sequence, level, event.time)
        step = max(math.ceil(level - NEARLY), self._next_step)
        self._edge(step, 1)
        self._chunks[step] = self._chunks.get(step, 0) + sequence.computed
        return sequence

    def resume(self, event: Resumed) -> Sequence:
        """Let a preempted sequence go on; what is computed anew counts in no step."""
        sequence = self.sequences[event.attempt]
        level = self.level(event.time)
        self._join(sequence, level, event.time)
        self._edge(math.ceil(level - NEARLY) + 1, 1)
        return sequence

    def preempt(self, event: Preempted) -> Sequence:
        """Put a sequence back into the queue; what it has generated stays."""
        sequence = self.sequences[event.attempt]
        self._stop(sequence, event.time, event.generated)
        return sequence

    def leave(self, event: Left) -> Sequence:
        """Let a sequence go; its tokens are then exactly those of the event."""
        sequence = self.sequences.pop(event.attempt)
        self._stop(sequence, event.time, event.output_tokens)
        self.longest = max(self.longest, sequence.prompt_tokens + sequence.generated)
        return sequence

    def change(self, event: BatchChanged) -> None:
        """Take the engine's state from now on."""
        level = self.level(event.time)
        self._busy = self.busy_seconds(event.time)
        self._changed = event.time
        self.waiting, self.running, self.decoding = event.waiting, event.running, event.decoding
        self.kv, self.kv_growth = event.kv_tokens, event.kv_growth
        self.kv_peak = max(self.kv_peak, event.kv_tokens)
        if not self._members:
            self._rest(event.time, event.speed)
        elif event.time == self._times[-1]:
            self._speeds[-1] = event.speed
        else:
            self._times.append(event.time)
            self._levels.append(level)
            self._speeds.append(event.speed)
            if len(self._times) > LONGEST_HISTORY:
                self.settle(event.time)

    def settle(self, now: float) -> None:
        """Count every token and step up to this moment."""
        level = self.level(now)
        for sequence in self.sequences.values():
            if sequence.decoding:
                self._count(sequence, level, now)
                self.longest = max(self.longest, sequence.prompt_tokens + sequence.generated)
        if self._members:
            self._finish_steps(math.floor(level + NEARLY))
            self._rebase(now, level)
        else:
            self._rest(now, self._speeds[-1])

    def at(self, first: float) -> Sequence | None:
        """Return the sequence whose first token came at this very moment."""
        return next((found for found in reversed(self.sequences.values()) if found.first == first), None)

    def _join(self, sequence: Sequence, level: float, now: float) -> None:
        if not self._members and not self._edges:
            self._stepped = now
        sequence.decoding, sequence.start, sequence.since = True, level, 0
        self._members += 1

    def _edge(self, step: int, by: int) -> None:
        step = max(step, self._next_step)
        self._edges[step] = self._edges.get(step, 0) + by

    def _stop(self, sequence: Sequence, now: float, generated: int) -> None:
        if sequence.decoding:
            level = self.level(now)
            self._count(sequence, level, now, generated - sequence.before)
            # Its tokens filled the steps from ceil(start) on, one each.
            self._edge(math.ceil(sequence.start - NEARLY) + sequence.since + 1, -1)
            sequence.before, sequence.since, sequence.decoding = sequence.generated, 0, False
            self._members -= 1
        if sequence.slot >= 0:
            self._free.append(sequence.slot)
            self._free.sort(reverse=True)
            sequence.slot = -1

    def _count(self, sequence: Sequence, level: float, now: float, total: int | None = None) -> None:
        reached = math.floor(level - sequence.start + NEARLY)
        target = reached if total is None else total
        new = target - sequence.since
        if new <= 0:
            return
        self.generated += new
        if self._gap is not None:
            timed = min(target, reached)
            if timed > sequence.since:
                self._observe_gaps(sequence, timed)
            if target > timed:
                # The event knows of tokens that V has not reached by a rounding error, or that came with it.
                missing = target - max(timed, sequence.since)
                self._gap(max(0.0, now - sequence.last) / missing, missing)
                sequence.last = now
        sequence.since = target

    def _observe_gaps(self, sequence: Sequence, until: int) -> None:
        """Observe the pauses before the tokens after `since` up to `until`."""
        times, levels, speeds, gap = self._times, self._levels, self._speeds, self._gap
        if gap is None:
            return
        token, newest = sequence.since, len(levels) - 1
        while token < until:
            target = sequence.start + token + 1
            place = max(0, bisect_right(levels, target - NEARLY) - 1)
            while place > 0 and speeds[place] <= 0:
                place -= 1
            speed = speeds[place]
            if speed <= 0:
                return
            moment = times[place] + (target - levels[place]) / speed
            gap(max(0.0, moment - sequence.last), 1)
            more = until - token - 1
            if more and place < newest:
                more = max(0, min(more, math.floor(levels[place + 1] - target + NEARLY)))
            if more:
                gap(1.0 / speed, more)
            sequence.last = moment + more / speed
            token += 1 + more

    def _finish_steps(self, until: int) -> None:
        """Observe the steps up to `until`, each with the tokens that came in it."""
        if until < self._next_step:
            return
        marks = sorted({place for place in (*self._edges, *self._chunks) if place <= until} | {self._next_step})
        width = self._width
        for place, following in zip(marks, [*marks[1:], until + 1], strict=True):
            width += self._edges.pop(place, 0)
            chunk = self._chunks.pop(place, None)
            if chunk is not None and (chunk or width):
                self._observe_step(width + chunk, place, 1)
                place += 1
            if width > 0 and following > place:
                self._observe_step(width, place, following - place)
        self._width = width
        self._next_step = until + 1

    def _observe_step(self, tokens: int, place: int, count: int) -> None:
        self.steps += count
        if self._step is not None:
            end = max(self._stepped, self._moment(place + count - 1))
            self._step(tokens, count, end - self._stepped)
            self._stepped = end

    def _moment(self, level: float) -> float:
        """Return when V came to `level`, at the latest when it was last known to change."""
        place = max(0, bisect_right(self._levels, level) - 1)
        speed = self._speeds[place]
        if speed > 0:
            return self._times[place] + max(0.0, level - self._levels[place]) / speed
        return self._times[place]

    def _rebase(self, now: float, level: float) -> None:
        """Shift V towards 0 by whole tokens, so that its rounding errors stay small; forget the history."""
        shift = math.floor(level)
        self._times, self._levels, self._speeds = [now], [level - shift], [self._speeds[-1]]
        for sequence in self.sequences.values():
            if sequence.decoding:
                sequence.start -= shift
        self._edges = {place - shift: count for place, count in self._edges.items()}
        self._chunks = {place - shift: count for place, count in self._chunks.items()}
        self._next_step -= shift

    def _rest(self, now: float, speed: float) -> None:
        """Nobody decodes: all steps are finished, and V begins anew."""
        if self._edges or self._chunks:
            self._finish_steps(max((*self._edges, *self._chunks)))
        self._edges.clear()
        self._chunks.clear()
        self._width, self._next_step = 0, 0
        self._times, self._levels, self._speeds = [now], [0.0], [speed]
