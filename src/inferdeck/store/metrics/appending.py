"""One scrape: a small row, the difference from the scrape before, committed before it is acknowledged."""

from __future__ import annotations

import sqlite3
import zlib

import numpy as np

from inferdeck.errors import StaleStampError, StoreError
from inferdeck.model.scrape import ABSENT_BITS, Layout, Scrape
from inferdeck.store.metrics import codec
from inferdeck.store.metrics.chunks import ChunkWriter
from inferdeck.store.metrics.codec import Bits
from inferdeck.store.metrics.day_file import MAX_STAMP_MS, DayFile, scrape_key
from inferdeck.store.metrics.flush import Flusher
from inferdeck.store.metrics.head import HeadBlock, TargetHead
from inferdeck.store.metrics.index import NO_IDS, Ids
from inferdeck.store.metrics.raw import write_layout
from inferdeck.store.metrics.state import BulkBlock, StoreState

_ABSENT = np.uint64(ABSENT_BITS)


class Appender:
    """Appends scrapes to the head and its day file."""

    def __init__(self, state: StoreState, flusher: Flusher) -> None:
        self._state = state
        self._flusher = flusher

    def append(self, scrape: Scrape) -> None:
        """Keep one scrape; nothing of it is kept where this raises."""
        self._state.require_writing()
        head = self._state.head(scrape.target)
        try:
            self._append(head, scrape)
        except BaseException:
            head.positions = None  # they may name columns that did not come to be
            raise

    def _append(self, head: TargetHead, scrape: Scrape) -> None:
        state = self._state
        stamp = scrape.timestamp_ms
        _require_stamp(head, stamp)
        number = stamp // state.options.block_ms
        day = state.day_of(number)
        self._finish_closing(head, number)
        ids = self._layout_ids(head, scrape.layout)
        fresh = head.current is None or head.current.block != number
        block = HeadBlock(head.number, number, _distinct(ids)) if fresh or head.current is None else head.current
        added = self._place(head, block, ids, fresh)
        row = _row(head, scrape.values, block.ids.size + added.size)
        with state.guarded(day):
            bulk = state.open_bulk(number)
            replaces = stamp <= bulk.last_ms
            with day.write(chunks=replaces) as connection:
                if fresh or added.size:
                    self._write_layout(day, connection, block, block.ids if fresh else added)
                self._write_row(connection, block, stamp, row)
                self._write_carry(day, connection, head, scrape.carry)
                if replaces:
                    _replace_bulk(ChunkWriter(day, connection, number, state.options.codec), bulk, ids, stamp)
        self._accept(head, block, added, scrape, row)

    def _finish_closing(self, head: TargetHead, number: int) -> None:
        """A clock that went back can bring a scrape into a block that is being flushed: let that end first."""
        for block in list(head.closing):
            if block.block == number:
                self._flusher.finish(head, block)

    def _layout_ids(self, head: TargetHead, layout: Layout) -> Ids:
        registry = self._state.registry
        if head.layout is layout and head.layout_ids is not None and head.layout_generation == registry.generation:
            return head.layout_ids
        with self._state.guarded(None):
            ids = registry.numbers(layout.series)
        head.layout, head.layout_ids, head.layout_generation = layout, ids, registry.generation
        head.positions = None
        return ids

    def _place(self, head: TargetHead, block: HeadBlock, ids: Ids, fresh: bool) -> Ids:
        """Look up the layout's columns in the block; returns the series that it lacks."""
        if head.positions is not None and not fresh:
            return NO_IDS
        columns = block.columns
        added = _distinct(np.array([number for number in ids.tolist() if number not in columns], dtype=np.uint32))
        if added.size:
            columns = columns | {number: block.ids.size + i for i, number in enumerate(added.tolist())}
        positions = np.array([columns[number] for number in ids.tolist()], dtype=np.intp)
        head.positions = positions
        head.in_order = positions.size == len(columns) and bool((positions == np.arange(positions.size)).all())
        return added

    def _write_layout(self, day: DayFile, connection: sqlite3.Connection, block: HeadBlock, ids: Ids) -> None:
        day.introduce(connection, ids.tolist(), self._state.registry)
        write_layout(connection, block.target, block.block, block.parts, ids)

    def _write_row(self, connection: sqlite3.Connection, block: HeadBlock, stamp: int, row: Bits) -> None:
        key = scrape_key(block.target, stamp)
        if block.starts_slab or block.last_row is None:
            blob = codec.encode_scrape(key, row)
        else:
            before = scrape_key(block.target, int(block.stamps[-1]))
            blob = codec.encode_scrape(key, row, codec.widened(block.last_row, row.size), before)
        connection.execute("INSERT INTO scrape(key, data) VALUES (?,?)", (key, blob))

    def _write_carry(self, day: DayFile, connection: sqlite3.Connection, head: TargetHead, carry: bytes | None) -> None:
        if day.introduce_target(connection, head.number, head.name):
            carry = carry if carry is not None else head.carry  # a day file is readable alone
        elif carry == head.carry:
            return
        if carry is not None:
            connection.execute(
                "UPDATE target SET carry=?, carry_crc=? WHERE id=?", (carry, zlib.crc32(carry), head.number)
            )

    def _accept(self, head: TargetHead, block: HeadBlock, added: Ids, scrape: Scrape, row: Bits) -> None:
        if block is not head.current:
            if head.current is not None:
                head.closing.append(head.current)
            head.current = block
            block.parts = 1
        elif added.size:
            block.widen(added)
            block.parts += 1
        block.add(scrape.timestamp_ms, row)
        head.last_ms = scrape.timestamp_ms
        if scrape.carry is not None:
            head.carry = scrape.carry


def _require_stamp(head: TargetHead, stamp: int) -> None:
    if stamp <= head.last_ms:
        raise StaleStampError(
            f"{head.name}: a scrape at {stamp} ms is not after the last one, at {head.last_ms} ms", head.last_ms
        )
    if not 0 <= stamp <= MAX_STAMP_MS:
        raise StoreError(f"{head.name}: a scrape at {stamp} ms is outside 1970 to 2109; set the machine's clock")


def _distinct(ids: Ids) -> Ids:
    return np.array(list(dict.fromkeys(ids.tolist())), dtype=np.uint32)


def _row(head: TargetHead, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], columns: int) -> Bits:
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    if head.in_order and bits.size == columns:
        return bits.copy()
    row = np.full(columns, _ABSENT, dtype=np.uint64)
    row[head.positions] = bits
    return row


def _replace_bulk(writer: ChunkWriter, bulk: BulkBlock, ids: Ids, stamp: int) -> None:
    """A bulk write may have put samples at this moment before the scrape came: the scrape is the newer one."""
    both = [number for number in ids.tolist() if number in bulk.ids]
    if both:
        writer.erase(np.array(both, dtype=np.uint32), stamp, stamp)
