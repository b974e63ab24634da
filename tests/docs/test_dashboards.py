"""The page on dashboards names all that come along, with their variables."""

from __future__ import annotations

import re
from pathlib import Path

from tests.pipeline import panels

PAGE = (Path(__file__).parents[2] / "docs" / "dashboards.md").read_text(encoding="utf-8")


def test_the_table_has_every_dashboard_and_its_variables() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| .+ \| (.+) \|$", PAGE, re.MULTILINE)
    told = {uid: re.findall(r"`(\w+)`", names) for uid, names in rows}
    found = {one.uid: [variable.name for variable in one.variables][1:] for one in panels.dashboards()}
    assert told == found
    assert {one.variables[0].name for one in panels.dashboards()} == {"environment"}


def test_every_dashboard_has_the_two_annotations_and_every_panel_its_words() -> None:
    for one in panels.dashboards():
        assert [annotation.name for annotation in one.annotations] == ["Deployments", "Budget Alerts"]
        for panel in one.panels():
            assert panel.help.endswith((".", "?")), panel.id
            assert panel.kind == "text" or (panel.empty.reason and panel.empty.next), (one.uid, panel.id)
