"""The state file: kill -9 while annotating loses nothing acknowledged; a full disk refuses in words and is survived."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inferdeck.errors import StoreFullError
from inferdeck.model.annotations import Asked, Draft
from inferdeck.model.clock import ManualClock, SystemClock
from inferdeck.model.happening import Happening
from inferdeck.store.state.database import StateDatabase
from tests.crash.small_disk import mounted

KILLS = 10
ROOT = Path(__file__).parents[2]


def live_and_die(path: Path, first: int, lines: int) -> int:
    """Run the child until it has printed so many numbers, kill it, and return the last number it acknowledged."""
    command = [sys.executable, "-m", "tests.crash.state_child", str(path), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(lines):
            assert child.stdout.readline(), "the child died by itself"
        child.kill()
        rest = child.stdout.read()
    whole = rest[: rest.rfind("\n") + 1].split()
    return int(whole[-1]) if whole else first + lines - 1


@pytest.mark.timeout(240)
def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(5)
    path = tmp_path / "state.db"
    last, killed_at = -1, []
    for _ in range(KILLS):
        last = live_and_die(path, last + 1, chance.randrange(1, 25))
        killed_at.append(last)
        store = StateDatabase.open(path, clock=SystemClock())
        kept = store.annotations(Asked(limit=10_000)).items
        noted = store.events(Asked(limit=10_000)).items
        store.close()
        assert {int(one.time) for one in kept} >= set(range(last + 1))
        assert {int(one.time) for one in noted} >= set(range(last + 1))
        assert len(noted) == len({one.time for one in noted})
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    raw.close()
    assert len(set(killed_at)) == KILLS


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "2m") as place:
        yield place


def until_full(write: Callable[[int], object]) -> int:
    """Write until it is refused for want of room; returns how often it worked."""
    for number in range(3000):
        try:
            write(number)
        except StoreFullError as error:
            if "state.db: cannot be written, is the disk full" not in str(error):
                raise
            return number
    raise AssertionError("the disk did not fill up")


def test_a_full_disk_is_said_and_survived(small_disk: Path) -> None:
    store = StateDatabase.open(small_disk / "state.db", clock=ManualClock(1e9))
    store.annotate(Draft("before", 1.0))
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
    kept = 1 + until_full(lambda number: store.annotate(Draft("x" * 2000, float(number))))
    until_full(lambda number: store.note([(Happening(float(number), "oom", "x", "y" * 2000), "default")]))
    assert store.annotations(Asked()).total == kept
    ballast.unlink()
    store.annotate(Draft("after", 3.0))
    assert store.annotations(Asked(q="after")).total == 1
    store.close()
