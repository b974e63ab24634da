"""Whether a machine has NVIDIA's driver, by its files alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inferdeck.sources.nvidia.presence import present


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ((), False),
        (("proc/driver/nvidia/version",), True),
        (("dev/nvidiactl",), True),
        (("dev/nvidia-uvm", "dev/dri/card0"), False),
        (("dev/dxg",), False),
        (("dev/dxg", "usr/lib/wsl/lib/libnvidia-ml.so.1"), True),
    ],
)
def test_driver_shows_in_files(tmp_path: Path, files: tuple[str, ...], found: bool) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()

    assert present(tmp_path) == found


def test_asking_loads_nothing_heavy() -> None:
    script = (
        "import sys; from inferdeck.sources.nvidia.presence import present; present(); "
        "print([name for name in ('pynvml', 'numpy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)

    assert done.stdout == "[]\n"
