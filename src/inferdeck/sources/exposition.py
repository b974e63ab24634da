"""Exposition text to values: what a target answers on `/metrics`, read in a millisecond per 2,000 samples.

A target says the same lines in the same order again and again, with other values. So the parser keeps the last body as
lines, compares the new ones with them in C, and reads only the values that changed (`_Last`). A body with other lines
takes the second path: each line's bytes before its value are looked up (`_Known`). A line never seen takes the third:
the strict parser (exposition_strict.py), once per series.

Every path is a generator that yields at least every few milliseconds, so that first sight of 50,000 series never
holds the event loop.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import compress
from operator import is_, ne
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from inferdeck.errors import MalformedError
from inferdeck.model.labels import Labels, metric_name
from inferdeck.model.metric import MetricDescriptor
from inferdeck.model.scrape import EMPTY_LAYOUT, NAN_BITS, Layout
from inferdeck.sources.exposition_strict import (
    MAX_LINE_BYTES,
    Families,
    LineError,
    merged,
    number,
    parse_sample,
    shown,
    timestamp_ms,
)
from inferdeck.sources.undisturbed import Settled, undisturbed

_SLICE_BYTES = 512 * 1024
_NEW_LINES_PER_SLICE = 64
_KNOWN_LINES_PER_SLICE = 1024
_MESSAGES = 5
_LARGEST = 1.7976931348623157e308

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""One slice per round of the loop: twenty targets at first sight would otherwise add up their slices in each round."""


@dataclass(frozen=True, slots=True, eq=False)
class Exposition:
    """One body, read.

    layout: the same object as the last body's while its series and their order are the same. values: float64, one per
    series, NaN bits normalised. timestamps_ms: int64 Unix milliseconds per series, -1 where the line has none; None
    unless they are honoured. dropped: samples past max_series. warnings: one per bad line, a few at most, then a count.
    """

    layout: Layout
    values: NDArray[np.float64]
    families: Mapping[str, MetricDescriptor]
    timestamps_ms: NDArray[np.int64] | None = None
    warnings: tuple[str, ...] = ()
    dropped: int = 0


@dataclass(slots=True)
class _Last:
    """The last body, line by line, up to the series limit.

    prefixes: the bytes before a sample's value; None for comments, blank and bad lines. slots: int64, the series that a
    line gives, -1 for those others. The array of values belongs to whoever got it last and is not written again.
    """

    lines: list[bytes] = field(default_factory=list)
    prefixes: list[bytes | None] = field(default_factory=list)
    slots: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    ids: list[int] = field(default_factory=list)
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    layout: Layout = EMPTY_LAYOUT
    families: Mapping[str, MetricDescriptor] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    cut: bool = False


@dataclass(slots=True)
class _Known:
    """Series by the bytes before their value, and each identity once."""

    by_prefix: dict[bytes, int] = field(default_factory=dict)
    by_labels: dict[Labels, int] = field(default_factory=dict)
    labels: list[Labels] = field(default_factory=list)
    prefixes: list[bytes] = field(default_factory=list)
    """The last prefix of each series: the object that is the key, so that lines seen again do not hold copies."""

    def learn(self, prefix: bytes, series: Labels) -> int:
        found = self.by_labels.setdefault(series, len(self.labels))
        if found == len(self.labels):
            self.labels.append(series)
            self.prefixes.append(prefix)
        self.prefixes[found] = prefix
        self.by_prefix[prefix] = found
        return found


@dataclass(slots=True)
class _Reading:
    """One body on its way through the second and third path."""

    families: Families
    openmetrics: bool
    lines: list[bytes] = field(default_factory=list)
    prefixes: list[bytes | None] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0
    ended: bool = False
    new_lines: int = 0

    def skip(self, line: bytes, problem: str = "") -> None:
        self.lines.append(line)
        self.prefixes.append(None)
        self.slots.append(-1)
        if problem:
            self.problem_count += 1
            if len(self.problems) < _MESSAGES:
                self.problems.append(f"line {len(self.lines)} dropped: {problem}")


class ExpositionParser:
    """Reads the bodies of one target; keeps what the next body will probably repeat. Not for several at once.

    extra: the target's own labels (`job`, `instance`, …), added to every series. Raises MalformedError from `parse`.
    """

    def __init__(
        self,
        extra: Labels,
        *,
        max_series: int = 50_000,
        max_bytes: int = 64 * 2**20,
        honor_timestamps: bool = False,
        honor_labels: bool = False,
    ) -> None:
        self._extra = extra
        self._max_series = max_series
        self._max_bytes = max_bytes
        self._honor_timestamps = honor_timestamps
        self._honor_labels = honor_labels
        self._last = _Last()
        self._known = _Known()
        self._settled = Settled()
        self._tails = False
        """Whether this target writes timestamps or exemplars after its values."""

    async def parse(self, body: bytes, content_type: str = "") -> Exposition:
        """Read one body, giving way to the event loop every few milliseconds, whoever else reads at the same time."""
        steps = self._read(body, content_type)
        turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        while True:
            try:
                async with turn:
                    next(steps)
                    await asyncio.sleep(0)
            except StopIteration as end:
                result: Exposition = end.value
                return result

    def parse_sync(self, body: bytes, content_type: str = "") -> Exposition:
        """Read one body without giving way, for tools."""
        steps = self._read(body, content_type)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: Exposition = end.value
                return result

    def _read(self, body: bytes, content_type: str) -> Generator[None, None, Exposition]:
        if len(body) > self._max_bytes:
            raise MalformedError(f"the answer has {len(body)} bytes, more than max_bytes ({self._max_bytes})")
        kind = content_type.partition(";")[0].strip().lower()
        if kind in ("text/html", "application/json"):
            raise MalformedError(f"answers {kind}, not metrics: is the path right?")
        openmetrics = kind == "application/openmetrics-text"
        if not self._honor_timestamps:
            same = yield from self._same_lines(body)
            if same is not None:
                return same
        with undisturbed():
            read = yield from self._other_lines(body, openmetrics)
            self._settled.note(len(read.layout))
            return read

    # The first path: the lines of the last body with other values.

    def _same_lines(self, body: bytes) -> Generator[None, None, Exposition | None]:
        last = self._last
        if not last.lines or not body.endswith((b"\n", b"# EOF")):
            return None
        values = last.values.copy()
        done, position, kept = 0, 0, []
        while position < len(body) and done < len(last.lines):
            end = _slice_end(body, position)
            lines = body[position:end].split(b"\n")
            if not lines[-1]:
                lines.pop()
            room = len(last.lines) - done
            if len(lines) > room:
                if not last.cut:
                    return None
                end = position + sum(map(len, lines[:room])) + room
                del lines[room:]
            if not self._take_changed(lines, done, values):
                return None
            kept += lines
            done += len(lines)
            position = end
            if position < len(body):
                yield
        if done != len(last.lines):
            return None
        dropped = yield from _count_samples(body, position)
        if bool(dropped) != last.cut:
            return None
        last.lines, last.values = kept, values
        return Exposition(last.layout, values, last.families, None, last.warnings, dropped)

    def _take_changed(self, lines: list[bytes], start: int, values: NDArray[np.float64]) -> bool:
        """Write the values of the lines that differ from the last body's; False where more than a value differs."""
        last = self._last
        stop = start + len(lines)
        flags = np.fromiter(map(ne, lines, last.lines[start:stop]), np.bool_, len(lines))
        mask = flags.tobytes()
        changed = list(compress(lines, mask))
        if not changed:
            return True
        try:
            # A comment's or bad line's prefix is None, which is a TypeError; a line that does not start with its
            # prefix comes back as the same object.
            texts = list(map(bytes.removeprefix, changed, compress(last.prefixes[start:stop], mask)))  # type: ignore[arg-type]
            if any(map(is_, texts, changed)):
                return False
            if self._tails:
                texts = [text.partition(b" ")[0] for text in texts]
            if b"_" in b"".join(texts):
                return False
            found = np.fromiter(map(float, texts), np.float64, len(texts))
        except (TypeError, ValueError):
            return False
        if not np.isfinite(found).all():
            try:
                for index in np.flatnonzero(~np.isfinite(found)).tolist():
                    number(texts[index].strip())
            except LineError:
                return False
            found.view(np.uint64)[np.isnan(found)] = NAN_BITS
        values[last.slots[start:stop][flags]] = found
        return True

    # The second and third path: other lines than the last body's.

    def _other_lines(self, body: bytes, openmetrics: bool) -> Generator[None, None, Exposition]:
        reading = _Reading(Families(openmetrics), openmetrics)
        position, dropped = 0, 0
        while position < len(body) and not reading.ended:
            end = _slice_end(body, position)
            complete = body.endswith(b"\n", position, end)
            lines = body[position : end - complete].split(b"\n")
            for count, line in enumerate(lines, 1):
                if len(reading.ids) >= self._max_series:
                    dropped = yield from _count_samples(body, position)
                    break
                if end == len(body) and not complete and count == len(lines) and line != b"# EOF":
                    reading.skip(line, "the answer ends inside it, without a line feed")
                    break
                self._line(reading, line)
                position += len(line) + 1
                if reading.new_lines >= _NEW_LINES_PER_SLICE or not count % _KNOWN_LINES_PER_SLICE:
                    reading.new_lines = 0
                    yield
            if dropped:
                break
            position = end
            yield
        _check(reading, openmetrics, dropped)
        return (yield from self._finish(reading, dropped))

    def _line(self, reading: _Reading, line: bytes) -> None:
        try:
            if line.startswith(b"#") or not line or line.isspace():
                reading.skip(line)
                reading.families.comment(line)
                reading.ended = reading.openmetrics and line.rstrip() == b"# EOF"
                return
            cut = line.rfind(b" ") + 1
            found = self._known.by_prefix.get(line[:cut])
            if found is None or self._honor_timestamps:
                self._new_line(reading, line)
            else:
                self._sample(reading, line, line[:cut], found, line[cut:])
        except LineError as error:
            reading.skip(line, str(error))

    def _new_line(self, reading: _Reading, line: bytes) -> None:
        reading.new_lines += 1 + len(line) // 1024
        sample = parse_sample(line)
        tail = bool(sample.timestamp_text) or b" # {" in line
        self._tails = self._tails or tail
        prefix = line[: sample.prefix_bytes]
        found = self._known.by_prefix.get(prefix)
        if found is None:
            number(sample.value_text)
            found = self._known.learn(prefix, merged(sample.labels, self._extra, self._honor_labels))
        own_time = -1
        if sample.timestamp_text and self._honor_timestamps:
            own_time = timestamp_ms(sample.timestamp_text, reading.openmetrics)
        self._sample(reading, line, prefix, found, sample.value_text, own_time)

    def _sample(
        self, reading: _Reading, line: bytes, prefix: bytes, found: int, text: bytes, own_time: int = -1
    ) -> None:
        text = text.strip()
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not -_LARGEST <= value <= _LARGEST or b"_" in text:
            value = number(text)
        if found in reading.seen:
            raise LineError(f"the series is given twice: {shown(prefix)}")
        reading.seen.add(found)
        reading.lines.append(line)
        known = self._known.prefixes[found]
        reading.prefixes.append(known if known == prefix else prefix)
        reading.slots.append(len(reading.ids))
        reading.ids.append(found)
        reading.values.append(value)
        reading.timestamps.append(own_time)

    def _finish(self, reading: _Reading, dropped: int) -> Generator[None, None, Exposition]:
        last, known = self._last, self._known
        layout = last.layout
        if reading.ids != last.ids or layout is EMPTY_LAYOUT:
            layout = Layout(tuple(map(known.labels.__getitem__, reading.ids)))
        names: dict[str, None] = {}
        for start in range(0, len(reading.ids), _KNOWN_LINES_PER_SLICE):
            names.update(dict.fromkeys(map(metric_name, layout.series[start : start + _KNOWN_LINES_PER_SLICE])))
            yield
        for name in names:
            reading.families.sample(name)
        slots = np.array(reading.slots, dtype=np.int64)
        yield
        values = np.array(reading.values, dtype=np.float64)
        values.view(np.uint64)[np.isnan(values)] = NAN_BITS
        warnings = _warnings(reading)
        self._last = _Last(
            reading.lines,
            reading.prefixes,
            slots,
            reading.ids,
            values,
            layout,
            reading.families.descriptors(),
            warnings,
            bool(dropped),
        )
        if len(known.by_prefix) > 2 * len(reading.ids) + 1024 or len(known.labels) > 2 * len(reading.ids) + 1024:
            yield from self._forget()
        own_times = np.array(reading.timestamps, dtype=np.int64) if self._honor_timestamps else None
        return Exposition(layout, values, self._last.families, own_times, warnings, dropped)

    def _forget(self) -> Generator[None, None, None]:
        """Keep what the last body has alone, so that lines that come and go for ever take no memory."""
        fresh, labels = _Known(), self._known.labels
        ids: list[int] = []
        for prefix, slot in zip(self._last.prefixes, self._last.slots.tolist(), strict=True):
            if prefix is not None:
                ids.append(fresh.learn(prefix, labels[self._last.ids[slot]]))
                if not len(ids) % _KNOWN_LINES_PER_SLICE:
                    yield
        self._last.ids = ids
        self._known = fresh


def _slice_end(body: bytes, start: int) -> int:
    """Return where a slice of whole lines ends; past one slice only where a single line is longer."""
    if len(body) - start <= _SLICE_BYTES:
        return len(body)
    end = body.rfind(b"\n", start, start + _SLICE_BYTES) + 1
    return end or body.find(b"\n", start + _SLICE_BYTES) + 1 or len(body)


def _count_samples(body: bytes, start: int) -> Generator[None, None, int]:
    """Return how many lines from `start` on are samples, by their first byte alone."""
    found = 0
    while start < len(body):
        end = _slice_end(body, start)
        part = b"\n" + body[start:end].rstrip(b"\n")
        found += part.count(b"\n") - part.count(b"\n#") - part.count(b"\n\n") - (part == b"\n")
        start = end
        yield
    return found


def _check(reading: _Reading, openmetrics: bool, dropped: int) -> None:
    if openmetrics and not reading.ended and not dropped:
        raise MalformedError("the answer was cut off: OpenMetrics must end with '# EOF'")
    if not reading.ids and reading.problem_count:
        raise MalformedError(f"no readable metric: {reading.problems[0]}")


def _warnings(reading: _Reading) -> tuple[str, ...]:
    more = reading.problem_count - len(reading.problems)
    return (*reading.problems, *([f"{more} more lines dropped"] if more else []))


__all__ = ["MAX_LINE_BYTES", "Exposition", "ExpositionParser"]
