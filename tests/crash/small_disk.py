"""A disk that is soon full."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """Mount a tmpfs of this size (as mount(8) takes it) while the block runs; skips the test where that cannot be."""
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("disk full: mounting a tmpfs needs root")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("disk full: mounting a tmpfs is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
