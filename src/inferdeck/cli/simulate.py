"""`inferdeck simulate`: which scenarios there are, what happens in one, whether a file of one's own is right."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inferdeck.cli.text import Cell, Page, coloured, columns, safe
from inferdeck.model.json_form import dumps, plain
from inferdeck.simulate import checking, scenario
from inferdeck.simulate.actions import Action, Step
from inferdeck.simulate.conclusions import CONCLUSIONS
from inferdeck.simulate.scenario import Scenario
from inferdeck.simulate.scenario_parts import verb

WRONG = 2


def scenarios(options: argparse.Namespace) -> int:
    """List the scenarios that come with inferdeck."""
    found = [scenario.named(name) for name in scenario.available()]
    if options.json:
        rows = [
            {
                "name": one.name,
                "title": one.title,
                "about": one.about,
                "fleet": one.fleet_name,
                "duration": one.duration,
            }
            for one in found
        ]
        print(dumps(rows, indent=2))
        return 0
    page = Page(columns(), colour=coloured(sys.stdout))
    rows_ = [(Cell(one.name, "bold"), one.fleet_name, spoken(one.duration), one.title) for one in found]
    page.table(("SCENARIO", "FLEET", "LASTS", "TITLE"), rows_, right="LASTS", spare="FLEET")
    page.line()
    page.line("inferdeck simulate describe NAME says what happens in one", "dim")
    sys.stdout.write(page.text())
    return 0


def describe(options: argparse.Namespace) -> int:
    """Print what happens in a scenario and when, and what an observer ought to conclude."""
    found = scenario.named(options.scenario)
    if options.json:
        print(dumps(_as_json(found), indent=2))
        return 0
    page = Page(columns(), colour=coloured(sys.stdout))
    page.section(found.title, found.name)
    page.wrapped(found.about, "")
    page.line()
    begins = datetime.fromtimestamp(found.start, UTC).strftime("%A %Y-%m-%d %H:%M UTC")
    page.wrapped(f"fleet {found.fleet_name}: {checking.contents(found.fleet)}", "", "dim")
    page.wrapped(
        f"lasts {spoken(found.duration)}, load {found.load:g}, seed {found.seed}, begins on {begins}", "", "dim"
    )
    _timeline(page, found)
    _observer(page, found)
    sys.stdout.write(page.text())
    return 0


def check(options: argparse.Namespace) -> int:
    """Check files; one line on standard output for each that is right, one on standard error for each mistake."""
    found = [checking.check(Path(name)) for name in options.files]
    if options.json:
        print(dumps(found, indent=2))
    else:
        for one in found:
            if one.right:
                print(safe(f"{one.file}: right; {one.summary}"))
            for problem in one.problems:
                print(safe(str(problem)), file=sys.stderr)
    return 0 if all(one.right for one in found) else WRONG


def spoken(seconds: float) -> str:
    """Return a duration as scenario files write it: 1h30m."""
    left, parts = seconds, []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if left >= size:
            parts.append(f"{int(left // size)}{unit}")
            left %= size
    return "".join([*parts, f"{left:g}s"] if left or not parts else parts)


def _timeline(page: Page, found: Scenario) -> None:
    page.section("What happens")
    if not found.steps:
        page.line("nothing is done to the fleet")
        return
    rows = [
        (
            spoken(step.at),
            spoken(step.seconds) if step.seconds is not None else "",
            verb(type(step.action)),
            _given(step),
        )
        for step in found.steps
    ]
    page.table(("AT", "FOR", "DO", "WITH"), rows, right="AT FOR", wrap=True)


def _observer(page: Page, found: Scenario) -> None:
    page.section("What an observer ought to conclude")
    if not found.observer:
        page.line("the scenario does not say")
        return
    rows = []
    for one in found.observer:
        until = spoken(found.duration if one.until is None else one.until)
        why = one.note or CONCLUSIONS[one.conclude].meaning
        rows.append((spoken(one.from_), until, one.about, Cell(one.conclude, "bold"), why))
    page.table(("FROM", "UNTIL", "ABOUT", "CONCLUDE", "WHY"), rows, right="FROM UNTIL", wrap=True)


def _given(step: Step) -> str:
    """Return an action's arguments, but for those that say nothing."""
    return ", ".join(f"{name} {_shown(value)}" for name, value in _arguments(step.action).items())


def _arguments(action: Action) -> dict[str, Any]:
    values = {one.name: getattr(action, one.name) for one in fields(action)}
    return {name: value for name, value in values.items() if value is not None and value != () and value is not False}


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " and ".join(_shown(one) if not isinstance(one, tuple) else " ".join(map(_shown, one)) for one in value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _as_json(found: Scenario) -> dict[str, Any]:
    return {
        "name": found.name,
        "title": found.title,
        "about": found.about,
        "fleet": found.fleet_name,
        "seed": found.seed,
        "duration": found.duration,
        "start": found.start,
        "load": found.load,
        "timeline": [
            {"at": step.at, "for": step.seconds, "do": verb(type(step.action)), **plain(_arguments(step.action))}
            for step in found.steps
        ],
        "observer": [
            {
                "from": one.from_,
                "until": found.duration if one.until is None else one.until,
                "about": one.about,
                "conclude": one.conclude,
                "meaning": CONCLUSIONS[one.conclude].meaning,
                "note": one.note,
            }
            for one in found.observer
        ],
    }
