"""The compiled double of NVML, loaded into the real Python bindings; skipped by name where there is no compiler."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pynvml
import pytest

SOURCE = Path(__file__).parent / "double.c"
NAME = "libnvidia-ml.so.1"


@functools.cache
def _built(*flags: str) -> bytes:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the NVML double cannot be built")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / NAME
        command = [compiler, "-shared", "-fPIC", "-O1", *flags, "-o", str(place), str(SOURCE)]
        subprocess.run(command, check=True, capture_output=True)
        return place.read_bytes()


def write(folder: Path, *flags: str) -> Path:
    """Put the library into a folder, under the name that the bindings look for."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / NAME
    place.write_bytes(_built(*flags))
    return place


def load(monkeypatch: pytest.MonkeyPatch, folder: Path, *flags: str) -> None:
    """Give the bindings a library of their own, which remembers nothing of other tests."""
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(write(folder, *flags))))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
