"""Alert rules as Grafana's provisioning file: the keys it knows, and one rule per alert of Prometheus' file."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from inferdeck.query.promql.parser import parse
from inferdeck.rules import export, grafana, loader
from inferdeck.rules.site import Site

KEYS = frozenset(
    {"uid", "title", "condition", "data", "for", "noDataState", "execErrState", "labels", "annotations", "isPaused"}
)
GROUPS = export.alert_groups(Site(loader.shipped()), alone=True)


@pytest.mark.parametrize("name", list(GROUPS))
def test_each_alert_is_a_rule_that_fires_for_what_comes_back(name: str) -> None:
    found: Any = YAML(typ="safe").load(grafana.text(GROUPS[name], datasource="prom-1"))
    assert found["apiVersion"] == 1 and [group["name"] for group in found["groups"]] == [
        one.name for one in GROUPS[name]
    ]
    for group, own in zip(found["groups"], GROUPS[name], strict=True):
        assert (group["orgId"], group["folder"], group["interval"]) == (1, "inferdeck", "1m")
        for rule, alert in zip(group["rules"], own.rules, strict=True):
            assert rule.keys() == KEYS and rule["title"] == alert.alert and rule["for"] == alert.hold
            assert len(rule["uid"]) <= 40 and rule["noDataState"] == "OK"
            query, there, firing = rule["data"]
            assert [node["refId"] for node in rule["data"]] == [node["model"]["refId"] for node in rule["data"]]
            assert query["datasourceUid"] == query["model"]["datasource"]["uid"] == "prom-1"
            assert parse(query["model"]["expr"]) == parse(alert.expr) and query["model"]["instant"] is True
            assert there["datasourceUid"] == firing["datasourceUid"] == "__expr__"
            assert firing["model"]["expression"] == "there" and rule["condition"] == firing["refId"]


def test_every_uid_is_there_once() -> None:
    uids = [f"id-{rule.alert}" for groups in GROUPS.values() for group in groups for rule in group.rules]
    assert len(uids) == len(set(uids)) == 70


def test_the_value_is_that_of_the_query() -> None:
    text = grafana.text(GROUPS[export.ALERTS])
    assert "$value" in text.replace("$values", "") or "{{ $values.query.Value | humanizePercentage }}" in text
    assert "{{ $value " not in text
