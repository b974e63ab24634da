"""What faces on a whole terminal share: they end when they are told to, and when their terminal is closed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

_WRITER = "textual-output"
"""The thread of Textual that writes to the terminal."""


def heed_signals(leave: Callable[[], object]) -> None:
    """Have the running event loop leave in order at SIGTERM, SIGHUP and SIGINT.

    Python tells signals to the main thread alone: a loop in another one is ended by who started it.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, leave)


@contextlib.contextmanager
def with_its_terminal(last: Callable[[], object] = lambda: None) -> Iterator[None]:
    """End the program where its terminal is closed: nobody reads what Textual would wait for for ever to write there.

    last: what is still done then, in the thread that writes, without the event loop.
    """

    def failed(found: threading.ExceptHookArgs) -> None:
        if found.thread is not None and found.thread.name == _WRITER and isinstance(found.exc_value, OSError):
            last()
            os._exit(128 + signal.SIGHUP)
        threading.__excepthook__(found)

    before, threading.excepthook = threading.excepthook, failed
    try:
        yield
    finally:
        threading.excepthook = before
