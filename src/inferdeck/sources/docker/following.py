"""Follows the daemon's events between collections: each is handed on once, also after a connection broke."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import OrderedDict, deque
from typing import Any

from inferdeck.errors import CollectError
from inferdeck.sources.docker.answers import text
from inferdeck.sources.docker.happened import ACTIONS, event_time
from inferdeck.sources.dockerd import DockerClient
from inferdeck.sources.spending import CURRENT, Spending

MOST_WAITING = 10_000
REMEMBERED = 1024
"""Events that are recognised when the daemon repeats them; it remembers 256 itself."""
OPENING_SECONDS = 1.0


class Following:
    """One open stream of events, opened again by `keep` where it broke, from the last event on."""

    def __init__(self, client: DockerClient, deadline: float) -> None:
        self._client = client
        self._deadline = deadline
        self._task: asyncio.Task[None] | None = None
        self._open = asyncio.Event()
        self._waiting: deque[Any] = deque()
        self._seen: OrderedDict[tuple[int, str, str], None] = OrderedDict()
        self._last_ns = self._began_ns = 0
        self.spent = Spending()
        """What the stream has asked and read since somebody took note of it."""
        self.lost = 0
        """Events that nobody took in time."""
        self.trouble = ""
        """Why the stream broke last; "" while it is open."""

    async def keep(self, now: float) -> None:
        """Open the stream where it is not, and wait a moment for it, so that what happens next is surely heard."""
        if self._task is not None and not self._task.done():
            return
        # The first time only what comes is wanted. Later what was missed; by our own clock where nothing came yet.
        since_ns = self._last_ns or self._began_ns
        self._began_ns = self._began_ns or int(now * 1e9)
        self._open.clear()
        # In a context of its own: what it reads later is no cost of the collection that began it.
        context = contextvars.Context()
        context.run(CURRENT.set, self.spent)
        self._task = asyncio.create_task(self._run(since_ns), context=context)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPENING_SECONDS):
                await self._open.wait()

    def take(self) -> list[Any]:
        """Return the events since the last time, oldest first."""
        found = list(self._waiting)
        self._waiting.clear()
        return found

    async def aclose(self) -> None:
        """End the stream; idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self, since_ns: int) -> None:
        try:
            async with self._client.events(self._deadline, since_ns=since_ns, actions=ACTIONS) as events:
                self.trouble = ""
                self._open.set()
                async for event in events:
                    self._note(event)
            self.trouble = "the daemon closed the stream of events; is it restarting?"
        except CollectError as error:
            self.trouble = str(error)
        finally:
            self._open.set()

    def _note(self, event: Any) -> None:
        time = event_time(event)
        key = (time, text(event, "Actor", "ID"), text(event, "Action"))
        if key in self._seen:
            return
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self._last_ns = max(self._last_ns, time)
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(event)
