"""A dashboard's data as text for people: stats on a line, everything else as a table of its series; and as CSV."""

from __future__ import annotations

import csv as csv_format
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TextIO

from inferdeck.cli.text import Cell, Page
from inferdeck.dashboards.interpolation import fill_plain
from inferdeck.model import numbers
from inferdeck.model.dashboard import Column, Dashboard, Level, Panel, PanelKind, ValueMapping, level
from inferdeck.model.dashboard_answers import DashboardData, PanelData, QueryData, Series
from inferdeck.model.units import show

MOST_ROWS = 15
SPARKS = "▁▂▃▄▅▆▇█"
SPARK_COLUMNS = 24
STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.CRITICAL: "red"}
_WORDS = {Level.OK: "ok", Level.WARN: "warn", Level.CRITICAL: "critical"}
_NATIVE = {
    PanelKind.LOGS: "inferdeck events and inferdeck logs",
    PanelKind.ROUTES: "inferdeck routes",
    PanelKind.CATALOG: "inferdeck models",
}


def text(page: Page, dashboard: Dashboard, data: DashboardData) -> None:
    """Add everything to the page, in the order of the definition."""
    span = f"{_time(data.start)} to {_time(data.end)}, every {numbers.seconds(data.step)}"
    chosen = " ".join(f"{name}={_values(values)}" for name, values in data.variables.items())
    page.section(dashboard.title, span)
    if chosen:
        page.line(chosen, "dim")
    words = {name: (_values(values),) for name, values in data.variables.items()}
    shown = {panel.id: panel for panel in data.panels}
    for row in dashboard.rows:
        there = [(panel, shown[panel.id]) for panel in row.panels if panel.id in shown]
        if there and row.title:
            page.section(fill_plain(row.title, words))
        for panel, found in there:
            _panel(page, replace(panel, title=found.title or panel.title), found, data)
    for mark in data.marks[-5:]:
        page.line(f"{_time(mark.time)}  {mark.title} {mark.text}", "dim")


def csv(dashboard: Dashboard, data: DashboardData, out: TextIO) -> None:
    """Write one row per value: panel, query, series, time (RFC 3339), value; missing values are left out."""
    writer = csv_format.writer(out, lineterminator="\n")
    writer.writerow(["dashboard", "panel", "query", "series", "time", "value"])
    for panel in data.panels:
        for query in panel.queries:
            for series in query.series:
                for place, value in enumerate(series.values):
                    moment = data.at if query.instant else data.start + place * data.step
                    if value is not None:
                        row = [dashboard.uid, panel.id, query.ref, series.name, _time(moment), repr(value)]
                        writer.writerow(row)


def latest(series: Series) -> float | None:
    """Return the newest value."""
    return next((value for value in reversed(series.values) if value is not None), None)


def _panel(page: Page, panel: Panel, found: PanelData, data: DashboardData) -> None:
    if found.status == "text":
        page.line(panel.title)
        page.wrapped(panel.content, "  ", "dim")
        return
    remark = _remark(panel, found)
    if remark:
        page.line(f"{panel.title}: {remark}", "red" if found.status == "error" else "dim")
        return
    series = [(query, one) for query in found.queries for one in query.series]
    if panel.kind in (PanelKind.STAT, PanelKind.GAUGE) and len(series) == 1:
        value, name = latest(series[0][1]), series[0][1].name
        line = f"{panel.title}: {shown_value(panel, value)}{_word(panel, value)}"
        spark = "" if series[0][0].instant else f"  {sparks(series[0][1].values)}"
        page.line(f"{line}  {name if name != panel.title else ''}{spark}".rstrip(), _style(panel, value))
    elif panel.kind is PanelKind.TABLE:
        page.line(panel.title, "bold")
        _table(page, panel, found.queries)
    elif panel.kind is PanelKind.MATRIX:
        page.line(panel.title, "bold")
        _matrix(page, panel, [one for _, one in series])
    else:
        page.line(panel.title, "bold")
        _series(page, panel, series)
    for warning in found.warnings:
        page.wrapped(f"! {warning}", "  ", "yellow")
    if found.quality == "stale":
        page.line(f"  the newest value is {numbers.seconds(found.age)} old", "yellow")


def _remark(panel: Panel, found: PanelData) -> str:
    """Return what stands for a panel that has nothing to draw, "" for one that has."""
    if found.status == "error":
        return f"{found.error}; {found.next}" if found.next else found.error
    if found.status == "needs":
        return f"{panel.empty.reason} {panel.empty.next}".strip() or f"needs {found.needs}"
    if found.status == "empty":
        return f"{panel.empty.reason} {panel.empty.next}".strip() or "no data"
    if found.status == "native":
        return f"see {_NATIVE.get(panel.kind, f'/api/{found.question}')}"
    return ""


def _series(page: Page, panel: Panel, series: Sequence[tuple[QueryData, Series]]) -> None:
    rows: list[list[Cell | str]] = []
    for query, one in sorted(series, key=lambda pair: -(latest(pair[1]) or 0.0))[:MOST_ROWS]:
        real = [value for value in one.values if value is not None]
        last = latest(one)
        spark = "" if query.instant else sparks(one.values)
        edges = ("", "") if query.instant else tuple(shown_value(panel, edge) for edge in _edges(real))
        rows.append([f"  {one.name or query.ref}", Cell(shown_value(panel, last), _style(panel, last)), *edges, spark])
    page.table(("  SERIES", "LAST", "MIN", "MAX", "TREND"), rows, right="LAST MIN MAX", spare="TREND MIN MAX")
    if len(series) > MOST_ROWS:
        page.line(f"  and {len(series) - MOST_ROWS} more", "dim")


def _edges(real: Sequence[float]) -> tuple[float | None, float | None]:
    return (min(real), max(real)) if real else (None, None)


def _table(page: Page, panel: Panel, queries: Sequence[QueryData]) -> None:
    keys = [column.key for column in panel.columns]
    refs = {query.ref for query in queries}
    if not keys:
        labels = dict.fromkeys(name for query in queries for one in query.series for name in one.labels)
        keys = [*(name for name in labels if name != "__name__"), *refs]
    lines: dict[tuple[str, ...], dict[str, str | Cell]] = {}
    for query in queries:
        for one in query.series:
            joined = panel.join or tuple(sorted(one.labels))
            row = lines.setdefault(tuple(one.labels.get(name, "") for name in joined), {})
            for name, value in one.labels.items():
                row.setdefault(name, value)
            found = latest(one)
            column = next((column for column in panel.columns if column.key == query.ref), None)
            row[query.ref] = Cell(shown_value(panel, found, column), _style(panel, found, column))
    titles = {column.key: column.title or column.key for column in panel.columns}
    heads = [titles.get(key, key).upper() for key in keys]
    missing = {key: numbers.MISSING if key in refs else "" for key in keys}
    rows: list[list[Cell | str]] = [[row.get(key, missing[key]) for key in keys] for row in lines.values()]
    page.table(heads, rows[:MOST_ROWS], right=" ".join(titles.get(ref, ref).upper() for ref in refs))
    if len(rows) > MOST_ROWS:
        page.line(f"and {len(rows) - MOST_ROWS} more", "dim")


def _matrix(page: Page, panel: Panel, series: Sequence[Series]) -> None:
    heads = list(dict.fromkeys(one.labels.get(panel.columns_by, "") for one in series))
    lines: dict[str, dict[str, Cell]] = {}
    for one in series:
        value = latest(one)
        cell = Cell(shown_value(panel, value), _style(panel, value))
        lines.setdefault(one.labels.get(panel.rows_by, ""), {})[one.labels.get(panel.columns_by, "")] = cell
    rows: list[list[Cell | str]] = [
        [f"  {name}", *(row.get(head, Cell(numbers.MISSING)) for head in heads)] for name, row in lines.items()
    ]
    page.table((f"  {panel.rows_by.upper()}", *heads), rows[:MOST_ROWS])


def shown_value(panel: Panel, value: float | None, column: Column | None = None) -> str:
    """Return a value as the panel or one of its columns shows it: as a mapped word, or in its unit."""
    mapped = _mapped(column.mappings if column else panel.mappings, value)
    if mapped is not None:
        return mapped.text
    unit = (column.unit if column else "") or panel.unit
    return show(unit, value, decimals=column.decimals if column else panel.decimals)


def _mapped(mappings: Sequence[ValueMapping], value: float | None) -> ValueMapping | None:
    return next((one for one in mappings if one.value == value), None)


def _level(panel: Panel, value: float | None, column: Column | None = None) -> Level | None:
    mapped = _mapped(column.mappings if column else panel.mappings, value)
    if mapped is not None and mapped.level is not None:
        return mapped.level
    return level(value, column.base, column.thresholds) if column else level(value, panel.base, panel.thresholds)


def _style(panel: Panel, value: float | None, column: Column | None = None) -> str:
    found = _level(panel, value, column)
    return STYLES[found] if found else ""


def _word(panel: Panel, value: float | None) -> str:
    """Colour never says something alone."""
    found = _level(panel, value)
    return f" ({_WORDS[found]})" if found and panel.thresholds else ""


def sparks(values: Sequence[float | None], width: int = SPARK_COLUMNS) -> str:
    """Return the values as a line of bars, a blank where there is none; of several in one place the largest."""
    if not values:
        return ""
    size = max(1, -(-len(values) // width))
    parts = [values[place : place + size] for place in range(0, len(values), size)]
    peaks = [max((value for value in part if value is not None), default=None) for part in parts]
    real = [peak for peak in peaks if peak is not None]
    if not real:
        return ""
    low, high = min(0.0, *real), max(0.0, *real)
    scale = (len(SPARKS) - 1) / ((high - low) or 1.0)
    return "".join(" " if peak is None else SPARKS[round((peak - low) * scale)] for peak in peaks)


def _values(values: Sequence[str]) -> str:
    return ",".join("All" if value == "$__all" else value for value in values) or "-"


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
