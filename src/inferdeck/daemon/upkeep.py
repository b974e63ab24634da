"""What must go on though a part of it fails: the store's ticks, the end of old events, the steps of an orderly end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from inferdeck.errors import StoreError
from inferdeck.model.clock import Clock
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.state.database import StateDatabase

_log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
PRUNE_SECONDS = 3600.0


async def keep_ticking(writer: SinkWriter, database: MetricDatabase, clock: Clock) -> None:
    """Tick once a second until cancelled; what fails is logged once, tried again and shown in `trouble` meanwhile."""
    told = False
    while True:
        await clock.sleep(TICK_SECONDS)
        try:
            await writer.run(database.tick)
        except Exception as error:  # a store without ticks never flushes again, so nothing may end them
            if not told:
                expected = isinstance(error, StoreError)
                _log.error("the store's upkeep failed, it goes on: %s", error, exc_info=None if expected else error)
            told = True
        else:
            if told and not database.trouble:
                _log.warning("the store's upkeep works again")
                told = False


async def keep_pruning(state: StateDatabase, clock: Clock) -> None:
    """Let old events go once an hour until cancelled, the first time at once: where little happens nothing else does.

    While the state file cannot be written that is logged once and tried again.
    """
    told = False
    while True:
        try:
            await asyncio.to_thread(state.prune)
            told = False
        except StoreError as error:
            if not told:
                _log.warning("old events stay for now: %s", error)
            told = True
        await clock.sleep(PRUNE_SECONDS)


async def ended(*steps: Callable[[], Awaitable[object]]) -> None:
    """Take every step in this order; one that raises is logged and does not keep those after it from their turn."""
    for step in steps:
        try:
            await step()
        except Exception:
            _log.exception("a step of the orderly end failed")
