"""docs/charts.md: its picture is what is drawn, and the words that it quotes are those that are said."""

from __future__ import annotations

from pathlib import Path

from inferdeck.faces.terminal.drawing import scale
from inferdeck.faces.terminal.drawing.glyphs import SETS
from inferdeck.faces.terminal.drawing.panel import draw
from tests.unit.faces.terminal.panels import MOMENT, SAMPLES

PAGE = (Path(__file__).parents[2] / "docs" / "charts.md").read_text(encoding="utf-8")


def test_the_picture_is_what_is_drawn() -> None:
    panel, data = SAMPLES["timeseries"]
    drawn = draw(panel, data, MOMENT, 80, 11, titled=False).text()
    assert f"```text\n{drawn}```" in PAGE


def test_the_notes_and_signs_are_those_that_are_shown() -> None:
    assert f"`{scale.bounds(0.0, 0.018, 4, 'percent').note}`" in PAGE
    for name in SETS:
        assert f"| {'blocks' if name == 'block' else name} |" in PAGE
