"""The simulated Docker: the captured daemon's bodies, and what its official clients read is what happened."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiodocker
import docker
import docker.errors
import pytest

from inferdeck.simulate.events import Ended, Reachability, Started
from inferdeck.simulate.fleet import Engine, EngineModel, Fleet, Host
from inferdeck.simulate.servers.docker import Docker, build
from inferdeck.simulate.servers.docker.times import human, rfc3339
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small
from tests.unit.simulate.servers import loopback

SAMPLES = Path(__file__).parents[1] / "samples" / "docker"
OLD = "20.10.24+dfsg1"


def _docker(name: str, version: str = "", seconds: float = 200.0) -> tuple[World, Docker]:
    fleet = small(60.0)
    world = World(fleet, seed=3, start=MONDAY_TEN)
    host: Host = next(host for host in fleet.hosts if host.name == name)
    program = build(host, fleet, world)
    world.subscribe(program.handlers())
    if version:
        world.processes.all[f"{name}/docker"].version = version
    world.run_until(MONDAY_TEN + seconds)
    return world, program


@pytest.fixture(scope="module")
def old() -> tuple[World, Docker]:
    return _docker("gpu-1", OLD)


@pytest.fixture(scope="module")
def path(old: tuple[World, Docker], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with loopback.unix(old[1], tmp_path_factory.mktemp("docker")) as path:
        yield path


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


def _get(path: Path, where: str, method: str = "GET") -> tuple[int, dict[str, str], Any]:
    connection = _Unix(path)
    connection.request(method, where)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    kind = answer.headers.get("Content-Type", "")
    return answer.status, dict(answer.headers), json.loads(body) if body and "json" in kind else body.decode()


def _sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.body").read_text())


def _shape(value: Any, beside: frozenset[str] = frozenset()) -> Any:
    """Return the keys of a body in their order, down to the first entry of lists."""
    if isinstance(value, dict):
        return {key: _shape(part, beside) for key, part in value.items() if key not in beside}
    return [_shape(value[0], beside)] if isinstance(value, list) and value and isinstance(value[0], dict) else None


DATA = frozenset({"Networks", "Labels", "Ports", "PortBindings", "Health", "Healthcheck", "ExposedPorts", "Details"})
DATA |= {"DeviceRequests", "networks", "Runtimes", "io_service_bytes_recursive", "percpu_usage", "SizeRw", "SizeRootFs"}
DATA |= {"RepoDigests", "Config", "Ulimits", "ContainerConfig", "GraphDriver"}


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("inspect", "/containers/vllm-a/json"),
        ("containers", "/containers/json?all=1"),
        ("stats", "/containers/vllm-a/stats?stream=false"),
        ("stats_oneshot", "/containers/vllm-a/stats?stream=false&one-shot=true"),
        ("version", "/version"),
        ("networks", "/networks"),
        ("images", "/images/json"),
        ("df", "/system/df"),
        ("top", "/containers/vllm-a/top"),
        ("inspect_image", "/images/vllm/vllm-openai/json"),
    ],
)
def test_bodies_have_the_captured_keys(path: Path, name: str, where: str) -> None:
    status, _, body = _get(path, f"/v1.41{where}")
    assert status == 200
    assert _shape(body, DATA) == _shape(_sample(name), DATA)


def test_the_host_is_described_as_captured(path: Path) -> None:
    _, _, body = _get(path, "/info")
    captured = _sample("info")
    assert set(body) <= set(captured)
    assert set(captured) - set(body) == {"RegistryConfig", "ContainerdCommit", "RuncCommit", "InitCommit"}
    assert (body["NCPU"], body["ContainersRunning"]) == (64, 5)


def test_errors_are_the_captured_ones(path: Path) -> None:
    assert _get(path, "/v1.99/info")[0::2] == (400, _sample("badversion"))
    assert _get(path, "/containers/nope/json")[0::2] == (404, _sample("inspect404"))
    assert _get(path, "/containers/json?filters=x")[0::2] == (500, _sample("filters_bad"))
    assert _get(path, "/nothing")[0::2] == (404, {"message": "page not found"})
    status, headers, body = _get(path, "/_ping")
    assert (status, body) == (200, "OK")
    captured = (SAMPLES / "ping.headers").read_text()
    for name in ("Api-Version", "Server", "Ostype", "Docker-Experimental", "Cache-Control", "Pragma", "Content-Type"):
        assert f"{name}: {headers[name]}" in captured


@pytest.fixture
def client(path: Path) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=f"unix://{path}", timeout=30)
    yield client
    client.close()


def test_the_docker_sdk_sees_the_processes_of_the_host(client: docker.DockerClient, old: tuple[World, Docker]) -> None:
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.41"
    found = {one.name: one for one in client.containers.list()}
    assert set(found) == {"vllm-a", "vllm-b", "llamacpp", "node-exporter", "dcgm-exporter"}
    one = found["vllm-a"]
    assert one.status == "running"
    assert one.image.tags == ["vllm/vllm-openai:v0.33.0"]
    assert one.attrs["State"]["Pid"] == old[0].processes.all["vllm-a"].pid
    assert one.attrs["HostConfig"]["DeviceRequests"][0]["DeviceIDs"] == ["0"]
    assert one.health == "healthy"
    assert client.containers.list(filters={"ancestor": "vllm/vllm-openai"})[0].name.startswith("vllm")
    assert client.containers.list(filters={"name": "llama", "status": "running"}) == [found["llamacpp"]]
    assert not client.containers.list(filters={"label": "nothing"})
    assert len(client.images.list()) == 4
    assert client.df()["LayersSize"] > 1e9


def test_the_docker_sdk_reads_statistics(client: docker.DockerClient, old: tuple[World, Docker]) -> None:
    one = client.containers.get("vllm-a")
    sample = one.stats(stream=False)
    machine = old[1].machine
    assert sample["cpu_stats"]["cpu_usage"]["total_usage"] == int(
        machine.cpu_seconds(machine.processes["vllm-a"]) * 1e9
    )
    assert sample["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert sum(sample["cpu_stats"]["cpu_usage"]["percpu_usage"]) == sample["cpu_stats"]["cpu_usage"]["total_usage"]
    assert sample["memory_stats"]["usage"] <= sample["memory_stats"]["limit"]
    stream = one.stats(stream=True, decode=True)
    assert next(stream)["precpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert next(stream)["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert one.top()["Processes"][0][1] == str(one.attrs["State"]["Pid"])


def test_the_docker_sdk_reads_logs(client: docker.DockerClient) -> None:
    one = client.containers.get("vllm-a")
    lines = one.logs(tail=5).decode().splitlines()
    assert len(lines) == 5
    assert any("POST /v1/chat/completions" in line for line in lines)
    text = one.logs(stderr=False).decode()
    assert "Starting vLLM server" in text
    assert "Avg generation throughput" in text
    stamped = one.logs(tail=1, timestamps=True).decode()
    assert stamped.startswith("2026-11-23T10:0")
    with pytest.raises(docker.errors.APIError, match="you must choose at least one stream"):
        client.api.logs(one.id, stdout=False, stderr=False)


def test_events_tell_what_happened(tmp_path: Path) -> None:
    world, program = _docker("gpu-1", OLD)
    world.processes.restart("vllm-b", code=137, down=5.0, reason="crash")
    world.run_until(world.now + 60)
    with loopback.unix(program, tmp_path) as path:
        client = docker.DockerClient(base_url=f"unix://{path}", timeout=30)
        now = world.now
        events = list(client.events(since=MONDAY_TEN - 100, until=now, decode=True, filters={"container": "vllm-b"}))
        assert [event["Action"] for event in events][:2] == ["create", "start"]
        assert [event["Action"] for event in events][-3:] == ["oom", "die", "start"]
        captured = [json.loads(line) for line in (SAMPLES / "events.jsonl").read_text().splitlines()]
        die = next(one for one in captured if one["Action"] == "die")
        own = next(one for one in events if one["Action"] == "die")
        assert list(own) == list(die)
        assert own["Actor"]["Attributes"]["exitCode"] == "137"
        one = client.containers.get("vllm-b")
        assert one.attrs["RestartCount"] == 1
        assert one.health == "starting"
        client.close()


def test_between_a_crash_and_the_restart_a_container_is_restarting() -> None:
    world, program = _docker("gpu-1", OLD)
    world.processes.restart("vllm-b", code=137, down=50.0, reason="crash")
    world.run_until(world.now + 10)
    program.refresh(world.now)
    one = program.containers.find("vllm-b")
    assert one is not None
    state = program.shapes.inspect(one, "1.41")["State"]
    assert (state["Status"], state["OOMKilled"], state["ExitCode"], state["Running"]) == ("restarting", True, 137, True)
    assert program.shapes.status(one) == "Restarting (137) 10 seconds ago"
    assert list(state)[:11] == list(_sample("inspect_oom")["State"])


def test_a_crash_loop_counts_its_restarts() -> None:
    world, program = _docker("app-1", OLD)
    stop = world.processes.loop("litellm", 1, 10.0)
    world.run_until(world.now + 200)
    stop()
    one = program.containers.find("litellm")
    assert one is not None
    assert one.restarts >= 6
    assert sum(event.action == "die" for event in program.containers.happened) in (one.restarts, one.restarts + 1)


def test_health_fails_after_three_probes_and_comes_back() -> None:
    world, program = _docker("app-1", OLD)
    one = program.containers.find("litellm")
    assert one is not None
    world.kernel.emit(Reachability(world.now, "litellm", "hanging"), "litellm")
    began = world.now
    program.refresh(began + 60)
    assert one.health == "healthy"
    program.refresh(began + 120)
    assert (one.health, one.streak) == ("unhealthy", 4)
    world.kernel.emit(Reachability(began + 121, "litellm", "ok"), "litellm")
    program.refresh(began + 160)
    assert (one.health, one.streak) == ("healthy", 0)


def test_an_upgrade_makes_another_container() -> None:
    world, program = _docker("gpu-1", OLD)
    before = program.containers.all["vllm-a"].id
    world.kernel.emit(Ended(world.now, "vllm-a", 0, "upgrade"), "vllm-a")
    world.kernel.emit(Started(world.now + 20, "vllm-a", "0.34.0", 9, "upgrade"), "vllm-a")
    after = program.containers.all["vllm-a"]
    assert after.id != before
    assert after.facts.image == "vllm/vllm-openai:v0.34.0"
    assert "destroy" in [event.action for event in program.containers.happened]


async def test_aiodocker_reads_a_new_daemon(tmp_path: Path) -> None:
    world, program = _docker("app-1")
    with loopback.unix(program, tmp_path) as path:
        async with aiodocker.Docker(url=f"unix://{path}") as client:
            assert (await client.version())["ApiVersion"] == program.spoken.api
            names = {one["Names"][0] for one in await client.containers.list()}
            assert names == {"/litellm", "/redis", "/node-exporter"}
            one = await client.containers.get("redis")
            [sample] = await one.stats(stream=False)
            assert sample["memory_stats"]["stats"]["inactive_file"] == 0
            log = await one.log(stdout=True, stderr=True, tail=1)
            assert "Ready to accept connections" in log[0]
            inspected = await one.show()
            assert inspected["Config"]["Image"] == "redis:7.0.15"
    assert world.now


async def test_a_follower_sees_what_comes(tmp_path: Path) -> None:
    world, program = _docker("app-1", OLD)
    with loopback.unix(program, tmp_path) as path:
        async with aiodocker.Docker(url=f"unix://{path}") as client:
            subscriber = client.events.subscribe()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0.5)
            world.kernel.emit(Ended(world.now, "redis", 0, "restart"), "redis")
            actions = [(await asyncio.wait_for(subscriber.get(), 10))["Action"] for _ in range(2)]
            assert actions == ["kill", "die"]


def test_times_are_written_as_docker_writes_them() -> None:
    assert rfc3339(1795227149.5) == "2026-11-21T02:12:29.5Z"
    assert rfc3339(0) == "0001-01-01T00:00:00Z"
    words = [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (46, "46 seconds"),
        (75, "About a minute"),
        (600, "10 minutes"),
    ]
    words += [(3700, "About an hour"), (5 * 3600, "5 hours"), (3 * 86400, "3 days"), (15 * 86400, "2 weeks")]
    assert [human(seconds) for seconds, _ in words] == [text for _, text in words]


def test_names_that_docker_does_not_allow_become_names_that_differ() -> None:
    hosts, models = (Host("box"),), EngineModel("m", 1e9, 1e9)
    names = ("a b", "a/b", "ü", "x")
    fleet = Fleet("f", hosts=hosts, engines=tuple(Engine(name, "vllm", "1", models, (), "box") for name in names))
    program = build(hosts[0], fleet, World(fleet, seed=1, start=MONDAY_TEN))
    handlers = program.handlers()
    for name in names:
        handlers[Started, name](Started(1.0, name, "1", 5, "start"))
    found = [one.facts.name for one in program.containers.all.values()]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", name) for name in found)
