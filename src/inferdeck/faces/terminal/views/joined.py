"""A dashboard's answers over time: what is new goes behind what is known, what is too old is dropped."""

from __future__ import annotations

from collections.abc import Mapping

from inferdeck.model.dashboard_answers import DashboardData, PanelData, QueryData, Series

_Row = tuple[float | None, ...]


def joined(before: DashboardData, news: DashboardData, range_seconds: float) -> DashboardData:
    """Return one answer of both; `news` begins one step after the end of `before`."""
    step = news.step
    added = round((news.end - before.end) / step)
    start = max(before.start, news.end - round(range_seconds / step) * step)
    dropped = round((start - before.start) / step)
    old = {panel.id: panel for panel in before.panels}
    count = round((before.end - before.start) / step) + 1
    panels = tuple(_panel(old.get(panel.id), panel, count, added, dropped) for panel in news.panels)
    return DashboardData(
        news.uid, news.revision, start, news.end, step, news.at, None, news.tick, news.variables, panels,
        news.marks, news.notices, news.rate,
    )  # fmt: skip


def _panel(old: PanelData | None, new: PanelData, count: int, added: int, dropped: int) -> PanelData:
    known = {query.ref: query for query in old.queries} if old is not None else {}
    queries = tuple(_query(known.get(query.ref), query, count, added, dropped) for query in new.queries)
    return PanelData(
        new.id, new.status, new.age, new.quality, new.warnings, new.error, new.next, new.needs, new.question, queries,
        new.title,
    )  # fmt: skip


def _query(old: QueryData | None, new: QueryData, count: int, added: int, dropped: int) -> QueryData:
    if new.instant:
        return new
    before: Mapping[frozenset[tuple[str, str]], Series] = {
        frozenset(one.labels.items()): one for one in (old.series if old else ())
    }
    found: list[Series] = []
    for one in new.series:
        key = frozenset(one.labels.items())
        then = before.get(key)
        past: _Row = then.values if then is not None else (None,) * count
        found.append(Series(one.labels, one.name, (*past, *one.values)[dropped:]))
    there = {frozenset(one.labels.items()) for one in new.series}
    for key, then in before.items():
        # A series that has ended stays in the picture until its last value has left it.
        rest = (*then.values, *(None,) * added)[dropped:]
        if key not in there and any(value is not None for value in rest):
            found.append(Series(then.labels, then.name, rest))
    return QueryData(new.ref, new.instant, tuple(found))
