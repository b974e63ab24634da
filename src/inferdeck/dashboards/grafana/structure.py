"""Whether a classic dashboard will import: what Grafana's JSON Schema does not say, and what breaks in practice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from inferdeck.dashboards.grafana import selectors, units
from inferdeck.dashboards.grafana.references import DATASOURCE, UID_LENGTH
from inferdeck.dashboards.interpolation import BUILT_IN, references
from inferdeck.errors import QueryError
from inferdeck.model.dashboard import COLUMNS

MOST_LINES = 10_000
"""How far down the grid a panel may be; more is a mistake, and costs memory for every cell."""
_UID = re.compile(rf"[A-Za-z0-9_-]{{1,{UID_LENGTH}}}")
_SOURCE = {"type": "prometheus", "uid": f"${{{DATASOURCE}}}"}
_GRAFANA_OWN = ("__", "timeFrom", "timeTo")
_VARIABLE_QUERY = re.compile(r"label_values\(\s*(.*),\s*([A-Za-z_][A-Za-z0-9_]*)\s*\)", re.DOTALL)


def problems(found: dict[str, Any]) -> list[str]:
    """Return what is wrong with a dashboard in the form that `export.classic` gives, each with its place.

    Anybody's JSON may come; where it has not even the shape of a dashboard, nothing else is looked at.
    """
    misshapen = list(_misshapen(found))
    if misshapen:
        return misshapen
    panels = list(_panels(found.get("panels", [])))
    return [
        *_head(found),
        *_numbers(panels),
        *_grid(found.get("panels", [])),
        *_sources(found, "dashboard"),
        *_units(found, "dashboard"),
        *_variables(found),
        *(text for panel in panels for text in _queries(panel, _names(found))),
    ]


def _misshapen(found: dict[str, Any]) -> Iterator[str]:
    templating = found.get("templating", {})
    if not isinstance(templating, dict) or not _objects(templating.get("list", [])):
        yield "templating: an object with a list of variables is wanted"
    yield from _misshapen_panels(found.get("panels", []), "panels")


def _misshapen_panels(panels: object, place: str) -> Iterator[str]:
    if not isinstance(panels, list) or not _objects(panels):
        yield f"{place}: a list of panels is wanted"
        return
    for number, panel in enumerate(panels):
        here, box = f"{place}[{number}]", panel.get("gridPos", {})
        if not isinstance(box, dict) or not all(_on_grid(box.get(key, 0)) for key in "xywh"):
            yield f"{here}.gridPos: whole numbers x, y, w and h are wanted"
        if not _objects(panel.get("targets", [])):
            yield f"{here}.targets: a list of queries is wanted"
        yield from _misshapen_panels(panel.get("panels", []), f"{here}.panels")


def _objects(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, dict) for one in found)


def _on_grid(number: object) -> bool:
    return isinstance(number, int) and abs(number) <= MOST_LINES


def _panels(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in found:
        yield panel
        yield from _panels(panel.get("panels", []))


def _names(found: dict[str, Any]) -> set[str]:
    return {str(one.get("name", "")) for one in found.get("templating", {}).get("list", [])}


def _place(panel: dict[str, Any]) -> str:
    return f'panel {panel.get("id")} "{panel.get("title", "")}"'


def _head(found: dict[str, Any]) -> Iterator[str]:
    if "dashboard" in found:
        yield "is wrapped for the API: neither import nor provisioning takes it"
    if not _UID.fullmatch(str(found.get("uid", ""))):
        yield f"uid: 1 to {UID_LENGTH} letters, digits, - and _ are wanted"
    if found.get("id") is not None:
        yield "id: must not be set, it belongs to one Grafana"
    if "__inputs" in found:
        yield "__inputs: file provisioning does not fill them; use a variable of type datasource"
    first: dict[str, Any] = next(iter(found.get("templating", {}).get("list", [])), {})
    if first.get("type") != "datasource" or first.get("name") != DATASOURCE:
        yield f"templating: the first variable must be {DATASOURCE}, of type datasource"


def _numbers(panels: list[dict[str, Any]]) -> Iterator[str]:
    seen: set[int] = set()
    for panel in panels:
        number = panel.get("id")
        if not isinstance(number, int) or number < 1:
            yield f"{_place(panel)}: the id must be a whole number of at least 1"
        elif number in seen:
            yield f"{_place(panel)}: another panel has the same id"
        else:
            seen.add(number)
        if "libraryPanel" in panel:
            yield f"{_place(panel)}: a library panel exists in one Grafana only"


def _grid(panels: list[dict[str, Any]]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        box = panel.get("gridPos", {})
        x, y, width, height = (box.get(key, 0) for key in "xywh")
        if x < 0 or width < 1 or height < 1 or x + width > COLUMNS:
            yield f"{_place(panel)}: does not stand on the {COLUMNS} columns"
            continue
        cells = [(column, line) for column in range(x, x + width) for line in range(y, y + height)]
        over = next((taken[cell] for cell in cells if cell in taken), "")
        if over:
            yield f"{_place(panel)}: lies on {over}"
        taken.update(dict.fromkeys(cells, _place(panel)))
        yield from _grid(panel.get("panels", []))


def _sources(found: object, place: str) -> Iterator[str]:
    if isinstance(found, dict):
        if "datasource" in found and found["datasource"] != _SOURCE:
            yield f"{place}: the data source must be the variable ${{{DATASOURCE}}}"
        for key, value in found.items():
            yield from _sources(value, f"{place}.{key}")
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from _sources(value, f"{place}[{index}]")


def _units(found: object, place: str) -> Iterator[str]:
    if isinstance(found, dict):
        unit = found.get("unit")
        if found.get("id") == "unit":
            unit = found.get("value")
        if isinstance(unit, str) and not units.valid(unit):
            yield f'{place}: Grafana has no unit "{unit}"'
        for key, value in found.items():
            yield from _units(value, f"{place}.{key}")
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from _units(value, f"{place}[{index}]")


def _variables(found: dict[str, Any]) -> Iterator[str]:
    known: set[str] = set()
    for variable in found.get("templating", {}).get("list", []):
        name, query = str(variable.get("name", "")), variable.get("query", "")
        if name in known:
            yield f"variable {name}: defined twice"
        if variable.get("type") == "query":
            if not isinstance(query, str):
                yield f"variable {name}: the query must be text"
                continue
            yield from _undefined(query, known, f"variable {name}")
            asked = _VARIABLE_QUERY.fullmatch(query)
            if asked:
                yield from _readable(asked[1], f"variable {name}")
        known.add(name)


def _queries(panel: dict[str, Any], names: set[str]) -> Iterator[str]:
    refs: set[str] = set()
    for target in panel.get("targets", []):
        ref, expr = str(target.get("refId", "")), str(target.get("expr", ""))
        place = f"{_place(panel)}, query {ref}"
        if not ref or ref in refs:
            yield f"{place}: the refId is missing or used twice"
        refs.add(ref)
        yield from _undefined(expr, names, place)
        yield from _readable(expr, place)


def _undefined(text: str, names: set[str], place: str) -> Iterator[str]:
    for name in references(text):
        # $1 is a group of a regular expression, which Grafana leaves alone.
        if name not in names and name not in BUILT_IN and not name.startswith(_GRAFANA_OWN) and not name.isdigit():
            yield f"{place}: ${name} is not defined (before it)"


def _readable(text: str, place: str) -> Iterator[str]:
    try:
        selectors.read(text)
    except QueryError as error:
        yield f"{place}: {error.headline}"
