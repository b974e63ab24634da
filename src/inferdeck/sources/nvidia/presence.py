"""Whether this machine has an NVIDIA driver, found without loading its library."""

from __future__ import annotations

from pathlib import Path

_DRIVER = ("proc/driver/nvidia/version", "dev/nvidiactl")
# Under Windows' Linux subsystem the driver is the host's: a paravirtual device and a library in a folder of its own.
_SUBSYSTEM = ("dev/dxg", "usr/lib/wsl/lib/libnvidia-ml.so.1")


def present(root: Path = Path("/")) -> bool:
    """Return whether the kernel has NVIDIA's driver, so that the source `nvidia` is worth adding."""
    return any((root / path).exists() for path in _DRIVER) or all((root / path).exists() for path in _SUBSYSTEM)
