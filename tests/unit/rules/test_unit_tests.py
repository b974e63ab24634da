"""Our runner of unit tests for rules and promtool say the same of the same files, right ones and wrong ones."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from inferdeck.cli import main
from inferdeck.errors import ConfigError
from inferdeck.query.windows import Semantics
from inferdeck.rules import unit_tests

RULES = """groups:
  - name: second
    rules:
      - alert: Busy
        expr: job:load:sum > 10
        for: 2m
        keep_firing_for: 3m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.job }} has {{ $value }}"}
      - alert: Told
        expr: count(ALERTS{alertstate="pending"}) > 0
  - name: first
    rules:
      - record: job:load:sum
        expr: sum by (job) (load)
        labels: {made: "yes"}
"""
HEAD = """rule_files: [rules.yaml]
evaluation_interval: 1m
group_eval_order: [first, second]
tests:
  - interval: 1m
    name: load
    input_series:
      - {series: 'load{job="a",instance="1"}', values: '5x2 20x4 1x10'}
      - {series: 'load{job="a",instance="2"}', values: '1 _ _ 1x20'}
      - {series: 'load{job="b",instance="3"}', values: '1x5 stale'}
"""
BUSY = "exp_labels: {severity: page, job: a, made: 'yes'}"
RIGHT = [
    "alert_rule_test: [{eval_time: 4m, alertname: Busy, exp_alerts: []}]",
    (
        f"alert_rule_test: [{{eval_time: 5m, alertname: Busy, exp_alerts: [{{{BUSY}, exp_annotations: "
        f"{{summary: a has 21}}}}]}}]"
    ),
    (
        f"alert_rule_test: [{{eval_time: 5m30s, alertname: Busy, exp_alerts: [{{{BUSY}, exp_annotations: "
        f"{{summary: a has 21}}}}]}}]"
    ),
    (
        f"alert_rule_test: [{{eval_time: 9m, alertname: Busy, exp_alerts: [{{{BUSY}, exp_annotations: "
        f"{{summary: a has 21}}}}]}}]"
    ),
    "alert_rule_test: [{eval_time: 12m, alertname: Busy, exp_alerts: []}]",
    "alert_rule_test: [{eval_time: 4m, alertname: Told, exp_alerts: [{}]}]",
    "alert_rule_test: [{eval_time: 6m, alertname: Nobody}]",
    (
        "promql_expr_test: [{expr: 'job:load:sum', eval_time: 1m, exp_samples: [{labels: "
        '\'job:load:sum{job="a",made="yes"}\', value: 6}, {labels: '
        '\'job:load:sum{job="b",made="yes"}\', value: 1}]}]'
    ),
    "promql_expr_test: [{expr: 'job:load:sum{job=\"b\"}', eval_time: 7m, exp_samples: []}]",
    "promql_expr_test: [{expr: 'count(ALERTS_FOR_STATE)', eval_time: 4m, exp_samples: [{labels: '{}', value: 2}]}]",
    "promql_expr_test: [{expr: '1 + 1', eval_time: 4m, exp_samples: [{value: 2}]}]",
    (
        "promql_expr_test: [{expr: 'sum(count_over_time(load[3m:]))', eval_time: 4m, exp_samples: "
        "[{labels: '{}', value: SUBQUERY}]}]"
    ),
]
WRONG = [
    "alert_rule_test: [{eval_time: 5m, alertname: Busy, exp_alerts: []}]",
    f"alert_rule_test: [{{eval_time: 4m, alertname: Busy, exp_alerts: [{{{BUSY}}}]}}]",
    (
        f"alert_rule_test: [{{eval_time: 5m, alertname: Busy, exp_alerts: [{{{BUSY}, exp_annotations: "
        f"{{summary: a has 22}}}}]}}]"
    ),
    "promql_expr_test: [{expr: 'job:load:sum', eval_time: 1m, exp_samples: []}]",
    "promql_expr_test: [{expr: '1 + 1', eval_time: 4m, exp_samples: [{labels: '{}', value: 3}]}]",
    "promql_expr_test: [{expr: '1 +', eval_time: 4m, exp_samples: []}]",
]


def _written(folder: Path, test: str) -> Path:
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    path = folder / "tests.yaml"
    path.write_text(f"{HEAD}    {test}\n", encoding="utf-8")
    return path


def _promtool(path: Path) -> bool | None:
    promtool = shutil.which("promtool")
    if promtool is None:
        return None
    found = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False, timeout=100)
    return found.returncode == 0


@pytest.mark.parametrize("test", RIGHT)
@pytest.mark.parametrize("semantics", list(Semantics))
def test_what_is_right_passes(test: str, semantics: Semantics, tmp_path: Path) -> None:
    inside = {Semantics.PROMETHEUS_2: "12", Semantics.PROMETHEUS_3: "9"}[semantics]
    path = _written(tmp_path, test.replace("SUBQUERY", inside))
    report = unit_tests.run(path, semantics)
    assert not report.failures, report.failures
    assert report.checks == 1
    if semantics is Semantics.PROMETHEUS_2:
        assert _promtool(path) in (True, None)


@pytest.mark.parametrize("test", WRONG)
def test_what_is_wrong_fails_and_says_where(test: str, tmp_path: Path) -> None:
    path = _written(tmp_path, test)
    (failure,) = unit_tests.run(path).failures
    assert failure.place == f"{path}:11"
    assert _promtool(path) in (False, None)


def test_two_series_that_become_one_are_an_error(tmp_path: Path) -> None:
    path = _written(tmp_path, RIGHT[0])
    text = RULES.replace("sum by (job) (load)", 'label_replace(load, "instance", "", "", "")')
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    failures = unit_tests.run(path).failures
    assert failures and "same labelset" in failures[0].text
    assert _promtool(path) in (False, None)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("rules.yaml]", "none.yaml]", "tests.yaml:1: rule_files[0]: there is no none.yaml"),
        ("5x2 20x4 1x10", "5y2", "tests.yaml:8: values: not a point: 5y2"),
        ('\'load{job="a",instance="1"}\'', "'load{'", "tests.yaml:8: series:"),
        ("evaluation_interval: 1m", "evaluation_interval: soon", "soon"),
        ("    name: load", "    nane: load", "tests.yaml:6: tests[0].nane: unknown key"),
        ("eval_time: 4m", "eval_time: late", "tests[0].alert_rule_test[0].eval_time"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_line_and_key(old: str, new: str, says: str, tmp_path: Path) -> None:
    path = _written(tmp_path, RIGHT[0])
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        unit_tests.run(path)
    assert says in str(found.value)


def test_a_failure_is_shown_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    test = "    alert_rule_test: [{eval_time: 4m, alertname: Busy, exp_alerts: [{exp_labels: {severity: none}}]}]\n"
    file = tmp_path / "test.yaml"
    file.write_text(HEAD + test, encoding="utf-8")
    assert main(["rules", "test", str(file)]) == 1
    assert "Busy at 4m\n  expected but not firing" in capsys.readouterr().out
