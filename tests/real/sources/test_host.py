"""The host source beside the real node_exporter on the same machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inferdeck.model.labels import Labels, metric_name, text
from inferdeck.sources.host.config import HostConfig
from inferdeck.sources.interface import Collected
from tests.real.programs import Running, node_exporter
from tests.real.sources.reading import Series, exposition, families, series, source

pytestmark = pytest.mark.real

# node_exporter's own defaults; Debian's package changes them.
UPSTREAM_FILTERS = (
    "--collector.filesystem.mount-points-exclude="
    "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
    "--collector.netdev.device-exclude=^$",
)
# Fields that node_exporter takes since 1.6; the one compared is older.
NEWER = {"node_netstat_TcpExt_TCPOFOQueue", "node_netstat_TcpExt_TCPRcvQDrop"}
# node_exporter gives a negative speed where the kernel knows none; here such a speed is missing.
UNKNOWN_SPEED = -125_000.0
# Families whose values go up only, whatever their declared type.
RISING = ("_total", "node_vmstat_", "node_netstat_Ip", "node_netstat_Tcp_", "node_netstat_TcpExt", "node_netstat_Udp")
# What both read from the machine at slightly different moments: gauges that any program may move at any time.
MOMENTARY = (
    "node_load",
    "node_memory_",
    "node_sockstat_",
    "node_procs_",
    "node_filefd_allocated",
    "node_entropy_available",
    "node_filesystem_avail",
    "node_filesystem_free",
    "node_filesystem_files_free",
    "node_netstat_Tcp_CurrEstab",
    "node_nf_conntrack_entries",
    "node_disk_io_now",
    "node_time_seconds",
)
ATTEMPTS = 20


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Running]:
    with node_exporter(tmp_path, *UPSTREAM_FILTERS) as found:
        yield found


async def read_between(exporter: Running) -> tuple[Series, Series, Series]:
    """Return node_exporter's answer, ours, and node_exporter's again: ours was read between the two.

    Another program may mount a file system or start an interface in between (a container does both): such a reading
    compares two different machines, and is made again.
    """
    async with source("host", HostConfig()) as host:
        for _ in range(ATTEMPTS):
            before = exposition(f"{exporter.url}/metrics")
            ours = series(await host.collect(0.0))
            after = exposition(f"{exporter.url}/metrics")
            if before.keys() == after.keys():
                return before, ours, after
    pytest.fail(f"node_exporter's series changed during each of {ATTEMPTS} readings")


async def test_every_series_is_one_that_node_exporter_gives(exporter: Running) -> None:
    theirs, ours, _ = await read_between(exporter)
    unknown = [text(key) for key in ours if key not in theirs and metric_name(key) not in NEWER]
    assert not unknown
    missing = [
        text(key)
        for key, value in theirs.items()
        if metric_name(key) in families(ours) and key not in ours and value != UNKNOWN_SPEED
    ]
    assert not missing


async def test_no_family_of_the_machine_is_left_out(exporter: Running) -> None:
    before, ours, _ = await read_between(exporter)
    wanted = {"node_cpu_seconds_total", "node_load1", "node_memory_MemAvailable_bytes", "node_filefd_allocated"}
    wanted |= {"node_filesystem_avail_bytes", "node_disk_read_bytes_total", "node_network_receive_bytes_total"}
    wanted |= {"node_boot_time_seconds", "node_time_seconds", "node_uname_info", "node_netstat_Tcp_CurrEstab"}
    assert wanted & families(before) <= families(ours)


async def test_values_lie_between_two_answers_of_node_exporter(exporter: Running) -> None:
    before, ours, after = await read_between(exporter)
    compared = [key for key in ours if key in before and key in after and not metric_name(key).startswith(MOMENTARY)]
    assert len(compared) > 100
    wrong = [
        f"{text(key)}: {before[key]} <= {ours[key]} <= {after[key]}"
        for key in compared
        if not _fits(key, before, ours, after)
    ]
    assert not wrong


def _fits(key: Labels, before: Series, ours: Series, after: Series) -> bool:
    """A counter lies between the two readings, anything else equals both; a tick of CPU accounting may go back."""
    name = metric_name(key)
    if any(part in name for part in RISING):
        slack = 0.02 if name.startswith("node_cpu_") else 1e-6 * max(1.0, after[key])
        return before[key] - slack <= ours[key] <= after[key] + slack
    return ours[key] == pytest.approx(before[key], rel=1e-9) or ours[key] == pytest.approx(after[key], rel=1e-9)


async def test_the_layout_stays_the_same_object() -> None:
    async with source("host", HostConfig()) as host:
        found: list[Collected] = [await host.collect(0.0) for _ in range(3)]
    assert found[1].layout is found[2].layout
