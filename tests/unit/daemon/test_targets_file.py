"""targets.json follows what is watched, whatever happens to its folder."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

from inferdeck.daemon import targets_file
from inferdeck.model.clock import SystemClock
from inferdeck.model.target import TargetKey, TargetState


class Brisk(SystemClock):
    """Sleeps no longer than it must to let others have their turn."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.01)


def state(port: int) -> TargetState:
    return TargetState(TargetKey("redis", f"h:{port}", "default"), "", f"redis://h:{port}", "configured")


async def until(path: Path, port: int) -> None:
    while True:
        if path.exists() and [one["port"] for one in json.loads(path.read_text())["targets"]] == [port]:
            return
        await asyncio.sleep(0.01)


async def test_it_follows_what_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder, watched = tmp_path / "data", [state(1)]
    config = tmp_path / "inferdeck.yaml"
    config.touch()
    with caplog.at_level(logging.WARNING):
        task = asyncio.create_task(targets_file.keep_writing(lambda: watched, config, folder, Brisk()))
        while not caplog.records:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        folder.mkdir()
        await asyncio.wait_for(until(folder / targets_file.NAME, 1), 60)
        watched[:] = [state(2)]
        await asyncio.wait_for(until(folder / targets_file.NAME, 2), 60)
    task.cancel()
    # Said once, though it was tried many times.
    assert len(caplog.records) == 1
    assert [one.name for one in folder.iterdir()] == [targets_file.NAME]
    assert [one.read_text() for one in (tmp_path / "state").rglob("*.data_dir")] == [f"{folder}\n"]


async def test_a_home_that_cannot_be_written_keeps_nothing_from_its_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    work = targets_file.keep_writing(lambda: [state(3)], tmp_path / "inferdeck.yaml", tmp_path, Brisk())
    task = asyncio.create_task(work)
    await asyncio.wait_for(until(tmp_path / targets_file.NAME, 3), 60)
    task.cancel()
