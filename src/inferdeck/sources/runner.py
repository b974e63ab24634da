"""Reads every target on its own schedule; one that fails, hangs or answers garbage never delays another."""

from __future__ import annotations

import asyncio
import logging

from inferdeck.errors import UsageError
from inferdeck.model.clock import Clock
from inferdeck.model.target import TargetState
from inferdeck.sources.interface import Collected, Source
from inferdeck.sources.watch import Target, Told, Watch, untold
from inferdeck.sources.writer import SinkWriter

_log = logging.getLogger(__name__)

_STOP_SECONDS = 0.8


class Runner:
    """The targets under watch. All methods belong to the event loop; `start` and `add` return at once."""

    def __init__(self, clock: Clock, writer: SinkWriter, told: Told = untold) -> None:
        self._clock = clock
        self._writer = writer
        self._told = told
        self._watches: dict[str, Watch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._running = False

    def add(self, target: Target) -> None:
        """Watch one more target; raises UsageError where one of the same id is watched."""
        if target.key.id in self._watches:
            raise UsageError(f"{target.key.id}: configured twice; give one of them another url or environment")
        self._watches[target.key.id] = Watch(target, self._clock, self._writer, self._told)
        if self._running:
            self._begin(target.key.id)

    async def remove(self, target_id: str) -> None:
        """Stop watching a target and end its series; unknown ids are ignored."""
        watch = self._watches.pop(target_id, None)
        task = self._tasks.pop(target_id, None)
        if task is not None:
            await _cancel([task])
        if watch is not None:
            await watch.end()
            await _close(watch)

    def start(self) -> None:
        """Begin to read; a second call does nothing."""
        if not self._running:
            self._running = True
            for target_id in self._watches:
                self._begin(target_id)

    async def stop(self) -> None:
        """Stop reading within a second and close the sources; idempotent. What the store was given stays."""
        self._running = False
        tasks, self._tasks = list(self._tasks.values()), {}
        await _cancel(tasks)
        closing = [asyncio.ensure_future(_close(watch)) for watch in self._watches.values()]
        if closing:
            await asyncio.wait(closing, timeout=_STOP_SECONDS)
            await _cancel(closing)

    def watches(self, target_id: str) -> bool:
        """Return whether a target of this id is watched."""
        return target_id in self._watches

    def states(self) -> list[TargetState]:
        """Return every target as it is now, in the order in which they were added."""
        return [watch.state() for watch in self._watches.values()]

    def sources(self) -> list[Source]:
        """Return the source of every target, in the order in which they were added."""
        return [watch.target.source for watch in self._watches.values()]

    def last(self, target_id: str) -> Collected | None:
        """Return the last good collection of a target; None before the first one or where it is unknown."""
        watch = self._watches.get(target_id)
        return watch.last if watch is not None else None

    def _begin(self, target_id: str) -> None:
        self._tasks[target_id] = asyncio.ensure_future(self._watches[target_id].run())


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_STOP_SECONDS)


async def _close(watch: Watch) -> None:
    try:
        await watch.close()
    except Exception:
        _log.exception("%s: closing the source failed", watch.target.key.id)


__all__ = ["Runner", "Target"]
