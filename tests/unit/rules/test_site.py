"""What a site changes: its values, what it excludes, its maintenance windows; each mistake with file, line and key."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from inferdeck.config.load import load
from inferdeck.config.schema import WEEKDAYS, MaintenanceWindow, Settings
from inferdeck.errors import ConfigError
from inferdeck.query.promql.engine import Engine
from inferdeck.rules import export, loader, maintenance, unit_tests
from inferdeck.rules.site import Family, Site, excluding
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.rules import writing

THURSDAY = 1_772_668_800
"""2026-03-05 00:00 UTC."""


def settings(folder: Path, text: str) -> Settings:
    path = folder / "inferdeck.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path=path, environ={}, kinds={})


def site(folder: Path, text: str) -> Site:
    return Site(loader.shipped(), settings(folder, text))


def test_values_stand_in_expression_and_words(tmp_path: Path) -> None:
    found = writing.rules(
        site(
            tmp_path,
            """rules:
  values: {slo_success: 0.999, slo_latency_seconds: 30}
  alerts:
    HighErrorRate: {threshold: 0.25, window: 10m, for: 1h, keep_firing_for: 5m, severity: info}
    GpuHot: {enabled: false}
    ProviderBudgetBurnFast: {factor: 10}
""",
        )
    )
    rule = found["HighErrorRate"]
    assert "> 0.25" in rule.expr and "[10m]" in rule.expr and "[5m]" not in rule.expr
    assert (rule.hold, rule.keep, rule.labels["severity"]) == ("1h", "5m", "info")
    assert "the limit is 25 %" in rule.annotations["description"] and "10m" in rule.annotations["description"]
    assert "> 0.25" in found["LLMGatewayHighErrorRate"].expr and "> 0.2\n" in found["CriticalErrorRate"].expr
    assert "GpuHot" not in found
    assert "14.4 * (1 - 0.999)" in found["SuccessBudgetBurnFast"].expr
    assert "10 * (1 - 0.99)" in found["ProviderBudgetBurnFast"].expr
    assert r'le=~"30(\\.0)?"' in found["LatencyBudgetBurnFast"].expr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  alerts:\n    GpuHt: {threshold: 1}\n", ':3: rules.alerts.GpuHt: unknown alert rule, did you mean "GpuHot"'),
        ("  alerts:\n    GpuHot:\n      treshold: 9\n", ':4: rules.alerts.GpuHot.treshold: unknown value, did you'),
        ("  alerts:\n    GpuHot: {threshold: hot}\n", ":3: rules.alerts.GpuHot.threshold: expected a number"),
        ("  alerts:\n    GpuHot: {for: soon}\n", ':3: rules.alerts.GpuHot.for: "soon" is no duration of Prometheus'),
        ("  alerts:\n    GpuHot: {severity: bad}\n", ":3: rules.alerts.GpuHot.severity: expected critical,"),
        ("  values: {slo_sucess: 1}\n", ':2: rules.values.slo_sucess: unknown value, did you mean "slo_success"?'),
        ("  values: {self_hosted: 3}\n", ":2: rules.values.self_hosted: expected text"),
        ("  exclude: {1x: [a]}\n", ':2: rules.exclude: "1x" is not a label name'),
        ("  maintenance: {name: x, days: [sat]}\n", ":2: rules.maintenance: give start and end, or days and hours"),
        ("  maintenance: {name: x, start: 2026-03-02T00:00:00Z, end: 2026-03-01T00:00:00Z}\n", "ends before it starts"),
        ("  maintenance: {name: x, start: 2026-03-02, end: 2026-03-03}\n", "is no moment; write"),
        ("  maintenance: {name: x, days: [sat], hours: 2-4}\n", '"2-4" is no span of a day; write 02:00-04:00'),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_key(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as found:
        site(tmp_path, f"rules:\n{text}")
    assert says in str(found.value) and str(tmp_path / "inferdeck.yaml") in str(found.value)


def test_excluded_series_are_left_out_of_every_selector() -> None:
    expr = 'sum(rate(a{x="1",}[5m])) / sum(rate(a[5m] offset 5m)) > on () group_left b{} + {__name__="c"}'
    found = excluding(expr, {"model": ["m.1", "n"], "environment": ["dev"]})
    both = r'environment!="dev", model!~"m\\.1|n"'
    wanted = f'sum(rate(a{{x="1", {both}}}[5m])) / sum(rate(a{{{both}}}[5m] offset 5m))'
    assert found == f'{wanted} > on () group_left b{{{both}}} + {{__name__="c", {both}}}'
    assert excluding(expr, {}) == expr


WEEKLY = MaintenanceWindow(name="w", days=("thu",), hours="23:00-01:30")


@pytest.mark.parametrize(
    ("window", "seconds", "inside"),
    [
        (WEEKLY, 22 * 3600 + 3599, False),
        (WEEKLY, 23 * 3600, True),
        (WEEKLY, 25 * 3600, True),
        (WEEKLY, 25 * 3600 + 1800, False),
        (WEEKLY, 3600, False),
        (WEEKLY, 47 * 3600, False),
        (MaintenanceWindow(name="d", days=("thu",), hours="02:00-24:00"), 2 * 3600, True),
        (MaintenanceWindow(name="d", days=("thu",), hours="02:00-24:00"), 24 * 3600, False),
        (MaintenanceWindow(name="s", days=("wed", "sun"), hours="00:00-23:59"), 3600, False),
        (MaintenanceWindow(name="a", days=WEEKDAYS, hours="05:00-06:00"), 18001, True),
        (MaintenanceWindow(name="o", start="2026-03-05T01:00:00+01:00", end="2026-03-05T01:00:00Z"), 0, True),
        (MaintenanceWindow(name="o", start="2026-03-05T01:00:00+01:00", end="2026-03-05T01:00:00Z"), 3600, False),
    ],
)  # fmt: skip
def test_a_window_is_there_while_it_lasts(window: MaintenanceWindow, seconds: int, inside: bool) -> None:
    found = Engine(MemoryStore()).instant(maintenance.expression(window), (THURSDAY + seconds) * 1000)
    assert found.values.tolist() == ([[1.0]] if inside else [])


WINDOWS = """rules:
  alerts: {ProviderUnhealthy: {for: 1m}}
  maintenance:
    - {name: all, start: 1970-01-01T01:00:00Z, end: 1970-01-01T02:00:00Z}
    - {name: staging, start: 1970-01-01T03:00:00Z, end: 1970-01-01T04:00:00Z, labels: {environment: staging}}
    - {name: one, days: thu, hours: "05:00-06:00", labels: {gateway: gw, provider: openai}}
    - {name: elsewhere, days: thu, hours: "00:00-24:00", labels: {engine: e}}
"""


def _during(folder: Path) -> Path:
    """Write tests of an alert in two environments through the hours of the windows."""
    found = site(folder, WINDOWS)
    for name, text in export.files(found).items():
        (folder / name).write_text(text, encoding="utf-8")
    rule = writing.rules(found)["ProviderUnhealthy"]
    shown = {"prod": {"gateway": "gw", "provider": "openai"}, "staging": {"gateway": "gw", "provider": "azure"}}
    times = {
        0.5: shown,
        1.5: {},
        2.5: shown,
        3.5: {"prod": shown["prod"]},
        5.5: {"staging": shown["staging"]},
        6.5: shown,
    }
    tests = {
        "interval": "1m",
        "input_series": [
            {"series": f'llm_provider_health{{environment="{env}",gateway="gw",provider="{name}"}}', "values": "0x420"}
            for env, name in (("prod", "openai"), ("staging", "azure"))
        ],
        "alert_rule_test": [
            {
                "eval_time": f"{int(hours * 60)}m",
                "alertname": "ProviderUnhealthy",
                "exp_alerts": [
                    writing.expected(rule, {"environment": env, **own}, 0.0) for env, own in firing.items()
                ],
            }
            for hours, firing in times.items()
        ],
        "promql_expr_test": [
            {
                "expr": "count by (window, scope) (inferdeck_maintenance)",
                "eval_time": "90m",
                "exp_samples": [
                    {"labels": '{scope="all", window="all"}', "value": 1},
                    {"labels": '{scope="labels", window="elsewhere"}', "value": 1},
                ],
            }
        ],
    }  # fmt: skip
    return writing.written(folder, ["maintenance.yaml", "alerts-canonical.yaml"], [tests])


def test_alerts_are_silent_for_what_a_window_covers(tmp_path: Path) -> None:
    path = _during(tmp_path)
    report = unit_tests.run(path)
    assert not report.failures, "\n".join(failure.text for failure in report.failures)
    promtool = shutil.which("promtool")
    if promtool is not None:
        found = subprocess.run(
            [promtool, "test", "rules", path], capture_output=True, text=True, check=False, timeout=100
        )
        assert found.returncode == 0, found.stdout + found.stderr


def test_grafana_gets_the_windows_in_the_rules_themselves(tmp_path: Path) -> None:
    groups = site(tmp_path, WINDOWS).groups(Family.CANONICAL, alone=True)
    expr = next(rule.expr for group in groups for rule in group.rules if rule.alert == "ProviderUnhealthy")
    assert maintenance.SERIES not in expr
    assert expr.count("unless on") == 3 and "unless on (gateway, provider) label_replace(label_replace(" in expr
    engine, store = Engine(MemoryStore()), MemoryStore()
    assert engine.instant(expr, 5400_000).values.size == 0 and store.select((), 0, 1) == []


@pytest.mark.real
def test_promtool_accepts_every_file(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    for name, text in export.files(site(tmp_path, WINDOWS + "  exclude: {environment: [dev, test]}\n")).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        found = subprocess.run(
            [promtool, "check", "rules", tmp_path / name], capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout + found.stderr
