"""The line chart: no spike is lost, gaps stay open, scales are honest and said, time is local."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.faces.terminal.drawing import lines, scale
from inferdeck.faces.terminal.drawing.glyphs import ASCII, BLOCK, BRAILLE, SETS, Glyphs, Look
from inferdeck.faces.terminal.drawing.lines import Chart, Event, Line
from inferdeck.faces.terminal.drawing.plane import Plane, extents
from inferdeck.model.dashboard import Level, Threshold

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=400)
START = 1_790_000_000.0


@given(VALUES, st.integers(1, 90), st.sampled_from(sorted(SETS)))
@settings(deadline=None)
def test_every_extreme_of_every_column_is_drawn(values: list[float | None], width: int, name: str) -> None:
    glyphs = SETS[name]
    real = [value for value in values if value is not None]
    if not real:
        return
    height = 9
    found = scale.bounds(min(real), max(real), 4)
    across, down = width * glyphs.across, height * glyphs.down
    columns = [min(across - 1, place * across // len(values)) for place in range(len(values))]
    heights = found.heights(values, down)
    tops, bottoms = extents(columns, heights, across)
    plane = Plane(width, height, glyphs)
    plane.fill(tops, bottoms, 0, "series1")
    rows = ["".join(text for text, _ in row) for row in plane.rows()]
    for column in range(across):
        here = [h for c, h in zip(columns, heights, strict=True) if c == column and h >= 0]
        for extreme in {min(here), max(here)} if here else set():
            assert tops[column] <= extreme <= bottoms[column]
            sign = rows[extreme // glyphs.down][column // glyphs.across]
            assert _has_dot(sign, column % glyphs.across, extreme % glyphs.down, glyphs)


def _has_dot(sign: str, column: int, row: int, glyphs: Glyphs) -> bool:
    """Read the dot back from the sign itself."""
    if glyphs is BRAILLE:
        return bool(ord(sign) - 0x2800 & glyphs.bits[column][row])
    if glyphs is BLOCK:
        return sign in ("▀█", "▄█")[row]
    return sign == "*"


@given(st.lists(st.integers(0, 40), min_size=2, max_size=60), st.integers(1, 6))
def test_neighbours_are_joined_without_holes(heights: list[int], apart: int) -> None:
    columns = [place * apart for place in range(len(heights))]
    tops, bottoms = extents(columns, heights, columns[-1] + 1)
    assert all(0 <= top <= bottom <= 40 for top, bottom in zip(tops, bottoms, strict=True))
    for left in range(columns[-1]):
        assert tops[left] <= bottoms[left + 1] + 1 and tops[left + 1] <= bottoms[left] + 1
    for column, height in zip(columns, heights, strict=True):
        assert tops[column] <= height <= bottoms[column]


def drawn(chart: Chart, width: int = 60, height: int = 12, look: Look | None = None) -> list[str]:
    return lines.draw(chart, width, height, look or Look(ASCII)).text().splitlines()


def chart(*values: Sequence[float | None], **more: object) -> Chart:
    found = [Line(f"s{place}", one) for place, one in enumerate(values)]
    return replace(Chart(found, START, 60.0, zone=ZoneInfo("UTC")), **more)  # type: ignore[arg-type]


def test_a_spike_of_one_sample_in_a_day_reaches_its_height() -> None:
    values: list[float | None] = [1.0] * 1440
    values[777] = 97.0
    assert "*" in drawn(chart(values))[0]
    assert "97" in drawn(chart(values))[-1] or "97" in drawn(chart(values), height=14)[-1]


def test_missing_samples_leave_a_gap_and_are_no_zero() -> None:
    text = drawn(chart([5.0] * 20 + [None] * 20 + [5.0] * 20), height=5)
    (row,) = [line for line in text if "*" in line]
    assert row.partition("|")[2] == "" and len(row.partition("+")[2].split()) == 2
    assert drawn(chart([None, math.nan, math.inf]))[0] == "no data"


@pytest.mark.parametrize(
    ("low", "high", "unit", "ends", "note"),
    [
        (3.0, 9.0, "count", (0.0, 10.0), ""),
        (-3.0, 7.0, "count", (-4.0, 8.0), ""),
        (0.3, 0.9, "percent", (0.0, 1.0), ""),
        (0.0, 1.2, "percent", (0.0, 1.25), ""),
        (0.004, 0.013, "percent", (0.0, 0.015), "scale ends at 1.5 %"),
        (0.0, 0.0, "percent", (0.0, 1.0), ""),
        (0.0, 0.0, "count", (0.0, 1.0), ""),
        (5.0, 5.0, "count", (0.0, 5.0), ""),
    ],
)
def test_scales_begin_at_zero_and_say_where_they_end_early(
    low: float, high: float, unit: str, ends: tuple[float, float], note: str
) -> None:
    found = scale.bounds(low, high, 5, unit)
    assert (found.low, found.high) == pytest.approx(ends)
    assert found.note == note


def test_fixed_ends_stay_and_what_lies_outside_is_said() -> None:
    found = scale.bounds(10.0, 130.0, 4, "celsius", minimum=40.0, maximum=100.0)
    assert (found.low, found.high) == (40.0, 100.0)
    assert found.note == ("scale begins at 40 °C, peak 130 °C is above the scale, lowest 10 °C is below the scale")
    assert found.heights([130.0, 100.0, None, 40.0, 10.0], 61) == [0, 0, -1, 60, 60]
    text = drawn(chart([50.0, 130.0], unit="celsius", minimum=40.0, maximum=100.0), width=100)
    assert "peak 130 oC is above the scale" in text[-1]


def test_thresholds_events_and_the_cursor_are_drawn_where_nothing_else_is() -> None:
    marked = chart(
        [1.0] * 60,
        unit="seconds",
        maximum=10.0,
        thresholds=[Threshold(5.0, Level.WARN)],
        events=[Event(START + 1800, "deploy"), Event(START - 9999), Event(START + 3000, "x", START + 9999, "warn")],
        cursor=START + 2400,
    )
    text = drawn(marked, width=80, height=16)
    assert any("-- warn 5.00 s ---" in line for line in text)
    assert text[0].count("v") == 2 and "v---" in text[0]
    assert sum(":" in line for line in text[1:10]) >= 8
    picture = lines.draw(marked, 80, 16)
    assert sum(style == "cursor" for row in picture.rows for _, style in row) >= 8
    assert "14:53:20 UTC" in picture.text()


def test_a_cursor_reads_the_values_of_its_moment() -> None:
    values: list[float | None] = [float(place) for place in range(60)]
    text = "\n".join(drawn(chart(values, [None] * 60, cursor=START + 17 * 60.0), width=70, height=8))
    assert "s0 17" in text
    assert "s1" not in text


def test_a_range_shows_its_own_part_alone() -> None:
    text = drawn(chart([100.0] * 30 + [1.0] * 30, view=(START + 31 * 60, START + 59 * 60)), height=18)
    assert text[0].strip().startswith("1.0+")
    assert text[-1].split() == ["*", "s0", "1", "min", "1", "max", "1"]


def test_stacked_series_lie_on_each_other() -> None:
    text = lines.draw(chart([1.0] * 30, [2.0] * 30, stacked=True), 40, 12, Look(BLOCK)).text().splitlines()
    assert text[0].strip().startswith("3┤")
    owners = [
        {style for part, style in row if style.startswith("series") and "█" in part}
        for row in lines.draw(chart([1.0] * 30, [2.0] * 30, stacked=True), 40, 12, Look(BLOCK)).rows[:6]
    ]
    assert owners[1] == {"series2"} and {"series1"} in owners


def test_lines_without_colour_carry_their_signs() -> None:
    two = chart([1.0] * 60, [2.0] * 60)
    plain = lines.draw(two, 80, 12, Look(BRAILLE, colour=False)).text()
    assert plain.count("●") > 2 and plain.count("▲") > 2
    assert lines.draw(two, 80, 12).text().count("●") == 1
    assert {"*", "+"} <= set(lines.draw(two, 80, 12, Look(ASCII)).text())


def test_the_drawing_is_the_same_for_the_same_values() -> None:
    assert lines.draw(chart([1.0, 2.0, 4.0]), 80, 20) == lines.draw(chart([1.0, 2.0, 4.0]), 80, 20)
