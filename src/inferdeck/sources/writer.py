"""The one thread on which samples are repaired, mapped and handed to the sinks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from inferdeck.errors import StoreError
from inferdeck.model.scrape import Scrape
from inferdeck.sources.own_times import OwnTimeGroup
from inferdeck.store.interface import MetricSink

T = TypeVar("T")


class SinkWriter:
    """Gives scrapes to the local store and then to the other sinks, one at a time, off the event loop.

    Whatever else must run on the store's writer thread (its ticks) goes through `run` as well. The sinks belong to the
    caller, who closes them after `close`.
    """

    def __init__(self, store: MetricSink, *others: MetricSink) -> None:
        self._store = store
        self._others = others
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")

    async def run(self, work: Callable[[], T]) -> T:
        """Call `work` on the writer thread, after what was asked before, and return what it returns."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def append(self, scrape: Scrape) -> list[str]:
        """Give one scrape to every sink; to be called on the writer thread.

        Returns what the other sinks complained about. Raises StoreError of the store itself, after the others had
        their turn: a full disk here does not stop what is sent elsewhere.
        """
        return self._give(lambda sink: sink.append(scrape))

    def append_block(self, group: OwnTimeGroup) -> list[str]:
        """Give samples with a time of their own to every sink, as `append` does."""
        return self._give(lambda sink: sink.append_block(group.target, group.layout, group.timestamps_ms, group.values))

    def _give(self, to: Callable[[MetricSink], None]) -> list[str]:
        trouble: StoreError | None = None
        try:
            to(self._store)
        except StoreError as error:
            trouble = error
        complaints = []
        for sink in self._others:
            try:
                to(sink)
            except StoreError as error:
                complaints.append(str(error))
        if trouble is not None:
            raise trouble
        return complaints

    @property
    def store(self) -> MetricSink:
        """The local store; to be touched on the writer thread only."""
        return self._store

    def close(self) -> None:
        """Finish what was asked and end the thread; idempotent."""
        self._thread.shutdown(wait=True)
