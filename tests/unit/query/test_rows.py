"""Sums over many series at once are those of a loop over the rows, and what is known of a series serves again."""

from __future__ import annotations

import numpy as np
import pytest

from inferdeck.model.labels import labels
from inferdeck.query.figures import Figures, Names, total
from inferdeck.query.rows import Named, Rows, Shape
from tests.unit.query.stack import NOW_MS, counter, filled, series

SERIES = [
    labels({"environment": "e", "model": f"m{number % 7}", "status": "error" if number % 3 else "success"}, "x")
    for number in range(50)
]


@pytest.mark.parametrize("by", [("model",), ("environment", "model", "absent"), ()])
@pytest.mark.parametrize("where", [{}, {"status": "error"}, {"status": "never"}, {"status": "error", "model": "m1"}])
def test_sums_are_those_of_the_rows(by: tuple[str, ...], where: dict[str, str]) -> None:
    values = np.random.default_rng(5).uniform(0, 9, len(SERIES))
    values[::4] = np.nan
    rows = Rows(Shape([Named(one) for one in SERIES]), values, np.arange(50.0))
    assert len(rows) == len(list(rows)) == 37
    assert rows[0].age_seconds == 1.0
    assert total(rows, by, **where) == pytest.approx(total(list(rows), by, **where))


def test_what_is_planned_for_series_serves_the_next_question_and_no_other_series() -> None:
    names, store = Names(), filled({series("x", model=f"m{one}"): counter(float(one)) for one in range(3)})
    asked = [Figures(store, ("x",), NOW_MS, 300_000, series=names).rate("x") for _ in range(2)]
    assert [row.named for row in asked[0]] == [row.named for row in asked[1]]
    fewer = filled({series("x", model="m9"): counter(9.0)})
    found = Figures(fewer, ("x",), NOW_MS, 300_000, series=names).rate("x")
    assert total(found, ("model",)) == pytest.approx({("m9",): 9.0})
    assert total(Figures(fewer, ("y",), NOW_MS, 300_000, series=names).rate("y"), ("model",)) == {}
