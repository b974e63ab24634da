"""The container and the systemd unit of a process, by the paths that each container engine writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inferdeck.sources import cgroup

ID = "3f1c9a0b7d2e" + "5" * 52
OTHER = "a" * 64
USER = "/user.slice/user-1000.slice/user@1000.service"


def proc(folder: Path, text: str, pid: int = 42) -> Path:
    place = folder / str(pid)
    place.mkdir()
    (place / "cgroup").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        pytest.param(f"/system.slice/docker-{ID}.scope", "", id="docker, systemd driver"),
        pytest.param(f"/docker/{ID}", "", id="docker, cgroupfs driver"),
        pytest.param(f"/../{ID}", "", id="docker, seen from another container"),
        pytest.param(f"/system.slice/docker-{ID}.scope/init.scope", "", id="a child cgroup inside"),
        pytest.param(f"/docker/{OTHER}/docker/{ID}", "", id="docker in docker"),
        pytest.param(f"/docker/{ID}/system.slice/nginx.service", "", id="systemd inside a container"),
        pytest.param(
            f"/kubepods/besteffort/pod6fd42b4e-0cb1-4e5b-9bd5-000000000000/{ID}", "", id="kubernetes, cgroupfs"
        ),
        pytest.param(
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-pod{'1' * 32}.slice/cri-containerd-{ID}.scope",
            "",
            id="kubernetes, containerd",
        ),
        pytest.param(f"/kubepods.slice/crio-{ID}.scope", "", id="kubernetes, CRI-O"),
        pytest.param(
            f"/system.slice/containerd.service/kubepods-pod.slice:cri-containerd:{ID}",
            "containerd.service",
            id="containerd below its own service",
        ),
        pytest.param(f"/system.slice/nerdctl-{ID}.scope", "", id="nerdctl"),
        pytest.param(f"/machine.slice/libpod-{ID}.scope/container", "", id="podman, rootful"),
        pytest.param(f"{USER}/user.slice/libpod-{ID}.scope/container", "user@1000.service", id="podman, rootless"),
        pytest.param(f"/system.slice/vllm.service/libpod-payload-{ID}", "vllm.service", id="podman, by a service"),
        pytest.param(f"/libpod_parent/libpod-{ID}", "", id="podman, cgroupfs"),
        pytest.param(f"/ecs/0123/{ID} (deleted)", "", id="removed meanwhile"),
    ],
)
def test_container_of_every_engine_is_known_in_both_versions(tmp_path: Path, path: str, unit: str) -> None:
    (tmp_path / "2").mkdir()
    (tmp_path / "1").mkdir()
    version_2 = proc(tmp_path / "2", f"0::{path}\n")
    version_1 = proc(tmp_path / "1", f"13:cpu,cpuacct:{path}\n1:name=systemd:{path}\n0::/\n")

    for place in (version_2, version_1):
        assert cgroup.container(42, place) == ID[:12]
        assert cgroup.unit(42, place) == unit


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/", ""),
        ("/system.slice/ollama.service", "ollama.service"),
        ("/system.slice/system-vllm.slice/vllm@qwen3\\x2d8b.service", "vllm@qwen3\\x2d8b.service"),
        (f"{USER}/app.slice/vllm.service", "vllm.service"),
        (f"{USER}/app.slice/app-foot-4242.scope", "user@1000.service"),
        ("/user.slice/user-1000.slice/session-3.scope", ""),
        (f"/machine.slice/libpod-conmon-{ID}.scope", ""),
        (f"/machine.slice/machine-libpod_pod_{ID}.slice", ""),
        ("/process_api/e61d0f83e7de332b6d447324838eb16b", ""),
        ("/system.slice/.service", ""),
    ],
)
def test_process_outside_of_containers_has_its_service(tmp_path: Path, path: str, unit: str) -> None:
    place = proc(tmp_path, f"12:memory:/\n0::{path}\n")

    assert (cgroup.container(42, place), cgroup.unit(42, place)) == ("", unit)


def test_process_that_has_gone_is_in_none(tmp_path: Path) -> None:
    assert (cgroup.container(42, tmp_path), cgroup.unit(42, tmp_path)) == ("", "")


@pytest.mark.parametrize(
    "text", ["", "\n\n", "garbage", "0:", f"docker-{ID}.scope", "0::\udcff".encode("utf-8", "ignore").decode()]
)
def test_garbage_is_in_none(tmp_path: Path, text: str) -> None:
    place = proc(tmp_path, text)

    assert (cgroup.container(42, place), cgroup.unit(42, place)) == ("", "")


def test_own_process_is_read() -> None:
    assert len(cgroup.container(os.getpid())) in (0, 12)
