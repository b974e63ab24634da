"""kill -9 amid commits, flushes, milestones and retention: what was acknowledged is there, once, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query.promql.engine import Engine
from inferdeck.store.metrics.day_file import DAY_MS
from tests.crash.writer import RETENTION_SECONDS, layout_at, open_store, values_at
from tests.unit.store.samples import HOUR_MS, Content, Whole, content

KILLS = 50
QUERIES = ("metric_total", "increase(metric_total[3h])")
LEAST = 5
"""Kills that must fall into each kind of work."""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def nursery() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.crash.writer"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def run_and_kill(nursery: subprocess.Popen[str], path: Path, mark: str, count: int, delay: float) -> list[str]:
    """Start a writer, kill it a moment after its count-th line of a kind; return all its lines."""
    stdin, stdout = pipe(nursery.stdin), pipe(nursery.stdout)
    stdin.write(f"{path}\n")
    stdin.flush()
    pid = int(stdout.readline().split()[1])
    lines: list[str] = []
    killed = False
    while (line := stdout.readline().strip()) != "ended":
        assert line, "the nursery ended by itself"
        lines.append(line)
        count -= line[0] == mark
        if count <= 0 and not killed:
            time.sleep(delay)
            os.kill(pid, signal.SIGKILL)
            killed = True
    assert killed, "the writer ended by itself"
    return lines


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def expected(stamps: set[int]) -> Content:
    return {
        (series, stamp): bits
        for stamp in stamps
        for series, bits in zip(layout_at(stamp).series, values_at(stamp).view("u8").tolist(), strict=True)
        if bits != ABSENT_BITS
    }


@pytest.mark.timeout(240)
def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(nursery: subprocess.Popen[str], tmp_path: Path) -> None:
    chance = random.Random(4633)
    path = tmp_path / "metrics"
    acknowledged: set[int] = set()
    marks_seen = {"c": 0, "f": 0, "m": 0, "r": 0}
    days_dropped = 0
    for kill in range(3 * KILLS):
        if kill >= KILLS and min(marks_seen.values()) >= LEAST:
            break
        # On a busy machine a kill may fall behind its mark: then there are more of those that fell too seldom.
        mark = "cfmr"[kill % 4] if kill < KILLS else min(marks_seen, key=marks_seen.__getitem__)
        lines = run_and_kill(nursery, path, mark, chance.randint(1, 3 if mark == "r" else 40), chance.random() * 0.004)
        announced = {int(line[2:]) for line in lines if line[0] == "a"}
        acknowledged |= {int(line[2:]) for line in lines if line[0] == "c"}
        marks_seen[lines[-1][0] if lines[-1][0] in marks_seen else "c"] += 1
        store = open_store(path, max(acknowledged, default=0))
        found = content(store, [])
        assert store.check().problems == []
        assert store.stats().quarantined == 0
        span = (min(stamp for _, stamp in found), max(stamp for _, stamp in found), HOUR_MS)
        for query in QUERIES if len(found) > 1 and span[1] > span[0] else ():
            one, whole = Engine(store).range(query, *span), Engine(Whole(store)).range(query, *span)
            assert one.series == whole.series
            assert one.values.tobytes() == whole.values.tobytes()
        carry = store.carry("t")
        store.close()
        there = {stamp for _, stamp in found}
        first_kept = min(there, default=0) // DAY_MS * DAY_MS
        assert {stamp for stamp in acknowledged if stamp >= first_kept} <= there
        assert there - acknowledged <= announced - acknowledged, "at most the scrape that was under way"
        acknowledged |= there
        assert found == expected(there)
        assert carry == str(max(there)).encode()
        newest = (max(there) // DAY_MS + 1) * DAY_MS
        assert first_kept <= max(min(acknowledged), newest - RETENTION_SECONDS * 1000)
        days_dropped = (first_kept - min(acknowledged)) // DAY_MS
    assert min(marks_seen.values()) >= LEAST, (
        f"the kills should fall into commits, flushes, milestones and retention: {marks_seen}"
    )
    assert days_dropped >= 5
