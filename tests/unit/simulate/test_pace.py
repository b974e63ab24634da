"""The time of a world beside the clock of the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.simulate.pace import Pace
from inferdeck.simulate.servers.program import Question, StillError
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small


class Hand:
    """A clock that is turned by hand."""

    def __init__(self, now: float) -> None:
        self._begun = now
        self._passed = 0.0

    def now(self) -> float:
        return self._begun + self._passed

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._passed += seconds


def test_real_time_is_the_clocks() -> None:
    clock = Hand(1000.0)
    pace = Pace(clock)
    clock.advance(12.5)
    assert (pace.now(), pace.speed) == (1012.5, 1.0)


def test_faster_time_is_as_much_faster_and_may_begin_anywhere() -> None:
    clock = Hand(1000.0)
    pace = Pace(clock, speed=60.0, at=5000.0)
    clock.advance(2.0)
    assert pace.now() == 5120.0
    pace.set_speed(1.0)
    clock.advance(2.0)
    assert pace.now() == 5122.0


def test_frozen_time_stands_still_and_can_be_moved() -> None:
    clock = Hand(1000.0)
    pace = Pace(clock)
    clock.advance(3.0)
    assert pace.freeze() == 1003.0
    clock.advance(100.0)
    assert pace.now() == 1003.0
    assert pace.move(15.0) == 1018.0 == pace.now()
    pace.set_speed(2.0)
    clock.advance(1.0)
    assert pace.now() == 1020.0


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["advance", "speed", "freeze", "move"])), max_size=20))
def test_time_never_goes_back(steps: list[tuple[float, str]]) -> None:
    clock = Hand(1000.0)
    pace, last = Pace(clock), 1000.0
    for value, kind in steps:
        if kind == "advance":
            clock.advance(value)
        elif kind == "speed":
            pace.set_speed(value)
        elif kind == "freeze":
            pace.freeze()
        else:
            pace.move(value)
        assert pace.now() >= last - 1e-6
        last = pace.now()


async def test_a_world_comes_to_the_present_and_stands_still_with_its_pace() -> None:
    clock = Hand(MONDAY_TEN)
    pace = Pace(clock)
    world = World(small(), seed=1, start=MONDAY_TEN, pace=pace)
    clock.advance(30.0)
    assert world.present() == MONDAY_TEN + 30 == world.now
    question = Question("llama", 100, 50)
    pending = world.ask_gateway("litellm", question)
    pace.freeze()
    clock.advance(30.0)
    assert world.present() == MONDAY_TEN + 30 and not pending.done.done()
    with pytest.raises(StillError, match="stands still at 2026-11-23T10:00:30Z"):
        world.ask_gateway("litellm", question)
    with pytest.raises(StillError):
        world.ask_engine("vllm-a", question)
    # One that is ready needs no time to wake.
    world.wake_engine("vllm-a")
    pace.move(120.0)
    world.present()
    assert pending.done.done()
    pending.drop()
