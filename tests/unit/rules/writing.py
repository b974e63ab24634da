"""Writes promtool's files of unit tests from the cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inferdeck.rules import export, loader, prometheus_file
from inferdeck.rules.rule import Rule, RuleGroup
from inferdeck.rules.site import Site
from inferdeck.rules.templates import Data, expand
from tests.unit.rules.cases import Case


def rules(site: Site | None = None) -> dict[str, Rule]:
    """Return all exported alert rules by name."""
    found = export.alert_groups(site or Site(loader.shipped()))
    return {rule.alert: rule for groups in found.values() for group in groups for rule in group.rules}


def unit_file(folder: Path, case: Case, rule: Rule) -> Path:
    """Write the rule and its tests, one for the data at which it fires and one for each at which it does not."""
    (folder / "rules.yaml").write_text(prometheus_file.text([RuleGroup("tested", (rule,))]), encoding="utf-8")
    firing = expected(rule, case.labels, case.value)
    tests = [_test("fires", case, case.fires, [firing])]
    tests += [_test(f"quiet {number}", case, data, []) for number, data in enumerate(case.quiet, 1)]
    return written(folder, ["rules.yaml"], tests, case.step)


def expected(rule: Rule, labels: Mapping[str, str], value: float) -> dict[str, Any]:
    """Return an alert of a rule as a test expects it; labels: those of the series, value: what the expression gives."""
    shown = Data(dict(labels), value)
    return {
        "exp_labels": {**labels, **rule.labels},
        "exp_annotations": {name: expand(text, shown) for name, text in rule.annotations.items()},
    }


def written(folder: Path, rule_files: Sequence[str], tests: Iterable[Mapping[str, Any]], step: int = 1) -> Path:
    """Write a file of tests."""
    path = folder / "tests.yaml"
    content = {"rule_files": [*rule_files], "evaluation_interval": f"{step}m", "tests": [*tests]}
    path.write_text(prometheus_file.dumped(content), encoding="utf-8")
    return path


def _test(name: str, case: Case, data: Mapping[str, str], expected: list[Any]) -> dict[str, Any]:
    return {
        "name": f"{case.name} {name}",
        "interval": f"{case.step}m",
        "input_series": [{"series": series, "values": values} for series, values in data.items()],
        "alert_rule_test": [{"eval_time": f"{case.at}m", "alertname": case.name, "exp_alerts": expected}],
    }
