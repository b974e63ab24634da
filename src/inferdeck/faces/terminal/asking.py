"""Asks the daemon off the event loop; a question that hangs holds up nothing else, not even the end of the program."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from inferdeck.client.tiny import Client
from inferdeck.errors import DaemonDownError, InferdeckError, UnavailableError

T = TypeVar("T")
MOST_AT_ONCE = 2
"""Threads that wait for answers about one thing: for what nobody wants any more, and for what is wanted now."""


class Asker:
    """One daemon, also after it was started again elsewhere. find: where it answers now, None where none does."""

    def __init__(self, find: Callable[[], Client | None]) -> None:
        self._find = find
        self._client: Client | None = None
        self._busy: Counter[str] = Counter()
        self._next: dict[str, tuple[Callable[[], None], asyncio.Future[Any]]] = {}

    @property
    def longest(self) -> float:
        """How many seconds an answer is waited for."""
        return 0.0 if self._client is None else self._client.timeout_seconds

    async def ask(self, question: Callable[[Client], T], about: str = "") -> T:
        """Return the answer; raises InferdeckError, DaemonDownError where no daemon runs.

        about: of many questions about one thing two are asked at once, the newest then, and those between are
        cancelled: a key that is held while the daemon is slow starts no thread each time.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                value = question(self._reached())
            except Exception as error:
                # Something else may answer where it was, while it runs elsewhere.
                if isinstance(error, DaemonDownError | UnavailableError):
                    self._client = None
                _tell(loop, _Failure(answer, error))
            else:
                _tell(loop, _Success(answer, value))
            _tell(loop, lambda: self._over(about))

        if self._busy[about] < MOST_AT_ONCE:
            self._start(work, about)
        else:
            if (before := self._next.pop(about, None)) is not None:
                before[1].cancel()
            self._next[about] = work, answer
        return await answer

    def _start(self, work: Callable[[], None], about: str) -> None:
        self._busy[about] += 1
        # Not a pool: its threads are waited for at the end, and a daemon may take ten seconds to answer.
        threading.Thread(target=work, name="asking", daemon=True).start()

    def _over(self, about: str) -> None:
        """Ask what waited for a thread to end."""
        self._busy[about] -= 1
        work, answer = self._next.pop(about, (None, None))
        if work is not None and answer is not None and not answer.done():
            self._start(work, about)

    def _reached(self) -> Client:
        if self._client is None:
            self._client = self._find()
        if self._client is None:
            raise DaemonDownError("no daemon answers; start one with: inferdeck up")
        return self._client


@dataclass(frozen=True, slots=True)
class _Success(Generic[T]):
    answer: asyncio.Future[T]
    value: T

    def __call__(self) -> None:
        if not self.answer.done():
            self.answer.set_result(self.value)


@dataclass(frozen=True, slots=True)
class _Failure(Generic[T]):
    answer: asyncio.Future[T]
    error: Exception

    def __call__(self) -> None:
        if not self.answer.done():
            self.answer.set_exception(self.error)


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(what)
    except RuntimeError:
        # The program has ended meanwhile.
        return


class Errands:
    """What goes on beside what is shown, for one owner; failed: told of what one of them raises.

    Not Textual's workers: each of those holds itself, and what it holds stays until the garbage collector comes by.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin one."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """End all."""
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._failed(error)


def reason(error: Exception) -> str:
    """Return why a question was not answered, in one line."""
    if isinstance(error, InferdeckError):
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"a bug in inferdeck: {type(error).__name__}: {error}"[:300]
