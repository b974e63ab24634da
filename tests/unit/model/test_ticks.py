"""Axes: round values in one unit and precision, round local times also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model import ticks
from inferdeck.model.units import UNITS

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]


@pytest.mark.parametrize(
    ("unit", "high", "texts"),
    [
        ("seconds", 0.42, ["0", "100 ms", "200 ms", "300 ms", "400 ms", "500 ms"]),
        ("seconds", 75.0, ["0", "15 s", "30 s", "45 s", "60 s", "75 s"]),
        ("seconds", 4000.0, ["0", "15 min", "30 min", "45 min", "60 min", "75 min"]),
        ("seconds", 90000.0, ["0", "6 h", "12 h", "18 h", "24 h", "30 h"]),
        ("bytes", 3e9, ["0", "1 GiB", "2 GiB", "3 GiB"]),
        ("bytes_per_second", 800.0, ["0", "256 B/s", "512 B/s", "768 B/s", "1024 B/s"]),
        ("percent", 1.0, ["0", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        ("percent", 0.013, ["0", "0.5 %", "1.0 %", "1.5 %"]),
        ("money", 0.00042, ["0", "$0.0001", "$0.0002", "$0.0003", "$0.0004", "$0.0005"]),
        ("money_per_hour", 1234.0, ["0", "$250/h", "$500/h", "$750/h", "$1000/h", "$1250/h"]),
        ("rate", 45000.0, ["0", "10 k/s", "20 k/s", "30 k/s", "40 k/s", "50 k/s"]),
        ("tokens_per_second", 1800.0, ["0", "500 tok/s", "1000 tok/s", "1500 tok/s", "2000 tok/s"]),
        ("tokens", 3.0, ["0", "1", "2", "3"]),
        ("celsius", 83.0, ["0", "20 °C", "40 °C", "60 °C", "80 °C", "100 °C"]),
    ],
)
def test_the_ticks_of_an_axis_have_one_unit(unit: str, high: float, texts: list[str]) -> None:
    assert [tick.text for tick in ticks.widened(0.0, high, 5, unit)] == texts


@given(
    st.sampled_from(sorted(UNITS)),
    st.floats(-1e15, 1e15, allow_subnormal=False),
    st.floats(1e-9, 1e15),
    st.integers(1, 12),
)
def test_widened_ticks_hold_the_range_and_are_few(unit: str, low: float, span: float, most: int) -> None:
    high = low + span
    if not high - low > abs(low) * 1e-9:
        return
    found = ticks.widened(low, high, most, unit)
    slack = (high - low) * 1e-6
    assert found[0].value <= low + slack
    assert found[-1].value >= high - slack
    assert len(found) <= most + 3
    assert all(one.value < two.value for one, two in pairwise(found))


def moment(*parts: int, zone: str) -> float:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("zone", "start", "hours", "texts"),
    [
        ("Europe/Berlin", (2026, 3, 29, 0), 6, ["29 Mar", "01:00", "03:00", "04:00", "05:00", "06:00", "07:00"]),
        ("Europe/Berlin", (2026, 10, 25, 0), 5, ["25 Oct", "01:00", "02:00", "02:00", "03:00", "04:00"]),
        ("Australia/Lord_Howe", (2026, 4, 4, 23), 4, ["23:00", "5 Apr", "01:00", "02:00"]),
        ("Asia/Kathmandu", (2026, 5, 1, 9), 2, ["09:00", "09:30", "10:00", "10:30", "11:00"]),
        # Clocks leave midnight out: the day begins at 01:00.
        ("Africa/Cairo", (2026, 4, 23, 22), 4, ["22:00", "23:00", "01:00", "02:00", "03:00"]),
    ],
)
def test_hours_stand_where_the_clocks_show_them(
    zone: str, start: tuple[int, ...], hours: int, texts: list[str]
) -> None:
    first = moment(*start, zone=zone)
    found = ticks.moments(first, first + hours * 3600, hours + 1 if hours > 2 else 5, ZoneInfo(zone))
    assert [tick.text for tick in found][: len(texts)] == texts


def test_days_begin_at_local_midnight_on_both_sides_of_a_change() -> None:
    zone = ZoneInfo("America/New_York")
    start = moment(2026, 3, 5, 5, zone="America/New_York")
    found = ticks.moments(start, start + 7 * 86400, 8, zone)
    assert [tick.text for tick in found] == [f"{day} Mar" for day in range(6, 13)]
    assert {(ticks.local(tick.value, zone).hour, ticks.local(tick.value, zone).minute) for tick in found} == {(0, 0)}


def test_months_and_years() -> None:
    start = moment(2025, 11, 10, 5, zone="UTC")
    texts = [tick.text for tick in ticks.moments(start, start + 200 * 86400, 8, UTC)]
    assert texts == ["Dec", "2026", "Feb", "Mar", "Apr", "May"]


@given(
    st.sampled_from(ZONES),
    st.floats(0, 4e9),
    st.floats(0.5, 4e8),
    st.integers(1, 20),
)
def test_moments_are_round_ordered_and_not_too_many(zone: str, start: float, span: float, most: int) -> None:
    info = ZoneInfo(zone)
    found = ticks.moments(start, start + span, most, info)
    # A change of the clocks may bring one more.
    assert len(found) <= most + 3
    assert all(start - 1e-6 <= tick.value <= start + span for tick in found)
    assert all(one.value < two.value for one, two in pairwise(found))
    for tick in found:
        when = ticks.local(tick.value, info)
        assert when.microsecond == 0
        if span / most > 60:
            assert when.second == 0


def test_what_no_calendar_has_is_no_error() -> None:
    assert ticks.moments(1e15, 1e16, 5, UTC) is not None
    assert ticks.local(1e20, UTC) - ticks.local(1e19, UTC) == timedelta()
    assert ticks.moments(5.0, 5.0, 5) == ()
