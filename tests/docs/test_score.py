"""docs/score.md says what the score does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inferdeck.analysis import score
from inferdeck.model.answers import number
from inferdeck.query.status import WINDOW_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "score.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a row that begins with a heading."""
    lines = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_weights_and_bounds_are_those_of_the_code() -> None:
    parts = {row[0]: row for row in rows("part | weight")}
    assert {name: float(row[1].split()[0]) / 100 for name, row in parts.items()} == score.WEIGHTS
    assert sum(score.WEIGHTS.values()) == pytest.approx(1.0)
    assert parts["latency"][3:5] == [f"up to {score.BEST_SECONDS:g} s", f"from {score.WORST_SECONDS:g} s on"]
    assert parts["errors"][4] == f"from {score.WORST_ERRORS:.0%} on".replace("%", " %")
    assert parts["availability"][4] == f"up to {score.WORST_AVAILABILITY:.0%}".replace("%", " %")
    assert parts["throughput"][3] == f"from {score.BEST_TOKENS_PER_SECOND:g} tok/s on"
    assert "the last five\nminutes" in PAGE
    assert WINDOW_SECONDS == 300.0
    assert f"fewer than {score.FEW_REQUESTS:g} requests" in PAGE
    assert f"the recommendation is `{score.FEW}`" in PAGE


def test_grades_and_recommendations_are_those_of_the_code() -> None:
    for least, grade, recommendation in rows("score from"):
        value = float(least)
        assert next(word for step, word in score.GRADES if value >= step) == grade
        assert next(word for step, word in score.RECOMMENDATIONS if value >= step) == recommendation
    assert len(rows("score from")) == len(score.GRADES)


def test_the_worked_example_comes_out() -> None:
    seen = score.Performance(
        requests=100.0,
        latency_p95=number(4.0, "seconds"),
        errors=number(0.01, "ratio"),
        availability=number(1.0, "ratio"),
        speed=number(40.0, "tokens/s"),
    )
    found = score.score(seen)
    assert found is not None
    for part, row in zip(found.parts, rows("part | figure"), strict=True):
        assert part.name == row[0]
        assert part.value == pytest.approx(float(row[2]))
        assert part.weight * (part.value or 0.0) == pytest.approx(float(row[3]), abs=1e-4)
    told = re.search(r"Together ([\d.]+): grade (\S+), (\w+)\.", PAGE)
    assert told is not None
    assert (f"{found.value:g}", found.grade, found.recommendation) == told.groups()
    assert found.quality == "measured"
