"""What a coroutine costs: the CPU time of its own steps, not of what others do while it waits."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Metered(Awaitable[T], Generic[T]):
    """Awaits a coroutine and adds up the thread's CPU seconds between its waits.

    What the event loop itself does for it (reading sockets, TLS) runs outside of its steps and is not counted.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self.cpu_seconds = 0.0

    def __await__(self) -> Generator[Any, Any, T]:
        argument: Any = None
        thrown: BaseException | None = None
        while True:
            started = time.thread_time()
            try:
                waited = self._coroutine.send(argument) if thrown is None else self._coroutine.throw(thrown)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self.cpu_seconds += time.thread_time() - started
            thrown = None
            try:
                argument = yield waited
            except BaseException as error:  # noqa: BLE001, RUF100 - handed on to the coroutine, cancellation too
                thrown = error
