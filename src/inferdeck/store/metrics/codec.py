"""How chunks, time grids and raw scrapes become bytes, each with a codec byte and a CRC-32.

A chunk is the values of one series on one grid. Its blob is `kind | crc32 | payload`; the CRC also covers the chunk's
key and grid, so that a chunk in the wrong row is found too. Values travel as uint64 bit patterns: NaN payloads (stale
markers, holes) must come back bit for bit. NaNs are taken out into a small map of their own, so that what is left
compresses as numbers: as one constant, as int64 where all are whole, else as float64; by pcodec where it can be
imported, else by numpy delta, byte shuffle and zstd.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from typing import Any, Literal
from zlib import crc32

import numpy as np
import zstandard
from numpy.typing import NDArray

from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS

try:
    from pcodec import ChunkConfig, DeltaSpec, standalone
except ImportError:  # no wheel for this platform (musl): chunks by numpy and zstd
    ChunkConfig = DeltaSpec = standalone = None

Bits = NDArray[np.uint64]
CodecName = Literal["auto", "pcodec", "zstd"]

CONSTANT, PCO_FLOAT, PCO_INT, ZSTD_FLOAT, ZSTD_INT = 1, 2, 3, 4, 5
HAS_NANS = 0x80
RAW_KEY, RAW_DELTA = 1, 2
GRID = 1
_SCRAPE_HEAD = 13
_unpack_head = struct.Struct("<BI").unpack_from
_unpack_constant = struct.Struct("<Q").unpack_from
_pack_place = struct.Struct("<qqB").pack

_ABSENT = np.uint64(ABSENT_BITS)
_SIGN_OFF = np.uint64(0x7FFF_FFFF_FFFF_FFFF)
_INFINITY = np.uint64(0x7FF0_0000_0000_0000)
_NAN_CODES = np.array([STALE_BITS, NAN_BITS, ABSENT_BITS], dtype=np.uint64)
_OTHER_NAN = 4
_WHOLE_LIMIT = float(2**62)


class CorruptError(ValueError):
    """Bytes that are not what was written; handled inside the store by quarantine, never seen outside."""


class _Zstd(threading.local):
    """Compressors are not safe to share between threads."""

    def __init__(self) -> None:
        self.fast = zstandard.ZstdCompressor(level=1)
        self.small = zstandard.ZstdCompressor(level=3)
        self.decompressor = zstandard.ZstdDecompressor()


_zstd = _Zstd()
_pco_config: Any = ChunkConfig(compression_level=4) if ChunkConfig is not None else None
_pco_steps: Any = (
    ChunkConfig(compression_level=4, delta_spec=DeltaSpec.try_consecutive(1)) if ChunkConfig is not None else None
)
"""For counts, as their steps: to try what is best for a row takes three times as long as to code it."""


def pcodec_available() -> bool:
    """Return whether chunks can be written and read by pcodec here."""
    return standalone is not None


def compress(data: bytes, *, small: bool = False) -> bytes:
    """Return `data` as one zstd frame, level 1, or level 3 where `small`."""
    return (_zstd.small if small else _zstd.fast).compress(data)


def decompress(data: bytes, limit: int) -> bytes:
    """Return the content of one zstd frame of at most `limit` bytes; raises CorruptError."""
    try:
        size = zstandard.frame_content_size(data)
        if size > limit:
            raise CorruptError(f"a frame says it holds {size} bytes, at most {limit} were written")
        return _zstd.decompressor.decompress(data, max_output_size=limit)
    except zstandard.ZstdError as error:
        raise CorruptError(f"zstd: {error}") from error


def shuffle(values: NDArray[np.uint64] | NDArray[np.int64]) -> bytes:
    """Return the bytes of 64-bit values with all first bytes together, then all second bytes, and so on."""
    return values.view(np.uint8).reshape(-1, 8).T.tobytes()


def unshuffle(data: bytes) -> Bits:
    """Return the values that `shuffle` took apart."""
    if len(data) % 8:
        raise CorruptError(f"{len(data)} bytes are no whole number of values")
    return np.frombuffer(data, dtype=np.uint8).reshape(8, -1).T.copy().view(np.uint64).reshape(-1)


def _crc(key: int, grid: int, kind: int, payload: bytes) -> int:
    return crc32(payload, crc32(_pack_place(key, grid, kind)))


def encode_rows(keys: list[int], grid: int, rows: Bits, codec: CodecName, *, quick: bool = False) -> list[bytes]:
    """Return one blob per row of `rows` (series, times); row i will be stored under keys[i] with this grid.

    quick: take whole numbers for counts, which takes a third of the time and makes up to a twentieth more bytes.
    """
    use_pco = codec == "pcodec" or (codec == "auto" and pcodec_available())
    nan: NDArray[np.bool_] = np.asarray((rows & _SIGN_OFF) > _INFINITY)
    with_nan = np.flatnonzero(nan.any(axis=1)).tolist()
    if with_nan:
        filled = rows.copy()
        for i in with_nan:
            filled[i] = _filled(rows[i], nan[i])
    else:
        filled = rows
    gaps, blobs = set(with_nan), list[bytes]()
    for i, (kind, payload) in enumerate(_encode_numbers(filled, use_pco, quick)):
        if i in gaps:
            section = _encode_nans(rows[i][nan[i]], nan[i])
            kind, payload = kind | HAS_NANS, struct.pack("<I", len(section)) + section + payload
        blobs.append(struct.pack("<BI", kind, _crc(keys[i], grid, kind, payload)) + payload)
    return blobs


def _filled(row: Bits, nan: NDArray[np.bool_]) -> Bits:
    """Return the row with each NaN replaced by the number before it (after it, at the start): cheap to compress."""
    good = np.flatnonzero(~nan)
    if not good.size:
        return np.zeros_like(row)
    source = good[np.maximum(np.searchsorted(good, np.arange(row.size), side="right") - 1, 0)]
    return row[source]


def _encode_nans(bits: Bits, nan: NDArray[np.bool_]) -> bytes:
    codes = np.full(bits.size, _OTHER_NAN, dtype=np.uint8)
    for code, pattern in enumerate(_NAN_CODES, start=1):
        codes[bits == pattern] = code
    marks = np.zeros(nan.size, dtype=np.uint8)
    marks[nan] = codes
    return compress(marks.tobytes() + bits[codes == _OTHER_NAN].tobytes(), small=True)


def _encode_numbers(rows: Bits, use_pco: bool, quick: bool) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and payload of each row; what tells the kinds apart is found for all rows at once."""
    if not rows.shape[1]:
        yield from ((CONSTANT, b"") for _ in rows)
        return
    constant = (rows == rows[:, :1]).all(axis=1)
    floats = rows.view(np.float64)
    small = np.abs(floats).max(axis=1) < _WHOLE_LIMIT
    whole = np.where(small[:, None], floats, 0.0).astype(np.int64)
    # Fractions, and the sign of -0.0, are not in it.
    is_whole = (whole.astype(np.float64).view(np.uint64) == rows).all(axis=1)
    made: dict[bytes, tuple[int, bytes]] = {}
    for i in range(len(rows)):
        if constant[i]:
            yield CONSTANT, rows[i, :1].astype("<u8").tobytes()
            continue
        # Three of four that vary are alike: the buckets of a histogram above all that was observed.
        row = rows[i].tobytes()
        if row not in made:
            made[row] = _encode_varying(rows[i], whole[i] if is_whole[i] else None, use_pco, quick)
        yield made[row]


def _encode_varying(row: Bits, whole: NDArray[np.int64] | None, use_pco: bool, quick: bool) -> tuple[int, bytes]:
    """Return the kind and payload of a row; whole: the same as whole numbers, where it is."""
    if use_pco:
        if whole is not None:
            return PCO_INT, bytes(standalone.simple_compress(whole, _pco_steps if quick else _pco_config))
        return PCO_FLOAT, bytes(standalone.simple_compress(row.view(np.float64), _pco_config))
    if whole is not None:
        return ZSTD_INT, compress(shuffle(np.diff(whole, prepend=np.int64(0))), small=True)
    return ZSTD_FLOAT, compress(shuffle(_xor_steps(row)), small=True)


def _xor_steps(row: Bits) -> Bits:
    steps = row.copy()
    steps[1:] ^= row[:-1]
    return steps


def decode_row(blob: bytes, key: int, grid: int, times: int) -> Bits:
    """Return the bit patterns, shape (times,), of a chunk read from row `key` with this grid; raises CorruptError."""
    out = np.empty(times, dtype=np.float64)
    decode_into(out, blob, key, grid)
    return out.view(np.uint64)


def decode_into(out: NDArray[np.float64], blob: bytes, key: int, grid: int) -> None:
    """Write the values of a chunk into `out`, shape (times,), as long as its grid; raises CorruptError.

    The hot path of queries: a call per chunk, so what most chunks need is done here without a temporary array.
    """
    _require_bytes(blob, 5)
    kind, crc = _unpack_head(blob)
    payload = blob[5:]
    if crc != crc32(payload, crc32(_pack_place(key, grid, kind))):
        raise CorruptError("the checksum does not match")
    if kind in (PCO_INT, PCO_FLOAT):
        numbers = _decode_pco(payload)
        if len(numbers) != len(out):
            raise CorruptError(f"{len(numbers)} values on a grid of {len(out)}")
        out[...] = numbers  # whole numbers become floats on the way
    elif kind == CONSTANT:
        out.view(np.uint64)[...] = _unpack_constant(payload)[0]
    elif kind & HAS_NANS:
        out.view(np.uint64)[...] = _decode_with_nans(kind & ~HAS_NANS, payload, len(out))
    else:
        out.view(np.uint64)[...] = _decode_numbers(kind, payload, len(out))


def _decode_with_nans(kind: int, payload: bytes, times: int) -> Bits:
    (length,) = struct.unpack_from("<I", payload)
    section = decompress(payload[4 : 4 + length], times * 9)
    row = _decode_numbers(kind, payload[4 + length :], times).copy()
    marks = np.frombuffer(section, dtype=np.uint8, count=times)
    for code, pattern in enumerate(_NAN_CODES, start=1):
        row[marks == code] = pattern
    row[marks == _OTHER_NAN] = np.frombuffer(section, dtype=np.uint64, offset=times)
    return row


def _decode_numbers(kind: int, payload: bytes, times: int) -> Bits:
    if kind == CONSTANT:
        return np.full(times, np.frombuffer(payload, dtype="<u8", count=1)[0], dtype=np.uint64)
    if kind in (PCO_FLOAT, PCO_INT):
        row = np.ascontiguousarray(_decode_pco(payload).astype(np.float64, copy=False)).view(np.uint64)
    elif kind == ZSTD_FLOAT:
        row = np.bitwise_xor.accumulate(unshuffle(decompress(payload, times * 8)))
    elif kind == ZSTD_INT:
        row = np.cumsum(unshuffle(decompress(payload, times * 8)).view(np.int64)).astype(np.float64).view(np.uint64)
    else:
        raise CorruptError(f"codec {kind} is not known here")
    if row.size != times:
        raise CorruptError(f"{row.size} values on a grid of {times}")
    return row


def _decode_pco(payload: bytes) -> NDArray[Any]:
    if standalone is None:
        raise CorruptError("written by pcodec, which cannot be imported here: pip install pcodec")
    try:
        numbers: NDArray[Any] = standalone.simple_decompress(payload)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CorruptError(f"pcodec: {error}") from error
    return numbers


def _require_bytes(blob: object, least: int) -> None:
    """Damage can turn a blob of a file into any other kind of value."""
    if not isinstance(blob, bytes) or len(blob) < least:
        raise CorruptError("not the bytes that were written")


def grid_crc(stamps: NDArray[np.int64], block: int, target: int) -> int:
    """Return the checksum by which equal grids of a block are found; raises CorruptError where these are no numbers."""
    try:
        return crc32(stamps.tobytes(), crc32(struct.pack("<qq", block, target)))
    except struct.error as error:
        raise CorruptError("a grid without block and target") from error


def encode_grid(stamps: NDArray[np.int64]) -> bytes:
    """Return the bytes of strictly increasing timestamps: differences of differences, shuffled, zstd."""
    steps = np.diff(np.diff(stamps, prepend=np.int64(0)), prepend=np.int64(0))
    return struct.pack("<BI", GRID, stamps.size) + compress(shuffle(steps), small=True)


def decode_grid(blob: bytes, crc: int, block: int, target: int) -> NDArray[np.int64]:
    """Return the timestamps of a grid whose checksum is `crc`; raises CorruptError."""
    _require_bytes(blob, 5)
    (size,) = struct.unpack_from("<I", blob, 1)
    steps = unshuffle(decompress(blob[5:], size * 8)).view(np.int64)
    stamps = np.cumsum(np.cumsum(steps))
    if blob[0] != GRID or grid_crc(stamps, block, target) != crc:
        raise CorruptError("the checksum of a grid does not match")
    return stamps


def encode_scrape(key: int, row: Bits, previous: Bits | None = None, previous_key: int = -1) -> bytes:
    """Return the bytes of one raw scrape, as its difference from the one before where that is given with its key."""
    if previous is None:
        kind, previous_key, payload = RAW_KEY, -1, compress(shuffle(row))
    else:
        kind, payload = RAW_DELTA, compress(shuffle(row ^ previous))
    return struct.pack("<BIq", kind, _crc(key, previous_key, kind, payload), previous_key) + payload


def check_scrape(blob: bytes, key: int) -> int:
    """Return the key of the scrape that this one is the difference from, -1 without; raises CorruptError."""
    _require_bytes(blob, _SCRAPE_HEAD)
    kind, crc, previous_key = struct.unpack_from("<BIq", blob)
    if crc != _crc(key, previous_key, kind, blob[_SCRAPE_HEAD:]):
        raise CorruptError("the checksum does not match")
    return int(previous_key)


def decode_scrape(blob: bytes, columns: int, previous: Bits | None) -> Bits:
    """Return a checked raw scrape's bit patterns; `previous` may have fewer columns, the rest then was absent."""
    row = unshuffle(decompress(blob[_SCRAPE_HEAD:], columns * 8))
    if previous is None:
        return row
    return row ^ widened(previous, row.size)


def widened(row: Bits, columns: int) -> Bits:
    """Return the row with ABSENT in the columns that it lacks."""
    if row.size >= columns:
        return row
    out = np.full(columns, _ABSENT, dtype=np.uint64)
    out[: row.size] = row
    return out
