"""File systems: which ones are asked, and one that hangs holds nobody up."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from inferdeck.model.labels import labels
from inferdeck.sources.host.mounts import Filesystems, Mount, parse

MOUNTS = r"""/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
server:/export /mnt/nfs nfs4 rw,soft 0 0
user@host: /mnt/ssh fuse.sshfs rw 0 0
/dev/sdb1 /mnt/with\040space ext4 ro,relatime 0 0
/dev/vda / ext4 rw,relatime 0 0
short line
"""


def test_pseudo_and_network_file_systems_are_left_out() -> None:
    found = parse(MOUNTS, network=False)
    assert [(mount.point, mount.readonly) for mount in found] == [("/", False), ("/mnt/with space", True)]


def test_network_file_systems_are_asked_when_wanted() -> None:
    assert {mount.point for mount in parse(MOUNTS, network=True)} == {"/", "/mnt/with space", "/mnt/nfs", "/mnt/ssh"}


class DeadServer:
    """statvfs as the kernel does it for a server that is gone: it does not return until the server is back."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.asked: list[str] = []

    def __call__(self, path: str) -> os.statvfs_result:
        self.asked.append(path)
        if path == "/dead":
            self.back.wait()
        if path == "/denied":
            raise PermissionError(path)
        return os.statvfs("/")


@pytest.fixture
def server() -> Iterator[DeadServer]:
    found = DeadServer()
    yield found
    found.back.set()


def mounts(*points: str) -> list[Mount]:
    return [Mount(f"device-{number}", point, "ext4", readonly=False) for number, point in enumerate(points)]


def errors(filesystems: Filesystems, asked: list[Mount]) -> dict[str, float]:
    samples = filesystems.samples(asked)
    return {dict(own)["mountpoint"]: value for name, own, value in samples if name == "node_filesystem_device_error"}


def test_a_hanging_file_system_is_an_error_and_the_others_are_read(server: DeadServer) -> None:
    filesystems = Filesystems("/", 0.05, server)
    asked = mounts("/a", "/dead", "/b", "/denied")
    assert errors(filesystems, asked) == {"/a": 0, "/dead": 1, "/b": 0, "/denied": 1}
    assert filesystems.hanging == ("/dead",)


def test_a_hanging_file_system_is_not_asked_again_until_it_answers(server: DeadServer) -> None:
    filesystems = Filesystems("/", 0.05, server)
    asked = mounts("/dead", "/b")
    threads = threading.active_count()
    for _ in range(5):
        assert errors(filesystems, asked) == {"/dead": 1, "/b": 0}
    assert server.asked.count("/dead") == 1
    assert threading.active_count() <= threads + 1
    server.back.set()
    for thread in [thread for thread in threading.enumerate() if thread.name == "statvfs"]:
        thread.join()
    assert errors(filesystems, asked) == {"/dead": 0, "/b": 0}
    assert filesystems.hanging == ()


def test_sizes_are_those_of_statvfs() -> None:
    [root] = mounts("/")
    found = {labels(own, name): value for name, own, value in Filesystems("/", 5.0).samples([root])}
    real = os.statvfs("/")
    assert found[labels(root.labels, "node_filesystem_size_bytes")] == real.f_blocks * real.f_frsize
    assert found[labels(root.labels, "node_filesystem_files")] == real.f_files


def test_mount_points_of_a_host_are_looked_for_below_its_root() -> None:
    asked: list[str] = []

    def stat(path: str) -> os.statvfs_result:
        asked.append(path)
        return os.statvfs("/")

    list(Filesystems("/host/", 5.0, stat).samples(mounts("/", "/data")))
    assert asked == ["/host/", "/host/data"]
