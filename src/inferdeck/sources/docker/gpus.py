"""Which GPUs a container asks for: Docker's device requests, CDI names, device files, NVIDIA's old variable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from inferdeck.sources.docker.answers import items, text, texts, whole

ALL = "all"
_DEVICE = re.compile(r"(?:GPU-|MIG-)[0-9A-Fa-f-]{8,80}|\d{1,3}(?::\d{1,3})?")
_FILE = re.compile(r"/dev/nvidia(\d{1,3})")
_CDI = "nvidia.com/gpu="


@dataclass(frozen=True, slots=True)
class Request:
    """devices: "all", or indices and UUIDs, empty where only a number is asked for; count: None where unknown."""

    devices: tuple[str, ...] = ()
    count: int | None = None

    def __bool__(self) -> bool:
        return bool(self.devices) or bool(self.count)

    @property
    def shown(self) -> str:
        """The devices as one text."""
        return ",".join(self.devices)


def request(inspected: Any, visible: str | None) -> Request:
    """Return what a container's HostConfig asks for.

    visible: NVIDIA_VISIBLE_DEVICES, None where it is not set. It counts under NVIDIA's runtime alone: images of CUDA
    carry `all`, and without that runtime nobody reads it.
    """
    for one in items(inspected, "HostConfig", "DeviceRequests"):
        if found := _device_request(one):
            return found
    names = [text(one, "PathOnHost") for one in items(inspected, "HostConfig", "Devices")]
    files = tuple(file[1] for name in names if (file := _FILE.fullmatch(name)))
    if files:
        return _of(files)
    if visible is not None and text(inspected, "HostConfig", "Runtime").startswith("nvidia"):
        return _visible(visible)
    return Request()


def _device_request(one: Any) -> Request:
    driver = text(one, "Driver")
    wanted = texts(one, "DeviceIDs")
    if driver == "cdi" or any(name.startswith(_CDI) for name in wanted):
        names = tuple(name.removeprefix(_CDI) for name in wanted if name.startswith(_CDI))
        return Request((ALL,)) if ALL in names else _of(names)
    capabilities = {word for group in items(one, "Capabilities") if isinstance(group, list) for word in group}
    if driver not in ("", "nvidia") or (not driver and "gpu" not in capabilities):
        return Request()
    if wanted:
        return Request((ALL,)) if ALL in wanted else _of(tuple(wanted))
    count = whole(one, "Count")
    return Request((ALL,)) if count < 0 else Request((), count or None)


def _visible(value: str) -> Request:
    if value == ALL:
        return Request((ALL,))
    return _of(tuple(part.strip() for part in value.split(",")))


def _of(names: tuple[str, ...]) -> Request:
    found = tuple(name for name in names if _DEVICE.fullmatch(name))
    return Request(found, len(found) or None)
