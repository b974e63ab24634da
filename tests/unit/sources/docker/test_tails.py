"""Everybody who follows a log shares its readings, of which there are few where nothing comes."""

from __future__ import annotations

import asyncio

import pytest

from inferdeck.errors import ConnectError
from inferdeck.model.clock import ManualClock
from inferdeck.sources.docker import tails
from inferdeck.sources.docker.tails import Tails
from inferdeck.sources.dockerd import Line


class Log:
    """A log that counts how often it is read."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.read: list[int] = []
        self.broken = False

    def write(self, *times: int, size: int = 1) -> None:
        self.lines += [Line(time, "stdout", f"n{time}".ljust(size, "x")) for time in times]

    async def behind(self, _: str, place: int) -> list[Line]:
        self.read.append(place)
        await asyncio.sleep(0)
        if self.broken:
            raise ConnectError("gone")
        return [line for line in self.lines if line.time_ns > place]


def times(lines: list[Line]) -> list[int]:
    return [line.time_ns for line in lines]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def followed(log: Log, clock: ManualClock) -> Tails:
    return Tails(clock, log.behind)


async def test_viewers_share_one_reading_per_second(log: Log, clock: ManualClock, followed: Tails) -> None:
    log.write(1, 2, 3)
    places = [3, 3, 3]
    seen: list[list[int]] = [[], [], []]
    for second in range(10, 20):
        log.write(second)
        for _ in range(3):
            found = await asyncio.gather(*(followed.behind("c", place) for place in places))
            for viewer, lines in enumerate(found):
                seen[viewer] += times(lines)
                places[viewer] = max([places[viewer], *times(lines)])
            await clock.advance(0.4)
    assert len(log.read) <= 13
    last = await asyncio.gather(*(followed.behind("c", place) for place in places))
    assert [one + times(lines) for one, lines in zip(seen, last, strict=True)] == [list(range(10, 20))] * 3


async def test_a_silent_log_is_read_every_five_seconds(log: Log, clock: ManualClock, followed: Tails) -> None:
    log.write(1)
    for _ in range(120):
        assert await followed.behind("c", 1) == []
        await clock.advance(1.0)
    assert 20 <= len(log.read) <= 30
    log.write(2)
    await clock.advance(tails.LONGEST_PAUSE)
    assert times(await followed.behind("c", 1)) == [2]
    before = len(log.read)
    await clock.advance(1.0)
    assert times(await followed.behind("c", 2)) == []
    assert len(log.read) == before + 1


async def test_a_viewer_far_behind_gets_every_line(
    log: Log, clock: ManualClock, followed: Tails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "MOST_KEPT", 5_000)
    log.write(*range(1, 101), size=100)
    assert times(await followed.behind("c", 0)) == list(range(1, 101))
    assert times(await followed.behind("c", 98)) == [99, 100]
    assert log.read == [0]
    assert times(await followed.behind("c", 10)) == list(range(11, 101))
    assert log.read == [0, 10]
    await clock.advance(tails.FORGOTTEN_SECONDS)
    await followed.behind("other", 100)
    assert times(await followed.behind("c", 0)) == list(range(1, 101))


async def test_a_log_that_cannot_be_read_is_not_asked_for_more_often(
    log: Log, clock: ManualClock, followed: Tails
) -> None:
    log.broken = True
    with pytest.raises(ConnectError):
        await followed.behind("c", 0)
    assert await followed.behind("c", 0) == []
    assert len(log.read) == 1
    log.broken = False
    log.write(1)
    await clock.advance(1.0)
    assert times(await followed.behind("c", 0)) == [1]
