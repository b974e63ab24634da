"""The table of providers: a score is shown as it was graded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inferdeck.cli.providers import draw
from inferdeck.cli.text import Page
from inferdeck.model.model_catalog import Score
from inferdeck.query.stack.interface import Wanted
from tests.unit.query.catalog.small import small_catalog


@pytest.mark.parametrize(("value", "shown"), [(59.6, "59"), (60.0, "60"), (89.9, "89"), (100.0, "100")])
def test_a_score_never_reaches_a_grade_that_it_does_not_have(value: float, shown: str) -> None:
    found = small_catalog().providers(Wanted({}, "", 0, 100), "name")
    score = Score(value, "F", "Avoid", (), "measured")
    page = Page(200, colour=False)
    draw(page, replace(found, items=tuple(replace(one, score=score) for one in found.items)), asked=False)
    assert f" {shown}  F " in page.text()
