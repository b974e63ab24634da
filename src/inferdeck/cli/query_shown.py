"""An answer of the query API as a table, as CSV, or as lines to draw."""

from __future__ import annotations

import csv as csv_format
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from inferdeck.cli.chart import Line
from inferdeck.cli.text import Page, coloured, columns, safe
from inferdeck.model.labels import NAME, labels, text


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
    writer = csv_format.writer(out, lineterminator="\n")
    kind, result = data.get("resultType", ""), data.get("result", [])
    if kind in ("scalar", "string"):
        writer.writerow(["time", "value"])
        writer.writerow([_time(result[0]), result[1]])
        return
    names = _label_names(result)
    writer.writerow(["time", "value", NAME, *names])
    for one in result:
        for stamp, value in one["values"] if "values" in one else [one.get("value") or one["histogram"]]:
            writer.writerow([_time(stamp), value, *_identity(one, names)])


def lines_of(data: dict[str, Any]) -> list[Line]:
    """Return the series of a range as lines, named by their labels."""
    result = data.get("result", [])
    if data.get("resultType") != "matrix":
        return []
    return [
        Line(text(labels(one["metric"])), tuple((float(stamp), float(value)) for stamp, value in one.get("values", [])))
        for one in result
    ]


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
