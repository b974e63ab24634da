"""The time that is looked at stays within the history that a user wants to see."""

from __future__ import annotations

import pytest

from inferdeck.faces.terminal.span import DAY, Span, brief, length

NOW = 1_795_000_000.0
HOUR = 3600.0


def test_ranges_end_with_the_whole_history() -> None:
    assert Span(history=2 * HOUR).ranges() == [300, 900, 1800, 3600, 7200]
    assert Span(history=100.0).ranges() == [100]
    assert Span().ranges()[-2:] == [7 * DAY, 30 * DAY]
    assert Span(history=1000 * DAY).ranges()[-3:] == [90 * DAY, 365 * DAY, 1000 * DAY]


def test_zooming_out_ends_there() -> None:
    span = Span(HOUR, history=5 * HOUR)
    assert span.zoomed(1).range_seconds == 3 * HOUR
    assert span.zoomed(1).zoomed(1).range_seconds == 5 * HOUR
    assert span.zoomed(1).zoomed(1).zoomed(1).range_seconds == 5 * HOUR
    assert span.zoomed(-1).range_seconds == 1800
    assert Span(300.0).zoomed(-1).range_seconds == 300


def test_going_back_ends_there() -> None:
    span = Span(HOUR, history=2 * HOUR)
    seen = []
    for _ in range(4):
        span = span.moved(-0.5, NOW)
        seen.append((NOW - (span.until or NOW)) / HOUR)
    assert seen == [0.5, 1.0, 1.0, 1.0]
    assert Span(HOUR, history=HOUR).moved(-0.5, NOW).until is None


def test_a_moment_that_was_named_is_not_moved_on() -> None:
    long_ago = NOW - 100 * DAY
    span = Span(HOUR, long_ago, 30 * DAY)
    assert span.moved(-0.5, NOW).until == long_ago
    assert span.moved(0.5, NOW).until == long_ago + HOUR / 2


def test_what_reaches_the_present_follows_it() -> None:
    span = Span(HOUR, NOW - 1800)
    assert span.moved(0.5, NOW) == Span(HOUR)
    assert span.at(None) == span.moved(1.0, NOW)


@pytest.mark.parametrize("seconds", [300.0, HOUR])
def test_another_range_leaves_the_moment(seconds: float) -> None:
    assert Span(HOUR, NOW).of_range(seconds) == Span(seconds, NOW)


@pytest.mark.parametrize(
    ("seconds", "told", "short"),
    [
        (15.0, "15 s", "15s"),
        (90.0, "1 min 30 s", "90s"),
        (300.0, "5 min", "5m"),
        (3600.0, "1 h", "1h"),
        (5400.0, "1 h 30 min", "90m"),
        (DAY, "1 d", "1d"),
        (1.5 * DAY, "1 d 12 h", "36h"),
        (365 * DAY, "365 d", "365d"),
        (0.5, "500 ms", "0.5s"),
    ],
)
def test_lengths_say_nothing_of_what_is_not_left_over(seconds: float, told: str, short: str) -> None:
    assert (length(seconds), brief(seconds)) == (told, short)


def test_ranges_are_told_in_as_few_words() -> None:
    assert [length(one) for one in Span().ranges()[:5]] == ["5 min", "15 min", "30 min", "1 h", "3 h"]
