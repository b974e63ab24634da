"""The line chart: values on a grid of time as lines or stacked areas, with axes, thresholds, events and a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from inferdeck.faces.terminal.drawing import axes, legend, scale, values
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import Picture, Row, fit, series_style, spoken, stack
from inferdeck.faces.terminal.drawing.plane import Plane, extents
from inferdeck.faces.terminal.drawing.scale import Scale
from inferdeck.model.dashboard import Threshold
from inferdeck.model.units import show

MOST_SERIES = 40
_SIGN_EVERY = 16
"""Cells between the signs that tell lines apart without colour."""
_LABEL_ROOM = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One series: a value per step of the chart's grid; None: no value, which is a gap."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Event:
    """A moment (Unix seconds), or a span of time where `until` is given, that is marked over the lines."""

    time: float
    title: str = ""
    until: float | None = None
    style: str = "strong"


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Values stand at start, start + step, … (Unix seconds). view: the range that is shown, None: all that there is; zone:
    of the times, None: this machine's; cursor: a moment whose values the legend tells; minimum, maximum: fixed ends.
    """

    lines: Sequence[Line]
    start: float
    step: float
    view: tuple[float, float] | None = None
    unit: str = "count"
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    thresholds: Sequence[Threshold] = ()
    events: Sequence[Event] = ()
    stacked: bool = False
    cursor: float | None = None
    zone: tzinfo | None = None
    legend: int | None = None
    """Rows that the legend may take, None: a third of the height."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """The part of the chart that is in view: values from place `first` on; tops: as drawn, added up where stacked."""

    chart: Chart
    lines: Sequence[Line]
    tops: Sequence[Sequence[float | None]]
    first: int
    start: float
    end: float
    real: list[float] = field(default_factory=list)


def draw(chart: Chart, width: int, height: int, look: Look | None = None) -> Picture:
    """Return the chart in exactly this size; what has no room goes: legend, then axes."""
    look = look or Look()
    shown = _shown(chart)
    below = _legend_rows(chart, shown, width, height, look)
    rows = _body(shown, width, height - len(below), look) if shown.real else [fit((("no data", "dim"),), width)]
    return spoken(stack([*rows, *below], width, height), look.glyphs)


def _shown(chart: Chart) -> _Shown:
    length = max((len(line.values) for line in chart.lines), default=0)
    end = chart.start + max(1, length - 1) * chart.step
    low, high = chart.view or (chart.start, end)
    if not high > low:
        high = low + (chart.step or 1.0)
    first = max(0, math.ceil((low - chart.start) / chart.step - 1e-6))
    last = min(length, math.floor((high - chart.start) / chart.step + 1e-6) + 1)
    cut = [Line(line.name, values.finite(line.values[first : max(first, last)])) for line in chart.lines]
    there = [line for line in cut if any(value is not None for value in line.values)]
    kept = _largest(there)
    tops = _added(kept) if chart.stacked else [line.values for line in kept]
    real = [value for top in tops for value in top if value is not None]
    return _Shown(chart, kept, tops, first, low, high, real)


def _largest(lines: list[Line]) -> list[Line]:
    """Return at most so many lines as can be drawn: those with the highest values, in their order."""
    if len(lines) <= MOST_SERIES:
        return lines
    peaks = [max(value for value in line.values if value is not None) for line in lines]
    kept = sorted(range(len(lines)), key=lambda place: -peaks[place])[:MOST_SERIES]
    return [lines[place] for place in sorted(kept)]


def _added(lines: Sequence[Line]) -> list[list[float | None]]:
    """Return each line on top of those before it; where no line has a value there is none."""
    length = max((len(line.values) for line in lines), default=0)
    below: list[float] = [0.0] * length
    found: list[list[float | None]] = []
    gap = [all(place >= len(line.values) or line.values[place] is None for line in lines) for place in range(length)]
    for line in lines:
        below = [
            under + (line.values[place] or 0.0 if place < len(line.values) else 0.0)
            for place, under in enumerate(below)
        ]
        found.append([None if missing else value for value, missing in zip(below, gap, strict=True)])
    return found


def _body(shown: _Shown, width: int, height: int, look: Look) -> list[Row]:
    """Return the plane with its axes, without the legend."""
    chart = shown.chart
    below = 0 if height < 5 or width < 16 else 1 if height < 10 else 2
    tall = max(1, height - below)
    low, high = min(shown.real), max(shown.real)
    if chart.stacked:
        low = min(0.0, low)
    found = scale.bounds(low, high, max(1, min(8, tall // 3)), chart.unit, minimum=chart.minimum, maximum=chart.maximum)
    margin = axes.margin(found, width) if height >= 3 else 0
    plane = Plane(max(1, width - margin), tall, look.glyphs)
    _draw_lines(plane, shown, found, look)
    _draw_thresholds(plane, chart, found, look)
    _draw_events(plane, shown, look)
    _draw_cursor(plane, shown, look)
    left = axes.values(found, tall, margin, look.glyphs)
    rows = [(*one, *two) for one, two in zip(left, plane.rows(), strict=True)]
    if below:
        rows += axes.times(shown.start, shown.end, plane.width, margin, below, chart.zone, look.glyphs)
    return rows


def _columns(shown: _Shown, count: int, across: int) -> list[int]:
    """Return the column of dots of every point in view."""
    per_second = (across - 1) / (shown.end - shown.start)
    step = shown.chart.step * per_second
    offset = (shown.chart.start + shown.first * shown.chart.step - shown.start) * per_second + 0.5
    found = [int(offset + place * step) for place in range(count)]
    # Ascending: only the last ones can lie beyond the edge, by rounding.
    if found and found[-1] >= across:
        found = [min(across - 1, column) for column in found]
    return found


def _draw_lines(plane: Plane, shown: _Shown, found: Scale, look: Look) -> None:
    columns = _columns(shown, max(len(top) for top in shown.tops), plane.across)
    order = range(len(shown.tops))
    floor = found.row(min(max(0.0, found.low), found.high), plane.down)
    # The lowest area is drawn last: it covers those that stand on it.
    for index in reversed(order) if shown.chart.stacked else order:
        heights = found.heights(shown.tops[index], plane.down)
        tops, bottoms = extents(columns[: len(heights)], heights, plane.across)
        if shown.chart.stacked:
            bottoms = [max(bottom, floor) if top >= 0 else -1 for top, bottom in zip(tops, bottoms, strict=True)]
            tops = [min(top, floor) if top >= 0 else -1 for top in tops]
        plane.fill(tops, bottoms, index, series_style(index))
        if not look.colour and len(order) > 1 and not shown.chart.stacked:
            _draw_signs(plane, tops, bottoms, index, look)


def _draw_signs(plane: Plane, tops: list[int], bottoms: list[int], index: int, look: Look) -> None:
    """Put the series' sign on its line every few cells, each series at its own places."""
    sign = legend.sign(index, look.glyphs)
    for cell in range((index * 5 + 2) % _SIGN_EVERY, plane.width, _SIGN_EVERY):
        dot = cell * look.glyphs.across
        if tops[dot] >= 0:
            row = (tops[dot] + bottoms[dot]) // 2 // look.glyphs.down
            plane.sign(cell, row, sign, series_style(index), over=True)


def _draw_events(plane: Plane, shown: _Shown, look: Look) -> None:
    span = shown.end - shown.start
    for event in shown.chart.events:
        if event.time > shown.end or (event.until or event.time) < shown.start:
            continue
        first = round((max(event.time, shown.start) - shown.start) / span * (plane.width - 1))
        last = round((min(event.until or event.time, shown.end) - shown.start) / span * (plane.width - 1))
        for column in range(first, last + 1):
            plane.sign(column, 0, look.glyphs.event_head if column == first else look.glyphs.bottom, event.style)
        for row in range(1, plane.height):
            plane.sign(first, row, look.glyphs.event, f"{event.style} dim")


def _draw_cursor(plane: Plane, shown: _Shown, look: Look) -> None:
    span = shown.end - shown.start
    if shown.chart.cursor is not None and shown.start <= shown.chart.cursor <= shown.end:
        column = round((shown.chart.cursor - shown.start) / span * (plane.width - 1))
        for row in range(plane.height):
            if plane.free(column, row, 1):
                plane.sign(column, row, look.glyphs.cursor, "cursor", over=True)


def _draw_thresholds(plane: Plane, chart: Chart, found: Scale, look: Look) -> None:
    for threshold in chart.thresholds:
        if not found.low < threshold.value < found.high:
            continue
        row = found.row(threshold.value, plane.down) // look.glyphs.down
        style = values.LEVEL_STYLES[threshold.level]
        text = f" {threshold.level.value} {show(chart.unit, threshold.value, decimals=chart.decimals)} "
        if plane.width >= _LABEL_ROOM and plane.free(2, row, len(text)):
            for place, letter in enumerate(text):
                plane.sign(2 + place, row, letter, style)
        plane.level(row, look.glyphs.threshold, style)


def _legend_rows(chart: Chart, shown: _Shown, width: int, height: int, look: Look) -> list[Row]:
    if height < 6 or width < 12 or not shown.real:
        return []
    low, high = min(shown.real), max(shown.real)
    note = scale.bounds(low, high, 2, chart.unit, minimum=chart.minimum, maximum=chart.maximum).note
    at = None if chart.cursor is None else round((chart.cursor - chart.start) / chart.step) - shown.first
    entries = [
        legend.Entry(line.name, index, line.values, None if at is None else _at(line.values, at))
        for index, line in enumerate(shown.lines)
    ]
    more = sum(1 for line in chart.lines if any(v is not None for v in line.values)) - len(shown.lines)
    told = legend.Told(
        unit=chart.unit,
        decimals=chart.decimals,
        cursor=chart.cursor,
        zone=chart.zone,
        more=max(0, more),
        note=note,
        currency=look.currency,
    )
    return legend.rows(entries, told, width, height // 3 if chart.legend is None else chart.legend, look.glyphs)


def _at(found: Sequence[float | None], place: int) -> float | None:
    return found[place] if 0 <= place < len(found) else None
