"""Questions about a log file: the newest lines, around an instant, older, newer, over rotation; bounded."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.model.log_lines import CARRIED, ESTIMATED, LogQuery
from inferdeck.sources.logs import blocks
from inferdeck.sources.logs.files import FileLog, Found

BEGIN = datetime(2026, 11, 21, 2, tzinfo=UTC).timestamp()
FOREVER = float("inf")


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(BEGIN + seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def written(path: Path, count: int, *, step: float = 1.0, start: float = 0.0) -> Path:
    lines = []
    for number in range(count):
        level = "ERROR" if number % 10 == 7 else "INFO"
        lines.append(f"{stamp(start + number * step)} {level} line {number}\n")
        if level == "ERROR":
            lines.append("Traceback (most recent call last):\n  File x.py\nValueError: bad\n")
    path.write_text("".join(lines), encoding="utf-8")
    os.utime(path, (BEGIN + start + count * step,) * 2)
    return path


def read(path: Path, query: LogQuery) -> Found:
    return FileLog("x", "default/logs/h", path, UTC).read(query, FOREVER)


def numbers(found: Found) -> list[int]:
    return [int(line.text.split("\n")[0].rsplit(" ", 1)[1]) for line in found.lines]


def test_the_newest_lines_with_their_tracebacks(tmp_path: Path) -> None:
    found = read(written(tmp_path / "x.log", 100), LogQuery(limit=5))
    assert numbers(found) == [95, 96, 97, 98, 99]
    assert found.more
    assert found.lines[2].text.endswith("ValueError: bad")
    assert [line.level for line in found.lines] == ["info", "info", "error", "info", "info"]
    assert found.lines[0].time == BEGIN + 95


@pytest.mark.parametrize("size", [64, 333, 4096, 10**6])
def test_paging_back_and_forth_gives_every_line_once(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    path = written(tmp_path / "x.log", 57)
    seen: list[int] = []
    older = ""
    while True:
        found = read(path, LogQuery(limit=10, older={"x": older} if older else {}))
        seen = numbers(found) + seen
        older = found.older
        if not found.more:
            break
    assert seen == list(range(57))
    first = read(path, LogQuery(limit=57)).lines[0]
    ahead, newer = [0], first.position
    while True:
        found = read(path, LogQuery(limit=10, newer={"x": newer}))
        ahead += numbers(found)
        newer = found.newer
        if not found.more:
            break
    assert ahead == list(range(57))


def test_filters(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", 100)
    assert numbers(read(path, LogQuery(level="error"))) == list(range(7, 100, 10))
    assert numbers(read(path, LogQuery(include=("LINE 4", "valueerror")))) == [47]
    assert numbers(read(path, LogQuery(include=("line 4",), exclude=("line 4",)))) == []
    assert numbers(read(path, LogQuery(since=BEGIN + 20, until=BEGIN + 22))) == [20, 21, 22]


def test_errors_are_found_among_many_lines_with_their_tracebacks(tmp_path: Path) -> None:
    found = read(written(tmp_path / "x.log", 20_000), LogQuery(level="error", limit=2000))
    assert numbers(found) == list(range(7, 20_000, 10))
    assert all(line.text.endswith("ValueError: bad") for line in found.lines)
    assert [line.time for line in found.lines] == [BEGIN + number for number in numbers(found)]


@pytest.mark.parametrize("count", [1000, 40_000])
def test_around_an_instant(tmp_path: Path, count: int) -> None:
    path = written(tmp_path / "x.log", count)
    for moment in (0, 1, count // 3, count // 2, count - 2):
        found = read(path, LogQuery(around=BEGIN + moment, before=6, after=6))
        assert numbers(found) == list(range(max(0, moment - 6), min(count, moment + 6)))


def test_around_looks_at_little_of_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.log", 200_000, step=0.1)
    seen = 0
    original = blocks._lines

    def counting(data: bytes, start: int, end: int):  # type: ignore[no-untyped-def]
        nonlocal seen
        seen += len(data)
        return original(data, start, end)

    monkeypatch.setattr(blocks, "_lines", counting)
    found = read(path, LogQuery(around=BEGIN + 7_000, before=5, after=5))
    assert numbers(found)[5] == 70_000
    assert seen < path.stat().st_size


def test_files_that_rotation_made_are_looked_through(tmp_path: Path) -> None:
    old = written(tmp_path / "x.log.2", 50)
    with gzip.open(tmp_path / "x.log.2.gz", "wb") as packed:
        packed.write(old.read_bytes())
    os.utime(tmp_path / "x.log.2.gz", (BEGIN + 50,) * 2)
    old.unlink()
    written(tmp_path / "x.log.1", 50, start=50)
    path = written(tmp_path / "x.log", 50, start=100)
    found = read(path, LogQuery(limit=2000))
    assert [line.time for line in found.lines] == [BEGIN + number for number in range(150)]
    assert not found.more
    seen: list[float | None] = []
    older = ""
    while True:
        page = read(path, LogQuery(limit=33, older={"x": older} if older else {}))
        seen = [line.time for line in page.lines] + seen
        older = page.older
        if not page.more:
            break
    assert seen == [BEGIN + number for number in range(150)]
    around = read(path, LogQuery(around=BEGIN + 50, before=3, after=3))
    assert [line.time for line in around.lines] == [BEGIN + number for number in range(47, 53)]


def test_around_an_instant_in_an_archive(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.log.1.gz", "wb") as packed:
        packed.write(written(tmp_path / "y", 3600).read_bytes())
    os.utime(tmp_path / "x.log.1.gz", (BEGIN + 3600,) * 2)
    path = written(tmp_path / "x.log", 20, start=3600)
    found = read(path, LogQuery(around=BEGIN + 600, before=2, after=3))
    assert numbers(found) == [598, 599, 600, 601, 602]
    errors = read(path, LogQuery(around=BEGIN + 600, before=0, after=2, level="error"))
    assert numbers(errors) == [607, 617]
    # From there on every line comes once, over the end of the archive.
    seen, newer = found.lines, found.newer
    while True:
        page = read(path, LogQuery(newer={"x": newer}, limit=700))
        assert not page.warnings
        seen, newer = seen + page.lines, page.newer
        if not page.more:
            break
    assert [line.time for line in seen] == [BEGIN + second for second in range(598, 3620)]
    across = read(path, LogQuery(around=BEGIN + 3598, before=1, after=4))
    assert [line.time for line in across.lines] == [BEGIN + second for second in range(3597, 3602)]


def test_a_broken_archive_gives_what_can_be_unpacked(tmp_path: Path) -> None:
    body = gzip.compress(written(tmp_path / "y", 20_000).read_bytes())
    (tmp_path / "x.log.1.gz").write_bytes(body[: len(body) // 2])
    os.utime(tmp_path / "x.log.1.gz", (BEGIN + 20_000,) * 2)
    path = written(tmp_path / "x.log", 1, start=30_000)
    assert len(read(path, LogQuery(limit=2000)).lines) > 1


def test_newer_lines_follow_a_renamed_file_and_the_one_in_its_place(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", 10)
    newer = read(path, LogQuery()).newer
    with path.open("a") as file:
        file.write(f"{stamp(10)} INFO line 10\n")
    path.rename(tmp_path / "x.log.1")
    written(path, 2, start=11)
    found = read(path, LogQuery(newer={"x": newer}))
    assert [line.time for line in found.lines] == [BEGIN + 10, BEGIN + 11, BEGIN + 12]
    assert read(path, LogQuery(newer={"x": found.newer})).lines == []


def test_newer_lines_of_a_file_that_was_emptied_are_read_from_its_start(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", 10)
    newer = read(path, LogQuery()).newer
    with path.open("r+") as file:
        file.truncate()
        file.writelines(f"{stamp(20 + number)} INFO line {number}\n" for number in range(30))
    found = read(path, LogQuery(newer={"x": newer}))
    assert numbers(found) == list(range(30))


def test_an_unfinished_line_is_shown_but_followed_when_it_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", 2)
    with path.open("a") as file:
        file.write(f"{stamp(2)} INFO begun")
    found = read(path, LogQuery())
    assert found.lines[-1].text.endswith("begun")
    assert read(path, LogQuery(newer={"x": found.newer})).lines == []
    with path.open("a") as file:
        file.write(" and ended\n")
    again = read(path, LogQuery(newer={"x": found.newer}))
    assert [line.text for line in again.lines] == [f"{stamp(2)} INFO begun and ended"]


def test_lines_without_a_time_have_that_of_the_line_before(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(f"INFO:     first\n{stamp(1)} INFO a\nINFO:     b\n")
    lines = read(path, LogQuery()).lines
    assert [(line.time, line.time_quality) for line in lines] == [
        (None, ""), (BEGIN + 1, "measured"), (BEGIN + 1, CARRIED),
    ]  # fmt: skip


def test_around_in_a_log_without_dates(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    clocks = [datetime.fromtimestamp(BEGIN + 60 * n, UTC).strftime("%H:%M:%S") for n in range(3000)]
    path.write_text("".join(f"{clock} - LiteLLM:INFO: x {n}\n" for n, clock in enumerate(clocks)))
    os.utime(path, (BEGIN + 60 * 3000,) * 2)
    found = read(path, LogQuery(around=BEGIN + 60 * 100, before=2, after=2))
    assert numbers(found) == [98, 99, 100, 101]
    assert found.lines[0].time_quality == ESTIMATED


def test_secrets_are_neither_shown_nor_searched(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(f"{stamp(0)} INFO api_key=planted-secret-1 and more\n{stamp(1)} INFO Bearer planted-secret-2\n")
    assert "planted" not in "".join(line.text for line in read(path, LogQuery()).lines)
    assert read(path, LogQuery(include=("planted-secret-1",))).lines == []
    assert len(read(path, LogQuery(exclude=("planted",))).lines) == 2


def test_binary_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    assert read(path, LogQuery()).lines == []
    path.write_bytes(b"")
    assert read(path, LogQuery()).lines == []
    path.write_bytes(bytes(range(256)) * 1000 + b"\n\x00\x00\xff\xfe end")
    assert all("\x00" not in line.text for line in read(path, LogQuery()).lines)


@settings(max_examples=50, deadline=None)
@given(body=st.binary(max_size=2000), limit=st.integers(1, 5))
def test_any_bytes_are_read(tmp_path_factory: pytest.TempPathFactory, body: bytes, limit: int) -> None:
    path = tmp_path_factory.mktemp("any") / "x.log"
    path.write_bytes(body)
    found = read(path, LogQuery(limit=limit))
    assert len(found.lines) <= limit
    read(path, LogQuery(around=BEGIN, limit=limit))
    if found.newer:
        read(path, LogQuery(newer={"x": found.newer}))


GROWTH = """
import resource, sys, time
from datetime import UTC
from pathlib import Path
from inferdeck.model.log_lines import LogQuery
from inferdeck.sources.logs.files import FileLog
from inferdeck.sources.logs.following import Follower
follower = Follower(Path(sys.argv[1]), UTC, from_start=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
query = LogQuery(include=("words in it 7777",), exclude=("nothing",), limit=100)
found = FileLog("x", "", Path(sys.argv[1]), UTC).read(query, time.monotonic() + 60)
follower.look()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(found.lines), sum(follower.counts.lines.values()), (after - before) * 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    block = "".join(f"{stamp(n)} INFO a line of ordinary length with words in it {n}\n" for n in range(10_000))
    with path.open("w") as file:
        for _ in range(25):
            file.write(block)
    done = subprocess.run([sys.executable, "-c", GROWTH, path], capture_output=True, text=True, check=True, timeout=200)
    lines, counted, growth = map(int, done.stdout.split())
    assert lines == 25
    assert counted > 200_000
    assert path.stat().st_size > 15 * 2**20
    assert growth < 12 * 2**20


def test_reading_stops_at_its_deadline_and_can_go_on(tmp_path: Path) -> None:
    path = written(tmp_path / "x.log", 50_000)
    first = FileLog("x", "", path, UTC).read(LogQuery(include=("line 3333",)), 0.0)
    assert first.more
    assert first.warnings
    found = read(path, LogQuery(include=("line 3333",), older={"x": first.older}))
    assert 3333 in numbers(first) + numbers(found)
