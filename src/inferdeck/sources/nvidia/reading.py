"""What NVML says of one card, under the names of dcgm-exporter; what it does not say is missing, never 0.

Units are DCGM's (dcgm_fields.h): MHz, Celsius, watts, millijoules, percent, MiB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pynvml as nvml

from inferdeck.sources.gpus import MEBIBYTE, REASONS
from inferdeck.sources.nvidia.library import CARD_LOST, SESSION_LOST

T = TypeVar("T")
Handle = Any
"""A pointer of the library's."""
Read = Callable[[Handle], "float | None"]

_TRIES = 3
_FRESH: tuple[tuple[str, Read], ...] = (
    ("DCGM_FI_DEV_SM_CLOCK", lambda card: nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_SM)),
    ("DCGM_FI_DEV_MEM_CLOCK", lambda card: nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_MEM)),
    ("DCGM_FI_DEV_VIDEO_CLOCK", lambda card: nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_VIDEO)),
    ("DCGM_FI_DEV_GPU_TEMP", lambda card: _either(_temperature, _temperature_versioned, card)),
    ("DCGM_FI_DEV_POWER_USAGE", lambda card: nvml.nvmlDeviceGetPowerUsage(card) / 1000),
    ("DCGM_FI_DEV_POWER_MGMT_LIMIT", lambda card: nvml.nvmlDeviceGetPowerManagementLimit(card) / 1000),
    ("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", lambda card: nvml.nvmlDeviceGetEnforcedPowerLimit(card) / 1000),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", lambda card: nvml.nvmlDeviceGetTotalEnergyConsumption(card)),
    ("DCGM_FI_DEV_PSTATE", lambda card: _power_state(nvml.nvmlDeviceGetPerformanceState(card))),
    ("DCGM_FI_DEV_FAN_SPEED", lambda card: nvml.nvmlDeviceGetFanSpeed(card)),
    ("DCGM_FI_DEV_ENC_UTIL", lambda card: nvml.nvmlDeviceGetEncoderUtilization(card)[0]),
    ("DCGM_FI_DEV_DEC_UTIL", lambda card: nvml.nvmlDeviceGetDecoderUtilization(card)[0]),
    (REASONS, lambda card: _either(_events, _throttling, card)),
    ("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", lambda card: nvml.nvmlDeviceGetPcieReplayCounter(card)),
    ("DCGM_FI_DEV_PCIE_LINK_GEN", lambda card: nvml.nvmlDeviceGetCurrPcieLinkGeneration(card)),
    ("DCGM_FI_DEV_PCIE_LINK_WIDTH", lambda card: nvml.nvmlDeviceGetCurrPcieLinkWidth(card)),
    ("DCGM_FI_DEV_ECC_CURRENT", lambda card: nvml.nvmlDeviceGetEccMode(card)[0]),
    ("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", lambda card: _ecc(card, corrected=True, aggregate=False)),
    ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", lambda card: _ecc(card, corrected=False, aggregate=False)),
    ("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", lambda card: _ecc(card, corrected=True, aggregate=True)),
    ("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", lambda card: _ecc(card, corrected=False, aggregate=True)),
)
_STEADY: tuple[tuple[str, Read], ...] = (
    ("DCGM_FI_DEV_MAX_SM_CLOCK", lambda card: nvml.nvmlDeviceGetMaxClockInfo(card, nvml.NVML_CLOCK_SM)),
    ("DCGM_FI_DEV_MAX_MEM_CLOCK", lambda card: nvml.nvmlDeviceGetMaxClockInfo(card, nvml.NVML_CLOCK_MEM)),
    ("DCGM_FI_DEV_SLOWDOWN_TEMP", lambda card: _limit(card, nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)),
    ("DCGM_FI_DEV_SHUTDOWN_TEMP", lambda card: _limit(card, nvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN)),
    ("DCGM_FI_DEV_PCIE_MAX_LINK_GEN", lambda card: nvml.nvmlDeviceGetMaxPcieLinkGeneration(card)),
    ("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", lambda card: nvml.nvmlDeviceGetMaxPcieLinkWidth(card)),
)
_NANOSECOND = 1e-9
_KIBIBYTE = 1024.0
# Every link of the card together.
_ALL_LINKS = 0xFFFFFFFF
# Number and scope of each field, the name under which it is shown, and what a value is multiplied by.
_FIELDS: tuple[tuple[tuple[int, int], str, float], ...] = (
    ((nvml.NVML_FI_DEV_MEMORY_TEMP, 0), "DCGM_FI_DEV_MEMORY_TEMP", 1),
    ((nvml.NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL, 0), "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", 1),
    ((nvml.NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL, 0), "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL", 1),
    ((nvml.NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL, 0), "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", 1),
    ((nvml.NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL, 0), "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL", 1),
    ((nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, _ALL_LINKS), "gpu_nvlink_transmit_bytes_total", _KIBIBYTE),
    ((nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX, _ALL_LINKS), "gpu_nvlink_receive_bytes_total", _KIBIBYTE),
    ((nvml.NVML_FI_DEV_PERF_POLICY_POWER, 0), "power_cap", _NANOSECOND),
    ((nvml.NVML_FI_DEV_PERF_POLICY_THERMAL, 0), "thermal", _NANOSECOND),
    ((nvml.NVML_FI_DEV_PERF_POLICY_SYNC_BOOST, 0), "sync_boost", _NANOSECOND),
    ((nvml.NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN, 0), "sw_thermal", _NANOSECOND),
    ((nvml.NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN, 0), "hw_thermal", _NANOSECOND),
    ((nvml.NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN, 0), "hw_power_brake", _NANOSECOND),
)
_VALUES = {
    nvml.NVML_VALUE_TYPE_DOUBLE: "dVal",
    nvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
    nvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "ulVal",
    nvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
    nvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "sllVal",
    nvml.NVML_VALUE_TYPE_SIGNED_INT: "siVal",
    nvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: "usVal",
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds memory of a card; bytes are None where the driver does not say."""

    pid: int
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; `reserved` (by the driver) is None where an old library counts it as used."""

    total: int
    used: int
    free: int
    reserved: int | None

    def values(self) -> Iterator[tuple[str, float]]:
        """Yield DCGM's whole MiB."""
        yield "DCGM_FI_DEV_FB_TOTAL", self.total // MEBIBYTE
        yield "DCGM_FI_DEV_FB_USED", self.used // MEBIBYTE
        yield "DCGM_FI_DEV_FB_FREE", self.free // MEBIBYTE
        if self.reserved is not None:
            yield "DCGM_FI_DEV_FB_RESERVED", self.reserved // MEBIBYTE


def ask(read: Callable[..., T], *arguments: object) -> T | None:
    """Return what the library says, None where it has nothing to say; raises SESSION_LOST and CARD_LOST."""
    try:
        return read(*arguments)
    except (*SESSION_LOST, *CARD_LOST):
        raise
    except (nvml.NVMLError, UnicodeDecodeError):
        return None


def fresh(card: Handle) -> dict[str, float]:
    """Return what changes: family -> value, memory apart."""
    found = dict(_read(_FRESH, card))
    load = ask(nvml.nvmlDeviceGetUtilizationRates, card)
    if load is not None:
        found |= {"DCGM_FI_DEV_GPU_UTIL": load.gpu, "DCGM_FI_DEV_MEM_COPY_UTIL": load.memory}
    rows = ask(nvml.nvmlDeviceGetRemappedRows, card)
    if rows is not None:
        corrected, uncorrected, pending, failed = rows
        found["DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS"] = corrected
        found["DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"] = uncorrected
        found["DCGM_FI_DEV_ROW_REMAP_PENDING"] = pending
        found["DCGM_FI_DEV_ROW_REMAP_FAILURE"] = failed
    return found


def steady(card: Handle) -> dict[str, float]:
    """Return what stays as it is while the driver is loaded: family -> value."""
    return dict(_read(_STEADY, card))


def fields(card: Handle) -> tuple[dict[str, float], dict[str, float]]:
    """Return the numbered fields: family -> value, and reason -> seconds that it has held the clocks down."""
    values: dict[str, float] = {}
    seconds: dict[str, float] = {}
    answers: Sequence[Any] = ask(nvml.nvmlDeviceGetFieldValues, card, [field for field, _, _ in _FIELDS]) or ()
    for answer, (_, name, factor) in zip(answers, _FIELDS, strict=False):
        if answer.nvmlReturn == nvml.NVML_SUCCESS and answer.valueType in _VALUES:
            value = getattr(answer.value, _VALUES[answer.valueType]) * factor
            (seconds if factor == _NANOSECOND else values)[name] = value
    return values, seconds


def memory(card: Handle) -> Memory | None:
    """Return the memory of a card or a MIG instance, as the second version of the call counts it where there is one."""
    found = ask(nvml.nvmlDeviceGetMemoryInfo, card, nvml.nvmlMemory_v2)
    if found is not None:
        return Memory(found.total, found.used, found.free, found.reserved)
    found = ask(nvml.nvmlDeviceGetMemoryInfo, card)
    return None if found is None else Memory(found.total, found.used, found.free, None)


def holders(card: Handle) -> list[Holder] | None:
    """Return the processes on a card by their number; None where the driver does not tell."""
    lists = [_processes(kind, card) for kind in ("Compute", "Graphics")]
    if all(found is None for found in lists):
        return None
    held: dict[int, int | None] = {}
    for process in (process for found in lists for process in found or ()):
        # One that computes and draws is in both lists, with the same memory.
        known = [size for size in (held.get(process.pid), process.usedGpuMemory) if size is not None]
        held[process.pid] = max(known, default=None)
    return [Holder(pid, size) for pid, size in sorted(held.items())]


def instances(card: Handle) -> list[Handle]:
    """Return the MIG instances of a card that is split into some."""
    mode = ask(nvml.nvmlDeviceGetMigMode, card)
    if not mode or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
        return []
    most = ask(nvml.nvmlDeviceGetMaxMigDeviceCount, card) or 0
    found = (ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, card, place) for place in range(most))
    return [instance for instance in found if instance is not None]


def mig(card: Handle) -> str:
    """Return "enabled" or "disabled"; "" for a card that cannot be split."""
    mode = ask(nvml.nvmlDeviceGetMigMode, card)
    return "" if not mode else "enabled" if mode[0] == nvml.NVML_DEVICE_MIG_ENABLE else "disabled"


def _read(table: Sequence[tuple[str, Read]], card: Handle) -> Iterator[tuple[str, float]]:
    for name, read in table:
        value = ask(read, card)
        if value is not None:
            yield name, float(value)


def _processes(kind: str, card: Handle) -> Sequence[Any] | None:
    """Return one list of processes, by the older call where the driver lacks the newer one."""
    for version in ("_v3", "_v2"):
        read: Callable[[Handle], Sequence[Any]] = getattr(nvml, f"nvmlDeviceGet{kind}RunningProcesses{version}")
        for _ in range(_TRIES):
            try:
                return read(card)
            except nvml.NVMLError_InsufficientSize:
                # Processes came between the question how many there are and the question which.
                continue
            except nvml.NVMLError_FunctionNotFound:
                break
            except (*SESSION_LOST, *CARD_LOST):
                raise
            except nvml.NVMLError:
                return None
    return None


def _either(first: Callable[[Handle], float], other: Callable[[Handle], float], card: Handle) -> float:
    """Ask by one name of a call, and where the driver has not got that one, by the other."""
    try:
        return first(card)
    except nvml.NVMLError_FunctionNotFound:
        return other(card)


def _temperature(card: Handle) -> float:
    return float(nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU))


def _temperature_versioned(card: Handle) -> float:
    return float(nvml.nvmlDeviceGetTemperatureV(card, nvml.NVML_TEMPERATURE_GPU))


def _events(card: Handle) -> float:
    return float(nvml.nvmlDeviceGetCurrentClocksEventReasons(card))


def _throttling(card: Handle) -> float:
    return float(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(card))


def _ecc(card: Handle, *, corrected: bool, aggregate: bool) -> float:
    kind = nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED if corrected else nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
    since = nvml.NVML_AGGREGATE_ECC if aggregate else nvml.NVML_VOLATILE_ECC
    return float(nvml.nvmlDeviceGetTotalEccErrors(card, kind, since))


def _limit(card: Handle, which: int) -> float | None:
    # Newer cards answer 0 where the limit is a distance from the hottest place instead.
    return nvml.nvmlDeviceGetTemperatureThreshold(card, which) or None


def _power_state(state: int) -> float | None:
    return None if state == nvml.NVML_PSTATE_UNKNOWN else state
