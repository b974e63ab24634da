"""Target files while the daemon runs: what is written there is watched, what goes is not, and a broken file says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inferdeck.config import targets
from inferdeck.config.load import load
from inferdeck.config.schema import TargetConfig
from inferdeck.config.targets import TargetFiles
from inferdeck.daemon.watching import FILES_SECONDS, Watching
from inferdeck.model.clock import ManualClock
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.http import HttpClient
from inferdeck.sources.registry import config_classes
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.memory import MemoryStore


@asynccontextmanager
async def watching(folder: Path, clock: ManualClock) -> AsyncIterator[Watching]:
    """Watch what the files of a folder name; the runner itself is not started, so nothing is asked."""
    file = folder / "inferdeck.yaml"
    file.write_text("discovery: {enabled: false}\nsources: {prometheus: {file_sd: 'sd/*', job: node}}\n")
    settings = load(path=file, environ={"HOME": str(folder)}, kinds=config_classes())
    http, writer = HttpClient(), SinkWriter(MemoryStore())
    found = Watching(settings, Runner(clock, writer), Assembly(http, clock, "e"), clock, 1, TargetFiles())
    await found.add_configured()
    looking = asyncio.create_task(found.keep_looking(lambda text: None))
    try:
        yield found
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await http.aclose()
        writer.close()


async def until(clock: ManualClock, found: Watching, *wanted: str) -> None:
    """Let looks pass until exactly these targets are watched."""
    async with asyncio.timeout(20):
        while {state.key.id for state in found.states()} != set(wanted):
            await clock.advance(FILES_SECONDS)
            await asyncio.sleep(0.01)


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "sd").mkdir()
    return tmp_path / "sd"


async def test_a_changed_file_adds_and_removes_targets(tmp_path: Path, lists: Path) -> None:
    (lists / "a.yml").write_text("- targets: [n1:1, n2:1]\n")
    clock = ManualClock(1e9)
    async with watching(tmp_path, clock) as found:
        await until(clock, found, "e/node/n1:1", "e/node/n2:1")
        (lists / "a.yml").write_text("- targets: [n2:1, n3:1]\n  labels: {rack: r7}\n")
        await until(clock, found, "e/node/n2:1", "e/node/n3:1")
        (lists / "b.json").write_text('[{"targets": ["n4:1"]}]')
        await until(clock, found, "e/node/n2:1", "e/node/n3:1", "e/node/n4:1")
        (lists / "a.yml").unlink()
        await until(clock, found, "e/node/n4:1")
        assert found.warnings == []


async def test_a_broken_file_keeps_its_last_good_content_and_says_so(tmp_path: Path, lists: Path) -> None:
    (lists / "a.yml").write_text("- targets: [n1:1]\n")
    (lists / "b.yml").write_text("- targets: [n2:1]\n")
    clock = ManualClock(1e9)
    async with watching(tmp_path, clock) as found:
        (lists / "a.yml").write_text("- targets: [n1:1, n9:1\n")
        (lists / "b.yml").write_text("- targets: [n3:1]\n")
        await until(clock, found, "e/node/n1:1", "e/node/n3:1")
        [warning] = found.warnings
        assert "a.yml" in warning
        (lists / "a.yml").write_text("- targets: [n5:1]\n")
        await until(clock, found, "e/node/n5:1", "e/node/n3:1")
        assert found.warnings == []


async def test_other_labels_make_another_target(tmp_path: Path, lists: Path) -> None:
    (lists / "a.json").write_text('[{"targets": ["n1:1"], "labels": {"rack": "r1"}}]')
    clock = ManualClock(1e9)
    async with watching(tmp_path, clock) as found:
        before = found.states()[0]
        (lists / "a.json").write_text('[{"targets": ["n1:1", "n2:1"], "labels": {"rack": "r22"}}]')
        await until(clock, found, before.key.id, "e/node/n2:1")
        assert [dict(labels).get("rack") for labels in found._configured.values()] == ["r22", "r22"]


async def test_files_are_read_off_the_event_loop(tmp_path: Path, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lists / "a.json").write_text('[{"targets": ["n1:1"]}]')
    threads: set[int] = set()
    real = targets.matching_files

    def noted(config: TargetConfig) -> list[Path]:
        threads.add(threading.get_ident())
        return real(config)

    monkeypatch.setattr(targets, "matching_files", noted)
    clock = ManualClock(1e9)
    async with watching(tmp_path, clock) as found:
        (lists / "b.json").write_text('[{"targets": ["n2:1"]}]')
        await until(clock, found, "e/node/n1:1", "e/node/n2:1")
    assert threads
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(("given", "wanted"), [("gateway: prod", "prod"), ("name: prod", "")])
async def test_a_state_tells_its_configured_gateway(tmp_path: Path, given: str, wanted: str) -> None:
    file = tmp_path / "inferdeck.yaml"
    file.write_text(f"discovery: {{enabled: false}}\nsources: {{litellm: {{url: 'http://g:4000', {given}}}}}\n")
    settings = load(path=file, environ={"HOME": str(tmp_path)}, kinds=config_classes())
    clock, http, writer = ManualClock(1e9), HttpClient(), SinkWriter(MemoryStore())
    found = Watching(settings, Runner(clock, writer), Assembly(http, clock, "e"), clock, 1, TargetFiles())
    await found.add_configured()
    assert [state.gateway for state in found.states()] == [wanted]
    await http.aclose()
    writer.close()
