"""What the sources that read NVIDIA cards have in common: dcgm-exporter's labels, `gpu_info`, reasons of clock events.

Label names and the values of `clock_event`: github.com/NVIDIA/dcgm-exporter; bits: nvml.h, nvmlClocksEventReasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inferdeck.model.target import Fact
from inferdeck.sources.columns import Pairs, Sample

INFO = "gpu_info"
CLOCK_EVENT = "gpu_clock_event"
REASONS = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"
HOST = "Hostname"
DRIVER = "DCGM_FI_DRIVER_VERSION"
MEBIBYTE = 2**20

CLOCK_EVENTS: Mapping[str, int] = {
    "gpu_idle": 0x1,
    "clocks_setting": 0x2,
    "power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal": 0x20,
    "hw_thermal": 0x40,
    "hw_power_brake": 0x80,
    "display_clocks": 0x100,
}
"""Why a card's clocks are not at their highest -> its bit in the mask."""


@dataclass(frozen=True, slots=True)
class Card:
    """Which card: everything "" where it is unknown."""

    index: str
    uuid: str
    bus: str = ""
    device: str = ""
    model: str = ""
    host: str = ""
    driver: str = ""
    cuda: str = ""

    @property
    def labels(self) -> Pairs:
        """The labels of the card's DCGM_FI_* series."""
        found = (
            ("gpu", self.index),
            ("UUID", self.uuid),
            ("pci_bus_id", self.bus),
            ("device", self.device),
            ("modelName", self.model),
            (HOST, self.host),
            (DRIVER, self.driver),
        )
        return tuple((name, value) for name, value in found if value)


def info(card: Card) -> Sample:
    """Return `gpu_info` of a card: what it is, to be joined by UUID."""
    return INFO, (*card.labels, *((("cuda", card.cuda),) if card.cuda else ())), 1.0


def fact(card: Card, memory_bytes: int | None, mig: str = "", **more: str) -> Fact:
    """Return a card or a MIG instance for joins; `mig`: "enabled", "disabled" or the profile of an instance."""
    facts = {
        "index": card.index,
        "model": card.model,
        "memory_total_bytes": "" if memory_bytes is None else str(memory_bytes),
        "driver": card.driver,
        "cuda": card.cuda,
        "bus": card.bus,
        "host": card.host,
        "mig": mig,
        **more,
    }
    return Fact("gpu", card.uuid, {name: value for name, value in facts.items() if value})


def clock_events(own: Pairs, mask: int) -> Iterator[Sample]:
    """Yield one 0 or 1 for each reason: PromQL has no operation on bits."""
    for name, bit in CLOCK_EVENTS.items():
        yield CLOCK_EVENT, (*own, ("clock_event", name)), float(bool(mask & bit))
