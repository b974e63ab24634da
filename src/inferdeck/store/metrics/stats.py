"""What the store holds, in figures."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

from inferdeck.store.metrics.day_file import DAY_MS, DayFile, day_number
from inferdeck.store.metrics.state import StoreState


@dataclass(frozen=True, slots=True)
class DayStats:
    """One day's file; bytes include the log, samples those in chunks, free_bytes the pages that wait for reuse."""

    name: str
    bytes: int
    free_bytes: int
    series: int
    chunks: int
    samples: int
    raw_scrapes: int
    quarantined: int
    oldest_ms: int
    newest_ms: int
    head_samples: int = 0
    """Those that are not in chunks yet but in memory (and in raw scrapes)."""


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The whole store; oldest_ms and newest_ms are None while it is empty.

    quarantined counts chunks, raw scrapes and whole files that were put aside. bytes_per_sample divides all bytes of
    the day files by the samples in chunks, None before the first flush.
    """

    days: tuple[DayStats, ...]
    targets: int
    series: int
    head_samples: int
    samples: int
    bytes: int
    bytes_per_sample: float | None
    quarantined: int
    oldest_ms: int | None
    newest_ms: int | None
    writing: bool
    trouble: str


def collect(state: StoreState) -> StoreStats:
    """Count; safe in any thread, milliseconds per day file."""
    days = tuple(found for _, day in sorted(state.days.items()) if (found := _day(day)) is not None)
    blocks = [block.view() for head in list(state.heads.values()) for block in head.blocks()]
    in_head = sum(view.stamps.size * view.ids.size for view in blocks)
    days = tuple(replace(day, head_samples=_in_memory(state, day)) for day in days)
    firsts = [view.stamps[0] for view in blocks if view.stamps.size] + [day.oldest_ms for day in days if day.chunks]
    lasts = [view.stamps[-1] for view in blocks if view.stamps.size] + [day.newest_ms for day in days if day.chunks]
    samples = sum(day.samples for day in days)
    total = sum(day.bytes for day in days)
    files = 0
    if state.quarantine.exists():
        files = sum(1 for path in state.quarantine.iterdir() if not path.name.endswith(("-wal", "-shm")))
    return StoreStats(
        days=days,
        targets=len(state.heads),
        series=len(state.registry),
        head_samples=in_head,
        samples=samples,
        bytes=total,
        bytes_per_sample=total / samples if samples else None,
        quarantined=files + sum(day.quarantined for day in days) + state.registry.damaged_batches,
        oldest_ms=int(min(firsts)) if firsts else None,
        newest_ms=int(max(lasts)) if lasts else None,
        writing=state.writing,
        trouble=state.trouble,
    )


def _in_memory(state: StoreState, day: DayStats) -> int:
    number = day_number(Path(day.name))
    blocks = [block for head in list(state.heads.values()) for block in head.blocks()]
    views = [block.view() for block in blocks if block.block * state.options.block_ms // DAY_MS == number]
    return sum(view.stamps.size * view.ids.size for view in views)


def _day(day: DayFile) -> DayStats | None:
    if not day.created:
        return None
    try:
        with day.read() as connection:
            return _counted(day, connection)
    except sqlite3.Error:
        return None if day.dropped else DayStats(day.path.name, day.file_bytes(), 0, 0, 0, 0, 0, 1, 0, 0)


def _counted(day: DayFile, connection: sqlite3.Connection) -> DayStats:
    def one(query: str) -> int:
        return int(connection.execute(query).fetchone()[0] or 0)

    meta = dict(connection.execute("SELECT key, value FROM meta"))
    first = one("SELECT min(block) FROM grid")
    stamps = [grid.stamps[0] for grid in day.grids(connection, first, first).values()]
    return DayStats(
        name=day.path.name,
        bytes=day.file_bytes(),
        free_bytes=one("PRAGMA freelist_count") * one("PRAGMA page_size"),
        series=one("SELECT sum(length(ids)/4) FROM identity"),
        chunks=int(meta["chunks"]),
        samples=int(meta["samples"]),
        raw_scrapes=one("SELECT count(*) FROM scrape"),
        quarantined=one("SELECT count(*) FROM quarantine WHERE kind != 'file'"),
        oldest_ms=int(min(stamps, default=0)),
        newest_ms=one("SELECT max(last_ms) FROM grid"),
    )
