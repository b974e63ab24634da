"""The fleet of a scenario: a named one or a file, with the scenario's `change:` applied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from inferdeck.simulate import fleet_check, fleet_file
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.reading import Place, read_object
from inferdeck.simulate.yaml_file import FileError, KeyPath, Value, YamlFile, unknown


def changed_fleet(file: YamlFile, folder: Path, name: str) -> Fleet | None:
    """Return the fleet that a scenario file names, changed; None, with complaints, where there is none."""
    fleet = _fleet(file, folder, name)
    if fleet is None:
        return None
    changes = (file.root.entries or {}).get("change")
    if changes is None or changes.is_null:
        return fleet
    place = Place(file, ("change",))
    if changes.entries is None:
        place.complain(f"expected a mapping (name of a thing: its keys), got {changes.kind()}")
        return fleet
    before = len(file.problems)
    for thing, value in changes.entries.items():
        fleet = _changed(place / thing, fleet, thing, value)
    if len(file.problems) == before:
        for path, text in fleet_check.complaints(fleet):
            file.complain(_path(fleet, path, changes), text)
    return fleet


def _fleet(file: YamlFile, folder: Path, name: str) -> Fleet | None:
    if not name:
        return None
    try:
        if name in fleet_file.available():
            return fleet_file.named(name)
        if "/" in name or name.endswith((".yaml", ".yml")):
            return fleet_file.load(folder / name).fleet
    except FileError as error:
        file.complain(("fleet",), "this fleet's file is wrong")
        file.problems += error.problems
        return None
    text = unknown(name, fleet_file.available(), "fleet")
    file.complain(("fleet",), f"{text} (a fleet of your own is named by its file: ./{name}.yaml)")
    return None


def _changed(place: Place, fleet: Fleet, name: str, value: Value) -> Fleet:
    """Return the fleet with one thing changed, found by its name."""
    for group in fleet_check.GROUPS:
        things = list(getattr(fleet, group))
        for index, thing in enumerate(things):
            new = None
            if thing.name == name:
                new = read_object(place, value, type(thing), thing)
            elif group == "gateways" and any(one.id == name for one in thing.deployments):
                new = _with_deployment(place, thing, name, value)
            else:
                continue
            things[index] = thing if new is None else new
            whole: dict[str, Any] = {group: tuple(things)}
            return replace(fleet, **whole)
    place.complain(unknown(name, fleet_check.names(fleet).things, "name"))
    return fleet


def _with_deployment(place: Place, gateway: Any, name: str, value: Value) -> Any:
    found = next(one for one in gateway.deployments if one.id == name)
    new = read_object(place, value, type(found), found)
    return replace(gateway, deployments=tuple(new if new and one is found else one for one in gateway.deployments))


def _path(fleet: Fleet, path: KeyPath, changes: Value) -> KeyPath:
    """Return where in the scenario a mistake of the changed fleet comes from."""
    thing = getattr(fleet, str(path[0]))[path[1]]
    if path[2:3] == ("deployments",) and len(path) > 3:
        deployment = thing.deployments[path[3]].id
        if deployment in (changes.entries or {}):
            return ("change", deployment, *path[4:])
    return ("change", thing.name, *path[2:]) if thing.name in (changes.entries or {}) else ("change",)
