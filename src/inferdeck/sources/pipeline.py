"""From what a source collected to what the store keeps: limit, repair, map, the target's own series, stale marks.

All of it runs on the writer thread. Work by series is done when a layout is new (layouts compare by identity); a scrape
with the layout of the last one is array arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import EMPTY_LAYOUT, STALE_BITS, Layout, Scrape
from inferdeck.model.target import TargetKey

Values = NDArray[np.float64]

META = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
"""What Prometheus itself writes about each scrape (scrape/scrape.go), in this order."""


class Stage(Protocol):
    """What a stage returns: a layout (the same object while its input's is) and the values of its series."""

    @property
    def layout(self) -> Layout: ...
    @property
    def values(self) -> Values: ...


class RepairedStage(Stage, Protocol):
    """What repair returns: also the state to keep with the scrape (None: as before), and families it had to guess."""

    @property
    def carry(self) -> bytes | None: ...
    @property
    def estimated(self) -> frozenset[str]: ...


class RepairStep(Protocol):
    """The stateful stage of one target (repair.py)."""

    def apply(self, layout: Layout, values: Values) -> RepairedStage: ...


class MapStep(Protocol):
    """The stateless stage that appends the canonical series (mapping.py)."""

    def apply(self, layout: Layout, values: Values) -> Stage: ...


MakeRepair = Callable[[bytes | None], RepairStep]


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """One scrape ready for the sinks, and how many of its series are native, canonical, and over the limit."""

    scrape: Scrape
    native: int
    canonical: int
    dropped: int


def target_labels(key: TargetKey, configured: dict[str, str]) -> Labels:
    """Return the labels that every series of a target gets; the identity wins over configured labels."""
    return labels({**configured, "job": key.job, "instance": key.instance, "environment": key.environment})


class Pipeline:
    """The stages of one target, on the writer thread.

    `success`, `failure` and `ended` prepare a scrape; `kept` says that the store took it. Until then the next scrape is
    prepared against the last one that the store took, so that a full disk loses samples but no stale mark.
    """

    def __init__(
        self, key: TargetKey, extra: Labels, *, max_series: int, repair: MakeRepair | None, mapper: MapStep | None
    ) -> None:
        self._id = key.id
        self._extra = extra
        self._max_series = max_series
        self._make_repair = repair
        self._repair: RepairStep | None = None
        self._mapper = mapper
        self._meta = Layout(tuple(labels(extra, name) for name in META))
        self._limited = (EMPTY_LAYOUT, EMPTY_LAYOUT)
        self._joined: tuple[Layout, frozenset[str], Layout, NDArray[np.intp] | None] | None = None
        self._grown: tuple[Layout, Layout] | None = None
        """A joined layout and the next one, where that has all of its series."""
        self._live = EMPTY_LAYOUT
        self._next = EMPTY_LAYOUT
        self._added = 0
        """Series of the scrape prepared last that the store has not alive."""
        self._gone: tuple[Labels, ...] = ()
        """Those that the store has alive and that scrape lacks."""

    def success(
        self,
        layout: Layout,
        values: Values,
        stamp_ms: int,
        *,
        duration: float,
        dropped: int = 0,
        carry: Callable[[str], bytes | None],
    ) -> Passed:
        """Return the scrape of a collection that worked; `carry` reads the repair state that the store keeps."""
        scraped = len(values) + dropped
        if len(values) > self._max_series:
            dropped += len(values) - self._max_series
            layout, values = self._limit(layout), values[: self._max_series]
        state, estimated = None, _NONE
        if self._make_repair is not None:
            if self._repair is None:
                self._repair = self._make_repair(carry(self._id))
            repaired = self._repair.apply(layout, values)
            layout, values, state, estimated = repaired.layout, repaired.values, repaired.carry, repaired.estimated
        native = len(values)
        if self._mapper is not None:
            mapped = self._mapper.apply(layout, values)
            layout, values = mapped.layout, mapped.values
        joined, keep = self._join(layout, estimated)
        kept = values if keep is None else values[keep]
        self._turn_to(joined)
        meta = (1.0, duration, float(scraped), float(len(kept)), float(self._added))
        full = np.concatenate((kept, np.array((1.0,) * len(estimated) + meta)))
        return Passed(self._scrape(joined, full, stamp_ms, state), native, len(values) - native, dropped)

    def failure(self, stamp_ms: int, duration: float) -> Scrape:
        """Return the scrape of a collection that did not work: `up` is 0, everything else ends."""
        self._turn_to(self._meta)
        return self._scrape(self._meta, np.array((0.0, duration, 0.0, 0.0, 0.0)), stamp_ms, None)

    def ended(self, stamp_ms: int) -> Scrape | None:
        """Return the scrape that ends every series of a target that is no longer watched; None where none is alive."""
        self._turn_to(EMPTY_LAYOUT)
        return self._scrape(EMPTY_LAYOUT, np.empty(0), stamp_ms, None) if len(self._live) else None

    def kept(self) -> None:
        """Note that the store took the scrape prepared last."""
        self._live = self._next

    def _limit(self, layout: Layout) -> Layout:
        if self._limited[0] is not layout:
            self._limited = (layout, Layout(layout.series[: self._max_series]))
        return self._limited[1]

    def _join(self, layout: Layout, estimated: frozenset[str]) -> tuple[Layout, NDArray[np.intp] | None]:
        """Return the layout with the target's own series after it, and which of its series stay (None: all)."""
        last = self._joined
        if last is not None and last[0] is layout and last[1] == estimated:
            return last[2], last[3]
        quality = tuple(
            labels(
                {**dict(self._extra), "family": family, "quality": "estimated", "reason": "workers_in_turn"}, _QUALITY
            )
            for family in sorted(estimated)
        )
        own = {*self._meta.series, *quality}
        keep = None
        series = layout.series
        # What the last layout had is known not to be its own; a set of labels takes long to hash.
        known = frozenset(map(id, last[0].series)) if last is not None and last[3] is None else frozenset[int]()
        fresh = [one for one in series if id(one) not in known]
        if estimated or not own.isdisjoint(fresh):
            keep = np.flatnonzero([one not in own for one in series])
            series = tuple(one for one in series if one not in own)
        joined = Layout((*series, *quality, *self._meta.series))
        self._grown = None
        if last is not None and not last[1] and keep is None and len(series) - len(fresh) == len(last[0]):
            self._grown = (last[2], joined)
        self._joined = (layout, estimated, joined, keep)
        return joined, keep

    def _turn_to(self, layout: Layout) -> None:
        """Find which series come and go with this layout."""
        self._next = layout
        self._added, self._gone = 0, ()
        if layout is self._live:
            return
        if self._grown is not None and self._grown[0] is self._live and self._grown[1] is layout:
            self._added = len(layout) - len(self._live)
            return
        # Nearly always the same objects; only where one is missing do the labels themselves decide.
        there = frozenset(map(id, layout.series))
        if there.issuperset(map(id, self._live.series)):
            self._added = len(layout) - len(self._live)
            return
        named = frozenset(layout.series)
        self._gone = tuple(one for one in self._live.series if one not in named)
        self._added = len(layout) - (len(self._live) - len(self._gone))

    def _scrape(self, layout: Layout, values: Values, stamp_ms: int, carry: bytes | None) -> Scrape:
        """Add a stale mark for every series that the store has alive and this layout lacks; after `_turn_to`."""
        if self._gone:
            layout = Layout((*layout.series, *self._gone))
            marks = np.full(len(self._gone), STALE_BITS, dtype=np.uint64).view(np.float64)
            values = np.concatenate((values, marks))
        return Scrape(self._id, stamp_ms, layout, values, carry)


_NONE: frozenset[str] = frozenset()
_QUALITY = "inferdeck_quality"
