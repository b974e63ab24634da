"""Exports: what Grafana's schemas and our own rules want, the same each time, and hostile words that stay words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inferdeck.dashboards import loader
from inferdeck.dashboards.grafana import bundle, export, references, structure
from inferdeck.model.dashboard import (
    ALL,
    Annotation,
    Column,
    Dashboard,
    Empty,
    Level,
    Link,
    Need,
    Option,
    Panel,
    PanelKind,
    Query,
    Row,
    Threshold,
    ValueMapping,
    Variable,
    VariableKind,
)

SCHEMAS = Path(__file__).parents[5] / "shared" / "grafana-schema"
RATE = 'sum by (model) (rate(llm_requests_total{model=~"$model"}[$__rate_interval]))'
HOSTILE = "</script><img src=x onerror=alert(1)> $(id) `id` {{x}} \"'\\ \n ${datasource} é\u202e\x07"


def panel(kind: PanelKind, **changes: Any) -> Panel:
    values: dict[str, Any] = {"queries": (Query(RATE, "{{model}}"),), "unit": "rate", **changes}
    return Panel(values.pop("id", kind.value), values.pop("title", "Requests"), kind, **values)


def dashboard(*panels: Panel, **changes: Any) -> Dashboard:
    model = Variable(
        "model", "Model", VariableKind.LABEL_VALUES, "llm_requests_total", "model", multi=True, include_all=True
    )
    values: dict[str, Any] = {"variables": (model,), "rows": (Row("All", panels),), **changes}
    return Dashboard(values.pop("uid", "mine"), values.pop("title", "Mine"), **values)


def every_kind() -> Dashboard:
    """Return a dashboard with a panel of each kind, with all that a panel may have."""
    found = []
    for kind in PanelKind:
        changes: dict[str, Any] = {
            "help": "One sentence.",
            "base": Level.OK,
            "thresholds": (Threshold(5, Level.WARN), Threshold(10.5, Level.CRITICAL)),
            "mappings": (ValueMapping(1, "up", Level.OK), ValueMapping(0.5, "half"), ValueMapping(None, "none")),
            "minimum": 0,
            "maximum": 100,
            "empty": Empty("Nothing came.", "Wait."),
            "links": (
                Link("Back", dashboard="mine", variables={"model": "$model"}),
                Link("One", url="https://example.com/{{model}}"),
            ),
        }
        if kind in (PanelKind.TEXT, PanelKind.REQUESTS, PanelKind.GRAPH, PanelKind.ALERTS):
            changes |= {"queries": (), "content": "# Words", "needs": Need.RECORDS}
        if kind is PanelKind.TABLE:
            changes |= {
                "queries": (Query(RATE, instant=True), Query(RATE, instant=True, ref="B")),
                "columns": (Column("model", "Model"), Column("A", "Rate", "rate"), Column("B", "At", "timestamp")),
                "join": ("model",),
            }
        if kind is PanelKind.MATRIX:
            changes |= {"rows_by": "model", "columns_by": "model"}
        found.append(panel(kind, **changes))
    options = (Option("a,b", "x : y"), Option("c"))
    more = (
        Variable("mode", "Mode", VariableKind.CUSTOM, options=options, default=("c",)),
        Variable("span", "Span", VariableKind.INTERVAL, options=(Option("5m"), Option("1h"))),
    )
    one = dashboard(*found)
    return Dashboard(
        "mine",
        "Mine",
        variables=(*one.variables, *more),
        annotations=(Annotation("Deployed", "inferdeck_event_timestamp_seconds", value_is_time=True),),
        rows=(*one.rows, Row("Below", (panel(PanelKind.STAT, id="below"),), collapsed=True)),
        links=(Link("Docs", url="https://example.com/?a=b"), Link("View", view="requests")),
    )


def all_panels(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in found["panels"]:
        yield one
        yield from one.get("panels", [])


def the_panel(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in all_panels(found) if one["type"] == kind)


@pytest.fixture(params=["every-kind", *(one.dashboard.uid for one in loader.shipped())])
def any_dashboard(request: pytest.FixtureRequest) -> Dashboard:
    shipped = {one.dashboard.uid: one.dashboard for one in loader.shipped()}
    return shipped.get(request.param) or every_kind()


@pytest.mark.parametrize("cluster", [False, True])
def test_no_export_has_what_breaks_imports(any_dashboard: Dashboard, cluster: bool) -> None:
    assert structure.problems(export.classic(any_dashboard, cluster=cluster)) == []


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="Grafana's JSON Schemas are not here (shared/grafana-schema)")
@pytest.mark.parametrize("cluster", [False, True])
def test_exports_follow_the_json_schemas_of_grafana(any_dashboard: Dashboard, cluster: bool) -> None:
    found = export.classic(any_dashboard, cluster=cluster)
    check("dashboard", "", _with_values_as_objects(found))
    for one in all_panels(found):
        name = one["type"].replace("-", "")
        if name == "row":
            continue
        check(name, "Options", one["options"])
        if custom := one.get("fieldConfig", {}).get("defaults", {}).get("custom"):
            check(name, "FieldConfig", custom)
        for target in one.get("targets", []):
            check("prometheus", "Dataquery", target)


def check(schema: str, definition: str, value: Any) -> None:
    found = json.loads((SCHEMAS / f"{schema}.jsonschema.json").read_text())
    cells = found["definitions"].get("TableCellOptions", {})
    if "oneOf" in cells:
        # All of its branches take {"type": "auto"}, so that none of Grafana's own tables would be right.
        cells["anyOf"] = cells.pop("oneOf")
    if definition:
        found["$ref"] = f"#/definitions/{definition}"
    jsonschema.validate(value, found, jsonschema.Draft7Validator)


def _with_values_as_objects(found: Any) -> Any:
    """Return a copy for the schema, which takes what overrides match and set for objects; Grafana's own are texts."""
    if isinstance(found, dict):
        copy = {key: _with_values_as_objects(value) for key, value in found.items()}
        if "matcher" in copy:
            copy["matcher"] = {**copy["matcher"], "options": {}}
            copy["properties"] = [{"id": one["id"], "value": {}} for one in copy["properties"]]
        return copy
    return [_with_values_as_objects(one) for one in found] if isinstance(found, list) else found


def test_an_export_is_the_same_each_time(any_dashboard: Dashboard) -> None:
    assert export.text(export.classic(any_dashboard)) == export.text(export.classic(any_dashboard))
    assert bundle.files([any_dashboard]) == bundle.files([any_dashboard])


def test_every_panel_of_the_definition_is_there(any_dashboard: Dashboard) -> None:
    shown = [one["title"] for one in all_panels(export.classic(any_dashboard)) if one["type"] != "row"]
    assert shown == [one.title for one in any_dashboard.panels()]


def test_the_questions_are_those_of_the_definition(any_dashboard: Dashboard) -> None:
    """What is tested of a definition's queries on our API and on Prometheus holds for the export."""
    asked = [query.expr for one in any_dashboard.panels() if one.kind is not PanelKind.ALERTS for query in one.queries]
    found = [
        target["expr"]
        for one in all_panels(export.classic(any_dashboard))
        for target in one.get("targets", [])
        if not target["expr"].startswith("ALERTS")
    ]
    assert [re.sub(r"(?s)^1000 \* \((.*)\)$", r"\1", expr) for expr in found] == asked


def test_links_lead_to_dashboards_that_are_exported() -> None:
    made = [export.classic(one.dashboard) for one in loader.shipped()]
    uids = {one["uid"] for one in made}
    targets = set(re.findall(r'"/d/([^?"]+)', json.dumps(made)))
    assert targets <= uids


def test_the_three_files_that_were_asked_for_have_their_names() -> None:
    names = bundle.files(one.dashboard for one in loader.shipped())
    assert {"llm_usage_dashboard.json", "llm-gateway-overview.json", "llm-gateway-providers.json"} <= set(names)


def test_each_kind_has_a_panel_type_of_grafanas_own() -> None:
    found = {one["title"]: one["type"] for one in all_panels(export.classic(every_kind()))}
    assert set(found.values()) <= {
        *("row", "stat", "gauge", "timeseries", "bargauge", "piechart", "histogram", "heatmap", "table"),
        *("state-timeline", "text"),
    }


def test_a_table_joins_orders_and_names_its_columns() -> None:
    found = the_panel(export.classic(every_kind()), "table")
    steps = {one["id"]: one["options"] for one in found["transformations"]}
    assert list(steps) == ["merge", "filterFieldsByName", "organize"]
    assert steps["filterFieldsByName"] == {"include": {"names": ["model", "Value #A", "Value #B"]}}
    assert steps["organize"]["renameByName"] == {"model": "Model", "Value #A": "Rate", "Value #B": "At"}
    assert {target["format"] for target in found["targets"]} == {"table"}
    assert all(target["instant"] for target in found["targets"])


def test_a_moment_is_handed_over_in_milliseconds() -> None:
    found = export.classic(every_kind())
    table = the_panel(found, "table")
    assert [target["expr"].startswith("1000 * (") for target in table["targets"]] == [False, True]
    assert found["annotations"]["list"][0]["expr"] == "1000 * (inferdeck_event_timestamp_seconds)"


def test_buckets_become_a_heatmap_and_numbers_are_counted_by_grafana() -> None:
    buckets = Query("sum by (le) (rate(llm_request_duration_seconds_bucket[$__rate_interval]))")
    found = export.classic(dashboard(panel(PanelKind.HEATMAP, queries=(buckets,)), panel(PanelKind.HISTOGRAM)))
    heat = the_panel(found, "heatmap")
    assert (heat["targets"][0]["format"], heat["options"]["calculate"]) == ("heatmap", False)
    assert the_panel(found, "histogram")["targets"][0]["format"] == "time_series"


def test_words_for_numbers_are_keyed_as_javascript_writes_them() -> None:
    found = the_panel(export.classic(every_kind()), "stat")["fieldConfig"]["defaults"]["mappings"]
    assert set(found[0]["options"]) == {"1", "0.5"}
    assert found[1]["options"]["match"] == "null+nan"


def test_thresholds_begin_with_the_base() -> None:
    found = the_panel(export.classic(every_kind()), "stat")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [(one["value"], one["color"]) for one in found] == [(None, "green"), (5, "orange"), (10.5, "red")]


def test_a_link_carries_the_time_and_the_choices() -> None:
    found = the_panel(export.classic(every_kind()), "timeseries")
    url = "/d/inferdeck-mine?${__url_time_range}&${datasource:queryparam}&${model:queryparam}"
    assert [link["url"] for link in found["links"]] == [url]
    assert [link["url"] for link in found["fieldConfig"]["defaults"]["links"]] == [
        "https://example.com/${__field.labels.model:percentencode}"
    ]


def test_choices_of_a_list_keep_their_commas() -> None:
    found = {one["name"]: one for one in export.classic(every_kind())["templating"]["list"]}
    assert found["mode"]["query"] == r"x : y : a\,b,c"
    assert found["mode"]["current"] == {"selected": True, "text": "c", "value": "c"}
    assert found["span"]["query"] == "5m,1h"
    assert found["model"]["current"]["value"] == [ALL]


def test_cluster_narrows_every_selector_and_every_variable() -> None:
    found = export.classic(every_kind(), cluster=True)
    for one in all_panels(found):
        for target in one.get("targets", []):
            assert target["expr"].count('cluster=~"$cluster"') == max(1, target["expr"].count("llm_"))
    queries = {one["name"]: one["query"] for one in found["templating"]["list"] if one["type"] == "query"}
    assert queries["model"] == 'label_values(llm_requests_total{cluster=~"$cluster"}, model)'
    assert next(iter(queries)) == "cluster"


def test_hostile_words_stay_words() -> None:
    links = (Link(HOSTILE, url=f"https://example.com/?q={HOSTILE}"), Link("x", dashboard=HOSTILE))
    bad = panel(PanelKind.STAT, title=HOSTILE, help=HOSTILE, empty=Empty(HOSTILE, HOSTILE), links=links)
    native = Panel("n", HOSTILE, PanelKind.REQUESTS, help=HOSTILE, empty=Empty(HOSTILE), question="x")
    one = dashboard(bad, native, uid=f"../{HOSTILE}", title=HOSTILE, file=f"../../{HOSTILE}.json")
    found = export.classic(one)
    assert structure.problems(found) == []
    assert json.loads(export.text(found)) == found
    assert found["title"] == HOSTILE
    text = the_panel(found, "text")["options"]["content"]
    assert "<img" not in text.replace("\\<", "")
    description = the_panel(found, "stat")["description"]
    assert "<img" not in description.replace("\\<", "")
    for name, body in bundle.files([one]).items():
        assert ".." not in name
        assert "\x07" not in body


def test_uids_are_ours_and_never_too_long() -> None:
    assert references.uid("overview") == "inferdeck-overview"
    long = references.uid("a" * 40)
    assert len(long) <= 40
    assert long != references.uid("a" * 39 + "b")


def test_a_wrapped_dashboard_is_what_the_api_takes() -> None:
    found = json.loads(bundle.files([every_kind()], wrap=True)["mine.json"])
    assert found["overwrite"] is True
    assert found["dashboard"]["id"] is None
    assert list(bundle.files([every_kind()], wrap=True)) == ["mine.json"]
