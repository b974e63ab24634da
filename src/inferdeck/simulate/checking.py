"""Checks any file of the simulator, whether it holds a fleet or a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inferdeck.simulate import fleet_check, fleet_file, scenario
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.yaml_file import FileError, Problem, read

SCENARIO_KEYS = {"fleet", "timeline", "observer", "title", "change", "seed", "duration"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: `kind` is scenario or fleet, "" where the file cannot be read at all."""

    file: str
    kind: str
    right: bool
    summary: str
    """What the file says, in a line; "" where it is wrong."""
    problems: tuple[Problem, ...] = ()


def check(path: Path) -> Checked:
    """Read a file and check all of it; never raises for what the file says."""
    kind = ""
    try:
        file = read(path)
        kind = "scenario" if SCENARIO_KEYS & set(file.root.entries or {}) else "fleet"
        summary = _scenario(scenario.load(path)) if kind == "scenario" else _fleet(fleet_file.load(path).fleet)
    except FileError as error:
        return Checked(str(path), kind, right=False, summary="", problems=error.problems)
    return Checked(str(path), kind, right=True, summary=summary)


def contents(fleet: Fleet) -> str:
    """Return how many things of each kind a fleet has, in words."""
    counts = [(len(getattr(fleet, group)), kind) for group, kind in fleet_check.GROUPS.items() if kind != "langfuse"]
    words = [f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts if count]
    return ", ".join(words) if words else "nothing"


def _fleet(fleet: Fleet) -> str:
    return f"fleet {fleet.name}: {contents(fleet)}"


def _scenario(found: scenario.Scenario) -> str:
    return (
        f"scenario {found.name} on {found.fleet_name}: {len(found.steps)} entries of timeline, "
        f"{len(found.observer)} of observer"
    )
