"""Every line that is written is counted once, whatever rotation does to the file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inferdeck.sources.logs.following import Followers

BEGIN = datetime(2026, 11, 21, 2, tzinfo=UTC).timestamp()


def add(path: Path, *levels: str) -> None:
    with path.open("a") as file:
        file.writelines(f"2026-11-21 02:00:0{number} {level} x\n" for number, level in enumerate(levels))


def test_lines_count_from_the_first_look_on(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    add(path, "ERROR", "INFO")
    followers = Followers(UTC)
    assert list(followers.look([path])) == []
    assert not followers.counts()[path].lines
    add(path, "INFO", "ERROR", "")
    list(followers.look([path]))
    counts = followers.counts()[path]
    assert counts.lines == {"info": 1, "error": 1, "": 1}
    assert counts.last == BEGIN + 2
    followers.close()


def test_a_file_that_appears_later_counts_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    followers = Followers(UTC)
    list(followers.look([]))
    add(path, "INFO", "INFO")
    list(followers.look([path]))
    assert followers.counts()[path].lines == {"info": 2}
    followers.close()


def test_rename_and_create(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    add(path, "INFO")
    followers = Followers(UTC)
    list(followers.look([path]))
    add(path, "ERROR")
    path.rename(tmp_path / "x.log.1")
    add(tmp_path / "x.log.1", "ERROR")
    add(path, "WARNING")
    list(followers.look([path]))
    counts = followers.counts()[path]
    assert counts.lines == {"error": 2, "warning": 1}
    assert counts.rotations == 1
    followers.close()


@pytest.mark.parametrize("again", [1, 50])
def test_emptied_in_place(tmp_path: Path, again: int) -> None:
    path = tmp_path / "x.log"
    add(path, *["INFO"] * 5)
    followers = Followers(UTC)
    list(followers.look([path]))
    os.truncate(path, 0)
    add(path, *["DEBUG"] * again)
    list(followers.look([path]))
    counts = followers.counts()[path]
    assert counts.lines["debug"] == again
    assert counts.rotations == 1
    followers.close()


def test_an_unfinished_line_counts_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.touch()
    followers = Followers(UTC)
    list(followers.look([path]))
    with path.open("a") as file:
        file.write("2026-11-21 02:00:00 ERR")
    list(followers.look([path]))
    assert not followers.counts()[path].lines
    with path.open("a") as file:
        file.write("OR x\n")
    list(followers.look([path]))
    assert followers.counts()[path].lines == {"error": 1}
    followers.close()


def test_a_removed_file_stops_and_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    add(path, "INFO")
    followers = Followers(UTC)
    list(followers.look([path]))
    path.unlink()
    assert list(followers.look([path])) == []
    assert list(followers.look([])) == []
    assert followers.counts() == {}
