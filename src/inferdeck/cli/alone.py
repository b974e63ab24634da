"""What commands do by themselves when no daemon owns the data directory."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from inferdeck.cli.settings import load
from inferdeck.config import places
from inferdeck.config.edit import add_source as write_source
from inferdeck.config.schema import Settings
from inferdeck.daemon import history, remapping
from inferdeck.daemon.history import open_store, store_path
from inferdeck.daemon.jobs import Report
from inferdeck.errors import NotFoundError, UnavailableError
from inferdeck.model.answers import Added, StoreReport, Trial
from inferdeck.model.clock import SystemClock
from inferdeck.sources.entry import checked, try_entry
from inferdeck.sources.http import HttpClient
from inferdeck.store.metrics.database import MetricDatabase


def test_source(options: argparse.Namespace, kind: str, entry: Mapping[str, Any]) -> Trial:
    """Read a source once, in this process."""
    return asyncio.run(_test(options, kind, entry))


def add_source(options: argparse.Namespace, kind: str, entry: Mapping[str, Any]) -> Added:
    """Test a source and write it to the file; raises UnavailableError where it cannot be read."""
    trial = test_source(options, kind, entry)
    if not trial.ok:
        raise UnavailableError(f"not added, since it cannot be read: {trial.message}")
    settings = load(options)
    file = settings.file or places.file_to_make(os.environ)
    return Added(str(file), write_source(file, kind, entry), watched=False, trial=trial)


def store_report(options: argparse.Namespace) -> StoreReport:
    """Return the store day by day; raises NotFoundError where there is none yet."""
    settings, database = _open(options)
    try:
        return history.store_report(database, str(settings.data_dir), time.time())
    finally:
        database.close()


def store_work(options: argparse.Namespace, kind: str, given: Mapping[str, Any], report: Report) -> list[str]:
    """Check, compact or remap in this process, which is then the writer."""
    day = history.checked_day(given.get("day"))
    _, database = _open(options)
    try:
        if kind == "check":
            found = history.check(database, report)
            database.tick()
            return found
        if kind == "compact":
            return history.compact(database, day, _here, report)
        return remapping.remap(database, _here, int(time.time() * 1000), report)
    finally:
        database.close()


def _open(options: argparse.Namespace) -> tuple[Settings, MetricDatabase]:
    settings = load(options)
    path = store_path(settings)
    if not path.exists():
        raise NotFoundError(f"{path}: no history yet; inferdeck up makes it")
    return settings, open_store(settings, SystemClock())


def _here(work: Callable[[], bool]) -> Future[bool]:
    done: Future[bool] = Future()
    done.set_result(work())
    return done


async def _test(options: argparse.Namespace, kind: str, entry: Mapping[str, Any]) -> Trial:
    settings = load(options)
    config = checked(kind, entry, os.environ, Path.cwd())
    http = HttpClient()
    try:
        return await try_entry(kind, config, http, SystemClock(), settings.environment)
    finally:
        await http.aclose()
