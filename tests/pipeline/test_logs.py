"""What the logs source reads of a simulated fleet's files is what the world says that its programs wrote."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from inferdeck.model.clock import SystemClock
from inferdeck.model.log_lines import LogLine, LogQuery
from inferdeck.model.target import TargetKey
from inferdeck.simulate import changes, scenario
from inferdeck.simulate.servers.logs import LogFiles, build
from inferdeck.simulate.servers.logs.journal import Line
from inferdeck.simulate.targets import entries
from inferdeck.simulate.world import World
from inferdeck.sources.loglines import spelling
from inferdeck.sources.logs.config import LogsConfig
from inferdeck.sources.logs.source import LogsSource, make

MINUTES = 30


@dataclass(frozen=True, slots=True)
class Written:
    """A fleet's log files, and every line that its programs wrote into them."""

    files: LogFiles
    lines: dict[str, list[Line]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    found = scenario.named("calm-day")
    world = World(found.fleet, seed=found.seed, start=found.start)
    changes.schedule(world, found.steps)
    files = build(tmp_path_factory.mktemp("logs"), found.fleet)
    world.subscribe(files.handlers())
    lines: dict[str, list[Line]] = {process: [] for process in files.journal.lines}
    for minute in range(MINUTES):
        world.run_until(found.start + 60.0 * minute)
        files.refresh(world.now)
        for process, told in lines.items():
            told += files.journal.since(process, told[-1].number if told else 0)
    return Written(files, lines)


def source(written: Written) -> LogsSource:
    found = scenario.named("calm-day").fleet
    # As on machines without Docker, where the files are all there is.
    fleet = replace(found, hosts=tuple(replace(host, docker=False) for host in found.hosts))
    [entry] = entries(fleet, {}, written.files.folder)["logs"]
    key = TargetKey("logs", "here", "default")
    return make(LogsConfig.model_validate(entry), None, SystemClock(), key, ())


def all_of(one: LogsSource, path: Path) -> list[LogLine]:
    async def read() -> list[LogLine]:
        page = await one.read(LogQuery(streams=(str(path),), limit=2000))
        found = list(page.lines)
        while page.truncated:
            page = await one.read(LogQuery(streams=(str(path),), limit=2000, older=page.older))
            found = [*page.lines, *found]
        return found

    return asyncio.run(read())


def test_every_program_that_wrote_is_a_stream_with_its_lines(written: Written) -> None:
    one = source(written)
    told = written.lines
    assert sum(map(len, told.values())) > 200
    for process, lines in told.items():
        if not lines:
            continue
        found = all_of(one, written.files.path(process))
        # llama-server's entries for a request are several lines, each an entry of its own.
        texts = [spelling.plain(text) for line in lines for text in line.text.split("\n")]
        assert [line.text for line in found] == texts, process


def test_times_are_those_of_the_world(written: Written) -> None:
    one = source(written)
    checked = 0
    for process, lines in written.lines.items():
        found = all_of(one, written.files.path(process))
        walls = [line.wall for line in lines for _ in line.text.split("\n")]
        for line, wall in zip(found, walls, strict=True):
            if line.time is not None and line.time_quality == "measured":
                assert abs(line.time - wall) <= 1.0, (process, line)
                checked += 1
    assert checked > 200


def test_errors_are_those_that_the_programs_named(written: Written) -> None:
    one = source(written)
    page = asyncio.run(one.read(LogQuery(level="error", limit=2000)))
    texts = {spelling.plain(line.text) for lines in written.lines.values() for line in lines}
    assert all(line.text in texts for line in page.lines)
    assert all("ERROR" in line.text or "500" in line.text for line in page.lines)
