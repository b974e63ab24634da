"""The notation of points in test scripts."""

from __future__ import annotations

import math

import pytest

from inferdeck.query.promql.script.points import Mark, Point, points

GAP, STALE, HISTOGRAM = Mark.GAP, Mark.STALE, Mark.HISTOGRAM


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("1 2  3", (1, 2, 3)),
        ("0+10x3", (0, 10, 20, 30)),
        ("10-5x2 7", (10, 5, 0, 7)),
        ("4x2", (4, 4, 4)),
        ("1+1x0", (1,)),
        ("_ 1 _x2 2", (GAP, 1, GAP, GAP, 2)),
        ("stale 1", (STALE, 1)),
        ("-2-3x1", (-2, -5)),
        ("-2+-3x1", (-2, -5)),
        ("1e3 .5 -1.5e-2 +2", (1000, 0.5, -0.015, 2)),
        ("Inf -Inf +Inf inf", (math.inf, -math.inf, math.inf, math.inf)),
        ("{{schema:1 sum:2 buckets:[1 2]}} {{}}x2", (HISTOGRAM,) * 4),
        ("{{count:1}}+{{count:1}}x2 5", (HISTOGRAM,) * 3 + (5,)),
    ],
)
def test_points(text: str, expected: tuple[Point, ...]) -> None:
    assert points(text) == expected


def test_increments_add_up_one_by_one() -> None:
    assert points("0+0.1x3")[3] == 0.1 + 0.1 + 0.1


def test_not_a_number() -> None:
    (value,) = points("NaN")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["a", "1 2,3", "1x", "x3", "1+x3", "{{", "1+1", "1x9999999999", "_x99999999"])
def test_what_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a point|more than"):
        points(text)
