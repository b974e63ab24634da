"""Panels whose content is a question of the API, not PromQL: what happened, models, routes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from inferdeck.client.tiny import Client
from inferdeck.errors import InferdeckError
from inferdeck.faces.terminal.drawing import grid
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import Row, fit
from inferdeck.model import cells
from inferdeck.model.dashboard_answers import DashboardData
from inferdeck.model.page import Page

if TYPE_CHECKING:
    # What they are made of is loaded where a panel shows them.
    from inferdeck.model.annotations import Event
    from inferdeck.model.model_catalog import Models

MOST = "50"
_DAY_SECONDS = 86_400.0
_KIND = 16

Asked = Callable[[Client, dict[str, str]], Any]


@dataclass(frozen=True, slots=True)
class Native:
    """What a native panel shows: an answer, or why there is none."""

    question: str
    value: Any = None
    error: str = ""


_QUESTIONS: Mapping[str, Asked] = {
    "events": lambda client, fields: client.events(**fields),
    "models": lambda client, fields: client.models(**fields),
    "routes": lambda client, fields: client.routes(**fields),
}


def ask(client: Client, data: DashboardData, until: float | None) -> dict[str, Native]:
    """Return by panel what its question gives now, or at a moment of the past."""
    found: dict[str, Native] = {}
    for panel in data.panels:
        name, _, query = panel.question.partition("?")
        if panel.status != "native" or name not in _QUESTIONS:
            continue
        fields = {key: value for key, value in parse_qsl(query) if value}
        fields.setdefault("limit", MOST)
        if until is not None:
            fields["until" if name == "events" else "at"] = f"{until:.3f}"
        try:
            found[panel.id] = Native(name, _QUESTIONS[name](client, fields))
        except InferdeckError as error:
            found[panel.id] = Native(name, error=str(error).splitlines()[0])
    return found


def rows(native: Native, width: int, height: int, look: Look, now: float) -> list[Row]:
    """Return what there is in exactly that width, at most so many rows."""
    if native.error:
        return [fit(((cells.clean(native.error), "critical"),), width)]
    if native.question == "events":
        return _events(native.value, width, now)[:height]
    if native.question == "routes":
        from inferdeck.faces.terminal.views import routes

        return routes.rows(native.value.items, width, look)[:height]
    return _models(native.value, width, height, look)


def _events(page: Page[Event], width: int, now: float) -> list[Row]:
    if not page.items:
        return [fit((("Nothing has changed that inferdeck saw.", "dim"),), width)]
    found: list[Row] = []
    for one in page.items:
        form = "%H:%M:%S" if now - one.time < _DAY_SECONDS else "%d %b %H:%M"
        try:
            moment = time.strftime(form, time.localtime(one.time))
        except (OverflowError, OSError, ValueError):
            moment = "?"
        kind = cells.fit(cells.clean(one.kind.replace("_", " ")), _KIND)
        subject = f"{one.subject} " if one.subject and one.subject not in one.text else ""
        words = cells.clean(f"{subject}{one.text}".replace("\n", " "))
        found.append(fit(((f"{moment:<13}", "axis"), (f"{kind} ", "dim"), (words, "")), width))
    return found


def _models(found: Models, width: int, height: int, look: Look) -> list[Row]:
    if not found.items:
        return [fit((("No watched gateway or engine offers a model.", "dim"),), width)]
    from inferdeck.faces.terminal.views import models

    entries = [models.entry_of(one) for one in found.items]
    fields: Sequence[Sequence[grid.Field]] = [one.fields for one in entries]
    widths = grid.measured(models.COLUMNS, fields)
    shown = grid.Grid(models.COLUMNS, len(entries), lambda place: fields[place], widths)
    room = max(0, height - 1)
    rows = [grid.heading(shown, width, look.glyphs)]
    hidden = found.total - room
    if hidden > 0 and room > 1:
        rows += grid.rows(shown, 0, min(room - 1, len(entries)), width, look.glyphs)
        rows.append(fit(((f"and {found.total - min(room - 1, len(entries))} more; : models", "dim"),), width))
        return rows[:height]
    return [*rows, *grid.rows(shown, 0, min(room, len(entries)), width, look.glyphs)][:height]
