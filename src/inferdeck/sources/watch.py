"""One target under watch: its schedule, its last collection, its errors and what it costs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

from inferdeck.config.schema import TargetConfig
from inferdeck.config.secrets import hide, secrets_of
from inferdeck.errors import CollectError, DeadlineError, InferdeckError, StaleStampError, StoreError
from inferdeck.errors import kind as kind_of
from inferdeck.model.clock import Clock
from inferdeck.model.happening import Happening
from inferdeck.model.labels import Labels
from inferdeck.model.scrape import Scrape
from inferdeck.model.target import Fact, Health, ProbeEffect, TargetKey, TargetState
from inferdeck.sources.interface import Collected, Source
from inferdeck.sources.metered import Metered
from inferdeck.sources.own_times import OwnTimes
from inferdeck.sources.pipeline import MakeRepair, MapStep, Passed, Pipeline
from inferdeck.sources.schedule import Schedule, Slot, back_off
from inferdeck.sources.spending import CURRENT, Spending
from inferdeck.sources.undisturbed import Settled, undisturbed
from inferdeck.sources.writer import SinkWriter

T = TypeVar("T")

Told = Callable[[str, Sequence[Happening]], None]
"""Takes an environment and what happened in it; called on the event loop, returns at once."""

_log = logging.getLogger(__name__)

_LONGEST_DEADLINE = 10.0
_CANCEL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What the runner needs of one target.

    extra: the labels of every one of its series (pipeline.target_labels). repair, mapper: its kind's stages, or None.
    """

    key: TargetKey
    source: Source
    config: TargetConfig
    url: str
    extra: Labels
    name: str = ""
    origin: str = "configured"
    repair: MakeRepair | None = None
    mapper: MapStep | None = None
    enabled_probes: frozenset[str] = frozenset()
    """Names of probes with a side effect that the configuration switched on."""


def untold(environment: str, happenings: Sequence[Happening]) -> None:
    """Let what happened pass."""


@dataclass(slots=True)
class _Tally:
    """The numbers of TargetState that change."""

    health: Health = Health.UNKNOWN
    last_attempt_ms: int = 0
    last_success_ms: int = 0
    last_duration_seconds: float = 0.0
    last_error: str = ""
    last_error_kind: str = ""
    last_error_ms: int = 0
    consecutive_failures: int = 0
    version: str = ""
    native_series: int = 0
    canonical_series: int = 0
    dropped_series: int = 0
    collections_total: int = 0
    failures_total: int = 0
    skipped_total: int = 0
    requests_total: int = 0
    response_bytes_total: int = 0
    cpu_seconds_total: float = 0.0
    inventory: tuple[Fact, ...] = ()
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By what they are about, so that each stays until its own cause is gone."""


class Watch:
    """Reads one target for ever; every other target is another Watch, so none waits for this one."""

    def __init__(self, target: Target, clock: Clock, writer: SinkWriter, told: Told = untold) -> None:
        self.target = target
        self._told = told
        self.last: Collected | None = None
        """The last good collection."""
        self.url = _without_credentials(target.url)
        self._clock = clock
        self._writer = writer
        self._pipeline = Pipeline(
            target.key,
            target.extra,
            max_series=target.config.max_series,
            repair=target.repair,
            mapper=target.mapper,
        )
        self._deadline = target.config.deadline or min(target.config.interval, _LONGEST_DEADLINE)
        self._tally = _Tally()
        self._secrets = frozenset(secrets_of(target.config)) | frozenset(secrets_of(target.url))
        self._settled = Settled()
        self._schedule = Schedule(target.key.id, target.config.interval, clock.now(), clock.monotonic())
        self._slot = Slot(0, clock.monotonic())
        self._own_times = OwnTimes(target.key.id)
        self._not_before = float("-inf")
        self._stuck: asyncio.Task[Collected] | None = None

    async def run(self) -> None:
        """Read the target on its schedule until cancelled."""
        config, clock = self.target.config, self._clock
        self._schedule = Schedule(self.target.key.id, config.interval, clock.now(), clock.monotonic())
        while True:
            self._slot, missed = self._schedule.take(self._clock.monotonic())
            self._tally.skipped_total += missed
            await self._clock.sleep(self._slot.monotonic - self._clock.monotonic())
            try:
                await self._once()
            except Exception:
                # A bug of ours must not end the watch; the log has the traceback, the user one line.
                _log.exception("%s: the collection failed unexpectedly", self.target.key.id)
                self._note_failure("an internal error stopped this collection; the log has the details")

    async def end(self) -> None:
        """End every series of the target in the store: it is no longer watched."""
        scrape = self._pipeline.ended(round(self._clock.now() * 1000))
        if scrape is not None:
            await self._written(lambda: self._append(scrape))

    async def close(self) -> None:
        """Give back what the source holds."""
        if self._stuck is not None:
            self._stuck.cancel()
        await self.target.source.aclose()

    def state(self) -> TargetState:
        """Return what is known now."""
        target, tally = self.target, self._tally
        now_ms = self._clock.now() * 1000
        wait = max(self._slot.monotonic, self._not_before) - self._clock.monotonic()
        numbers = {
            name: getattr(tally, name) for name in _Tally.__dataclass_fields__ if name not in ("warnings", "health")
        }
        return TargetState(
            key=target.key,
            name=target.name or target.key.instance,
            url=self.url,
            origin=target.origin,
            health=tally.health,
            interval_seconds=target.config.interval,
            next_attempt_ms=round(now_ms + max(0.0, wait) * 1000),
            # The writer thread writes there too; a copied list is safe to walk.
            warnings=tuple(text for about in list(tally.warnings.values()) for text in about),
            probes=_probes(target),
            kind=target.source.kind,
            gateway=getattr(target.config, "gateway", None) or "",
            **numbers,
        )

    async def _once(self) -> None:
        now, started = self._clock.now(), self._clock.monotonic()
        stamp, clock_warning = self._schedule.stamp(self._slot, now, started)
        self._warn("clock", (clock_warning,) if clock_warning else ())
        if started < self._not_before:
            await self._store(lambda: self._failed(stamp, 0.0))
            return
        self._tally.last_attempt_ms = round(now * 1000)
        self._tally.collections_total += 1
        collected: Collected | None = None
        try:
            collected = await self._collect(now)
        except InferdeckError as error:
            # Not only a CollectError: a CA file that cannot be read is found when it is needed first.
            self._note_failure(str(error), error)
        except Exception as error:
            _log.exception("%s: the source failed unexpectedly", self.target.key.id)
            self._note_failure(
                f"{self.url}: {type(error).__name__} inside the {self.target.source.kind} source; "
                "the log has the details, please report them"
            )
        duration = self._clock.monotonic() - started
        self._tally.last_duration_seconds = duration
        if collected is None:
            await self._store(lambda: self._failed(stamp, duration))
            return
        good = collected
        passed = await self._store(lambda: self._passed(good, stamp, duration))
        self._note_success(good, passed, now)

    async def _collect(self, now: float) -> Collected:
        """Read the target within its deadline; what does not end when cancelled is left behind, and not repeated."""
        if self._stuck is not None and not self._stuck.done():
            self._tally.skipped_total += 1
            raise DeadlineError(f"{self.url}: an earlier collection still has not ended")
        meter = Metered(self.target.source.collect(now))
        spending = Spending()
        counted = copy_context()
        counted.run(CURRENT.set, spending)
        task = asyncio.get_running_loop().create_task(_awaited(meter), context=counted)
        pause = asyncio.ensure_future(self._clock.sleep(self._deadline))
        try:
            await asyncio.wait({task, pause}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_CANCEL_SECONDS)
                self._stuck = task
                task.add_done_callback(_forget_outcome)
                raise DeadlineError(f"{self.url}: no answer within {self._deadline:g} s; is it overloaded?")
            if task.cancelled():
                raise CollectError(f"{self.url}: the collection cancelled itself; please report it")
            collected = task.result()
            # One that worked tells its cost itself.
            spending = Spending()
            return collected
        finally:
            pause.cancel()
            task.cancel()
            self._tally.cpu_seconds_total += meter.cpu_seconds
            self._tally.requests_total += spending.requests
            self._tally.response_bytes_total += spending.response_bytes
            # An error's traceback holds this frame, so the frame must not hold the task that holds the error.
            del task

    # On the writer thread.

    def _passed(self, good: Collected, stamp: int, duration: float) -> Passed:
        if self.last is not None and self.last.layout is good.layout:
            return self._through(good, stamp, duration)
        with undisturbed():
            passed = self._through(good, stamp, duration)
            self._settled.note(len(good.layout))
        return passed

    def _through(self, good: Collected, stamp: int, duration: float) -> Passed:
        layout, values = good.layout, good.values
        complaints: list[str] = []
        if good.timestamps_ms is not None:
            layout, values, groups = self._own_times.split(layout, values, good.timestamps_ms, stamp)
            for group in groups:
                try:
                    complaints += self._writer.append_block(group)
                except StoreError as error:
                    complaints.append(str(error))
        passed = self._pipeline.success(
            layout,
            values,
            stamp,
            duration=duration,
            dropped=good.dropped,
            carry=self._writer.store.carry,
        )
        self._append(passed.scrape, complaints)
        return passed

    def _failed(self, stamp: int, duration: float) -> Passed:
        scrape = self._pipeline.failure(stamp, duration)
        self._append(scrape)
        return Passed(scrape, 0, 0, 0)

    def _append(self, scrape: Scrape, complaints: Sequence[str] = ()) -> None:
        try:
            complaints = [*complaints, *self._writer.append(scrape)]
        except StaleStampError as error:
            # After a restart with the clock set back: go on from the newest sample that is stored.
            if not error.last_ms:
                raise
            stamp = self._schedule.continue_from(self._slot, error.last_ms)
            complaints = [*complaints, *self._writer.append(replace(scrape, timestamp_ms=stamp))]
        self._pipeline.kept()
        self._warn("sinks", tuple(complaints))

    # On the event loop again.

    async def _store(self, work: Callable[[], Passed]) -> Passed | None:
        try:
            passed = await self._written(work)
        except StoreError as error:
            self._warn("store", (str(error),))
            return None
        self._warn("store", ())
        return passed

    async def _written(self, work: Callable[[], T]) -> T:
        """Run on the writer thread, adding what it costs to this target."""

        def metered() -> T:
            started = time.thread_time()
            try:
                return work()
            finally:
                self._tally.cpu_seconds_total += time.thread_time() - started

        return await self._writer.run(metered)

    def _warn(self, about: str, texts: tuple[str, ...]) -> None:
        texts = tuple(hide(text, self._secrets) for text in texts)
        before = self._tally.warnings.get(about, ())
        if texts:
            self._tally.warnings[about] = texts
            if not before:
                _log.warning("%s: %s", self.target.key.id, "; ".join(texts))
        elif before:
            del self._tally.warnings[about]

    def _note_success(self, good: Collected, passed: Passed | None, now: float) -> None:
        tally = self._tally
        if tally.health is Health.DOWN:
            _log.info("%s: answers again", self.target.key.id)
        self.last = good
        tally.health, tally.consecutive_failures, self._not_before = Health.UP, 0, float("-inf")
        tally.last_success_ms = round(now * 1000)
        tally.version = good.version or tally.version
        tally.inventory = tuple(good.inventory)
        tally.requests_total += good.requests
        tally.response_bytes_total += good.response_bytes
        if passed is not None:
            tally.native_series, tally.canonical_series = passed.native, passed.canonical
            tally.dropped_series = passed.dropped
        limit = self.target.config.max_series
        over = tally.dropped_series
        self._warn("limit", (f"{over} series over max_series ({limit}) are not stored",) if over else ())
        self._warn("source", tuple(good.warnings))
        self._note_withheld(good.withheld)
        if good.happenings:
            self._told(self.target.key.environment, good.happenings)

    def _note_withheld(self, error: CollectError | None) -> None:
        """Note why a target that is up gives no metrics; the error holds until a collection brings them."""
        tally = self._tally
        if error is None:
            return
        text = hide(str(error), self._secrets)
        if tally.last_error != text:
            _log.warning("%s: %s", self.target.key.id, text)
        tally.last_error, tally.last_error_kind = text, kind_of(error)
        tally.last_error_ms = max(tally.last_success_ms, round(self._clock.now() * 1000))

    def _note_failure(self, text: str, error: InferdeckError | None = None) -> None:
        tally = self._tally
        if self.url not in text and self.target.key.instance not in text:
            text = f"{self.url}: {text}"
        text = hide(text, self._secrets)
        if tally.health is not Health.DOWN:
            _log.warning("%s: %s", self.target.key.id, text)
        tally.health = Health.DOWN
        tally.last_error, tally.last_error_ms = text, round(self._clock.now() * 1000)
        tally.last_error_kind = kind_of(error) if error is not None else "internal"
        tally.consecutive_failures += 1
        tally.failures_total += 1
        cause = error if isinstance(error, CollectError) else CollectError(text)
        pause = back_off(self.target.key.id, tally.consecutive_failures, self.target.config.interval, cause)
        # Half an interval early, so that the slot at which the pause is over counts as after it.
        self._not_before = self._clock.monotonic() + pause - self.target.config.interval / 2


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _forget_outcome(task: asyncio.Task[Collected]) -> None:
    if not task.cancelled():
        task.exception()


async def _awaited(meter: Metered[T]) -> T:
    return await meter


def _probes(target: Target) -> tuple[ProbeEffect, ...]:
    return tuple(
        ProbeEffect(
            probe.name,
            probe.request,
            str(probe.effect),
            probe.note,
            probe.sent(target.enabled_probes),
            probe.never,
        )
        for probe in target.source.probes
    )
