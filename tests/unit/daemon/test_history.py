"""What the store's figures say before anything was written, and before anything was flushed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from inferdeck.config.load import load
from inferdeck.config.targets import TargetFiles
from inferdeck.daemon.history import store_report, store_state
from inferdeck.daemon.pulse import Pulse
from inferdeck.daemon.surroundings import Surrounding
from inferdeck.daemon.watching import Watching
from inferdeck.model.clock import ManualClock
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.http import HttpClient
from inferdeck.sources.registry import config_classes
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.database import MetricDatabase
from tests.unit.store.samples import HOUR_MS, START_MS, layout, scrape


def opened(path: Path) -> MetricDatabase:
    return MetricDatabase.open(path, clock=ManualClock(START_MS / 1000), reserve_bytes=0)


def test_nothing_counted_is_missing_and_not_zero(tmp_path: Path) -> None:
    database = opened(tmp_path)
    found = store_state(database, "x", START_MS / 1000)
    assert {found.series.quality, found.samples.quality, found.size.quality, found.oldest.quality} == {"missing"}
    database.append(scrape("a", START_MS, layout(3), [1] * 3))
    found = store_state(database, "x", START_MS / 1000)
    assert (found.series.value, found.samples.value) == (3, 3)
    assert (found.size.value or 0) > 0
    database.close()


def test_a_day_counts_what_is_not_flushed_yet(tmp_path: Path) -> None:
    database = opened(tmp_path)
    for hour in range(40):
        database.append(scrape("a", START_MS + hour * HOUR_MS, layout(3), [hour] * 3))
    for flush in (False, True):
        if flush:
            database.flush_all()
        report = store_report(database, "x", START_MS / 1000)
        assert len(report.days) >= 2
        assert all(day.samples for day in report.days)
        assert sum(day.samples for day in report.days) == report.state.samples.value == 120
    database.close()


async def test_the_first_count_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "inferdeck.yaml"
    file.write_text("discovery: {enabled: false}\n")
    settings = load(path=file, environ={"HOME": str(tmp_path)}, kinds=config_classes())
    clock, http, database = ManualClock(START_MS / 1000), HttpClient(), opened(tmp_path / "metrics")
    writer = SinkWriter(database)
    watching = Watching(settings, Runner(clock, writer), Assembly(http, clock, "e"), clock, 1, TargetFiles())
    surrounding = Surrounding(settings, clock, database, watching, Pulse(clock), "http://x")
    assert (await asyncio.to_thread(surrounding.store)).series.value is None
    await writer.run(lambda: database.append(scrape("a", START_MS, layout(3), [1] * 3)))
    assert (await asyncio.to_thread(surrounding.store)).series.value == 3
    writer.close()
    database.close()
    await http.aclose()
