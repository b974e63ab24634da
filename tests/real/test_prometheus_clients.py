"""Clients and senders of Prometheus, as they are, against our interface."""

from __future__ import annotations

import datetime
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_api_client import PrometheusConnect

from tests.real.daemon import Place
from tests.real.programs import Running, prometheus, promtool, vmagent
from tests.real.prometheus_api import ask, value, wait_for

pytestmark = [
    pytest.mark.real,
    # dateparser, which that client brings, warns of its own accord.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    place = Place.of(tmp_path_factory.mktemp("clients"), "host: {interval: {interval}}")
    with place.up() as found:
        wait_for(lambda: (value(found.url, "count_over_time(node_load1[1m])") or 0) >= 8)
        yield found


def test_promtool_asks(daemon: Running) -> None:
    for arguments, expected in (
        (("instant", daemon.url, "up"), 'up{environment="default"'),
        (("instant", daemon.url, "count(up) * 2"), "{} => "),
        (("range", "--step=1s", daemon.url, 'up{job="host"}'), "1 @["),
        (("series", "--match=node_load1", daemon.url), '__name__="node_load1"'),
        (("labels", daemon.url, "job"), "host"),
    ):
        done = promtool("query", *arguments)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
    refused = promtool("query", "instant", daemon.url, "sum(")
    assert refused.returncode == 1
    assert "parse error" in refused.stderr


def test_prometheus_api_client_asks(daemon: Running) -> None:
    client = PrometheusConnect(url=daemon.url)
    assert client.check_prometheus_connection()
    assert "node_load1" in client.all_metrics()
    assert {"job", "instance"} <= set(client.get_label_names())
    assert client.get_label_values("job") == ["host"]
    assert client.get_current_metric_value("up")[0]["value"][1] == "1"
    now = datetime.datetime.now()  # noqa: DTZ005 - what that client takes
    window = {"start_time": now - datetime.timedelta(minutes=2), "end_time": now}
    samples = client.get_metric_range_data("node_load1", chunk_size=datetime.timedelta(minutes=1), **window)
    assert sum(len(chunk["values"]) for chunk in samples) >= 3
    grid = client.custom_query_range("node_load1", step="1", **window)
    assert len(grid[0]["values"]) >= 3
    figures = client.get_metric_aggregation("up", ["max", "min", "average"])
    assert figures is not None
    assert figures["max"] == 1
    assert client.get_targets()["activeTargets"][0]["health"] == "up"
    assert client.get_series(now - datetime.timedelta(minutes=2), now, {"match[]": "up"})[0]["job"] == "host"


# Purpose, path, fields, and whether as a form: what Grafana's Prometheus data source sends.
GRAFANA = [
    ("panel", "query_range", {"query": "sum(node_load1)", "start": "{start}", "end": "{end}.5", "step": "15"}, True),
    ("stat", "query", {"query": "node_load1", "time": "{end}.123"}, True),
    ("save and test", "query", {"query": "1+1", "time": "4"}, True),
    ("exemplars", "query_exemplars", {"query": "up", "start": "{start}", "end": "{end}"}, True),
    ("variable of labels", "labels", {"match[]": "up", "start": "{start}", "end": "{end}"}, True),
    ("variable of values", "label/job/values", {"match[]": "up", "start": "{start}", "end": "{end}"}, False),
    ("escaped name", "label/U__service_2e_name/values", {"limit": "40000"}, False),
    ("variable of series", "series", {"match[]": "up", "start": "{start}", "end": "{end}", "limit": "40000"}, True),
    ("metric browser", "label/__name__/values", {"start": "{start}", "end": "{end}", "limit": "40000"}, False),
    ("metadata", "metadata", {"limit": "40000"}, False),
    ("rules", "rules", {}, False),
    ("alerts", "alerts", {}, False),
    ("build", "status/buildinfo", {}, False),
    ("format", "format_query", {"query": "sum(up)by(job)"}, True),
    ("parse", "parse_query", {"query": "up"}, True),
]


@pytest.mark.parametrize(("purpose", "path", "fields", "form"), GRAFANA)
def test_calls_of_grafana(daemon: Running, purpose: str, path: str, fields: dict[str, str], form: bool) -> None:
    status, answer = ask(daemon.url, path, fields, form=form)
    assert (status, answer["status"]) == (200, "success"), purpose
    assert "data" in answer


def test_grafana_takes_us_for_prometheus(daemon: Running) -> None:
    _, answer = ask(daemon.url, "status/buildinfo", {})
    assert "features" not in answer["data"]
    _, answer = ask(daemon.url, "query", {"query": "1+1", "time": "4"}, form=True)
    assert answer["data"] == {"resultType": "scalar", "result": [4, "2"]}


def test_prometheus_scrapes_our_federation_and_our_own_metrics(daemon: Running, tmp_path: Path) -> None:
    config = f"""
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: federate
  honor_labels: true
  metrics_path: /federate
  params: {{'match[]': ['{{job="host"}}']}}
  static_configs: [{{targets: ['{daemon.address}']}}]
- job_name: own
  static_configs: [{{targets: ['{daemon.address}']}}]
"""
    with prometheus(tmp_path, config) as server:
        wait_for(lambda: value(server.url, 'node_load1{job="host"}') is not None)
        wait_for(lambda: value(server.url, "inferdeck_build_info") == 1)
        assert value(server.url, 'up{job="host"}') == 1
        wait_for(lambda: (value(server.url, 'count({job="host"})') or 0) > 50)
        assert value(server.url, 'min(up{job=~"federate|own"})') == 1


def test_prometheus_and_vmagent_write_to_us(daemon: Running, tmp_path: Path) -> None:
    scrape = "global: {scrape_interval: 1s}\n"
    scrape += "scrape_configs:\n- job_name: JOB\n  static_configs: [{targets: ['" + daemon.address + "']}]\n"
    write_url = f"{daemon.url}/api/v1/write"
    config = scrape.replace("JOB", "by_prometheus") + f"remote_write: [{{url: '{write_url}'}}]\n"
    with prometheus(tmp_path / "prometheus", config) as server:
        wait_for(lambda: (value(daemon.url, 'count_over_time(up{job="by_prometheus"}[1m])') or 0) >= 3)
        mine = value(daemon.url, 'count({job="by_prometheus"})')
        assert mine
        assert mine == pytest.approx(value(server.url, 'count({job="by_prometheus"})') or 0, abs=3)
        assert value(server.url, "sum(prometheus_remote_storage_samples_failed_total)") in (None, 0)
    with vmagent(tmp_path / "vmagent", scrape.replace("JOB", "by_vmagent"), write_url) as agent:
        wait_for(lambda: (value(daemon.url, 'count_over_time(up{job="by_vmagent"}[1m])') or 0) >= 3)
        with urllib.request.urlopen(f"{agent.url}/metrics", timeout=10) as answer:
            told = answer.read().decode()
        assert 'vmagent_remotewrite_packets_dropped_total{url="1:secret-url"} 0' in told
