"""The kernel's text files as samples; node_exporter itself is the witness in tests/real/sources/test_host.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.labels import Labels, labels
from inferdeck.sources.host import linux


def of(reader: linux.Reader, text: str) -> dict[Labels, float]:
    return {labels(own, name): value for name, own, value in reader(text)}


def test_cpu_time_is_in_seconds_by_mode() -> None:
    found = of(linux.stat, "cpu  9 9 9\ncpu0 100 20 30 4000 5 6 7 8 9 10\nbtime 1795000000\nintr 77 1 2 3\n")
    assert found[labels({"cpu": "0", "mode": "user"}, "node_cpu_seconds_total")] == 100 / linux.TICKS
    assert found[labels({"cpu": "0", "mode": "steal"}, "node_cpu_seconds_total")] == 8 / linux.TICKS
    assert found[labels({"cpu": "0", "mode": "nice"}, "node_cpu_guest_seconds_total")] == 10 / linux.TICKS
    assert found[labels({}, "node_intr_total")] == 77
    assert len([key for key in found if labels({"cpu": "0"})[0] in key]) == 10


def test_an_old_kernel_with_fewer_columns_gives_fewer_series() -> None:
    assert len(of(linux.stat, "cpu0 1 2 3 4")) == 4


def test_memory_is_in_bytes_and_pages_are_counted() -> None:
    found = of(linux.meminfo, "MemTotal:       100 kB\nActive(anon):     2 kB\nHugePages_Total:       3\nBad: x kB\n")
    assert found == {
        labels({}, "node_memory_MemTotal_bytes"): 102400,
        labels({}, "node_memory_Active_anon_bytes"): 2048,
        labels({}, "node_memory_HugePages_Total"): 3,
    }


def test_partitions_and_loops_are_no_disks() -> None:
    line = "8 0 {} 1 2 3 4 5 6 7 8 9 10 11"
    names = ["sda", "sda1", "nvme0n1", "nvme0n1p2", "loop3", "vda", "vda1", "dm-0"]
    found = of(linux.diskstats, "\n".join(line.format(name) for name in names))
    assert {dict(key)["device"] for key in found} == {"sda", "nvme0n1", "vda", "dm-0"}
    assert found[labels({"device": "sda"}, "node_disk_read_bytes_total")] == 3 * 512
    assert found[labels({"device": "sda"}, "node_disk_io_time_weighted_seconds_total")] == 0.011


def test_an_interface_whose_name_has_a_colon() -> None:
    found = of(linux.network, "Inter-|x\n face |y\n  eth0:1: " + " ".join(map(str, range(16))))
    assert found[labels({"device": "eth0:1"}, "node_network_transmit_bytes_total")] == 8


def test_netstat_takes_what_node_exporter_takes() -> None:
    text = "Tcp: RtoMin CurrEstab InSegs\nTcp: 200 7 12\nTcpExt: ListenDrops Foo\nTcpExt: 3 9\n"
    assert of(linux.netstat, text) == {
        labels({}, "node_netstat_Tcp_CurrEstab"): 7,
        labels({}, "node_netstat_Tcp_InSegs"): 12,
        labels({}, "node_netstat_TcpExt_ListenDrops"): 3,
    }


def test_pressure_is_in_seconds_and_the_cpu_never_stalls_fully() -> None:
    text = (
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n"
    )
    assert of(linux.pressure("io"), text) == {
        labels({}, "node_pressure_io_waiting_seconds_total"): 2.5,
        labels({}, "node_pressure_io_stalled_seconds_total"): 1.0,
    }
    assert len(of(linux.pressure("cpu"), text)) == 1


READERS = [*(reader for _, reader in linux.FILES), linux.os_release]


@pytest.mark.parametrize("reader", READERS)
@given(text=st.text(alphabet=st.sampled_from("abc019 .:|()=kB\n\t-")) | st.text())
def test_any_text_is_read(reader: linux.Reader, text: str) -> None:
    of(reader, text)
