"""A connection to NVML and one reading of all cards; everything here blocks and runs in the caller's thread."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pynvml as nvml

from inferdeck.errors import ConnectError
from inferdeck.sources.gpus import Card
from inferdeck.sources.nvidia import reading
from inferdeck.sources.nvidia.library import CARD_LOST, SESSION_LOST, explained
from inferdeck.sources.nvidia.reading import Handle, Holder, Memory, ask
from inferdeck.sources.nvidia.xid import Xid, XidWatch

RECONNECT_SECONDS = 300.0
"""How often to connect anew while a card is lost: one that was reset comes back to a new connection alone."""
_PROFILE = re.compile(r".*\bMIG (\S+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Instance:
    """A MIG instance: a part of a card with memory of its own."""

    uuid: str
    profile: str
    number: str
    memory: Memory | None
    holders: Sequence[Holder]


@dataclass(frozen=True, slots=True)
class Reading:
    """One card at one moment; `event_seconds`: reason -> how long it has held the clocks down."""

    card: Card
    values: dict[str, float]
    event_seconds: dict[str, float]
    memory: Memory | None
    mig: str
    holders: Sequence[Holder]
    instances: Sequence[Instance]


@dataclass(frozen=True, slots=True)
class Seen:
    """All cards at one moment, and which could not be read and why."""

    driver: str
    cuda: str
    count: int
    readings: Sequence[Reading]
    warnings: Sequence[str] = ()


@dataclass(slots=True)
class _Connection:
    """What is asked once per connection."""

    since: float
    driver: str
    cuda: str
    xids: XidWatch
    steady: dict[str, dict[str, float]] = field(default_factory=dict)


class Session:
    """Connects when first asked and again after the connection was lost."""

    def __init__(self, monotonic: Callable[[], float], *, keep_open: bool = True, processes: bool = True) -> None:
        self._monotonic = monotonic
        self._keep_open = keep_open
        self._processes = processes
        self._host = socket.gethostname()
        self._connection: _Connection | None = None
        self._names: dict[int, str] = {}
        self._last_xid: dict[str, int] = {}
        self._unheard: list[Xid] = []

    def read(self) -> Seen:
        """Return all cards; raises ConnectError where the driver or every card cannot be read."""
        try:
            return self._read()
        except nvml.NVMLError as error:
            self.close()
            raise explained(error) from error
        finally:
            if not self._keep_open:
                self.close()

    def heard(self) -> list[Xid]:
        """Return the XID errors that were read and not returned yet."""
        found, self._unheard = self._unheard, []
        return found

    def close(self) -> None:
        """Disconnect; nothing happens where there is no connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(nvml.NVMLError):
                connection.xids.close()
            with suppress(nvml.NVMLError):
                nvml.nvmlShutdown()

    def _read(self) -> Seen:
        connection = self._connection or self._connect()
        xids = connection.xids.drain()
        self._unheard += xids
        self._last_xid |= {xid.uuid: xid.code for xid in xids}
        count = nvml.nvmlDeviceGetCount()
        readings: list[Reading] = []
        warnings: list[str] = []
        for place in range(count):
            try:
                readings.append(self._card(connection, place))
            except SESSION_LOST:
                raise
            except nvml.NVMLError as error:
                warnings.append(f"{self._names.get(place, f'GPU {place}')}: {error}")
        if warnings and self._monotonic() >= connection.since + RECONNECT_SECONDS:
            self.close()
        if warnings and not readings:
            raise ConnectError(f"NVML: no card can be read: {'; '.join(warnings)}")
        return Seen(connection.driver, connection.cuda, count, readings, warnings)

    def _connect(self) -> _Connection:
        nvml.nvmlInit()
        try:
            version = ask(nvml.nvmlSystemGetCudaDriverVersion)
            self._connection = _Connection(
                self._monotonic(),
                ask(nvml.nvmlSystemGetDriverVersion) or "",
                f"{version // 1000}.{version % 1000 // 10}" if version else "",
                XidWatch(self._handles() if self._keep_open else {}),
            )
        except nvml.NVMLError:
            nvml.nvmlShutdown()
            raise
        return self._connection

    def _handles(self) -> dict[str, Handle]:
        found: dict[str, Handle] = {}
        for place in range(nvml.nvmlDeviceGetCount()):
            with suppress(*CARD_LOST):
                handle = ask(nvml.nvmlDeviceGetHandleByIndex, place)
                uuid = ask(nvml.nvmlDeviceGetUUID, handle) if handle is not None else None
                if uuid:
                    found[uuid] = handle
        return found

    def _card(self, connection: _Connection, place: int) -> Reading:
        handle = nvml.nvmlDeviceGetHandleByIndex(place)
        card = self._identity(connection, handle, place)
        self._names[place] = f"GPU {place} ({card.uuid})"
        if card.uuid not in connection.steady:
            connection.steady[card.uuid] = reading.steady(handle)
        numbered, event_seconds = reading.fields(handle)
        values = {**reading.fresh(handle), **numbered, **connection.steady[card.uuid]}
        if card.uuid in connection.xids.watched:
            values["DCGM_FI_DEV_XID_ERRORS"] = float(self._last_xid.get(card.uuid, 0))
        instances = [found for one in reading.instances(handle) if (found := self._instance(one))]
        return Reading(
            card,
            values,
            event_seconds,
            reading.memory(handle),
            reading.mig(handle),
            self._holders(handle) if not instances else (),
            instances,
        )

    def _identity(self, connection: _Connection, handle: Handle, place: int) -> Card:
        uuid = ask(nvml.nvmlDeviceGetUUID, handle)
        if not uuid:
            raise nvml.NVMLError(nvml.NVML_ERROR_NO_DATA)
        return Card(
            index=str(place),
            uuid=uuid,
            bus=_bus(handle),
            device=f"nvidia{place}",
            model=ask(nvml.nvmlDeviceGetName, handle) or "",
            host=self._host,
            driver=connection.driver,
            cuda=connection.cuda,
        )

    def _instance(self, handle: Handle) -> Instance | None:
        uuid = ask(nvml.nvmlDeviceGetUUID, handle)
        if not uuid:
            return None
        number = ask(nvml.nvmlDeviceGetGpuInstanceId, handle)
        profile = _PROFILE.match(ask(nvml.nvmlDeviceGetName, handle) or "")
        return Instance(
            uuid,
            profile[1] if profile else "",
            "" if number is None else str(number),
            reading.memory(handle),
            self._holders(handle),
        )

    def _holders(self, handle: Handle) -> Sequence[Holder]:
        return (reading.holders(handle) or ()) if self._processes else ()


def _bus(handle: Handle) -> str:
    """Return the PCI address as DCGM writes it, `00000000:1B:00.0`."""
    found = ask(nvml.nvmlDeviceGetPciInfo, handle)
    raw = found.busId if found is not None else b""
    return raw.decode("ascii", "replace") if isinstance(raw, bytes) else str(raw)
