"""What happened, as rows."""

from __future__ import annotations

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.views.moments import local
from inferdeck.faces.terminal.views.table import Entry, entry, text
from inferdeck.model.annotations import ANNOTATION, Event

COLUMNS = (
    Column("When", most=19),
    Column("What", most=20),
    Column("Of", drop=3, most=32),
    Column("Words", most=200),
    Column("Told by", drop=2, most=32),
    Column("Environment", drop=1, most=16),
)


def entry_of(one: Event) -> Entry:
    """Return an event as a row."""
    kind = one.kind.replace("_", " ")
    return entry(
        f"{one.source == ANNOTATION}/{one.id}",
        (
            (Field(local(one.time), "axis"), one.time),
            text(kind, "strong" if one.source == ANNOTATION else ""),
            text(one.subject),
            text(one.text.replace("\n", " ")),
            text(one.source or "inferdeck", "dim"),
            text(one.environment, "dim"),
        ),
    )
