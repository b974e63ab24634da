"""The source as the daemon has it: files and a command are followed, counted and asked."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inferdeck.config.secrets import LoadContext
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import NAME
from inferdeck.model.log_lines import LogLine, LogQuery
from inferdeck.model.target import TargetKey
from inferdeck.sources import catalog
from inferdeck.sources.interface import Collected, ReadsLogs
from inferdeck.sources.loglines.entries import Entry, join
from inferdeck.sources.logs.command import fresh
from inferdeck.sources.logs.config import LogsConfig
from inferdeck.sources.logs.files import FileLog, Found
from inferdeck.sources.logs.running import run
from inferdeck.sources.logs.source import LogsSource, make

Made = Callable[..., LogsSource]


@pytest.fixture
async def made() -> AsyncIterator[Made]:
    sources: list[LogsSource] = []

    def build(**entry: Any) -> LogsSource:
        key = TargetKey("logs", "here", "default")
        extra = (("environment", "default"), ("instance", "here"), ("job", "logs"))
        sources.append(make(LogsConfig.model_validate(entry), None, SystemClock(), key, extra))
        return sources[-1]

    yield build
    for one in sources:
        await one.aclose()


def counted(collected: Collected) -> dict[tuple[str, str], float]:
    found = {}
    for series, value in zip(collected.layout.series, collected.values, strict=True):
        labels = dict(series)
        if labels[NAME] == "inferdeck_log_lines_total" and value:
            found[Path(labels["stream"]).name, labels["level"]] = float(value)
    return found


async def test_files_are_counted_and_read(tmp_path: Path, made: Made) -> None:
    (tmp_path / "a.log").write_text("2026-11-21 02:00:00 INFO a0\n")
    (tmp_path / "b.log").write_text("2026-11-21 02:00:01 ERROR b0\n")
    (tmp_path / "b.log.1").write_text("2026-11-21 01:00:01 ERROR older\n")
    source = made(files=[str(tmp_path / "*.log*")], timezone="UTC")
    assert isinstance(source, ReadsLogs)
    assert counted(await source.collect(0.0)) == {}
    with (tmp_path / "a.log").open("a") as file:
        file.write("2026-11-21 02:00:02 WARNING a1 key=sk-planted-0123456789\nplain\n")
    (tmp_path / "c.log").write_text("2026-11-21 02:00:03 DEBUG c0\n")
    collected = await source.collect(15.0)
    assert counted(collected) == {("a.log", "warning"): 1, ("a.log", "unknown"): 1, ("c.log", "debug"): 1}
    assert [Path(fact.name).name for fact in collected.inventory] == ["a.log", "b.log", "c.log"]
    assert not collected.warnings
    page = await source.read(LogQuery())
    words = [line.text.split(" ")[3] for line in page.lines if line.text != "plain"]
    assert words == ["older", "a0", "b0", "a1", "c0"]
    assert "planted" not in str(page)
    one = await source.read(LogQuery(streams=(str(tmp_path / "b.log"),), level="error"))
    assert [line.text[-5:] for line in one.lines] == ["older", "OR b0"]
    with (tmp_path / "b.log").open("a") as file:
        file.write("2026-11-21 02:00:04 INFO b1\n")
    assert [line.text[-2:] for line in (await source.read(LogQuery(newer=page.newer))).lines] == ["b1"]


async def test_a_source_with_nothing_says_so(made: Made, tmp_path: Path) -> None:
    assert (await made().collect(0.0)).warnings == (
        "nothing to read: give sources.logs files, journal, user_journal or command",
    )
    assert "no file is there" in (await made(files=[str(tmp_path / "*.log")]).collect(0.0)).warnings[0]


async def test_a_command_is_run_without_a_shell(made: Made, tmp_path: Path) -> None:
    log = tmp_path / "x $(touch pwned); y.log"
    log.write_text("".join(f"2026-11-21 02:00:{n:02d} INFO n{n}\n" for n in range(10)))
    source = made(command=f"tail -n 5 '{log}'", timezone="UTC")
    await source.collect(0.0)
    source._programs[0]._ran = -1e9  # type: ignore[union-attr]
    with log.open("a") as file:
        file.write("2026-11-21 02:00:11 ERROR bad\n")
    assert counted(await source.collect(15.0)) == {("command:tail", "error"): 1}
    page = await source.read(LogQuery())
    assert [line.text.rsplit(" ", 1)[1] for line in page.lines] == ["n5", "n6", "n7", "n8", "n9", "bad"]
    assert (await source.read(LogQuery(newer=page.newer))).lines == ()
    back = await source.read(LogQuery(limit=2))
    assert back.truncated
    assert [line.text[-2:] for line in (await source.read(LogQuery(limit=2, older=back.older))).lines] == ["n7", "n8"]
    assert not (Path.cwd() / "pwned").exists()


async def test_a_command_that_fails_or_does_not_end_is_a_warning(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferdeck.sources.logs.source.FOLLOW_SECONDS", 0.5)
    assert "cannot be run" in (await made(command=["/nowhere/at-all"]).collect(0.0)).warnings[0]
    failed = await made(command=[sys.executable, "-c", "import sys; sys.exit('token=planted-secret no')"]).collect(0.0)
    assert "no" in failed.warnings[0]
    assert "planted" not in failed.warnings[0]
    endless = made(command=["sh", "-c", "echo one; sleep 100"])
    assert "did not end" in (await endless.collect(0.0)).warnings[0]
    flood = made(command=["yes"])
    collected = await flood.collect(0.0)
    assert "did not end" in collected.warnings[0]


async def test_a_flood_ends_whatever_of_it_waits_to_be_read() -> None:
    # asyncio stops reading where much waits, and then says nothing of an end.
    for _ in range(25):
        async with asyncio.timeout(60.0):
            found = await run(["yes"], 30.0, most_bytes=1_000_000)
        assert found.stopped
        assert sum(len(line) + 1 for line in found.lines) <= 1_000_000


async def test_a_question_about_many_files_holds_no_more_than_its_limit(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferdeck.sources.logs.source.READ_SECONDS", 240.0)
    for number in range(200):
        lines = (f"2026-11-21 02:00:{n:02d} INFO {number} {'x' * 1000}{n}\n" for n in range(40))
        (tmp_path / f"{number:03}.log").write_text("".join(lines))
    source = made(files=str(tmp_path / "*.log"), timezone="UTC")
    held: list[int] = []
    before = FileLog.read

    def counting(self: FileLog, query: LogQuery, deadline: float) -> Found:
        found = before(self, query, deadline)
        if self.path.stem.endswith("9"):
            held.append(sum(type(one) is LogLine for one in gc.get_objects()))
        return found

    monkeypatch.setattr(FileLog, "read", counting)
    page = await source.read(LogQuery(limit=40))
    assert len(page.lines) == 40
    assert {line.time for line in page.lines} == {max(line.time or 0.0 for line in page.lines)}
    assert len(page.older) == 200
    # Those that are kept, and what two threads read and merge.
    assert max(held) <= 40 * 8


async def test_files_whose_turn_does_not_come_are_named(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.log").write_text("2026-11-21 02:00:00 INFO a0\n")
    source = made(files=str(tmp_path / "*.log"), timezone="UTC")
    page = await source.read(LogQuery())
    monkeypatch.setattr("inferdeck.sources.logs.source.READ_SECONDS", 0.0)
    late = await source.read(LogQuery(newer=page.newer))
    assert late.lines == ()
    assert late.warnings == (f"not looked at within 0 s: {tmp_path}/a.log, {tmp_path}/b.log",)
    assert late.newer == page.newer


async def test_what_a_command_printed_is_not_looked_at_on_the_event_loop(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_text("2026-11-21 02:00:00 INFO a0\n" * 50)
    seen: set[int] = set()

    def noting(*args: Any, **more: Any) -> list[Entry]:
        seen.add(threading.get_ident())
        return join(*args, **more)

    monkeypatch.setattr("inferdeck.sources.logs.command.join", noting)
    source = made(command=f"cat '{tmp_path / 'x'}'", timezone="UTC")
    await source.collect(0.0)
    assert len((await source.read(LogQuery())).lines) == 50
    assert seen
    assert threading.get_ident() not in seen


async def test_a_file_that_may_not_be_read_is_a_warning(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.log").write_text("x\n")
    import os

    real = os.open

    def refusing(path: Any, *rest: Any, **more: Any) -> int:
        if str(path).endswith("a.log"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refusing)
    source = made(files=str(tmp_path / "a.log"))
    assert "permission denied" in (await source.collect(0.0)).warnings[0]
    assert "permission denied" in (await source.read(LogQuery())).warnings[0]


def test_the_command_of_the_environment() -> None:
    context = LoadContext({"LITELLM_LOG_SOURCE": "journalctl --user -u litellm.service -n 40"}, Path())
    assert LogsConfig.model_validate({}, context=context).command == (
        "journalctl", "--user", "-u", "litellm.service", "-n", "40",
    )  # fmt: skip
    assert LogsConfig.model_validate({"files": "/x.log"}, context=context).command == ()


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"command": "tail 'x"}, "cannot be split"),
        ({"journal": "-x"}, "neither a unit"),
        ({"journal": "a b"}, "neither a unit"),
        ({"journal": "lower=x"}, "neither a unit"),
        ({"timezone": "Mars/Base"}, "not a time zone"),
    ],
)
def test_wrong_configuration_is_explained(entry: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        LogsConfig.model_validate(entry)


LINES = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=12)


@given(LINES, LINES)
def test_what_is_fresh_follows_the_longest_overlap(known: list[bytes], output: list[bytes]) -> None:
    overlaps = [n for n in range(min(len(known), len(output)) + 1) if known[len(known) - n :] == output[:n]]
    assert fresh(known, output) == output[max(overlaps) :]


@pytest.mark.parametrize(
    ("name", "levels", "times"),
    [("vllm-0.32.0.log", {"info", "warning"}, "measured"), ("llamacpp-b10434.log", {"info", "warning"}, "estimated")],
)
async def test_captured_logs(made: Made, name: str, levels: set[str], times: str) -> None:
    path = Path(catalog.FOLDER) / "logs/samples" / name
    source = made(files=str(path), timezone="UTC")
    lines = (await source.read(LogQuery(limit=2000))).lines
    assert levels <= {line.level for line in lines}
    told = [line for line in lines if line.time_quality == times]
    assert len(told) > len(lines) / 2
    known = [line.time for line in told if line.time is not None]
    assert known == sorted(known)
    metrics = {dict(series)[NAME] for series in (await source.collect(0.0)).layout.series}
    assert metrics <= {metric.descriptor.name for metric in catalog.load("logs").metrics}
