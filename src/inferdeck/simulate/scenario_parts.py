"""The parts of a scenario file: its head, its timeline of verbs, what an observer ought to conclude."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from inferdeck.simulate import actions, fleet_check
from inferdeck.simulate.actions import Action, RenameModel, Step
from inferdeck.simulate.conclusions import ANY, CONCLUSIONS, FLEET
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.fleet_check import Names
from inferdeck.simulate.keys import REFERS, keys_of
from inferdeck.simulate.reading import Place, read_object
from inferdeck.simulate.yaml_file import Value, YamlFile, short, unknown


@dataclass(frozen=True, slots=True)
class Head:
    """The keys at the top of a scenario."""

    name: str
    """What it is called by; small letters, digits and hyphens."""
    title: str
    """What it is, in a few words."""
    about: str
    """What happens, in a few sentences."""
    fleet: str
    """The name of a fleet, or the path of a fleet's file as seen from this file."""
    seed: int = 1
    """Of all randomness; the same seed, fleet and timeline give the same events."""
    duration: float = 7200.0
    """How long it is worth watching; the world goes on afterwards."""
    load: float = 1.0
    """Factor of all agents' requests per minute."""
    start: str = "2026-03-04T09:00:00Z"
    """When the world begins where time is not the real one (the default is a Wednesday); with an offset or Z."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `timeline`; the keys of its verb stand beside these."""

    at: float
    """When it happens, from the world's beginning."""
    do: str
    """The verb."""
    for_: float | None = None
    """How long it lasts; absent: it stays. What happens at once has no duration."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One entry of `observer`: from when until when what ought to be concluded of which thing."""

    about: str
    """The name of a thing or public model of the fleet, or fleet for all of it."""
    conclude: str
    """A word of the vocabulary."""
    from_: float = 0.0
    """When it is true, from the world's beginning; from then on it can be seen within a minute or two."""
    until: float | None = None
    """When it is no longer true; absent: the scenario's end."""
    note: str = ""
    """What is remarkable, in words."""


def verbs() -> Mapping[str, type[Action]]:
    """Return every action under its verb: ProviderOutage is provider_outage."""
    found = [one for one in vars(actions).values() if isinstance(one, type) and issubclass(one, Action)]
    return {verb(one): one for one in found if one is not Action}


def verb(action: type[Action]) -> str:
    """Return the verb of an action."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action.__name__).lower()


def moment(text: str) -> float:
    """Return Unix seconds of an ISO time with an offset; raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without an offset")
    return found.timestamp()


def steps(file: YamlFile, fleet: Fleet, duration: float) -> tuple[Step, ...]:
    """Return the timeline in the order of its moments; problems are noted in the file."""
    known, found = fleet_check.names(fleet), []
    for place, value in _entries(file, "timeline"):
        step = _step(place, value, known, duration)
        if step is not None:
            found.append(step)
    return tuple(sorted(found, key=lambda step: step.at))


def expectations(file: YamlFile, fleet: Fleet, timeline: tuple[Step, ...], duration: float) -> tuple[Expectation, ...]:
    """Return the observer's part as it stands in the file; problems are noted in the file."""
    known, found = fleet_check.names(fleet), []
    renamed = {step.action.to for step in timeline if isinstance(step.action, RenameModel)}
    for place, value in _entries(file, "observer"):
        one = read_object(place, value, Expectation)
        if one is None:
            continue
        if one.from_ >= (duration if one.until is None else one.until):
            (place / "from").complain("must be before its end")
        if one.until is not None and one.until > duration:
            (place / "until").complain(f"lies after the scenario's end ({duration:g} s)")
        if one.conclude not in CONCLUSIONS:
            (place / "conclude").complain(unknown(one.conclude, CONCLUSIONS, "conclusion"))
        else:
            _check_subject(place / "about", one, known, renamed)
        found.append(one)
    return tuple(found)


def kinds_of(name: str, known: Names, renamed: set[str]) -> set[str]:
    """Return what a name is: its kind, and process or model where it is that too; empty where it does not exist."""
    kinds = {known.things[name]} if name in known.things else set()
    if name in known.processes:
        kinds.add("process")
    if name in known.of("public model") or name in renamed:
        kinds.add("model")
    if name == FLEET:
        kinds.add(FLEET)
    return kinds


def _entries(file: YamlFile, part: str) -> Iterator[tuple[Place, Value]]:
    value = (file.root.entries or {}).get(part)
    if value is None or value.is_null:
        return
    if value.items is None:
        file.complain((part,), f"expected a list of entries, each beginning with -, got {value.kind()}")
        return
    for index, one in enumerate(value.items):
        yield Place(file, (part, index)), one


def _step(place: Place, value: Value, known: Names, duration: float) -> Step | None:
    entries = value.entries or {}
    word = entries["do"].text if "do" in entries else None
    kind = verbs().get(word or "")
    if kind is None and word is not None:
        (place / "do").complain(unknown(word, verbs(), "verb"))
        return None
    own = tuple(keys_of(kind)) if kind is not None else tuple(entries)
    entry = read_object(place, value, Entry, beside=own)
    action = read_object(place, value, kind, beside=tuple(keys_of(Entry))) if kind is not None and entries else None
    if kind is not None:
        _check_names(place, kind, entries, known)
    if entry is None or action is None:
        return None
    if isinstance(action, RenameModel):
        _check_rename(place, action, known)
    if entry.at >= duration:
        (place / "at").complain(f"lies after the scenario's end ({duration:g} s)")
    if entry.for_ is not None and type(action) in actions.AT_ONCE:
        (place / "for").complain(f"{entry.do} happens at once and cannot last")
    return Step(entry.at, action, entry.for_)


def _check_names(place: Place, kind: type[Action], entries: Mapping[str, Value], known: Names) -> None:
    """Complain of names that the fleet does not have; of what was written, so that other mistakes hide none."""
    for name, value in entries.items():
        wanted = REFERS.get((kind.__name__, name))
        if wanted is None:
            continue
        given = [one.text for one in value.items or [value] if one.text is not None] + list(value.entries or {})
        for one in given:
            if one not in known.of(wanted):
                (place / name).complain(unknown(one, known.of(wanted), wanted))


def _check_rename(place: Place, action: RenameModel, known: Names) -> None:
    there = known.models.get(action.gateway)
    if there is None:
        return
    if action.model in known.of("public model") and action.model not in there:
        (place / "model").complain(unknown(action.model, there, "model of this gateway"))
    if action.to in there or action.to in known.things:
        (place / "to").complain(f"the name {short(action.to)} is taken")


def _check_subject(place: Place, one: Expectation, known: Names, renamed: set[str]) -> None:
    kinds = kinds_of(one.about, known, renamed)
    wanted = CONCLUSIONS[one.conclude].kinds
    if not kinds:
        names = [*known.things, *known.processes, *known.of("public model"), FLEET]
        place.complain(unknown(one.about, names, "name"))
    elif ANY not in wanted and not kinds & set(wanted):
        place.complain(f"{one.conclude} is said of a {' or '.join(wanted)}, not of a {' or '.join(sorted(kinds))}")
