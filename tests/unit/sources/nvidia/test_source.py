"""The nvidia source over the real bindings and a compiled double of the driver's library."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.model.labels import get, metric_name
from inferdeck.sources import catalog
from tests.unit.sources.nvidia import library
from tests.unit.sources.nvidia.reading import collected, facts, source, value, values

pytestmark = pytest.mark.usefixtures("double")

MIB = 2**20


def process(proc: Path, pid: int, name: str, cgroup: str) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(f"{name}\n")
    (proc / str(pid) / "cgroup").write_text(f"0::{cgroup}\n")


async def test_card_is_read_under_dcgm_names_and_units() -> None:
    found = await collected()

    expected = {
        "DCGM_FI_DEV_GPU_UTIL": 87,
        "DCGM_FI_DEV_MEM_COPY_UTIL": 42,
        "DCGM_FI_DEV_FB_TOTAL": 150000000000 // MIB,
        "DCGM_FI_DEV_FB_USED": 99400000000 // MIB,
        "DCGM_FI_DEV_FB_FREE": 50000000000 // MIB,
        "DCGM_FI_DEV_FB_RESERVED": 600000000 // MIB,
        "DCGM_FI_DEV_GPU_TEMP": 41,
        "DCGM_FI_DEV_MEMORY_TEMP": 48,
        "DCGM_FI_DEV_SHUTDOWN_TEMP": 92,
        "DCGM_FI_DEV_POWER_USAGE": 123.456,
        "DCGM_FI_DEV_POWER_MGMT_LIMIT": 700,
        "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": 650,
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": 5e9,
        "DCGM_FI_DEV_SM_CLOCK": 1979,
        "DCGM_FI_DEV_MEM_CLOCK": 1978,
        "DCGM_FI_DEV_MAX_SM_CLOCK": 1999,
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": 0x24,
        "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": 0,
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 10,
        "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL": 1,
        "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL": 11,
        "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS": 1,
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": 2,
        "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": 7,
        "DCGM_FI_DEV_ENC_UTIL": 3,
        "DCGM_FI_DEV_XID_ERRORS": 0,
        "gpu_nvlink_transmit_bytes_total": 4096,
    }
    assert {name: value(found, name) for name in expected} == pytest.approx(expected)
    [series] = values(found, "DCGM_FI_DEV_GPU_UTIL")
    assert dict(series) == {
        "__name__": "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_DRIVER_VERSION": "580.159.04",
        "Hostname": get(series, "Hostname"),
        "UUID": "GPU-0",
        "device": "nvidia0",
        "gpu": "0",
        "instance": "gpuhost",
        "job": "nvidia",
        "modelName": "NVIDIA H200",
        "pci_bus_id": "00000000:1B:00.0",
    }
    assert get(next(iter(values(found, "gpu_info"))), "cuda") == "13.0"
    assert found.version == "580.159.04"
    assert found.warnings == []


async def test_every_series_is_in_the_catalog() -> None:
    found = await collected()

    known = catalog.load("nvidia")
    assert [metric_name(series) for series in found.layout.series if known.sample(metric_name(series))[0] is None] == []


async def test_what_the_driver_does_not_say_is_missing_and_not_zero() -> None:
    found = await collected()

    names = {metric_name(series) for series in found.layout.series}
    absent = {
        "DCGM_FI_DEV_FAN_SPEED",  # not supported
        "DCGM_FI_DEV_PSTATE",  # unknown
        "DCGM_FI_DEV_SLOWDOWN_TEMP",  # 0, which no limit is
        "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",  # of a type that is not known
        "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL",  # a field of its own is refused
        "gpu_nvlink_receive_bytes_total",  # likewise
    }
    assert names & absent == set()
    assert value(found, "DCGM_FI_DEV_DEC_UTIL") == 0
    reasons = {
        get(series, "clock_event"): held for series, held in values(found, "gpu_clock_event_seconds_total").items()
    }
    assert reasons == {"power_cap": 2.5}


async def test_reasons_of_clock_events_are_series_of_their_own() -> None:
    found = await collected()

    held = {get(series, "clock_event"): value for series, value in values(found, "gpu_clock_event").items()}
    assert held == {
        "gpu_idle": 0,
        "clocks_setting": 0,
        "power_cap": 1,
        "hw_slowdown": 0,
        "sync_boost": 0,
        "sw_thermal": 1,
        "hw_thermal": 0,
        "hw_power_brake": 0,
        "display_clocks": 0,
    }


@pytest.mark.parametrize("count", [0, 1, 8])
async def test_machine_may_have_any_number_of_cards(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setenv("NVML_CARDS", str(count))

    found = await collected()

    temperatures = values(found, "DCGM_FI_DEV_GPU_TEMP")
    assert sorted(temperatures.values()) == [41 + place for place in range(count)]
    assert [fact.facts["index"] for fact in facts(found, "gpu")] == [str(place) for place in range(count)]
    [service] = facts(found, "service")
    assert service.facts == {"version": "580.159.04", "cuda": "13.0", "gpus": str(count), "status": "healthy"}
    assert list(found.warnings) == ([] if count else ["NVIDIA's driver is loaded, but it has no card"])


async def test_processes_are_joined_to_containers_and_units(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    container = "3f1c9a0b7d2e" + "5" * 52
    process(tmp_path, 100, "VLLM::EngineCor", f"/system.slice/docker-{container}.scope")
    process(tmp_path, 101, "VLLM::EngineCor", f"/system.slice/docker-{container}.scope")
    process(tmp_path, 200, "ollama", "/system.slice/ollama.service")
    monkeypatch.setenv("NVML_CARDS", "2")
    monkeypatch.setenv("NVML_PIDS", "100:1000,101:500,200:77,300:5,400")
    monkeypatch.setenv("NVML_DRAWS", "200:77,500:9")

    found = await collected(tmp_path)

    memory = {
        (get(series, "process"), get(series, "container"), get(series, "unit")): size
        for series, size in values(found, "gpu_process_memory_bytes").items()
    }
    assert memory == {
        ("VLLM::EngineCor", container[:12], ""): 1500,
        ("ollama", "", "ollama.service"): 77,
        ("", "", ""): 14,
    }
    held = {fact.name: dict(fact.facts) for fact in facts(found, "gpu_process")}
    assert held["GPU-0/100"] == {
        "gpu": "GPU-0",
        "pid": "100",
        "process": "VLLM::EngineCor",
        "memory_bytes": "1000",
        "container": container[:12],
    }
    assert held["GPU-0/200"]["unit"] == "ollama.service"
    assert held["GPU-0/400"] == {"gpu": "GPU-0", "pid": "400"}
    assert sorted(held) == [f"GPU-0/{pid}" for pid in (100, 101, 200, 300, 400, 500)]


async def test_split_card_gives_its_memory_by_instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NVML_MIG", "2")
    monkeypatch.setenv("NVML_PIDS", "100:1000")

    found = await collected(tmp_path)

    used = {
        (get(series, "UUID"), get(series, "GPU_I_ID"), get(series, "GPU_I_PROFILE")): size
        for series, size in values(found, "DCGM_FI_DEV_FB_USED").items()
    }
    assert used == {("GPU-0", "1", "1g.18gb"): 9536, ("GPU-0", "2", "1g.18gb"): 9536}
    assert values(found, "DCGM_FI_DEV_GPU_UTIL") == {}
    assert value(found, "DCGM_FI_DEV_GPU_TEMP") == 41
    shown = [(fact.name, fact.facts["index"], fact.facts["mig"]) for fact in facts(found, "gpu")]
    assert shown == [("GPU-0", "0", "enabled"), ("MIG-0-1", "0:1", "1g.18gb"), ("MIG-0-2", "0:2", "1g.18gb")]
    assert facts(found, "gpu")[1].facts["parent"] == "GPU-0"
    assert [fact.name for fact in facts(found, "gpu_process")] == ["MIG-0-1/100", "MIG-0-2/100"]


async def test_xid_errors_are_told_once_and_the_last_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = source()
    assert value(await reader.collect(1.0), "DCGM_FI_DEV_XID_ERRORS") == 0
    monkeypatch.setenv("NVML_XIDS", "31,79")

    found = await reader.collect(2.0)
    assert value(found, "DCGM_FI_DEV_XID_ERRORS") == 79
    assert [(event.kind, event.subject, event.time, event.facts["xid"]) for event in found.happenings] == [
        ("xid", "GPU-0", 2.0, "31"),
        ("xid", "GPU-0", 2.0, "79"),
    ]
    assert found.happenings[1].text == "XID 79 on GPU-0: the card has fallen off the bus"

    found = await reader.collect(3.0)
    assert (value(found, "DCGM_FI_DEV_XID_ERRORS"), list(found.happenings)) == (79, [])
    await reader.aclose()


async def test_without_a_lasting_connection_there_are_no_xid_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVML_XIDS", "31")

    found = await collected(keep_open=False)

    assert values(found, "DCGM_FI_DEV_XID_ERRORS") == {}
    assert value(found, "DCGM_FI_DEV_GPU_UTIL") == 87


async def test_library_of_2020_gives_what_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library.load(monkeypatch, tmp_path / "old", "-DOLD")
    monkeypatch.setenv("NVML_PIDS", "100:1000")

    found = await collected()

    assert value(found, "DCGM_FI_DEV_FB_USED") == 100000000000 // MIB
    assert value(found, "DCGM_FI_DEV_CLOCKS_EVENT_REASONS") == 0x24
    assert values(found, "DCGM_FI_DEV_FB_RESERVED") == values(found, "DCGM_FI_DEV_MEMORY_TEMP") == {}
    assert [fact.name for fact in facts(found, "gpu_process")] == ["GPU-0/100"]


@pytest.mark.parametrize(
    "name", ["NVIDIA \u4e2d\u6587 \U0001f525", 'a"b\\c\nd{e="f"}', "\x1b[31mred", "[bold]x[/bold] <script>", "x" * 500]
)
async def test_hostile_names_stay_text(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("NVML_NAME", name)

    found = await collected()

    [series] = values(found, "DCGM_FI_DEV_GPU_UTIL")
    assert get(series, "modelName") == name[:95]


async def test_layout_stays_the_same_object_while_the_cards_do() -> None:
    reader = source()

    assert (await reader.collect(1.0)).layout is (await reader.collect(2.0)).layout
    await reader.aclose()
