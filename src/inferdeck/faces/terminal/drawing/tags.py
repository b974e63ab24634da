"""Names by weight: the heaviest first and strongest, each with its figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.faces.terminal.drawing.picture import Row, Span, fit
from inferdeck.model import cells


@dataclass(frozen=True, slots=True)
class Tag:
    """One clean name, its weight and how it is shown."""

    name: str
    weight: float
    text: str


def draw(tags: Sequence[Tag], width: int, height: int) -> list[Row]:
    """Return the names side by side; the last row counts those that have no room."""
    ordered = sorted(tags, key=lambda tag: (-tag.weight, tag.name))
    most = max((tag.weight for tag in ordered), default=0.0)
    rows: list[Row] = []
    line: list[Span] = []
    used = 0
    for place, tag in enumerate(ordered):
        needs = cells.width(tag.name) + cells.width(tag.text) + 1
        if line and used + needs > width:
            rows.append(fit(line, width))
            line, used = [], 0
            if len(rows) == height:
                rows[-1] = fit(((f"and {len(ordered) - place} more", "dim"),), width) if height > 1 else rows[-1]
                return rows
        share = tag.weight / most if most > 0 else 0.0
        style = "series1 strong" if share > 0.5 else "strong" if share > 0.2 else "" if share > 0.05 else "dim"
        line += [(tag.name, style), (f" {tag.text}   ", "dim")]
        used += needs + 3
    return [*rows, fit(line, width)] if line else rows
