"""Our kinds of panels as Grafana's: which of its panels draws each, and with which options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from inferdeck.dashboards.grafana import fields, tables, targets, words
from inferdeck.dashboards.grafana.references import links, source
from inferdeck.dashboards.grafana.sdk import (
    bargauge,
    common,
    dashboard,
    gauge,
    heatmap,
    histogram,
    piechart,
    stat,
    statetimeline,
    table,
    text,
    timeseries,
)
from inferdeck.model.dashboard import Panel, PanelKind, Place, Query

ALERTS = 'ALERTS{alertstate="firing"}'
"""What a Prometheus with our rules says of them; Grafana shows it where inferdeck's own alerts are meant."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A panel type of Grafana with its options and what belongs to every field."""

    type: str
    options: object
    custom: object = None
    transformations: tuple[dashboard.DataTransformerConfig, ...] = ()


def model(panel: Panel, number: int, place: Place, *, cluster: bool) -> dashboard.Panel:
    """Return a panel of Grafana; number: its id, unique in the dashboard and at least 1."""
    if panel.kind is PanelKind.ALERTS:
        panel = replace(panel, queries=(Query(ALERTS, instant=True),))
    drawn = _drawn(panel)
    made = dashboard.Panel(
        type_val=drawn.type,
        id_val=number,
        title=panel.title,
        description=words.description(panel) or None,
        grid_pos=dashboard.GridPos(place.height, place.width, place.x, place.y),
        options=drawn.options,
    )
    if drawn.type == "text":
        return made
    made.datasource = source()
    made.targets = list(targets.targets(panel, cluster=cluster))
    made.field_config = _fields(panel, drawn)
    made.transformations = list(drawn.transformations) or None
    made.links = links(panel.links, of_series=False) or None
    return made


def _drawn(panel: Panel) -> _Drawn:
    if not panel.queries:
        return _Drawn("text", text.Options(mode=text.TextMode.MARKDOWN, content=words.instead(panel)))
    return _KINDS.get(panel.kind, _timeseries)(panel)


def _fields(panel: Panel, drawn: _Drawn) -> dashboard.FieldConfigSource:
    wide = panel.kind in targets.TABLES
    below = fields.CLEAR if drawn.type == "timeseries" else fields.NO_COLOUR
    scale = 1000 if fields.unit(panel) == "dateTimeAsIso" else 1
    defaults = dashboard.FieldConfig(
        unit=fields.unit(panel) if panel.unit or not wide else None,
        decimals=panel.decimals,
        min_val=None if panel.minimum is None else panel.minimum * scale,
        max_val=None if panel.maximum is None else panel.maximum * scale,
        mappings=fields.mappings(panel) or None,
        thresholds=fields.steps(panel, below),
        color=_colour(panel, drawn),
        links=links(panel.links, of_series=True, table=wide) or None,
        # In a table it would stand in every empty cell.
        no_value=None if wide or not panel.empty.reason else panel.empty.reason,
        custom=drawn.custom,
    )
    return dashboard.FieldConfigSource(defaults, tables.overrides(panel) if panel.kind is PanelKind.TABLE else [])


def _colour(panel: Panel, drawn: _Drawn) -> dashboard.FieldColor:
    palette = drawn.type in ("timeseries", "piechart", "histogram")
    if palette or (drawn.type == "bargauge" and not fields.coloured(panel)):
        return dashboard.FieldColor(dashboard.FieldColorModeId.PALETTE_CLASSIC)
    return dashboard.FieldColor(dashboard.FieldColorModeId.THRESHOLDS)


def _last(calculation: str = "lastNotNull") -> common.ReduceDataOptions:
    return common.ReduceDataOptions(values=False, calcs=[calculation], fields="")


def _stat(panel: Panel) -> _Drawn:
    meaning = fields.coloured(panel) or any(one.level for one in panel.mappings)
    ranged = any(not query.instant for query in panel.queries)
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.AREA if ranged else common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.VALUE if meaning else common.BigValueColorMode.NONE,
        justify_mode=common.BigValueJustifyMode.AUTO,
        text_mode=common.BigValueTextMode.AUTO,
        reduce_options=_last(),
        orientation=common.VizOrientation.AUTO,
    )
    return _Drawn("stat", options)


def _gauge(_panel: Panel) -> _Drawn:
    options = gauge.Options(reduce_options=_last(), orientation=common.VizOrientation.AUTO)
    return _Drawn("gauge", options)


def _legend() -> common.VizLegendOptions:
    bottom = common.LegendPlacement.BOTTOM
    return common.VizLegendOptions(common.LegendDisplayMode.LIST, bottom, show_legend=True, calcs=[])


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions(common.TooltipDisplayMode.MULTI, common.SortOrder.DESCENDING)


def _timeseries(panel: Panel, style: common.GraphDrawStyle = common.GraphDrawStyle.LINE) -> _Drawn:
    stacked = common.StackingMode.NORMAL if panel.stacked else common.StackingMode.NONE
    lines = common.GraphThresholdsStyleMode.DASHED if panel.thresholds else common.GraphThresholdsStyleMode.OFF
    bars = style is common.GraphDrawStyle.BARS
    custom = common.GraphFieldConfig(
        draw_style=style,
        line_width=1,
        fill_opacity=60 if bars else 25 if panel.stacked else 10,
        show_points=common.VisibilityMode.AUTO,
        # A hole stays a hole: nothing was measured there.
        span_nulls=False,
        stacking=common.StackingConfig(stacked, "A"),
        thresholds_style=common.GraphThresholdsStyleConfig(lines),
    )
    return _Drawn("timeseries", timeseries.Options(legend=_legend(), tooltip=_tooltip()), custom)


def _bar(panel: Panel) -> _Drawn:
    if any(not query.instant for query in panel.queries):
        return _timeseries(panel, common.GraphDrawStyle.BARS)
    return _bars(panel)


def _bars(_panel: Panel) -> _Drawn:
    options = bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.COLOR,
        reduce_options=_last(),
        orientation=common.VizOrientation.HORIZONTAL,
    )
    return _Drawn("bargauge", options)


def _pie(_panel: Panel) -> _Drawn:
    legend = piechart.PieChartLegendOptions(
        values=[piechart.PieChartLegendValues.VALUE, piechart.PieChartLegendValues.PERCENT],
        display_mode=common.LegendDisplayMode.TABLE,
        placement=common.LegendPlacement.RIGHT,
        show_legend=True,
        calcs=[],
    )
    single = common.VizTooltipOptions(common.TooltipDisplayMode.SINGLE, common.SortOrder.NONE)
    options = piechart.Options(piechart.PieChartType.PIE, [], single, _last(), legend=legend)
    return _Drawn("piechart", options)


def _histogram(panel: Panel) -> _Drawn:
    # Buckets that were counted already are one bar each; values are counted by Grafana.
    if targets.by_buckets(panel):
        return _bars(panel)
    return _Drawn("histogram", histogram.Options(legend=_legend(), tooltip=_tooltip()), histogram.FieldConfig())


def _heatmap(panel: Panel) -> _Drawn:
    axis = heatmap.YAxisConfig(unit=fields.unit(panel), decimals=panel.decimals)
    options = heatmap.Options(
        calculate=not targets.by_buckets(panel),
        color=heatmap.HeatmapColorOptions(
            mode=heatmap.HeatmapColorMode.SCHEME, scheme="Oranges", fill="dark-orange", exponent=0.5, steps=64
        ),
        y_axis=axis,
        legend=heatmap.HeatmapLegend(show=True),
        tooltip=heatmap.HeatmapTooltip(mode=common.TooltipDisplayMode.SINGLE, y_histogram=False),
        cell_gap=1,
    )
    return _Drawn("heatmap", options)


def _table(panel: Panel) -> _Drawn:
    found = tables.of_matrix(panel) if panel.kind is PanelKind.MATRIX else tables.of_table(panel)
    marked = panel.kind is PanelKind.MATRIX and (fields.coloured(panel) or any(one.level for one in panel.mappings))
    cells = {"type": "color-background" if marked else "auto"}
    options = table.Options(show_header=True, cell_height=common.TableCellHeight.SM)
    custom = {"align": "auto", "inspect": False, "filterable": True, "cellOptions": cells}
    return _Drawn("table", options, custom, tuple(found))


def _states(_panel: Panel) -> _Drawn:
    options = statetimeline.Options(
        show_value=common.VisibilityMode.AUTO, legend=_legend(), tooltip=_tooltip(), merge_values=True
    )
    return _Drawn("state-timeline", options, statetimeline.FieldConfig(span_nulls=False))


_KINDS: dict[PanelKind, Callable[[Panel], _Drawn]] = {
    PanelKind.STAT: _stat,
    PanelKind.GAUGE: _gauge,
    PanelKind.TIMESERIES: _timeseries,
    PanelKind.BAR: _bar,
    PanelKind.PIE: _pie,
    PanelKind.HISTOGRAM: _histogram,
    PanelKind.HEATMAP: _heatmap,
    PanelKind.TABLE: _table,
    PanelKind.MATRIX: _table,
    PanelKind.ALERTS: _table,
    PanelKind.STATE_TIMELINE: _states,
    PanelKind.TAGCLOUD: _bars,
    PanelKind.GRAPH: _table,
}
