"""Kernels that take long ask between their pieces of work whether anybody still waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[Callable[[], None] | None] = ContextVar("windows_patience", default=None)


@contextmanager
def interruptible(check: Callable[[], None]) -> Iterator[None]:
    """Have every kernel of this block, in this thread, call `check` now and then; what that raises ends the kernel."""
    token = _asked.set(check)
    try:
        yield
    finally:
        _asked.reset(token)


def pause() -> None:
    """Called by a kernel between pieces of work."""
    check = _asked.get()
    if check is not None:
        check()
