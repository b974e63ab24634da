"""Answers that many who look at once share: a question is asked once at a time, and its answer serves for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from inferdeck.dashboards.answers import Memory
from inferdeck.model.clock import Clock

_log = logging.getLogger(__name__)
T = TypeVar("T")
HOLDS_SECONDS = 1.0
"""How long an answer serves everybody."""
MOST_SECONDS = 5.0
COST_SHARE = 0.02
"""An answer that costs more than this share of the time for which it serves is kept longer, up to MOST_SECONDS."""
_MOST_ANSWERS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and the moment (Unix seconds) at which it was taken."""

    value: Any
    at: float


class Shared:
    """Answers by what was asked; belongs to the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: Memory[Answer] = Memory(_MOST_ANSWERS, clock.monotonic)
        self._last: OrderedDict[object, Answer] = OrderedDict()
        self._renewing: dict[object, asyncio.Task[Answer]] = {}

    async def in_thread(self, key: object, ask: Callable[[], T]) -> Answer:
        """Return what a blocking question answered a moment ago, else ask it in a thread."""

        async def make() -> tuple[Answer, int, float]:
            at = self._clock.now()
            value, spent = await asyncio.to_thread(_timed, ask)
            return Answer(value, at), 1, min(MOST_SECONDS, max(HOLDS_SECONDS, spent / COST_SHARE))

        return await self._answers.once(key, make)

    async def on_loop(self, key: object, ask: Callable[[], Coroutine[Any, Any, T]], holds: float) -> Answer:
        """Return what a question of the loop answered a moment ago, else ask it.

        An answer that is not older than twice as long is given while the next one is made: nobody waits for it.
        """

        async def make() -> tuple[Answer, int, float]:
            at = self._clock.now()
            answer = self._last[key] = Answer(await ask(), at)
            self._last.move_to_end(key)
            while len(self._last) > _MOST_ANSWERS:
                self._last.popitem(last=False)
            return answer, 1, holds

        found, last = self._answers.get(key), self._last.get(key)
        if found is None and last is not None and self._clock.now() - last.at < 2 * holds:
            if key not in self._renewing:
                task = self._renewing[key] = asyncio.create_task(self._answers.once(key, make))
                task.add_done_callback(lambda done: self._renewed(key, done))
            return last
        return found if found is not None else await self._answers.once(key, make)

    def _renewed(self, key: object, task: asyncio.Task[Answer]) -> None:
        del self._renewing[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whoever asks next asks anew, and is told.
            self._last.pop(key, None)
            _log.debug("an answer for widgets could not be renewed: %s", error)


def _timed(ask: Callable[[], T]) -> tuple[T, float]:
    """Return the answer and the processor time of this thread that it took."""
    begin = time.thread_time()
    found = ask()
    return found, time.thread_time() - begin
