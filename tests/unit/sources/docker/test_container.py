"""Captured inspections as values, and images, labels and addresses of many forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.sources import catalog
from inferdeck.sources.docker.container import Container, called, health_of, read

SAMPLES = Path(catalog.FOLDER) / "docker/samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"dockerd-20.10.24-{name}.json").read_text())


def captured(name: str) -> Container:
    inspected = sample(name)
    entry = {"Id": inspected["Id"], "Names": [inspected["Name"]], "State": inspected["State"]["Status"]}
    return read(entry, inspected)


def test_a_captured_engine() -> None:
    facts = captured("inspect").facts()
    assert facts == {
        "id": "59b256e8ddff",
        "image": "vllm-fake:v0.11.0",
        "image_tag": "v0.11.0",
        "state": "running",
        "health": "healthy",
        "restarts": "0",
        "created": "1795227149.599",
        "started": "1795227149.877",
        "pid": "11301",
        "hostname": "vm",
        "networks": "host",
        "network_mode": "host",
        "engine": "vllm",
        "engine_version": "0.11.0",
        "cuda_version": "12.8",
        "memory_limit_bytes": "67108864",
        "project": "llm",
        "service": "vllm-llama",
    } | {"created": facts["created"]}


def test_captured_ends() -> None:
    crashed, killed = captured("inspect_crash"), captured("inspect_oom")
    assert (crashed.state, crashed.exit_code, crashed.restarts, crashed.oom_killed) == ("exited", 3, 2, False)
    assert (killed.exit_code, killed.oom_killed) == (137, True)
    assert killed.facts()["oom_killed"] == "true"
    assert "pid" not in crashed.facts()


def test_the_captured_list_gives_names() -> None:
    entries = sample("containers")
    assert {called(entry) for entry in entries} >= {"ttylogger", "logger", "oom", "crash"}


def inspected(image: str = "a:1", labels: Any = None, env: Any = None, networks: Any = None) -> dict[str, Any]:
    return {
        "Id": "f" * 64,
        "Name": "/x",
        "State": {"Status": "running"},
        "Config": {"Image": image, "Labels": labels, "Env": env},
        "NetworkSettings": networks or {},
    }


@pytest.mark.parametrize(
    ("image", "tag", "version"),
    [
        ("vllm/vllm-openai:v0.11.0", "v0.11.0", "0.11.0"),
        ("vllm/vllm-openai:v0.10.1.1", "v0.10.1.1", "0.10.1.1"),
        ("vllm/vllm-openai:v0.9.0rc2", "v0.9.0rc2", "0.9.0rc2"),
        ("lmsysorg/sglang:v0.4.6.post1-cu124", "v0.4.6.post1-cu124", "0.4.6.post1"),
        ("ghcr.io/ggml-org/llama.cpp:server-cuda-b11434", "server-cuda-b11434", "b11434"),
        ("registry:5000/vllm-openai", "", ""),
        ("vllm/vllm-openai:latest@sha256:" + "0" * 64, "latest", ""),
        ("vllm/vllm-openai:latest", "latest", ""),
    ],
)
def test_versions_stand_in_the_tag(image: str, tag: str, version: str) -> None:
    found = read({"State": "running"}, inspected(image))
    assert (found.image_tag, found.version) == (tag, version)


def test_a_label_of_the_base_image_is_no_version() -> None:
    label = {"org.opencontainers.image.version": "22.04", "org.opencontainers.image.ref.name": "ubuntu"}
    assert read({}, inspected("vllm/vllm-openai:latest", label)).version == ""
    assert read({}, inspected("x:latest", {"org.opencontainers.image.version": "1.4.2"})).version == "1.4.2"


@pytest.mark.parametrize(
    ("env", "image", "cuda"),
    [
        (["CUDA_VERSION=12.8.1"], "a:1", "12.8.1"),
        (["NV_CUDA_CUDART_VERSION=12.8.90-1"], "a:1", "12.8.90"),
        ([], "lmsysorg/sglang:v0.4.6-cu124", "12.4"),
        (["CUDA_VERSION=secret"], "a:1", ""),
    ],
)
def test_cuda(env: list[str], image: str, cuda: str) -> None:
    assert read({}, inspected(image, env=env)).cuda_version == cuda


def test_addresses_of_all_networks_and_ports_host_first() -> None:
    networks = {
        "Ports": {
            "8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "18000"}, {"HostIp": "::", "HostPort": "18000"}],
            "9000/tcp": None,
            "bad": [{"HostPort": "1"}],
        },
        "IPAddress": "172.17.0.2",
        "Networks": {
            "a": {"IPAddress": "172.17.0.2", "GlobalIPv6Address": "fd00::2"},
            "b": {"IPAddress": "10.1.0.7", "GlobalIPv6Address": ""},
        },
    }
    found = read({}, inspected(networks=networks))
    assert found.ports == ("18000->8000/tcp",)
    assert found.exposed == ("9000/tcp",)
    assert found.addresses == ("172.17.0.2", "fd00::2", "10.1.0.7")
    assert found.networks == ("a", "b")


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 3 hours (healthy)", "healthy"),
        ("Up 3 seconds (health: starting)", "starting"),
        ("Up 3 hours (unhealthy)", "unhealthy"),
        ("Up 3 hours", ""),
        ("Exited (137) 3 seconds ago", ""),
        ("Up 2 hours (Paused)", ""),
    ],
)
def test_health_from_the_words_of_the_list(status: str, health: str) -> None:
    assert health_of({"Status": status}) == health


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


PARTS = ("Id", "Name", "State", "Config", "HostConfig", "NetworkSettings", "Args", "Path", "RestartCount")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(PARTS, ANYTHING)))
def test_no_answer_of_any_shape_is_an_exception(body: dict[str, Any]) -> None:
    facts = read(body, body).facts()
    assert all(facts.values())
