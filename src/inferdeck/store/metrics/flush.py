"""From raw scrapes to chunks: a slice of series per tick, so that nobody waits; the last slice deletes the raw rows.

Each slice is committed by itself while the raw rows stay, so a crash loses nothing: the block is then in memory again
after the restart, is flushed from its start, and series that already have their chunk are merged with equal samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferdeck.store.metrics.chunks import ChunkWriter
from inferdeck.store.metrics.head import HeadBlock, TargetHead
from inferdeck.store.metrics.raw import delete_raw
from inferdeck.store.metrics.state import StoreState


@dataclass(slots=True, eq=False)
class _Job:
    head: TargetHead
    block: HeadBlock
    order: NDArray[np.intp]
    """Columns by series id: chunk rows then arrive in the order of their table."""
    done: int = 0


class Flusher:
    """Writes the blocks that are over, one slice at a time."""

    def __init__(self, state: StoreState) -> None:
        self._state = state
        self._job: _Job | None = None

    def close_ended(self) -> None:
        """Put aside the blocks of targets that went silent before their block ended."""
        now = self._state.now_ms() - self._state.options.flush_after_ms
        for head in self._state.heads.values():
            if head.current is not None and (head.current.block + 1) * self._state.options.block_ms <= now:
                close_current(head)

    def step(self) -> bool:
        """Write one slice; returns False where nothing waits."""
        if self._job is None:
            self._job = self._next()
        if self._job is None:
            return False
        self._write_slice(self._job)
        return True

    def finish(self, head: TargetHead, block: HeadBlock) -> None:
        """Flush one closed block now."""
        if self._job is None or self._job.block is not block:
            self._job = _job(head, block)
        while self._job is not None:
            self._write_slice(self._job)

    def start_over(self) -> None:
        """After a day file was replaced: what the running job has written there may be lost, and is merged again."""
        self._job = None

    def _next(self) -> _Job | None:
        waiting = [(block.block, int(block.ids.min(initial=0)), head.name, head, block)
                   for head in self._state.heads.values() for block in head.closing]  # fmt: skip
        if not waiting:
            return None
        head, block = min(waiting, key=lambda entry: entry[:3])[3:]
        return _job(head, block)

    def _write_slice(self, job: _Job) -> None:
        state, block = self._state, job.block
        day = state.day_of(block.block)
        columns = job.order[job.done : job.done + state.options.flush_slice]
        last = job.done + columns.size >= job.order.size
        view = block.view()
        ids = view.ids[columns]
        with state.guarded(day):
            bulk = state.open_bulk(block.block)
            with day.write() as connection:
                if columns.size and len(block):
                    writer = ChunkWriter(day, connection, block.block, state.options.codec)
                    rows = view.read(columns)
                    if bulk.ids.isdisjoint(ids.tolist()):
                        writer.insert(block.target, view.stamps, ids, rows)
                    else:
                        writer.merge(block.target, view.stamps, ids, rows, replace=False)
                if last:
                    delete_raw(connection, block.target, block.block, state.options.block_ms)
                    connection.execute(
                        "UPDATE target SET last_ms=max(last_ms, ?) WHERE id=?",
                        (int(view.stamps[-1]) if len(block) else -1, block.target),
                    )
        bulk.ids.update(ids.tolist())
        if view.stamps.size:
            bulk.last_ms = max(bulk.last_ms, int(view.stamps[-1]))
        job.done += columns.size
        if last:
            job.head.closing.remove(block)
            self._job = None
            state.close_bulk()


def _job(head: TargetHead, block: HeadBlock) -> _Job:
    return _Job(head, block, np.argsort(block.ids))


def close_current(head: TargetHead) -> None:
    """Let the current block of a target wait for its flush."""
    if head.current is not None:
        head.closing.append(head.current)
        head.current = None
        head.positions = None
