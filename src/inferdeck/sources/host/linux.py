"""The text files of /proc and /sys as samples under node_exporter's names and with its default filters.

Each reader takes the text of one file and yields samples; a line that it does not understand is left out. Formats:
proc(5), Documentation/admin-guide/iostats.rst and Documentation/accounting/psi.rst of the kernel; names and filters:
github.com/prometheus/node_exporter, collector/*_linux.go.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence

from inferdeck.sources.columns import Sample

Reader = Callable[[str], Iterator[Sample]]

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
SECTOR_BYTES = 512

_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_STAT = {
    "btime": "node_boot_time_seconds",
    "ctxt": "node_context_switches_total",
    "processes": "node_forks_total",
    "intr": "node_intr_total",
    "procs_running": "node_procs_running",
    "procs_blocked": "node_procs_blocked",
}
_VMSTAT = re.compile(r"(?:oom_kill|pgpg|pswp|pg.*fault).*")
_NETSTAT = re.compile(
    r".*_(?:InErrors|InErrs)|Ip_Forwarding|Ip(?:6|Ext)_(?:InOctets|OutOctets)|Icmp6?_(?:InMsgs|OutMsgs)"
    r"|TcpExt_(?:Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
    r"|Tcp_(?:ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(?:InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors)"
)
_SNMP6 = re.compile(r"(Ip6|Icmp6|Udp6|UdpLite6)(.+)")
_IGNORED_DISKS = re.compile(r"(?:ram|loop|fd|(?:h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+")
# Name and factor of each column of /proc/diskstats after major, minor and device.
_DISK: tuple[tuple[str, float], ...] = (
    ("reads_completed_total", 1),
    ("reads_merged_total", 1),
    ("read_bytes_total", SECTOR_BYTES),
    ("read_time_seconds_total", 1e-3),
    ("writes_completed_total", 1),
    ("writes_merged_total", 1),
    ("written_bytes_total", SECTOR_BYTES),
    ("write_time_seconds_total", 1e-3),
    ("io_now", 1),
    ("io_time_seconds_total", 1e-3),
    ("io_time_weighted_seconds_total", 1e-3),
    ("discards_completed_total", 1),
    ("discards_merged_total", 1),
    ("discarded_sectors_total", 1),
    ("discard_time_seconds_total", 1e-3),
    ("flush_requests_total", 1),
    ("flush_requests_time_seconds_total", 1e-3),
)
# The columns of /proc/net/dev after the device.
_NETWORK = (
    "receive_bytes",
    "receive_packets",
    "receive_errs",
    "receive_drop",
    "receive_fifo",
    "receive_frame",
    "receive_compressed",
    "receive_multicast",
    "transmit_bytes",
    "transmit_packets",
    "transmit_errs",
    "transmit_drop",
    "transmit_fifo",
    "transmit_colls",
    "transmit_carrier",
    "transmit_compressed",
)
_OS_LABELS = (
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
)


def stat(text: str) -> Iterator[Sample]:
    """/proc/stat."""
    for key, *words in _rows(text):
        if key in _STAT:
            yield from _numbers(((_STAT[key], ()),), words[:1])
        elif key.startswith("cpu") and key != "cpu":
            cpu = ("cpu", key[3:])
            names = [("node_cpu_seconds_total", (cpu, ("mode", mode))) for mode in _CPU_MODES]
            names += [("node_cpu_guest_seconds_total", (cpu, ("mode", mode))) for mode in ("user", "nice")]
            yield from _numbers(names, words, 1 / TICKS)


def loadavg(text: str) -> Iterator[Sample]:
    """/proc/loadavg."""
    yield from _numbers([(f"node_load{minutes}", ()) for minutes in (1, 5, 15)], text.split()[:3])


def meminfo(text: str) -> Iterator[Sample]:
    """/proc/meminfo."""
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        words = rest.split()
        name = re.sub(r"\((.*)\)", r"_\1", key.strip())
        if words[1:] == ["kB"]:
            yield from _numbers([(f"node_memory_{name}_bytes", ())], words[:1], 1024)
        else:
            yield from _numbers([(f"node_memory_{name}", ())], words[:1])


def vmstat(text: str) -> Iterator[Sample]:
    """/proc/vmstat, the fields that node_exporter takes by default."""
    for key, *words in _rows(text):
        if _VMSTAT.fullmatch(key):
            yield from _numbers([(f"node_vmstat_{key}", ())], words)


def netstat(text: str) -> Iterator[Sample]:
    """/proc/net/netstat and /proc/net/snmp: a line of names before each line of values."""
    rows = list(_rows(text))
    for names, values in zip(rows[::2], rows[1::2], strict=False):
        if names[:1] == values[:1]:
            protocol = names[0].rstrip(":")
            for name, value in zip(names[1:], values[1:], strict=False):
                yield from _netstat(f"{protocol}_{name}", value)


def snmp6(text: str) -> Iterator[Sample]:
    """/proc/net/snmp6: a name with its protocol in front, and a value."""
    for name, *words in _rows(text):
        if found := _SNMP6.fullmatch(name):
            yield from _netstat(f"{found[1]}_{found[2]}", *words[:1])


def sockstat(text: str) -> Iterator[Sample]:
    """/proc/net/sockstat and /proc/net/sockstat6."""
    for line in text.splitlines():
        protocol, _, rest = line.partition(":")
        words = rest.split()
        for name, value in zip(words[::2], words[1::2], strict=False):
            yield from _numbers([(f"node_sockstat_{protocol}_{name}", ())], [value])
            if name == "mem":
                yield from _numbers([(f"node_sockstat_{protocol}_mem_bytes", ())], [value], PAGE_BYTES)


def diskstats(text: str) -> Iterator[Sample]:
    """/proc/diskstats without partitions, RAM disks and loops."""
    for words in _rows(text):
        if len(words) < 4 or _IGNORED_DISKS.fullmatch(words[2]):
            continue
        device = (("device", words[2]),)
        for (name, factor), word in zip(_DISK, words[3:], strict=False):
            yield from _numbers([(f"node_disk_{name}", device)], [word], factor)


def network(text: str) -> Iterator[Sample]:
    """/proc/net/dev."""
    for line in text.splitlines():
        device, colon, rest = line.rpartition(":")
        if colon:
            own = (("device", device.strip()),)
            yield from _numbers([(f"node_network_{name}_total", own) for name in _NETWORK], rest.split())


def file_nr(text: str) -> Iterator[Sample]:
    """/proc/sys/fs/file-nr."""
    words = text.split()
    yield from _numbers([("node_filefd_allocated", ()), ("node_filefd_maximum", ())], [*words[:1], *words[2:3]])


def pressure(resource: str) -> Reader:
    """/proc/pressure/RESOURCE; node_exporter gives no `stalled` for the CPU."""

    def read(text: str) -> Iterator[Sample]:
        for kind, *words in _rows(text):
            name = {"some": "waiting", "full": "stalled"}.get(kind)
            total = next((word[6:] for word in words if word.startswith("total=")), None)
            if name and total and (resource, name) != ("cpu", "stalled"):
                yield from _numbers([(f"node_pressure_{resource}_{name}_seconds_total", ())], [total], 1e-6)

    return read


def single(metric: str) -> Reader:
    """A file that holds one number."""

    def read(text: str) -> Iterator[Sample]:
        yield from _numbers([(metric, ())], text.split()[:1])

    return read


def os_release(text: str) -> Iterator[Sample]:
    """/etc/os-release."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    known = {key.lower(): value.strip("\"'") for key, equals, value in pairs if equals}
    yield "node_os_info", tuple((label, known.get(label, "")) for label in _OS_LABELS), 1.0
    major_minor = re.match(r"\d+(?:\.\d+)?", known.get("version_id", ""))
    if major_minor:
        own = tuple((label, known.get(label, "")) for label in ("id", "id_like", "name"))
        yield "node_os_version", own, float(major_minor[0])


FILES: tuple[tuple[str, Reader], ...] = (
    ("stat", stat),
    ("loadavg", loadavg),
    ("meminfo", meminfo),
    ("vmstat", vmstat),
    ("diskstats", diskstats),
    ("net/dev", network),
    ("net/netstat", netstat),
    ("net/snmp", netstat),
    ("net/snmp6", snmp6),
    ("net/sockstat", sockstat),
    ("net/sockstat6", sockstat),
    ("sys/fs/file-nr", file_nr),
    ("sys/kernel/random/entropy_avail", single("node_entropy_available_bits")),
    ("sys/kernel/random/poolsize", single("node_entropy_pool_size_bits")),
    ("sys/net/netfilter/nf_conntrack_count", single("node_nf_conntrack_entries")),
    ("sys/net/netfilter/nf_conntrack_max", single("node_nf_conntrack_entries_limit")),
    *((f"pressure/{resource}", pressure(resource)) for resource in ("cpu", "io", "memory")),
)
"""Files below /proc and who reads them; one that is absent on this machine is left out."""


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the words of each line that has any."""
    return filter(None, (line.split() for line in text.splitlines()))


def _netstat(name: str, *words: str) -> Iterator[Sample]:
    if _NETSTAT.fullmatch(name):
        yield from _numbers([(f"node_netstat_{name}", ())], words)


def _numbers(
    names: Sequence[tuple[str, tuple[tuple[str, str], ...]]], words: Sequence[str], factor: float = 1
) -> Iterator[Sample]:
    for (name, own), word in zip(names, words, strict=False):
        try:
            number = float(word)
        except ValueError:
            continue
        if math.isfinite(number):
            yield name, own, number * factor
