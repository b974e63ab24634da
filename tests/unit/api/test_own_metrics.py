"""/metrics is readable by the Prometheus client's parser and every name in it is in the catalog and the docs."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inferdeck.api import own_metrics
from inferdeck.model.answers import number
from inferdeck.model.model_catalog import PriceSource
from tests.unit.query.stack import receiver, state

DOCS = Path(__file__).parents[3] / "docs" / "own-metrics.md"


def test_the_text_is_read_back_as_it_was_meant() -> None:
    odd = state("redis", 'a"b\\c\nd', requests_total=7)
    text = own_metrics.render(
        {**own_metrics.of_targets([odd]), "process_open_fds": own_metrics.one(number(3, "count"))}
    )
    found = {sample.name: sample for family in text_string_to_metric_families(text) for sample in family.samples}
    assert found["inferdeck_target_requests_total"].value == 7
    assert found["inferdeck_target_up"].labels["target"] == 'a"b\\c\nd'
    assert found["process_open_fds"].value == 3


def test_a_remote_write_tells_what_waits_and_what_was_lost() -> None:
    text = own_metrics.render(own_metrics.of_receivers([receiver(error="HTTP 503", overflow=7)], 1000.0))
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {sample.labels["receiver"] for sample in samples} == {"mimir:9009"}
    assert {sample.name.removeprefix("inferdeck_remote_write_"): sample.value for sample in samples} == {
        "spooled_bytes": 2e6,
        "spooled_samples": 5000,
        "sent_samples_total": 120_000,
        "rejected_samples_total": 0,
        "overflow_samples_total": 7,
        "damaged_records_total": 0,
        "failed_requests_total": 3,
        "last_success_timestamp_seconds": 910,
        "last_error_timestamp_seconds": 999,
    }


def test_what_is_missing_is_left_out() -> None:
    assert own_metrics.render({"process_open_fds": own_metrics.one(number(None, "count"))}) == "\n"
    assert "nan" not in own_metrics.render({"inferdeck_loop_lag_seconds": [({}, float("nan"))]}).lower()


def test_a_name_outside_of_the_catalog_is_a_bug() -> None:
    with pytest.raises(ValueError, match="inferdeck_odd"):
        own_metrics.render({"inferdeck_odd": [({}, 1.0)]})


def test_every_own_metric_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for metric in own_metrics.CATALOG:
        assert f"| `{metric.name}` | {metric.type} | {metric.help} |" in text


def test_the_price_list_tells_its_newest_day() -> None:
    text = own_metrics.render(own_metrics.of_prices(PriceSource("genai-prices", "1", "2026-03-01")))
    assert 'inferdeck_price_catalog_timestamp_seconds{prices="genai-prices"} 1772323200.0' in text
    for unknown in (None, PriceSource("genai-prices"), PriceSource("genai-prices", as_of="soon")):
        assert own_metrics.of_prices(unknown) == {}
