"""What each scenario says an observer ought to conclude is true of what happens in it, and was not true before."""

from __future__ import annotations

import pytest

from inferdeck.simulate import scenario
from inferdeck.simulate.conclusions import CONCLUSIONS
from inferdeck.simulate.scenario_parts import Expectation, verbs
from tests.unit.simulate.story import told
from tests.unit.simulate.witness import TESTS

ISSUE = {
    "calm-day", "provider-outage", "rate-limit-storm", "gpu-overheats", "kv-cache-full", "cold-load", "crash-loop",
    "cache-stampede", "runaway-agent", "latency-regression", "price-change", "model-renamed", "engine-upgraded",
    "clock-skew", "counter-reset", "two-workers", "empty-fleet", "huge-fleet", "hostile-names",
    "gateway-without-database", "half-unreachable",
}  # fmt: skip
EVERY = [(name, one) for name in scenario.available() for one in scenario.named(name).observer]
LATER = [(name, one) for name, one in EVERY if one.from_ > 0 and one.conclude != "recovered"]


def label(given: object) -> str | None:
    if isinstance(given, Expectation):
        return f"{given.from_:g}-{given.conclude}-{given.about}"[:60].encode("ascii", "replace").decode()
    return None


def test_every_kind_of_trouble_has_its_scenario() -> None:
    assert set(scenario.available()) >= ISSUE


def test_every_scenario_is_called_as_its_file() -> None:
    assert [scenario.named(name).name for name in scenario.available()] == list(scenario.available())


def test_every_conclusion_can_be_judged() -> None:
    assert set(TESTS) == set(CONCLUSIONS)


def test_every_verb_and_every_conclusion_is_used() -> None:
    found = [scenario.named(name) for name in scenario.available()]
    assert {type(step.action) for one in found for step in one.steps} == set(verbs().values())
    assert {one.conclude for _, one in EVERY} == set(CONCLUSIONS)


@pytest.mark.parametrize(("name", "expected"), EVERY, ids=label)
def test_what_the_observer_concludes_is_true(name: str, expected: Expectation) -> None:
    story = told(name)
    span = (expected.from_, story.scenario.duration if expected.until is None else expected.until)
    assert TESTS[expected.conclude](story, expected.about, span)


@pytest.mark.parametrize(("name", "expected"), LATER, ids=label)
def test_what_the_observer_concludes_was_not_true_before(name: str, expected: Expectation) -> None:
    story = told(name)
    assert not TESTS[expected.conclude](story, expected.about, story.usual)
