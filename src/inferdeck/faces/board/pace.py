"""When a command runs: at its interval, a little scattered, and never twice at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

SCATTER = 0.05
"""Part of the interval by which starts vary, so that many commands of one interval do not start together for ever."""


class Pace:
    """Calls `run` again and again; belongs to the event loop.

    first_seconds: until the first call; `rounds` counts calls that have ended, `first` is set by the first of them.
    """

    def __init__(
        self, run: Callable[[], Awaitable[None]], seconds: float, *, first_seconds: float = 0.0, seed: int = 0
    ) -> None:
        self._run = run
        self._seconds = seconds
        self._first = first_seconds
        self._random = random.Random(seed)  # noqa: S311  (no secret: it only scatters)
        self._woken = asyncio.Event()
        self._held = False
        self._wanted = False
        self.running = False
        self.rounds = 0
        self.first = asyncio.Event()

    def now(self) -> None:
        """Run as soon as may be, also while held; where a run goes on, that one counts."""
        if not self.running:
            self._wanted = True
            self._woken.set()

    def hold(self, held: bool) -> None:
        """Start nothing while held; afterwards what is overdue starts at once."""
        self._held = held
        self._woken.set()

    async def go(self) -> None:
        """Run until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._first
        while True:
            await self._until(due)
            started = loop.time()
            self._wanted = False
            self.running = True
            try:
                await self._run()
            finally:
                self.running = False
                self.rounds += 1
                self.first.set()
            due = started + self._seconds * self._random.uniform(1 - SCATTER, 1 + SCATTER)

    async def _until(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        while not self._wanted and (self._held or loop.time() < due):
            self._woken.clear()
            try:
                async with asyncio.timeout(None if self._held else due - loop.time()):
                    await self._woken.wait()
            except TimeoutError:
                continue
