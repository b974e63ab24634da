"""What the HTTP interface may do: try and add sources, work on the store, show configuration and own metrics."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from inferdeck.config import places
from inferdeck.config.edit import add_source
from inferdeck.config.schema import Settings
from inferdeck.config.shown import answer as shown
from inferdeck.daemon import history, remapping
from inferdeck.daemon.jobs import Jobs, Report
from inferdeck.daemon.surroundings import Surrounding
from inferdeck.daemon.watching import Watching
from inferdeck.errors import UnavailableError, UsageError
from inferdeck.model.answers import Added, ConfigAnswer, Imported, Job, StoreReport, Trial
from inferdeck.model.clock import Clock
from inferdeck.model.scrape import Layout
from inferdeck.receive import blocks
from inferdeck.receive.remote_write import AHEAD_MS
from inferdeck.sources.entry import checked, try_entry
from inferdeck.sources.http import HttpClient
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.database import MetricDatabase

BLOCK_SLICE = 250
"""Series of a block that are written at once."""


@dataclass(frozen=True, slots=True, eq=False)
class DaemonOperations:
    """Implements api.operations.Operations; belongs to the event loop."""

    settings: Settings
    clock: Clock
    http: HttpClient
    database: MetricDatabase
    writer: SinkWriter
    watching: Watching
    surrounding: Surrounding
    jobs: Jobs
    is_ready: Callable[[], bool]
    loop: asyncio.AbstractEventLoop
    forget: Callable[[], None]
    """Called from any thread after the history was rewritten."""

    def ready(self) -> bool:
        return self.is_ready()

    def config(self) -> ConfigAnswer:
        return shown(self.settings)

    def own_metrics(self) -> str:
        return self.surrounding.metrics()

    async def test_source(self, kind: str, entry: Mapping[str, Any]) -> Trial:
        config = checked(kind, entry, os.environ, self._folder())
        return await try_entry(kind, config, self.http, self.clock, self.settings.environment)

    async def add_source(self, kind: str, entry: Mapping[str, Any]) -> Added:
        config = checked(kind, entry, os.environ, self._folder())
        trial = await try_entry(kind, config, self.http, self.clock, self.settings.environment)
        if not trial.ok:
            raise UnavailableError(f"not added, since it cannot be read: {trial.message}")
        await self.watching.refuse_twice(kind, config)
        lines = await asyncio.to_thread(add_source, self._file(), kind, entry)
        await self.watching.add_entry(kind, config)
        return Added(str(self._file()), lines, watched=True, trial=trial)

    async def store_stats(self) -> StoreReport:
        path = str(self.settings.data_dir)
        return await asyncio.to_thread(history.store_report, self.database, path, self.clock.now())

    async def import_block(self, body: bytes) -> Imported:
        group = await asyncio.to_thread(blocks.decode, body, round(self.clock.now() * 1000) + AHEAD_MS)
        whole, width = group.layout.series, len(group.timestamps_ms)
        for start in range(0, len(whole), BLOCK_SLICE):
            part = replace(
                group,
                layout=Layout(whole[start : start + BLOCK_SLICE]),
                values=group.values[start : start + BLOCK_SLICE],
            )
            # A slice of a few tens of milliseconds: what is collected meanwhile has its turn between two of them.
            await self.writer.run(partial(self.writer.append_block, part))
        return Imported(len(whole), len(whole) * width)

    def start_job(self, kind: str, options: Mapping[str, Any]) -> Job:
        database, now = self.database, self.clock.now()
        if kind == "check":
            return self.jobs.start(kind, lambda report: history.check(database, report))
        if kind == "compact":
            day = history.checked_day(options.get("day"))
            return self.jobs.start(kind, lambda report: history.compact(database, day, self._on_writer, report))
        if kind == "remap":

            def remap(report: Report) -> list[str]:
                try:
                    return remapping.remap(database, self._on_writer, int(now * 1000), report)
                finally:
                    self.forget()

            return self.jobs.start(kind, remap)
        raise UsageError(f"{kind}: no such work; there are check, compact and remap")

    def job(self, identity: str) -> Job:
        return self.jobs.get(identity)

    def _on_writer(self, work: Callable[[], bool]) -> Future[bool]:
        return asyncio.run_coroutine_threadsafe(self.writer.run(work), self.loop)

    def _file(self) -> Path:
        return self.settings.file or places.file_to_make(os.environ)

    def _folder(self) -> Path:
        return self._file().parent
