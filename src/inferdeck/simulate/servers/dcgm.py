"""A dcgm-exporter of one host: the families of its default counters and the two throttling counters, per card.

Source of names, types and help: NVIDIA/dcgm-exporter etc/default-counters.csv; labels as of version 4.5 (`hostname`,
before 2026-05 `Hostname`). Unverified: no capture backs it, no card was ever read here. What our world has no notion of
is shown as the exporter shows an idle card: 0, or DCGM's blank value where the card has no such sensor. `XID_ERRORS` is
31 after an engine on the card died with an abort or a segmentation fault (exit 134, 139), as a GPU page fault leaves
it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, floor

from inferdeck.simulate.events import ClockShifted, Ended, GpuChanged, Started
from inferdeck.simulate.fleet import Fleet, Gpu, Host
from inferdeck.simulate.servers.exporter import Exporter
from inferdeck.simulate.servers.program import Handler, World
from inferdeck.simulate.table import Family, Table

BLANK = 9223372036854775794.0
"""DCGM's INT64 "not supported", as the exporter prints it."""
DRIVER = "570.133.20"
MEMORY_CLOCK_MHZ = {"H100": 2619.0, "H200": 3201.0, "A100": 1593.0, "L40S": 9001.0, "L4": 6251.0, "T4": 5001.0}
MEMORY_TEMPERATURE = ("H100", "H200", "A100")
"""Cards with a sensor on their memory."""
IDLE_CLOCK_SHARE = 0.175
RESERVED_SHARE = 0.0075
"""Of the memory, which the driver keeps for itself."""
MEMORY_ABOVE_CORE_CELSIUS = 6.0
XID_PAGE_FAULT = 31.0
CRASHES = (134, 139)
LABELS = ("gpu", "UUID", "pci_bus_id", "device", "modelName", "hostname", "DCGM_FI_DRIVER_VERSION")
FAMILIES = (
    ("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency (in MHz)."),
    ("DCGM_FI_DEV_MEM_CLOCK", "gauge", "Memory clock frequency (in MHz)."),
    ("DCGM_FI_DEV_MEMORY_TEMP", "gauge", "Memory temperature (in C)."),
    ("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C)."),
    ("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W)."),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter", "Total energy consumption since boot (in mJ)."),
    ("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "counter", "Total number of PCIe retries."),
    ("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %)."),
    ("DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", "Memory utilization (in %)."),
    ("DCGM_FI_DEV_ENC_UTIL", "gauge", "Encoder utilization (in %)."),
    ("DCGM_FI_DEV_DEC_UTIL", "gauge", "Decoder utilization (in %)."),
    ("DCGM_FI_DEV_XID_ERRORS", "gauge", "Value of the last XID error encountered."),
    ("DCGM_FI_DEV_POWER_VIOLATION", "counter", "Throttling duration due to power constraints (in us)."),
    ("DCGM_FI_DEV_THERMAL_VIOLATION", "counter", "Throttling duration due to thermal constraints (in us)."),
    ("DCGM_FI_DEV_FB_FREE", "gauge", "Framebuffer memory free (in MiB)."),
    ("DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB)."),
    ("DCGM_FI_DEV_FB_RESERVED", "gauge", "Framebuffer memory reserved (in MiB)."),
    ("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "counter", "Total number of NVLink bandwidth counters for all lanes"),
    ("DCGM_FI_DEV_VGPU_LICENSE_STATUS", "gauge", "vGPU License status"),
    ("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "counter", "Number of remapped rows for uncorrectable errors"),
    ("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "counter", "Number of remapped rows for correctable errors"),
    ("DCGM_FI_DEV_ROW_REMAP_FAILURE", "gauge", "Whether remapping of rows has failed"),
)


@dataclass(slots=True)
class Card:
    """A card's state since its last event, and its integrals up to then."""

    gpu: Gpu
    since: float = 0.0
    state: GpuChanged | None = None
    millijoules: float = 0.0
    thermal_us: float = 0.0
    power_us: float = 0.0
    xid: float = 0.0
    celsius: float = 0.0

    def settle(self, now: float) -> None:
        """Bring the integrals and the temperature to this moment."""
        state = self.state
        if state is None or now <= self.since:
            return
        passed = now - self.since
        self.millijoules += state.watts * passed * 1000.0
        if state.throttled == "thermal":
            self.thermal_us += passed * 1e6
        elif state.throttled == "power":
            self.power_us += passed * 1e6
        heat = exp(-passed / self.gpu.heat_seconds)
        self.celsius = state.settle_celsius + (self.celsius - state.settle_celsius) * heat
        self.since = now


class Dcgm(Exporter):
    """The exporter of one host."""

    port = 9400

    def __init__(self, host: Host, fleet: Fleet, world: World) -> None:
        super().__init__(f"{host.name}/dcgm", host.name, world)
        self.cards = {gpu.name: Card(gpu) for gpu in fleet.gpus if gpu.host == host.name}
        self._engines = {engine.name: engine.gpus for engine in fleet.engines if set(engine.gpus) & set(self.cards)}
        self._families: dict[str, Family] = {}
        self._labels = {name: _labels(card.gpu) for name, card in self.cards.items()}
        self._places: dict[str, tuple[int, ...]] = {}
        """Where each card's values stand in the table, in the order of FAMILIES."""

    def handlers(self) -> dict[tuple[type, str], Handler]:
        """Return what to call for which events."""
        found: dict[tuple[type, str], Handler] = {
            (Started, self.process): self._begun,
            (Ended, self.process): self._over,
            (ClockShifted, self.host): self._clock,
        }
        found |= {(GpuChanged, name): self._changed for name in self.cards}
        return found | {(Ended, name): self._engine_ended for name in self._engines}

    def refresh(self, now: float) -> None:
        """Write the cards' present state into the table."""
        if not self._families:
            return
        for name, card in self.cards.items():
            card.settle(now)
            if card.state is not None:
                table = self.tables[0].values
                for place, value in zip(self._places_of(name), _values(card, card.state), strict=True):
                    table[place] = value

    def _places_of(self, card: str) -> tuple[int, ...]:
        places = self._places.get(card)
        if places is None:
            labels = self._labels[card]
            places = self._places[card] = tuple(family.child(labels) for family in self._families.values())
        return places

    def _begun(self, event: Started) -> None:
        self._start(event)
        self._places.clear()
        table = Table()
        self._families = {name: getattr(table, kind)(name, text, LABELS) for name, kind, text in FAMILIES}
        self.tables[:] = [table]

    def _changed(self, event: GpuChanged) -> None:
        card = self.cards[event.gpu]
        card.settle(event.time)
        card.since, card.state, card.celsius = event.time, event, event.celsius

    def _engine_ended(self, event: Ended) -> None:
        if event.code in CRASHES:
            for name in self._engines[event.process]:
                if name in self.cards:
                    self.cards[name].xid = XID_PAGE_FAULT


def build(host: Host, fleet: Fleet, world: World) -> Dcgm:
    """Return the exporter of a host's cards."""
    return Dcgm(host, fleet, world)


def uuid(gpu: Gpu) -> str:
    """Return a card's UUID."""
    text = hashlib.sha256(f"gpu {gpu.name}".encode()).hexdigest()
    return f"GPU-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def bus(gpu: Gpu) -> str:
    """Return a card's PCI address."""
    return f"00000000:{0x1B + 0x20 * (gpu.index % 7) + gpu.index // 7:02X}:00.0"


def _labels(gpu: Gpu) -> tuple[str, ...]:
    model = gpu.model if gpu.model.startswith("NVIDIA") else f"NVIDIA {gpu.model}"
    return (str(gpu.index), uuid(gpu), bus(gpu), f"nvidia{gpu.index}", model, gpu.host, DRIVER)


@cache
def _memory(model: str) -> tuple[float, bool]:
    """Return the clock of a model's memory, and whether it has a sensor."""
    clock = next((clock for part, clock in MEMORY_CLOCK_MHZ.items() if part in model), 7001.0)
    return clock, any(part in model for part in MEMORY_TEMPERATURE)


def _values(card: Card, state: GpuChanged) -> Sequence[float]:
    """Return the values of a card in the order of FAMILIES."""
    gpu = card.gpu
    total = floor(gpu.memory_bytes / 2**20)
    reserved = floor(total * RESERVED_SHARE)
    used = min(floor(state.memory_bytes / 2**20), total - reserved)
    busy = float(floor(100.0 * min(1.0, state.busy) + 0.5))
    memory_clock, sensor = _memory(gpu.model)
    memory_celsius = float(floor(card.celsius + MEMORY_ABOVE_CORE_CELSIUS)) if sensor else BLANK
    clock = float(floor(state.clock_mhz if state.busy > 0 else gpu.clock_mhz * IDLE_CLOCK_SHARE))
    return (
        clock,
        memory_clock,
        memory_celsius,
        float(floor(card.celsius)),
        round(state.watts, 3),
        float(floor(card.millijoules + 1e-6)),
        0.0,
        busy,
        float(floor(busy * 0.6)),
        0.0,
        0.0,
        card.xid,
        float(floor(card.power_us + 1e-6)),
        float(floor(card.thermal_us + 1e-6)),
        float(total - reserved - used),
        float(used),
        float(reserved),
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    )
