"""What is too old or too much is dropped by whole days; series that no day names any more are forgotten."""

from __future__ import annotations

from inferdeck.errors import StoreError
from inferdeck.store.metrics.connection import unlink_database
from inferdeck.store.metrics.day_file import DAY_MS, DayFile
from inferdeck.store.metrics.recovery import DROPPED
from inferdeck.store.metrics.state import StoreState

_VACUUM_PAGES = 128


def drop_one(state: StoreState) -> bool:
    """Drop the oldest day if it is over its age or the store over its size; returns whether it did."""
    day = _due(state)
    if day is None or day.readers:
        return False
    del state.days[day.day]
    day.dropped = True
    day.close()
    try:
        unlink_database(day.path, state.directory / DROPPED)
    except OSError as error:
        if day.path.exists():  # not even renamed: it stays readable and is tried again
            day.dropped = False
            state.days[day.day] = day
        raise StoreError(f"{day.path}: cannot be removed ({error})") from error
    forget_series(state)
    return True


def _due(state: StoreState) -> DayFile | None:
    if len(state.days) < 2:
        return None
    oldest = state.days[min(state.days)]
    in_memory = any(block.block in oldest.blocks for head in state.heads.values() for block in head.blocks())
    if in_memory:
        return None
    options = state.options
    if options.retention_bytes is not None:
        total = sum(day.file_bytes() for day in state.days.values())
        if total > options.retention_bytes:
            return oldest
    if options.retention_seconds is not None:
        # A clock that is set years ahead must not empty the store: age counts back from the newest day at most.
        now = min(state.now_ms(), (max(state.days) + 1) * DAY_MS)
        if (oldest.day + 1) * DAY_MS <= now - options.retention_seconds * 1000:
            return oldest
    return None


def forget_series(state: StoreState) -> int:
    """Forget the series that neither a day file nor the memory holds; returns how many."""
    alive: set[int] = set()
    for day in state.days.values():
        if day.created:
            with state.guarded(day):
                alive.update(day.ids().tolist())
    for head in state.heads.values():
        for block in head.blocks():
            alive.update(block.ids.tolist())
    with state.guarded(None):
        return state.registry.keep_only(alive)


def tidy_one(state: StoreState) -> bool:
    """Give back some free pages of one day that is over; returns whether there was something to do."""
    today = state.now_ms() // DAY_MS
    busy = {block.block for head in state.heads.values() for block in head.blocks()}
    for day in sorted(state.days.values(), key=lambda entry: entry.day):
        if day.past_done or day.day >= today or not busy.isdisjoint(day.blocks):
            continue
        with state.guarded(day):
            if give_back_pages(day, _VACUUM_PAGES):
                return True
            if day.created:
                day.settle()
            day.close()
        day.past_done = True
    return False


def give_back_pages(day: DayFile, pages: int) -> bool:
    """Return up to this many free pages of a file to the file system; returns whether there were any."""
    if not day.created or not day.writer.execute("PRAGMA freelist_count").fetchone()[0]:
        return False
    # As a script: `execute` steps a statement without columns once, which frees one page.
    day.writer.executescript(f"PRAGMA incremental_vacuum({pages})")
    day.writes += 1
    return True
