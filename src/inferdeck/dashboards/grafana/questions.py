"""Reads the questions out of anybody's files: Grafana dashboards of every age, Prometheus rules, PrometheusRules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from inferdeck.config import document
from inferdeck.errors import ConfigError

_LABEL_VALUES = re.compile(r"\s*label_values\s*\(\s*(?:(?P<of>.*),)?\s*(?P<label>[A-Za-z_$][\w$]*)\s*\)\s*", re.DOTALL)
_QUERY_RESULT = re.compile(r"\s*query_result\s*\((?P<expr>.*)\)\s*", re.DOTALL)
_METRICS = re.compile(r"\s*(metrics|label_names)\s*\(.*", re.DOTALL)
_OTHER_SOURCES = (
    "loki",
    "tempo",
    "elasticsearch",
    "influx",
    "cloudwatch",
    "stackdriver",
    "sql",
    "postgres",
    "pyroscope",
)


@dataclass(frozen=True, slots=True)
class Question:
    """One PromQL text of a file.

    unit: Grafana's id of the unit in which its values are shown, "" where that is not known. legend: the name of its
    series, which may ask for {{labels}}. label: the label whose values alone are asked for (a variable's).
    """

    place: str
    expr: str
    unit: str = ""
    legend: str = ""
    label: str = ""
    rule: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that a file asks, and the metrics that its own rules make."""

    questions: tuple[Question, ...] = ()
    recorded: frozenset[str] = field(default=frozenset())


def read(body: bytes, name: str) -> Asked:
    """Return what a file asks; raises ConfigError where it is neither a dashboard nor rules."""
    found = _json(body, name) if body.lstrip()[:1] == b"{" else document.parse(body, name).data
    if isinstance(found, dict):
        groups = found.get("groups") or _deep(found, "spec", "groups")
        if isinstance(groups, list):
            return _rules(groups)
        inner = found["dashboard"] if isinstance(found.get("dashboard"), dict) else found
        if any(key in inner for key in ("panels", "rows", "templating")):
            return Asked(tuple(_dashboard(inner)))
        if isinstance(_deep(inner, "spec", "elements"), dict):
            return Asked(tuple(_second_model(inner["spec"])))
    raise ConfigError(f"{name}: neither a Grafana dashboard nor Prometheus rules (groups:)")


def _json(body: bytes, name: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: is not JSON: {str(error)[:200]}") from error


def _entries(found: object) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


# Rules


def _rules(groups: list[Any]) -> Asked:
    found, recorded = [], set()
    for group in _entries(groups):
        for rule in _entries(group.get("rules")):
            name = str(rule.get("alert") or rule.get("record") or "")
            kind = "alert" if rule.get("alert") else "record"
            if rule.get("record"):
                recorded.add(name)
            if isinstance(rule.get("expr"), str):
                found.append(Question(f"{kind} {name}", rule["expr"], rule=True))
    return Asked(tuple(found), frozenset(recorded))


# Dashboards


def _dashboard(found: Mapping[str, Any]) -> Iterator[Question]:
    for variable in _entries(_deep(found, "templating", "list")):
        query = variable.get("query")
        text = query.get("query") if isinstance(query, dict) else query
        if variable.get("type") == "query" and isinstance(text, str) and _prometheus(variable):
            yield from _variable(f"variable {variable.get('name', '')}", text)
    for mark in _entries(_deep(found, "annotations", "list")):
        if isinstance(mark.get("expr"), str) and mark["expr"] and _prometheus(mark):
            yield Question(f"annotation {mark.get('name', '')}", mark["expr"])
    yield from _panels(found.get("panels"))
    for row in _entries(found.get("rows")):
        yield from _panels(row.get("panels"))


def _variable(place: str, text: str) -> Iterator[Question]:
    asked = _LABEL_VALUES.fullmatch(text)
    if asked is not None:
        if asked["of"] and asked["of"].strip() and "$" not in asked["label"]:
            yield Question(place, asked["of"].strip(), label=asked["label"])
        return
    result = _QUERY_RESULT.fullmatch(text)
    if result is not None:
        yield Question(place, result["expr"])
    elif text.strip() and not _METRICS.fullmatch(text):
        yield Question(place, text)


def _panels(found: object) -> Iterator[Question]:
    for panel in _entries(found):
        yield from _panels(panel.get("panels"))
        place = f'panel {panel.get("id", "")} "{panel.get("title", "")}"'.replace("\n", " ")
        for target in _entries(panel.get("targets")):
            expr = target.get("expr")
            if not isinstance(expr, str) or not expr.strip() or not (_prometheus(panel) and _prometheus(target)):
                continue
            legend = str(target.get("legendFormat") or "")
            yield Question(f"{place}, {target.get('refId', '')}".rstrip(", "), expr, _unit(panel, target), legend)


def _prometheus(found: Mapping[str, Any]) -> bool:
    """Tell whether a data source may be a Prometheus; text is a name of one's own, a variable may be anything."""
    source = found.get("datasource")
    kind = source.get("type") if isinstance(source, dict) else source
    return not isinstance(kind, str) or not any(word in kind.lower() for word in _OTHER_SOURCES)


def _unit(panel: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """Return the unit in which a target's values are shown, "" where overrides or a table leave that open."""
    if panel.get("type") in ("table", "table-old", "heatmap", "text", "nodeGraph") or panel.get("transformations"):
        return ""
    config = panel.get("fieldConfig") if isinstance(panel.get("fieldConfig"), dict) else None
    if config and isinstance(config.get("defaults"), dict) and (config["defaults"].get("unit") or not _old(panel)):
        return _overridden(config, target, str(config["defaults"].get("unit") or ""))
    if isinstance(panel.get("format"), str):
        return str(panel["format"])
    axes = _entries(panel.get("yaxes"))
    right = any(one.get("yaxis") == 2 for one in _entries(panel.get("seriesOverrides")))
    return str(axes[0].get("format") or "") if axes and not right else ""


def _old(panel: Mapping[str, Any]) -> bool:
    return bool(panel.get("yaxes")) or isinstance(panel.get("format"), str)


def _overridden(config: Mapping[str, Any], target: Mapping[str, Any], unit: str) -> str:
    for override in _entries(config.get("overrides")):
        units = [str(one.get("value")) for one in _entries(override.get("properties")) if one.get("id") == "unit"]
        if not units:
            continue
        matcher = override.get("matcher") if isinstance(override.get("matcher"), dict) else {}
        assert isinstance(matcher, dict)  # noqa: S101
        if matcher.get("id") == "byFrameRefID":
            if matcher.get("options") == target.get("refId"):
                return units[0]
        elif matcher.get("id") == "byName" and matcher.get("options") == target.get("legendFormat"):
            return units[0]
        elif matcher.get("id") != "byName" or "{{" in str(target.get("legendFormat") or "{{"):
            # It may or may not be for this one.
            return ""
    return unit


def _second_model(spec: Mapping[str, Any]) -> Iterator[Question]:
    """Yield the questions of Grafana's newer model (dashboard.grafana.app/v2)."""
    for key, element in spec["elements"].items():
        inside = element.get("spec") if isinstance(element, dict) else None
        if not isinstance(inside, dict):
            continue
        place = f'panel {inside.get("id", key)} "{inside.get("title", "")}"'
        unit = _deep(inside, "vizConfig", "spec", "fieldConfig", "defaults", "unit")
        for query in _entries(_deep(inside, "data", "spec", "queries")):
            asked = _deep(query, "spec", "query", "spec")
            if isinstance(asked, dict) and isinstance(asked.get("expr"), str) and asked["expr"].strip():
                name = str(_deep(query, "spec", "refId") or "")
                legend = str(asked.get("legendFormat") or "")
                yield Question(f"{place}, {name}", asked["expr"], unit if isinstance(unit, str) else "", legend)


def _deep(found: Any, *keys: str) -> Any:
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found
