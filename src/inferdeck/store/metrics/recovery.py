"""What happens at open: files are checked, lost names taken from the days' copies, raw scrapes read into memory."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

from inferdeck.store.metrics.connection import Sync, is_damage, unlink_database
from inferdeck.store.metrics.day_file import DAY_MS, DayFile, day_number
from inferdeck.store.metrics.head import HeadBlock
from inferdeck.store.metrics.integrity import move_aside, salvage
from inferdeck.store.metrics.raw import quarantine_scrapes, read_layouts, rebuild
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
    names = {number: name for name, number in state.registry.targets.items()}
    rows = connection.execute("SELECT id, last_ms, carry, carry_crc FROM target").fetchall()
    for number, last_ms, carry, crc in rows:
        if number not in names:
            continue
        head = state.head(names[number])
        if last_ms // DAY_MS == day.day:  # else it is damaged, and would have every scrape refused
            head.last_ms = max(head.last_ms, last_ms)
        if carry is not None and zlib.crc32(carry) == crc:  # days come oldest first, the newest stays
            head.carry = carry
    raw = _read_raw(state, day, names)
    if not raw and day.day < state.now_ms() // DAY_MS:
        day.close()


def _read_raw(state: StoreState, day: DayFile, names: dict[int, str]) -> bool:
    """Rebuild the head from the file's raw scrapes; returns whether there were any."""
    connection = day.writer
    bad: dict[int, str] = {}
    handled: set[int] = set()
    for (target, number), (parts, ids) in read_layouts(connection).items():
        if target not in names:
            continue
        block = HeadBlock(target, number, ids)
        block.parts = parts
        rebuild(connection, block, state.options.block_ms, handled, bad)
        head = state.head(names[target])
        if head.current is not None:
            head.closing.append(head.current)
        head.current = block
        if len(block):
            head.last_ms = max(head.last_ms, int(block.stamps[-1]))
        state.open_bulk(number)
    keys = {key for (key,) in connection.execute("SELECT key FROM scrape")}
    bad.update((key, "the names of its series are damaged") for key in keys - handled)
    if bad:
        with day.write(chunks=False) as writer:
            quarantine_scrapes(writer, bad)
    return bool(keys)
