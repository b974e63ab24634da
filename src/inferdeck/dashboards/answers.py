"""Answers for many viewers: the same question is asked once, its answer kept in bounded memory with its ETag."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from inferdeck.dashboards import asking, options, writing
from inferdeck.dashboards.asking import Asked, Whole
from inferdeck.dashboards.folder import Folder, Kept, Shelf
from inferdeck.dashboards.interpolation import Window
from inferdeck.dashboards.span import MOST_POINTS, Span, moment, span
from inferdeck.errors import ConfigError, UsageError
from inferdeck.model.clock import Clock
from inferdeck.model.dashboard import Dashboard, Need, Panel, places
from inferdeck.model.dashboard_answers import DashboardList, Definition, Listed, Variables
from inferdeck.query.interface import QueryService

T = TypeVar("T")
_log = logging.getLogger(__name__)
MOST_BYTES = 32 * 10**6
DEADLINE_SECONDS = 25.0
CLOSED_SECONDS = 300.0
"""How long the answer to a range that lies in the past is kept: history may still arrive there."""
_CELLS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks for, as it was written: times, chosen values by variable, panels by id."""

    start: str = ""
    end: str = "now"
    step: float = 0.0
    points: int = MOST_POINTS
    chosen: tuple[tuple[str, tuple[str, ...]], ...] = ()
    panels: tuple[str, ...] = ()
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer as bytes; packed: the same as gzip, b"" where that is not worth it. seconds: how long it holds."""

    body: bytes
    packed: bytes
    etag: str
    seconds: float


@dataclass(slots=True)
class _Kept(Generic[T]):
    value: T
    size: int
    until: float


class Memory(Generic[T]):
    """Values by key in at most so many bytes, the least used go first; the same key is made once at a time."""

    def __init__(self, most_bytes: int, monotonic: Callable[[], float]) -> None:
        self._most = most_bytes
        self._monotonic = monotonic
        self._kept: OrderedDict[object, _Kept[T]] = OrderedDict()
        self._flights: dict[object, tuple[asyncio.Task[tuple[T, int, float]], list[int]]] = {}
        self.held_bytes = 0

    def get(self, key: object) -> T | None:
        """Return what is kept under a key and still holds."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= self._monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.value

    async def once(self, key: object, make: Callable[[], Coroutine[Any, Any, tuple[T, int, float]]]) -> T:
        """Return what is kept, or what `make` gives: (value, bytes, seconds to keep it, 0 for not at all).

        Whoever asks while it is made waits for it; when nobody waits any more, the work is given up.
        """
        found = self.get(key)
        if found is not None:
            return found
        if key not in self._flights:
            task: asyncio.Task[tuple[T, int, float]] = asyncio.ensure_future(make())
            self._flights[key] = (task, [0])
            task.add_done_callback(lambda done: self._landed(key, done))
        task, waiting = self._flights[key]
        waiting[0] += 1
        try:
            return (await asyncio.shield(task))[0]
        finally:
            waiting[0] -= 1
            if not waiting[0] and not task.done():
                task.cancel()
                self._leave(key, task)

    def _landed(self, key: object, task: asyncio.Task[tuple[T, int, float]]) -> None:
        self._leave(key, task)
        if task.cancelled() or task.exception() is not None:
            return
        value, size, seconds = task.result()
        if seconds <= 0 or size > self._most // 2:
            return
        self._drop(key)
        self._kept[key] = _Kept(value, size, self._monotonic() + seconds)
        self.held_bytes += size
        while self.held_bytes > self._most:
            self._drop(next(iter(self._kept)))

    def _leave(self, key: object, task: asyncio.Task[tuple[T, int, float]]) -> None:
        if key in self._flights and self._flights[key][0] is task:
            del self._flights[key]

    def _drop(self, key: object) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.held_bytes -= kept.size


class Dashboards:
    """The questions about dashboards; belongs to the event loop. scrape_ms: how far apart samples are now."""

    def __init__(
        self,
        service: QueryService,
        folder: Folder,
        clock: Clock,
        scrape_ms: Callable[[], int],
        *,
        most_bytes: int = MOST_BYTES,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._service = service
        self._folder = folder
        self._clock = clock
        self._scrape_ms = scrape_ms
        self._deadline = deadline_seconds
        self._answers: Memory[Ready] = Memory(most_bytes // 2, clock.monotonic)
        self._wholes: Memory[Whole] = Memory(most_bytes // 2, clock.monotonic)

    @property
    def held_bytes(self) -> int:
        """How much memory the kept answers take."""
        return self._answers.held_bytes + self._wholes.held_bytes

    async def load(self) -> None:
        """Read all files, which takes seconds the first time, before somebody waits for them."""
        try:
            await self.shelf()
        except ConfigError:
            _log.exception("the dashboards cannot be read")

    async def shelf(self) -> Shelf:
        """Return all dashboards."""
        recent = self._folder.recent()
        return recent if recent is not None else await asyncio.to_thread(self._folder.shelf)

    async def all(self) -> DashboardList:
        """Return the list, and what is wrong with users' files."""
        await self.shelf()
        return listed(self._folder)

    async def definition(self, uid: str) -> Definition:
        """Return one dashboard; raises NotFoundError."""
        kept = (await self.shelf()).get(uid)
        found = {
            panel.id: place
            for row in kept.dashboard.rows
            for panel, place in zip(row.panels, places(row.panels), strict=True)
        }
        return Definition(kept.dashboard, found, kept.origin, kept.revision)

    async def variables(self, uid: str, question: Question) -> Variables:
        """Return the variables of a dashboard with their options; raises NotFoundError, UsageError."""
        dashboard = (await self.shelf()).get(uid).dashboard
        window = self._asked_window(dashboard, question)
        given = options.checked(dashboard, dict(question.chosen))
        return Variables(uid, await options.described(self._service, dashboard, given, window))

    def at_once(self, uid: str, question: Question) -> Ready | None:
        """Return what `data` would where it is kept; raises as it does."""
        shelf = self._folder.recent()
        if shelf is None:
            return None
        kept = shelf.get(uid)
        base = _base(kept, question, self._span(kept.dashboard, question))
        return self._answers.get((base, _milliseconds(question.since)))

    async def data(self, uid: str, question: Question) -> Ready:
        """Return the data of all visible panels; raises NotFoundError, UsageError."""
        kept = (await self.shelf()).get(uid)
        times = self._span(kept.dashboard, question)
        since = _milliseconds(question.since)
        base = _base(kept, question, times)
        return await self._answers.once((base, since), lambda: self._written(kept, question, times, since))

    async def _written(
        self, kept: Kept, question: Question, times: Span, since: int | None
    ) -> tuple[Ready, int, float]:
        base = _base(kept, question, times)
        whole = await self._wholes.once(base, lambda: self._whole(kept, question, times))
        if since is not None and not writing.can_continue(whole, since):
            since = None
        ready = await _beside(whole.cells, _ready, whole, since)
        keep = 0.0 if whole.failed else self._holds(whole)
        return ready, len(ready.body) + len(ready.packed) + 500, keep

    async def _whole(self, kept: Kept, question: Question, times: Span) -> tuple[Whole, int, float]:
        dashboard = kept.dashboard
        scrape = self._scrape_ms()
        window = Window(times.start_ms, times.end_ms, times.step_ms, scrape)
        given = options.checked(dashboard, dict(question.chosen))
        panels = _visible(dashboard, question.panels)
        picked = await options.chosen(self._service, dashboard, given, window)
        asked = Asked(dashboard, kept.revision, panels, picked, times, scrape, self._deadline)
        whole = await asking.ask(self._service, asked)
        series = sum(len(one.series) for panel in whole.panels for one in panel.queries)
        return whole, whole.cells * 8 + series * 600 + 2000, 0.0 if whole.failed else self._holds(whole)

    def _holds(self, whole: Whole) -> float:
        """Return how long an answer holds: a live one until its next tick, with time for those who come late."""
        times = whole.asked.span
        live = self._clock.now() * 1000 - times.at_ms < 2 * times.tick_ms + 60_000
        return max(60.0, 2 * times.tick_ms / 1000) if live else CLOSED_SECONDS

    def _span(self, dashboard: Dashboard, question: Question) -> Span:
        now = self._clock.now()
        end = moment(question.end or "now", now, "to")
        start = moment(question.start or f"now-{dashboard.range}", now, "from")
        return span(start, end, now, self._scrape_ms(), question.step, question.points)

    def _asked_window(self, dashboard: Dashboard, question: Question) -> Window:
        times = self._span(dashboard, question)
        return Window(times.start_ms, times.end_ms, times.step_ms, self._scrape_ms())


def _milliseconds(since: float | None) -> int | None:
    return None if since is None else round(since * 1000)


def _base(kept: Kept, question: Question, times: Span) -> object:
    """Return everything that decides what is shown."""
    return (kept.dashboard.uid, kept.revision, question.chosen, question.panels, times)


def _visible(dashboard: Dashboard, wanted: Sequence[str]) -> tuple[Panel, ...]:
    """Return the panels that were asked for, else those of the rows that are open."""
    if not wanted:
        return tuple(panel for row in dashboard.rows if not row.collapsed for panel in row.panels)
    by_id: Mapping[str, Panel] = {panel.id: panel for panel in dashboard.panels()}
    unknown = [one for one in wanted if one not in by_id]
    if unknown:
        raise UsageError(f"panels: no panel {unknown[0][:60]!r} in {dashboard.uid}; there are {', '.join(by_id)}")
    return tuple(by_id[one] for one in dict.fromkeys(wanted))


def _ready(whole: Whole, since: int | None) -> Ready:
    body = writing.body(whole, since)
    packed = writing.compressed(body) if len(body) >= writing.COMPRESS_BYTES else b""
    etag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return Ready(body, packed, etag, whole.asked.span.tick_ms / 1000)


async def _beside(size: int, work: Callable[[Whole, int | None], Ready], whole: Whole, since: int | None) -> Ready:
    """Do the work: another thread's where it would hold the loop."""
    return await asyncio.to_thread(work, whole, since) if size > _CELLS_AT_ONCE else work(whole, since)


def listed(folder: Folder) -> DashboardList:
    """Return the list, and what is wrong with users' files."""
    shelf = folder.recent() or folder.shelf()
    return DashboardList(
        tuple(_listed(kept) for kept in shelf.dashboards.values()), shelf.problems, str(folder.path or "")
    )


def _listed(kept: Kept) -> Listed:
    dashboard = kept.dashboard
    panels = list(dashboard.panels())
    needs = tuple(f"{panel.id}: {panel.needs}" for panel in panels if panel.needs is not Need.NOTHING)
    return Listed(
        dashboard.uid, dashboard.title, dashboard.description, dashboard.tags, kept.origin, len(panels), needs
    )
