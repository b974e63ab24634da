"""A scenario as a YAML file: a fleet, what is done to it and when, and what an observer ought to conclude.

docs/simulator.md describes the keys; `Scenario.fleet` is the named fleet with the scenario's changes and load.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from inferdeck.errors import NotFoundError
from inferdeck.simulate.actions import Step
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.keys import keys_of
from inferdeck.simulate.reading import Place, WrongValueError, read_value
from inferdeck.simulate.scenario_fleet import changed_fleet
from inferdeck.simulate.scenario_parts import Expectation, Head, expectations, moment, steps
from inferdeck.simulate.yaml_file import YamlFile, read, unknown

FOLDER = Path(__file__).parent / "scenarios"
END = ".yaml"
PARTS = ("change", "timeline", "observer")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a scenario file says; durations in seconds."""

    name: str
    title: str
    about: str
    fleet_name: str
    fleet: Fleet
    seed: int
    duration: float
    start: float
    """Unix seconds of the moment at which the world begins where time is not the real one."""
    load: float
    steps: tuple[Step, ...] = ()
    observer: tuple[Expectation, ...] = ()


def available() -> tuple[str, ...]:
    """Return the names of the scenarios that come with inferdeck."""
    return tuple(sorted(file.stem for file in FOLDER.glob(f"*{END}")))


def find(name: str) -> Path:
    """Return the file of a scenario, given by its name or as a file; raises NotFoundError."""
    if name in available():
        return FOLDER / f"{name}{END}"
    if "/" in name or name.endswith((END, ".yml")):
        return Path(name)
    raise NotFoundError(f"{unknown(name, available(), 'scenario')}\n  inferdeck simulate scenarios lists them")


def named(name: str) -> Scenario:
    """Return a scenario by its name or file; raises NotFoundError or FileError."""
    return load(find(name))


def load(path: Path) -> Scenario:
    """Read a scenario file; raises FileError that names every mistake with its line, key and what would be right."""
    file = read(path)
    found = of(file, path.parent)
    file.verdict()
    assert found is not None  # noqa: S101
    return found


def of(file: YamlFile, folder: Path) -> Scenario | None:
    """Return what a parsed file says, or None; its problems are noted in the file."""
    head = _head(file)
    fleet = changed_fleet(file, folder, head.fleet)
    if fleet is None:
        # Without a fleet no name can be checked; the rest is told when the fleet is right.
        return None
    timeline = steps(file, fleet, head.duration)
    observer = expectations(file, fleet, timeline, head.duration)
    if file.problems:
        return None
    loaded = tuple(replace(one, requests_per_minute=one.requests_per_minute * head.load) for one in fleet.agents)
    return Scenario(
        name=head.name,
        title=head.title,
        about=" ".join(head.about.split()),
        fleet_name=head.fleet,
        fleet=replace(fleet, agents=loaded),
        seed=head.seed,
        duration=head.duration,
        start=moment(head.start),
        load=head.load,
        steps=timeline,
        observer=observer,
    )


def _head(file: YamlFile) -> Head:
    """Read the plain keys; what is wrong or missing is complained of and stands at its default."""
    place, keys = Place(file), keys_of(Head)
    entries = file.root.entries or {}
    head = Head("", "", "", "")
    for name, value in entries.items():
        if name in PARTS:
            continue
        if name not in keys:
            (place / name).complain(unknown(name, [*keys, *PARTS], "key"))
            continue
        found = read_value(place / name, value, keys[name])
        if not isinstance(found, WrongValueError):
            head = replace(head, **{keys[name].field: found})
    for name, key in keys.items():
        if key.required and name not in entries:
            place.complain(f'the key "{name}" is missing')
        elif key.required and not getattr(head, key.field) and file.root.entries and not entries[name].is_null:
            (place / name).complain("must not be empty")
    try:
        moment(head.start)
    except ValueError:
        (place / "start").complain("expected a time such as 2026-03-04T09:00:00Z")
        return replace(head, start=str(keys["start"].default))
    return head
