"""The questions of a panel as Grafana asks them."""

from __future__ import annotations

import re

from inferdeck.dashboards.grafana import selectors, units
from inferdeck.dashboards.grafana.references import source
from inferdeck.dashboards.grafana.sdk import prometheus
from inferdeck.model.dashboard import Panel, PanelKind, Query

TABLES = frozenset({PanelKind.TABLE, PanelKind.MATRIX, PanelKind.ALERTS})
NOW = frozenset({*TABLES, PanelKind.PIE, PanelKind.TAGCLOUD})
"""Kinds that show one moment whatever their queries say."""
_LE = re.compile(r"\bby\s*\([^)]*\ble\b[^)]*\)")


def targets(panel: Panel, *, cluster: bool) -> list[prometheus.Dataquery]:
    """Return the panel's questions; cluster: every selector is narrowed to the chosen clusters."""
    return [_target(panel, query, cluster=cluster) for query in panel.queries]


def by_buckets(panel: Panel) -> bool:
    """Tell whether the panel's series are the buckets of a histogram."""
    return bool(panel.queries) and all(_LE.search(query.expr) for query in panel.queries)


def _target(panel: Panel, query: Query, *, cluster: bool) -> prometheus.Dataquery:
    expr = selectors.narrowed(query.expr, selectors.CLUSTER) if cluster else query.expr
    if _unit(panel, query) in units.MILLISECONDS:
        expr = f"1000 * ({expr})"
    instant = query.instant or panel.kind in NOW
    return prometheus.Dataquery(
        datasource=source(),
        editor_mode=prometheus.QueryEditorMode.CODE,
        expr=expr,
        format_val=_format(panel),
        instant=instant,
        range_val=not instant,
        legend_format=query.legend or "__auto",
        ref_id=query.ref,
    )


def _format(panel: Panel) -> prometheus.PromQueryFormat:
    if panel.kind in TABLES:
        return prometheus.PromQueryFormat.TABLE
    if panel.kind in (PanelKind.HEATMAP, PanelKind.HISTOGRAM) and by_buckets(panel):
        return prometheus.PromQueryFormat.HEATMAP
    return prometheus.PromQueryFormat.TIME_SERIES


def _unit(panel: Panel, query: Query) -> str:
    """Return the unit in which this query's numbers are shown."""
    if panel.kind is not PanelKind.TABLE:
        return panel.unit
    return next((column.unit for column in panel.columns if column.key == query.ref and column.unit), panel.unit)
