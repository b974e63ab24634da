"""Figures of many metrics at one moment: one read of the store, then the window kernels on its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.answers import Number, number
from inferdeck.model.labels import Labels
from inferdeck.model.metric import Quality
from inferdeck.model.target import TargetState
from inferdeck.query import windows
from inferdeck.query.rows import Floats, Group, Named, Relabel, Row, Rows, Shape, group
from inferdeck.store.interface import Block, Matcher, MatchOp, MetricReader

Ints = NDArray[np.int64]
TARGET = ("job", "instance", "environment")
STALE_INTERVALS = 2.5
"""What is older than this many intervals of its target is shown as stale."""
DEFAULT_INTERVAL = 15.0
"""That of series whose target is not watched (any more)."""
_EVER_MS = (1 << 42) - 1
_MOST_NAMED = 60_000
_MOST_PLANNED = 200_000


class Names:
    """The series of a store by their objects, which it keeps: what is found out of one serves every later question.

    relabel: changes the labels of a series in place, but not its name. Any thread may ask.
    """

    def __init__(self, relabel: Relabel | None = None) -> None:
        self._relabel = relabel
        self._known: dict[int, Named] = {}
        self._plans: dict[bytes, _Plan] = {}
        self._shapes: dict[tuple[int, ...], tuple[list[Shape], Shape]] = {}
        self._planned = 0

    def of(self, series: Labels) -> Named:
        """Return what is known of a series."""
        found = self._known.get(id(series))
        if found is None or found.series is not series:
            if len(self._known) >= _MOST_NAMED:
                self._known = {}
            found = self._known[id(series)] = Named(series, self._relabel)
        return found

    def plan(self, series: Sequence[Labels]) -> _Plan:
        """Return the series by name; what is planned keeps them, so that their identities stay their own."""
        key = np.fromiter(map(id, series), dtype=np.int64, count=len(series)).tobytes()
        found = self._plans.get(key)
        if found is None:
            if self._planned > _MOST_PLANNED:
                self._plans, self._shapes, self._planned = {}, {}, 0
            self._planned += len(series)
            found = self._plans[key] = _planned([self.of(one) for one in series])
        return found

    def together(self, shapes: list[Shape]) -> Shape:
        """Return several shapes as one."""
        if len(shapes) == 1:
            return shapes[0]
        key = tuple([id(one) for one in shapes])
        found = self._shapes.get(key)
        if found is None:
            whole = Shape([named for one in shapes for named in one.named])
            self._planned += len(whole.named)
            found = self._shapes[key] = (shapes, whole)
        return found[1]


_Plan = Mapping[str, tuple["Ints", tuple[Labels, ...], Shape]]
"""By name: the rows of a block, their series, and their shape."""


def _planned(every: Sequence[Named], without: Collection[Group] = ()) -> _Plan:
    rows: dict[str, list[int]] = defaultdict(list)
    for index, named in enumerate(every):
        if not without or named.group(TARGET) not in without:
            rows[named.name].append(index)
    return {
        name: (np.array(picked), tuple([every[one].series for one in picked]), Shape([every[one] for one in picked]))
        for name, picked in rows.items()
    }


@dataclass(frozen=True)
class _Part:
    """Series of one name and the moment at which they are evaluated."""

    block: Block
    at_ms: int
    shape: Shape

    @cached_property
    def ages(self) -> Floats:
        """Seconds since each series' newest sample, infinite where it has none."""
        there = windows.has_value(self.block.values) & ~windows.is_stale(self.block.values)
        newest = there.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)
        return np.where(there.any(axis=1), (self.at_ms - self.block.timestamps_ms[newest]) / 1000, np.inf)


class Figures:
    """The series of the named metrics in the window that ends at `now_ms`; rates are over the whole window.

    A watched target whose newest stamp is after `now_ms` (the clock was set back, its series go on where they were) is
    evaluated at that stamp. intervals: seconds between the samples of a target, which say when one is stale.
    series: what is known of the store's series by earlier questions.
    """

    def __init__(
        self,
        reader: MetricReader,
        names: Iterable[str],
        now_ms: int,
        window_ms: int,
        intervals: Mapping[Group, float] | None = None,
        series: Names | None = None,
    ) -> None:
        self._window_ms = window_ms
        self._intervals = intervals or {}
        self._series = series or _PLAIN
        self._parts: dict[str, list[_Part]] = defaultdict(list)
        self._ages: dict[tuple[str, Group], dict[Group, tuple[float, bool]]] = {}
        self._computed: dict[tuple[str, str], Rows] = {}
        self._counts: dict[tuple[str, Group], dict[Group, dict[float, float]]] = {}
        matcher = Matcher("__name__", MatchOp.MATCH, "|".join(sorted(set(names))))
        # One that is not watched any more has no present: what it left after `now_ms` is not shown as one.
        ahead = {key: at_ms for key, at_ms in _ahead(reader, now_ms).items() if key in self._intervals}
        for block in windows.join(reader.select([matcher], now_ms - window_ms, now_ms)):
            self._split(block, now_ms, ahead)
        for target, at_ms in ahead.items():
            own = [Matcher(name, MatchOp.EQUAL, value) for name, value in zip(TARGET, target, strict=True)]
            for block in windows.join(reader.select([matcher, *own], at_ms - window_ms, at_ms)):
                self._split(block, at_ms, {})

    def _split(self, block: Block, at_ms: int, without: Mapping[Group, int]) -> None:
        known = self._series
        plan = _planned([known.of(one) for one in block.series], without) if without else known.plan(block.series)
        for name, (picked, series, shape) in plan.items():
            part = Block(series, block.timestamps_ms, block.values[picked], block.dense)
            self._parts[name].append(_Part(part, at_ms, shape))

    def _shape(self, name: str) -> Shape:
        return self._series.together([part.shape for part in self._parts.get(name, ())])

    def _ages_of(self, name: str) -> Floats:
        return np.concatenate([np.empty(0), *(part.ages for part in self._parts.get(name, ()))])

    def last(self, name: str) -> Rows:
        """Return each series' newest value that is not stale."""
        return self._rows("last", name, lambda block, at: windows.instant(block, at, lookback_ms=self._window_ms))

    def average(self, name: str) -> Rows:
        """Return each gauge's mean over the window."""
        return self._rows("average", name, lambda block, at: windows.avg_over_time(block, at, self._window_ms))

    def rate(self, name: str) -> Rows:
        """Return each counter's increase per second over the window; a series with one sample has none."""
        return self._rows("rate", name, lambda block, at: windows.rate(block, at, self._window_ms))

    def increase(self, name: str) -> Rows:
        """Return each counter's increase over the window."""
        return self._rows("increase", name, lambda block, at: windows.increase(block, at, self._window_ms))

    def number(
        self, value: float | None, unit: str, name: str, by: Sequence[str], key: Group, *, quality: str = ""
    ) -> Number:
        """Return a figure made from the group's series of this name (or histogram), with the age of the newest one."""
        age, stale = self._age(name, by).get(key) or self._age(f"{name}_bucket", by).get(key) or (None, False)
        return number(value, unit, source=name, age_seconds=age, quality=Quality.STALE.value if stale else quality)

    def _age(self, name: str, by: Sequence[str]) -> dict[Group, tuple[float, bool]]:
        ages = self._ages.get((name, tuple(by)))
        if ages is None:
            ages = self._ages[name, tuple(by)] = {}
            if name not in self._parts:
                return ages
            shape, since = self._shape(name), self._ages_of(name)
            targets, keys = shape.codes(TARGET)
            limits = STALE_INTERVALS * np.array([self._intervals.get(key, DEFAULT_INTERVAL) for key in keys])
            stale = since > limits[targets]
            # The buckets of a histogram come together: one of them tells the age of all.
            bounds, texts = shape.codes(("le",))
            told = np.array([text in ("", "+Inf") for (text,) in texts])[bounds] & np.isfinite(since)
            order = np.lexsort((stale, since))
            order = order[told[order]][::-1]
            codes, groups = shape.codes(tuple(by))
            newest = np.full(len(groups), -1, dtype=np.intp)
            newest[codes[order]] = order
            for code in np.flatnonzero(newest >= 0).tolist():
                index = int(newest[code])
                ages[groups[code]] = (float(since[index]), bool(stale[index]))
        return ages

    def quantile(self, q: float, name: str, by: Sequence[str]) -> dict[Group, float]:
        """Return the q-quantile (0..1) of a classic histogram per group; a group without observations is absent."""
        found: dict[Group, float] = {}
        for key, buckets in self._buckets(name, tuple(by)).items():
            bounds = sorted(buckets)
            heights = np.array([[buckets[bound]] for bound in bounds])
            values, _ = windows.histogram_quantile(q, np.array(bounds), heights)
            value = float(values[0])
            if np.isfinite(value):
                found[key] = value
        return found

    def _buckets(self, name: str, by: Group) -> dict[Group, dict[float, float]]:
        """Return increases per second per upper bound, by group."""
        counts = self._counts.get((name, by))
        if counts is None:
            counts = self._counts[name, by] = defaultdict(lambda: defaultdict(float))
            bounds: dict[str, float | None] = {}
            for key, value in total(self.rate(f"{name}_bucket"), (*by, "le")).items():
                text = key[-1]
                bound = bounds[text] if text in bounds else bounds.setdefault(text, windows.parse_le(text))
                if bound is not None:
                    counts[key[:-1]][bound] += value
        return counts

    def _rows(self, what: str, name: str, kernel: Callable[[Block, Ints], Floats]) -> Rows:
        known = self._computed.get((what, name))
        if known is None:
            parts = self._parts.get(name, ())
            columns = [kernel(part.block, np.array([part.at_ms], dtype=np.int64))[:, 0] for part in parts]
            # A hole is a NaN too, so that finite means "there is a number".
            values = np.concatenate([np.empty(0), *columns])
            known = self._computed[what, name] = Rows(self._shape(name), values, self._ages_of(name))
        return known


_PLAIN = Names()


def intervals(states: Iterable[TargetState]) -> dict[Group, float]:
    """Return the seconds between the samples of each target."""
    return {(state.key.job, state.key.instance, state.key.environment): state.interval_seconds for state in states}


def _ahead(reader: MetricReader, now_ms: int) -> dict[Group, int]:
    """Return the newest stamp of each target that has samples after now; normally there are none."""
    found: dict[Group, int] = {}
    for block in reader.select([Matcher("__name__", MatchOp.EQUAL, "up")], now_ms + 1, _EVER_MS):
        there = windows.has_value(block.values)
        for series, row in zip(block.series, there, strict=True):
            if row.any():
                key = group(dict(series), TARGET)
                found[key] = max(found.get(key, 0), int(block.timestamps_ms[row][-1]))
    return found


def total(rows: Iterable[Row], by: Sequence[str], **where: str) -> dict[Group, float]:
    """Return the sum per group of the rows whose labels equal `where`; a group without rows is absent."""
    by, names, wanted = tuple(by), tuple(where), tuple(where.values())
    if isinstance(rows, Rows):
        return rows.sums(by, names, wanted)
    found: dict[Group, float] = {}
    for row in rows:
        if not names or row.named.group(names) == wanted:
            key = row.named.group(by)
            found[key] = found.get(key, 0.0) + row.value
    return found


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return part / whole; None where nothing happened, so that a quiet window is not a ratio of 0."""
    if whole is None or whole <= 0:
        return None
    return (part or 0.0) / whole
