"""A dashboard as rows of cells: panels in boxes side by side, each drawn once for its data and its size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inferdeck.faces.terminal.drawing import panel as drawing
from inferdeck.faces.terminal.drawing.frame import Moment
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.picture import Picture, Row, Span, blank, fit, sides, wide, words
from inferdeck.faces.terminal.span import brief
from inferdeck.faces.terminal.views import native
from inferdeck.faces.terminal.views.layout import Slot
from inferdeck.faces.terminal.views.links import titled
from inferdeck.faces.terminal.views.native import Native
from inferdeck.model import cells, numbers
from inferdeck.model.dashboard import Panel
from inferdeck.model.dashboard_answers import PanelData

_BOX = ("╭", "╮", "╰", "╯", "─", "│")
_ASCII_BOX = ("+", "+", "+", "+", "-", "|")
_RATES = ("__rate_interval", "[RANGE]")
_FIXED = re.compile(r"\[([0-9]+[smhdw])\]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a panel: its data, when they are of, how many seconds ago they came, and why none came since."""

    data: PanelData | None
    moment: Moment
    stale_seconds: float | None = None
    error: str = ""
    retry_seconds: float | None = None
    native: Native | None = None
    """What a native panel shows."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    slot: Slot
    answer: Answer
    selected: bool
    cursor: float | None
    rows: tuple[Row, ...]


class Panels:
    """Rows of all slots; only panels that are looked at are drawn, and again only when something of them changed."""

    def __init__(self, slots: Sequence[Slot], look: Look) -> None:
        self.slots = tuple(slots)
        self.look = look
        self.selected = ""
        self.cursor: float | None = None
        self.variables: Mapping[str, Sequence[str]] = {}
        """What is chosen: some headings say it."""
        self._answers: Mapping[str, Answer] = {}
        self._drawn: dict[int, _Drawn] = {}
        self._height = max((slot.bottom for slot in self.slots), default=0)
        self._lines: list[list[int]] = [[] for _ in range(self._height)]
        for place, slot in enumerate(self.slots):
            for number in range(slot.y, slot.bottom):
                self._lines[number].append(place)

    def answer(self, answers: Mapping[str, Answer]) -> None:
        """Take what is known now."""
        self._answers = answers

    def height(self, width: int) -> int:
        """Return how many rows there are."""
        return self._height

    def row(self, number: int, width: int) -> Row:
        """Return one row across all panels that stand in it."""
        out: list[Span] = []
        x = 0
        for place in sorted(self._lines[number], key=lambda one: self.slots[one].x):
            slot = self.slots[place]
            if slot.x > x:
                out.append((" " * (slot.x - x), ""))
            out += self._rows(place)[number - slot.y]
            x = slot.x + slot.width
        return fit(out, width) if x != width else tuple(out)

    def visible(self, first: int, last: int) -> list[str]:
        """Return the panels of which something stands in these rows."""
        return [slot.panel.id for slot in self.slots if slot.panel and slot.y <= last and slot.bottom > first]

    def at(self, x: int, y: int) -> Slot | None:
        """Return what stands at a cell."""
        return next((one for one in self.slots if one.x <= x < one.x + one.width and one.y <= y < one.bottom), None)

    def slot(self, identity: str) -> Slot | None:
        """Return where a panel stands."""
        return next((one for one in self.slots if one.panel and one.panel.id == identity), None)

    def known(self, identity: str) -> Answer | None:
        """Return what is known of a panel."""
        return self._answers.get(identity)

    def drawn(self, identity: str) -> tuple[Row, ...]:
        """Return the rows of one panel, with its box."""
        slot = self.slot(identity)
        return self._rows(self.slots.index(slot)) if slot is not None else ()

    def _rows(self, place: int) -> tuple[Row, ...]:
        slot = self.slots[place]
        if slot.panel is None:
            return (_heading(slot, self.variables),)
        answer = self._answers.get(slot.panel.id) or Answer(None, Moment(0.0, 0.0, 1.0, 0.0))
        selected = slot.panel.id == self.selected
        kept = self._drawn.get(place)
        if (
            kept is None
            or kept.answer != answer
            or kept.selected is not selected
            or (selected and kept.cursor != self.cursor)
        ):
            rows = boxed(slot, slot.panel, answer, self.look, selected=selected, cursor=self.cursor)
            kept = self._drawn[place] = _Drawn(slot, answer, selected, self.cursor, rows)
        return kept.rows


def _heading(slot: Slot, variables: Mapping[str, Sequence[str]]) -> Row:
    sign = "▸ " if slot.closed else ""
    return words(f" {sign}{titled(slot.heading, variables)}", slot.width, "strong")


def boxed(
    slot: Slot, panel: Panel, answer: Answer, look: Look, *, selected: bool, cursor: float | None
) -> tuple[Row, ...]:
    """Return a panel in its box: number, title and state in the upper edge."""
    left, right, low_left, low_right, line, side = _ASCII_BOX if look.glyphs.ascii_only else _BOX
    frame = "title" if selected else "frame"
    inner = max(1, slot.width - 4)
    tight = slot.height < 4
    high = slot.height - (1 if tight else 2)
    title = _title(slot, panel, answer)
    head = sides(title, _edge(panel, answer, slot.width - 5 - wide(title)), max(1, slot.width - 4))
    upper: Row = ((f"{left}{line}", frame), *_filled(head, line, frame), (f"{line}{right}", frame))
    rows: list[Row] = [fit(upper, slot.width)]
    body = _body(panel, answer, inner, max(1, high), look, selected=selected, cursor=cursor)
    edge: Span = (side, frame)
    rows += [fit((edge, (" ", ""), *row, (" ", ""), edge), slot.width) for row in body.rows]
    if not tight:
        rows.append(fit(((low_left + line * max(0, slot.width - 2) + low_right, frame),), slot.width))
    return tuple(rows[: slot.height])


def _filled(row: Row, line: str, frame: str) -> Row:
    """Return the row with its blanks between title and state as the box's edge."""
    return tuple(
        (line * len(text), frame) if not text.strip() and len(text) > 1 else (text, style) for text, style in row
    )


def _title(slot: Slot, panel: Panel, answer: Answer) -> Row:
    title = cells.clean((answer.data.title if answer.data else "") or titled(panel.title, {}))
    number: Row = ((f" {slot.number}", "key"),) if slot.number else ()
    return (*number, (f" {title} ", "title"))


def _state(answer: Answer) -> Row:
    if answer.stale_seconds is not None and answer.data is not None:
        return ((f" stale, {numbers.age(answer.stale_seconds)} ", "warn"),)
    if answer.data is None and answer.error:
        return ((" error ", "critical"),)
    row = drawing.state(answer.data)
    return ((" ", ""), *row, (" ", "")) if row and wide(row) else ()


def _edge(panel: Panel, answer: Answer, room: int) -> Row:
    """Return what stands at the right of the upper edge: how far rates look back, and the state, as it has room."""
    state, short = _state(answer), _short(answer)
    window = _window(panel, answer)
    both = [(*window[:1], *one) for one in (state, short) if one]
    forms = (*both, state, short) if both else (window,)
    return next((one for one in forms if one and wide(one) <= room), short or state)


def _window(panel: Panel, answer: Answer) -> Row:
    """Return how far the rates that are shown look back: those of the first line are over another time."""
    rate, data = answer.moment.rate, answer.data
    if data is None or data.status != "ok" or answer.stale_seconds is not None or data.quality == "stale":
        return ()
    windows = {found for query in panel.queries for found in _FIXED.findall(query.expr)}
    if any(sign in query.expr for query in panel.queries for sign in _RATES):
        windows.add(brief(rate) if rate else "")
    # Of several windows none is that of the panel.
    return ((f" {found}", "dim"), (" ", "")) if len(windows) == 1 and (found := windows.pop()) else ()


def _short(answer: Answer) -> Row:
    """Return the state where there is little room, nothing where it has no short form."""
    if answer.data is None:
        return ()
    if answer.stale_seconds is not None:
        return ((" stale ", "warn"),)
    return ((" ~ ", "dim"),) if answer.data.quality == "estimated" else ()


def _body(
    panel: Panel, answer: Answer, width: int, height: int, look: Look, *, selected: bool, cursor: float | None
) -> Picture:
    if answer.data is None and answer.error:
        data = PanelData(panel.id, "error", None, "missing", error=answer.error)
        moment = replace(answer.moment, retry=answer.retry_seconds)
        return drawing.draw(panel, data, moment, width, height, look, titled=False)
    if answer.native is not None:
        rows = native.rows(answer.native, width, height, look, answer.moment.at)
        return Picture((*rows, *[blank(width)] * (height - len(rows))), width)
    moment = replace(answer.moment, cursor=cursor) if selected else answer.moment
    return drawing.draw(panel, answer.data, moment, width, height, look, titled=False)
