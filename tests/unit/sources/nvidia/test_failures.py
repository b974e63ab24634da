"""What becomes of a driver that refuses, is reloaded, loses cards or hangs."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator

import pytest

from inferdeck.errors import CollectError, ConnectError, DeadlineError
from inferdeck.model.labels import get, metric_name
from inferdeck.sources.interface import Collected
from inferdeck.sources.nvidia.session import RECONNECT_SECONDS, Session
from tests.unit.sources.nvidia.reading import collected, facts, source, value, values

pytestmark = pytest.mark.usefixtures("double")

ERROR_CODES = {
    9: "driver is not loaded",
    18: "different versions",
    4: "not permitted",
    12: "--gpus all",
    13: "too old",
    999: "Unknown Error",
}


@pytest.mark.parametrize("status", [2, 3, 4, 6, 20, 21, 25, 999])
async def test_card_that_refuses_everything_keeps_its_identity(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setenv("NVML_REFUSE", str(status))

    found = await collected()

    assert [metric_name(series) for series in found.layout.series] == ["gpu_info"]
    assert [fact.name for fact in facts(found, "gpu")] == ["GPU-0"]


@pytest.mark.parametrize(("status", "said"), ERROR_CODES.items())
async def test_driver_that_does_not_answer_is_explained(
    monkeypatch: pytest.MonkeyPatch, status: int, said: str
) -> None:
    monkeypatch.setenv("NVML_INIT", str(status))

    with pytest.raises(ConnectError, match=said):
        await collected()


async def test_driver_that_comes_back_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = source()
    monkeypatch.setenv("NVML_INIT", "9")
    with pytest.raises(ConnectError):
        await reader.collect(1.0)
    monkeypatch.delenv("NVML_INIT")
    assert value(await reader.collect(2.0), "DCGM_FI_DEV_GPU_UTIL") == 87

    # The driver was reloaded under the connection: one collection fails, the next one connects anew.
    monkeypatch.setenv("NVML_REFUSE", "1")
    with pytest.raises(ConnectError, match="initialised again"):
        await reader.collect(3.0)
    monkeypatch.delenv("NVML_REFUSE")
    assert value(await reader.collect(4.0), "DCGM_FI_DEV_GPU_UTIL") == 87
    await reader.aclose()


async def test_lost_card_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVML_CARDS", "3")
    reader = source()
    assert len(values(await reader.collect(1.0), "DCGM_FI_DEV_GPU_UTIL")) == 3

    monkeypatch.setenv("NVML_LOST", "1")
    found = await reader.collect(2.0)

    assert {get(series, "UUID") for series in found.layout.series} == {"GPU-0", "GPU-2"}
    assert list(found.warnings) == ["GPU 1 (GPU-1): GPU is lost"]
    [service] = facts(found, "service")
    assert service.facts["status"] == "degraded"
    await reader.aclose()


async def test_loss_of_every_card_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = source()
    await reader.collect(1.0)
    monkeypatch.setenv("NVML_LOST", "0")

    with pytest.raises(ConnectError, match=r"no card can be read: GPU 0 \(GPU-0\): GPU is lost"):
        await reader.collect(2.0)
    await reader.aclose()


@pytest.mark.parametrize(("grows", "listed"), [(1, 1), (2, 1), (9, 0)])
async def test_list_of_processes_that_grows_meanwhile_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, grows: int, listed: int
) -> None:
    monkeypatch.setenv("NVML_PIDS", "100:1000")
    monkeypatch.setenv("NVML_GROWS", str(grows))

    assert len(facts(await collected(), "gpu_process")) == listed


async def test_name_that_is_no_text_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVML_NAME", os.fsdecode(b"NVIDIA \xff\xfe"))

    found = await collected()

    [series] = values(found, "DCGM_FI_DEV_GPU_UTIL")
    assert get(series, "modelName") == ""
    assert "model" not in facts(found, "gpu")[0].facts


async def test_card_without_a_uuid_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVML_UUID", os.fsdecode(b"\xff"))

    with pytest.raises(ConnectError, match="GPU 0"):
        await collected()


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NVML_HANG", "3")
    yield
    for thread in threading.enumerate():
        if thread.name == "nvml":
            thread.join(10)


async def test_driver_that_hangs_holds_one_thread_and_is_read_again_afterwards(
    monkeypatch: pytest.MonkeyPatch, hanging: None
) -> None:
    reader = source(deadline=0.2)
    with pytest.raises(DeadlineError, match=r"no answer within 0.2 s"):
        await reader.collect(1.0)
    for _ in range(5):
        with pytest.raises(DeadlineError, match="not asked again until it does"):
            await reader.collect(2.0)
    assert [thread.name for thread in threading.enumerate()].count("nvml") == 1
    await reader.aclose()

    monkeypatch.delenv("NVML_HANG")
    found: Collected | CollectError | None = None
    while not isinstance(found, Collected):
        try:
            found = await reader.collect(3.0)
        except DeadlineError as error:
            found = error
            await asyncio.sleep(0.1)
    assert value(found, "DCGM_FI_DEV_GPU_UTIL") == 87
    await reader.aclose()


def test_lost_card_is_looked_for_again_by_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, RECONNECT_SECONDS + 1.0, RECONNECT_SECONDS + 2.0])
    monkeypatch.setenv("NVML_CARDS", "2")
    monkeypatch.setenv("NVML_LOST", "1")
    session = Session(lambda: next(moments))

    assert len(session.read().readings) == 1
    assert len(session.read().readings) == 1
    # The next reading needs a connection, which is refused now: the old one is not used any more.
    monkeypatch.setenv("NVML_INIT", "9")
    with pytest.raises(ConnectError, match="not loaded"):
        session.read()
    monkeypatch.delenv("NVML_INIT")
    monkeypatch.delenv("NVML_LOST")
    assert len(session.read().readings) == 2
    session.close()
