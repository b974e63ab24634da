"""docs/simulator.md says what the code does: its examples are right and true, every key and verb stands in it."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from inferdeck.simulate import actions, fleet, fleet_file, reference, scenario
from inferdeck.simulate.card import COOL_AGAIN, THROTTLED_CLOCK
from inferdeck.simulate.checking import check
from inferdeck.simulate.conclusions import CONCLUSIONS
from inferdeck.simulate.load import shares
from scripts.generated import ROOT
from tests.real.programs import free_port
from tests.unit.simulate.story import run
from tests.unit.simulate.witness import TESTS

PAGE = (ROOT / "docs/simulator.md").read_text(encoding="utf-8")
PROGRAMS = 40
"""More than the page's fleet has; the ports of its example, from 28800 on, may be another's here."""
SCENARIO, FLEET = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_of_a_scenario_is_checked_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("slow-friday.yaml")
    file.write_text(SCENARIO, encoding="utf-8")
    found = check(file)
    assert f"{found.file}: right; {found.summary}" in PAGE


def test_what_the_example_of_a_scenario_concludes_is_true(tmp_path: Path) -> None:
    file = tmp_path / "slow-friday.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    story = run(scenario.load(file))
    for one in story.scenario.observer:
        span = (one.from_, story.scenario.duration if one.until is None else one.until)
        assert TESTS[one.conclude](story, one.about, span), one


@contextlib.contextmanager
def running(command: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a command of the page as a user would, with all that it started, until the block ends."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "HOME": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


def test_a_fleet_listens_as_the_example_says(tmp_path: Path) -> None:
    (tmp_path / "slow-friday.yaml").write_text(SCENARIO, encoding="utf-8")
    first = free_port(PROGRAMS)
    page = re.sub(r"\b288(\d\d)\b", lambda found: str(first + int(found[1])), PAGE)
    serve, others = (block.splitlines() for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL))
    command, shown = serve[0].removeprefix("$ "), serve[1:-1]
    assert serve[-1] == "..." and command.startswith("inferdeck simulate serve slow-friday.yaml ")
    with running(command, tmp_path) as process:
        assert process.stdout is not None
        assert [next(process.stdout).rstrip() for _ in shown] == shown
        # What stands last is the Redis, with its label.
        for last in ("  redis:", "simulated:"):
            while last not in next(process.stdout):
                pass
        assert others[-1] == "$ inferdeck --config fleet.yaml up"
        for asked, answer in zip(others[:-1:2], others[1:-1:2], strict=True):
            with running(asked.removeprefix("$ "), tmp_path) as other:
                said, _ = other.communicate(timeout=60)
            assert fnmatch.fnmatchcase(said.strip(), answer.replace("[", "[[]").replace("...", "*")), said


def test_the_example_of_a_fleet_is_right(tmp_path: Path) -> None:
    file = tmp_path / "my-fleet.yaml"
    file.write_text(FLEET, encoding="utf-8")
    assert fleet_file.load(file).fleet.name == "my-fleet"


def test_every_key_has_a_meaning() -> None:
    assert list(reference.undocumented()) == []


def test_every_verb_with_its_keys_every_conclusion_and_every_key_of_a_fleet_stands_in_the_page() -> None:
    """Found by walking the modules, which knows nothing of the tables that the page is made from."""
    kinds = [one for one in vars(actions).values() if isinstance(one, type) and issubclass(one, actions.Action)]
    for kind in kinds:
        if kind is not actions.Action:
            word = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)[1:]
            part = PAGE.split(f"#### `{word}`\n")[1].split("\n#")[0]
            assert all(f"| `{key.name}` |" in part for key in fields(kind)), word
    assert all(f"| `{word}` |" in PAGE for word in CONCLUSIONS)
    things = [one for one in vars(fleet).values() if isinstance(one, type) and one.__module__ == fleet.__name__]
    assert all(f"| `{key.name}` |" in PAGE for thing in things for key in fields(thing))


def test_the_numbers_of_the_text_are_those_of_the_code() -> None:
    assert f"falls to {THROTTLED_CLOCK:.0%}".replace("%", " %") in PAGE
    assert f"until it is {COOL_AGAIN:g} °C cooler" in PAGE
    assert f"about {max(shares('office')):.1f} times the mean" in PAGE
