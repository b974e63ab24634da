"""How each kind of panel is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inferdeck.faces.terminal.drawing import bars, buckets, graph, heat, lines, states, tables, tags, values
from inferdeck.faces.terminal.drawing.frame import Frame, amounts, ends
from inferdeck.faces.terminal.drawing.picture import SERIES, Row
from inferdeck.faces.terminal.drawing.single import gauge, stat
from inferdeck.model import cells, numbers
from inferdeck.model.dashboard import Level, PanelKind

_MARK_STYLES = {Level.OK.value: "strong", Level.WARN.value: "warn", Level.CRITICAL.value: "critical"}


def _timeseries(frame: Frame) -> list[Row]:
    panel, moment = frame.panel, frame.moment
    shown = values.pairs(frame.data)
    if all(query.instant for query, _ in shown):
        return _bar(frame)
    events = [
        lines.Event(mark.time, mark.title, mark.until, _MARK_STYLES.get(mark.level, "strong")) for mark in moment.marks
    ]
    chart = lines.Chart(
        lines=[
            lines.Line(name, series.values)
            for name, (query, series) in zip(values.names(frame.data), shown, strict=True)
            if not query.instant
        ],
        start=moment.start,
        step=moment.step,
        view=moment.span(),
        unit=panel.unit,
        decimals=panel.decimals,
        minimum=panel.minimum,
        maximum=panel.maximum,
        thresholds=panel.thresholds,
        events=events,
        stacked=panel.stacked,
        cursor=moment.cursor,
        zone=moment.zone,
    )
    return list(lines.draw(chart, frame.width, frame.height, frame.look).rows)


def _bar(frame: Frame) -> list[Row]:
    shown = sorted(amounts(frame), key=lambda one: -(one.value if one.value is not None else float("-inf")))
    low, high = ends(frame, shown)
    drawn = [
        bars.Bar(one.name, None if one.value is None else (one.value - low) / (high - low), one.text, one.style)
        for one in shown
    ]
    return bars.rows(drawn, frame.width, frame.height, frame.look)


def _pie(frame: Frame) -> list[Row]:
    """Return shares as bars: a circle of characters cannot be read."""
    shown = sorted(amounts(frame), key=lambda one: -(one.value or 0.0))
    whole = sum(one.value for one in shown if one.value is not None and one.value > 0)
    drawn = []
    for place, one in enumerate(shown):
        share = one.value / whole if one.value is not None and one.value >= 0 and whole else None
        told = f"{one.text}  {cells.fit(numbers.percent(share), 6, right=True)}"
        drawn.append(bars.Bar(one.name, share, told, one.style or SERIES[place % len(SERIES)]))
    return bars.rows(drawn, frame.width, frame.height, frame.look)


def _histogram(frame: Frame) -> list[Row]:
    found = buckets.by_edges(frame.panel, frame.data)
    if not found:
        real = [value for _, series in values.pairs(frame.data) for value in series.values if value is not None]
        found = buckets.by_value(real, frame.panel.unit) if real else []
    counts = [next((value for value in reversed(one.values) if value is not None), None) for one in found]
    most = max((count for count in counts if count is not None), default=0.0)
    drawn = [
        bars.Bar(
            one.name,
            None if count is None else count / most if most > 0 else 0.0,
            cells.clean(numbers.count(count)),
            "series1",
        )
        for one, count in zip(found, counts, strict=True)
    ]
    upright = len(drawn) > frame.height and len(drawn) * 2 <= frame.width and frame.height > 2
    return (bars.columns if upright else bars.rows)(drawn, frame.width, frame.height, frame.look)


def _heatmap(frame: Frame) -> list[Row]:
    instant = all(query.instant for query in frame.data.queries)
    found = buckets.joined(buckets.by_edges(frame.panel, frame.data), heat.room(frame.height, timed=not instant))
    # The largest bucket stands on top, as on every axis.
    bands = [heat.Band(one.name, one.values) for one in reversed(found)]
    if not found:
        bands = [
            heat.Band(name, series.values)
            for name, (_, series) in zip(values.names(frame.data), values.pairs(frame.data), strict=True)
        ]
    real = [value for band in bands for value in band.values if value is not None]
    edges = tuple(values.text(frame.panel, end, currency=frame.look.currency) for end in (0.0, max(real, default=0.0)))
    return heat.draw(
        bands,
        (edges[0], edges[1]),
        frame.width,
        frame.height,
        frame.look,
        span=None if instant else (frame.moment.start, frame.moment.end),
        zone=frame.moment.zone,
    )


def _table(frame: Frame) -> list[Row]:
    columns, rows = tables.table(frame.panel, frame.data, frame.look)
    return tables.drawn(columns, rows, frame.width, frame.height, frame.look)


def _matrix(frame: Frame) -> list[Row]:
    columns, rows = tables.matrix(frame.panel, frame.data, frame.look)
    return tables.drawn(columns, rows, frame.width, frame.height, frame.look)


def _state_timeline(frame: Frame) -> list[Row]:
    panel = frame.panel
    tracks = []
    for name, (_, series) in zip(values.names(frame.data), values.pairs(frame.data), strict=True):
        found = [
            None if value is None else states.State(values.text(panel, value), values.meaning(panel, value))
            for value in series.values
        ]
        tracks.append(states.Track(name, found))
    instant = all(query.instant for query in frame.data.queries)
    span = None if instant else (frame.moment.start, frame.moment.end)
    return states.draw(tracks, frame.width, frame.height, frame.look, span=span, zone=frame.moment.zone)


def _tagcloud(frame: Frame) -> list[Row]:
    found = [tags.Tag(one.name, one.value, one.text) for one in amounts(frame) if one.value is not None]
    return tags.draw(found, frame.width, frame.height)


def _graph(frame: Frame) -> list[Row]:
    """Return ways between values of labels: rows_by to columns_by, else source to target, else the first two."""
    panel = frame.panel
    edges = []
    for _, series in values.pairs(frame.data):
        given = [name for name in series.labels if not name.startswith("__")]
        by = (panel.rows_by, panel.columns_by) if panel.rows_by else ("source", "target")
        if not all(end in series.labels for end in by):
            by = (given[0], given[1]) if len(given) > 1 else (given[0], given[0]) if given else ("", "")
        value = values.latest(series)
        style = values.style(panel, value) or ("dim" if not value else "")
        text = values.text(panel, value, currency=frame.look.currency)
        edges.append(graph.Edge(series.labels.get(by[0], ""), series.labels.get(by[1], ""), text, style))
    return graph.draw(edges, frame.width, frame.height, frame.look.glyphs)


KINDS: Mapping[PanelKind, Callable[[Frame], list[Row]]] = {
    PanelKind.STAT: stat,
    PanelKind.GAUGE: gauge,
    PanelKind.TIMESERIES: _timeseries,
    PanelKind.BAR: _bar,
    PanelKind.PIE: _pie,
    PanelKind.HISTOGRAM: _histogram,
    PanelKind.HEATMAP: _heatmap,
    PanelKind.TABLE: _table,
    PanelKind.MATRIX: _matrix,
    PanelKind.STATE_TIMELINE: _state_timeline,
    PanelKind.TAGCLOUD: _tagcloud,
    PanelKind.GRAPH: _graph,
}
