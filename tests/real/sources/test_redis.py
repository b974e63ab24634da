"""The Redis source beside the real redis_exporter, on the real Redis and Valkey."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis

from inferdeck.config.schema import Tls
from inferdeck.errors import AuthError, ConnectError, MalformedError
from inferdeck.model.labels import Labels, get, labels, metric_name, text, without
from inferdeck.sources.redis.config import RedisConfig
from tests.real.programs import Running, executable, free_port, redis_exporter, redis_server, valkey_server
from tests.real.sources.reading import Series, exposition, families, series, source

pytestmark = pytest.mark.real

SERVERS = {"redis": redis_server, "valkey": valkey_server}

# Families whose value the reading itself moves, or that differ from one moment to the next.
MOMENTARY = {
    "redis_allocator_active_bytes",
    "redis_allocator_allocated_bytes",
    "redis_allocator_frag_bytes",
    "redis_allocator_frag_ratio",
    "redis_allocator_resident_bytes",
    "redis_allocator_rss_bytes",
    "redis_allocator_rss_ratio",
    "redis_blocked_clients",
    "redis_client_recent_max_input_buffer_bytes",
    "redis_client_recent_max_output_buffer_bytes",
    "redis_commands_processed_total",
    "redis_connected_clients",
    "redis_connections_received_total",
    "redis_cpu_sys_main_thread_seconds_total",
    "redis_cpu_sys_seconds_total",
    "redis_cpu_user_main_thread_seconds_total",
    "redis_cpu_user_seconds_total",
    "redis_db_avg_ttl_seconds",
    "redis_last_slow_execution_duration_seconds",
    "redis_mem_clients_normal",
    "redis_mem_fragmentation_bytes",
    "redis_mem_fragmentation_ratio",
    "redis_memory_used_bytes",
    "redis_memory_used_dataset_bytes",
    "redis_memory_used_overhead_bytes",
    "redis_memory_used_peak_bytes",
    "redis_memory_used_rss_bytes",
    "redis_net_input_bytes_total",
    "redis_net_output_bytes_total",
    "redis_slowlog_last_id",
    "redis_slowlog_length",
    "redis_start_time_seconds",
    "redis_total_reads_processed",
    "redis_total_writes_processed",
    "redis_uptime_in_seconds",
}
# Commands that the two readers themselves send; every other command's figures must be equal.
READING = {
    "info",
    "ping",
    "config|get",
    "slowlog|get",
    "slowlog|len",
    "latency|latest",
    "client|setname",
    "latency|histogram",
}
# Labels of redis_instance_info that redis_exporter has since later versions; on Valkey redis_mode is one of them.
NEWER_LABELS = ("master_replid", "valkey_version", "valkey_release_stage", "availability_zone", "redis_mode")
# redis_exporter 1.45 takes Valkey's keys_with_volatile_items for KeyDB's cached_keys.
WRONG_THERE = {"redis_db_keys_cached"}


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    with SERVERS[request.param](tmp_path, "--maxmemory", "50mb", "--latency-monitor-threshold", "1") as found:
        yield found


def fill(server: Running) -> None:
    """Use the server a little: hits, misses, expiring keys, two databases, an error, a policy."""
    with Redis(port=server.port) as client:
        for number in range(50):
            client.set(f"key:{number}", "x" * 100, ex=3600 if number % 2 else None)
        client.get("key:1")
        client.get("absent")
        client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(Exception, match="WRONGTYPE"):
            client.lpush("key:1", "x")
    with Redis(port=server.port, db=3) as client:
        client.set("other", "1")


async def both(server: Running, directory: Path) -> tuple[Series, Series]:
    """Return ours and redis_exporter's series of the same server, one read right after the other."""
    with redis_exporter(directory / "exporter", f"redis://{server.address}") as exporter:
        exposition(f"{exporter.url}/metrics")
        async with source("redis", RedisConfig(url=f"redis://{server.address}")) as ours:
            found = series(await ours.collect(0.0))
            theirs = {key: value for key, value in exposition(f"{exporter.url}/metrics").items() if _is_servers(key)}
    return found, theirs


def _is_servers(key: Labels) -> bool:
    name = metric_name(key)
    own = ("redis_exporter_", "redis_target_scrape_", "redis_last_key_groups_")
    return name.startswith("redis_") and not name.startswith(own) and name not in WRONG_THERE


def _compared(found: Series) -> Series:
    """Leave out what the readers do, and what only later versions of redis_exporter say."""
    kept = {key: value for key, value in found.items() if get(key, "cmd") not in READING}
    return {without(key, *NEWER_LABELS): value for key, value in kept.items()}


async def test_every_family_and_label_set_of_redis_exporter_is_ours_too(server: Running, tmp_path: Path) -> None:
    fill(server)
    ours, theirs = (_compared(found) for found in await both(server, tmp_path))
    assert not [text(key) for key in theirs if key not in ours]
    assert not [text(key) for key in ours if metric_name(key) in families(theirs) and key not in theirs]


async def test_values_equal_those_of_redis_exporter(server: Running, tmp_path: Path) -> None:
    fill(server)
    ours, theirs = (_compared(found) for found in await both(server, tmp_path))
    steady = [key for key in theirs if metric_name(key) not in MOMENTARY and key in ours]
    assert len(steady) > 100
    unequal = [
        f"{text(key)}: {ours[key]} and {theirs[key]}" for key in steady if ours[key] != pytest.approx(theirs[key])
    ]
    assert not unequal
    assert ours[labels({"db": "db0"}, "redis_db_keys")] == 50
    assert ours[labels({"db": "db3"}, "redis_db_keys")] == 1
    assert ours[labels({"db": "db7"}, "redis_db_keys")] == 0
    assert ours[labels({"cmd": "set"}, "redis_commands_total")] == 51
    assert ours[labels({}, "redis_config_maxmemory")] == 50 * 2**20


async def test_the_version_names_the_dialect(server: Running) -> None:
    async with source("redis", RedisConfig(url=f"redis://{server.address}")) as ours:
        found = await ours.collect(0.0)
    assert found.version.startswith("Valkey 9." if server.name.startswith("valkey") else "Redis ")
    assert found.warnings == ()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Running]:
    with redis_server(tmp_path) as found:
        yield found


async def test_the_server_sees_readings_only(redis: Running) -> None:
    async with source("redis", RedisConfig(url=f"redis://{redis.address}")) as ours:
        sent = [(await ours.collect(0.0)).requests for _ in range(3)]
    with Redis(port=redis.port) as client:
        stats = client.info("commandstats")
    counts = {name.removeprefix("cmdstat_"): found["calls"] for name, found in stats.items()}
    # programs.py's own readiness check pings as well, and this test's client introduces itself.
    pings = counts.pop("ping")
    for own in ("client|setinfo", "hello"):
        counts.pop(own, None)
    assert counts == {"info": 3, "slowlog|len": 3, "slowlog|get": 3, "latency|latest": 3, "config|get": 4}
    assert sent == [9, 5, 5]
    assert pings >= 3


async def test_a_user_without_permissions_gets_warnings_and_what_is_permitted(redis: Running) -> None:
    with Redis(port=redis.port) as client:
        client.acl_setuser("watcher", enabled=True, passwords=["+secret-of-watcher"], commands=["+info", "+ping"])
    config = RedisConfig(url=f"redis://{redis.address}", username="watcher", password=SecretStr("secret-of-watcher"))
    async with source("redis", config) as ours:
        found = await ours.collect(0.0)
    values = series(found)
    assert values[labels({}, "redis_connected_clients")] >= 1
    assert {"redis_slowlog_length", "redis_config_maxmemory"}.isdisjoint(families(values))
    assert [warning for warning in found.warnings if warning.startswith("SLOWLOG LEN: not permitted")]
    assert [warning for warning in found.warnings if warning.startswith("CONFIG GET maxmemory: not permitted")]


async def test_a_user_who_may_not_even_ask_for_info_is_up(redis: Running) -> None:
    with Redis(port=redis.port) as client:
        client.acl_setuser("pinger", enabled=True, passwords=["+p"], commands=["+ping"])
    config = RedisConfig(url=f"redis://{redis.address}", username="pinger", password=SecretStr("p"))
    async with source("redis", config) as ours:
        found = await ours.collect(0.0)
    values = series(found)
    assert families(values) == {"redis_up", "redis_exporter_last_scrape_ping_time_seconds"}
    assert found.warnings[0].startswith("INFO everything: not permitted")


@pytest.mark.parametrize("password", [None, SecretStr("wrong-password")])
async def test_a_missing_or_wrong_password_says_so_without_saying_it(
    redis: Running, password: SecretStr | None
) -> None:
    with Redis(port=redis.port) as client:
        client.config_set("requirepass", "right-password")
    async with source("redis", RedisConfig(url=f"redis://{redis.address}", password=password)) as ours:
        with pytest.raises(AuthError) as raised:
            await ours.collect(0.0)
    assert "username and password" in str(raised.value)
    assert "wrong-password" not in str(raised.value)


async def test_a_connection_that_the_server_closed_is_opened_again(redis: Running) -> None:
    async with source("redis", RedisConfig(url=f"redis://{redis.address}")) as ours:
        await ours.collect(0.0)
        with Redis(port=redis.port) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        assert families(series(await ours.collect(0.0))) > {"redis_up", "redis_keyspace_hits_total"}


async def test_a_server_that_went_away_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    with ExitStack() as running:
        server = running.enter_context(redis_server(tmp_path))
        async with source("redis", RedisConfig(url=f"redis://{server.address}")) as ours:
            await ours.collect(0.0)
            running.close()
            with pytest.raises(ConnectError):
                await ours.collect(0.0)


async def test_a_collection_that_was_given_up_leaves_no_answer_for_the_next_one(redis: Running) -> None:
    async with source("redis", RedisConfig(url=f"redis://{redis.address}")) as ours:
        await ours.collect(0.0)
        with Redis(port=redis.port) as client:
            client.client_pause(1000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ours.collect(0.0)
        found = await ours.collect(0.0)
    assert found.version.startswith("Redis ")
    assert found.warnings == ()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for localhost with its key in one folder."""
    command = [executable("openssl", "apt-get install openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    folder = tmp_path / "tls"
    folder.mkdir()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


async def test_tls_with_a_certificate_authority_and_without(tmp_path: Path, certificate: Path) -> None:
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", str(certificate / "cert.pem"), "--tls-auth-clients", "no"]
    tls += ["--tls-key-file", str(certificate / "key.pem"), "--tls-ca-cert-file", str(certificate / "cert.pem")]
    with redis_server(tmp_path, *tls):
        url = f"rediss://127.0.0.1:{port}"
        async with source("redis", RedisConfig(url=url, tls=Tls(ca=str(certificate / "cert.pem")))) as ours:
            assert (await ours.collect(0.0)).version.startswith("Redis ")
        async with source("redis", RedisConfig(url=url, tls=Tls(verify=False))) as ours:
            assert (await ours.collect(0.0)).version.startswith("Redis ")
        async with source("redis", RedisConfig(url=url)) as ours:
            with pytest.raises(ConnectError, match="certificate"):
                await ours.collect(0.0)


async def test_nobody_at_the_port_and_somebody_else_at_it(redis: Running) -> None:
    async with source("redis", RedisConfig(url=f"redis://127.0.0.1:{free_port()}")) as ours:
        with pytest.raises(ConnectError, match="is the server running there"):
            await ours.collect(0.0)
    with redis_exporter(redis.log_file.parent / "exporter", f"redis://{redis.address}") as http:
        async with source("redis", RedisConfig(url=f"redis://{http.address}")) as ours:
            with pytest.raises(MalformedError, match="does not speak the Redis protocol"):
                await ours.collect(0.0)


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with redis_server(tmp_path, "--unixsocket", str(path)):
        async with source("redis", RedisConfig(url=f"unix://{path}")) as ours:
            assert (await ours.collect(0.0)).version.startswith("Redis ")


async def test_a_sample_of_keys_is_bounded_and_sorted_by_kind(redis: Running) -> None:
    with Redis(port=redis.port) as client:
        for number in range(30):
            client.set(f"team:{number:064x}", "answer", ex=600)
            client.set(f"{{api_key:{number}}}:requests", 1, ex=60)
            client.set(f"deployment-{number}:model:tpm:12-30", 1)
        hits = int(client.info("stats")["keyspace_hits"])
        for limit, expected in ((1000, 30), (10, None)):
            config = RedisConfig(url=f"redis://{redis.address}", sample_keys=True, sample_limit=limit)
            async with source("redis", config) as ours:
                found = series(await ours.collect(0.0))
            keys = {
                get(key, "key_group"): value
                for key, value in found.items()
                if metric_name(key) == "inferdeck_redis_sampled_keys"
            }
            assert sum(keys.values()) == min(limit, 90)
            if expected:
                assert (keys["response"], keys["rate_limit"], keys["routing"]) == (30, 30, 30)
                group = labels({"db": "db0", "key_group": "response"}, "inferdeck_redis_sampled_ttl_seconds_sum")
                assert 30 * 590 <= found[group] <= 30 * 600
        assert int(client.info("stats")["keyspace_hits"]) > hits, "the declared effect is gone: say so in the catalog"
        assert "cmdstat_keys" not in client.info("commandstats")


async def test_keys_are_not_looked_at_unless_asked_for(redis: Running) -> None:
    async with source("redis", RedisConfig(url=f"redis://{redis.address}")) as ours:
        await ours.collect(0.0)
    with Redis(port=redis.port) as client:
        assert not {"cmdstat_scan", "cmdstat_ttl", "cmdstat_memory|usage", "cmdstat_keys"} & set(
            client.info("commandstats")
        )
