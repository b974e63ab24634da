"""The second dialect: what the source says of a real Podman."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.real.docker_engine import RealDocker, podman_service
from tests.real.sources.docker.watched import of, value, watching

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDocker]:
    with podman_service(tmp_path_factory.mktemp("p")) as found:
        yield found


async def test_containers_of_podman(podman: RealDocker) -> None:
    podman.run("one", "-e", "CUDA_VERSION=12.8.1", command="echo hello; sleep 1000")
    async with watching(podman) as watched:
        found = await watched.until(lambda one: one.fact("one").facts.get("state") == "running")
        truth = json.loads(podman("inspect", "one"))[0]
        facts = watched.fact("one").facts
        assert (facts["id"], facts["pid"]) == (truth["Id"][:12], str(truth["State"]["Pid"]))
        assert (facts["image_tag"], facts["cuda_version"]) == ("1", "12.8.1")
        service = next(one.facts for one in found.inventory if one.kind == "service")
        assert (service["program"], service["version"]) == ("podman", found.version)
        assert value(of(found, "one"), "container_memory_usage_bytes")
        assert value(of(found, "one"), "container_cpu_usage_seconds_total", cpu="total") is not None
    podman("rm", "-f", "-t", "0", "one")


async def test_what_happens_in_podman_is_told(podman: RealDocker) -> None:
    async with watching(podman) as watched:
        podman.run("short", command="exit 4")
        await watched.until(lambda one: "die" in one.kinds("short"))
        assert watched.kinds("short") == ["create", "start", "die"]
        assert watched.told[-1].facts["exit_code"] == "4"
        podman.run("steady")
        podman("restart", "-t", "0", "steady")
        await watched.until(lambda one: one.kinds("steady").count("start") == 2)
        kinds = [kind for kind in watched.kinds("steady") if kind != "stop"]
        assert kinds == ["create", "start", "restart", "die", "start"], (
            "whether it says stop as well is a race of its own"
        )
        podman("rm", "-f", "-t", "0", "short", "steady")
        await watched.until(lambda one: "destroy" in one.kinds("steady"))
