"""Tables and matrices: what Grafana has to do with the answers before it can show them, and how columns look."""

from __future__ import annotations

from collections.abc import Iterator

from inferdeck.dashboards.grafana import fields
from inferdeck.dashboards.grafana.references import links
from inferdeck.dashboards.grafana.sdk import dashboard
from inferdeck.model.dashboard import Column, Panel

VALUE = "Value"
TIME = "Time"


def of_table(panel: Panel) -> list[dashboard.DataTransformerConfig]:
    """Return how the answers become rows: joined over their labels, ordered, named, the moment left out."""
    found = []
    if len(panel.queries) > 1:
        found.append(dashboard.DataTransformerConfig("merge", options={}))
    if not panel.columns:
        return [*found, dashboard.DataTransformerConfig("organize", options={"excludeByName": {TIME: True}})]
    names = [field(panel, column) for column in panel.columns]
    kept = {"include": {"names": names}}
    order = {name: index for index, name in enumerate(names)}
    titles = dict(zip(names, _titles(panel), strict=True))
    organize = {"excludeByName": {}, "indexByName": order, "renameByName": titles}
    return [
        *found,
        dashboard.DataTransformerConfig("filterFieldsByName", options=kept),
        dashboard.DataTransformerConfig("organize", options=organize),
    ]


def of_matrix(panel: Panel) -> list[dashboard.DataTransformerConfig]:
    """Return how one answer becomes a matrix."""
    options = {"rowField": panel.rows_by, "columnField": panel.columns_by, "valueField": VALUE, "emptyValue": "null"}
    return [dashboard.DataTransformerConfig("groupingToMatrix", options=options)]


def field(panel: Panel, column: Column) -> str:
    """Return the name of a column's field in the joined answers: a label, or the value of a query."""
    refs = [query.ref for query in panel.queries]
    if column.key not in refs:
        return column.key
    return VALUE if len(refs) == 1 else f"{VALUE} #{column.key}"


def overrides(panel: Panel) -> list[dashboard.DashboardFieldConfigSourceOverrides]:
    """Return how each column looks."""
    found = []
    for column, title in zip(panel.columns, _titles(panel), strict=True):
        properties = list(_properties(column))
        if properties:
            matcher = dashboard.MatcherConfig("byName", title)
            found.append(dashboard.DashboardFieldConfigSourceOverrides(matcher=matcher, properties=properties))
    return found


def _properties(column: Column) -> Iterator[dashboard.DynamicConfigValue]:
    if column.unit:
        yield dashboard.DynamicConfigValue("unit", fields.unit(column))
    if column.decimals is not None:
        yield dashboard.DynamicConfigValue("decimals", column.decimals)
    if fields.coloured(column):
        yield dashboard.DynamicConfigValue("thresholds", fields.steps(column))
    if column.mappings:
        yield dashboard.DynamicConfigValue("mappings", fields.mappings(column))
    if fields.coloured(column) or any(one.level for one in column.mappings):
        yield dashboard.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})
    found = [*links(column.links, of_series=True, table=True), *links(column.links, of_series=False, table=True)]
    if found:
        yield dashboard.DynamicConfigValue("links", found)


def _titles(panel: Panel) -> list[str]:
    """Return what stands over each column; one title twice would make Grafana drop a column."""
    found: list[str] = []
    for column in panel.columns:
        title = column.title or column.key
        found.append(title if title not in found else f"{title} ({column.key})")
    return found
