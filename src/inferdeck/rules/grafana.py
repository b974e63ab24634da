"""Alert rules for Grafana's own alerting, as a provisioning file (grafana.com/docs, provision alerting resources).

Each rule asks the same PromQL, and fires for every series that comes back, as Prometheus does: no data is no alert.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from inferdeck.rules import prometheus_file
from inferdeck.rules.rule import Rule, RuleGroup

FOLDER = "inferdeck"
_LOOKBACK_SECONDS = 600
_EXPRESSIONS = "__expr__"
_THERE = "is_number($query) || is_nan($query) || is_inf($query)"


def text(groups: Iterable[RuleGroup], *, datasource: str = "prometheus", interval: str = "1m") -> str:
    """Return the file; datasource: the uid that Grafana's Prometheus data source has, interval: of evaluation."""
    found = [_group(group, datasource, interval) for group in groups]
    return prometheus_file.dumped({"apiVersion": 1, "groups": found})


def _group(group: RuleGroup, datasource: str, interval: str) -> dict[str, Any]:
    return {
        "orgId": 1,
        "name": group.name,
        "folder": FOLDER,
        "interval": group.interval or interval,
        "rules": [_rule(rule, datasource) for rule in group.rules],
    }


def _rule(rule: Rule, datasource: str) -> dict[str, Any]:
    query = {
        "expr": rule.expr,
        "instant": True,
        "range": False,
        "datasource": {"type": "prometheus", "uid": datasource},
    }
    there = {"type": "math", "expression": _THERE}
    firing = {
        "type": "threshold",
        "expression": "there",
        "conditions": [{"type": "query", "evaluator": {"type": "gt", "params": [0]}}],
    }
    return {
        "uid": f"id-{rule.alert}",
        "title": rule.alert,
        "condition": "firing",
        "data": [
            _node("query", datasource, _LOOKBACK_SECONDS, query),
            _node("there", _EXPRESSIONS, 0, there),
            _node("firing", _EXPRESSIONS, 0, firing),
        ],
        "for": rule.hold or "0s",
        **({"keep_firing_for": rule.keep} if rule.keep else {}),
        "noDataState": "OK",
        "execErrState": "Error",
        "labels": dict(rule.labels),
        "annotations": {name: _template(value) for name, value in rule.annotations.items()},
        "isPaused": False,
    }


def _node(name: str, datasource: str, seconds: int, model: dict[str, Any]) -> dict[str, Any]:
    own = {"refId": name, "intervalMs": 1000, "maxDataPoints": 43200, **model}
    if datasource == _EXPRESSIONS:
        own["datasource"] = {"type": _EXPRESSIONS, "uid": _EXPRESSIONS}
    return {
        "refId": name,
        "relativeTimeRange": {"from": seconds, "to": 0},
        "datasourceUid": datasource,
        "model": own,
    }


def _template(value: str) -> str:
    """In Grafana $value is a text about all queries; the number of one stands in $values."""
    return value.replace("{{ $value ", "{{ $values.query.Value ")
