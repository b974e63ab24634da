"""A double of the library for one test, told nothing yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.sources.nvidia import library


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("NVML_")]:
        monkeypatch.delenv(name)
    library.load(monkeypatch, tmp_path / "library")
