"""Each finding is seen after its fault is planted, and a sound stack has none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from inferdeck.errors import AuthError, ConnectError, InferdeckError, MetricsOffError, StatusError, kind
from inferdeck.model.labels import Labels
from inferdeck.model.target import Health, TargetState
from inferdeck.query import data_checks, doctor, target_checks
from inferdeck.query.evidence import Facts
from inferdeck.query.status import Surroundings
from tests.unit.query.stack import NOW_MS, around, filled, receiver, series, state

REDIS = {"job": "redis", "instance": "r:6379"}
NODE = {"job": "prometheus", "instance": "n:9100"}


@dataclass(frozen=True)
class Fault:
    """What is planted, and the finding that must say so, with a piece of its message or fix."""

    finding: str
    says: str
    states: tuple[TargetState, ...] = ()
    facts: Facts = field(default_factory=Facts)
    samples: dict[Labels, list[float]] = field(default_factory=dict)
    make: Callable[[tuple[TargetState, ...]], Surroundings] = lambda states: around(*states)


def down(job: str, instance: str, error: InferdeckError, **changes: object) -> TargetState:
    said = {"last_error": str(error), "last_error_kind": kind(error), "last_error_ms": NOW_MS}
    return state(job, instance, **{"health": Health.DOWN, "consecutive_failures": 3, **said, **changes})


def redis(limit: float, used: float, policy: str, fragmentation: float) -> dict[Labels, list[float]]:
    return {
        series("redis_memory_max_bytes", **REDIS): [limit],
        series("redis_memory_used_bytes", **REDIS): [used],
        series("redis_instance_info", **REDIS, maxmemory_policy=policy): [1.0],
        series("redis_mem_fragmentation_ratio", **REDIS): [fragmentation],
    }


GATEWAY = state("litellm", "g:4000")
FAULTS = (
    Fault("gateway-not-found", "LITELLM_MASTER_KEY"),
    Fault(
        "key-needed",
        "key: {env: LITELLM_MASTER_KEY}",
        (down("litellm", "g:4000", AuthError("http://g:4000: answers something"), health=Health.UP),),
    ),
    Fault("key-needed", "password: {env: REDIS_PASSWORD}", (down("redis", "r:6379", AuthError("NOAUTH")),)),
    Fault(
        "key-needed", "refuses", (down("llamacpp", "l:8080", AuthError("http://l:8080: refuses the key it was given")),)
    ),
    Fault("metrics-off", "callbacks", (down("litellm", "g:4000", MetricsOffError("", 404), health=Health.UP),)),
    Fault("metrics-off", "--metrics", (down("llamacpp", "l:8080", MetricsOffError("off", 501)),)),
    Fault("metrics-off", "--enable-metrics", (down("sglang", "s:30000", MetricsOffError("", 404), health=Health.UP),)),
    Fault("metrics-off", "log-stats", (down("vllm", "v:8000", MetricsOffError("", 404), health=Health.UP),)),
    Fault("target-failing", "3 times in a row", (down("redis", "r:6379", ConnectError("connection refused")),)),
    Fault(
        "target-failing",
        "next try in 60 s",
        (down("redis", "r:6379", ConnectError("refused"), next_attempt_ms=NOW_MS + 60_000),),
    ),
    Fault("target-failing", "HTTP 401 of", (down("prometheus", "p:9", StatusError("HTTP 401 of another", 502)),)),
    Fault("series-dropped", "max_series: 150", (state("prometheus", "p:9", native_series=100, dropped_series=50),)),
    Fault("collections-skipped", "interval", (state("prometheus", "p:9", skipped_total=40, collections_total=50),)),
    Fault("two-scrapers", "one program", (state("llamacpp", "l:8080", warnings=("another program reads it",)),)),
    Fault("source-warning", "odd line", (state("prometheus", "p:9", warnings=("odd line 7",)),)),
    Fault("store-not-writing", "disk is full", make=lambda s: around(*s, writing=False, trouble="the disk is full")),
    Fault("store-upkeep-failing", "database is locked", make=lambda s: around(*s, trouble="database is locked")),
    Fault("chunks-quarantined", "2 damaged", make=lambda s: around(*s, quarantined=2)),
    Fault("remote-write-failing", "503", make=lambda s: around(*s, remote_write=(receiver(error="HTTP 503"),))),
    Fault("remote-write-failing", "lost 7", make=lambda s: around(*s, remote_write=(receiver(overflow=7),))),
    Fault("data-dir-on-network", "nfs4", facts=Facts(filesystem="nfs4")),
    Fault("disk-low", "1.0 %", facts=Facts(disk_free_bytes=10**9, disk_total_bytes=10**11)),
    Fault("config-readable", "chmod 600", facts=Facts(config_readable_by_others=True, config_has_secrets=True)),
    Fault("config-warning", "nobody", facts=Facts(config_warnings=("nobody reads it",))),
    Fault("clock-jumped", "-3600.0 s", facts=Facts(clock_jumps=((120.0, -3600.0),))),
    Fault("listens-off-loopback", "0.0.0.0", facts=Facts(listen="0.0.0.0:4633", loopback=False)),
    Fault(
        "clock-skew",
        "90 s ahead",
        (state("prometheus", "n:9100"),),
        samples={series("node_time_seconds", **NODE): [NOW_MS / 1000 + 88]},
    ),
    Fault(
        "workers-in-turn",
        "PROMETHEUS_MULTIPROC_DIR",
        samples={series("inferdeck_quality", job="litellm", instance="g:4000", reason="workers_in_turn"): [1.0]},
    ),
    Fault("redis-no-eviction", "95.0 %", samples=redis(100e6, 95e6, "noeviction", 1.0)),
    Fault("redis-fragmented", "3.0 times", samples=redis(0, 200e6, "noeviction", 3.0)),
    Fault(
        "families-unclaimed",
        "odd_metric",
        (state("redis", "r:6379"),),
        facts=Facts(
            names={"default/redis/r:6379": ("odd_metric", "up")}, claimed=lambda _kind, name: name != "odd_metric"
        ),
    ),
    Fault(
        "version-unknown",
        "1.55 to 1.109",
        (state("litellm", "g:4000", version="2.3.1"),),
        facts=Facts(versions={"litellm": ("1.55", "1.109")}),
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.finding}: {fault.says}")
def test_a_planted_fault_is_found(fault: Fault) -> None:
    found = doctor.diagnose(filled(fault.samples or {series("up"): [1.0]}), fault.make(fault.states), fault.facts)
    same = [one for one in found.findings if one.id == fault.finding]
    assert len(same) == 1, found.findings
    assert fault.says in f"{same[0].message} {same[0].evidence} {same[0].fix}"


def test_every_check_has_a_planted_fault() -> None:
    assert len({fault.finding for fault in FAULTS}) >= len(target_checks.CHECKS) + len(data_checks.CHECKS)


def test_a_sound_stack_has_no_findings() -> None:
    states = (GATEWAY, state("prometheus", "n:9100"), state("litellm", "g:4001", version="1.109.1"))
    samples = {**redis(100e6, 50e6, "allkeys-lru", 9.5), series("node_time_seconds", **NODE): [NOW_MS / 1000 - 2]}
    facts = Facts(filesystem="ext4", disk_free_bytes=50, disk_total_bytes=100, versions={"litellm": ("1.55", "1.109")})
    found = doctor.diagnose(filled(samples), around(*states), facts)
    assert found.findings == ()
    assert found.checks == len(target_checks.CHECKS) + len(data_checks.CHECKS)


def test_an_error_that_is_over_is_no_finding() -> None:
    before = down("litellm", "g:4000", AuthError("needs a key"), health=Health.UP, last_error_ms=NOW_MS - 60_000)
    assert doctor.diagnose(filled({series("up"): [1.0]}), around(before), Facts()).findings == ()


def test_a_prometheus_target_of_another_job_is_no_gateway() -> None:
    named = state("litellm", "exporter:9", kind="prometheus")
    assert [one.id for one in doctor.advice(around(named))] == ["gateway-not-found"]


def test_a_small_fragmented_redis_is_left_alone() -> None:
    found = doctor.diagnose(filled(redis(0, 1.3e6, "noeviction", 9.5)), around(GATEWAY), Facts())
    assert found.findings == ()


def test_the_worst_comes_first() -> None:
    broken = (down("redis", "r:6379", ConnectError("refused")), state("prometheus", "p:9", dropped_series=1))
    severities = [one.severity for one in doctor.advice(around(*broken))]
    assert severities == ["error", "warning", "info"]


def test_a_target_is_called_by_the_name_that_the_user_gave_it() -> None:
    lost = down("prometheus", "n:9100", ConnectError("http://n:9100/metrics: connection refused"), name="gpu box")
    found = doctor.diagnose(filled({series("up"): [1.0]}), around(lost), Facts()).findings
    assert any("prometheus gpu box at n:9100" in one.message for one in found)
