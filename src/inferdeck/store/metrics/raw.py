"""Raw scrapes in a day file: the column layout of a target's block, the rows on it, and the head block they rebuild."""

from __future__ import annotations

import sqlite3
import struct
import zlib

import numpy as np

from inferdeck.store.metrics import codec
from inferdeck.store.metrics.day_file import STAMP_BITS, scrape_key
from inferdeck.store.metrics.head import HeadBlock
from inferdeck.store.metrics.index import Ids

_STAMP_MASK = (1 << STAMP_BITS) - 1


def write_layout(connection: sqlite3.Connection, target: int, block: int, part: int, ids: Ids) -> None:
    """Add columns to a target's block; a wrong layout would give values to wrong series, so it has a checksum."""
    body = ids.astype("<u4").tobytes()
    connection.execute(
        "INSERT INTO layout(target, block, part, ids) VALUES (?,?,?,?)",
        (target, block, part, body + struct.pack("<I", _layout_crc(target, block, part, body))),
    )


def _layout_crc(target: int, block: int, part: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(struct.pack("<qqq", target, block, part)))


def read_layouts(connection: sqlite3.Connection) -> dict[tuple[int, int], tuple[int, Ids]]:
    """Return (parts, series ids) by (target, block), blocks in order; those with a damaged part are left out."""
    found: dict[tuple[int, int], tuple[int, Ids]] = {}
    damaged: set[tuple[int, int]] = set()
    for target, block, part, blob in connection.execute(
        "SELECT target, block, part, ids FROM layout ORDER BY target, block, part"
    ):
        parts, ids = found.get((target, block), (0, np.empty(0, dtype=np.uint32)))
        body, crc = (blob[:-4], blob[-4:]) if isinstance(blob, bytes) else (b"", b"")
        if part != parts or crc != struct.pack("<I", _layout_crc(target, block, part, body)):
            damaged.add((target, block))
        else:
            found[target, block] = part + 1, np.concatenate([ids, np.frombuffer(body, dtype="<u4").astype(np.uint32)])
    return {key: value for key, value in found.items() if key not in damaged}


def rebuild(
    connection: sqlite3.Connection, block: HeadBlock, block_ms: int, handled: set[int], bad: dict[int, str]
) -> None:
    """Read the raw scrapes of a target's block into an empty head block; `bad` gets the damaged ones with reasons."""
    start = block.block * block_ms
    rows = connection.execute(
        "SELECT key, data FROM scrape WHERE key BETWEEN ? AND ? ORDER BY key",
        (scrape_key(block.target, start), scrape_key(block.target, start + block_ms - 1)),
    )
    last_key = -1
    for key, blob in rows:
        handled.add(key)
        try:
            previous_key = codec.check_scrape(blob, key)
            if previous_key not in (-1, last_key):
                bad[key] = "it is the difference from a scrape that is damaged"
                continue
            row = codec.decode_scrape(blob, block.ids.size, None if previous_key < 0 else block.last_row)
        except codec.CorruptError as error:
            bad[key] = str(error)
            continue
        block.add(key & _STAMP_MASK, row)
        last_key = key


def quarantine_scrapes(connection: sqlite3.Connection, bad: dict[int, str]) -> None:
    """Move damaged raw scrapes aside in their file; inside the caller's transaction."""
    for key, reason in bad.items():
        connection.execute(
            "INSERT INTO quarantine(kind, key, data, reason) SELECT 'scrape', key, data, ? FROM scrape WHERE key=?",
            (reason, key),
        )
        connection.execute("DELETE FROM scrape WHERE key=?", (key,))


def quarantine_damaged_scrapes(connection: sqlite3.Connection) -> None:
    """Move all raw scrapes aside whose checksum does not hold; inside the caller's transaction."""
    bad = {}
    for key, blob in connection.execute("SELECT key, data FROM scrape"):
        try:
            codec.check_scrape(blob, key)
        except codec.CorruptError as error:
            bad[key] = str(error)
    quarantine_scrapes(connection, bad)


def delete_raw(connection: sqlite3.Connection, target: int, block: int, block_ms: int) -> None:
    """Remove a block's raw scrapes and layout; inside the transaction that has made chunks of them."""
    start = block * block_ms
    connection.execute(
        "DELETE FROM scrape WHERE key BETWEEN ? AND ?",
        (scrape_key(target, start), scrape_key(target, start + block_ms - 1)),
    )
    connection.execute("DELETE FROM layout WHERE target=? AND block=?", (target, block))
