"""A dashboard's data for people, as a picture of its panels; and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

from inferdeck.dashboards.interpolation import fill_plain
from inferdeck.faces.terminal.drawing import page
from inferdeck.faces.terminal.drawing.frame import Moment
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import Picture, blank, fit, sides, spoken
from inferdeck.model import numbers
from inferdeck.model.cells import clean
from inferdeck.model.csv_form import Writer
from inferdeck.model.dashboard import Dashboard
from inferdeck.model.dashboard_answers import DashboardData
from inferdeck.model.ticks import local

MOST_MARKS = 5


def text(dashboard: Dashboard, data: DashboardData, columns: int, look: Look) -> Picture:
    """Return everything as one picture, in the order of the definition."""
    words = {name: (_values(values),) for name, values in data.variables.items()}
    chosen = " ".join(f"{name}={_values(values)}" for name, values in data.variables.items())
    moment = Moment.of(data)
    ends = [local(one) for one in (data.start, data.end)]
    span = f"{ends[0]:%Y-%m-%d %H:%M} to {ends[1]:%Y-%m-%d %H:%M %Z}, every {numbers.seconds(data.step)}"
    head = [sides(((clean(dashboard.title), "title"),), ((span, "dim"),), columns)]
    if chosen:
        head.append(fit(((clean(chosen), "dim"),), columns))
    shown = {panel.id: panel for panel in data.panels}
    body = page.draw(dashboard.rows, shown, moment, columns, look, filled=lambda title: fill_plain(title, words))
    tail = [
        fit(((f"{local(mark.time):%Y-%m-%d %H:%M:%S}  {clean(f'{mark.title} {mark.text}')}", "dim"),), columns)
        for mark in data.marks[-MOST_MARKS:]
    ]
    return spoken(Picture((*head, blank(columns), *body.rows, *tail), columns), look.glyphs)


def csv(dashboard: Dashboard, data: DashboardData, out: TextIO) -> None:
    """Write one row per value: panel, query, series, time (RFC 3339), value; missing values are left out."""
    writer = Writer(out)
    writer.row(["dashboard", "panel", "query", "series", "time", "value"])
    for panel in data.panels:
        for query in panel.queries:
            for series in query.series:
                for place, value in enumerate(series.values):
                    moment = data.at if query.instant else data.start + place * data.step
                    if value is not None:
                        writer.row([dashboard.uid, panel.id, query.ref, series.name, _time(moment), value])


def _values(values: Sequence[str]) -> str:
    return ",".join("All" if value == "$__all" else value for value in values) or "-"


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
