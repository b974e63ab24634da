"""Pictures of every kind of panel, as files to read: `python -m tests.unit.faces.terminal.test_goldens` writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from inferdeck.faces.terminal.drawing.glyphs import ASCII, BLOCK, BRAILLE, Look
from inferdeck.faces.terminal.drawing.panel import draw
from tests.unit.faces.terminal.panels import MOMENT, SAMPLES

FOLDER = Path(__file__).parent / "goldens"
LOOKS = (
    ("80x12 braille", 80, 12, Look(BRAILLE)),
    ("48x8 blocks, no colour", 48, 8, Look(BLOCK, colour=False)),
    ("30x6 ascii", 30, 6, Look(ASCII, colour=False)),
)


def pictures(name: str) -> str:
    """Return the panel in three sizes and looks; the state that is stale stands last."""
    panel, data = SAMPLES[name]
    parts = []
    for title, width, height, look in LOOKS:
        parts.append(f"--- {title}\n{draw(panel, data, MOMENT, width, height, look).text()}")
    stale = replace(data, quality="stale", age=400.0, warnings=("one worker did not answer",))
    parts.append(f"--- 60x9 stale, with a warning\n{draw(panel, stale, MOMENT, 60, 9).text()}")
    return "\n".join(parts)


@pytest.mark.parametrize("name", SAMPLES)
def test_pictures(name: str) -> None:
    assert pictures(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for sample in SAMPLES:
        (FOLDER / f"{sample}.txt").write_text(pictures(sample), encoding="utf-8")
