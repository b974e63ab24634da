"""What is wrong with a query by the catalogs."""

from __future__ import annotations

import pytest

from inferdeck.dashboards import dimensions
from inferdeck.dashboards.remarks import Fault
from inferdeck.dashboards.review import review

P90 = "histogram_quantile(0.9, sum by (le, gateway) (rate(llm_request_duration_seconds_bucket[5m])))"
GOOD = [
    "up == 0",
    "count(up == 0) or vector(0)",
    "sum by (gateway) (rate(llm_requests_total[5m]))",
    'sum by (model) (rate(llm_requests_total{gateway="a"}[5m]))',
    'sum(rate(llm_requests_total{gateway="a"}[5m]))',
    "sum without (instance) (rate(llm_requests_total[5m]))",
    "histogram_quantile(0.9, sum by (le, gateway) (rate(llm_request_duration_seconds_bucket[5m])))",
    'histogram_quantile(0.9, (sum by (le) (increase(llm_request_duration_seconds_bucket{gateway="a"}[5m]))))',
    "avg by (gpu) (DCGM_FI_DEV_GPU_UTIL)",
    "sum(count by (model) (llm_engine_info))",
    "sum(node_memory_MemAvailable_bytes)",
    "sum(up == 1)",
    "topk(3, sum by (gateway, model) (increase(llm_cost_total[24h])))",
    "sum by (instance, model_name) (vllm:num_requests_running)",
    "sum without (engine) (vllm:num_requests_running)",
    "sum by (engine) (llm_engine_requests_running) * on (engine) group_left (version) llm_engine_info",
    "time() - max(inferdeck_event_timestamp_seconds)",
    "predict_linear(node_filesystem_avail_bytes[6h], 86400)",
    "sum by (name) (container_memory_usage_bytes)",
    "sum(llm_gateway_llm_gateway_active_requests)",
]
BAD = [
    ("rate(llm_request_total[5m])", Fault.UNKNOWN_METRIC, 'did you mean "llm_requests_total"?'),
    ("sum(nobody_knows_this)", Fault.UNKNOWN_METRIC, "no catalog has it"),
    ('{job="a"}', Fault.UNKNOWN_METRIC, "name the metric"),
    ('up{modell="x"}', Fault.UNKNOWN_LABEL, 'no label "modell"'),
    ("sum by (gateway, colour) (rate(llm_requests_total[5m]))", Fault.UNKNOWN_LABEL, '"colour"'),
    ("llm_requests_total", Fault.COUNTER, "only grows"),
    ("sum by (gateway) (llm_requests_total)", Fault.COUNTER, "only grows"),
    ("rate(DCGM_FI_DEV_GPU_TEMP[5m])", Fault.COUNTER, "no counter"),
    ("deriv(llm_requests_total[5m])", Fault.COUNTER, "is a counter"),
    ("sum by (gateway) (rate(llm_requests_total[15s]))", Fault.COUNTER, "$__rate_interval"),
    ("sum(DCGM_FI_DEV_GPU_UTIL)", Fault.AGGREGATION, "percentage; use avg"),
    ("sum(llm_engine_kv_cache_usage_ratio)", Fault.AGGREGATION, "ratio"),
    ("sum(avg_over_time(DCGM_FI_DEV_GPU_UTIL[5m]) / 100)", Fault.AGGREGATION, "percentage"),
    (
        "sum(rate(node_disk_reads_completed_total[5m]) / rate(node_disk_writes_completed_total[5m]))",
        Fault.AGGREGATION,
        "divide the sums",
    ),
    (
        f"avg by (gateway) ({P90})",
        Fault.AGGREGATION,
        "quantile",
    ),
    ("sum(rate(llm_requests_total[5m]))", Fault.ACROSS_GATEWAYS, "gateway"),
    ("sum by (model) (rate(llm_requests_total[5m]))", Fault.ACROSS_GATEWAYS, "by (…)"),
    ("sum without (gateway) (rate(llm_requests_total[5m]))", Fault.ACROSS_GATEWAYS, "gateway"),
    ('sum(rate(llm_requests_total{gateway=~"a|b"}[5m]))', Fault.ACROSS_GATEWAYS, "gateway"),
    ("sum(sum by (gateway) (rate(llm_cost_total[5m])))", Fault.ACROSS_GATEWAYS, "gateway"),
    ('histogram_quantile(0.9, rate(llm_request_duration_seconds_bucket{gateway="a"}[5m]))', Fault.QUANTILE, "sum by"),
    ("histogram_quantile(0.9, sum by (gateway) (rate(llm_request_duration_seconds_bucket[5m])))", Fault.QUANTILE, "le"),
    ("histogram_quantile(0.9, sum by (le, gateway) (llm_request_duration_seconds_bucket))", Fault.QUANTILE, "rate"),
    ("vllm:num_requests_running", Fault.AGGREGATION, "per rank"),
    ("DCGM_FI_DEV_GPU_TEMP + node_memory_MemAvailable_bytes", Fault.UNIT, "celsius and bytes"),
    ("sum(rate(", Fault.SYNTAX, ""),
]
UNITS = [
    ("sum by (gateway) (rate(llm_requests_total[5m]))", "rate", True),
    ("sum by (gateway) (rate(llm_requests_total[5m])) * 60", "per_minute", True),
    ("sum by (gateway) (rate(llm_requests_total[5m]))", "per_minute", False),
    ("sum by (gateway) (increase(llm_requests_total[1h]))", "count", True),
    ("sum by (gateway) (increase(llm_requests_total[1h]))", "rate", False),
    ("DCGM_FI_DEV_GPU_UTIL", "percent", False),
    ("DCGM_FI_DEV_GPU_UTIL / 100", "percent", True),
    ("DCGM_FI_DEV_FB_USED", "bytes", False),
    ("DCGM_FI_DEV_FB_USED * 1024 * 1024", "bytes", True),
    ("sum by (gateway) (rate(llm_cost_total[5m])) * 3600", "money_per_hour", True),
    ("sum by (gateway) (rate(llm_cost_total[5m]))", "money_per_hour", False),
    ("histogram_quantile(0.9, sum by (le, gateway) (rate(llm_request_duration_seconds_bucket[5m])))", "seconds", True),
    ("histogram_quantile(0.9, sum by (le, gateway) (rate(llm_request_duration_seconds_bucket[5m])))", "bytes", False),
    (
        "sum by (gateway) (rate(llm_cache_hits_total[5m])) / sum by (gateway) (rate(llm_requests_total[5m]))",
        "percent",
        True,
    ),
    (
        "sum by (gateway) (rate(llm_cache_hits_total[5m])) / sum by (gateway) (rate(llm_requests_total[5m])) * 100",
        "percent",
        False,
    ),
    (
        "sum by (gateway) (rate(llm_request_duration_seconds_sum[5m]))"
        " / sum by (gateway) (rate(llm_request_duration_seconds_count[5m]))",
        "seconds",
        True,
    ),
    ("1 - rate(node_cpu_seconds_total[5m])", "percent", True),
    ("time() - max(inferdeck_event_timestamp_seconds)", "age", True),
    ("max(inferdeck_event_timestamp_seconds)", "timestamp", True),
    (
        "1e6 * sum by (gateway) (increase(llm_cost_total[1d]))"
        " / sum by (gateway) (increase(llm_tokens_used_total[1d]))",
        "money_per_million_tokens",
        True,
    ),
    ("sum by (gateway) (rate(llm_tokens_used_total[5m]))", "tokens_per_second", True),
    ("count(up == 1)", "percent", False),
]


@pytest.mark.parametrize("text", GOOD)
def test_a_right_query_has_no_remark(text: str) -> None:
    assert review(text).remarks == ()


@pytest.mark.parametrize(("text", "fault", "words"), BAD)
def test_a_wrong_query_is_told_what_to_write(text: str, fault: Fault, words: str) -> None:
    remarks = review(text).remarks
    assert [remark.fault for remark in remarks] == [fault]
    assert words in remarks[0].text


@pytest.mark.parametrize(("text", "unit", "fits"), UNITS)
def test_a_panel_shows_the_unit_that_its_query_gives(text: str, unit: str, fits: bool) -> None:
    found, wanted = review(text).meaning, dimensions.of_panel(unit)
    assert found is not None and found.dimension is not None and wanted is not None
    assert dimensions.fits(found.dimension, wanted) is fits, f"{found.dimension} as {wanted}"


def test_what_a_site_adds_to_its_targets_is_a_label() -> None:
    assert review('up{rack="1"}', frozenset({"rack"})).remarks == ()


def test_a_remark_names_the_characters() -> None:
    text = 'sum(rate(llm_requests_total{gateway="a"}[5m])) / sum(rate(wrong_total[5m]))'
    (remark,) = review(text).remarks
    assert text[remark.start : remark.end] == "wrong_total"
