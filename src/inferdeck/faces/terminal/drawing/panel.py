"""Every kind of panel as a picture, in each of its states: loading, fresh, stale, error, empty, waiting."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.faces.terminal.drawing import prose, values
from inferdeck.faces.terminal.drawing.frame import Frame, Moment
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.kinds import KINDS
from inferdeck.faces.terminal.drawing.picture import Picture, Row, blank, fit, sides, spoken, stack
from inferdeck.model import cells, numbers
from inferdeck.model.dashboard import NATIVE_KINDS, Panel, PanelKind
from inferdeck.model.dashboard_answers import PanelData

_NATIVE = {
    PanelKind.LOGS: "inferdeck logs",
    PanelKind.ROUTES: "inferdeck routes",
    PanelKind.CATALOG: "inferdeck models",
}
"""The command that shows what a native panel shows."""
_ROWS_WITH_WARNING = 4
"""With fewer rows there are values alone."""
_ROWS_WITH_REASON = 16
"""With fewer rows, why values are estimated is left out."""
_ESTIMATED = "estimated"


def draw(
    panel: Panel,
    data: PanelData | None,
    moment: Moment,
    width: int,
    height: int,
    look: Look | None = None,
    *,
    titled: bool = True,
) -> Picture:
    """Return the panel in exactly this size; data None: it is loading; titled: the first row is its title and state.

    Without a title, whoever draws the frame shows `state` there: nothing else says that values are stale.
    """
    look = look or Look()
    width, height = max(1, width), max(1, height)
    head = [heading(panel, data, width)] if titled and height > 1 else []
    room = height - len(head)
    body = _said(panel, data, moment, width, room, look)
    if body is None and data is not None:
        warning = _warning(data, room)
        warned = [fit(((warning, "warn"),), width)] if warning else []
        room -= len(warned)
        body = KINDS[panel.kind](Frame(panel, values.held(data), moment, width, room, look))[:room]
        body += [blank(width)] * (room - len(body)) + warned if warned else []
    return spoken(stack([*head, *(body or [])], width, height), look.glyphs)


def heading(panel: Panel, data: PanelData | None, width: int) -> Row:
    """Return the row with the title, and what the values are worth at its end."""
    return sides(((cells.clean(panel.title), "title"),), state(data), width)


def state(data: PanelData | None) -> Row:
    """Return what must be known of the values: nothing where they are fresh and measured."""
    if data is None:
        return (("loading", "dim"),)
    if data.status == "error":
        return (("error", "critical"),)
    if data.status == "needs":
        return ((f"needs {cells.clean(data.needs)}", "dim"),)
    if data.status == "empty":
        return (("empty", "dim"),)
    if data.quality == "stale":
        return ((f"stale, {numbers.age(data.age)}" if data.age is not None else "stale", "warn"),)
    return (("~ estimated", "dim"),) if data.quality == "estimated" else ()


def _said(
    panel: Panel, data: PanelData | None, moment: Moment, width: int, height: int, look: Look
) -> list[Row] | None:
    """Return the words that stand for a panel without values, None where there are some."""
    if data is None:
        return [(("loading" + look.glyphs.more, "dim"),)]
    if data.status == "error":
        retry = "" if moment.retry is None else f" Next try {numbers.age(-moment.retry)}."
        return _words([(data.error, "critical"), (f"{data.next}{retry}".strip(), "")], width, height)
    if data.status == "needs":
        said = panel.empty.reason or f"This needs {data.needs}."
        return _words([(said, "dim"), (panel.empty.next, "")], width, height)
    if data.status == "empty":
        return _words([(panel.empty.reason or "No data.", "dim"), (panel.empty.next, "")], width, height)
    if data.status == "native" or panel.kind in NATIVE_KINDS:
        where = f"run {_NATIVE[panel.kind]}" if panel.kind in _NATIVE else f"ask /api/{data.question}"
        return _words([(f"A view of its own, {panel.kind.value}: {where}", "dim")], width, height)
    if data.status == "text" or panel.kind is PanelKind.TEXT:
        return prose.marked(panel.content, width)
    if not any(query.series for query in data.queries):
        return _words([(panel.empty.reason or "No data.", "dim"), (panel.empty.next, "")], width, height)
    return None


def _words(parts: Sequence[tuple[str, str]], width: int, height: int) -> list[Row]:
    rows = [row for text, style in parts if text for row in prose.wrapped(text, width, style)]
    if len(rows) > height > 0:
        last = rows[height - 1]
        rows = [*rows[: height - 1], fit((*last, (" …", last[0][1])), width)] if last else rows[:height]
    return rows


def _warning(data: PanelData, height: int) -> str:
    """Return the first warning that has room, and how many more there are; "estimated" stands in the title already."""
    told = [one for one in data.warnings if height >= _ROWS_WITH_REASON or not one.startswith(_ESTIMATED)]
    if not told or height < _ROWS_WITH_WARNING:
        return ""
    return f"! {cells.clean(told[0])}{f' (+{len(told) - 1})' if len(told) > 1 else ''}"
