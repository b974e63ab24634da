"""Samples pushed by remote write: decoded, checked, and handed to the store as scrapes where they come in order.

A sender cuts one scrape of a target into several requests, and a scrape's stamp must be after its target's last one. So
the samples of one job and instance go to the first of a few lanes (targets of the store) whose last stamp is older;
what none takes, old samples and second versions of present ones, is written in bulk, which costs a hundred times more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import cramjam
import numpy as np
from numpy.typing import NDArray

from inferdeck.errors import LimitError, StaleStampError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import NAME, Labels, get, shared
from inferdeck.model.scrape import NAN_BITS, STALE_BITS, Layout, Scrape
from inferdeck.receive import prompb
from inferdeck.receive.prompb import MalformedRequestError, Series
from inferdeck.sources.own_times import OwnTimeGroup
from inferdeck.sources.writer import SinkWriter

LARGEST_MESSAGE = 32 << 20
"""Bytes of a request after decompression."""
AHEAD_MS = 10 * 60 * 1000
"""Samples further in the future are refused, as Prometheus does."""
LANES = 6
MOST_ORDERED_STAMPS = 16
"""A request with more moments per series than this is a history, for which bulk is the cheaper way."""
_BULK_SLICE = 256
_MOST_KNOWN = 200_000
_MOST_LAYOUTS = 1000
_EXPONENT = np.uint64(0x7FF0_0000_0000_0000)
_FRACTION = np.uint64(0x000F_FFFF_FFFF_FFFF)


@dataclass(slots=True)
class Written:
    """What became of one request."""

    samples: int = 0
    invalid_labels: int = 0
    """Series that were left out since their labels are wrong."""
    out_of_bounds: int = 0
    """Samples that were left out since they are too far in the future or before 1970."""
    histograms: int = 0
    """Native histograms, which the store cannot hold."""

    def complaint(self) -> str:
        """Return what was left out, "" where nothing was."""
        parts = [
            f"{count} {what}"
            for count, what in (
                (self.invalid_labels, "series with invalid labels"),
                (self.out_of_bounds, "samples out of bounds (before 1970 or more than 10 minutes ahead)"),
                (self.histograms, "native histograms, which are not supported"),
            )
            if count
        ]
        return f"left out: {', '.join(parts)}" if parts else ""


@dataclass(slots=True)
class _Stream:
    """The samples of one job and instance in one request that share their moments."""

    series: list[int] = field(default_factory=list)
    bits: list[list[int]] = field(default_factory=list)


class Receiver:
    """Takes requests; belongs to the event loop, decodes in another thread and writes on the store's."""

    def __init__(self, writer: SinkWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._encoded: dict[bytes, int] = {}
        self._numbers: dict[Labels, int] = {}
        self._known: list[Labels] = []
        self._layouts: dict[tuple[int, ...], Layout] = {}
        self._last_ms: dict[str, int] = {}
        self._decoding = asyncio.Lock()

    async def write(self, body: bytes, version: int) -> Written:
        """Keep the samples of one snappy-compressed request of version 1 or 2.

        Raises MalformedRequestError and LimitError before anything was kept, StoreError where the store fails: then a
        part may have been kept, and sending all of it again is harmless.
        """
        async with self._decoding:
            written, jobs = await asyncio.to_thread(self._prepared, body, version)
        for job in jobs:
            # One piece at a time, so that scrapes have their turn in between.
            written.samples += await self._writer.run(job)
        return written

    def _prepared(self, body: bytes, version: int) -> tuple[Written, list[Callable[[], int]]]:
        message = decompressed(body)
        if len(self._known) > _MOST_KNOWN:
            self._encoded, self._numbers, self._known, self._layouts = {}, {}, [], {}
        written = Written()
        streams: dict[tuple[str, tuple[int, ...]], _Stream] = {}
        latest = int(self._clock.now() * 1000) + AHEAD_MS
        for series in (prompb.read_1 if version == 1 else prompb.read_2)(message):
            written.histograms += series.histograms
            self._sort_in(series, streams, written, latest)
        found = [job for (name, stamps), stream in streams.items() for job in self._jobs(name, stamps, stream)]
        return written, found

    def _sort_in(
        self, series: Series, streams: dict[tuple[str, tuple[int, ...]], _Stream], written: Written, latest: int
    ) -> None:
        number = self._number(series)
        if number < 0:
            written.invalid_labels += 1
            return
        stamps, bits = series.stamps, series.bits
        if any(not 0 <= stamp <= latest for stamp in stamps):
            kept = [pair for pair in zip(stamps, bits, strict=True) if 0 <= pair[0] <= latest]
            written.out_of_bounds += len(stamps) - len(kept)
            stamps, bits = [pair[0] for pair in kept], [pair[1] for pair in kept]
        if not stamps:
            return
        labels = self._known[number]
        stream = streams.setdefault((f"{get(labels, 'job')}/{get(labels, 'instance')}", tuple(stamps)), _Stream())
        stream.series.append(number)
        stream.bits.append(bits)

    def _number(self, series: Series) -> int:
        """Return the number under which the labels are known, -1 where they are not labels."""
        if series.labels is None:
            return -1
        if isinstance(series.labels, bytes):
            found = self._encoded.get(series.labels)
            if found is None:
                found = self._encoded[series.labels] = self._of_pairs(prompb.pairs_1(series.labels))
            return found
        return self._of_pairs(series.labels)

    def _of_pairs(self, pairs: prompb.Pairs | None) -> int:
        if pairs is None:
            return -1
        found = self._numbers.get(pairs)
        if found is None:
            labels = checked(pairs)
            if labels is None:
                return -1
            found = self._numbers.get(labels)
            if found is None:
                found = self._numbers[labels] = len(self._known)
                self._known.append(labels)
            self._numbers[pairs] = found
        return found

    def _jobs(self, name: str, stamps: tuple[int, ...], stream: _Stream) -> Iterator[Callable[[], int]]:
        order, values = tuple(stream.series), _values(stream.bits)
        rising = all(before < after for before, after in pairwise(stamps))
        if not rising or len(stamps) > MOST_ORDERED_STAMPS or len(set(order)) < len(order):
            yield from self._bulk(Layout(tuple(self._known[number] for number in order)), stamps, values)
            return
        layout = self._layouts.get(order)
        if layout is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[order] = Layout(tuple(self._known[number] for number in order))
        for column, stamp in enumerate(stamps):
            yield partial(self._ordered, name, stamp, layout, values[:, column])

    def _ordered(self, name: str, stamp: int, layout: Layout, values: NDArray[np.float64]) -> int:
        for lane in range(LANES):
            target = f"remote-write/{name}#{lane}"
            if stamp <= self._last_ms.get(target, -1):
                continue
            try:
                self._writer.append(Scrape(target, stamp, layout, values))
            except StaleStampError as error:
                self._last_ms[target] = max(stamp, error.last_ms)
                continue
            self._last_ms[target] = stamp
            return len(layout)
        return sum(job() for job in self._bulk(layout, (stamp,), values[:, None]))

    def _bulk(
        self, layout: Layout, stamps: tuple[int, ...], values: NDArray[np.float64]
    ) -> Iterator[Callable[[], int]]:
        moments = np.array(stamps, dtype=np.int64)
        for start in range(0, len(layout), _BULK_SLICE):
            some = slice(start, start + _BULK_SLICE)
            yield partial(self._in_bulk, OwnTimeGroup("", Layout(layout.series[some]), moments, values[some]))

    def _in_bulk(self, group: OwnTimeGroup) -> int:
        self._writer.append_block(group)
        return int(group.values.size)


def decompressed(body: bytes) -> bytes:
    """Return what snappy's block format holds; raises MalformedRequestError, LimitError before it unpacks too much."""
    if not body:
        raise MalformedRequestError("snappy: the request is empty")
    size, _ = prompb.varint(body, 0)
    if size > LARGEST_MESSAGE:
        most = f"{LARGEST_MESSAGE >> 20} MiB"
        raise LimitError(f"the request unpacks to {size:,} bytes, more than {most}; send less at once")
    try:
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise MalformedRequestError("snappy: the request is not in snappy's block format") from error


def checked(pairs: prompb.Pairs) -> Labels | None:
    """Return the identity of label pairs, None where it is not one: no name, a label twice, an empty label name."""
    found = sorted(pairs)
    names = [name for name, _ in found]
    if len(set(names)) != len(names) or "" in names or not dict(found).get(NAME):
        return None
    return shared(pair for pair in found if pair[1])


def _values(bits: list[list[int]]) -> NDArray[np.float64]:
    """Return values (series, times); every NaN that is no stale marker becomes the ordinary one."""
    raw = np.array(bits, dtype=np.uint64)
    odd = ((raw & _EXPONENT) == _EXPONENT) & ((raw & _FRACTION) != 0) & (raw != np.uint64(STALE_BITS))
    raw[odd] = NAN_BITS
    return raw.view(np.float64)
