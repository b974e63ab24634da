"""Conditions that hold at a moment: the expressions alone, whatever their `for` says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from inferdeck.query.local import LocalQueryService
from inferdeck.rules.holding import holding
from inferdeck.rules.rule import Rule
from tests.unit.query.stack import NOW_MS, filled, series

NOW = NOW_MS / 1000
HOT = Rule(
    "temperature > 85",
    alert="Hot",
    hold="1h",
    labels={"severity": "critical"},
    annotations={"summary": "{{ $labels.card }} is at {{ $value }}"},
)


@pytest.fixture
async def service() -> AsyncIterator[LocalQueryService]:
    store = filled({series("temperature", card="a"): [90.0], series("temperature", card="b"): [80.0]})
    made = LocalQueryService(store)
    yield made
    made.close()


async def test_a_condition_holds_at_once_with_its_labels_and_its_summary(service: LocalQueryService) -> None:
    found = await holding(service, [HOT, Rule("temperature", record="t")], NOW)
    (one,) = found.held
    assert (one.alert, one.severity, one.hold, one.value) == ("Hot", "critical", "1h", 90.0)
    assert dict(one.labels) == {"card": "a", "environment": "default"}
    assert one.summary == "a is at 90"
    assert (found.rules, found.failed, found.time) == (1, (), NOW)


async def test_the_gravest_come_first(service: LocalQueryService) -> None:
    mild = Rule("temperature > 0", alert="Any", labels={"severity": "info"})
    found = await holding(service, [mild, HOT], NOW)
    assert [one.severity for one in found.held] == ["critical", "info", "info"]


async def test_a_rule_that_fails_hinders_no_other(service: LocalQueryService) -> None:
    broken = Rule("temperature +", alert="Broken")
    many = Rule("temperature * on (environment) temperature", alert="Many")
    wrong = Rule("temperature > 85", alert="Wrong", annotations={"summary": "{{ range }}"})
    found = await holding(service, [broken, many, wrong, HOT], NOW)
    assert [one.alert for one in found.held] == ["Hot"]
    assert [text.split(":")[0] for text in found.failed] == ["Broken", "Many", "Wrong"]
    assert found.rules == 4
