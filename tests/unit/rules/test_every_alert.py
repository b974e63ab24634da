"""Every alert rule fires where it should and nowhere else: our own engine and promtool say the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from inferdeck.rules import unit_tests
from tests.unit.rules import writing
from tests.unit.rules.cases import CASES, Case

RULES = writing.rules()


def test_there_is_a_case_for_every_rule() -> None:
    assert {case.name for case in CASES} == set(RULES)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.name}-{number}" for number, case in enumerate(CASES)])
def test_it_fires_and_stays_quiet(case: Case, tmp_path: Path) -> None:
    path = writing.unit_file(tmp_path, case, RULES[case.name])
    report = unit_tests.run(path)
    assert not report.failures, "\n".join(failure.text for failure in report.failures)
    assert report.checks == 1 + len(case.quiet)


@pytest.mark.real
@pytest.mark.parametrize("family", ["", "LLMGateway"])
def test_promtool_agrees(family: str, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    paths = []
    for number, case in enumerate(CASES):
        if case.name.startswith("LLMGateway") == bool(family):
            folder = tmp_path / f"{number}"
            folder.mkdir()
            paths.append(writing.unit_file(folder, case, RULES[case.name]))
    found = subprocess.run(
        [promtool, "test", "rules", *paths], capture_output=True, text=True, check=False, timeout=200
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("SUCCESS") == len(paths)
