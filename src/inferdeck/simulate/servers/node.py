"""A node_exporter 1.5.0 of one host: what the events of its programs do to processors, memory, network and disk.

Families, labels and help are those of the captured exporter (sources/host/samples); what our world has no notion of
(interrupts, sockets, inodes, the exporter's own Go runtime) is absent. The figures are those of `physics`: exact
integrals of a made-up use (unverified). An upgrade changes its version, not its families.
"""

from __future__ import annotations

import math
from array import array

from inferdeck.simulate.events import ClockShifted, Ended, Started
from inferdeck.simulate.fleet import Fleet, Host
from inferdeck.simulate.servers import physics
from inferdeck.simulate.servers.exporter import Exporter
from inferdeck.simulate.servers.machine import Machine, together
from inferdeck.simulate.servers.node_families import FAMILIES
from inferdeck.simulate.servers.program import Handler, World
from inferdeck.simulate.table import Family, Table

MODES = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
TICKS = 100
"""Of a second, in which processor time is counted."""
ROUNDING = 1e-6
DISK = "nvme0n1"
ROOT = ("/dev/nvme0n1p1", "ext4", "/")
KERNEL = "6.1.0-28-amd64"
LOOPBACK = "lo"
NETWORK = "eth0"
COLLECTORS = "cpu diskstats filesystem loadavg meminfo netclass netdev os stat time timex uname vmstat"
ZERO_PER_DEVICE = (
    "node_network_receive_drop_total",
    "node_network_receive_errs_total",
    "node_network_transmit_drop_total",
    "node_network_transmit_errs_total",
)


class Node(Exporter):
    """The exporter of one host."""

    port = 9100
    title = "Node Exporter"

    def __init__(self, host: Host, fleet: Fleet, world: World) -> None:
        super().__init__(f"{host.name}/node", host.name, world)
        self.machine = Machine(host, fleet)
        self._families: dict[str, Family] = {}
        self._place: int | None = None
        """Where the first processor's seconds begin in the table."""

    def handlers(self) -> dict[tuple[type, str], Handler]:
        """Return what to call for which events."""
        found = self.machine.handlers()
        for event, subject, handler in (
            (Started, self.process, self._begun),
            (Ended, self.process, self._over),
            (ClockShifted, self.host, self._clock),
        ):
            first = found.get((event, subject))
            found[event, subject] = handler if first is None else together([first, handler])
        return found

    def refresh(self, now: float) -> None:
        """Write the host's present state into the table."""
        self.machine.settle(now)
        if not self._families or self.machine.booted is None:
            return
        self._processors(now - self.machine.booted)
        self._memory()
        self._disk()
        self._network()
        self._system(now)

    def _begun(self, event: Started) -> None:
        self._start(event)
        table = Table()
        self._families = {name: table.gauge(name, text, labels) for name, _, text, labels in FAMILIES}
        for name, kind, _, _ in FAMILIES:
            self._families[name].kind = kind
        self._place = None
        self.tables[:] = [table]
        self._constants()

    def _constants(self) -> None:
        """Write what never changes."""
        put, host = self._families, self.machine.host
        for cpu in range(host.cores):
            for mode in ("nice", "user"):
                put["node_cpu_guest_seconds_total"].set(0.0, (str(cpu), mode))
        put["node_disk_info"].set(1.0, (DISK, "259", "0", "", "", "", "", ""))
        put["node_disk_io_now"].set(0.0, (DISK,))
        version = self.version or "1.5.0"
        build = ("debian/sid", "amd64", "linux", "go1.19.8", f"{version}-1+b6", version)
        put["node_exporter_build_info"].set(1.0, build)
        put["node_filesystem_device_error"].set(0.0, ROOT)
        put["node_filesystem_readonly"].set(0.0, ROOT)
        put["node_filesystem_size_bytes"].set(host.disk_bytes, ROOT)
        put["node_memory_MemTotal_bytes"].set(host.memory_bytes)
        for name in ("SwapCached", "SwapFree", "SwapTotal"):
            put[f"node_memory_{name}_bytes"].set(0.0)
        self._interfaces()
        pretty = "Debian GNU/Linux 12 (bookworm)"
        os = ("", "debian", "", "", "", "Debian GNU/Linux", pretty, "", "", "12 (bookworm)", "bookworm", "12")
        put["node_os_info"].set(1.0, os)
        put["node_os_version"].set(12.0, ("debian", "", "Debian GNU/Linux"))
        for collector in COLLECTORS.split():
            put["node_scrape_collector_success"].set(1.0, (collector,))
        put["node_time_zone_offset_seconds"].set(0.0, ("UTC",))
        put["node_timex_offset_seconds"].set(0.0)
        system = ("(none)", "x86_64", host.name, KERNEL, "Linux", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1")
        put["node_uname_info"].set(1.0, system)

    def _interfaces(self) -> None:
        put, number = self._families, sum(map(ord, self.host)) % 200 + 10
        address = f"02:42:0a:00:00:{number:02x}"
        put["node_network_info"].set(1.0, ("00:00:00:00:00:00", "00:00:00:00:00:00", LOOPBACK, "", "", "unknown"))
        put["node_network_info"].set(1.0, (address, "ff:ff:ff:ff:ff:ff", NETWORK, "full", "", "up"))
        for device, mtu, up in ((NETWORK, 1500.0, 1.0), (LOOPBACK, 65536.0, 0.0)):
            put["node_network_mtu_bytes"].set(mtu, (device,))
            put["node_network_up"].set(up, (device,))
        for name in ZERO_PER_DEVICE:
            put[name].set(0.0, (NETWORK,))

    def _processors(self, uptime: float) -> None:
        totals, family, cores = self.machine.totals, self._families["node_cpu_seconds_total"], self.machine.host.cores
        idle = max(0.0, uptime * cores - totals.busy - totals.waiting)
        modes = {
            "idle": idle,
            "iowait": totals.waiting,
            "softirq": totals.busy * physics.SOFTIRQ_SHARE,
            "system": totals.busy * physics.SYSTEM_SHARE,
            "user": totals.busy * physics.USER_SHARE,
        }
        if self._place is None:
            # By processor first, as the real one lists them; irq, nice and steal stay at 0.
            self._place = family.child(("0", MODES[0]))
            for cpu in range(cores):
                for mode in MODES:
                    family.child((str(cpu), mode))
        values, end = self.tables[0].values, self._place + cores * len(MODES)
        for mode, seconds in modes.items():
            # The kernel counts in hundredths; a sum whose last bits depend on when it was read must not step back.
            share = math.floor(seconds / cores * TICKS + ROUNDING) / TICKS
            values[self._place + MODES.index(mode) : end : len(MODES)] = array("d", (share,)) * cores
        put = self._families
        for name, load in zip(("node_load1", "node_load5", "node_load15"), self.machine.loads, strict=True):
            put[name].set(round(load, 2))
        put["node_procs_running"].set(float(max(1, round(self.machine.cores))))
        put["node_procs_blocked"].set(float(self.machine.waiting > 1e-6))

    def _memory(self) -> None:
        put, total, used = self._families, self.machine.host.memory_bytes, self.machine.memory_bytes()
        touched = float(self.machine.totals.read_bytes + self.machine.totals.written_bytes)
        cached = min(touched, total - used)
        put["node_memory_AnonPages_bytes"].set(max(0.0, used - int(physics.SYSTEM_MEMORY)))
        put["node_memory_Cached_bytes"].set(cached)
        put["node_memory_MemAvailable_bytes"].set(total - used)
        put["node_memory_MemFree_bytes"].set(total - used - cached)

    def _disk(self) -> None:
        put, totals, disk = self._families, self.machine.totals, (DISK,)
        free = self.machine.host.disk_bytes - self.machine.stored_bytes()
        put["node_filesystem_free_bytes"].set(free, ROOT)
        put["node_filesystem_avail_bytes"].set(max(0.0, free - self.machine.host.disk_bytes * 0.05), ROOT)
        reading, writing = (size / physics.DISK_BYTES_PER_SECOND for size in (totals.read_bytes, totals.written_bytes))
        put["node_disk_io_time_seconds_total"].set(reading + writing, disk)
        put["node_disk_read_bytes_total"].set(float(totals.read_bytes), disk)
        put["node_disk_read_time_seconds_total"].set(reading, disk)
        put["node_disk_reads_completed_total"].set(float(totals.read_bytes // physics.DISK_OPERATION_BYTES), disk)
        put["node_disk_write_time_seconds_total"].set(writing, disk)
        put["node_disk_writes_completed_total"].set(float(totals.written_bytes // physics.DISK_OPERATION_BYTES), disk)
        put["node_disk_written_bytes_total"].set(float(totals.written_bytes), disk)

    def _network(self) -> None:
        put, totals, device = self._families, self.machine.totals, (NETWORK,)
        for way, size in (("receive", totals.received_bytes), ("transmit", totals.sent_bytes)):
            put[f"node_network_{way}_bytes_total"].set(float(size), device)
            put[f"node_network_{way}_packets_total"].set(float(size // physics.BYTES_PER_PACKET), device)

    def _system(self, now: float) -> None:
        put, machine = self._families, self.machine
        own = machine.processes[self.process]
        put["node_boot_time_seconds"].set(float(int((machine.booted or 0.0) + self.clock_offset)))
        put["node_time_seconds"].set(now + self.clock_offset)
        put["node_timex_sync_status"].set(0.0 if self.clock_offset else 1.0)
        put["node_forks_total"].set(float(machine.totals.forks))
        put["node_vmstat_oom_kill"].set(float(machine.totals.killed))
        put["process_cpu_seconds_total"].set(machine.cpu_seconds(own))
        put["process_resident_memory_bytes"].set(own.memory_bytes)
        put["process_start_time_seconds"].set(self.started + self.clock_offset)


def build(host: Host, fleet: Fleet, world: World) -> Node:
    """Return the exporter of a host."""
    return Node(host, fleet, world)
