"""INFO of three dialects under redis_exporter's names; hostile text gives no sample and no error."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inferdeck.model.labels import Labels, get, labels, metric_name
from inferdeck.sources import catalog
from inferdeck.sources.exposition import ExpositionParser
from inferdeck.sources.redis import info, keys
from inferdeck.sources.redis.config import RedisConfig

SAMPLES = Path(catalog.FOLDER) / "redis/samples"


def of(text: str) -> dict[Labels, float]:
    return {labels(own, name): value for name, own, value in info.samples(info.parse(text))}


def sample(name: str) -> dict[Labels, float]:
    return of((SAMPLES / name).read_text())


def test_redis_7() -> None:
    found = sample("redis-7.0.15-info.txt")
    assert found[labels({}, "redis_memory_used_bytes")] == 1110128
    assert found[labels({}, "redis_memory_max_bytes")] == 20971520
    assert found[labels({"db": "db0"}, "redis_db_avg_ttl_seconds")] == pytest.approx(81.06)
    assert found[labels({"cmd": "config|set"}, "redis_commands_total")] == 1
    assert found[labels({"cmd": "set"}, "redis_commands_duration_seconds_total")] == pytest.approx(0.002557)
    assert found[labels({"cmd": "set", "quantile": "99.9"}, "redis_latency_percentiles_usec")] == 241.663
    assert found[labels({"cmd": "set"}, "redis_latency_percentiles_usec_count")] == 200
    assert found[labels({}, "redis_rdb_last_bgsave_status")] == 1


def test_redis_6_has_no_latency_percentiles_and_is_read_all_the_same() -> None:
    found = sample("redis-6.2.14-info.txt")
    assert "redis_latency_percentiles_usec" not in {metric_name(key) for key in found}
    assert labels({}, "redis_keyspace_hits_total") in found


def test_valkey_names_its_own_version_and_mode() -> None:
    text = (SAMPLES / "valkey-9.1.2-info.txt").read_text()
    assert info.version(info.parse(text)) == "Valkey 9.1.2"
    [identity] = [key for key in of(text) if metric_name(key) == "redis_instance_info"]
    assert (get(identity, "redis_mode"), get(identity, "valkey_version")) == ("standalone", "9.1.2")
    assert of(text)[labels({"db": "db0"}, "redis_db_keys_with_expiring_items")] == 0


def test_every_family_of_the_captured_exporter_is_made_of_info_or_of_another_command() -> None:
    body = gzip.decompress((SAMPLES / "redis_exporter-1.45.0-metrics.txt.gz").read_bytes())
    theirs = {name for name in ExpositionParser(()).parse_sync(body, "text/plain").families if name[:6] == "redis_"}
    ours = {metric_name(key).removesuffix("_count") for key in sample("redis-7.0.15-info.txt")}
    other_commands = {
        name
        for name in theirs
        if name.startswith(("redis_config_", "redis_slowlog_", "redis_exporter_", "redis_target_", "redis_last_"))
    }
    assert theirs - ours - other_commands == {"redis_up", "redis_start_time_seconds", "redis_errors_total"}


def test_a_replica() -> None:
    found = of(
        "role:slave\nmaster_host:10.0.0.1\nmaster_port:6379\nmaster_link_status:down\nmaster_last_io_seconds_ago:-1\n"
        "slave_read_only:1\nslave_repl_offset:77"
    )
    own = {"master_host": "10.0.0.1", "master_port": "6379"}
    assert found[labels(own, "redis_master_link_up")] == 0
    assert found[labels(own, "redis_slave_repl_offset")] == 77
    assert found[labels({**own, "read_only": "1"}, "redis_slave_info")] == 1


def test_a_primary_with_replicas() -> None:
    found = of("role:master\nslave0:ip=10.0.0.2,port=6379,state=online,offset=42,lag=1")
    own = {"slave_ip": "10.0.0.2", "slave_port": "6379", "slave_state": "online"}
    assert found[labels(own, "redis_connected_slave_offset_bytes")] == 42
    assert found[labels(own, "redis_connected_slave_lag_seconds")] == 1


def test_what_is_missing_or_no_number_is_left_out() -> None:
    found = of("used_memory:\nconnected_clients:many\nmaxmemory:nan\nuptime_in_seconds:inf\nkeyspace_hits:5")
    assert {metric_name(key) for key in found} == {"redis_keyspace_hits_total", "redis_instance_info"}


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    of(text)


@given(st.sampled_from(["cmdstat_x", "latency_percentiles_usec_x", "db0", "slave0", "errorstat_x"]), st.text())
def test_any_value_of_a_structured_field_is_read(field: str, value: str) -> None:
    of(f"{field}:{value}")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"a" * 64, "response"),
        (b"team:" + b"0f" * 32, "response"),
        (b"{api_key:sk-1}:tokens", "rate_limit"),
        (b"ns:{model_per_key:x}:requests", "rate_limit"),
        (b"global_router:abc:gpt-4:tpm:12-30", "routing"),
        (b"provider_spend:openai:1d", "budget"),
        (b"session:\xff\xfe", "other"),
    ],
)
def test_keys_are_known_by_litellms_patterns(key: bytes, expected: str) -> None:
    assert keys.group(key) == expected


@pytest.mark.parametrize("url", ["redis://user:pass-in-url@host", "redis://:pass-in-url@host:1", "http://host"])
def test_a_url_with_a_secret_or_another_scheme_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        RedisConfig(url=url)
    assert "pass-in-url" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["redis://host", "host:6379", "rediss://host:1/2", "valkey://host", "unix:///run/r.sock"]
)
def test_these_urls_are_fine(url: str) -> None:
    assert RedisConfig(url=url).url == url
