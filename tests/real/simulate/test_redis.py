"""The simulated Redis before redis-cli, redis_exporter and our own source, which read real ones."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import inferdeck.sources.redis as source
from inferdeck.simulate.servers.redis import Redis, build
from inferdeck.simulate.servers.redis.info import info as info_text
from inferdeck.simulate.world import World
from inferdeck.sources.redis import info
from tests.real import programs
from tests.unit.simulate.fleets import MONDAY_TEN, small
from tests.unit.simulate.servers import loopback

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server() -> Redis:
    fleet = small(60.0)
    world = World(fleet, seed=3, start=MONDAY_TEN)
    server = build(fleet.caches[0], fleet, world)
    world.subscribe(server.handlers())
    world.run_until(MONDAY_TEN + 300)
    return server


@pytest.fixture(scope="module")
def port(server: Redis) -> Iterator[int]:
    with loopback.tcp(server) as port:
        yield port


def _cli(port: int, *words: str) -> str:
    if shutil.which("redis-cli") is None:
        raise programs.AbsentError("redis-cli is not installed: run scripts/real light")
    command = ["redis-cli", "-p", str(port), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def test_redis_cli_reads_it(port: int, server: Redis) -> None:
    assert _cli(port, "ping") == "PONG\n"
    assert _cli(port, "dbsize") == f"{len(server.keys.entries)}\n"
    assert len(_cli(port, "--scan").splitlines()) == len(server.keys.entries)
    assert "ERR unknown command" in _cli(port, "nosuch")
    assert "rate" not in _cli(port, "-3", "latency", "latest")


def test_redis_cli_finds_the_biggest_keys(port: int) -> None:
    assert "Biggest string found" in _cli(port, "--bigkeys")


def test_our_own_source_reads_its_info(port: int) -> None:
    fields = info.parse(_cli(port, "info", "everything"))
    names = {name for name, _, _ in info.samples(fields)}
    assert info.version(fields) == "Redis 7.0.15"
    assert {
        "redis_keyspace_hits_total",
        "redis_db_keys",
        "redis_commands_total",
        "redis_latency_percentiles_usec",
    } <= names


def test_redis_exporter_makes_the_captured_families_of_it(port: int, tmp_path: Path) -> None:
    with programs.redis_exporter(tmp_path, f"redis://127.0.0.1:{port}") as exporter:
        text = urllib.request.urlopen(f"{exporter.url}/metrics", timeout=30).read().decode()
    sample = Path(source.__file__).parent / "samples" / "redis_exporter-1.45.0-metrics.txt.gz"
    captured = gzip.decompress(sample.read_bytes()).decode()
    wanted, found = (set(re.findall(r"^# TYPE (redis_\S+)", one, re.MULTILINE)) for one in (captured, text))
    assert "redis_up 1" in text
    assert 'redis_exporter_last_scrape_error{err=""} 0' in text
    assert wanted - found <= {"redis_last_slow_execution_duration_seconds"}


def test_the_table_says_what_our_own_source_says(server: Redis) -> None:
    server.refresh(server.now)
    [table] = server.tables
    text = info_text(server.state, server.place, server.now, ["everything"])
    told = {(name, labels): value for name, labels, value in info.samples(info.parse(text))}
    shown = {}
    for series, value in zip(table.series, table.values, strict=True):
        labels = dict(series)
        shown[labels.pop("__name__"), tuple(labels.items())] = value
    assert len(shown) > 40
    assert {key: told[key] for key in shown} == pytest.approx(shown)
