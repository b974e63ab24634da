"""The store's figures as answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import date
from pathlib import Path

from inferdeck.config.schema import Settings
from inferdeck.daemon.jobs import Report
from inferdeck.errors import ConfigError, UsageError
from inferdeck.model import numbers
from inferdeck.model.answers import DayFile, Number, RemoteWrite, StoreReport, StoreState, number
from inferdeck.model.clock import Clock
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.stats import StoreStats
from inferdeck.store.remote_write import RemoteWriteStats

OnWriter = Callable[[Callable[[], bool]], "Future[bool]"]
"""Runs one slice of work on the store's writer thread."""


def store_path(settings: Settings) -> Path:
    """Return the directory of the metric store."""
    return settings.data_dir / "metrics"


def open_store(settings: Settings, clock: Clock) -> MetricDatabase:
    """Open the metric store; raises ConfigError (no usable directory), StoreLockedError, other store errors."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return MetricDatabase.open(
            store_path(settings),
            clock=clock,
            sync=settings.store.sync,
            retention_seconds=settings.store.retention_age,
            retention_bytes=settings.store.retention_size,
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"data_dir: cannot use {settings.data_dir}: {reason}; choose another directory") from error


def store_state(database: MetricDatabase, path: str, now: float) -> StoreState:
    """Return the store in one line; blocks for milliseconds per day file."""
    return _state(database.stats(), path, now)


def store_report(database: MetricDatabase, path: str, now: float) -> StoreReport:
    """Return the store day by day."""
    stats = database.stats()
    return StoreReport(
        state=_state(stats, path, now),
        bytes_per_sample=number(stats.bytes_per_sample, "bytes", source="day files"),
        free=number(sum(day.free_bytes for day in stats.days), "bytes", source="day files"),
        head_samples=number(stats.head_samples, "count", source="memory"),
        days=tuple(
            DayFile(day.name, day.bytes, day.series, day.samples + day.head_samples, day.quarantined)
            for day in stats.days
        ),
    )


def _state(stats: StoreStats, path: str, now: float) -> StoreState:
    oldest = None if stats.oldest_ms is None else max(0.0, now - stats.oldest_ms / 1000)
    # Before the first scrape nothing has been counted: that is not a history of 0.
    counted = bool(stats.days or stats.series)

    def total(value: int, unit: str, source: str) -> Number:
        return number(value if counted else None, unit, source=source)

    return StoreState(
        path=path,
        writing=stats.writing,
        trouble=stats.trouble,
        series=total(stats.series, "count", "series file"),
        samples=total(stats.samples + stats.head_samples, "count", "day files and memory"),
        size=total(stats.bytes, "bytes", "day files"),
        oldest=number(oldest, "seconds", source="oldest sample"),
        quarantined=number(stats.quarantined, "count", source="day files"),
    )


def receiver(stats: RemoteWriteStats, now: float) -> RemoteWrite:
    """Return what is known of one remote write."""

    def ago(stamp_ms: int) -> float | None:
        return max(0.0, now - stamp_ms / 1000) if stamp_ms else None

    return RemoteWrite(
        name=stats.name,
        waiting=number(stats.spooled_bytes, "bytes", source="spool"),
        waiting_samples=number(stats.spooled_samples, "count", source="spool"),
        sent=number(stats.sent_samples_total, "count", source="sender"),
        rejected=number(stats.rejected_samples_total, "count", source="sender"),
        overflow=number(stats.overflow_samples_total, "count", source="spool"),
        damaged=number(stats.damaged_records_total, "count", source="spool"),
        failed=number(stats.failed_requests_total, "count", source="sender"),
        last_success=number(ago(stats.last_success_ms), "seconds", source="sender"),
        error=stats.last_error,
        error_age=number(ago(stats.last_error_ms), "seconds", source="sender"),
        sending=stats.last_error_ms == 0 or stats.last_error_ms < stats.last_success_ms,
    )


def check(database: MetricDatabase, report: Report) -> list[str]:
    """Read everything once; safe beside the writer."""
    found = database.check(lambda share, what: report(share, what))
    summary = f"{found.days} days, {found.chunks} chunks, {found.samples} samples, {found.scrapes} raw scrapes read"
    if not found.problems:
        return [summary, "everything is sound"]
    return [summary, f"{len(found.problems)} damaged parts; they are set aside and the rest is served", *found.problems]


def compact(database: MetricDatabase, day: str | None, on_writer: OnWriter, report: Report) -> list[str]:
    """Give free pages back, slice by slice on the writer thread."""
    before = database.stats().bytes
    work = database.compact(day, lambda share, what: report(share, what))
    while on_writer(lambda: next(work, None) is not None).result():
        pass
    given = before - database.stats().bytes
    return [f"{numbers.byte_size(max(0, given))} given back"]


def checked_day(text: str | None) -> str | None:
    """Return a day as YYYY-MM-DD; raises UsageError."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"day: {text[:40]!a} is not a day; write YYYY-MM-DD") from error
