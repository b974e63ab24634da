"""Asks what the widgets need, for all of them together: many who look at once cost one evaluation."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from inferdeck.dashboards.answers import Memory
from inferdeck.model.answers import Status
from inferdeck.model.clock import Clock
from inferdeck.model.widget import Widget
from inferdeck.query.interface import Questions
from inferdeck.render.interface import EVERYTHING, Asked, Part
from inferdeck.render.widgets import health, metrics
from inferdeck.render.widgets.contents import content

T = TypeVar("T")
HOLDS_SECONDS = 1.0
"""How long an answer serves everybody."""
MOST_SECONDS = 5.0
COST_SHARE = 0.02
"""An answer that costs more than this share of the time for which it serves is kept longer, up to MOST_SECONDS."""
_MOST_ANSWERS = 200
_MOST_WIDGETS = 100
SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and the moment (Unix seconds) at which it was taken."""

    value: Any
    at: float


@dataclass(slots=True)
class _Built:
    answers: tuple[Answer, ...]
    widget: asyncio.Task[Widget]


class DaemonWidgets:
    """Implements WidgetQuestions over the questions of every face."""

    def __init__(self, clock: Clock, questions: Questions) -> None:
        self._clock = clock
        self._questions = questions
        self._answers: Memory[Answer] = Memory(_MOST_ANSWERS, clock.monotonic)
        self._built: OrderedDict[tuple[str, Part], _Built] = OrderedDict()
        self._makers: dict[str, Callable[[Part], Awaitable[Asked]]] = {
            "health": self._of_status(health.CONTENT.name, health.widget),
            "metrics": self._of_status(metrics.CONTENT.name, metrics.widget),
        }

    async def widget(self, name: str, part: Part = EVERYTHING) -> Asked:
        """Return one widget."""
        return await self._makers[content(name).name](part)

    def _of_status(self, name: str, make: Callable[[Status, Part], Widget]) -> Callable[[Part], Awaitable[Asked]]:
        async def made(part: Part) -> Asked:
            status = await self._status()
            return await self._build(name, part, partial(make, status.value, part), status)

        return made

    async def _status(self) -> Answer:
        return await self._in_thread("status", self._questions.status)

    async def _in_thread(self, key: object, ask: Callable[[], T]) -> Answer:
        """Return what a blocking question answered a moment ago, else ask it in a thread."""

        async def make() -> tuple[Answer, int, float]:
            at = self._clock.now()
            value, spent = await asyncio.to_thread(_timed, ask)
            return Answer(value, at), 1, min(MOST_SECONDS, max(HOLDS_SECONDS, spent / COST_SHARE))

        return await self._answers.once(key, make)

    async def _on_loop(self, key: object, ask: Callable[[], Coroutine[Any, Any, T]], holds: float) -> Answer:
        """Return what a question of the loop answered a moment ago, else ask it."""

        async def make() -> tuple[Answer, int, float]:
            at = self._clock.now()
            return Answer(await ask(), at), 1, holds

        return await self._answers.once(key, make)

    async def _build(self, name: str, part: Part, make: Callable[[], Widget], *answers: Answer) -> Asked:
        """Return the widget of these answers; it is built once, in a thread, since a stack may be large."""
        status = await self._status()
        key, known = (name, part), self._built.get((name, part))
        if known is None or any(one is not other for one, other in zip(known.answers, answers, strict=True)):
            simulated = SIMULATED in status.value.own.note
            task = asyncio.ensure_future(asyncio.to_thread(lambda: replace(make(), simulated=simulated)))
            known = self._built[key] = _Built(answers, task)
            while len(self._built) > _MOST_WIDGETS:
                self._built.popitem(last=False)
        return Asked(await asyncio.shield(known.widget), min(one.at for one in answers))


def _timed(ask: Callable[[], T]) -> tuple[T, float]:
    """Return the answer and the processor time of this thread that it took."""
    begin = time.thread_time()
    found = ask()
    return found, time.thread_time() - begin
