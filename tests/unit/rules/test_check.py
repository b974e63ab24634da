"""What the checker finds in rules, and that our own and its exports are free of it."""

from __future__ import annotations

import pytest

from inferdeck.cli.rules import wrong_command
from inferdeck.rules import check, export, loader
from inferdeck.rules.check import Finding
from inferdeck.rules.rule import Rule, RuleGroup
from inferdeck.rules.site import Site
from tests.unit.rules import writing

WORDS = {"summary": "s", "description": "d"}


def found(expr: str, *, alert: str = "A", record: str = "", **notes: str) -> list[Finding]:
    rule = Rule(
        expr, "" if record else alert, record, "5m", "", {} if record else {"severity": "info"}, {**WORDS, **notes}
    )
    return check.check([RuleGroup("g", (rule,))])


@pytest.mark.parametrize("name", list(export.alert_groups(Site(loader.shipped()))))
def test_our_own_rules_have_nothing_to_mend_and_no_advice(name: str) -> None:
    groups = export.alert_groups(Site(loader.shipped()))[name]
    assert [str(one) for one in check.check(groups)] == []


def test_every_command_of_a_runbook_is_ours() -> None:
    alerts = [alert for group in loader.shipped().groups for alert in group.alerts]
    commands = {step.command for alert in alerts for step in alert.steps if step.command}
    assert {command: wrong_command(command) for command in commands if wrong_command(command)} == {}
    assert len(commands) > 20 and all(command.startswith("inferdeck ") for command in commands)
    assert wrong_command("inferdeck evnts --since 1h") and wrong_command("inferdeck events --sinec 1h")
    assert wrong_command("inferdeck query 'up")


def test_every_alert_has_a_runbook_of_which_a_step_is_a_command() -> None:
    for rule in writing.rules().values():
        assert "   $ inferdeck " in rule.annotations["runbook"], rule.alert
        assert rule.labels.keys() == {"severity", "category"}


@pytest.mark.parametrize(
    ("expr", "says"),
    [
        ("llm_request_total > 1", 'unknown metric, did you mean "llm_requests_total"?'),
        ('sum by (gateway) (rate(llm_requests_total{stauts="error"}[5m])) > 1', 'no label "stauts"'),
        ("sum by (gateway) (llm_requests_total) > 1", "read it through rate"),
        ("sum by (model) (rate(llm_requests_total[5m])) > 1", "added up over gateways"),
        ("sum by (engine) (llm_engine_kv_cache_usage_ratio) > 1", "a sum that means nothing"),
        ("histogram_quantile(0.9, rate(llm_request_duration_seconds_bucket[5m])) > 1", "a quantile is taken of sum by"),
        ("sum(", "unclosed left parenthesis"),
    ],
)
def test_a_mistake_is_found(expr: str, says: str) -> None:
    wrong = [one for one in found(expr) if not one.advice]
    assert any(says in one.text for one in wrong), [str(one) for one in found(expr)]


@pytest.mark.parametrize(
    ("expr", "notes", "says"),
    [
        ("absent(up)", {}, "fires where data is absent"),
        ("up", {}, "compares with nothing"),
        ("up == 0", {"summary": ""}, "has no summary"),
        ("up == 0", {"summary": "{{ if true }}x{{ end }}"}, "is not understood here"),
    ],
)
def test_advice_is_given(expr: str, notes: dict[str, str], says: str) -> None:
    given = found(expr, **notes)
    assert [one.advice for one in given] == [True] and says in str(given[0])


def test_a_label_that_the_expression_does_not_give_is_told() -> None:
    (one,) = found(
        "max by (instance) (up) == 0", summary="{{ $labels.job }} {{ $labels.instance }} {{ $labels.severity }}"
    )
    assert "shows the label job" in one.text and "it gives instance" in one.text and not one.advice


def test_a_recording_rule_may_rename_counters_and_be_read_by_others() -> None:
    renamed = Rule("sum by (instance) (my_requests:rate)", record="x:sum")
    mine = Rule("sum by (gateway, instance) (rate(llm_requests_total[5m]))", record="my_requests:rate")
    assert check.check([RuleGroup("g", (mine, renamed))]) == []
    assert found("sum by (gateway) (llm_requests_total)", record="r") == []


def test_doubles_are_told() -> None:
    rule = Rule("up == 0", alert="A", labels={"severity": "info"}, annotations=WORDS, place="f:1")
    texts = [one.text for one in check.check([RuleGroup("g", (rule, rule)), RuleGroup("g", ())])]
    assert len(texts) == 2 and "stands twice" in texts[1] and "stands in f:1 already" in texts[0]
