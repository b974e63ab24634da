"""Asks the daemon off the event loop; a question that hangs holds up nothing else, not even the end of the program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from inferdeck.client.tiny import Client
from inferdeck.errors import DaemonDownError, InferdeckError, UnavailableError

T = TypeVar("T")


class Asker:
    """One daemon, also after it was started again elsewhere. find: where it answers now, None where none does."""

    def __init__(self, find: Callable[[], Client | None]) -> None:
        self._find = find
        self._client: Client | None = None

    async def ask(self, question: Callable[[Client], T]) -> T:
        """Return the answer; raises InferdeckError, DaemonDownError where no daemon runs."""
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

        # Not a pool: its threads are waited for at the end, and a daemon may take ten seconds to answer.
        threading.Thread(target=work, name="asking", daemon=True).start()
        return await answer

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


def reason(error: Exception) -> str:
    """Return why a question was not answered, in one line."""
    if isinstance(error, InferdeckError):
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"a bug in inferdeck: {type(error).__name__}: {error}"[:300]
