"""`inferdeck simulate` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from inferdeck.simulate import scenario
from tests.unit.cli.test_commands import run

BAD = Path(__file__).parents[1] / "simulate" / "bad"


def test_scenarios_are_listed(tmp_path: Path) -> None:
    shown = run(tmp_path, "simulate", "scenarios")
    assert shown.returncode == 0 and all(name in shown.stdout for name in scenario.available())
    rows = json.loads(run(tmp_path, "simulate", "scenarios", "--json").stdout)
    assert [row["name"] for row in rows] == list(scenario.available())


def test_describe_says_what_happens_when_and_what_to_conclude(tmp_path: Path) -> None:
    shown = run(tmp_path, "simulate", "describe", "provider-outage").stdout
    assert "20m  15m  provider_outage  provider openai, share 1, status 503" in shown
    assert "provider_down" in shown and "fleet small-company: 3 hosts" in shown
    data = json.loads(run(tmp_path, "simulate", "describe", "provider-outage", "--json").stdout)
    assert data["timeline"][0] == {
        "at": 1200.0, "for": 900.0, "do": "provider_outage", "provider": "openai", "share": 1.0, "status": 503,
    }  # fmt: skip
    assert data["observer"][0]["conclude"] == "provider_down"


def test_describe_shows_hostile_names_on_one_line(tmp_path: Path) -> None:
    shown = run(tmp_path, "simulate", "describe", "hostile-names")
    assert shown.returncode == 0
    assert "prov'ider {{ x }}\\x09tab" in shown.stdout and "\t" not in shown.stdout


def test_an_unknown_scenario_is_answered_with_the_nearest(tmp_path: Path) -> None:
    shown = run(tmp_path, "simulate", "describe", "calmday")
    assert shown.returncode == 2 and 'did you mean "calm-day"' in shown.stderr


def test_check_says_what_is_right_and_what_is_wrong(tmp_path: Path) -> None:
    good, bad = str(scenario.FOLDER / "calm-day.yaml"), str(BAD / "unknown_verb.yaml")
    assert run(tmp_path, "simulate", "check", good).returncode == 0
    shown = run(tmp_path, "simulate", "check", good, bad, "gone.yaml")
    assert shown.returncode == 2
    assert f"{good}: right; scenario calm-day" in shown.stdout
    assert f'{bad}:6: timeline[0].do: unknown verb "restrat", did you mean "restart"?' in shown.stderr
    assert "gone.yaml:1: cannot be read" in shown.stderr
    found = json.loads(run(tmp_path, "simulate", "check", bad, "--json").stdout)[0]
    assert (found["right"], found["kind"], found["problems"][0]["line"]) == (False, "scenario", 6)
