"""Threads that evaluate: so many queries in turns, each with a deadline, given up when nobody waits any more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from inferdeck.errors import LimitError, QueryTimeoutError
from inferdeck.query.turns import Turns

T = TypeVar("T")

MOST_WAITING = 1000
"""Questions beyond the running ones; more are refused at once."""


class Ticket:
    """The deadline of one question, whether it was given up, and its turns; read by its worker."""

    def __init__(self, seconds: float, turns: Turns) -> None:
        self.ends = time.monotonic() + seconds
        self._given_up = threading.Event()
        self._turns = turns
        self._has_turn = False

    @property
    def seconds_left(self) -> float:
        """How long the question may still take."""
        return self.ends - time.monotonic()

    def give_up(self) -> None:
        """Let the worker end as soon as it looks."""
        self._given_up.set()

    def given_up(self) -> bool:
        """Let others compute where it is their turn, then say whether nobody waits for the answer any more."""
        if self._has_turn and self._turns.over():
            self._turns.pass_on()
            self._has_turn = self._turns.take()
        return self._given_up.is_set()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Compute in turns with the other questions."""
        self._has_turn = self._turns.take()
        try:
            yield
        finally:
            if self._has_turn:
                self._turns.pass_on()


class Workers:
    """A bounded pool; belongs to the event loop."""

    def __init__(self, parallel: int) -> None:
        self._threads = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="query")
        self._turns = Turns()
        self._waiting = 0

    async def run(self, work: Callable[[Ticket], T], seconds: float) -> T:
        """Call `work` on a free thread and return what it returns; where the caller is cancelled, so is the work.

        Raises LimitError where too many wait, QueryTimeoutError where no thread was free in time.
        """
        if self._waiting >= MOST_WAITING:
            raise LimitError(f"{self._waiting} queries wait already; ask again in a moment")
        ticket = Ticket(seconds, self._turns)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _begun, work, ticket)
        finally:
            self._waiting -= 1
            ticket.give_up()

    def close(self) -> None:
        """End the threads once they are through; idempotent."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _begun(work: Callable[[Ticket], T], ticket: Ticket) -> T:
    with ticket.turn():
        if ticket.given_up() or ticket.seconds_left <= 0:
            raise QueryTimeoutError("query timed out in query queue")
        return work(ticket)
