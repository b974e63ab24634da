"""cAdvisor's families from captured statistics of cgroup v1, and from version 2 as its documentation shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inferdeck.sources import catalog
from inferdeck.sources.docker import stats

SAMPLES = Path(catalog.FOLDER) / "docker/samples"
OWN = (("name", "x"),)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"dockerd-20.10.24-{name}.json").read_text())


def found(body: Any) -> dict[tuple[str, ...], float]:
    return {
        (name, *(value for key, value in labels if key != "name")): value
        for name, labels, value in stats.samples(body, OWN)
    }


def test_captured_statistics_of_cgroup_v1() -> None:
    got = found(sample("stats_oneshot"))
    assert got["container_cpu_usage_seconds_total", "total"] == 0.147799839
    assert got[("container_cpu_user_seconds_total",)] == 0.12
    assert got[("container_cpu_cfs_periods_total",)] == 19
    assert got[("container_memory_usage_bytes",)] == 512000
    assert got[("container_memory_working_set_bytes",)] == 512000 - 4096
    assert got[("container_memory_rss",)] == 53248
    assert got[("container_memory_cache",)] == 12288
    assert got[("container_memory_max_usage_bytes",)] == 3559424
    assert got[("container_threads",)] == 1
    assert ("container_threads_max",) not in got


def test_a_container_that_does_not_run_has_none() -> None:
    assert found(sample("stats_stopped")) == {}


def test_statistics_of_cgroup_v2() -> None:
    body = {
        "cpu_stats": {
            "cpu_usage": {"total_usage": 5_000_000_000, "usage_in_kernelmode": 1_000_000_000},
            "system_cpu_usage": 10,
        },
        "memory_stats": {"usage": 1000, "limit": 9, "stats": {"anon": 600, "file": 300, "inactive_file": 250}},
        "pids_stats": {"current": 4, "limit": 18446744073709551615},
        "networks": {"eth0": {"rx_bytes": 7, "tx_dropped": 2}},
        "blkio_stats": {"io_service_bytes_recursive": [{"major": 259, "minor": 1, "op": "read", "value": 11}]},
    }
    got = found(body)
    assert got["container_cpu_usage_seconds_total", "total"] == 5
    assert got[("container_memory_working_set_bytes",)] == 750
    assert got[("container_memory_rss",)] == 600
    assert got["container_network_receive_bytes_total", "eth0"] == 7
    assert got["container_network_transmit_packets_dropped_total", "eth0"] == 2
    assert got["container_fs_reads_bytes_total", "259:1"] == 11
    assert ("container_threads_max",) not in got
    assert ("container_cpu_user_seconds_total",) not in got, "what is missing is no zero"


@pytest.mark.parametrize("name", ["stats", "stats_oneshot"])
def test_every_name_is_in_the_catalog(name: str) -> None:
    known = {metric.descriptor.name for metric in catalog.load("docker").metrics}
    assert {metric for metric, _, _ in stats.samples(sample(name), OWN)} <= known


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"cpu_stats": 1, "memory_stats": [], "networks": {"a": None}},
        {"memory_stats": {"usage": 1, "stats": "x"}},
    ],
)
def test_what_is_no_statistics_is_left_out(body: Any) -> None:
    assert all(value >= 0 for value in found(body).values())
