"""What the source says of a real dockerd, compared with what the `docker` command says of the same containers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from inferdeck.sources import catalog
from inferdeck.sources.docker.config import DockerConfig
from inferdeck.sources.dockerd import DockerClient
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected
from tests.real.docker_engine import RealDocker, docker_engine
from tests.real.sources.docker.watched import Watched, of, value, watching
from tests.real.sources.reading import series

pytestmark = pytest.mark.heavy
PLANTED = "sk-planted0123456789abcdefghijklmnop"


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDocker]:
    with docker_engine(tmp_path_factory.mktemp("d")) as found:
        yield found


@pytest_asyncio.fixture
async def watched(docker: RealDocker) -> AsyncIterator[Watched]:
    async with watching(docker) as found:
        yield found


def inspected(docker: RealDocker, name: str) -> Any:
    return json.loads(docker("inspect", name))[0]


async def test_a_container_is_what_the_docker_command_says(docker: RealDocker, watched: Watched) -> None:
    docker("network", "create", "stack", check=False)
    docker.run(
        "web",
        *("-p", "127.0.0.1:18731:8000", "--memory", "64m", "-e", "CUDA_VERSION=12.8.1", "--hostname", "webhost"),
        *("--label", "com.docker.compose.project=llm", "--label", "com.docker.compose.service=web"),
        network="stack",
        command="httpd -f -p 8000 -h /www",
    )
    found = await watched.until(lambda one: "start" in one.kinds("web"))
    facts, truth = watched.fact("web").facts, inspected(docker, "web")
    assert facts["id"] == truth["Id"][:12]
    assert (facts["image"], facts["image_tag"]) == ("bb:1", "1")
    assert (facts["state"], facts["restarts"], facts["pid"]) == ("running", "0", str(truth["State"]["Pid"]))
    assert (facts["hostname"], facts["cuda_version"]) == ("webhost", "12.8.1")
    assert (facts["ports"], facts["networks"]) == ("18731->8000/tcp", "stack")
    assert facts["addresses"] == truth["NetworkSettings"]["Networks"]["stack"]["IPAddress"]
    assert (facts["project"], facts["service"]) == ("llm", "web")
    mine = of(found, "web")
    assert value(mine, "container_spec_memory_limit_bytes") == 64 * 2**20
    assert value(mine, "container_state_status", status="running") == 1
    assert value(mine, "container_memory_usage_bytes") is not None
    assert value(mine, "container_network_receive_bytes_total", interface="eth0") is not None
    assert {name for key in mine if (name := dict(key)["__name__"])} <= {
        metric.descriptor.name for metric in catalog.load("docker").metrics
    }
    docker("rm", "-f", "web")
    await watched.until(lambda one: one.kinds("web")[-1] == "destroy")
    assert watched.fact("web").facts == {}


async def test_cpu_and_memory_are_those_of_the_cgroup(docker: RealDocker, watched: Watched) -> None:
    container = docker.run("busy", command="while :; do :; done")
    await watched.until(lambda one: "start" in one.kinds("busy"))
    first = value(of(await watched.collect(), "busy"), "container_cpu_usage_seconds_total", cpu="total")
    await asyncio.sleep(1.0)
    before = cgroup(container, "cpuacct", "cpuacct.usage") / 1e9
    second = value(of(await watched.collect(), "busy"), "container_cpu_usage_seconds_total", cpu="total")
    after = cgroup(container, "cpuacct", "cpuacct.usage") / 1e9
    assert first is not None
    assert second is not None
    assert first < before <= second <= after
    docker("rm", "-f", "busy")


def cgroup(container: str, controller: str, name: str) -> int:
    file = Path(f"/sys/fs/cgroup/{controller}/docker/{container}/{name}")
    if not file.exists():
        pytest.skip("this machine has no cgroup v1 tree of Docker's containers")
    return int(file.read_text())


async def test_health_goes_from_unhealthy_to_healthy(docker: RealDocker, watched: Watched) -> None:
    docker.run("checked", "--health-cmd", "test -e /tmp/ok", "--health-interval", "1s", "--health-retries", "1")
    await watched.until(lambda one: one.fact("checked").facts.get("health") == "unhealthy")
    docker("exec", "checked", "touch", "/tmp/ok")
    found = await watched.until(lambda one: one.fact("checked").facts.get("health") == "healthy")
    assert value(of(found, "checked"), "container_state_health_status", status="healthy") == 1
    await watched.until(lambda one: one.kinds("checked").count("health") == 2)
    healths = [one.facts["health"] for one in watched.told if (one.kind, one.subject) == ("health", "checked")]
    assert healths == ["unhealthy", "healthy"]
    docker("rm", "-f", "checked")


async def test_a_kill_for_memory_is_told_once(docker: RealDocker, watched: Watched) -> None:
    docker.run("greedy", "-m", "8m", command="x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo")
    found = await watched.until(
        lambda one: "die" in one.kinds("greedy") and one.fact("greedy").facts["state"] == "exited"
    )
    # An engine under load tells of the end before it tells of its cause.
    assert watched.kinds("greedy")[:2] == ["create", "start"]
    assert sorted(watched.kinds("greedy")[2:]) == ["die", "oom"]
    facts, truth = watched.fact("greedy").facts, inspected(docker, "greedy")["State"]
    assert (facts["oom_killed"], facts["exit_code"]) == (str(truth["OOMKilled"]).lower(), str(truth["ExitCode"]))
    mine = of(found, "greedy")
    assert value(mine, "container_oom_events_total") == 1
    assert value(mine, "container_state_oomkilled") == truth["OOMKilled"]
    assert value(mine, "container_memory_usage_bytes") is None
    docker("rm", "-f", "greedy")


async def test_a_restart_policy_is_counted_and_told(docker: RealDocker, watched: Watched) -> None:
    docker.run("crashing", "--restart", "on-failure:2", command="sleep 0.2; exit 3")
    await watched.until(lambda one: one.kinds("crashing").count("die") == 3)
    found = await watched.until(lambda one: one.fact("crashing").facts["state"] == "exited")
    assert watched.kinds("crashing") == ["create", "start", "die", "restart", "die", "restart", "die"]
    assert {one.facts["exit_code"] for one in watched.told if one.kind == "restart"} == {"3"}
    assert value(of(found, "crashing"), "container_restartcount") == inspected(docker, "crashing")["RestartCount"] == 2
    docker("rm", "-f", "crashing")


async def test_a_restart_by_hand_is_no_crash(docker: RealDocker, watched: Watched) -> None:
    docker.run("steady", command="trap 'exit 0' TERM; while :; do sleep 0.1; done")
    docker("restart", "-t", "5", "steady")
    await watched.until(lambda one: "restart" in one.kinds("steady"))
    assert watched.kinds("steady") == ["create", "start", "kill", "die", "stop", "start", "restart"]
    docker("rm", "-f", "steady")


@pytest.mark.parametrize(
    ("asked", "gpus", "count"),
    [
        ("all", "all", ""),
        ('"device=0,1"', "0,1", "2"),
        ("2", "", "2"),
        ('"device=GPU-aaaaaaaa-bbbb"', "GPU-aaaaaaaa-bbbb", "1"),
    ],
)
async def test_the_gpus_asked_for_on_the_command_line(
    docker: RealDocker, watched: Watched, asked: str, gpus: str, count: str
) -> None:
    docker("create", "--name", "cards", "--network", "none", "--gpus", asked, docker.image)
    await watched.until(lambda one: bool(one.fact("cards").facts))
    facts = watched.fact("cards").facts
    assert (facts.get("gpus", ""), facts.get("gpu_count", "")) == (gpus, count)
    docker("rm", "-f", "cards")


LOADING = """echo '(Worker pid=9) INFO 11-21 02:42:39 [cpu_runner.py:68] Starting to load model qwen...'; sleep 0.5
echo '(Worker pid=9) INFO 11-21 02:42:39 [default_loader.py:501] Loading weights took 0.01 seconds' >&2; sleep 0.5
echo '(EngineCore pid=8) INFO [core.py:402] init engine (profile, create kv cache, warmup model) took 2.87 s'; sleep 0.5
echo 'INFO:     Application startup complete.'; sleep 1000; vllm serve x/y --served-model-name qwen --api-key PLANTED"""


async def test_the_loading_of_an_engine_is_a_timeline(docker: RealDocker, watched: Watched) -> None:
    docker("tag", docker.image, "vllm/vllm-openai:v0.11.0")
    docker.run("engine", image="vllm/vllm-openai:v0.11.0", command=LOADING.replace("PLANTED", PLANTED))
    found = await watched.until(lambda one: one.fact("engine", "load").facts.get("phase") == "ready")
    told = [one for one in watched.told if (one.kind, one.subject) == ("load_phase", "engine")]
    assert [one.facts["phase"] for one in told] == ["weights", "compile", "warmup", "ready"]
    assert [one.time for one in told] == sorted(one.time for one in told)
    facts = watched.fact("engine").facts
    assert (facts["engine"], facts["engine_version"], facts["model"]) == ("vllm", "0.11.0", "qwen")
    mine = of(found, "engine")
    assert value(mine, "llm_engine_load_phase", phase="ready", model="qwen", engine="vllm") == 1
    assert value(mine, "llm_engine_load_phase", phase="warmup") == 0
    assert PLANTED not in repr((found.inventory, watched.told, found.warnings, found.layout.series))
    async with watching(docker) as other:
        await other.until(lambda one: one.fact("engine", "load").facts.get("phase") == "ready")
        assert other.kinds("engine") == [], "what was before we watched is known and not told"
    docker("rm", "-f", "engine")


async def test_what_happens_while_the_stream_is_broken_is_told_once(docker: RealDocker, watched: Watched) -> None:
    docker.run("before")
    await watched.until(lambda one: "start" in one.kinds("before"))
    await watched.source.aclose()
    docker.run("meanwhile")
    docker("rm", "-f", "before", "meanwhile")
    await watched.until(lambda one: "destroy" in one.kinds("meanwhile"))
    await watched.collect()
    for name in ("before", "meanwhile"):
        kinds = watched.kinds(name)
        assert kinds.count("create") == kinds.count("start") == kinds.count("destroy") == 1


async def test_logs_of_frames_and_of_a_terminal(docker: RealDocker) -> None:
    http = HttpClient()
    client = DockerClient(http, DockerConfig(url=docker.url))
    script = "echo one; echo two >&2; i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done"
    try:
        docker.run("framed", command=script)
        docker.run("terminal", "-t", command="echo one; echo two")
        docker("wait", "framed", "terminal")
        framed = [line async for line in client.logs("framed")]
        assert sorted(line.text for line in framed if line.text in ("one", "two")) == ["one", "two"]
        assert {line.text: line.stream for line in framed}["two"] == "stderr"
        assert [line.text for line in framed if line.text.startswith("line")] == [f"line {i}" for i in range(300)]
        assert all(line.time_ns for line in framed)
        assert [line async for line in client.logs("framed", tail=2)] == framed[-2:]
        since = framed[-1].time_ns / 1e9 + 1
        assert [line async for line in client.logs("framed", since=since)] == []
        assert [line.text async for line in client.logs("terminal")] == ["one", "two"]
        docker.run("followed", command="sleep 0.5; echo late; exit 0")
        assert [line.text async for line in client.logs("followed", follow=True)] == ["late"]
    finally:
        await http.aclose()
        docker("rm", "-f", "framed", "terminal", "followed", check=False)


def read(found: Collected | None) -> set[str]:
    """Return the containers whose statistics were read.

    What is in them is another matter: a systemd of the tests beside may take a container's processes out of a group.
    """
    if found is None:
        return set()
    return {dict(key)["name"] for key in series(found) if dict(key)["__name__"] == "container_last_seen"}


async def test_forty_containers_are_one_list_and_one_reading_each(docker: RealDocker) -> None:
    names = [f"many{number}" for number in range(40)]
    for name in names:
        docker.run(name)
    async with watching(docker) as many:
        found = await many.until(lambda one: set(names) <= read(one.last))
        assert sum(fact.name.startswith("many") for fact in found.inventory) == 40
        assert found.warnings == ()
    docker("rm", "-f", *names)
