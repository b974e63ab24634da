"""XID errors: what the driver reports when a card, a program on it or the driver itself goes wrong.

Numbers and meanings: docs.nvidia.com/deploy/xid-errors.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass

import pynvml as nvml

from inferdeck.sources.nvidia.reading import Handle, ask

_MOST_AT_ONCE = 100
MEANINGS: Mapping[int, str] = {
    13: "a program's kernel went wrong (graphics engine exception)",
    31: "a program touched memory that is not its own (MMU fault)",
    32: "corrupted commands (invalid push buffer)",
    38: "driver firmware error",
    43: "a program's kernel was stopped after its own fault",
    45: "a program's work was torn down, as after an error before it",
    48: "double-bit ECC error",
    61: "the card's microcontroller halted",
    62: "the card's microcontroller halted",
    63: "a memory row or page is to be remapped",
    64: "remapping of a memory row or page failed",
    68: "video processor exception",
    69: "graphics engine class error",
    74: "NVLink error",
    79: "the card has fallen off the bus",
    92: "many single-bit ECC errors",
    94: "contained memory error: only the program that hit it is lost",
    95: "uncontained memory error: every program on the card is affected",
    119: "the card's system processor does not answer (GSP timeout)",
    120: "the card's system processor failed (GSP error)",
    140: "unrecovered ECC error",
    149: "NVLink network error",
}


@dataclass(frozen=True, slots=True)
class Xid:
    """One error; uuid is "" where the card cannot be told any more."""

    uuid: str
    code: int

    @property
    def meaning(self) -> str:
        """What the number stands for, "" for one that is not listed."""
        return MEANINGS.get(self.code, "")


class XidWatch:
    """The driver's queue of XID errors, emptied without waiting; begins with the errors after its making."""

    def __init__(self, cards: Mapping[str, Handle]) -> None:
        self._uuids: dict[int | None, str] = {}
        self._set = ask(nvml.nvmlEventSetCreate) if cards else None
        for uuid, card in cards.items():
            if self._set is not None and _register(card, self._set):
                self._uuids[_address(card)] = uuid

    @property
    def watched(self) -> frozenset[str]:
        """The cards whose errors are heard of."""
        return frozenset(self._uuids.values())

    def drain(self) -> list[Xid]:
        """Return what was reported since the last time, oldest first."""
        found: list[Xid] = []
        while self._set is not None and self._uuids and len(found) < _MOST_AT_ONCE:
            event = ask(nvml.nvmlEventSetWait, self._set, 0)
            if event is None:
                break
            if event.eventType == nvml.nvmlEventTypeXidCriticalError:
                found.append(Xid(self._uuids.get(_address(event.device), ""), int(event.eventData)))
        return found

    def close(self) -> None:
        """Give the queue back."""
        if self._set is not None:
            ask(nvml.nvmlEventSetFree, self._set)
            self._set = None


def _register(card: Handle, events: Handle) -> bool:
    try:
        nvml.nvmlDeviceRegisterEvents(card, nvml.nvmlEventTypeXidCriticalError, events)
    except nvml.NVMLError:
        return False
    return True


def _address(card: Handle) -> int | None:
    """Return what tells handles apart: two pointer objects may point to one card."""
    return ctypes.cast(card, ctypes.c_void_p).value
