"""What containers of a real dockerd wrote: in order, filtered, back and forth, around a moment."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from inferdeck.model.log_lines import LogPage, LogQuery
from inferdeck.sources.interface import ReadsLogs
from tests.real.docker_engine import RealDocker, docker_engine
from tests.real.sources.docker.watched import Watched, watching

pytestmark = pytest.mark.heavy
SCRIPT = """
i=0; while [ $i -lt 40 ]; do echo INFO n$i; i=$((i+1)); done
echo ERROR api_key=planted-secret n40 >&2
printf 'Traceback (most recent call last):\\n  File x\\nValueError: y\\n' >&2
while true; do sleep 1; echo DEBUG tick; done
"""


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDocker]:
    with docker_engine(tmp_path_factory.mktemp("d")) as found:
        detached = ("run", "-d", "--pull", "never", "--network", "none", "--name")
        found(*detached, "gateway", "bb:1", "sh", "-c", SCRIPT)
        found(
            "run",
            "-d",
            "--pull",
            "never",
            "--network",
            "none",
            "--name",
            "other",
            "bb:1",
            "sh",
            "-c",
            "echo INFO o; sleep 1000",
        )
        time.sleep(2.5)
        yield found


@pytest_asyncio.fixture
async def watched(docker: RealDocker) -> AsyncIterator[Watched]:
    async with watching(docker) as found:
        await found.until(lambda one: True)
        yield found


def words(page: LogPage) -> list[str]:
    return [line.text.split("\n")[0].split(" ")[-1] for line in page.lines]


async def test_lines_of_containers(watched: Watched) -> None:
    source = watched.source
    assert isinstance(source, ReadsLogs)
    assert {stream.name for stream in source.streams()} == {"gateway", "other"}
    page = await source.read(LogQuery(streams=("gateway",), include=("info",)))
    assert words(page) == [f"n{n}" for n in range(40)]
    assert all(abs((line.time or 0) - time.time()) < 600 for line in page.lines)
    [error] = (await source.read(LogQuery(level="error"))).lines
    assert error.text.endswith("ValueError: y")
    assert "planted" not in error.text
    assert "o" in words(await source.read(LogQuery()))


async def test_back_and_forth_and_around(watched: Watched) -> None:
    source = watched.source
    assert isinstance(source, ReadsLogs)
    first = await source.read(LogQuery(streams=("gateway",), include=("info",), limit=15))
    assert words(first) == [f"n{n}" for n in range(25, 40)]
    older = await source.read(LogQuery(streams=("gateway",), include=("info",), limit=15, older=first.older))
    assert words(older) == [f"n{n}" for n in range(10, 25)]
    newer = await source.read(LogQuery(newer=first.newer, limit=100))
    while not newer.lines:
        newer = await source.read(LogQuery(newer=newer.newer, limit=100))
    assert set(words(newer)) == {"tick"}
    moment = older.lines[5].time or 0.0
    around = await source.read(LogQuery(streams=("gateway",), around=moment, before=3, after=3))
    assert words(around) == [f"n{n}" for n in range(12, 18)]
