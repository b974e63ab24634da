"""The dcgm source over HTTP: what the simulated exporter says, older spellings, blanks, and cards that are split."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import Labels, get, metric_name
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources import registry
from inferdeck.sources.dcgm import source as module
from inferdeck.sources.dcgm.config import DcgmConfig
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected, Source
from inferdeck.sources.nvidia.config import NvidiaConfig
from inferdeck.sources.nvidia.source import make as make_nvidia
from inferdeck.sources.pipeline import target_labels
from tests.unit.sources.endpoint import serving
from tests.unit.sources.nvidia import library

SIMULATED = (Path(module.__file__).parent / "samples/simulated-4.5-metrics.txt").read_text()
KEY = TargetKey("dcgm", "gpu1:9400", "test")
EXTRA = target_labels(KEY, {"site": "x"})
CARD = 'gpu="0",UUID="GPU-a",pci_bus_id="00000000:1B:00.0",device="nvidia0",modelName="NVIDIA A100"'
MIB = 2**20


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


class Exporter:
    """Answers with the text that it was given last."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._source: Source | None = None
        self.text = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=self.text)

    async def read(self, *texts: str) -> list[Collected]:
        """Return what one source makes of these texts, one after the other."""
        async with serving(("/metrics", self.answer)) as url:
            source = registry.make("dcgm", DcgmConfig(url=url), self._http, SystemClock(), KEY, EXTRA)
            found = []
            for self.text in texts:
                found.append(await source.collect(0.0))
            return found


@pytest.fixture
def exporter(http: HttpClient) -> Exporter:
    return Exporter(http)


def values(found: Collected, name: str) -> dict[Labels, float]:
    pairs = zip(found.layout.series, found.values.tolist(), strict=True)
    return {series: value for series, value in pairs if metric_name(series) == name}


def value(found: Collected, name: str) -> float:
    [only] = values(found, name).values()
    return only


def cards(found: Collected) -> list[Fact]:
    return [fact for fact in found.inventory if fact.kind == "gpu"]


async def test_cards_are_told_with_their_memory(exporter: Exporter) -> None:
    [found] = await exporter.read(SIMULATED)

    [first, second] = cards(found)
    assert first.facts == {
        "index": "0",
        "model": "NVIDIA H100 80GB HBM3",
        "memory_total_bytes": str(80 * 2**30),
        "driver": "570.133.20",
        "bus": "00000000:1B:00.0",
        "host": "box",
    }
    assert (second.facts["index"], second.facts["model"]) == ("1", "NVIDIA L4")
    [service] = [fact for fact in found.inventory if fact.kind == "service"]
    assert service.facts == {"gpus": "2", "driver": "570.133.20"}
    assert list(found.warnings) == []


async def test_series_have_the_labels_of_those_from_nvml(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [theirs] = await exporter.read(SIMULATED)
    library.load(monkeypatch, tmp_path)
    nvidia = make_nvidia(NvidiaConfig(), None, SystemClock(), KEY, EXTRA)
    ours = await nvidia.collect(0.0)
    await nvidia.aclose()

    def names(found: Collected, family: str) -> set[tuple[str, ...]]:
        return {tuple(name for name, _ in series if name != "cuda") for series in values(found, family)}

    shared = {metric_name(series) for series in ours.layout.series} & {
        metric_name(series) for series in theirs.layout.series
    }
    assert {"gpu_info", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_POWER_USAGE"} <= shared
    for family in shared:
        assert names(theirs, family) == names(ours, family), family


@pytest.mark.parametrize("blank", ["9223372036854775794", "9.223372036854776e+18", "2147483634", "140737488355330.0"])
async def test_blank_values_are_missing(exporter: Exporter, blank: str) -> None:
    with_it = f"DCGM_FI_DEV_MEMORY_TEMP{{{CARD}}} {blank}\nDCGM_FI_DEV_GPU_TEMP{{{CARD}}} 41\n"
    without = with_it.replace(blank, "50")

    [first, second, third] = await exporter.read(with_it, without, with_it)

    assert (values(first, "DCGM_FI_DEV_MEMORY_TEMP"), value(first, "DCGM_FI_DEV_GPU_TEMP")) == ({}, 41)
    assert value(second, "DCGM_FI_DEV_MEMORY_TEMP") == 50
    assert values(third, "DCGM_FI_DEV_MEMORY_TEMP") == {}


async def test_large_values_of_others_are_left_alone(exporter: Exporter) -> None:
    [found] = await exporter.read(f"go_something 9223372036854775794\nDCGM_FI_DEV_GPU_TEMP{{{CARD}}} 41\n")

    assert value(found, "go_something") == 2.0**63


@pytest.mark.parametrize("spelling", ["Hostname", "hostname"])
async def test_host_is_spelled_alike_in_all_versions(exporter: Exporter, spelling: str) -> None:
    [found] = await exporter.read(f'DCGM_FI_DEV_GPU_TEMP{{{CARD},{spelling}="box"}} 41\n')

    for family in ("DCGM_FI_DEV_GPU_TEMP", "gpu_info"):
        [series] = values(found, family)
        assert (get(series, "Hostname"), get(series, "hostname")) == ("box", "")


async def test_info_is_one_per_card_whatever_runs_on_it(exporter: Exporter) -> None:
    text = "".join(f'DCGM_FI_DEV_GPU_UTIL{{{CARD},pod="p{number}",container="c"}} 5\n' for number in range(3))

    [found] = await exporter.read(text)

    [series] = values(found, "gpu_info")
    assert dict(series).keys() == {
        *("__name__", "job", "instance", "environment", "site"),
        *("gpu", "UUID", "pci_bus_id", "device", "modelName"),
    }


@pytest.mark.parametrize("family", ["DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"])
async def test_reasons_of_clock_events_are_series_of_their_own(exporter: Exporter, family: str) -> None:
    [first, second] = await exporter.read(f"{family}{{{CARD}}} 36\n", f"{family}{{{CARD}}} 1\n")

    def held(found: Collected) -> set[str]:
        return {get(series, "clock_event") for series, on in values(found, "gpu_clock_event").items() if on}

    assert (held(first), held(second)) == ({"power_cap", "sw_thermal"}, {"gpu_idle"})
    assert first.layout is second.layout
    assert len(values(first, "gpu_clock_event")) == 9


async def test_split_card_has_instances(exporter: Exporter) -> None:
    part = CARD + ',GPU_I_PROFILE="1g.10gb",GPU_I_ID="{}"'
    text = "".join(
        f"DCGM_FI_DEV_FB_{name}{{{part.format(number)}}} {size}\n"
        for number in (7, 8)
        for name, size in (("USED", 100), ("FREE", 900))
    )

    [found] = await exporter.read(text)

    shown = [(fact.name, dict(fact.facts)) for fact in cards(found)]
    same = {"model": "NVIDIA A100", "bus": "00000000:1B:00.0"}
    size = {"memory_total_bytes": str(1000 * MIB), "mig": "1g.10gb", "parent": "GPU-a"}
    assert shown == [
        ("GPU-a", {"index": "0", "mig": "enabled", **same}),
        ("GPU-a/7", {"index": "0:7", **same, **size}),
        ("GPU-a/8", {"index": "0:8", **same, **size}),
    ]
    assert len(values(found, "gpu_info")) == 1


async def test_exporter_without_cards_says_so(exporter: Exporter) -> None:
    [found] = await exporter.read("go_goroutines 5\n")

    assert (cards(found), len(found.warnings)) == ([], 1)
