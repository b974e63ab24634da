"""A panel's series as a table: a row for each set of labels, or one label against another."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.faces.terminal.drawing import values
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.grid import Column, Field, Grid, heading, measured, rows
from inferdeck.faces.terminal.drawing.picture import Row, fit
from inferdeck.model import cells, numbers
from inferdeck.model.dashboard import Panel
from inferdeck.model.dashboard_answers import PanelData
from inferdeck.model.labels import NAME

_WIDEST = 48
_LONGEST_PATH = 24
_MEASURED = 200
"""Rows whose texts say how wide the columns are."""


def table(panel: Panel, data: PanelData, look: Look) -> tuple[list[Column], list[list[Field]]]:
    """Return the columns and the rows of a table panel: its queries joined by the labels that it names."""
    refs = {query.ref for query in data.queries}
    keys = [column.key for column in panel.columns] or _all_keys(data)
    known = {column.key: column for column in panel.columns}
    lines: dict[tuple[str, ...], dict[str, Field]] = {}
    for query, series in values.pairs(data):
        joined = panel.join or tuple(sorted(series.labels))
        line = lines.setdefault(tuple(series.labels.get(name, "") for name in joined), {})
        for name, text in series.labels.items():
            line.setdefault(name, Field(_told(text)))
        value, column = values.latest(series), known.get(query.ref)
        text = values.text(panel, value, column=column, currency=look.currency)
        line[query.ref] = Field(text, values.style(panel, value, column))
    missing = {key: Field(numbers.MISSING if key in refs else "", "dim") for key in keys}
    found = [[line.get(key, missing[key]) for key in keys] for line in lines.values()]
    # The first column stays; then labels go from the last one on, and figures at last.
    going = [key for key in reversed(keys[1:]) if key not in refs] + [key for key in reversed(keys[1:]) if key in refs]
    columns = [
        Column(
            known[key].title or key if key in known else key,
            right=key in refs and not (key in known and known[key].mappings),
            drop=going.index(key) + 1 if place else 0,
            most=_WIDEST,
        )
        for place, key in enumerate(keys)
    ]
    return _without_empty(columns, found)


def _told(text: str) -> str:
    """Return a label's value; of a long path what its end says."""
    if not text.startswith("/") or len(text) <= _LONGEST_PATH:
        return text
    return "…/" + "/".join(text.split("/")[-2:])


def matrix(panel: Panel, data: PanelData, look: Look) -> tuple[list[Column], list[list[Field]]]:
    """Return the columns and the rows of a matrix panel."""
    heads: dict[str, None] = {}
    lines: dict[str, dict[str, Field]] = {}
    for _, series in values.pairs(data):
        value = values.latest(series)
        head = series.labels.get(panel.columns_by, "")
        heads[head] = None
        text = values.text(panel, value, currency=look.currency)
        lines.setdefault(series.labels.get(panel.rows_by, ""), {})[head] = Field(text, values.style(panel, value))
    # Numbers of cards stand in their order, names as they come.
    if all(head.isdecimal() for head in heads):
        heads = dict.fromkeys(sorted(heads, key=int))
    columns = [Column(panel.rows_by, most=_WIDEST), *(Column(head, right=True) for head in heads)]
    found = [
        [Field(name), *(line.get(head, Field(numbers.MISSING, "dim")) for head in heads)]
        for name, line in lines.items()
    ]
    return columns, found


def drawn(
    columns: Sequence[Column], fields: Sequence[Sequence[Field]], width: int, height: int, look: Look
) -> list[Row]:
    """Return the heading and as many rows as there is room for; the last one counts the rest."""
    widths = measured(columns, fields[:_MEASURED])
    grid = Grid(columns, len(fields), lambda place: fields[place], widths)
    head = [heading(grid, width, look.glyphs)] if height > 1 else []
    room = height - len(head)
    if len(fields) <= room:
        return [*head, *rows(grid, 0, len(fields), width, look.glyphs)]
    shown = rows(grid, 0, max(0, room - 1), width, look.glyphs)
    rest = len(fields) - len(shown)
    return [*head, *shown, fit(((f"and {rest} more", "dim"),), width)]


def _all_keys(data: PanelData) -> list[str]:
    labels = dict.fromkeys(name for query in data.queries for series in query.series for name in series.labels)
    return [*(name for name in labels if name != NAME), *dict.fromkeys(query.ref for query in data.queries)]


def _without_empty(columns: list[Column], fields: list[list[Field]]) -> tuple[list[Column], list[list[Field]]]:
    """Return the table without columns in which nothing stands."""
    kept = [place for place in range(len(columns)) if any(cells.clean(row[place].text).strip() for row in fields)]
    return [columns[place] for place in kept], [[row[place] for place in kept] for row in fields]
