"""A dashboard as Grafana's classic JSON (schema version 42), which every Grafana imports and provisions.

What breaks imports is not in it: no id, no uid of a data source and no `__inputs` (a variable `datasource` stands for
it), no library panels, no panel id twice or 0.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from inferdeck.dashboards.grafana import panels, references, selectors, variables
from inferdeck.dashboards.grafana.fields import COLOURS
from inferdeck.dashboards.grafana.sdk import dashboard
from inferdeck.model.dashboard import COLUMNS, Annotation, Dashboard, Link, Row, places

ROW_HEIGHT = 1


def classic(one: Dashboard, *, cluster: bool = False) -> dict[str, Any]:
    """Return Grafana's classic model as plain JSON values; the same definition always gives the same.

    cluster: adds a variable of that name, and narrows every question to it.
    """
    made = dashboard.Dashboard(
        uid=references.uid(one.uid),
        title=one.title,
        description=one.description or None,
        tags=[references.TAG, *(tag for tag in one.tags if tag != references.TAG)],
        time=dashboard.DashboardDashboardTime(f"now-{one.range}", "now"),
        refresh=one.refresh,
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        panels=_panels(one.rows, cluster=cluster),
        templating=dashboard.DashboardDashboardTemplating(variables.models(one, cluster=cluster)),
        annotations=dashboard.AnnotationContainer([_annotation(mark, cluster=cluster) for mark in one.annotations]),
        links=[_others(), *(_link(link) for link in one.links if not link.view)],
    )
    found: dict[str, Any] = json.loads(json.dumps(made, cls=JSONEncoder, allow_nan=False))
    for held in (found["annotations"]["list"], found["links"], *_links_of(found["panels"])):
        for entry in held:
            # The SDK hides every link and annotation in a menu.
            entry.pop("placement", None)
    return found


def wrapped(found: dict[str, Any]) -> dict[str, Any]:
    """Return the form that Grafana's API takes (POST /api/dashboards/db), which neither import nor provisioning do."""
    return {"dashboard": {"id": None, **found}, "overwrite": True, "message": "inferdeck grafana export"}


def text(found: dict[str, Any]) -> str:
    """Return JSON as a file, the same for the same values."""
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _panels(rows: tuple[Row, ...], *, cluster: bool) -> list[dashboard.Panel | dashboard.RowPanel]:
    found: list[dashboard.Panel | dashboard.RowPanel] = []
    numbers, y = count(1), 0
    for row in rows:
        heading = bool(row.title) or row.collapsed
        head = dashboard.RowPanel(
            collapsed=row.collapsed,
            title=row.title,
            grid_pos=dashboard.GridPos(ROW_HEIGHT, COLUMNS, 0, y),
            id_val=next(numbers) if heading else 0,
        )
        y += ROW_HEIGHT if heading else 0
        inside, height = [], 0
        for panel, place in zip(row.panels, places(row.panels), strict=True):
            made = panels.model(panel, next(numbers), place, cluster=cluster)
            assert made.grid_pos is not None  # noqa: S101
            made.grid_pos.y += y
            height = max(height, place.y + place.height)
            inside.append(made)
        if row.collapsed:
            head.panels = inside
            found.append(head)
            continue
        found += [head, *inside] if heading else inside
        y += height
    return found


def _annotation(mark: Annotation, *, cluster: bool) -> dashboard.AnnotationQuery:
    expr = selectors.narrowed(mark.query, selectors.CLUSTER) if cluster else mark.query
    return dashboard.AnnotationQuery(
        name=mark.name,
        datasource=references.source(),
        enable=True,
        icon_color=COLOURS[mark.level],
        # Grafana takes the value for milliseconds.
        expr=f"1000 * ({expr})" if mark.value_is_time else expr,
        title_format=mark.title or mark.name,
        text_format=mark.text,
        step="60s",
        use_value_for_time=mark.value_is_time,
    )


def _others() -> dashboard.DashboardLink:
    """Return the menu of all dashboards of ours."""
    return dashboard.DashboardLink(
        title="inferdeck",
        type_val=dashboard.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=[references.TAG],
        as_dropdown=True,
        include_vars=True,
        keep_time=True,
    )


def _link(link: Link) -> dashboard.DashboardLink:
    made = [*references.links((link,), of_series=False), *references.links((link,), of_series=True)][0]
    made.icon = "dashboard" if link.dashboard else "external link"
    return made


def _links_of(found: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return all lists of links in these panels and in those of their rows."""
    lists = []
    for panel in found:
        lists.append(panel.get("links", []))
        source = panel.get("fieldConfig", {})
        lists.append(source.get("defaults", {}).get("links", []))
        for override in source.get("overrides", []):
            lists += [entry["value"] for entry in override["properties"] if entry["id"] == "links"]
        lists += _links_of(panel.get("panels", []))
    return lists
