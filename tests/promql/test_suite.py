"""Prometheus' own test scripts (promql/promqltest/testdata) pass, except where native histograms' content is needed.

The scripts are not ours: they are read from $INFERDECK_PROMQLTEST, or from shared/promqltest beside the repository.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from inferdeck.cli.query_test import verdicts_of
from inferdeck.query.promql.script.run import State, Verdict

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FOLDER = Path(os.environ.get("INFERDECK_PROMQLTEST") or ROOT.parent / "shared" / "promqltest")
SKIPPED = HERE / "skipped.txt"
PASSED_AT_LEAST = {
    "aggregators": 136,
    "functions": 297,
    "histograms": 156,
    "operators": 145,
    "selectors": 31,
    "staleness": 17,
}


@cache
def verdicts(name: str) -> list[Verdict]:
    path = FOLDER / f"{name}.test"
    if not path.exists():
        pytest.skip(f"{name}.test is not at {FOLDER}; INFERDECK_PROMQLTEST names the folder")
    return verdicts_of(path)


def listed() -> list[str]:
    """The cases that may be skipped, as file:line: query."""
    return [line for line in SKIPPED.read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", PASSED_AT_LEAST)
def test_no_case_fails(name: str) -> None:
    failed = [verdict for verdict in verdicts(name) if verdict.state is State.FAILED]
    assert not failed, "\n".join(f"{name}.test:{one.line}: {one.query}: {one.reason}" for one in failed)


@pytest.mark.parametrize("name", PASSED_AT_LEAST)
def test_enough_cases_pass(name: str) -> None:
    passed = sum(verdict.state is State.PASSED for verdict in verdicts(name))
    assert passed >= PASSED_AT_LEAST[name]


@pytest.mark.parametrize("name", PASSED_AT_LEAST)
def test_what_is_skipped_is_listed_and_needs_native_histograms(name: str) -> None:
    skipped = [verdict for verdict in verdicts(name) if verdict.state is State.SKIPPED]
    assert all("native histogram" in verdict.reason for verdict in skipped)
    found = [f"{name}.test:{verdict.line}: {verdict.query}" for verdict in skipped]
    assert found == [line for line in listed() if line.startswith(f"{name}.test:")]
