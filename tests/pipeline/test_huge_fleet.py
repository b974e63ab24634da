"""Two hundred targets and five hundred models, played once: what is stored, joined, listed and shown of them is
the world's.

The other scenarios are played for each of these by itself: test_scenarios.py, test_stack.py, test_catalog.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.simulate import scenario
from tests.pipeline.collecting import HUGE, stage
from tests.pipeline.playing import Played, answering
from tests.pipeline.test_catalog import check_catalog, tell
from tests.pipeline.test_scenarios import check_stored
from tests.pipeline.test_stack import check_joins
from tests.pipeline.test_top_hostile import check_screens

BEFORE = (240.0, 255.0, 420.0, 555.0, 570.0)
"""While a provider fails; what is deployed is asked for twice, five minutes apart."""
AFTER = (960.0,)


@pytest.mark.timeout(900)
async def test_a_huge_fleet_is_stored_joined_and_listed_as_it_is(tmp_path: Path) -> None:
    async with stage(scenario.named(HUGE), tmp_path) as found:
        for moment in BEFORE:
            tell(found)
            await found.go(moment)
        assert check_joins(found) > 0
        check_catalog(found)
        async with answering(found, tmp_path) as path:
            await check_screens(Played(found, path))
        for moment in AFTER:
            await found.go(moment)
        check_stored(found, len(BEFORE) + len(AFTER))
