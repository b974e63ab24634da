"""Takes signs out of a widget's texts that a host would read as its own, before the texts are measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from inferdeck.model import cells
from inferdeck.model.widget import Cell, Widget

Change = Callable[[str], str]


def rewritten(widget: Widget, change: Change) -> Widget:
    """Return the widget with every text that is drawn clean and changed."""

    def changed(cell: Cell) -> Cell:
        return replace(cell, text=change(cells.clean(cell.text)))

    return replace(
        widget,
        title=change(cells.clean(widget.title)),
        note=change(cells.clean(widget.note)),
        link=change(cells.clean(widget.link)),
        columns=tuple(replace(one, title=change(cells.clean(one.title))) for one in widget.columns),
        rows=tuple(tuple(changed(cell) for cell in row) for row in widget.rows),
        line=tuple(changed(cell) for cell in widget.line),
    )
