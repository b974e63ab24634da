"""Schedules: a regular grid, honest stamps, and clocks that jump."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.errors import AuthError, CollectError, ConnectError
from inferdeck.sources.schedule import Schedule, back_off

WALL = 1_800_000_000.0


def test_slots_follow_each_other_by_the_interval_and_past_ones_are_counted() -> None:
    schedule = Schedule("a", 15.0, WALL, 100.0)
    first, missed = schedule.take(100.0)
    assert 100.0 <= first.monotonic < 102.0
    assert missed == 0
    second, missed = schedule.take(first.monotonic + 0.5)
    assert (second.monotonic - first.monotonic, missed) == (15.0, 0)
    late, missed = schedule.take(second.monotonic + 40.0)
    assert (late.number, missed) == (3, 1)


def test_targets_that_start_together_are_spread() -> None:
    moments = {Schedule(f"target-{i}", 15.0, WALL, 0.0).take(0.0)[0].monotonic for i in range(50)}
    assert len(moments) == 50
    assert max(moments) - min(moments) > 1.0


def stamps(schedule: Schedule, walls: list[float], late: float = 0.0) -> list[int]:
    found = []
    for wall in walls:
        slot, _ = schedule.take(_now(schedule))
        found.append(schedule.stamp(slot, wall + slot.monotonic + late, slot.monotonic + late)[0])
    return found


def _now(schedule: Schedule) -> float:
    return schedule._start + (schedule._next - 1) * schedule._interval + 0.1


@pytest.mark.parametrize(("late", "expected"), [(0.0, 0), (0.099, 0), (0.101, 101), (3.0, 3000)])
def test_a_stamp_is_the_moment_s_own_within_a_tenth_of_a_second(late: float, expected: int) -> None:
    punctual = stamps(Schedule("a", 15.0, WALL, 0.0), [WALL] * 3)
    found = stamps(Schedule("a", 15.0, WALL, 0.0), [WALL] * 3, late)
    assert [one - other for one, other in zip(found, punctual, strict=True)] == [expected] * 3
    assert [one - punctual[0] for one in punctual] == [0, 15_000, 30_000]


def test_stamps_follow_a_clock_that_jumped_ahead_and_go_on_through_one_that_was_set_back() -> None:
    hour = 3600.0
    ahead = stamps(Schedule("a", 15.0, WALL, 0.0), [WALL, WALL, WALL + hour, WALL + hour])
    assert [one - ahead[0] for one in ahead] == [0, 15_000, 3_630_000, 3_645_000]
    back = stamps(Schedule("a", 15.0, WALL, 0.0), [WALL, WALL, WALL - hour, WALL - hour, WALL, WALL])
    assert [one - back[0] for one in back] == [0, 15_000, 30_000, 45_000, 60_000, 75_000]


def test_a_clock_behind_the_samples_is_said() -> None:
    schedule = Schedule("a", 15.0, WALL, 0.0)
    first, _ = schedule.take(0.0)
    assert schedule.stamp(first, WALL + first.monotonic, first.monotonic)[1] == ""
    second, _ = schedule.take(first.monotonic)
    _, warning = schedule.stamp(second, WALL - 3600 + second.monotonic, second.monotonic)
    assert warning == "the wall clock is 3600 s behind the newest samples; new ones are stamped on from them"


def test_goes_on_from_a_sample_that_is_already_stored() -> None:
    schedule = Schedule("a", 15.0, WALL, 0.0)
    first, _ = schedule.take(0.0)
    schedule.stamp(first, WALL, first.monotonic)
    stored = round(WALL * 1000) + 3_600_000
    assert schedule.continue_from(first, stored) == stored + 15_000
    second, _ = schedule.take(first.monotonic)
    assert schedule.stamp(second, WALL + second.monotonic, second.monotonic)[0] == stored + 30_000


@given(st.lists(st.tuples(st.floats(-7200, 7200), st.floats(0, 40)), min_size=2, max_size=30), st.floats(0.1, 60.0))
def test_stamps_only_ever_rise(moves: list[tuple[float, float]], interval: float) -> None:
    schedule = Schedule("a", interval, WALL, 0.0)
    monotonic, last = 0.0, 0
    for jump, late in moves:
        slot, _ = schedule.take(monotonic)
        monotonic = max(monotonic, slot.monotonic) + late
        stamp, _ = schedule.stamp(slot, WALL + monotonic + jump, monotonic)
        assert stamp > last
        last = stamp


def test_pauses_double_up_to_a_minute_and_to_five_where_the_key_is_refused() -> None:
    refused, down = AuthError("no"), ConnectError("down")
    pauses = [back_off("a", failures, 15.0, down) for failures in range(1, 8)]
    assert pauses[0] == 0.0
    assert all(27.0 <= one <= 30.0 for one in pauses[1:2])
    assert all(54.0 <= one <= 60.0 for one in pauses[2:])
    assert 270.0 <= back_off("a", 50, 15.0, refused) <= 300.0
    assert 540.0 <= back_off("a", 50, 600.0, down) <= 600.0
    assert back_off("a", 5, 15.0, CollectError("x")) == back_off("a", 5, 15.0, CollectError("x"))
