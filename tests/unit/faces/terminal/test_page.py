"""A whole dashboard: panels side by side where their definition puts them, below one another where it is narrow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inferdeck.faces.terminal.drawing import page
from inferdeck.faces.terminal.drawing.glyphs import ASCII, Look
from inferdeck.faces.terminal.drawing.picture import wide
from inferdeck.model.dashboard import Panel, Row
from inferdeck.model.dashboard_answers import PanelData
from tests.unit.faces.terminal.panels import MOMENT, SAMPLES


def row(*sizes: int, title: str = "Now") -> tuple[Row, dict[str, PanelData]]:
    panels: list[Panel] = []
    data: dict[str, PanelData] = {}
    for place, (size, name) in enumerate(zip(sizes, list(SAMPLES) * 3, strict=False)):
        panel, found = SAMPLES[name]
        panels.append(replace(panel, id=f"p{place}", title=f"{title} {place}", width=size, height=4))
        data[f"p{place}"] = replace(found, id=f"p{place}", warnings=("estimated: one reason",))
    return Row(title, tuple(panels)), data


@pytest.mark.parametrize("width", [10, 40, 79, 120, 200])
def test_every_row_is_as_wide_as_the_page(width: int) -> None:
    line, data = row(*[4] * 12, *[12] * 6)
    picture = page.draw([line], data, MOMENT, width, Look(ASCII))
    assert {wide(one) for one in picture.rows} == {width}
    assert all(f"Now {place}"[: width - 1] in picture.text() for place in range(18))


def titles(width: int, *sizes: int) -> list[int]:
    """Return how many titles stand on each line that has some."""
    line, data = row(*sizes, title="Sample")
    lines = page.draw([line], data, MOMENT, width).text().splitlines()[1:]
    return [count for text in lines if (count := text.count("Sample "))]


def test_panels_stand_as_the_definition_says_and_fold_evenly() -> None:
    assert titles(160, 4, 4, 4, 4, 4, 4) == [6]
    assert titles(160, 12, 12, 24) == [2, 1]
    assert titles(100, 4, 4, 4, 4, 4, 4) == [3, 3]
    assert titles(30, 12, 12) == [1, 1]


def test_a_remark_stands_once_and_what_has_no_data_is_left_out() -> None:
    line, data = row(8, 8, 8)
    del data["p1"]
    text = page.draw([line, Row("Closed", line.panels[:0])], data, MOMENT, 100, filled=str.upper).text()
    assert text.count("one reason") == 1
    assert "NOW 0" in text and "NOW 1" not in text and "CLOSED" not in text
    assert page.draw([], {}, MOMENT, 80).rows == ()
