"""Templates of alerts give what Prometheus gives: promtool is asked about every one of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from inferdeck.errors import UsageError
from inferdeck.rules import prometheus_file, templates, unit_tests
from inferdeck.rules.rule import Rule, RuleGroup
from inferdeck.rules.templates import Data, expand

TEMPLATES = {
    "plain": "a } b { c",
    "label": "{{ $labels.model }} {{.Labels.model}} {{ $labels.none }}|",
    "value": "{{ $value }}",
    "humanize": "{{ $value | humanize }} {{ humanize $value }}",
    "humanize1024": "{{ $value | humanize1024 }}",
    "duration": "{{ $value | humanizeDuration }}",
    "percentage": "{{ $value | humanizePercentage }}",
    "timestamp": "{{ 1700000000 | humanizeTimestamp }}",
    "printf": '{{ printf "%.2f" $value }} {{ $value | printf "%.3e" }} {{ printf "%s %% %v" $labels.model $value }}',
    "upper": "{{ $labels.model | toUpper }} {{ toLower `ABC` }}",
    "trimmed": "a  {{- $labels.model -}}  b",
    "comment": "a{{/* nothing */}}b",
    "external": "{{ $externalLabels.site }} {{ .ExternalLabels.site }}",
}
VALUES = (
    *("1", "0.5", "-0.25", "1234.5678", "1000000", "123456789", "1e17", "2.5e-7", "0.00012", "0.1", "100000"),
    *("59.5", "61", "3600", "90061.5", "-90061", "1048576", "999.99", "999999", "1e-30", "0.000001", "33.333333333"),
    *("12345678.9", "299792458", "0.30000000000000004"),
)


def _file(folder: Path) -> Path:
    rules = [Rule("x", alert="A", labels={"shown": "{{ $value | humanize }}"}, annotations=TEMPLATES)]
    text = prometheus_file.text([RuleGroup("g", tuple(rules))])
    (folder / "rules.yaml").write_text(text, encoding="utf-8")
    tests = []
    for value in VALUES:
        shown = Data({"model": "M-1"}, float(value), {"site": "here"})
        expected = {
            "exp_labels": {"model": "M-1", "shown": expand("{{ $value | humanize }}", shown)},
            "exp_annotations": {name: expand(text, shown) for name, text in TEMPLATES.items()},
        }
        tests.append(
            {
                "external_labels": {"site": "here"},
                "input_series": [{"series": 'x{model="M-1"}', "values": value}],
                "alert_rule_test": [{"eval_time": "0m", "alertname": "A", "exp_alerts": [expected]}],
            }
        )
    path = folder / "tests.yaml"
    path.write_text(prometheus_file.dumped({"rule_files": ["rules.yaml"], "tests": tests}), encoding="utf-8")
    return path


@pytest.mark.real
def test_promtool_expands_them_alike(tmp_path: Path) -> None:
    path = _file(tmp_path)
    assert not unit_tests.run(path).failures
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    found = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False, timeout=100)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    "text",
    [
        "{{ if $value }}a{{ end }}",
        "{{ range query `up` }}{{ end }}",
        "{{ $x := 1 }}",
        "{{ nothing $value }}",
        "{{ $labels }}",
        "{{ $labels.a.b }}",
        "{{ }}",
        "{{ humanize }}",
        '{{ printf "%d" $value }}',
        '{{ printf "%f" }}',
        '{{ "x" | humanize }}',
        "{{ 1 2 }}",
        "{{ $value | 3 }}",
    ],
)
def test_what_is_not_understood_is_refused_not_guessed(text: str) -> None:
    with pytest.raises(UsageError):
        expand(text, Data({}, 1.0))
    assert templates.check(text)[1]


def test_the_labels_of_a_template_are_found() -> None:
    assert templates.check("{{ $labels.a }} {{ .Labels.b | toUpper }} {{ $value }}") == ({"a", "b"}, "")
