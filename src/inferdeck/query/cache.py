"""Range results remembered by query and step grid: a refreshed panel computes its new steps only.

A remembered step holds until a sample at or before it is written (see writes.py). Equal questions asked at the same
time are computed once. Memory is bounded; the result that was not asked for the longest goes first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ParamSpec

from inferdeck.errors import InferdeckError
from inferdeck.model.labels import Labels
from inferdeck.query.interface import DEFAULT_OPTIONS, FamilyFacts, Listing, QueryOptions, QueryService
from inferdeck.query.local import parsed
from inferdeck.query.promql.ast import (
    Aggregate,
    AtKeyword,
    Call,
    DurationExpr,
    Expr,
    MatrixSelector,
    Subquery,
    VectorSelector,
)
from inferdeck.query.promql.result import Result
from inferdeck.query.promql.walk import nodes
from inferdeck.query.splice import cut, refreshed, written
from inferdeck.query.writes import WriteLog

_BYTES_PER_SERIES = 600
_LARGEST_SHARE = 4
_CELLS_AT_ONCE = 4000
"""As in api/prometheus/questions.py."""
P = ParamSpec("P")
_UNSTABLE = frozenset({"limitk", "limit_ratio"})
_RANGE_BOUND = frozenset({"start", "end", "range"})


@dataclass(frozen=True, slots=True)
class _Key:
    text: str
    step_ms: int
    phase_ms: int
    lookback_ms: int | None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A result, and where the log of writes stood before it was computed."""

    result: Result
    position: int

    @property
    def size(self) -> int:
        text = sum(len(points) for points in self.result.points or ())
        return self.result.values.nbytes + len(self.result.series) * _BYTES_PER_SERIES + text

    def at_most(self, size: int) -> _Entry | None:
        """Return what fits into so many bytes: all of it, all but the text, or nothing."""
        for result in (self.result, replace(self.result, points=None)):
            entry = _Entry(result, self.position)
            if entry.size <= size:
                return entry
        return None


class CachedQueryService:
    """A QueryService in front of another one whose samples' writes are logged; belongs to the event loop."""

    def __init__(self, service: QueryService, log: WriteLog, most_bytes: int) -> None:
        self._service = service
        self._log = log
        self._most_bytes = most_bytes
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._bytes = 0
        self._flights: dict[tuple[Any, ...], _Flight] = {}

    def at_once(self, text: str, time_ms: int, options: QueryOptions = DEFAULT_OPTIONS) -> Result | None:
        return self._service.at_once(text, time_ms, options)

    async def instant(self, text: str, time_ms: int, options: QueryOptions = DEFAULT_OPTIONS) -> Result:
        return await self._once(
            ("instant", text, time_ms, options), lambda: self._service.instant(text, time_ms, options)
        )

    async def range(
        self, text: str, start_ms: int, end_ms: int, step_ms: int, options: QueryOptions = DEFAULT_OPTIONS
    ) -> Result:
        return await self._once(
            ("range", text, start_ms, end_ms, step_ms, options),
            lambda: self._range(text, start_ms, end_ms, step_ms, options),
        )

    async def series(self, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0) -> Listing[Labels]:
        return await self._service.series(selectors, start_ms, end_ms, limit)

    async def label_names(self, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0) -> Listing[str]:
        return await self._service.label_names(selectors, start_ms, end_ms, limit)

    async def label_values(
        self, name: str, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0
    ) -> Listing[str]:
        return await self._service.label_values(name, selectors, start_ms, end_ms, limit)

    async def metadata(self, metric: str = "") -> Mapping[str, Sequence[FamilyFacts]]:
        return await self._service.metadata(metric)

    @property
    def held_bytes(self) -> int:
        """How much memory the remembered results take."""
        return self._bytes

    async def _range(self, text: str, start_ms: int, end_ms: int, step_ms: int, options: QueryOptions) -> Result:
        if not self._most_bytes or not cacheable(text):
            return await self._service.range(text, start_ms, end_ms, step_ms, options)
        key = _Key(text, step_ms, start_ms % step_ms, options.lookback_ms)
        position = self._log.position()
        held = self._held(key, start_ms, end_ms)
        if held is None:
            found = await self._service.range(text, start_ms, end_ms, step_ms, options)
            found = await _beside(found.values.size, written, found)
        elif held.last_ms + step_ms > end_ms:
            return await _beside(held.result.values.size, cut, held.result, start_ms, end_ms)
        else:
            fresh = await self._service.range(text, held.last_ms + step_ms, end_ms, step_ms, options)
            size = held.result.values.size + fresh.values.size
            found = await _beside(size, refreshed, held.result, start_ms, held.last_ms, fresh)
        # What was held stands as of an older position, but was checked against the writes up to this one.
        self._keep(key, _Entry(found, position))
        return found

    def _held(self, key: _Key, start_ms: int, end_ms: int) -> _Held | None:
        """Return what is remembered of the range from its start on, and its last step that still holds."""
        entry = self._entries.get(key)
        if entry is None or not entry.result.steps_ms.size:
            return None
        steps = entry.result.steps_ms
        changed = self._log.changed_since(entry.position)
        valid = steps if changed is None else steps[steps < changed]
        if not valid.size or valid[0] > start_ms or valid[-1] < start_ms:
            return None
        self._entries.move_to_end(key)
        return _Held(entry.result, min(int(valid[-1]), end_ms))

    def _keep(self, key: _Key, entry: _Entry) -> None:
        before = self._entries.pop(key, None)
        if before is not None:
            self._bytes -= before.size
        fitting = entry.at_most(self._most_bytes // _LARGEST_SHARE)
        if fitting is None:
            return
        self._entries[key] = fitting
        self._bytes += fitting.size
        while self._bytes > self._most_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.size

    async def _once(self, question: tuple[Any, ...], ask: Callable[[], Any]) -> Result:
        """Ask, unless the same question is under way: then wait for its answer."""
        flight = self._flights.get(question)
        if flight is None:
            task = asyncio.ensure_future(ask())
            flight = self._flights[question] = _Flight(task)
            task.add_done_callback(lambda _: self._landed(question, flight))
        flight.passengers += 1
        try:
            found: Result = await asyncio.shield(flight.task)
            return found
        finally:
            flight.passengers -= 1
            if not flight.passengers and not flight.task.done():
                flight.task.cancel()
                self._landed(question, flight)

    def _landed(self, question: tuple[Any, ...], flight: _Flight) -> None:
        if self._flights.get(question) is flight:
            del self._flights[question]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # whoever waited has it; nobody may


async def _beside(size: int, work: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Do the work on a result of so many values: another thread's where it would hold the loop."""
    return await asyncio.to_thread(work, *args, **kwargs) if size > _CELLS_AT_ONCE else work(*args, **kwargs)


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[Result]
    passengers: int = 0


@dataclass(frozen=True, slots=True)
class _Held:
    result: Result
    last_ms: int


def cacheable(text: str) -> bool:
    """Say whether a step's value is the same in every range that holds the step."""
    if len(text) > 4096:
        return False
    try:
        return all(_fixed(node) for node in nodes(parsed(text)))
    except InferdeckError:
        return False  # the evaluation says what is wrong


def _fixed(node: Expr) -> bool:
    if isinstance(node, Aggregate):
        return node.operator not in _UNSTABLE
    if isinstance(node, Call):
        return node.function not in _RANGE_BOUND
    if isinstance(node, VectorSelector | Subquery) and isinstance(node.at, AtKeyword):
        return False
    if isinstance(node, VectorSelector | Subquery | MatrixSelector):
        durations = [getattr(node, name, None) for name in ("offset", "range", "step")]
        return not any(isinstance(duration, DurationExpr) for duration in durations) and not _looks_ahead(node)
    return True


def _looks_ahead(node: VectorSelector | Subquery | MatrixSelector) -> bool:
    """A negative offset, a fixed time or a smoothed selector reads samples that are written after the step."""
    at, offset = getattr(node, "at", None), getattr(node, "offset", 0.0)
    if getattr(node, "extension", "") == "smoothed":
        return True
    return at is not None or (isinstance(offset, float | int) and offset < 0)
