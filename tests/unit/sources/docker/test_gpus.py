"""Every way to ask for a GPU, as inspections show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inferdeck.sources import catalog
from inferdeck.sources.docker import gpus

SAMPLES = Path(catalog.FOLDER) / "docker/samples"


def host(**config: Any) -> dict[str, Any]:
    return {"HostConfig": config}


def asked(driver: str = "", count: int = 0, devices: list[str] | None = None) -> dict[str, Any]:
    request = {"Driver": driver, "Count": count, "DeviceIDs": devices, "Capabilities": [["gpu"]], "Options": {}}
    return host(Runtime="runc", DeviceRequests=[request])


@pytest.mark.parametrize(
    ("inspected", "visible", "devices", "count"),
    [
        (asked(count=-1), None, "all", None),
        (asked("nvidia", count=2), None, "", 2),
        (asked(devices=["0", "1"]), "all", "0,1", 2),
        (
            asked(devices=["GPU-3a23c669-1f69-c64e-cf85-44e9b07e7a2a"]),
            None,
            "GPU-3a23c669-1f69-c64e-cf85-44e9b07e7a2a",
            1,
        ),
        (asked("cdi", devices=["nvidia.com/gpu=0"]), None, "0", 1),
        (asked("cdi", devices=["nvidia.com/gpu=all"]), None, "all", None),
        (host(Runtime="nvidia"), "all", "all", None),
        (host(Runtime="nvidia"), "0,2", "0,2", 2),
        (host(Runtime="nvidia"), "void", "", None),
        (host(Runtime="nvidia"), "none", "", None),
        (host(Runtime="nvidia"), None, "", None),
        (host(Runtime="runc"), "all", "", None),
        (host(Devices=[{"PathOnHost": "/dev/nvidia3"}, {"PathOnHost": "/dev/nvidiactl"}]), None, "3", 1),
        (host(DeviceRequests=[{"Driver": "", "Count": -1, "Capabilities": [["tpu"]]}]), None, "", None),
        (host(DeviceRequests=None, Devices=None), None, "", None),
        ({}, "0", "", None),
        (None, None, "", None),
    ],
)
def test_a_request(inspected: Any, visible: str | None, devices: str, count: int | None) -> None:
    found = gpus.request(inspected, visible)
    assert (found.shown, found.count) == (devices, count)


def test_the_captured_request_of_gpus_by_number() -> None:
    inspected = json.loads((SAMPLES / "dockerd-20.10.24-inspect_gpus.json").read_text())
    assert gpus.request(inspected, None).devices == ("0", "1")
