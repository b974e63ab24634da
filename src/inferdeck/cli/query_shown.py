"""An answer of the query API as a table, as CSV, or as a chart."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from inferdeck.cli.text import Page, coloured, columns, safe
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.lines import MOST_SERIES, Chart, Line, draw
from inferdeck.faces.terminal.drawing.picture import Picture, trimmed
from inferdeck.model.csv_form import Writer
from inferdeck.model.labels import NAME, labels, text

CHART_ROWS = 18
"""Rows of a chart with its axes, without the legend."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The steps of a range: Unix seconds and seconds."""

    start: float
    end: float
    step: float

    @property
    def count(self) -> int:
        """How many steps there are."""
        return math.floor((self.end - self.start) / self.step + 1e-6) + 1


def table(data: dict[str, Any]) -> str:
    """Return the answer for people: one row per series, labels in columns; of a range its extremes."""
    page = Page(columns(), colour=coloured(sys.stdout))
    kind, result = data.get("resultType", ""), data.get("result", [])
    if kind in ("scalar", "string"):
        page.line(str(result[1]))
        return page.text()
    if not result:
        page.line("no data", "dim")
        return page.text()
    names = _label_names(result)
    heads = ["METRIC", *[safe(name) for name in names]]
    if kind == "vector":
        rows = [[*_identity(one, names), _value(one)] for one in result]
        page.table([*heads, "VALUE"], rows, right="VALUE")
    else:
        rows = [[*_identity(one, names), *_summary(one)] for one in result]
        page.table([*heads, "POINTS", "MIN", "MAX", "LAST"], rows, right="POINTS MIN MAX LAST")
    return page.text()


def csv(data: dict[str, Any], out: TextIO) -> None:
    """Write one row per sample: time (RFC 3339), value, metric name and labels."""
    writer = Writer(out)
    kind, result = data.get("resultType", ""), data.get("result", [])
    if kind in ("scalar", "string"):
        writer.row(["time", "value"])
        writer.row([_time(result[0]), result[1]])
        return
    names = _label_names(result)
    writer.row(["time", "value", NAME, *names])
    for one in result:
        for stamp, value in one["values"] if "values" in one else [one.get("value") or one["histogram"]]:
            writer.row([_time(stamp), value, *_identity(one, names)])


def chart(data: dict[str, Any], grid: Grid, columns: int, look: Look) -> Picture:
    """Return the series of a range as a chart, each named by its labels; a legend row for each."""
    result = data.get("result", []) if data.get("resultType") == "matrix" else []
    found = [Line(text(labels(one["metric"])), _on_grid(one.get("values", []), grid)) for one in result]
    legend = min(MOST_SERIES, len(found)) + 2
    drawn = Chart(found, grid.start, grid.step, (grid.start, grid.end), legend=legend)
    return trimmed(draw(drawn, columns, CHART_ROWS + legend, look))


def _on_grid(values: list[tuple[float, str]], grid: Grid) -> list[float | None]:
    """Return a value for each step of the grid, None where the answer has none."""
    found: list[float | None] = [None] * grid.count
    for stamp, value in values:
        place = round((float(stamp) - grid.start) / grid.step)
        if 0 <= place < len(found):
            found[place] = float(value)
    return found


def _label_names(result: list[dict[str, Any]]) -> list[str]:
    return sorted({name for one in result for name in one["metric"]} - {NAME})


def _identity(one: dict[str, Any], names: list[str]) -> list[str]:
    metric = one["metric"]
    return [metric.get(NAME, ""), *[metric.get(name, "") for name in names]]


def _value(one: dict[str, Any]) -> str:
    return str(one["value"][1]) if "value" in one else "(native histogram)"


def _summary(one: dict[str, Any]) -> list[str]:
    points = one.get("values", [])
    if not points:
        return [str(len(one.get("histograms", []))), "", "", "(native histogram)"]
    numbers = [float(value) for _, value in points]
    real = [value for value in numbers if value == value]
    low, high = (f"{min(real):g}", f"{max(real):g}") if real else ("NaN", "NaN")
    return [str(len(points)), low, high, str(points[-1][1])]


def _time(stamp: float) -> str:
    return datetime.fromtimestamp(stamp, UTC).isoformat().replace("+00:00", "Z")
