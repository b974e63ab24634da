"""The host source: /proc and /sys where they exist, psutil elsewhere, read in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from inferdeck.errors import MalformedError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Sample
from inferdeck.sources.host import linux, mounts, portable
from inferdeck.sources.host.config import HostConfig
from inferdeck.sources.interface import Collected, Probe

_CLASS_NET = {"carrier": "carrier", "mtu": "mtu_bytes", "speed": "speed_bytes", "tx_queue_len": "transmit_queue_length"}
_MEGABIT_BYTES = 125_000
_READ_BYTES = 65_536
_MAX_READS = 64


class HostSource:
    """One machine, the one whose /proc is read."""

    kind = "host"
    probes: Sequence[Probe] = (
        Probe("files", "read /proc and /sys", SideEffect.NONE, required=True),
        Probe("filesystems", "statvfs of each local file system", SideEffect.NONE),
        Probe(
            "network_filesystems",
            "statvfs of NFS, SMB and the like",
            SideEffect.NONE,
            "a dead server holds one thread until it answers",
            enabled_by="network_filesystems",
        ),
    )

    def __init__(self, config: HostConfig, clock: Clock, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self._config = config
        self._clock = clock
        self._proc = Path(config.proc)
        self._sys = Path(config.sys)
        self._columns = Columns(extra)
        self._filesystems = mounts.Filesystems(config.root, config.mount_deadline)
        # One thread, so that a collection that was given up never runs beside the next one.
        self._thread = ThreadPoolExecutor(1, "host")

    async def collect(self, now: float) -> Collected:
        """Read the machine once; raises MalformedError where neither /proc nor psutil says anything."""
        found = await asyncio.get_running_loop().run_in_executor(self._thread, self._read)
        if not found:
            raise MalformedError(f"{self._proc}: nothing could be read; is sources.host proc right?")
        layout, values = self._columns.collect([("node_time_seconds", (), self._clock.now()), *found])
        hanging = self._filesystems.hanging
        return Collected(
            layout,
            values,
            inventory=[_fact(self.instance)],
            version=platform.release(),
            warnings=[f"{point}: the file system does not answer; left alone until it does" for point in hanging],
        )

    async def aclose(self) -> None:
        """Let the thread go; one that hangs is left behind."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> list[Sample]:
        if (self._proc / "stat").exists():
            found = [
                *self._files(),
                *self._interfaces(),
                *linux.os_release(_text(Path(self._config.root) / _OS_RELEASE)),
            ]
            text = _text(self._proc / "1/mounts") or _text(self._proc / "self/mounts")
            known = mounts.parse(text, network=self._config.network_filesystems)
        else:
            found, known = list(portable.samples()), portable.mounts()
        return [*found, *_identity(), *self._filesystems.samples(known)]

    def _files(self) -> Iterator[Sample]:
        for name, reader in linux.FILES:
            text = _text(self._proc / name)
            if text:
                yield from reader(text)

    def _interfaces(self) -> Iterator[Sample]:
        for path in sorted(self._sys.glob("class/net/*")):
            own = (("device", path.name),)
            state = _text(path / "operstate").strip()
            if not state:
                continue
            yield "node_network_up", own, float(state == "up")
            for file, name in _CLASS_NET.items():
                text = _text(path / file).strip()
                # The kernel says -1 where a speed is unknown, and refuses to say a carrier of what is down.
                if text.isdigit():
                    yield f"node_network_{name}", own, float(text) * (_MEGABIT_BYTES if file == "speed" else 1)


_OS_RELEASE = Path("etc/os-release")


def _identity() -> Iterator[Sample]:
    name = os.uname()
    known = {"sysname": name.sysname, "release": name.release, "version": name.version, "machine": name.machine}
    own = (
        *known.items(),
        ("nodename", name.nodename),
        ("domainname", _text(Path("/proc/sys/kernel/domainname")).strip()),
    )
    yield "node_uname_info", own, 1.0
    local = time.localtime()
    yield "node_time_zone_offset_seconds", (("time_zone", local.tm_zone),), float(local.tm_gmtoff)


def _fact(instance: str) -> Fact:
    name = os.uname()
    facts = {"system": name.sysname, "release": name.release, "machine": name.machine, "nodename": name.nodename}
    return Fact("service", instance, {**facts, "cpus": str(os.cpu_count() or "")})


def _text(path: Path) -> str:
    """Return a small text file's content; "" where it is absent or may not be read."""
    try:
        # The kernel refuses reads of megabytes from /proc/sys, so the file is read in pieces.
        with path.open("rb", buffering=0) as file:
            pieces = islice(iter(lambda: file.read(_READ_BYTES), b""), _MAX_READS)
            return b"".join(pieces).decode("utf-8", "replace")
    except OSError:
        return ""


def make(config: HostConfig, http: object, clock: Clock, target: TargetKey, extra: Labels) -> HostSource:
    """Return the source of one target; `http` is not used."""
    return HostSource(config, clock, target, extra)
