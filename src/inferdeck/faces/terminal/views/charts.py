"""Charts of a native view: a few questions of the query API over the time that is looked at, drawn side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inferdeck.client.tiny import Client
from inferdeck.errors import InferdeckError
from inferdeck.faces.terminal.drawing.frame import Moment
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import Row, fit
from inferdeck.faces.terminal.views.layout import NARROW, WIDE, Slot
from inferdeck.faces.terminal.views.panels import Answer, boxed
from inferdeck.model.dashboard import Empty, Panel, PanelKind, Query, Threshold
from inferdeck.model.dashboard_answers import PanelData, QueryData, Series

HEIGHT = 10
LEAST, HIGHEST = 9, 22
"""Rows of a chart with its box."""
MOST_SERIES = 6
_LABEL = re.compile(r"\{\{(\w+)\}\}")
_SHARE_SECONDS = 300.0
"""A rate looks back at least so far."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One chart: PromQL in which RANGE is how far a rate looks back, and ENVIRONMENT a matcher for what is looked at.

    legend: the name of a series, with its labels in {{}}.
    """

    title: str
    expr: str
    unit: str
    legend: str = ""
    maximum: float | None = None
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, slots=True)
class Charts:
    """What came: a panel and its data for each chart, all of one moment."""

    panels: tuple[tuple[Panel, PanelData], ...]
    moment: Moment


def quoted(text: str) -> str:
    """Return a label's value as PromQL writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def ask(
    client: Client, wanted: Sequence[Wanted], end: float, range_seconds: float, points: int, environment: str = ""
) -> Charts:
    """Return the charts of a range up to `end`, Unix seconds; a question that fails says so in its own chart."""
    matcher = f"environment={quoted(environment)}" if environment else 'environment=~".*"'
    step = max(5.0, float(round(range_seconds / max(10, points))))
    end -= end % step
    start = end - step * round(range_seconds / step)
    count = round((end - start) / step) + 1
    rate = max(_SHARE_SECONDS, 2 * step)
    panels = []
    for place, one in enumerate(wanted):
        panel = _panel(one, place)
        expr = one.expr.replace("ENVIRONMENT", matcher).replace("RANGE", f"{rate:.0f}s")
        fields = {"query": expr, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.0f}"}
        try:
            found = client.prometheus("query_range", fields)["data"]["result"]
        except InferdeckError as error:
            data = PanelData(panel.id, "error", None, "missing", error=str(error).splitlines()[0])
        else:
            series = _largest([_series(result, one.legend, start, step, count) for result in found])
            data = PanelData(
                panel.id, "ok" if series else "empty", None, "measured", queries=(QueryData("A", False, series),)
            )
        panels.append((panel, data))
    return Charts(tuple(panels), Moment(start, end, step, end, rate=rate))


def _panel(one: Wanted, place: int) -> Panel:
    return Panel(
        f"chart-{place}",
        one.title,
        PanelKind.TIMESERIES,
        queries=(Query(one.expr),),
        unit=one.unit,
        minimum=0.0,
        maximum=one.maximum,
        thresholds=one.thresholds,
        empty=Empty("Nothing was measured in this time.", "t chooses a longer one."),
    )


def _series(result: Mapping[str, Any], legend: str, start: float, step: float, count: int) -> Series:
    values: list[float | None] = [None] * count
    for stamp, value in result.get("values", ()):
        place = round((float(stamp) - start) / step)
        number = float(value)
        if 0 <= place < count and number == number:
            values[place] = number
    labels = dict(result.get("metric", {}))
    name = _LABEL.sub(lambda found: str(labels.get(found.group(1), "")), legend)
    return Series(labels, name.strip(), tuple(values))


def _largest(series: Sequence[Series]) -> tuple[Series, ...]:
    """Return those that have the most, the largest first; of all others only the number would have room."""
    kept = sorted(series, key=lambda one: sum(value for value in one.values if value is not None), reverse=True)
    return tuple(kept[:MOST_SERIES])


def columns(count: int, width: int) -> int:
    """Return how many charts stand side by side, as many in each line as can be."""
    most = 1 if width < NARROW else 2 if width < WIDE else 4
    lines = -(-count // most)
    return max(1, -(-count // max(1, lines)))


def rows(charts: Charts, width: int, look: Look, height: int = HEIGHT) -> list[Row]:
    """Return the charts in boxes of one height, line under line."""
    found: list[Row] = []
    across = columns(len(charts.panels), width)
    for first in range(0, len(charts.panels), across):
        line = charts.panels[first : first + across]
        edges = [place * width // across for place in range(across + 1)]
        boxes = [
            boxed(
                Slot(panel, edges[place], 0, edges[place + 1] - edges[place], height),
                panel,
                Answer(data, charts.moment),
                look,
                selected=False,
                cursor=None,
            )
            for place, (panel, data) in enumerate(line)
        ]
        found += [fit([span for box in boxes for span in box[number]], width) for number in range(height)]
    return found
