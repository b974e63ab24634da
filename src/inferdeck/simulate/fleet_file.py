"""A fleet as a YAML file: read, completed by its `generate:` part, checked. docs/simulator.md describes the keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inferdeck.errors import NotFoundError
from inferdeck.simulate import fleet_check
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.generated_fleet import Generate, generated
from inferdeck.simulate.reading import Place, read_object
from inferdeck.simulate.yaml_file import YamlFile, read, unknown

FOLDER = Path(__file__).parent / "fleets"
END = ".yaml"


@dataclass(frozen=True, slots=True)
class FleetFile:
    """What a fleet file says."""

    about: str
    """What it is, in words."""
    fleet: Fleet


def available() -> tuple[str, ...]:
    """Return the names of the fleets that come with inferdeck."""
    return tuple(sorted(file.stem for file in FOLDER.glob(f"*{END}")))


def find(name: str) -> Path:
    """Return the file of a named fleet; raises NotFoundError."""
    if name not in available():
        raise NotFoundError(unknown(name, available(), "fleet"))
    return FOLDER / f"{name}{END}"


def named(name: str) -> Fleet:
    """Return a fleet that comes with inferdeck; raises NotFoundError."""
    return load(find(name)).fleet


def load(path: Path) -> FleetFile:
    """Read a fleet file; raises FileError that names every mistake with its line, key and what would be right."""
    file = read(path)
    found = of(file)
    file.verdict()
    assert found is not None  # noqa: S101
    return found


def of(file: YamlFile) -> FleetFile | None:
    """Return what a parsed file says; its problems are noted in the file."""
    entries = file.root.entries or {}
    place = Place(file)
    about = ""
    if "about" in entries:
        about = " ".join((entries["about"].text or "").split())
        if not about:
            (place / "about").complain("expected a sentence")
    fleet = read_object(place, file.root, Fleet, beside=("about", "generate"))
    wishes = read_object(place / "generate", entries["generate"], Generate) if "generate" in entries else None
    if fleet is None or ("generate" in entries and wishes is None):
        return None
    if "name" not in entries:
        place.complain('the key "name" is missing')
    if wishes is not None:
        message = wishes.mistake()
        if message:
            (place / "generate").complain(message)
            return None
        fleet = joined(fleet, generated(wishes))
    for path, text in fleet_check.complaints(fleet):
        file.complain(path, text)
    return FleetFile(about, fleet)


def joined(fleet: Fleet, more: Fleet) -> Fleet:
    """Return a fleet with all things of another one behind its own."""
    groups = ("hosts", "gpus", "engines", "providers", "gateways", "caches", "use_cases", "teams", "agents")
    both: dict[str, Any] = {group: (*getattr(fleet, group), *getattr(more, group)) for group in groups}
    return replace(fleet, **both)
