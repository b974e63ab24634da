"""Asks what the panels of a dashboard want to know, all at once; one that fails takes no other down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inferdeck.dashboards.interpolation import Chosen, Window, fill, fill_plain, legend, sample_values
from inferdeck.dashboards.span import Span
from inferdeck.errors import InferdeckError, LimitError, QueryTimeoutError
from inferdeck.model.dashboard import (
    ALL,
    NATIVE_KINDS,
    Annotation,
    Dashboard,
    Need,
    Panel,
    PanelKind,
    Query,
    Variable,
)
from inferdeck.model.dashboard_answers import Mark
from inferdeck.model.labels import NAME, Labels
from inferdeck.model.metric import Quality
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query.interface import QueryOptions, QueryService
from inferdeck.query.promql.ast import VectorSelector
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.result import Result, ResultType
from inferdeck.query.promql.walk import nodes

MOST_SERIES = 300
"""Of one query: more is no picture."""
MOST_MARKS = 200
STALE_STEPS = 3
QUALITY = "inferdeck_quality"
REASONS = {
    "bucket_layout": "its buckets were not those of the vocabulary",
    "fallback_served_model": "a request that fell back counts under the model that served it",
    "includes_own_scrape": "inferdeck's own request is among them",
    "provider_model_name": "it may stand under the provider's name of the model",
    "workers_in_turn": "several workers answer in turn",
}
_PARTS = ("_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class Asked:
    """A dashboard with everything that decides what it shows."""

    dashboard: Dashboard
    revision: str
    panels: tuple[Panel, ...]
    chosen: Chosen
    span: Span
    scrape_ms: int
    deadline_seconds: float

    @property
    def window(self) -> Window:
        """What the texts of queries are filled with."""
        return Window(self.span.start_ms, self.span.end_ms, self.span.step_ms, self.scrape_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What one query gave. values: float64, (series, steps) on the whole grid, or (series, 1) of an instant query."""

    ref: str
    instant: bool
    series: tuple[Labels, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What one panel shows; see PanelData."""

    id: str
    status: str
    age: float | None = None
    quality: str = Quality.MISSING.value
    warnings: tuple[str, ...] = ()
    error: str = ""
    next: str = ""
    needs: str = ""
    question: str = ""
    queries: tuple[Answered, ...] = ()
    title: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A dashboard's answer before it is written."""

    asked: Asked
    panels: tuple[Shown, ...]
    marks: tuple[Mark, ...]
    notices: tuple[str, ...] = field(default=())

    @property
    def cells(self) -> int:
        """How many values it holds."""
        return sum(one.values.size for panel in self.panels for one in panel.queries)

    @property
    def failed(self) -> bool:
        """Whether a panel could not be answered, which may be better at the next try."""
        return any(panel.status == "error" for panel in self.panels)


async def ask(service: QueryService, asked: Asked) -> Whole:
    """Ask for every panel, annotation and the quality of what they read."""
    estimates, of_marks, found = await asyncio.gather(
        _qualities(service, asked),
        asyncio.gather(*(_marks(service, asked, one) for one in asked.dashboard.annotations)),
        asyncio.gather(*(_panel(service, asked, panel) for panel in asked.panels)),
    )
    variables = asked.dashboard.variables
    judged = (_judged(panel, one, variables, estimates) for panel, one in zip(asked.panels, found, strict=True))
    words = {name: ("All",) if ALL in values else values for name, values in asked.chosen.items()}
    shown = tuple(
        replace(one, title=fill_plain(panel.title, words)) for panel, one in zip(asked.panels, judged, strict=True)
    )
    notices = tuple(notice for _, notice in of_marks if notice)
    return Whole(asked, shown, tuple(mark for some, _ in of_marks for mark in some), notices)


async def _panel(service: QueryService, asked: Asked, panel: Panel) -> Shown:
    if panel.needs is not Need.NOTHING:
        return Shown(panel.id, "needs", needs=panel.needs.value)
    if panel.kind is PanelKind.TEXT:
        return Shown(panel.id, "text")
    question = fill_plain(panel.question, _plain_values(asked.chosen)) if panel.question else ""
    if panel.kind in NATIVE_KINDS or not panel.queries:
        return Shown(panel.id, "native", question=question)
    found = await asyncio.gather(*(_query(service, asked, query) for query in panel.queries), return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, InferdeckError):
            raise one
    failed = [one for one in found if isinstance(one, InferdeckError)]
    good = [one for one in found if not isinstance(one, BaseException)]
    warnings = tuple(dict.fromkeys(text for _, texts in good for text in texts))
    queries = tuple(one for one, _ in good)
    there = any(one.series for one in queries)
    if failed and not there:
        reason = str(failed[0]).splitlines()[0]
        return Shown(panel.id, "error", warnings=warnings, error=reason, next=_next(failed[0]), question=question)
    warnings = (*(f"a part is missing: {str(one).splitlines()[0]}" for one in failed), *warnings)
    age = _age(asked.span, queries) if there else None
    quality = Quality.MISSING if age is None else Quality.MEASURED
    if age is not None and age * 1000 > STALE_STEPS * max(asked.span.step_ms, asked.scrape_ms):
        quality = Quality.STALE
    return Shown(panel.id, "ok" if there else "empty", age, quality.value, warnings, question=question, queries=queries)


async def _query(service: QueryService, asked: Asked, query: Query) -> tuple[Answered, tuple[str, ...]]:
    text = fill(query.expr, asked.dashboard.variables, asked.chosen, asked.window)
    options = QueryOptions(asked.deadline_seconds)
    span = asked.span
    async with asyncio.timeout(asked.deadline_seconds) as deadline:
        try:
            if query.instant:
                result = service.at_once(text, span.at_ms)
                if result is None:
                    result = await service.instant(text, span.at_ms, options)
            else:
                result = await service.range(text, span.start_ms, span.end_ms, span.step_ms, options)
        except TimeoutError:
            if deadline.expired():
                raise QueryTimeoutError(f"took longer than {asked.deadline_seconds:g} s") from None
            raise
    return _answered(query, result, span)


def _answered(query: Query, result: Result, span: Span) -> tuple[Answered, tuple[str, ...]]:
    # Remarks on how a query is written are for its author, not for whoever looks at the panel.
    warnings = list(result.warnings)
    series, values = result.series, result.values
    if query.instant and result.type is ResultType.MATRIX:
        values = values[:, -1:]
    elif not query.instant:
        values = _on_grid(result, span)
    if len(series) > MOST_SERIES:
        warnings.append(f"the first {MOST_SERIES} of {len(series)} series are shown")
        series, values = series[:MOST_SERIES], values[:MOST_SERIES]
    names = tuple(_name(query, one) for one in series)
    return Answered(query.ref, query.instant, series, names, values), tuple(warnings)


def _on_grid(result: Result, span: Span) -> NDArray[np.float64]:
    """Return a matrix with every step of the span as a column."""
    if result.steps_ms.size == span.steps:
        return result.values
    bits = np.full((len(result.series), span.steps), ABSENT_BITS, dtype=np.uint64)
    columns = (result.steps_ms - span.start_ms) // span.step_ms
    inside = (columns >= 0) & (columns < span.steps)
    bits[:, columns[inside]] = np.ascontiguousarray(result.values).view(np.uint64)[:, inside]
    return bits.view(np.float64)


def _name(query: Query, labels: Labels) -> str:
    by_name = dict(labels)
    if query.legend:
        return legend(query.legend, by_name)
    inner = ", ".join(f'{name}="{value}"' for name, value in labels if name != NAME)
    return f"{by_name.get(NAME, '')}{{{inner}}}" if inner else by_name.get(NAME, "")


def _age(span: Span, queries: Sequence[Answered]) -> float | None:
    """Return seconds from the newest value to the end of what was asked for; None where every value is missing."""
    newest: float | None = None
    for one in queries:
        there = ~np.isnan(one.values).all(axis=0) if one.series else np.zeros(0, dtype=bool)
        if not there.any():
            continue
        last = 0.0
        if not one.instant:
            last = float(span.end_ms - (span.start_ms + int(np.flatnonzero(there)[-1]) * span.step_ms)) / 1000
        newest = last if newest is None else min(newest, last)
    return newest


def _judged(
    panel: Panel, shown: Shown, variables: Sequence[Variable], estimates: Mapping[str, tuple[str, ...]]
) -> Shown:
    """Return the panel with the word on its quality: estimated where a family that it reads is."""
    if shown.status != "ok" or not estimates:
        return shown
    reasons = [reason for family in _families(panel, variables) for reason in estimates.get(family, ())]
    if not reasons:
        return shown
    quality = Quality.ESTIMATED.value if shown.quality == Quality.MEASURED.value else shown.quality
    texts = tuple(dict.fromkeys(f"estimated: {reason}" for reason in reasons))
    return replace(shown, quality=quality, warnings=(*shown.warnings, *texts))


def _families(panel: Panel, variables: Sequence[Variable]) -> Iterable[str]:
    """Return the families that a panel's queries read."""
    names: dict[str, None] = {}
    window, values = Window(0, 60_000, 60_000), sample_values(variables)
    for query in panel.queries:
        for name in _metrics(fill(query.expr, variables, values, window)):
            names[name] = None
            for part in _PARTS:
                names[name.removesuffix(part)] = None
    return names


@lru_cache(maxsize=1024)
def _metrics(text: str) -> tuple[str, ...]:
    try:
        return tuple(node.name for node in nodes(parse(text)) if isinstance(node, VectorSelector) and node.name)
    except InferdeckError:
        return ()


async def _qualities(service: QueryService, asked: Asked) -> Mapping[str, tuple[str, ...]]:
    """Return for each family that is an estimate now the reasons."""
    try:
        text = f"count by (family, reason) ({QUALITY})"
        result = service.at_once(text, asked.span.at_ms) or await service.instant(
            text, asked.span.at_ms, QueryOptions(asked.deadline_seconds)
        )
    except InferdeckError:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for labels in result.series:
        by_name = dict(labels)
        family = by_name.get("family", "")
        found[family] = (*found.get(family, ()), f"{family}: {_words(by_name.get('reason', ''))}")
    return found


def _words(reason: str) -> str:
    return REASONS.get(reason, reason.replace("_", " "))


async def _marks(service: QueryService, asked: Asked, annotation: Annotation) -> tuple[list[Mark], str]:
    query = Query(annotation.query)
    try:
        answered, _ = await _query(service, asked, query)
    except (InferdeckError, LimitError) as error:
        return [], f"{annotation.name}: {str(error).splitlines()[0]}"
    found: list[Mark] = []
    for labels, row in zip(answered.series, answered.values, strict=True):
        times = _times(row, asked.span) if annotation.value_is_time else _stretches(row, asked.span)
        by_name = dict(labels)
        title, text = legend(annotation.title, by_name, annotation.name), legend(annotation.text, by_name)
        found += [
            Mark(annotation.name, begin, until, title, text, annotation.tags, annotation.level.value)
            for begin, until in times
        ]
    found.sort(key=lambda mark: mark.time)
    notice = f"{annotation.name}: the last {MOST_MARKS} of {len(found)} marks" if len(found) > MOST_MARKS else ""
    return found[-MOST_MARKS:], notice


def _times(row: NDArray[np.float64], span: Span) -> list[tuple[float, float | None]]:
    """Return the moments that the values name and that lie in the span."""
    moments = np.unique(row[np.isfinite(row)])
    inside = moments[(moments * 1000 >= span.start_ms) & (moments * 1000 <= span.at_ms)]
    return [(float(one), None) for one in inside.tolist()]


def _stretches(row: NDArray[np.float64], span: Span) -> list[tuple[float, float | None]]:
    """Return from when to when there are values."""
    there = np.concatenate([[False], ~np.isnan(row), [False]])
    edges = np.flatnonzero(there[1:] != there[:-1])
    first, step = span.start_ms / 1000, span.step_ms / 1000
    return [
        (first + begin * step, first + (end - 1) * step if end - begin > 1 else None)
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def _plain_values(chosen: Chosen) -> dict[str, tuple[str, ...]]:
    """Return the values for a question of the API, where All is nothing."""
    return {name: () if ALL in values else values for name, values in chosen.items()}


def _next(error: InferdeckError) -> str:
    if isinstance(error, QueryTimeoutError):
        return "choose a shorter range"
    return "ask for less: choose fewer values or a shorter range" if isinstance(error, LimitError) else ""
