"""The whole source on a machine made of files, and where there is no /proc at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import labels, metric_name, without
from inferdeck.model.target import TargetKey
from inferdeck.sources import catalog
from inferdeck.sources.host import portable
from inferdeck.sources.host.config import HostConfig
from inferdeck.sources.host.source import HostSource, make


@asynccontextmanager
async def reading(config: HostConfig) -> AsyncIterator[HostSource]:
    target = TargetKey("host", "here", "tests")
    found = make(config, None, ManualClock(1_795_000_000.0), target, labels({"job": target.job}))
    yield found
    await found.aclose()


def write(root: Path, files: dict[str, str]) -> HostConfig:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return HostConfig(proc=str(root / "proc"), sys=str(root / "sys"), root=str(root))


async def test_a_machine_whose_files_are_mounted_elsewhere(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        {
            "proc/stat": "btime 1790000000\n",
            "proc/1/mounts": "/dev/sda / ext4 rw 0 0\n/dev/sdb /gone ext4 rw 0 0\n",
            "sys/class/net/eth0/operstate": "up\n",
            "sys/class/net/eth0/speed": "1000\n",
            "sys/class/net/eth1/operstate": "down\n",
            "sys/class/net/eth1/speed": "-1\n",
            "etc/os-release": 'ID=debian\nVERSION_ID="12"\n# comment\n',
        },
    )
    async with reading(config) as host:
        collected = await host.collect(0.0)
    pairs = zip(collected.layout.series, collected.values.tolist(), strict=True)
    found = {without(series, "job"): value for series, value in pairs}
    assert found[labels({}, "node_time_seconds")] == 1_795_000_000.0
    assert found[labels({}, "node_boot_time_seconds")] == 1_790_000_000.0
    assert found[labels({"device": "eth0"}, "node_network_speed_bytes")] == 125_000_000
    assert labels({"device": "eth1"}, "node_network_speed_bytes") not in found
    assert found[labels({"device": "eth1"}, "node_network_up")] == 0
    assert found[labels({"id": "debian"}, "node_os_version")] == 12
    gone = {"device": "/dev/sdb", "fstype": "ext4", "mountpoint": "/gone"}
    assert found[labels(gone, "node_filesystem_device_error")] == 1
    assert labels(gone, "node_filesystem_size_bytes") not in found
    assert labels({}, "node_load1") not in found, "a file that is not there gives nothing, never 0"


async def test_every_family_of_this_machine_is_in_the_catalog() -> None:
    async with reading(HostConfig()) as host:
        collected = await host.collect(0.0)
    names = {metric_name(series) for series in collected.layout.series}
    # /proc/meminfo has new fields with every kernel.
    known = catalog.load("host")
    assert {name for name in names if known.sample(name)[0] is None and not name.startswith("node_memory_")} == set()


async def test_without_proc_psutil_gives_the_same_families(tmp_path: Path) -> None:
    async with reading(HostConfig(proc=str(tmp_path / "absent"))) as host:
        collected = await host.collect(0.0)
    names = {metric_name(series) for series in collected.layout.series}
    assert {"node_cpu_seconds_total", "node_load1", "node_memory_total_bytes", "node_boot_time_seconds"} <= names
    known = catalog.load("host")
    assert {name for name, _, _ in portable.samples() if known.sample(name)[0] is None} == set()


async def test_closing_twice_does_nothing() -> None:
    async with reading(HostConfig()) as host:
        await host.aclose()
