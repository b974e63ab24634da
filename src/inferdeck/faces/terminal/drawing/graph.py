"""What leads to what: a tree of names, drawn from every name that nothing leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inferdeck.faces.terminal.drawing.glyphs import Glyphs
from inferdeck.faces.terminal.drawing.picture import Row, Span, fit, sides
from inferdeck.model import cells

_DEEPEST = 24


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from a name to another; text: what is known of it; style: what it means, "dim" for one not in use."""

    source: str
    target: str
    text: str = ""
    style: str = ""


def draw(edges: Sequence[Edge], width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """Return the tree; a name that was drawn already is named again, and its ways are not repeated."""
    rows: list[Row] = []
    for row in _rows(edges, width, glyphs):
        if len(rows) == height:
            rows[-1] = fit(((f"and {glyphs.more}", "dim"),), width, more=glyphs.more)
            break
        rows.append(row)
    return rows


def _rows(edges: Sequence[Edge], width: int, glyphs: Glyphs) -> Iterator[Row]:
    ways: dict[str, list[Edge]] = {}
    for edge in edges:
        ways.setdefault(edge.source, []).append(edge)
    targets = {edge.target for edge in edges}
    roots = [name for name in ways if name not in targets]
    drawn: set[str] = set()
    # What lies on a circle alone has no root.
    for root in [*roots, *ways]:
        if root in drawn:
            continue
        yield fit(((cells.clean(root), "strong"),), width, more=glyphs.more)
        yield from _below(root, ways, drawn, "", width, glyphs)


def _below(
    name: str, ways: dict[str, list[Edge]], drawn: set[str], lead: str, width: int, glyphs: Glyphs
) -> Iterator[Row]:
    drawn.add(name)
    edges = ways.get(name, [])
    for place, edge in enumerate(edges):
        last = place == len(edges) - 1
        again = edge.target in drawn and edge.target in ways
        tail = f" {glyphs.up}" if again else ""
        left: tuple[Span, ...] = (
            (lead + (glyphs.last_branch if last else glyphs.branch) + " ", "axis"),
            (cells.clean(edge.target) + tail, edge.style),
        )
        yield sides(left, ((cells.cut(cells.clean(edge.text), width // 2), "dim"),) if edge.text else (), width)
        if not again and len(lead) < 2 * _DEEPEST:
            yield from _below(edge.target, ways, drawn, lead + ("   " if last else glyphs.trunk + " "), width, glyphs)
