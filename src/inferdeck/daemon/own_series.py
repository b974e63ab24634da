"""inferdeck's own series that dashboards and rules ask for: when something happened last, how old the prices are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from inferdeck.errors import StoreError
from inferdeck.model.annotations import ANNOTATION, MARKED_KINDS, Annotation, Asked, Event
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import EMPTY_LAYOUT, STALE_BITS, Layout, Scrape
from inferdeck.model.target import TargetKey
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.state.database import StateDatabase

_log = logging.getLogger(__name__)

NAME = "inferdeck_event_timestamp_seconds"
JOB = "inferdeck"
INTERVAL_SECONDS = 15.0
SHOWN_SECONDS = 7 * 86_400.0
"""How long an event goes on being a series."""
MOST_SERIES = 200
LONGEST_LABEL = 200


OwnSamples = Mapping[str, Sequence[tuple[Mapping[str, str], float]]]
"""By family: the labels of each series and its value now."""


class OwnSeries:
    """Writes one series per kind, subject and teller every INTERVAL_SECONDS: the time of the newest such event.

    also: what else is written beside them; it must not block. marks: labels that every series carries.
    """

    def __init__(
        self,
        store: StateDatabase,
        writer: SinkWriter,
        clock: Clock,
        instance: str,
        environment: str,
        also: Callable[[], OwnSamples] = dict,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        self._place = {**(marks or {}), "instance": instance, "job": JOB}
        self._store = store
        self._also = also
        self._writer = writer
        self._clock = clock
        self._environment = environment
        self._target = TargetKey(JOB, instance, environment).id
        self._read_at = (-1, 0.0)
        self._marks: dict[Labels, float] = {}
        self._layout = EMPTY_LAYOUT
        self._last_stamp = 0

    async def keep_writing(self) -> None:
        """Write until cancelled."""
        while True:
            try:
                await self.write()
            except StoreError as error:
                _log.debug("the series of events were not written: %s", error)
            await self._clock.sleep(INTERVAL_SECONDS)

    async def write(self) -> None:
        """Write one sample of each series now; raises StoreError."""
        now = self._clock.now()
        if self._read_at[0] != self._store.changes or now - self._read_at[1] > SHOWN_SECONDS / 100:
            changes = self._store.changes
            self._marks = await asyncio.to_thread(self._gathered, now)
            self._read_at = (changes, now)
        stamp = round(now * 1000)
        if stamp <= self._last_stamp:
            return
        shown = {**self._marks, **self._others()}
        ended = [one for one in self._layout.series if one not in shown]
        if not shown and not ended:
            return
        series = (*shown, *ended)
        layout = self._layout if series == self._layout.series else Layout(series)
        values = np.array([*shown.values(), *(0.0 for _ in ended)], dtype=np.float64)
        values.view(np.uint64)[len(shown) :] = STALE_BITS
        scrape = Scrape(self._target, stamp, layout, values)
        await self._writer.run(lambda: self._writer.append(scrape))
        self._last_stamp = stamp
        # What ended once is not ended again.
        self._layout = Layout(tuple(shown)) if ended else layout

    def _others(self) -> dict[Labels, float]:
        place = {**self._place, "environment": self._environment}
        return {labels({**place, **own}, family): value for family, rows in self._also().items() for own, value in rows}

    def _gathered(self, now: float) -> dict[Labels, float]:
        since = now - SHOWN_SECONDS
        newest: dict[Labels, float] = {}
        for kind in sorted(MARKED_KINDS):
            for event in self._store.events(Asked(kind=kind, since=since, limit=1000)).items:
                newest.setdefault(self._of_event(event), event.time)
        for note in self._store.annotations(Asked(since=since, limit=1000)).items:
            newest.setdefault(self._of_annotation(note), note.time)
        kept = sorted(newest.items(), key=lambda pair: -pair[1])[:MOST_SERIES]
        return dict(sorted(kept))

    def _of_event(self, one: Event) -> Labels:
        return self._labels(one.environment, one.kind, one.subject, one.source or JOB)

    def _of_annotation(self, one: Annotation) -> Labels:
        return self._labels(one.environment, one.kind, one.text, ANNOTATION, ", ".join(one.tags))

    def _labels(self, environment: str, kind: str, subject: str, source: str, tags: str = "") -> Labels:
        found = {
            "__name__": NAME,
            "environment": environment,
            **self._place,
            "kind": kind,
            "source": source,
            "subject": subject[:LONGEST_LABEL],
            "tags": tags[:LONGEST_LABEL],
        }
        return tuple(sorted((name, value) for name, value in found.items() if value))
