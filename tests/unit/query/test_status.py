"""Status says what the samples say, each gateway by itself, and never 0 for what it does not know."""

from __future__ import annotations

import pytest

from inferdeck.model.target import Fact, Health
from inferdeck.query import status
from tests.unit.query.stack import NOW_MS, add, around, counter, filled, series, state

A = {"job": "litellm", "instance": "a:4000", "gateway": "a:4000"}
B = {"job": "litellm", "instance": "b:4000", "gateway": "b:4000"}


def test_two_gateways_are_never_added_up() -> None:
    store = filled(
        {
            series("llm_requests_total", **A, provider="openai", status="success"): counter(3.0),
            series("llm_requests_total", **A, provider="openai", status="error"): counter(1.0),
            series("llm_requests_total", **B, provider="openai", status="success"): counter(7.0),
        }
    )
    found = status.status(store, around(), ())
    assert [one.name for one in found.gateways] == ["a:4000", "b:4000"]
    assert [one.requests.value for one in found.gateways] == pytest.approx([4.0, 7.0])
    assert found.gateways[0].errors.value == pytest.approx(0.25)
    assert [(one.gateway, one.state) for one in found.providers] == [("a:4000", "degraded"), ("b:4000", "ok")]


def test_what_a_gateway_does_not_say_is_missing() -> None:
    found = status.status(filled({series("up", **A): [1.0]}), around(state("litellm", "a:4000")), ())
    gateway = found.gateways[0]
    numbers = [gateway.requests, gateway.errors, gateway.latency_p95, gateway.cost, gateway.active, gateway.cache_hits]
    assert [one.value for one in numbers] == [None] * 6
    assert all(one.quality == "missing" for one in (*numbers, *gateway.tokens.values()))


def test_a_quiet_gateway_has_a_rate_of_zero_and_no_error_ratio() -> None:
    store = filled({series("llm_requests_total", **A, status="success"): [5.0] * 21})
    gateway = status.status(store, around(), ()).gateways[0]
    assert gateway.requests.value == 0.0
    assert gateway.errors.value is None


def test_percentiles_tokens_cost_and_the_cache_come_from_the_window() -> None:
    buckets = {"0.1": 1.0, "1": 2.0, "+Inf": 2.0}
    store = filled(
        {
            **{
                series("llm_request_duration_seconds_bucket", **A, le=le): counter(rate) for le, rate in buckets.items()
            },
            series("llm_tokens_used_total", **A, token_type="input"): counter(100.0),
            series("llm_cost_total", **A): counter(0.001),
            series("llm_cache_hits_total", **A): counter(3.0),
            series("llm_cache_misses_total", **A): counter(1.0),
            series("inferdeck_quality", **A, family="llm_request_duration_seconds", quality="estimated"): [1.0] * 21,
            series("llm_requests_total", **A, status="success"): counter(2.0),
        }
    )
    gateway = status.status(store, around(), ()).gateways[0]
    assert gateway.latency_p50.value == pytest.approx(0.1)
    assert gateway.latency_p95.value == pytest.approx(0.1 + 0.9 * 0.9)
    assert gateway.latency_p95.quality == "estimated"
    assert gateway.tokens["input"].value == pytest.approx(100.0)
    assert gateway.tokens["output"].value is None
    assert gateway.cost.value == pytest.approx(3.6)
    assert gateway.cost.unit == "usd/h"
    assert gateway.cache_hits.value == pytest.approx(0.75)


def test_a_down_target_shows_its_error_and_a_stale_latency_with_its_age() -> None:
    down = state("redis", "r:6379", health=Health.DOWN, last_error="refused", last_success_ms=1_799_999_940_000)
    service = status.status(filled({series("up"): [1.0]}), around(down), ()).services[0]
    assert (service.health, service.error, service.port) == ("down", "refused", 6379)
    assert service.latency.quality == "stale"
    assert service.latency.age_seconds == pytest.approx(60.0)


def test_caches_and_hosts() -> None:
    redis = {"job": "redis", "instance": "r:6379"}
    host = {"job": "host", "instance": "h"}
    disk = {**host, "fstype": "ext4", "device": "/dev/sda"}
    store = filled(
        {
            series("redis_memory_used_bytes", **redis): [2e6] * 21,
            series("redis_memory_max_bytes", **redis): [0.0] * 21,
            series("redis_keyspace_hits_total", **redis): counter(9.0),
            series("redis_keyspace_misses_total", **redis): counter(1.0),
        }
    )
    add(
        store,
        {
            series("node_cpu_seconds_total", **host, cpu="0", mode="idle"): counter(0.75),
            series("node_cpu_seconds_total", **host, cpu="0", mode="user"): counter(0.25),
            series("node_memory_MemTotal_bytes", **host): [100.0] * 21,
            series("node_memory_MemAvailable_bytes", **host): [40.0] * 21,
            series("node_filesystem_size_bytes", **disk, mountpoint="/"): [100.0] * 21,
            series("node_filesystem_avail_bytes", **disk, mountpoint="/"): [30.0] * 21,
            series("node_network_receive_bytes_total", **host, device="lo"): counter(1e6),
            series("node_network_receive_bytes_total", **host, device="eth0"): counter(500.0),
        },
        target="h",
    )
    found = status.status(store, around(), ())
    cache, machine = found.caches[0], found.hosts[0]
    assert cache.hits.value == pytest.approx(0.9)
    assert cache.memory_limit.quality == "unlimited"
    assert cache.clients.value is None
    assert machine.cpu.value == pytest.approx(0.25)
    assert machine.memory.value == pytest.approx(0.6)
    assert machine.disk.value == pytest.approx(0.7)
    assert machine.disk_mount == "/"
    assert machine.network_in.value == pytest.approx(500.0)
    assert machine.cores.value == 1
    assert machine.load.value is None


def test_engines_with_their_models_and_states() -> None:
    engine = {"job": "llamacpp", "instance": "e:8080", "engine": "llamacpp", "model": "tiny"}
    statuses = ("available", "loading", "error")
    store = filled(
        {
            series("llm_engine_requests_running", **engine): [2.0] * 21,
            series("llm_engine_generation_tokens_total", **engine): counter(40.0),
            **{series("llm_model_status", **engine, status=one): [float(one == "loading")] * 21 for one in statuses},
        }
    )
    found = status.status(store, around(state("llamacpp", "e:8080")), ()).engines[0]
    assert (found.model, found.state, found.running.value) == ("tiny", "loading", 2.0)
    assert found.decode.value == pytest.approx(40.0)
    assert found.kv_cache.value is None


def test_of_an_engine_with_several_models_those_in_memory_are_shown() -> None:
    ollama = {"job": "ollama", "instance": "o:11434", "engine": "ollama"}
    names = ("awake", "asleep", "far")
    store = filled({series("llm_model_status", **ollama, model=name, status="available"): [1.0] * 21 for name in names})
    facts = {"awake": {"sleeping": "false"}, "asleep": {"sleeping": "true"}, "far": {"remote": "ollama.com"}}

    def shown(*kept: str) -> str:
        inventory = tuple(Fact("model", name, facts[name]) for name in kept)
        return status.status(store, around(state("ollama", "o:11434", inventory=inventory)), ()).engines[0].model

    assert shown(*names) == "awake"
    assert shown("asleep", "far") == "awake", "what a series names and the inventory does not is kept"
    assert shown() == "asleep, awake, far"


def test_every_kind_of_engine_has_a_row_before_it_has_series() -> None:
    kinds = ("vllm", "sglang", "tgi", "llamacpp", "ollama")
    states = tuple(
        state(kind, f"{kind}:1", inventory=(Fact("model", f"of-{kind}", {"status": "available"}),)) for kind in kinds
    )
    found = status.status(filled({series("up"): [1.0]}), around(*states), ()).engines
    assert {(one.kind, one.model, one.state) for one in found} == {(kind, f"of-{kind}", "available") for kind in kinds}


def test_adapters_stand_behind_the_model_that_they_adapt() -> None:
    models = (Fact("model", "base", {"root": "r"}), *(Fact("model", f"a{n}", {"adapter_of": "base"}) for n in range(3)))
    served = state("vllm", "v:8000", inventory=models)
    assert status.status(filled({series("up"): [1.0]}), around(served), ()).engines[0].model == "base"


def test_an_engine_with_one_model_shows_it_while_it_sleeps() -> None:
    asleep = state("ollama", "o:11434", inventory=(Fact("model", "only", {"sleeping": "true"}),))
    assert status.status(filled({series("up"): [1.0]}), around(asleep), ()).engines[0].model == "only"


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://a:1", 1), ("https://a", 443), ("redis://a", 6379), ("unix:///x", None), ("", None), ("http://[", None)],
)
def test_ports(url: str, port: int | None) -> None:
    assert status.port_of(url, "name") == port


def test_a_configured_gateway_is_one_gateway() -> None:
    store = filled({series("llm_requests_total", **{**A, "gateway": "prod"}, status="success"): counter(2.0)})
    found = status.status(store, around(state("litellm", "a:4000", gateway="prod")), ())
    assert [(one.name, one.kind) for one in found.gateways] == [("prod", "litellm")]
    assert found.gateways[0].requests.value == pytest.approx(2.0)


def test_after_the_clock_was_set_back_the_newest_samples_count() -> None:
    hour = 3_600_000
    host, redis = {"job": "host", "instance": "h"}, {"job": "redis", "instance": "r:6379"}
    ahead = {
        series("up", **host): [1.0] * 260,
        series("node_load1", **host): [*[1.0] * 255, *[7.0] * 5],
        series("node_network_receive_bytes_total", **host, device="eth0"): [*counter(1.0, 230), *counter(100.0, 30)],
    }
    store = filled(ahead, target="h", end_ms=NOW_MS + hour)
    add(store, {series("up", **redis): [1.0] * 3, series("redis_connected_clients", **redis): [4.0] * 3}, target="r")
    add(store, {series("redis_memory_used_bytes", **redis): [5.0] * 3}, target="r2")
    found = status.status(store, around(state("host", "h"), state("redis", "r:6379")), ())
    assert found.hosts[0].load.value == 7.0
    assert found.hosts[0].load.age_seconds == 0.0
    assert found.hosts[0].network_in.value == pytest.approx(100.0)
    assert found.caches[0].clients.value == 4.0
    unwatched = status.status(store, around(state("redis", "r:6379")), ()).hosts
    assert [one.load.value for one in unwatched] == [1.0]


def test_numbers_of_the_store_have_an_age_and_become_stale() -> None:
    host, redis = {"job": "host", "instance": "h"}, {"job": "redis", "instance": "r:6379"}
    engine = {"job": "llamacpp", "instance": "e:8080"}
    store = filled(
        {series("node_load1", **host): [1.0] * 21, series("node_cpu_seconds_total", **host, cpu="0"): counter(1.0)},
        target="h",
        end_ms=NOW_MS - 60_000,
    )
    add(store, {series("redis_memory_used_bytes", **redis): [2.0]}, target="r", end_ms=NOW_MS - 30_000)
    add(store, {series("llm_engine_requests_running", **engine): [2.0]}, target="e", end_ms=NOW_MS - 60_000)
    add(store, {series("llm_requests_total", **A, status="success"): counter(1.0)}, target="a", end_ms=NOW_MS - 45_000)
    states = (state("llamacpp", "e:8080", interval_seconds=60.0), state("host", "h"), state("redis", "r:6379"))
    found = status.status(store, around(*states), ())
    machine, cache = found.hosts[0], found.caches[0]
    assert (machine.load.age_seconds, machine.load.quality) == (60.0, "stale")
    assert machine.memory.quality == "missing"
    assert (cache.memory.age_seconds, cache.memory.quality) == (30.0, "measured")
    assert (cache.keys.value, cache.keys.age_seconds) == (0.0, 30.0)
    assert (found.engines[0].running.age_seconds, found.engines[0].running.quality) == (60.0, "measured")
    assert (found.gateways[0].requests.age_seconds, found.gateways[0].requests.quality) == (45.0, "stale")


def test_traffic_counts_once_and_a_disk_is_as_full_as_df_says() -> None:
    host = {"job": "host", "instance": "h"}
    disk = {**host, "fstype": "ext4", "device": "/dev/sda", "mountpoint": "/"}
    received = "node_network_receive_bytes_total"
    devices = ("eth0", "eth1", "bond0", "docker0", "veth1a2b", "br-12ab", "eth0.100", "lo", "virbr0", "tun0", "enp3s0")
    store = filled(
        {
            **{series(received, **host, device=device): counter(100.0) for device in devices},
            series(received, job="host", instance="box", device="tun0"): counter(7.0),
            series(received, job="host", instance="box", device="tap0"): counter(9.0),
            **{series("node_load1", job="host", instance=one): [1.0] * 21 for one in ("h", "box")},
            series("node_filesystem_size_bytes", **disk): [100.0] * 21,
            series("node_filesystem_free_bytes", **disk): [15.0] * 21,
            series("node_filesystem_avail_bytes", **disk): [10.0] * 21,
        }
    )
    box, machine = status.status(store, around(), ()).hosts
    assert machine.network_in.value == pytest.approx(300.0)
    assert box.network_in.value == pytest.approx(9.0)
    assert machine.disk.value == pytest.approx(85 / 95)


def test_processors_are_counted_from_one_sample() -> None:
    cpus = {series("node_cpu_seconds_total", job="host", instance="h", cpu=one, mode="idle"): [5.0] for one in "0123"}
    machine = status.status(
        filled({**cpus, series("node_load1", job="host", instance="h"): [1.0]}), around(), ()
    ).hosts[0]
    assert (machine.cores.value, machine.cpu.value) == (4.0, None)
