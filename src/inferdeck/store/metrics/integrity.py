"""Damage: found by checks and by reading, put aside with its reason, counted; the rest is served."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inferdeck.store.metrics import codec, milestones
from inferdeck.store.metrics.chunks import decode_chunk, quarantine_chunks
from inferdeck.store.metrics.connection import BROKEN, connect, is_damage, prepare, transaction
from inferdeck.store.metrics.day_file import DAY_TABLES, DayFile, key_range, scrape_key
from inferdeck.store.metrics.raw import quarantine_damaged_scrapes, read_layouts, write_layout
from inferdeck.store.metrics.registry import Registry, identity_batches, read_identity, write_identity
from inferdeck.store.metrics.state import StoreState

Progress = Callable[[float, str], None]
"""Told the fraction done, 0 to 1, and what is being looked at."""
_BATCH = 100
_GIVE_WAY = 0.0002
"""Seconds between slices, in which the event loop gets the interpreter."""
_MOST_FAILURES = 5000
"""Reads that may fail while a broken file is copied: enough to go around many pages, not around all."""
_PLAIN_TABLES = {
    "identity": ("id", "ids", "labels", "crc"),
    "target": ("id", "name", "crc", "last_ms", "carry", "carry_crc"),
    "grid": ("id", "block", "crc", "target", "last_ms", "chunks", "data"),
    "scrape": ("key", "data"),
    "quarantine": ("id", "kind", "key", "data", "reason"),
}


@dataclass(slots=True)
class CheckReport:
    """What a check has read, and what it found broken (one sentence each, with file and row)."""

    days: int = 0
    chunks: int = 0
    samples: int = 0
    scrapes: int = 0
    problems: list[str] = field(default_factory=list)


def check(state: StoreState, progress: Progress | None = None) -> CheckReport:
    """Read everything once, on connections of its own: structure, checksums, lengths. Safe in any thread.

    What is broken is put aside by the writer thread's next ticks.
    """
    report = CheckReport()
    days = sorted((number, day) for number, day in state.days.copy().items() if day.created)
    for i, (number, day) in enumerate(days):
        if progress is not None:
            progress(i / len(days), day.path.name)
        report.days += 1
        try:
            with day.read() as connection:
                _check_structure(connection)
                _check_day(state, day, connection, report)
        except sqlite3.Error as error:
            if day.dropped:
                continue
            report.problems.append(f"{day.path}: {error}")
            if is_damage(error):
                state.damage.day(number, str(error))
    if progress is not None:
        progress(1.0, "done")
    return report


def _check_structure(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"database disk image is malformed: {found}")


def _check_day(state: StoreState, day: DayFile, connection: sqlite3.Connection, report: CheckReport) -> None:
    bad_batches = 0
    for batch in identity_batches(connection):  # never all at once: what is kept makes garbage collections long
        bad_batches += batch is None
        time.sleep(_GIVE_WAY)
    if bad_batches:
        _note_day(state, day, report, f"{bad_batches} batches of series names are damaged")
    for key, blob in connection.execute("SELECT key, data FROM scrape"):
        report.scrapes += 1
        try:
            codec.check_scrape(blob, key)
        except codec.CorruptError as error:
            _note_day(state, day, report, f"raw scrape {key}: {error}")
    for blob in milestones.blobs(connection):
        try:
            milestones.decode(blob, day.day)
        except codec.CorruptError as error:
            report.problems.append(f"{day.path}: {error}; they are made anew")
            state.damage.milestones(day.day)
        time.sleep(_GIVE_WAY)
    for block in day.blocks:
        grids = day.grids(connection, block, block)
        for rows in _batches(connection, block):
            for key, number, blob in rows:
                report.chunks += 1
                try:
                    report.samples += decode_chunk(blob, key, grids.get(number)).size
                except codec.CorruptError as error:
                    report.problems.append(f"{day.path}: chunk {key}: {error}")
                    state.damage.chunk(day.day, key, str(error))
            time.sleep(_GIVE_WAY)


def _note_day(state: StoreState, day: DayFile, report: CheckReport, problem: str) -> None:
    report.problems.append(f"{day.path}: {problem}")
    state.damage.day(day.day, problem)


def _batches(connection: sqlite3.Connection, block: int) -> Iterator[list[tuple[int, int, bytes]]]:
    cursor = connection.execute(
        "SELECT key, grid, data FROM chunk WHERE key BETWEEN ? AND ? ORDER BY key", key_range(block)
    )
    while rows := cursor.fetchmany(_BATCH):
        yield rows


def put_aside(state: StoreState) -> None:
    """Quarantine what readers and checks have noted; on the writer thread."""
    with state.damage.lock:
        days, state.damage.days = state.damage.days, {}
        chunks, state.damage.chunks = state.damage.chunks, {}
        surveyed, state.damage.surveyed = state.damage.surveyed, set()
    for number, reason in days.items():
        if number not in state.days:
            continue
        try:
            with state.guarded(None):
                salvage(state, state.days[number], reason)
        except BaseException:
            state.damage.day(number, reason)
            raise
    for number, bad in chunks.items():
        day = state.days.get(number)
        if day is not None and number not in days:
            with state.guarded(day), day.write() as connection:
                quarantine_chunks(connection, bad)
    for number in surveyed:
        day = state.days.get(number)
        if day is not None and number not in days:
            with state.guarded(day), day.write() as connection:
                milestones.forget(connection)


def move_aside(path: Path, quarantine: Path) -> Path:
    """Move a database with its log into the quarantine folder; returns its new place."""
    quarantine.mkdir(exist_ok=True)
    count = sum(1 for _ in quarantine.glob(f"{path.name}.*"))
    aside = quarantine / f"{path.name}.{count}"
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(aside.with_name(aside.name + suffix))
    return aside


def salvage(state: StoreState, day: DayFile, reason: str) -> None:
    """Replace a broken day file by a new one with all rows that can still be read; the broken one is put aside.

    Raw scrapes that are in memory are written anew from there. On the writer thread.
    """
    day.close()
    fresh = state.directory / f"salvaged-{day.path.name}"
    fresh.unlink(missing_ok=True)
    with closing(connect(fresh)) as target, closing(_open_broken(day.path)) as source:
        prepare(target, fresh, DAY_TABLES)
        with transaction(target):
            _copy(source, target, day)
            _repair_names(target, state.registry)
            quarantine_damaged_scrapes(target)
            target.execute("UPDATE meta SET value=? WHERE key='block_ms'", (state.options.block_ms,))
            target.execute(
                "INSERT INTO quarantine(kind, key, data, reason) VALUES ('file', ?, NULL, ?)", (day.day, reason)
            )
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    move_aside(day.path, state.quarantine)
    fresh.rename(day.path)
    day.dropped = True
    renewed = state.new_day(day.day)
    _write_memory(state, renewed)
    state.days[day.day] = renewed


def _open_broken(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA writable_schema=ON")  # else SQLite refuses a file shorter than its header says
        connection.execute("SELECT count(*) FROM chunk WHERE key=0").fetchone()
    except BROKEN:
        if not _has_tables(connection):
            connection.close()
            return sqlite3.connect(":memory:", isolation_level=None)
    return connection


def _has_tables(connection: sqlite3.Connection) -> bool:
    try:
        return bool(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    except BROKEN:
        return False


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, day: DayFile) -> None:
    for table, columns in _PLAIN_TABLES.items():
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        for row in _readable(source, f"SELECT {names} FROM {table}", columns[0]):  # noqa: S608 (our names)
            target.execute(f"INSERT OR IGNORE INTO {table}({names}) VALUES ({marks})", row)  # noqa: S608
    for row in _readable(source, "SELECT target, block, part, ids FROM layout", "target", "block", "part"):
        target.execute("INSERT OR IGNORE INTO layout VALUES (?,?,?,?)", row)
    top = _highest_series(target)
    for row in _chunks(source, [(block << 32, block << 32 | top) for block in reversed(day.blocks)]):
        target.execute("INSERT OR IGNORE INTO chunk(key, grid, data) VALUES (?,?,?)", row)
    target.execute("UPDATE grid SET chunks=(SELECT count(*) FROM chunk WHERE chunk.grid=grid.id)")
    target.execute("DELETE FROM grid WHERE chunks=0")
    target.execute("UPDATE meta SET value=(SELECT count(*) FROM chunk) WHERE key='chunks'")
    _count_samples(target, day)


def _repair_names(target: sqlite3.Connection, registry: Registry) -> None:
    """Write the names of all series that the file uses, in place of the damaged ones."""
    own = read_identity(target)[0]
    names = {**dict(own), **registry.labels}
    used = {key & 0xFFFFFFFF for (key,) in target.execute("SELECT key FROM chunk")}
    used.update(number for number, _ in own)
    for _, ids in read_layouts(target).values():
        used.update(ids.tolist())
    target.execute("DELETE FROM identity")
    write_identity(target, [(number, names[number]) for number in sorted(used) if number in names])


def _count_samples(target: sqlite3.Connection, day: DayFile) -> None:
    samples = 0
    for block in day.blocks:
        grids = day.grids(target, block, block)
        for _, number, _ in target.execute(
            "SELECT key, grid, 0 FROM chunk WHERE key BETWEEN ? AND ?", key_range(block)
        ):
            samples += grids[number].stamps.size if number in grids else 0
    target.execute("UPDATE meta SET value=? WHERE key='samples'", (samples,))


def _highest_series(connection: sqlite3.Connection) -> int:
    named = read_identity(connection)[0]
    return max((number for number, _ in named), default=1 << 20)


def _readable(source: sqlite3.Connection, query: str, *order: str) -> Iterator[tuple[Any, ...]]:
    """Yield rows up to the damage, then those after it, found from the other end."""
    for direction in ("", " DESC"):
        try:
            yield from source.execute(f"{query} ORDER BY {', '.join(column + direction for column in order)}")
        except BROKEN:
            continue
        return


def _chunks(source: sqlite3.Connection, ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int, bytes]]:
    """Yield the chunks that can be read, halving a range of rows around each broken page."""
    failures = 0
    while ranges and failures < _MOST_FAILURES:
        low, high = ranges.pop()
        try:
            rows = source.execute("SELECT key, grid, data FROM chunk WHERE key BETWEEN ? AND ?", (low, high)).fetchall()
        except BROKEN:
            failures += 1
            if low < high:
                middle = (low + high) // 2
                ranges += [(low, middle), (middle + 1, high)]
            continue
        yield from rows


def _write_memory(state: StoreState, day: DayFile) -> None:
    """Write the head's scrapes of this day anew, each whole: memory is the better copy."""
    day.writer.execute("SELECT 1")
    for head in state.heads.values():
        for block in head.blocks():
            if block.block not in day.blocks:
                continue
            view = block.view()
            rows = view.read(np.arange(view.ids.size))
            with day.write() as connection:
                day.introduce(connection, view.ids.tolist(), state.registry)
                day.introduce_target(connection, head.number, head.name)
                connection.execute("DELETE FROM layout WHERE target=? AND block=?", (head.number, block.block))
                write_layout(connection, head.number, block.block, 0, view.ids)
                for i, stamp in enumerate(view.stamps.tolist()):
                    key = scrape_key(head.number, stamp)
                    connection.execute(
                        "INSERT OR REPLACE INTO scrape VALUES (?,?)",
                        (key, codec.encode_scrape(key, rows[:, i].copy())),
                    )
            block.parts = 1
