"""The nvidia source: every card of this machine through NVML, in a thread of its own with a deadline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inferdeck.errors import DeadlineError
from inferdeck.model.clock import Clock
from inferdeck.model.happening import Happening
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import TargetKey
from inferdeck.sources.columns import Columns
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.nvidia.config import NvidiaConfig
from inferdeck.sources.nvidia.library import Caller
from inferdeck.sources.nvidia.processes import Processes
from inferdeck.sources.nvidia.samples import Described
from inferdeck.sources.nvidia.session import Seen, Session
from inferdeck.sources.nvidia.xid import Xid

CLOSE_SECONDS = 2.0


def probes(config: NvidiaConfig) -> tuple[Probe, ...]:
    """Return what the source asks; all of it reads, nothing is ever set."""
    held = "stays connected: the driver cannot be unloaded meanwhile (keep_open: false)"
    found = [Probe("nvml", "NVML: nvmlDeviceGet* of every card", SideEffect.NONE, held, required=True)]
    if config.keep_open:
        found.append(Probe("xid", "NVML: the queue of XID errors, without waiting", SideEffect.NONE))
    if config.processes:
        what = "NVML: running processes; /proc/PID/comm and /proc/PID/cgroup of each"
        found.append(Probe("processes", what, SideEffect.NONE))
    return tuple(found)


class NvidiaSource:
    """The cards of the machine whose driver is asked."""

    kind = "nvidia"

    def __init__(self, config: NvidiaConfig, clock: Clock, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self.probes: Sequence[Probe] = probes(config)
        self._config = config
        self._clock = clock
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._processes = Processes(config.proc)
        self._session = Session(clock.monotonic, keep_open=config.keep_open, processes=config.processes)
        self._caller = Caller(clock.monotonic)
        self._columns = Columns(extra)

    async def collect(self, now: float) -> Collected:
        """Read all cards once; raises ConnectError where there is no driver, DeadlineError where it hangs."""
        seen, described = await self._caller.call(self._read, self._deadline)
        layout, values = self._columns.collect(described.samples())
        return Collected(
            layout,
            values,
            inventory=list(described.facts()),
            happenings=[_happening(xid, now) for xid in self._session.heard()],
            version=seen.driver,
            warnings=list(self._warnings(seen)),
            requests=1,
        )

    async def aclose(self) -> None:
        """Disconnect; a call that hangs is left behind."""
        if not self._caller.busy:
            try:
                await self._caller.call(self._session.close, CLOSE_SECONDS)
            except DeadlineError:
                return

    def _read(self) -> tuple[Seen, Described]:
        seen = self._session.read()
        return seen, Described(self.instance, seen, self._processes)

    def _warnings(self, seen: Seen) -> Iterator[str]:
        yield from seen.warnings
        if not seen.count:
            yield "NVIDIA's driver is loaded, but it has no card"
        if not self._processes.trusted and any(reading.holders or reading.instances for reading in seen.readings):
            yield (
                "the names of the cards' processes are unknown in this container: give it the machine's process "
                "numbers (--pid host), or mount the machine's /proc and name it as sources.nvidia proc"
            )


def _happening(xid: Xid, now: float) -> Happening:
    what = f": {xid.meaning}" if xid.meaning else ""
    return Happening(
        time=now,
        kind="xid",
        subject=xid.uuid or "gpu",
        text=f"XID {xid.code} on {xid.uuid or 'a card that cannot be told'}{what}",
        facts={"xid": str(xid.code), **({"gpu": xid.uuid} if xid.uuid else {})},
    )


def make(config: NvidiaConfig, http: object, clock: Clock, target: TargetKey, extra: Labels) -> NvidiaSource:
    """Return the source of one target; `http` is not used."""
    return NvidiaSource(config, clock, target, extra)
