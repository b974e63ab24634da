"""Whatever the checker lets through, a world can do: timelines by chance, written as files, checked, run."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from inferdeck.simulate import fleet_check, fleet_file, scenario
from inferdeck.simulate.actions import AT_ONCE, Action
from inferdeck.simulate.events import Answered, Arrived
from inferdeck.simulate.keys import REFERS, Key, keys_of
from inferdeck.simulate.scenario_parts import verbs
from tests.unit.simulate.story import run

KNOWN = fleet_check.names(fleet_file.named("small-company"))


def value(key: Key, chance: Random) -> Any:
    """A value that the key's documentation allows."""
    there = KNOWN.of(REFERS.get((key.owner, key.field), ""))
    if key.kind == "pairs":
        return {name: chance.choice([0, 1, 2.5]) for name in chance.sample(there, 2)}
    if key.kind == "true or false":
        return chance.random() < 0.5
    if key.kind == "list":
        return chance.sample(there or [f"new-{number}" for number in range(9)], chance.randrange(3))
    if there:
        return chance.choice(there)
    if key.kind == "text":
        return chance.choice(key.choices) if key.choices else f"new-{chance.randrange(9)}"
    lowest = -100.0 if key.lowest is None else key.lowest
    highest = chance.choice([1.0, 10.0, 120.0]) if key.highest is None else key.highest
    found = chance.choice([lowest, highest, lowest + (highest - lowest) * chance.random()])
    found = max(found, 0.01) if key.above else found
    return max(round(found), 1 if key.above else 0) if key.kind == "whole number" else found


def entry(verb: str, action: type[Action], chance: Random) -> dict[str, Any]:
    given = {key.name: value(key, chance) for key in keys_of(action).values() if key.required or chance.random() < 0.6}
    if action not in AT_ONCE and chance.random() < 0.7:
        given["for"] = chance.uniform(1, 600)
    return {"at": chance.uniform(0, 900), "do": verb, **given}


@pytest.mark.parametrize("seed", range(10))
def test_a_timeline_by_chance_is_right_and_happens(seed: int, tmp_path: Path) -> None:
    chance = Random(seed)
    timeline = [entry(*chance.choice(list(verbs().items())), chance) for _ in range(15)]
    head = {"name": "x", "title": "T", "about": "A.", "fleet": "small-company", "seed": seed, "duration": 1800}
    file = tmp_path / "chance.yaml"
    # JSON is YAML.
    file.write_text(json.dumps({**head, "timeline": timeline}), encoding="utf-8")
    story = run(scenario.load(file))
    # Each request is answered once at most.
    answered = [one.request.id for one in story.of(Answered, (0, 1800))]
    assert len(answered) == len(set(answered))
    assert set(answered) <= {one.request.id for one in story.of(Arrived, (-1, 1800))}


def test_every_verb_is_chosen_somewhere() -> None:
    seen = set()
    for seed in range(10):
        chance = Random(seed)
        for _ in range(15):
            verb, action = chance.choice(list(verbs().items()))
            entry(verb, action, chance)
            seen.add(verb)
    assert seen == set(verbs())
