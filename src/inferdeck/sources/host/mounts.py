"""File systems and their free space, without ever waiting for one that hangs.

Names and default filters are node_exporter's (collector/filesystem_linux.go), whose overlay and container mounts are
left out as well. Network file systems are skipped unless asked for: a dead server blocks statvfs for good.
"""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from inferdeck.sources.columns import Pairs, Sample

_IGNORED_POINTS = re.compile(
    r"/(?:dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)(?:/.*)?"
)
_IGNORED_TYPES = re.compile(
    r"autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay"
    r"|procfs|proc|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs"
)
_NETWORK_TYPES = re.compile(
    r"nfs\d*|cifs|smb\d*|smbfs|afs|ceph|glusterfs|lustre|9p|ncpfs|davfs|ocfs2|gfs2?|beegfs|fuse\..+"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/mounts."""

    device: str
    point: str
    type: str
    readonly: bool

    @property
    def labels(self) -> Pairs:
        """The labels of node_filesystem_*."""
        return (("device", self.device), ("fstype", self.type), ("mountpoint", self.point))


def parse(text: str, *, network: bool) -> list[Mount]:
    """Return the mounts of /proc/mounts that are worth asking, each device and mount point once."""
    found: dict[tuple[str, str], Mount] = {}
    for line in text.splitlines():
        words = [_ESCAPE.sub(lambda match: chr(int(match[1], 8)), word) for word in line.split(" ")]
        if len(words) < 4:
            continue
        mount = Mount(words[0], words[1], words[2], "ro" in words[3].split(","))
        skipped = _IGNORED_TYPES.fullmatch(mount.type) or _IGNORED_POINTS.fullmatch(mount.point)
        if not skipped and (network or not _NETWORK_TYPES.fullmatch(mount.type)):
            found[mount.device, mount.point] = mount
    return list(found.values())


Stat = Callable[[str], os.statvfs_result]


class Filesystems:
    """Asks each file system with a deadline; one that does not answer is left alone until it does.

    A thread that hangs in statvfs cannot be stopped: it is a daemon thread, and there is one per hanging mount at most.
    """

    def __init__(self, root: str, deadline: float, stat: Stat = os.statvfs) -> None:
        self._root = root.rstrip("/")
        self._deadline = deadline
        self._stat = stat
        self._hanging: dict[str, threading.Thread] = {}

    def samples(self, mounts: Iterable[Mount]) -> Iterator[Sample]:
        """Yield node_filesystem_* of these mounts; blocks for at most one deadline per mount that begins to hang."""
        asked = list(mounts)
        for point in [point for point, thread in self._hanging.items() if not thread.is_alive()]:
            del self._hanging[point]
        answers = self._ask([mount.point for mount in asked if mount.point not in self._hanging])
        for mount in asked:
            yield from _samples(mount, answers.get(mount.point))

    @property
    def hanging(self) -> tuple[str, ...]:
        """Mount points whose file system does not answer."""
        return tuple(self._hanging)

    def _ask(self, points: list[str]) -> dict[str, os.statvfs_result]:
        answers: dict[str, os.statvfs_result] = {}
        waiting = points
        while waiting:
            replies: queue.SimpleQueue[tuple[str, os.statvfs_result | None]] = queue.SimpleQueue()
            thread = threading.Thread(target=self._work, args=(waiting, replies), name="statvfs", daemon=True)
            thread.start()
            waiting = waiting[self._receive(waiting, replies, answers, thread) :]
        return answers

    def _receive(
        self,
        points: list[str],
        replies: queue.SimpleQueue[tuple[str, os.statvfs_result | None]],
        answers: dict[str, os.statvfs_result],
        thread: threading.Thread,
    ) -> int:
        """Collect replies until one is late; return how many points are dealt with, the late one included."""
        for position, point in enumerate(points):
            try:
                _, answer = replies.get(timeout=self._deadline)
            except queue.Empty:
                self._hanging[point] = thread
                return position + 1
            if answer is not None:
                answers[point] = answer
        return len(points)

    def _work(self, points: list[str], replies: queue.SimpleQueue[tuple[str, os.statvfs_result | None]]) -> None:
        for point in points:
            try:
                answer = self._stat(f"{self._root}{point}" or "/")
            except OSError:
                replies.put((point, None))
                continue
            replies.put((point, answer))
            if point in self._hanging:
                return


def _samples(mount: Mount, answer: os.statvfs_result | None) -> Iterator[Sample]:
    yield "node_filesystem_device_error", mount.labels, float(answer is None)
    if answer is None:
        return
    yield "node_filesystem_size_bytes", mount.labels, float(answer.f_blocks * answer.f_frsize)
    yield "node_filesystem_free_bytes", mount.labels, float(answer.f_bfree * answer.f_frsize)
    yield "node_filesystem_avail_bytes", mount.labels, float(answer.f_bavail * answer.f_frsize)
    yield "node_filesystem_files", mount.labels, float(answer.f_files)
    yield "node_filesystem_files_free", mount.labels, float(answer.f_ffree)
    readonly = mount.readonly or bool(answer.f_flag & os.ST_RDONLY)
    yield "node_filesystem_readonly", mount.labels, float(readonly)
