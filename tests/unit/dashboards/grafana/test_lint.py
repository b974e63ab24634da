"""The linter: each kind of mistake with its replacement, and none where there is none."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inferdeck.cli import main
from inferdeck.dashboards import loader
from inferdeck.dashboards.grafana import export, lint, live, names, questions, selectors
from inferdeck.dashboards.grafana.lint import Finding
from inferdeck.dashboards.grafana.live import Live
from inferdeck.dashboards.remarks import Severity
from inferdeck.errors import ConfigError
from inferdeck.sources import catalog, vocabulary

SAMPLES = catalog.FOLDER / "vllm" / "samples"
TTFT = "vllm:time_to_first_token_seconds_bucket"
PAGE = b"""
# TYPE redis_connected_clients gauge
redis_connected_clients 3
# TYPE redis_keyspace_hits_total counter
redis_keyspace_hits_total 3
# TYPE litellm_requests_metric_total counter
litellm_requests_metric_total{model="a",team="b"} 3
# TYPE litellm_llm_api_time_to_first_token_metric histogram
"""


def page(version: str = "0.33.0-families") -> Live:
    return live.of_page(gzip.decompress((SAMPLES / f"{version}.txt.gz").read_bytes()))


def dashboard(*exprs: str, unit: str = "", legend: str = "", **more: Any) -> bytes:
    targets = [{"refId": "A", "expr": expr, "legendFormat": legend} for expr in exprs]
    panel = {"id": 1, "title": "P", "fieldConfig": {"defaults": {"unit": unit}}, "targets": targets}
    return json.dumps({"panels": [panel], **more}).encode()


def rules(*exprs: str) -> bytes:
    found = [{"alert": "A", "expr": expr} for expr in exprs]
    return json.dumps({"groups": [{"name": "g", "rules": found}]}).encode()


def mistakes(body: bytes, there: Live, *, advice: bool = False) -> list[Finding]:
    found = lint.lint("f", questions.read(body, "f"), there)
    return [one for one in found if advice or one.severity is Severity.ERROR]


OLD = {
    "vllm:gpu_cache_usage_perc": "vllm:kv_cache_usage_perc",
    "rate(vllm:time_per_output_token_seconds_sum[5m])": "vllm:inter_token_latency_seconds_sum",
    "vllm:num_requests_swapped": "rate(vllm:num_preemptions_total[5m])",
    "vllm:gpu_prefix_cache_hit_rate": (
        "rate(vllm:prefix_cache_hits_total[5m]) / rate(vllm:prefix_cache_queries_total[5m])"
    ),
    "rate(vllm:gpu_prefix_cache_hits_total[5m])": "vllm:prefix_cache_hits_total",
    "rate(vllm:gpu_prefix_cache_queries_total[5m])": "vllm:prefix_cache_queries_total",
    "vllm:spec_decode_draft_acceptance_rate": (
        "rate(vllm:spec_decode_num_accepted_tokens_total[5m]) / rate(vllm:spec_decode_num_draft_tokens_total[5m])"
    ),
    "rate(vllm:time_in_queue_requests_count[5m])": "vllm:request_queue_time_seconds_count",
    "rate(vllm:model_forward_time_milliseconds_sum[5m])": "vllm:request_inference_time_seconds_sum",
}


@pytest.mark.parametrize("expr", OLD)
def test_a_dashboard_for_vllm_0_8_5_gets_every_replacement_on_0_33(expr: str) -> None:
    (found,) = mistakes(dashboard(expr), page())
    assert (found.fault, found.instead) == ("dead-metric", OLD[expr])
    assert mistakes(dashboard(found.instead if "(" in found.instead else f"rate({found.instead}[5m])"), page()) == [
        one for one in mistakes(dashboard(f"rate({found.instead}[5m])"), page()) if "(" not in found.instead
    ]


def test_what_ended_without_a_successor_says_why() -> None:
    (found,) = mistakes(dashboard("vllm:cpu_cache_usage_perc"), page())
    assert found.instead == ""
    assert "nothing says the same now" in found.text


def test_every_family_of_0_8_5_is_live_there_or_has_an_answer_on_0_33() -> None:
    now, then = page(), page("0.8.5-families")
    for sample in sorted(then.samples):
        if not sample.startswith("vllm:") or sample.endswith("_created") or now.has(sample):
            continue
        found = names.verdict(sample, now)
        assert found.state in (names.State.RENAMED, names.State.ENDED, names.State.NOT_YET), sample


def test_replacements_in_the_catalogs_can_be_asked_and_exist() -> None:
    for one in vocabulary.catalogs():
        for metric in one.metrics:
            if not metric.instead:
                continue
            assert metric.until
            for selector in lint._selectors(selectors.read(metric.instead).expr):
                known = vocabulary.find(selector.name)
                assert known, metric.instead
                assert not known[0].metric.until, metric.instead


def test_the_same_dashboard_is_right_on_its_own_version() -> None:
    # The other ones are of the engine that 0.8.5 still had beside it.
    exprs = [expr for expr in OLD if ("gpu_" in expr and "hit_rate" not in expr) or "per_output" in expr]
    assert [one for one in mistakes(dashboard(*exprs), page("0.8.5-families")) if one.fault == "dead-metric"] == []


def test_renamed_metrics_are_named_without_any_target() -> None:
    (found,) = mistakes(dashboard("vllm:gpu_cache_usage_perc"), Live())
    assert found.instead == "vllm:kv_cache_usage_perc"


def test_a_typing_mistake_gets_the_nearest_live_name() -> None:
    (found,) = mistakes(dashboard("vllm:num_request_running"), page())
    assert found.instead == "vllm:num_requests_running"


def test_a_known_metric_that_is_not_there_yet_is_no_mistake() -> None:
    there = live.of_page(PAGE)
    found = mistakes(rules("rate(litellm_proxy_failed_requests_metric_total[5m]) > 1"), there, advice=True)
    assert [one.fault for one in found] == ["not-yet"]
    assert mistakes(dashboard("rate(litellm_llm_api_time_to_first_token_metric_count[5m])"), there) == []


def test_metrics_of_other_targets_and_of_recording_rules_are_left_alone() -> None:
    there = live.of_page(PAGE)
    body = rules("haproxy_up == 0", "job:x:rate5m > 1", "vllm:num_requests_waiting > 5")
    assert {one.fault for one in mistakes(body, there, advice=True)} == {"elsewhere", "no-target"}
    assert mistakes(body, there) == []


def test_names_without_colons_get_the_engines_own() -> None:
    (found,) = mistakes(dashboard("rate(vllm_request_success_total[5m])"), page())
    assert found.instead == "vllm:request_success_total"
    assert mistakes(dashboard("rate(vllm_request_success_total[5m])"), Live()) == []


def test_what_an_exporter_has_beyond_our_catalog_is_no_mistake_but_a_near_name_is() -> None:
    there = live.of_page(PAGE)
    assert mistakes(dashboard("redis_total_system_memory_bytes"), there) == []
    (found,) = mistakes(dashboard("redis_connected_client"), there)
    assert found.instead == "redis_connected_clients"


def test_a_legend_asks_for_a_label_that_the_sum_took_away() -> None:
    body = dashboard("sum by (model) (increase(litellm_requests_metric_total[5m]))", legend="{{team}} {{model}}")
    (found,) = mistakes(body, live.of_page(PAGE), advice=True)
    assert (found.fault, found.subject, found.severity) == ("dead-label", "team", Severity.ADVICE)


def test_a_label_in_other_letters_gets_the_right_ones() -> None:
    there = live.of_page(b'DCGM_FI_DEV_GPU_TEMP{UUID="a"} 1\n')
    (found,) = mistakes(dashboard("max by (uuid) (DCGM_FI_DEV_GPU_TEMP)"), there)
    assert found.instead == "UUID"


def test_a_counter_without_its_end_gets_it() -> None:
    (found,) = mistakes(dashboard("rate(vllm:num_preemptions[5m])"), page())
    assert found.instead == "vllm:num_preemptions_total"


def test_what_the_rules_of_a_file_record_is_there() -> None:
    made = {"groups": [{"rules": [{"record": "a:b", "expr": "vector(1)"}, {"alert": "x", "expr": "a:b > 1"}]}]}
    assert mistakes(json.dumps(made).encode(), live.of_page(PAGE), advice=True) == []


@pytest.mark.parametrize(
    ("expr", "label", "instead"),
    [
        ('sum by (le) (rate(vllm:request_success_total{model="m"}[5m]))', "model", "model_name"),
        ("sum by (model) (vllm:num_requests_running)", "model", "model_name"),
        ('vllm:num_requests_running{modelname=~"a.+"}', "modelname", "model_name"),
    ],
)
def test_a_label_that_no_series_has_is_dead(expr: str, label: str, instead: str) -> None:
    found = [one for one in mistakes(dashboard(expr), page("0.32.0-metrics-busy")) if one.subject == label]
    assert [(one.fault, one.instead) for one in found] == [("dead-label", instead)]


@pytest.mark.parametrize(
    "expr",
    [
        'vllm:num_requests_running{namespace="x", pod=~"$pod"}',
        'vllm:num_requests_running{nothing=""}',
        "sum without (nothing) (vllm:num_requests_running)",
        "sum by (namespace, model_name) (vllm:num_requests_running)",
        'label_replace(vllm:num_requests_running, "short", "$1", "model_name", "(.*)/.*")',
        'sum by (short) (label_replace(vllm:num_requests_running, "short", "$1", "model_name", "(.*)/.*"))',
        "vllm:num_requests_running * on (instance) group_left (version) anything_info",
        'count_values by (model_name) ("v", vllm:num_requests_running)',
    ],
)
def test_labels_that_prometheus_or_the_query_adds_are_no_mistake(expr: str) -> None:
    assert mistakes(dashboard(expr, legend="{{short}}{{version}}"), page("0.32.0-metrics-busy")) == []


def test_in_a_store_also_added_labels_can_be_dead() -> None:
    there = live.of_series([(("__name__", "redis_connected_clients"), ("job", "redis"))], ["redis"])
    (found,) = mistakes(dashboard('redis_connected_clients{namespace="x"}'), there)
    assert found.fault == "dead-label"


def test_a_variable_of_a_label_that_is_not_there() -> None:
    query = 'label_values(vllm:num_requests_running{namespace="a"}, model)'
    variables = {"list": [{"type": "query", "name": "m", "query": {"query": query}}]}
    found = mistakes(dashboard(templating=variables), page("0.32.0-metrics-busy"))
    assert [(one.fault, one.subject) for one in found] == [("dead-label", "model")]


@pytest.mark.parametrize(
    ("expr", "fault"),
    [
        ("sum(DCGM_FI_DEV_GPU_UTIL)", "aggregation"),
        ("sum by (model_name) (vllm:kv_cache_usage_perc)", "aggregation"),
        ("rate(vllm:num_requests_running[5m])", "counter"),
        (
            "histogram_quantile(0.9, sum by (model_name) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
            "quantile",
        ),
        ("histogram_quantile(0.9, sum by (le) (vllm:time_to_first_token_seconds_bucket))", "quantile"),
        ("sum(rate(", "syntax"),
    ],
)
def test_what_is_added_or_rated_wrongly(expr: str, fault: str) -> None:
    assert [one.fault for one in mistakes(dashboard(expr), Live())] == [fault]


@pytest.mark.parametrize(
    "expr",
    [
        "avg(DCGM_FI_DEV_GPU_UTIL)",
        "histogram_quantile(0.9, rate(vllm:time_to_first_token_seconds_bucket[30s]))",
        "histogram_quantile(0.9, sum without (engine) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
        "sum(vllm:num_requests_running)",
        "topk($n, sum by ($by) (rate(vllm:prompt_tokens_total[$interval])))",
        'rate(node_cpu_seconds_total{mode!="idle"}[[[interval]]])',
        'count(sum by (release) (label_replace(node_uname_info, "a", "$1", "release", "(.*)")))',
        "rate(node_vmstat_pgmajfault[1m]) > 1000",
        "time() - redis_rdb_last_save_timestamp_seconds > 60 * 60 * 24",
        "sum(container_spec_cpu_quota / container_spec_cpu_period)",
    ],
)
def test_what_is_right_is_left_alone(expr: str) -> None:
    assert mistakes(dashboard(expr), Live()) == []


@pytest.mark.parametrize(
    ("expr", "unit", "instead"),
    [
        ("avg(vllm:kv_cache_usage_perc)", "percent", 'the unit "percentunit"'),
        ("avg(vllm:kv_cache_usage_perc) * 100", "percentunit", 'the unit "percent"'),
        ("redis_memory_used_bytes", "s", 'the unit "bytes"'),
        ("rate(node_network_receive_bytes_total[5m])", "bytes", 'the unit "binBps"'),
        (
            "histogram_quantile(0.9, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))",
            "ms",
            'the unit "s"',
        ),
    ],
)
def test_a_unit_that_does_not_fit(expr: str, unit: str, instead: str) -> None:
    (found,) = mistakes(dashboard(expr, unit=unit), Live())
    assert (found.fault, found.instead) == ("unit", instead)


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        ("avg(vllm:kv_cache_usage_perc)", "percentunit"),
        ("redis_memory_used_bytes", "decbytes"),
        ("redis_memory_used_bytes * 8", "bits"),
        ("rate(node_network_receive_bytes_total[5m]) * 8", "bps"),
        ("sum(rate(vllm:spec_decode_num_accepted_tokens_total[5m])) / sum(rate(x[5m]))", "percentunit"),
        ("1 - avg(rate(node_cpu_seconds_total[5m]))", "percentunit"),
        ("anything_at_all", "ms"),
        ("redis_memory_used_bytes", "short"),
    ],
)
def test_a_unit_that_fits_or_cannot_be_judged(expr: str, unit: str) -> None:
    assert mistakes(dashboard(expr, unit=unit), Live()) == []


def newer(inner: Any) -> Any:
    query = {"spec": {"query": {"spec": inner["panels"][0]["targets"][0]}}}
    panel = {"id": 1, "title": "P", "data": {"spec": {"queries": [query]}}}
    return {"kind": "Dashboard", "spec": {"elements": {"p": {"spec": panel}}}}


FORMS: dict[str, Callable[[Any], Any]] = {
    "wrapped": lambda inner: {"dashboard": inner},
    "rows of old": lambda inner: {"rows": [{"panels": inner["panels"]}]},
    "panels in a row": lambda inner: {"panels": [{"type": "row", "panels": inner["panels"]}]},
    "the newer model": newer,
}


@pytest.mark.parametrize("form", FORMS)
def test_dashboards_of_every_age_are_read(form: str) -> None:
    body = json.dumps(FORMS[form](json.loads(dashboard("vllm:gpu_cache_usage_perc")))).encode()
    assert [one.fault for one in mistakes(body, page())] == ["dead-metric"]


def test_rules_of_the_operator_are_read() -> None:
    rule = b"    - {alert: A, expr: 'vllm:gpu_cache_usage_perc > 1'}\n"
    text = b"kind: PrometheusRule\nspec:\n  groups:\n  - rules:\n" + rule
    assert [one.fault for one in mistakes(text, page())] == ["dead-metric"]


def test_queries_of_other_data_sources_are_left_alone() -> None:
    found = json.loads(dashboard('{job="x"} |= "error"'))
    found["panels"][0]["datasource"] = {"type": "loki", "uid": "x"}
    assert questions.read(json.dumps(found).encode(), "f").questions == ()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"a: b", b'{"a": 1}', b"\xff\xfe", b"{" * 100_000, b"- &a [*a]"])
def test_what_is_no_dashboard_is_refused(body: bytes) -> None:
    with pytest.raises(ConfigError):
        questions.read(body, "f")


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], [[]], {"list": 1}, [{"targets": 1}], [{"panels": "x"}]])
@pytest.mark.parametrize("key", ["panels", "rows", "templating", "annotations"])
def test_values_of_the_wrong_kind_do_no_harm(key: str, value: Any) -> None:
    questions.read(json.dumps({"panels": [], key: value}).encode(), "f")


def test_our_own_exports_have_no_mistake() -> None:
    for one in loader.shipped():
        body = export.text(export.classic(one.dashboard, cluster=False)).encode()
        assert mistakes(body, Live()) == [], one.dashboard.uid


def test_the_command_prints_what_to_write_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, metrics = tmp_path / "d.json", tmp_path / "page.txt"
    file.write_bytes(dashboard("vllm:gpu_cache_usage_perc", 'up{a="\x1b[31m"}'))
    metrics.write_bytes(gzip.decompress((SAMPLES / "0.33.0-families.txt.gz").read_bytes()))
    assert main(["grafana", "lint", str(file), "--metrics", str(metrics)]) == 1
    shown = capsys.readouterr().out
    assert "use vllm:kv_cache_usage_perc" in shown
    assert "\x1b" not in shown
    assert main(["grafana", "lint", str(file), "--metrics", str(metrics), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["instead"] == "vllm:kv_cache_usage_perc"
    file.write_bytes(dashboard("vllm:kv_cache_usage_perc"))
    assert main(["grafana", "lint", str(file), "--metrics", str(metrics)]) == 0
