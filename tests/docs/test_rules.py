"""docs/rules.md: its examples are right, its claims hold, its tables are current."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from inferdeck.cli.arguments import parse
from inferdeck.config.load import load
from inferdeck.rules import export, loader, reference, unit_tests
from inferdeck.rules.site import Site
from tests.unit.rules import writing

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_the_tables_are_current() -> None:
    assert reference.page(TEXT) == TEXT, "run scripts/generate"


def test_the_commands_exist() -> None:
    commands = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    assert len(commands) == 4
    for command in commands:
        parse(shlex.split(command)[1:])


@pytest.mark.parametrize("text", [block for block in blocks("yaml") if block.startswith("rules:")])
def test_the_configuration_is_right(text: str, tmp_path: Path) -> None:
    path = tmp_path / "inferdeck.yaml"
    path.write_text(text, encoding="utf-8")
    site = Site(loader.shipped(), load(path=path, environ={}, kinds={}))
    assert export.files(site)
    if "exclude" in text:
        found = writing.rules(site)
        assert all('environment!~"dev|test"' in rule.expr for rule in found.values())
        assert "> 0.1\n" in found["LLMGatewayHighErrorRate"].expr and "LowCacheHitRate" not in found


def test_the_unit_test_passes(tmp_path: Path) -> None:
    for name, text in export.files(Site(loader.shipped())).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (example,) = (block for block in blocks("yaml") if block.startswith("rule_files: [alerts-canonical"))
    (tmp_path / "tests.yaml").write_text(example, encoding="utf-8")
    report = unit_tests.run(tmp_path / "tests.yaml")
    assert not report.failures and report.checks == 1


def test_every_file_is_named_and_every_rule_ends_as_told() -> None:
    files = export.files(Site(loader.shipped()))
    table = TEXT.partition("## The files")[2].partition("## ")[0]
    assert set(re.findall(r"`([a-z-]+\.yaml)`", table.partition("```")[0])) == {*files, export.RECORDING}
    (ending,) = blocks("promql")
    assert all(rule.expr.endswith(ending.strip()) for rule in writing.rules().values())


def test_the_windows_of_burn_rates_are_those_of_the_page() -> None:
    alerts = {alert.name: alert for group in loader.shipped().groups for alert in group.alerts}
    for name, factor, long, short in (("Fast", 14.4, "1h", "5m"), ("Slow", 6, "6h", "30m"), ("Long", 1, "3d", "6h")):
        alert = alerts[f"SuccessBudgetBurn{name}"]
        assert [value.default for value in alert.values] == [factor, long, short]
        row = next(line for line in TEXT.splitlines() if line.startswith(f"| `…BudgetBurn{name}`"))
        assert alert.severity in row


def test_the_alerts_of_the_gateway_are_six_groups_and_fifteen_names() -> None:
    groups = export.alert_groups(Site(loader.shipped()))
    found = {group.name: [rule.alert for rule in group.rules] for group in groups[export.ALERTS]}
    assert {name.removeprefix("llm_gateway_"): names for name, names in found.items()} == {
        "availability": [
            "LLMGatewayProviderUnhealthy",
            "LLMGatewayAllProvidersUnhealthy",
            "LLMGatewayCircuitBreakerOpen",
        ],
        "latency": ["LLMGatewayHighLatencyP95", "LLMGatewayHighLatencyP99", "LLMGatewayHighTTFT"],
        "errors": [
            "LLMGatewayHighErrorRate",
            "LLMGatewayCriticalErrorRate",
            "LLMGatewayAuthenticationErrors",
            "LLMGatewayRateLimitErrors",
        ],
        "capacity": ["LLMGatewayHighActiveRequests", "LLMGatewayRateLimitHits"],
        "tokens": ["LLMGatewayHighTokenUsage", "LLMGatewayLowTokenThroughput"],
        "cache": ["LLMGatewayLowCacheHitRate"],
    }
    canonical = [rule.alert for group in groups[export.CANONICAL] for rule in group.rules]
    of_gateway = [rule.alert for group in groups[export.ALERTS] for rule in group.rules]
    assert [f"LLMGateway{name}" for name in canonical] == of_gateway
