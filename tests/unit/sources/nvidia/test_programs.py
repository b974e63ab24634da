"""The nvidia source in programs of their own: how the library is found, and whose process numbers the driver gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sources.nvidia import library, watch

UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc")
OTHER_NUMBERS = "the names of the cards' processes are unknown in this container"


def run(folder: Path | None, *before: str, **environment: str) -> dict[str, Any]:
    """Return what watch.py prints when the library lies in this folder alone; `before` starts it."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("NVML_", "LD_"))}
    found = {"LD_LIBRARY_PATH": str(folder)} if folder else {}
    command = [*before, sys.executable, watch.__file__]
    done = subprocess.run(command, env={**kept, **found, **environment}, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_library_is_found_where_the_loader_looks(tmp_path: Path) -> None:
    library.write(tmp_path)

    found = run(tmp_path, NVML_CARDS="2")

    assert found["series"] > 50
    assert found["warnings"] == found["processes"] == []


@pytest.mark.skipif(bool(list(Path("/usr/lib").glob("*/libnvidia-ml.so.1"))), reason="NVIDIA's library is here")
def test_machine_without_the_library_is_told_what_to_install() -> None:
    assert run(None) == {
        "error": "NVML: libnvidia-ml.so.1 is not found: install NVIDIA's driver, "
        "or give the container its cards (docker run --gpus all)"
    }


def test_file_that_is_no_library_is_told_like_none(tmp_path: Path) -> None:
    (tmp_path / library.NAME).write_text("not a library")

    assert "not found" in run(tmp_path)["error"]


def test_in_a_container_the_numbers_of_processes_mean_others(tmp_path: Path) -> None:
    if not shutil.which("unshare") or subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
        pytest.skip("no namespace of process numbers can be made here")
    library.write(tmp_path)

    # Number 1 in there is the watching program itself, and whatever the driver calls 1 is another one.
    found = run(tmp_path, *UNSHARE, NVML_PIDS="1:1000")

    assert [warning.partition(":")[0] for warning in found["warnings"]] == [OTHER_NUMBERS]
    [process] = found["processes"]
    assert process == {"gpu": "GPU-0", "pid": "1", "memory_bytes": "1000"}
