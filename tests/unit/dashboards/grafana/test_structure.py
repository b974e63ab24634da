"""Our own rules for exports find each thing that breaks imports."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from inferdeck.dashboards import loader
from inferdeck.dashboards.grafana import export, structure

Found = dict[str, Any]


@pytest.fixture
def found() -> Found:
    return copy.deepcopy(export.classic(loader.shipped()[0].dashboard))


def panel(found: Found) -> Found:
    return next(one for one in found["panels"] if one.get("targets"))


def set_in(found: Found, **values: Any) -> None:
    found.update(values)


BREAKS: dict[str, tuple[Callable[[Found], None], str]] = {
    "an id": (lambda one: set_in(one, id=7), "id: must not be set"),
    "inputs": (lambda one: set_in(one, __inputs=[]), "__inputs"),
    "a long uid": (lambda one: set_in(one, uid="x" * 41), "uid:"),
    "the form of the API": (lambda one: set_in(one, dashboard={}), "wrapped"),
    "no data source variable": (lambda one: one["templating"]["list"].pop(0), "first variable"),
    "a panel id of 0": (lambda one: set_in(panel(one), id=0), "at least 1"),
    "one panel id twice": (lambda one: set_in(panel(one), id=one["panels"][0]["id"]), "same id"),
    "a library panel": (lambda one: set_in(panel(one), libraryPanel={}), "library panel"),
    "a uid of a data source": (lambda one: set_in(panel(one), datasource={"uid": "abc"}), "data source"),
    "an unknown unit": (lambda one: set_in(panel(one)["fieldConfig"]["defaults"], unit="nosuchunit"), "no unit"),
    "an unknown variable": (lambda one: set_in(panel(one)["targets"][0], expr='up{a="$nothing"}'), "$nothing"),
    "a query that cannot be read": (lambda one: set_in(panel(one)["targets"][0], expr="sum("), "parse error"),
    "no refId": (lambda one: set_in(panel(one)["targets"][0], refId=""), "refId"),
    "panels over each other": (lambda one: set_in(panel(one)["gridPos"], y=0), "lies on"),
    "a panel outside": (lambda one: set_in(panel(one)["gridPos"], x=23, w=5), "columns"),
    "a variable twice": (lambda one: one["templating"]["list"].append(one["templating"]["list"][1]), "twice"),
}


def test_the_export_itself_is_right(found: Found) -> None:
    assert structure.problems(found) == []


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_is_found(found: Found, name: str) -> None:
    change, message = BREAKS[name]
    change(found)
    assert any(message in problem for problem in structure.problems(found)), structure.problems(found)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"panels": "x"}, "panels: a list"),
        ({"panels": None}, "panels: a list"),
        ({"panels": [{"panels": [3, None]}]}, "panels[0].panels: a list"),
        ({"panels": [{"gridPos": {"h": 10**9, "w": 1}}]}, "panels[0].gridPos"),
        ({"panels": [{"gridPos": {"x": "1"}}]}, "panels[0].gridPos"),
        ({"panels": [{"targets": ["up"]}]}, "panels[0].targets"),
        ({"templating": []}, "templating"),
        ({"templating": {"list": [None]}}, "templating"),
    ],
)
def test_what_has_not_the_shape_of_a_dashboard_is_told(found: Found, values: Found, message: str) -> None:
    (problem,) = structure.problems(found | values)
    assert message in problem
