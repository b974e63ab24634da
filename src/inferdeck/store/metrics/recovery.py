"""What happens at open: files are checked, lost names taken from the days' copies, raw scrapes read into memory."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from inferdeck.store.metrics import codec
from inferdeck.store.metrics.connection import Sync, is_damage, unlink_database
from inferdeck.store.metrics.day_file import STAMP_BITS, DayFile, day_number, scrape_key
from inferdeck.store.metrics.head import HeadBlock, TargetHead
from inferdeck.store.metrics.integrity import move_aside, salvage
from inferdeck.store.metrics.registry import Registry, read_identity, read_ids, read_targets
from inferdeck.store.metrics.state import StoreState

SERIES_FILE = "series.db"
DROPPED = "dropped.db"
SALVAGED = "salvaged-"


def open_registry(directory: Path, sync: Sync) -> Registry:
    """Open `series.db`; a broken one is put aside, and the day files' copies then fill a new one."""
    path = directory / SERIES_FILE
    try:
        registry = Registry(path, sync)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        move_aside(path, directory / "quarantine")
        return Registry(path, sync)
    return registry


def finish_interrupted(directory: Path) -> None:
    """End the removals and replacements of files that a crash cut off."""
    for path in directory.glob("*.db-*"):
        if not path.with_name(path.name.rpartition("-")[0]).exists():
            path.unlink()
    for path in directory.glob(f"{SALVAGED}*.db"):
        place = directory / path.name.removeprefix(SALVAGED)
        if place.exists():
            unlink_database(path, directory / DROPPED)
        else:
            path.rename(place)
    (directory / DROPPED).unlink(missing_ok=True)


def open_days(state: StoreState) -> None:
    """Register every day file and take in what it knows; broken ones are salvaged."""
    for path in sorted(state.directory.glob("day-*.db")):
        try:
            number = day_number(path)
        except ValueError:
            continue
        day = state.days[number] = state.new_day(number)
        try:
            _take_in(state, day)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            salvage(state, day, str(error))
            _take_in(state, state.days[number])


def _take_in(state: StoreState, day: DayFile) -> None:
    connection = day.writer
    targets = read_targets(connection)
    lost = state.registry.damaged_batches or any(
        number not in state.registry.labels for number in read_ids(connection).tolist()
    )
    state.registry.adopt(read_identity(connection)[0] if lost else [], targets)
    by_number = dict(targets)
    rows = connection.execute("SELECT id, last_ms, carry, carry_crc FROM target").fetchall()
    for number, last_ms, carry, crc in rows:
        if number not in by_number:
            continue
        name = by_number[number]
        head = state.heads.setdefault(name, TargetHead(number, name))
        head.last_ms = max(head.last_ms, last_ms)
        if carry is not None and zlib.crc32(carry) == crc:  # days come oldest first, the newest stays
            head.carry = carry
    raw = _read_raw(state, day, connection, {head.number: head for head in state.heads.values()})
    if not raw and day.day < state.now_ms() // 86_400_000:
        day.close()


def _read_raw(state: StoreState, day: DayFile, connection: sqlite3.Connection, heads: dict[int, TargetHead]) -> bool:
    bad: dict[int, str] = {}
    found = False
    for target, block, ids in _layouts(connection):
        found = True
        head = heads.get(target)
        if head is None:
            continue
        rebuilt = _rebuild(connection, target, block, ids, state.options.block_ms, bad)
        if head.current is not None:
            head.closing.append(head.current)
        head.current = rebuilt
        if len(rebuilt):
            head.last_ms = max(head.last_ms, int(rebuilt.stamps[-1]))
        state.open_bulk(block)
    if bad:
        with day.write(chunks=False) as writer:
            quarantine_scrapes(writer, bad)
    return found


def _layouts(connection: sqlite3.Connection) -> Iterator[tuple[int, int, np.ndarray[tuple[int], np.dtype[np.uint32]]]]:
    parts: dict[tuple[int, int], list[bytes]] = {}
    for target, block, ids in connection.execute("SELECT target, block, ids FROM layout ORDER BY target, block, part"):
        parts.setdefault((target, block), []).append(ids)
    for (target, block), blobs in sorted(parts.items(), key=lambda entry: (entry[0][0], entry[0][1])):
        yield target, block, np.frombuffer(b"".join(blobs), dtype="<u4").astype(np.uint32)


def _rebuild(
    connection: sqlite3.Connection,
    target: int,
    number: int,
    ids: np.ndarray[tuple[int], np.dtype[np.uint32]],
    block_ms: int,
    bad: dict[int, str],
) -> HeadBlock:
    block = HeadBlock(target, number, ids)
    block.parts = connection.execute(
        "SELECT count(*) FROM layout WHERE target=? AND block=?", (target, number)
    ).fetchone()[0]
    start = number * block_ms
    rows = connection.execute(
        "SELECT key, data FROM scrape WHERE key BETWEEN ? AND ? ORDER BY key",
        (scrape_key(target, start), scrape_key(target, start + block_ms - 1)),
    )
    broken = False
    for key, blob in rows:
        try:
            kind = codec.scrape_kind(blob, key)
            if broken and kind != codec.RAW_KEY:
                bad[key] = "it is the difference from a scrape that is damaged"
                continue
            broken = False
            row = codec.decode_scrape(blob, ids.size, None if kind == codec.RAW_KEY else block.last_row)
        except codec.CorruptError as error:
            broken = True
            bad[key] = str(error)
            continue
        block.add(key & ((1 << STAMP_BITS) - 1), row)
    block.force_key = bool(bad)
    return block


def quarantine_scrapes(connection: sqlite3.Connection, bad: dict[int, str]) -> None:
    """Move damaged raw scrapes aside in their file; inside the caller's transaction."""
    for key, reason in bad.items():
        connection.execute(
            "INSERT INTO quarantine(kind, key, data, reason) SELECT 'scrape', key, data, ? FROM scrape WHERE key=?",
            (reason, key),
        )
        connection.execute("DELETE FROM scrape WHERE key=?", (key,))
