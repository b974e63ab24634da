"""Dashboards against the catalogs: ours have no fault, and each fault of others is told with its place."""

from __future__ import annotations

import pytest

from inferdeck.dashboards import loader
from inferdeck.dashboards.checker import Site, check, check_all, needs
from inferdeck.dashboards.remarks import Severity

BASE = """\
uid: mine
title: Mine
variables:
  - {name: gateway, metric: llm_requests_total}
  - {name: model, metric: llm_requests_total, selector: gateway="$gateway", multi: true, include_all: true}
  - {name: span, kind: interval, options: [5m, 1h]}
rows:
  - panels:
      - id: a
        title: A
        kind: timeseries
        help: Requests.
        queries:
          - expr: sum by (gateway, model) (rate(llm_requests_total{gateway="$gateway", model=~"$model"}[$span]))
            legend: "{{model}}"
        unit: rate
        width: 24
        empty: {reason: None., next: Wait.}
        links: [{title: More, dashboard: overview, variables: {model: "{{model}}"}}]
"""


def found(text: str) -> list[str]:
    loaded = loader.parse(text.encode(), "mine.yaml")
    return [str(one) for one in check(loaded, Site(uids=("overview", "mine")))]


def test_our_own_dashboards_have_no_fault() -> None:
    assert [str(one) for one in check_all(loader.shipped()) if one.severity is Severity.ERROR] == []


def test_a_right_dashboard_has_no_finding() -> None:
    assert found(BASE) == []


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (("llm_requests_total{gateway", "llm_request_total{gateway"), "mine.yaml:14: rows[0].panels[0].queries[0]: "),
        (("(gateway, model)", "(model)"), None),
        (('gateway="$gateway", model=~', "model=~"), None),
        (("{{model}}", "{{colour}}"), 'the query gives no label "colour"; there are gateway, model'),
        (("unit: rate", "unit: bytes"), "the query gives a count per second, but is shown as bytes (bytes)"),
        (('model=~"$model"', 'model="$model"'), "$model may be several values: write model=~"),
        (('{gateway="$gateway", model=~', '{gateway=~"$gateway", model=~'), "$gateway is one value: write gateway="),
        (("[$span]", "[5m]"), "mine.yaml:6: variables[2].name: $span is used nowhere"),
        (("[$span]", "[$sapn]"), "$sapn is no variable of this dashboard"),
        (('selector: gateway="$gateway"', 'selector: gateway="$span"'), "$span is defined further below"),
        (("multi: true", "source: colour, multi: true"), 'llm_requests_total has no label "colour"'),
        (("dashboard: overview", "dashboard: nowhere"), 'no dashboard has the uid "nowhere"'),
        (("dashboard: overview", "view: nowhere"), 'no view "nowhere"'),
        (("width: 24", "width: 12"), "a fill 12 of 24 columns (advice)"),
        (("        help: Requests.\n", ""), "a has no help"),
        (("        unit: rate\n", ""), "a has no unit (advice)"),
        (("options: [5m, 1h]", "options: [5m, 1h], default: 2h"), '"2h" is no option; there are 5m, 1h'),
        (("options: [5m, 1h]", "options: [5m, 10s]"), "may see one sample only"),
    ],
)
def test_a_fault_is_told_with_its_place(change: tuple[str, str], wanted: str | None) -> None:
    assert change[0] in BASE
    remarks = found(BASE.replace(*change, 1) if change[0] != "{{model}}" else BASE.replace(*change))
    if wanted is None:  # the gateway is held apart by the other of the two
        assert all("gateway" not in one or "is used" not in one for one in remarks)
        return
    assert any(wanted in one for one in remarks), remarks
    assert all(one.startswith("mine.yaml") for one in remarks)


def test_without_a_gateway_a_sum_is_refused() -> None:
    text = BASE.replace("(gateway, model)", "(model)").replace('{gateway="$gateway", model=~', "{model=~")
    assert any("added up over gateways" in one for one in found(text))


def test_what_waits_for_its_question_is_listed() -> None:
    waiting = {(panel.id, need.value) for one in loader.shipped() for panel, need in needs(one.dashboard)}
    assert ("active-alerts", "alerts") in waiting
    assert all(need in ("records", "alerts", "analysis") for _, need in waiting)
