"""The logs source beside a real journald and a real program's log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import NAME
from inferdeck.model.log_lines import LogPage, LogQuery
from inferdeck.model.target import TargetKey
from inferdeck.sources.logs.config import LogsConfig
from inferdeck.sources.logs.source import LogsSource, make
from tests.real.programs import redis_server
from tests.real.systemd_user import UserManager, user_manager

pytestmark = pytest.mark.real

STREAM = "journal:SYSLOG_IDENTIFIER=gateway"
PROGRAM = """
import sys, time
for n in range(30):
    print("%s n%d" % ("ERROR" if n == 7 else "INFO", n), flush=True)
    time.sleep(0.02)
    if n == 7:
        print("Traceback (most recent call last):\\n  File x\\nValueError: api_key=planted-secret", flush=True)
sys.stdout.buffer.write(b"INFO bin \\xff\\x00\\x01ary end\\n")
sys.stdout.flush()
while True:
    time.sleep(0.2)
    print("DEBUG tick", flush=True)
"""
UNIT = "[Service]\nSyslogIdentifier=gateway\nExecStart=/usr/bin/env python3 {program}\n"
Made = Callable[..., LogsSource]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserManager]:
    with user_manager(tmp_path_factory.mktemp("journal")) as found:
        (found.folder / "program.py").write_text(PROGRAM)
        found.unit("gateway.service", UNIT.format(program=found.folder / "program.py"))
        found.control("start", "gateway.service")
        yield found


@pytest.fixture
async def made() -> AsyncIterator[Made]:
    sources: list[LogsSource] = []

    def build(**entry: Any) -> LogsSource:
        config = LogsConfig.model_validate(entry)
        key = TargetKey("logs", "here", "default")
        sources.append(make(config, None, SystemClock(), key, (("instance", "here"), ("job", "logs"))))
        return sources[-1]

    yield build
    for one in sources:
        await one.aclose()


def of(journal: UserManager) -> dict[str, Any]:
    return {"journal": "SYSLOG_IDENTIFIER=gateway", "journal_directory": str(journal.journal)}


def words(page: LogPage) -> list[str]:
    return [line.text.split("\n")[0].split(" ")[1] for line in page.lines]


async def until(one: LogsSource, query: LogQuery, count: int) -> LogPage:
    end = time.monotonic() + 20
    while len((page := await one.read(query)).lines) < count:
        assert time.monotonic() < end, f"{len(page.lines)} of {count} lines: {page.warnings}"
        await asyncio.sleep(0.2)
    return page


async def test_lines_of_the_journal(journal: UserManager, made: Made) -> None:
    one = made(**of(journal))
    page = await until(one, LogQuery(include=("info",), limit=100), 30)
    assert words(page) == [f"n{n}" for n in range(30) if n != 7] + ["bin"]
    assert all(line.stream == STREAM and abs((line.time or 0) - time.time()) < 600 for line in page.lines)
    [error] = (await one.read(LogQuery(level="error"))).lines
    assert error.text.startswith("ERROR n7\nTraceback")
    assert "planted" not in error.text
    assert "\x01" not in str(page)


async def test_back_and_forth_in_the_journal(journal: UserManager, made: Made) -> None:
    one = made(**of(journal))
    await until(one, LogQuery(include=("info",)), 30)
    page = await one.read(LogQuery(limit=10, include=("info",)))
    assert words(page)[-2:] == ["n29", "bin"]
    older = await one.read(LogQuery(limit=10, include=("info",), older=page.older))
    assert words(older) == [f"n{n}" for n in range(11, 21)]
    newer = await until(one, LogQuery(newer=page.newer, limit=50), 2)
    assert set(words(newer)) == {"tick"}
    again = await until(one, LogQuery(newer=newer.newer, limit=50), 1)
    assert not {line.position for line in newer.lines} & {line.position for line in again.lines}
    middle = older.lines[5].time or 0.0
    around = await one.read(LogQuery(around=middle, before=3, after=3, include=("info",)))
    assert [line.text for line in older.lines[5:8]] == [
        line.text for line in around.lines if (line.time or 0) >= middle
    ]


async def test_lines_of_the_journal_are_counted(journal: UserManager, made: Made) -> None:
    one = made(**of(journal))
    await until(one, LogQuery(include=("info",)), 30)
    await one.collect(0.0)
    await asyncio.sleep(1.0)
    collected = await one.collect(1.0)
    counted = {
        dict(series)["level"]: float(value)
        for series, value in zip(collected.layout.series, collected.values, strict=True)
        if dict(series)[NAME] == "inferdeck_log_lines_total"
    }
    assert counted["debug"] >= 2
    assert counted["error"] == 0


async def test_a_unit_that_is_not_there_has_no_lines(journal: UserManager, made: Made) -> None:
    one = made(journal="no-such-unit.service", journal_directory=str(journal.journal))
    assert (await one.read(LogQuery())).lines == ()
    assert not (await one.collect(0.0)).warnings


async def test_a_command_that_asks_the_journal(journal: UserManager, made: Made) -> None:
    one = made(command=f"journalctl --directory={journal.journal} -t gateway -n 40 -o short-iso --no-pager")
    page = await one.read(LogQuery())
    assert any("gateway" in line.text for line in page.lines)
    assert all(line.time is not None for line in page.lines[1:])


async def test_lines_of_a_real_redis(tmp_path: Path, made: Made) -> None:
    with redis_server(tmp_path) as redis:
        page = await made(files=str(redis.log_file)).read(LogQuery())
    assert page.lines
    times = [line.time for line in page.lines if line.time is not None]
    assert times
    assert all(abs(moment - time.time()) < 86_400 for moment in times)
    assert {line.level for line in page.lines if line.time is not None} <= {"info", "warning", "debug"}
