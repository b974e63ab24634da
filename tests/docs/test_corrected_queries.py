"""The page of corrected queries: what was written is found wrong, what stands there now is right and has an answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inferdeck.dashboards.remarks import Severity
from inferdeck.dashboards.review import review
from inferdeck.query.local import LocalQueryService
from inferdeck.simulate import scenario
from tests.pipeline.collecting import stage
from tests.pipeline.test_scenarios import NINE_O_CLOCK

PAGE = (Path(__file__).parents[2] / "docs" / "corrected-queries.md").read_text(encoding="utf-8")
SECTIONS = {
    title: re.findall(r"```promql\n(.+?)```", body, re.DOTALL)
    for title, body in re.findall(r"^## (.+?)\n(.+?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
CORRECTED = {title: queries for title, queries in SECTIONS.items() if queries}
QUIET = {"Errors by provider"}
"""Without an error there is no answer, as the page says."""


@pytest.mark.parametrize("title", CORRECTED)
def test_the_old_query_is_found_wrong_and_the_new_one_right(title: str) -> None:
    old, new = CORRECTED[title]
    assert [one for one in review(old).remarks if one.severity is Severity.ERROR], old
    assert review(new).remarks == (), new


async def test_the_new_queries_have_an_answer(tmp_path: Path) -> None:
    assert len(CORRECTED) == 8
    async with stage(scenario.named("calm-day"), tmp_path) as found:
        for number in range(12):
            await found.go(NINE_O_CLOCK + 60.0 * number)
        service = LocalQueryService(found.database)
        try:
            for title, (_, new) in CORRECTED.items():
                answer = await service.instant(new, round(found.clock.now() * 1000))
                assert answer.series or title in QUIET, new
                gateways = [dict(series).get("gateway") for series in answer.series]
                assert all(gateways), new
        finally:
            service.close()
