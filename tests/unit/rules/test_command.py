"""`inferdeck rules` as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inferdeck", "rules", *words]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=folder, env=environment
    )


def test_export_check_and_test_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "inferdeck.yaml").write_text("rules: {alerts: {GpuHot: {threshold: 70}}}\n", encoding="utf-8")
    made = run(tmp_path, "export", "all", "--out", "rules", "--config", "inferdeck.yaml")
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.splitlines()) == len(list((tmp_path / "rules").iterdir())) == 7
    assert "> 70" in (tmp_path / "rules" / "alerts-stack.yaml").read_text(encoding="utf-8")
    files = [str(path) for path in sorted((tmp_path / "rules").iterdir()) if path.name != "recording.yaml"]
    checked = run(tmp_path, "check", *files)
    assert checked.returncode == 0 and checked.stdout.count("nothing wrong") == 6, checked.stdout + checked.stderr
    (tmp_path / "t.yaml").write_text(
        "rule_files: [rules/alerts-stack.yaml]\ntests:\n"
        "  - input_series: [{series: 'up{job=\"a\"}', values: '0x20'}]\n"
        "    alert_rule_test: [{eval_time: 10m, alertname: TargetDown}]\n",
        encoding="utf-8",
    )
    tested = run(tmp_path, "test", "t.yaml")
    assert tested.returncode == 1 and "t.yaml:4: TargetDown at 10m" in tested.stdout
    assert "firing but not expected" in tested.stdout and "t.yaml: 1 checks, 1 failed" in tested.stdout


def test_mistakes_are_told_in_a_line(tmp_path: Path) -> None:
    several = run(tmp_path, "export", "all")
    assert several.returncode == 2 and "give --out DIR" in several.stderr
    (tmp_path / "bad.yaml").write_text("rules:\n  alerts:\n    GpuHto: {threshold: 70}\n", encoding="utf-8")
    wrong = run(tmp_path, "export", "alerts", "--config", "bad.yaml")
    assert (
        wrong.returncode == 2
        and 'bad.yaml:3: rules.alerts.GpuHto: unknown alert rule, did you mean "GpuHot"?' in wrong.stderr
    )
    missing = run(tmp_path, "check", "none.yaml")
    assert missing.returncode == 2 and "none.yaml: cannot be read" in missing.stderr
    (tmp_path / "r.yaml").write_text(
        "groups: [{name: g, rules: [{alert: A, expr: llm_request_total > 1,"
        " annotations: {runbook: '$ inferdeck fly'}}]}]\n",
        encoding="utf-8",
    )
    checked = run(tmp_path, "check", "r.yaml")
    assert checked.returncode == 1 and "unknown metric" in checked.stdout and "inferdeck fly" in checked.stdout


def test_values_are_listed_as_they_are_in_force(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("rules: {values: {slo_success: 0.5}}\n", encoding="utf-8")
    found = run(tmp_path, "values", "--config", "c.yaml")
    assert "  slo_success: 0.5" in found.stdout and "rules.alerts.HighErrorRate\n" in found.stdout


def test_grafana_gets_its_files(tmp_path: Path) -> None:
    made = run(tmp_path, "export", "alerts", "--grafana", "--datasource", "mine")
    assert made.returncode == 0 and "datasourceUid: mine" in made.stdout
    assert run(tmp_path, "export", "maintenance", "--grafana").returncode == 2
