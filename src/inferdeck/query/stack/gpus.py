"""Cards with their figures, in words where the wire has bits and numbers, and with who uses them.

Names and units: dcgm-exporter's default counters; bits of the throttle reasons: nvml.h, nvmlClocksEventReasons; XID
numbers: docs.nvidia.com/deploy/xid-errors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from inferdeck.model.answers import Number, number
from inferdeck.model.stack import Card, CardProcess, Link, LinkState
from inferdeck.query.figures import Figures
from inferdeck.query.rows import Row
from inferdeck.query.stack.cards import CardRef
from inferdeck.query.stack.inventory import GpuFact, GpuProcess, real
from inferdeck.query.stack.joins import Joins
from inferdeck.query.stack.services import service_in
from inferdeck.query.stack.sightings import Sightings
from inferdeck.query.stack.trails import unknown

MIB = 2.0**20
BLANK = 2.0**62
"""DCGM's ways of saying "not supported" lie above this (dcgm_structs.h)."""
UTILISATION = "DCGM_FI_DEV_GPU_UTIL"
ACTIVE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
USED, FREE, RESERVED, TOTAL = (f"DCGM_FI_DEV_FB_{name}" for name in ("USED", "FREE", "RESERVED", "TOTAL"))
TEMPERATURE, MEMORY_TEMPERATURE = "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_MEMORY_TEMP"
POWER, ENERGY = "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
SM_CLOCK, MEMORY_CLOCK = "DCGM_FI_DEV_SM_CLOCK", "DCGM_FI_DEV_MEM_CLOCK"
REASONS = ("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS")
VIOLATIONS = {
    "DCGM_FI_DEV_THERMAL_VIOLATION": "held back by its temperature",
    "DCGM_FI_DEV_POWER_VIOLATION": "held back by its power limit",
    "DCGM_FI_DEV_SYNC_BOOST_VIOLATION": "held back to keep pace with other cards",
    "DCGM_FI_DEV_BOARD_LIMIT_VIOLATION": "held back by a limit of its board",
    "DCGM_FI_DEV_LOW_UTIL_VIOLATION": "held back for want of work",
    "DCGM_FI_DEV_RELIABILITY_VIOLATION": "held back to stay reliable",
}
ECC, ECC_CORRECTED = "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL"
ROWS = "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"
XID = "DCGM_FI_DEV_XID_ERRORS"
METRICS = (
    *(UTILISATION, ACTIVE, USED, FREE, RESERVED, TOTAL, TEMPERATURE, MEMORY_TEMPERATURE, POWER, ENERGY),
    *(SM_CLOCK, MEMORY_CLOCK, *REASONS, *VIOLATIONS, ECC, ECC_CORRECTED, ROWS, XID),
)
IDENTITY = (TEMPERATURE, UTILISATION, USED)
"""Families of which every reader of cards has at least one."""
THROTTLES = {
    0x2: "its clock was set by hand",
    0x4: "power limit",
    0x8: "hardware slowdown: heat, power brake or power supply",
    0x10: "keeps pace with other cards",
    0x20: "temperature, held back by the driver",
    0x40: "temperature, held back by the hardware",
    0x80: "power brake, from the machine",
    0x100: "the display's clock",
}
"""Bit 1, an idle card, holds nothing back."""
XIDS = {
    13: "a program's kernel went wrong",
    31: "a program touched memory that is not its own",
    32: "corrupted commands",
    38: "driver firmware error",
    43: "a program's kernel was stopped after its own fault",
    45: "a program's work was torn down, as after an error before it",
    48: "double-bit ECC error",
    61: "the card's microcontroller halted",
    62: "the card's microcontroller halted",
    63: "a memory row or page is to be remapped",
    64: "remapping of a memory row or page failed",
    74: "NVLink error",
    79: "the card has fallen off the bus",
    92: "many single-bit ECC errors",
    94: "contained memory error: only the program that hit it is lost",
    95: "uncontained memory error: every program on the card is affected",
    119: "the card's system processor does not answer",
    120: "the card's system processor failed",
    140: "unrecovered ECC error",
}
READERS = frozenset({"dcgm", "nvidia"})
"""Kinds that look at cards without computing on them."""
_READER = ("environment", "job", "instance")


class _Figures:
    """Values by family and card; of several readers of one card the one with the newest sample is taken whole."""

    def __init__(self, figures: Figures) -> None:
        rows = {name: [row for row in figures.last(name) if abs(row.value) < BLANK] for name in METRICS}
        best: dict[str, tuple[float, tuple[str, ...]]] = {}
        for name in METRICS:
            for row in rows[name]:
                uuid, reader = row.labels.get("UUID", ""), _reader(row)
                best[uuid] = min(best.get(uuid, (row.age_seconds, reader)), (row.age_seconds, reader))
        self._figures = figures
        self._rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self._rates: dict[tuple[str, str], float] = {}
        for name, found in rows.items():
            newest: dict[tuple[str, str], Row] = {}
            for row in sorted(found, key=lambda row: row.age_seconds):
                uuid = row.labels.get("UUID", "")
                if uuid and best[uuid][1] == _reader(row):
                    newest.setdefault((uuid, row.labels.get("GPU_I_ID", "")), row)
            for (uuid, _), row in newest.items():
                self._rows[name, uuid].append(row)
        for name in VIOLATIONS:
            for row in figures.rate(name):
                self._rates[name, row.labels.get("UUID", "")] = row.value

    def value(self, name: str, uuid: str) -> float | None:
        """Return the value of a card; those of the parts of a split card are added up for memory alone."""
        rows = self._rows.get((name, uuid))
        if not rows:
            return None
        if name in (USED, FREE, RESERVED, TOTAL):
            return sum(row.value for row in rows)
        return rows[0].value

    def number(self, name: str, uuid: str, unit: str, scale: float = 1.0) -> Number:
        """Return the figure of a card in `unit`."""
        value = self.value(name, uuid)
        scaled = None if value is None else value * scale
        reader = _reader(self._rows[name, uuid][0]) if value is not None else ()
        return self._figures.number(scaled, unit, name, (*_READER, "UUID"), (*reader, uuid))

    def rate(self, name: str, uuid: str) -> float | None:
        """Return the increase per second of a counter that goes on; one that ended has a rate for a while yet."""
        return self._rates.get((name, uuid)) if self.value(name, uuid) is not None else None

    def age(self, uuid: str) -> Number | None:
        """Return since when nothing was read of a card, None where it has no series."""
        found = [self._figures.number(0.0, "seconds", name, ("UUID",), (uuid,)) for name in IDENTITY]
        newest = min((one for one in found if one.age_seconds is not None), key=_age, default=None)
        return replace(newest, value=newest.age_seconds) if newest is not None else None


def _age(one: Number) -> float:
    return one.age_seconds or 0.0


def _reader(row: Row) -> tuple[str, ...]:
    return tuple(row.labels.get(name, "") for name in _READER)


def gpus(joins: Joins, figures: Figures, seen: Sightings) -> list[Card]:
    """Return every card, by machine and number."""
    read = _Figures(figures)
    users = _users(joins)
    processes: dict[str, list[GpuProcess]] = defaultdict(list)
    for one in joins.inventory.gpu_processes:
        processes[one.uuid].append(one)
    told = {gpu.uuid: gpu for gpu in joins.inventory.gpus}
    return [
        _card(joins, ref, read, told.get(ref.uuid), processes.get(ref.uuid, ()), users.get(ref.uuid, ()), seen)
        for ref in joins.cards
    ]


def _card(
    joins: Joins,
    ref: CardRef,
    read: _Figures,
    told: GpuFact | None,
    processes: Iterable[GpuProcess],
    users: Iterable[Link],
    seen: Sightings,
) -> Card:
    uuid = ref.uuid
    utilisation = read.number(UTILISATION, uuid, "ratio", 0.01)
    xid = read.value(XID, uuid)
    throttled, known = throttles(read, uuid)
    return Card(
        uuid=uuid,
        index=ref.index,
        model=ref.model,
        host=ref.host,
        environment=ref.environment,
        driver=ref.driver,
        utilisation=utilisation if utilisation.value is not None else read.number(ACTIVE, uuid, "ratio"),
        memory_used=read.number(USED, uuid, "bytes", MIB),
        memory_total=_total(read, uuid, told, seen),
        temperature=read.number(TEMPERATURE, uuid, "celsius"),
        memory_temperature=read.number(MEMORY_TEMPERATURE, uuid, "celsius"),
        power=read.number(POWER, uuid, "watts"),
        energy=read.number(ENERGY, uuid, "joules", 1e-3),
        sm_clock=read.number(SM_CLOCK, uuid, "hertz", 1e6),
        memory_clock=read.number(MEMORY_CLOCK, uuid, "hertz", 1e6),
        throttled=throttled,
        throttle_known=known,
        ecc=read.number(ECC, uuid, "count"),
        ecc_corrected=read.number(ECC_CORRECTED, uuid, "count"),
        remapped_rows=read.number(ROWS, uuid, "count"),
        xid=int(xid) if xid else None,
        xid_text=XIDS.get(int(xid), "see docs.nvidia.com/deploy/xid-errors") if xid else "",
        processes=tuple(_process(joins, one, ref.host, seen) for one in sorted(processes, key=lambda one: one.pid)),
        used_by=tuple(users),
        age=read.age(uuid) or (seen.of(told.target).age if told is not None else number(None, "seconds")),
    )


def _total(read: _Figures, uuid: str, told: GpuFact | None, seen: Sightings) -> Number:
    """Return a card's memory: as told, else the sum of what is used, free and reserved."""
    if read.value(TOTAL, uuid) is not None:
        return read.number(TOTAL, uuid, "bytes", MIB)
    if told is not None and (whole := real(told.facts.get("memory_total_bytes", ""))) is not None:
        return seen.of(told.target).number(whole, "bytes", "memory_total_bytes")
    parts = [read.value(name, uuid) for name in (USED, FREE, RESERVED)]
    if parts[0] is None or parts[1] is None:
        return number(None, "bytes", source=TOTAL)
    whole = sum(part for part in parts if part is not None) * MIB
    used = read.number(USED, uuid, "bytes", MIB)
    return number(whole, "bytes", source=USED, age_seconds=used.age_seconds, quality=used.quality)


def throttles(read: _Figures, uuid: str) -> tuple[tuple[str, ...], bool]:
    """Return why a card's clock is held back, and whether anything tells: by its mask, else by its counters."""
    mask = next((value for name in REASONS if (value := read.value(name, uuid)) is not None), None)
    if mask is not None:
        return tuple(text for bit, text in THROTTLES.items() if int(mask) & bit), True
    rates = {text: read.rate(name, uuid) for name, text in VIOLATIONS.items()}
    known = any(rate is not None for rate in rates.values())
    return tuple(text for text, rate in rates.items() if rate is not None and rate > 0), known


def _users(joins: Joins) -> Mapping[str, list[Link]]:
    """Return the services whose chain ends at each card, and containers in which nothing is watched."""
    found: dict[str, list[Link]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for one in joins.targets.values():
        if one.trail.inside is not None:
            seen.add(one.trail.inside.key)
        if READERS & {one.state.source_kind, one.state.key.job}:
            continue
        for link in one.trail.gpus:
            if link.state == LinkState.KNOWN.value:
                user = Link(LinkState.KNOWN.value, one.state.name, one.state.key.id, one.trail.host, link.evidence)
                found[link.id].append(user)
    for container in joins.inventory.containers:
        if container.running and container.key not in seen:
            for link in joins.gpus_of(container):
                if link.state == LinkState.KNOWN.value:
                    host = joins.hosts.of_container(container)
                    found[link.id].append(
                        Link(LinkState.KNOWN.value, container.name, container.id, host, link.evidence)
                    )
    return found


def _process(joins: Joins, one: GpuProcess, host: str, seen: Sightings) -> CardProcess:
    inside = joins.places.by_id(one.container)
    if inside is not None:
        said = f"the cgroup of PID {one.pid} is container {one.container}"
        container = Link(LinkState.KNOWN.value, inside.name, inside.id, joins.hosts.of_container(inside), (said,))
        service = service_in(joins, inside)
    elif one.container:
        said = f"the cgroup of PID {one.pid} is container {one.container}, of which no watched docker tells"
        container = Link(LinkState.KNOWN.value, one.container, one.container, host, (said,))
        service = unknown(said)
    else:
        container = unknown("nobody tells of a container that this process is in")
        service = _service_of(joins, one, host)
    target = joins.targets.get(service.id)
    return CardProcess(
        pid=one.pid or None,
        name=one.process,
        memory=seen.of(one.target).number(one.memory_bytes, "bytes", one.target.key.id),
        container=container,
        service=service,
        models=joins.models(target.state) if target is not None else (),
    )


def _service_of(joins: Joins, one: GpuProcess, host: str) -> Link:
    """Return the service whose process this is, or whose process started it."""
    ancestors = joins.hosts.machine.ancestors.get(one.pid, ()) if host == joins.hosts.own else ()
    for joined in joins.targets.values():
        trail = joined.trail
        same = trail.pid and trail.host == host and trail.pid in (one.pid, *ancestors)
        held = one.unit and trail.inside is None and trail.unit == one.unit and trail.host == host
        if same or held:
            said = f"{joined.state.name} is PID {trail.pid}" if same else f"both belong to {one.unit}"
            return Link(LinkState.KNOWN.value, joined.state.name, joined.state.key.id, host, (said,))
    return unknown("no watched service is known to be this process")
